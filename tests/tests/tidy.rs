//! Checks of the text of the project itself: sizes, openings, banned words, identities.
//!
//! Limits are a ratchet: what is over a limit today is named in a list below, and a list only shrinks. Owns those
//! lists; what a compiler or clippy can see is theirs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARACTERS_MAX: usize = 120;

/// Files whose lines may be longer, each with the reason.
const LONG_LINES: &[(&str, &str)] = &[];
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
    let applies = |path: &str| is_rust(path) && !LONG_LINES.iter().any(|(excepted, _)| *excepted == path);
    check(applies, |TextFile { path, text }, found| {
        for (place, line) in text.lines().enumerate() {
            let characters = line.chars().count();
            // A text that is printed or a record of a test is not cut for the eye's sake, nor is the row of a table.
            let whole = line.contains('"') || line.trim_start().starts_with("//! |");
            if characters > LINE_CHARACTERS_MAX && !whole {
                found.push(format!("{path}:{}: {characters} characters, at most {LINE_CHARACTERS_MAX}", place + 1));
            }
        }
    });
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
        let is_whole = line.trim_end().ends_with('}') || line.trim_end().ends_with(';');
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
    let text = format!("impl A {{\n{one}\n    fn two() {{}}\n}}\n");
    assert_eq!(functions(&text), [(2, "one", 7), (10, "two", 1)]);
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
