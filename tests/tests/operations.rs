//! The operators' page names everything that can stop: exit codes, refusals, reasons of parking, alerts.
//!
//! Owns the comparison of `docs/operations.md` with the program. Whether the advice is true is tested where it is
//! followed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;

use fuma_pipeline::commands;
use fuma_pipeline::live::partitions::ParkReason;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first cells of the table in a section.
fn first_cells(section: &str) -> BTreeSet<String> {
    let page = read("docs/operations.md");
    let from = page.split_once(&format!("\n## {section}\n")).expect(section).1;
    let table = from.split("\n## ").next().unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.map(|cell| cell.trim_matches('`').to_owned()).collect()
}

fn holds_all<'a>(section: &str, wanted: impl IntoIterator<Item = &'a str>) {
    let (cells, wanted) = (first_cells(section), wanted.into_iter().collect::<Vec<_>>());
    assert!(wanted.len() > 3, "{section}: nothing is compared");
    let missing: Vec<_> = wanted.iter().filter(|name| !cells.contains(**name)).collect();
    assert!(missing.is_empty(), "docs/operations.md, \"{section}\", lacks {missing:?}");
}

#[test]
fn every_reason_for_which_a_partition_is_parked() {
    holds_all("A partition is parked", ParkReason::ALL.iter().map(|reason| reason.code()));
}

#[test]
fn every_alert_and_none_that_is_no_more() {
    let rules = read("scripts/deploy/prometheus-rules.yaml");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    holds_all("Alerts", alerts.iter().copied());
    let gone: Vec<_> = first_cells("Alerts")
        .into_iter()
        .filter(|cell| cell.starts_with("Fuma") && !alerts.contains(&cell.as_str()))
        .collect();
    assert!(gone.is_empty(), "no such alerts: {gone:?}");
}

#[test]
fn every_exit_code() {
    let codes = [0, commands::FAILED, commands::UNUSABLE, commands::UNKNOWN, commands::REFUSED, commands::INTERRUPTED];
    let codes = codes.map(|code| code.to_string());
    holds_all("Exit codes", codes.iter().map(String::as_str));
    for code in &codes {
        assert!(commands::EXIT_CODES.contains(&format!("\n  {code} ")), "--help lacks {code}");
    }
}

#[test]
fn every_refusal_of_an_installation() {
    let source = read("pipeline/src/live/decisions/installation.rs");
    let codes = source
        .lines()
        .filter(|line| line.trim().starts_with("NotOurs::"))
        .filter_map(|line| line.split_once("=> \"")?.1.split('"').next());
    holds_all("The service refuses to start", codes.collect::<BTreeSet<_>>());
}

/// What can be typed must be a command: each `fuma ...` of the operators' pages.
#[test]
fn the_commands_of_the_pages_are_commands() {
    let main = read("pipeline/src/main.rs");
    for page in ["docs/operations.md", "docs/install.md", "docs/access.md"] {
        let text = read(page);
        for (at, _) in text.match_indices("`fuma ") {
            let word = text[at + 6..].split([' ', '`']).next().unwrap();
            let name = word.chars().next().unwrap().to_uppercase().collect::<String>() + &word[1..];
            let is_command = ["    ", "::"].iter().any(|before| main.contains(&format!("{before}{name}(")));
            assert!(is_command, "{page}: `fuma {word}` is no command");
        }
    }
}
