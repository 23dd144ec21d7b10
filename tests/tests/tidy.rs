//! Checks of the text of the project itself: sizes, openings, banned words, identities.
//!
//! Limits are a ratchet: what is over a limit today is named in a list below, and a list only shrinks. Owns those
//! lists; what a compiler or clippy can see is theirs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARACTERS_MAX: usize = 120;

/// Files with lines that are longer, and how many: records of tests, pages of a report, rows of documentation.
const LONG_LINES: &[(&str, usize)] = &[
    ("connectors/src/files/unpack.rs", 1),
    ("connectors/src/folder/feeds/growing.rs", 1),
    ("connectors/src/folder/feeds/mod.rs", 1),
    ("connectors/src/folder/store.rs", 2),
    ("connectors/src/regions/tests.rs", 2),
    ("pipeline/src/assess/tests.rs", 1),
    ("pipeline/src/commands/demo/report.rs", 7),
    ("pipeline/src/commands/import/regions/tests.rs", 1),
    ("pipeline/src/commands/policy/reference/case_language.rs", 2),
    ("pipeline/src/commands/policy/reference/functions.rs", 1),
    ("pipeline/src/commands/policy/reference/mod.rs", 1),
    ("pipeline/src/commands/policy/reference/pack_files.rs", 1),
    ("pipeline/src/commands/policy/reference/tables.rs", 1),
    ("pipeline/src/district/faults.rs", 8),
    ("pipeline/src/evidence/winners/fact_key.rs", 1),
    ("pipeline/src/intake/reject.rs", 1),
    ("pipeline/src/intake/tests.rs", 8),
    ("pipeline/src/live/worker/forget.rs", 1),
    ("pipeline/src/live/worker/measure.rs", 1),
    ("pipeline/src/live/worker/position.rs", 1),
    ("pipeline/src/live/worker/restore/error.rs", 5),
    ("pipeline/src/live/worker/snapshots.rs", 1),
    ("pipeline/src/policy/cases/mod.rs", 1),
    ("pipeline/src/policy/cases/tests.rs", 1),
    ("pipeline/src/policy/sql/functions.rs", 1),
    ("pipeline/src/policy/sql/gate/advice.rs", 1),
    ("pipeline/src/policy/sql/gate/expressions.rs", 1),
    ("pipeline/src/policy/sql/gate/types.rs", 3),
    ("pipeline/src/trace/mod.rs", 2),
    ("pipeline/src/trace/records.rs", 1),
    ("pipeline/src/trace/tests.rs", 3),
    ("schemas/src/change.rs", 2),
    ("schemas/src/documents/layout.rs", 3),
    ("schemas/src/vocabulary.rs", 2),
    ("tests/tests/forgetting.rs", 1),
    ("tests/tests/windows.rs", 1),
];
/// Files that are not in plain words yet; the list only shrinks.
const DIALECT_YET: &[&str] = &["pipeline/src/commands/send/resume.rs", "pipeline/src/evidence/people/busy.rs"];
/// Words that read ill for those whose first language is not English, each with the plain one. In what people read:
/// strings of the program, documents, settings.
const DIALECT: &[(&str, &str)] = &[
    ("anew", "again"),
    ("whoever", "who, or the one who"),
    ("be had", "be opened, started, found ..."),
    ("for ever", "always, or without end"),
    ("mend", "repair"),
    ("mended", "repaired"),
];
/// Files that may still say that they are to be written.
const UNWRITTEN: &[&str] = &[];
/// The stages that take time and chance as inputs (I-7), and the words that would bring either in.
const PURE: &[&str] = &["evidence", "assess", "policy", "trace", "intake"];
const IMPURE_WORDS: &[&str] =
    &["SystemTime::now", "Instant::now", "Utc::now", "Timestamp::now", "Zoned::now", "rand::rng", "thread_rng"];

/// Folders that hold nothing of ours.
const PASSED_OVER: &[&str] = &[".git", "target", "node_modules", ".cache"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A text file of the project: its path from the root, and what it holds.
struct TextFile {
    path: String,
    text: String,
}

fn text_files() -> Vec<TextFile> {
    let (mut folders, mut files) = (vec![root().to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                let name = path.file_name().unwrap().to_string_lossy();
                if !PASSED_OVER.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                files.push(TextFile { path: relative, text });
            }
        }
    }
    assert!(files.len() > 10, "the project has files");
    files
}

/// Runs a check over all files that `applies` to, and shows everything that it found.
fn check(applies: impl Fn(&str) -> bool, find: impl Fn(&TextFile, &mut Vec<String>)) {
    let mut found = Vec::new();
    text_files().iter().filter(|file| applies(&file.path)).for_each(|file| find(file, &mut found));
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

#[test]
fn every_file_opens_with_what_it_is() {
    let applies = |path: &str| is_rust(path) && !UNWRITTEN.contains(&path);
    check(applies, |TextFile { path, text }, found| {
        if !text.starts_with("//! ") {
            found.push(format!("{path}: does not open with //!"));
        }
    });
}

#[test]
fn a_file_is_one_thought() {
    check(is_rust, |TextFile { path, text }, found| {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            found.push(format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"));
        }
        if path.ends_with("/utils.rs") || path.ends_with("/util.rs") || path.ends_with("/helpers.rs") {
            found.push(format!("{path}: name the thing, or leave it at its only user"));
        }
    });
}

#[test]
fn lines_fit_a_screen() {
    check(is_rust, |TextFile { path, text }, found| {
        let lines = text.lines().enumerate();
        let long: Vec<(usize, usize)> = lines
            .map(|(place, line)| (place + 1, line.chars().count()))
            .filter(|(_, characters)| *characters > LINE_CHARACTERS_MAX)
            .collect();
        let allowed = LONG_LINES.iter().find(|(excepted, _)| excepted == path).map_or(0, |(_, count)| *count);
        if long.len() > allowed {
            found.extend(long.iter().map(|(place, characters)| {
                format!(
                    "{path}:{place}: {characters} characters, at most {LINE_CHARACTERS_MAX} ({allowed} lines excepted)"
                )
            }));
        }
    });
}

#[test]
fn what_is_excepted_is_there() {
    for (path, _) in LONG_LINES {
        assert!(root().join(path).is_file(), "{path} is excepted, and is not there");
    }
}

#[test]
fn what_people_read_has_plain_words() {
    let is_document = |path: &str| [".md", ".toml", ".yaml"].iter().any(|ending| path.ends_with(ending));
    // CONTRIBUTING.md names the words; what tests say is read by developers.
    let is_read = |path: &str| {
        (is_document(path) || is_rust(path))
            && path != "CONTRIBUTING.md"
            && !path.contains("tests")
            && !DIALECT_YET.contains(&path)
    };
    check(is_read, |TextFile { path, text }, found| {
        let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
        let text = if is_rust(path) { &text[..tests] } else { text };
        for (place, line) in text.lines().enumerate() {
            // In code the words of a string; comments are for developers, but for those that are a help text.
            let is_help = path.contains("src/commands") && line.trim_start().starts_with("/// ");
            let is_comment = line.trim_start().starts_with("//");
            if is_rust(path) && (is_comment && !is_help || !is_comment && !line.contains('"')) {
                continue;
            }
            for (word, plain) in DIALECT.iter().filter(|(word, _)| has_word(line, word)) {
                found.push(format!("{path}:{}: \"{word}\": say {plain}", place + 1));
            }
        }
    });
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    line.match_indices(word)
        .any(|(at, _)| !is_letter(line[..at].chars().next_back()) && !is_letter(line[at + word.len()..].chars().next()))
}

#[test]
fn words_are_found_whole() {
    assert!(has_word("it begins anew.", "anew") && !has_word("a new one, renewal, recommended", "anew"));
    assert!(!has_word("recommend", "mend") && has_word("Mend or mend it", "mend"));
}

#[test]
fn functions_fit_a_screen() {
    check(is_rust, |TextFile { path, text }, found| {
        for (place, name, lines) in functions(text) {
            if lines > FUNCTION_LINES_MAX {
                found.push(format!("{path}:{place}: {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"));
            }
        }
    });
}

/// The line, name and length of each function. In formatted code it ends with the brace that is as far in as its
/// first line.
fn functions(text: &str) -> Vec<(usize, &str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let depth = line.len() - line.trim_start().len();
        let end = format!("{}}}", &line[..depth]);
        // Of a trait's method there may be the signature alone, over several lines.
        let mut signature = lines[place..].iter().map(|line| line.trim_end());
        let last = signature.find(|line| line.ends_with(['{', '}', ';'])).unwrap_or_default();
        let is_whole = !last.ends_with('{');
        let length = lines[place..].iter().position(|later| later.trim_end() == end).map_or(0, |after| after + 1);
        functions.push((place + 1, name, if is_whole { 1 } else { length }));
    }
    functions
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern", "\"C\""];
    let first = words.find(|word| !qualifiers.contains(word))?;
    let name = words.next()?.split(['(', '<']).next()?;
    (first == "fn" && name.chars().all(|character| character.is_alphanumeric() || character == '_')).then_some(name)
}

#[test]
fn functions_are_measured() {
    let one = "    pub fn one(\n        a: u8,\n    ) -> u8 {\n        {\n        }\n        a\n    }\n";
    let others = "    fn two() {}\n    fn three(\n        a: u8,\n    );\n    fn four() {\n    }\n";
    let text = format!("impl A {{\n{one}\n{others}}}\n");
    assert_eq!(functions(&text), [(2, "one", 7), (10, "two", 1), (11, "three", 1), (14, "four", 2)]);
}

#[test]
fn the_pure_stages_read_no_clock_and_no_chance() {
    let applies =
        |path: &str| is_rust(path) && PURE.iter().any(|stage| path.starts_with(&format!("pipeline/src/{stage}")));
    check(applies, |TextFile { path, text }, found| {
        for (place, line) in text.lines().enumerate() {
            for word in IMPURE_WORDS.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{path}:{}: {word}: time and chance are inputs (I-7)", place + 1));
            }
        }
    });
}

#[test]
fn nobody_real_is_in_the_project() {
    check(
        |_| true,
        |TextFile { path, text }, found| {
            for (place, line) in text.lines().enumerate() {
                if resident_ids(line).any(|number| !number.starts_with("99")) {
                    found.push(format!(
                        "{path}:{}: looks like a resident ID; invented ones have division 99",
                        place + 1
                    ));
                }
            }
        },
    );
}

/// What looks like a resident ID: 17 digits with a date of birth in them and a check digit, no part of a longer word.
fn resident_ids(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| {
        let digits = word.len() == 18 && word[..17].bytes().all(|byte| byte.is_ascii_digit());
        digits && matches!(word.as_bytes()[17], b'0'..=b'9' | b'x' | b'X') && is_date_of_birth(&word[6..14])
    })
}

fn is_date_of_birth(digits: &str) -> bool {
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().unwrap_or(0);
    (1900..2100).contains(&number(0..4)) && (1..=12).contains(&number(4..6)) && (1..=31).contains(&number(6..8))
}

#[test]
fn resident_ids_are_recognised() {
    let invented = ["99", "0101", "19900307", "0015"].concat();
    assert_eq!(resident_ids(&format!("a \"{invented}\",")).collect::<Vec<_>>(), [invented.as_str()]);
    let real_division = invented.replacen("99", "33", 1);
    assert_eq!(resident_ids(&real_division).count(), 1);
    assert_eq!(resident_ids(&format!("{real_division}0 f{real_division} 3301011990130700150")).count(), 0);
}

#[test]
fn nothing_is_left_to_be_written() {
    let placeholder = ["(to be ", "written)"].concat();
    check(
        |path| !UNWRITTEN.contains(&path),
        |TextFile { path, text }, found| {
            // The two checks that look for the words have to name them.
            let names_it = path.starts_with("tests/tests/");
            for (place, _) in text.lines().enumerate().filter(|(_, line)| !names_it && line.contains(&placeholder)) {
                found.push(format!("{path}:{}: {placeholder}", place + 1));
            }
        },
    );
}

#[test]
fn the_commands_of_the_readme_are_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["scripts/demo", "scripts/test"] {
        assert!(readme.contains(command), "README.md does not name {command}");
        assert!(root().join(command).is_file(), "{command} is missing");
    }
    let run = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(run.contains("scripts/test"), ".ci/run does not call the README's test command");
}

#[cfg(unix)]
#[test]
fn scripts_stop_at_the_first_failure_and_can_be_run() {
    use std::os::unix::fs::PermissionsExt;

    let is_script = |path: &str| path.starts_with("scripts/") || path == ".ci/run";
    check(is_script, |TextFile { path, text }, found| {
        if !text.starts_with("#!") {
            return;
        }
        if text.starts_with("#!/usr/bin/env bash") && !text.contains("set -euo pipefail") {
            found.push(format!("{path}: lacks set -euo pipefail"));
        }
        if root().join(path).metadata().unwrap().permissions().mode() & 0o111 == 0 {
            found.push(format!("{path}: is not executable"));
        }
    });
}
