//! The list as it is written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_schemas::{Colour, Feed, Person};

use super::*;
use crate::explain::Name;
use crate::policy::{self, PackSource};

fn zhejiang() -> std::sync::Arc<Pack> {
    policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap()
}

fn one() -> Overdue<'static> {
    Overdue {
        person: Person([0xaa; 16]),
        rule: 3,
        colour: Colour::Red,
        since: Instant::parse("2021-11-03T10:00:00+08:00").unwrap(),
        due: Instant::parse("2021-11-16T00:00:00+08:00"),
        over_ms: 4 * fuma_schemas::instant::DAY_MS - 1,
        evidence: ["c1", "c2"].map(|id| Name { feed: Feed::Contacts, owner: "src", id }).to_vec(),
    }
}

#[test]
fn as_a_table_and_as_lines() {
    let pack = zhejiang();
    let (mut table, mut lines) = (Vec::new(), Vec::new());
    write_table(&[one()], &pack, Language::English, &mut table).unwrap();
    write_ndjson(&[one()], &pack, &mut lines).unwrap();
    let table = String::from_utf8(table).unwrap();
    let expected = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  red     ZJ-R4   2021-11-03 10:00  2021-11-16 00:00  3.9        \
                    contacts src/c1, contacts src/c2\n";
    assert!(table.ends_with(expected), "{table}");
    let line: serde_json::Value = serde_json::from_slice(&lines).unwrap();
    assert_eq!((&line["rule"], &line["evidence"][0]["owner"]), (&"ZJ-R4".into(), &"src".into()));
}

#[test]
fn columns_of_chinese_headings_stand_below_each_other() {
    let mut table = Vec::new();
    write_table(&[one()], &zhejiang(), Language::Chinese, &mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    let column = |line: &str, word: &str| explain::columns(&line[..line.find(word).unwrap()]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(column(lines[0], "规则"), column(lines[1], "ZJ-R4"));
    assert!(lines[1].contains("红码"), "{table}");
}

#[test]
fn an_owner_counts_once_a_reason() {
    let at = Instant::parse("2021-11-20T00:00:00+08:00").unwrap();
    let said = counts(&[one()], &zhejiang(), at, Language::English);
    assert!(said.starts_with("1 overdue as known at 2021-11-20 00:00"), "{said}");
    assert!(said.contains("       1  ZJ-R4   src                   Close contact\n"), "{said}");
    assert!(counts(&[one()], &zhejiang(), at, Language::Chinese).contains("密切接触者"));
}
