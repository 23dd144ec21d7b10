//! The documents of the project: the tables of ARCHITECTURE.md are whole and name what is there, links lead somewhere,
//! and no text cites a document that is not in the repository.
//!
//! Owns these checks. What a table says in words is for people to check.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tables of a text, each as its rows of cells; a row has its line.
fn tables(text: &str) -> Vec<Vec<(usize, Vec<String>)>> {
    let mut tables: Vec<Vec<(usize, Vec<String>)>> = Vec::new();
    let (mut in_table, mut in_code) = (false, false);
    for (place, line) in text.lines().enumerate() {
        in_code ^= line.starts_with("```");
        let is_row = !in_code && line.starts_with('|');
        if is_row && !in_table {
            tables.push(Vec::new());
        }
        if is_row {
            let row = line.trim_end().trim_start_matches('|').trim_end_matches('|');
            // A bar that is escaped is a letter.
            let cells = row.replace("\\|", "\u{1}").split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
            tables.last_mut().unwrap().push((place + 1, cells));
        }
        in_table = is_row;
    }
    tables
}

/// The table whose heading has these words.
fn table(text: &str, headings: &[&str]) -> Vec<(usize, Vec<String>)> {
    let has = |rows: &Vec<(usize, Vec<String>)>| {
        let heading = rows.first().map(|(_, cells)| cells.join(" "));
        heading.is_some_and(|heading| headings.iter().all(|word| heading.contains(word)))
    };
    let found = tables(text).into_iter().find(has);
    found.unwrap_or_else(|| panic!("no table with the headings {headings:?}"))
}

/// What stands between backquotes and may be a path.
fn paths(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        let plain = !word.contains([' ', '<', '*', '{', '=', ':', '(']) && !word.starts_with("--");
        plain && (word.contains('/') || word.ends_with(".rs") || word.ends_with(".toml") || word.ends_with(".md"))
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

fn exists(path: &str, beside: Option<&Path>) -> bool {
    let beside = beside.map(|other| root().join(other).join(path));
    root().join(path).exists() || beside.is_some_and(|path| path.exists())
}

#[test]
fn every_row_of_a_table_has_all_its_cells() {
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md", "docs/feeds.md", "docs/recovery.md"] {
        for rows in tables(&read(document)) {
            let columns = rows.first().map_or(0, |(_, cells)| cells.len());
            for (line, cells) in &rows {
                assert_eq!(cells.len(), columns, "{document}:{line}: {cells:?}");
            }
        }
    }
}

#[test]
fn the_map_names_folders_that_are_there_and_every_large_one() {
    let text = read("ARCHITECTURE.md");
    let rows = table(&text, &["folder", "what it owns", "must never"]);
    let mut named = Vec::new();
    for (line, cells) in rows.iter().skip(2) {
        let [folder, owns, ..] = cells.as_slice() else { panic!("ARCHITECTURE.md:{line}") };
        assert!(!owns.is_empty(), "ARCHITECTURE.md:{line}: what does it own?");
        let mut beside: Option<PathBuf> = None;
        for word in folder.split('`').skip(1).step_by(2) {
            assert!(exists(word, beside.as_deref()), "ARCHITECTURE.md:{line}: {word} is not there");
            let path =
                if root().join(word).exists() { PathBuf::from(word) } else { beside.clone().unwrap().join(word) };
            beside = path.parent().map(Path::to_owned);
            named.push(path.to_string_lossy().trim_end_matches('/').to_owned());
        }
    }
    for source in ["pipeline/src", "connectors/src"] {
        for entry in std::fs::read_dir(root().join(source)).unwrap() {
            let path = entry.unwrap().path();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            let is_named = named.contains(&path);
            assert!(is_named || !root().join(&path).is_dir(), "ARCHITECTURE.md: the map does not name {path}");
        }
    }
}

#[test]
fn where_to_change_what_names_what_is_there() {
    let text = read("ARCHITECTURE.md");
    for (line, cells) in table(&text, &["you want to", "look at"]).iter().skip(2) {
        let named = cells.iter().flat_map(|cell| paths(cell));
        for path in named {
            assert!(exists(&path, None), "ARCHITECTURE.md:{line}: {path} is not there");
        }
    }
}

#[test]
fn each_invariant_has_a_keeper_and_a_check_that_are_there() {
    let text = read("ARCHITECTURE.md");
    let rows = table(&text, &["invariant", "kept by", "checked by"]);
    let mut numbers = Vec::new();
    for (line, cells) in rows.iter().skip(2) {
        let [number, _, prevents, kept_by, checked_by] = cells.as_slice() else { panic!("ARCHITECTURE.md:{line}") };
        numbers.push(number.clone());
        assert!(!prevents.is_empty(), "ARCHITECTURE.md:{line}: which failure?");
        for (cell, what) in [(kept_by, "keeper"), (checked_by, "check")] {
            let named = paths(cell);
            assert!(!named.is_empty(), "ARCHITECTURE.md:{line}: {number} names no {what}");
            let mut beside: Option<PathBuf> = None;
            for path in named {
                assert!(exists(&path, beside.as_deref()), "ARCHITECTURE.md:{line}: {path} is not there");
                beside = Path::new(&path).parent().map(Path::to_owned).filter(|p| !p.as_os_str().is_empty()).or(beside);
            }
        }
    }
    let expected: Vec<String> = (1..=10).map(|number| format!("I-{number}")).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/feeds.md", "docs/recovery.md"] {
        let (text, folder) = (read(document), root().join(document).parent().unwrap().to_owned());
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_there = target.contains("://") || folder.join(target.split('#').next().unwrap()).exists();
            assert!(is_there, "{document}: {target} is not there");
        }
    }
}

/// Documents that lie outside the repository: a clone has to explain itself.
#[test]
fn nothing_cites_a_document_that_is_not_in_the_repository() {
    let outside = ["FEEDS", "PACKS", "RECOVERY", "KAFKA", "DESIGN", "DECISIONS", "STYLE", "DOMAIN"]
        .map(|name| format!("{name}.md"));
    let (mut folders, mut found) = (vec![root().to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if ![".git", "target", "node_modules", ".cache"].contains(&name.as_str()) {
                    folders.push(path);
                }
                continue;
            }
            // This list has to name them.
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if name == "architecture.rs" {
                continue;
            }
            for (place, line) in text.lines().enumerate() {
                if outside.iter().any(|document| line.contains(document.as_str())) {
                    found.push(format!("{}:{}", path.strip_prefix(root()).unwrap().display(), place + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_torn_row_is_seen() {
    let torn = "| a | b |\n|---|---|\n| `x` | 1 | 2 |\n\ntext\n| c |\n";
    let found = tables(torn);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].iter().map(|(_, cells)| cells.len()).collect::<Vec<_>>(), [2, 2, 3]);
    assert_eq!(paths("`a/b.rs`, `worker_x.rs` and `cargo test`"), ["a/b.rs", "worker_x.rs"]);
}
