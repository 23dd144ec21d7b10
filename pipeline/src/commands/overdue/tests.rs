//! The list as it is written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_schemas::{Colour, Feed, Person};

use super::*;
use crate::explain::Name;
use crate::policy::{self, PackSource};

fn one() -> Overdue<'static> {
    Overdue {
        person: Person([0xaa; 16]),
        rule: 3,
        colour: Colour::Red,
        since: Instant::parse("2021-11-03T10:00:00+08:00").unwrap(),
        due: Instant::parse("2021-11-16T00:00:00+08:00"),
        over_ms: 4 * fuma_schemas::instant::DAY_MS - 1,
        evidence: vec![Name { feed: Feed::Contacts, owner: "src", id: "c1" }],
    }
}

#[test]
fn as_a_table_and_as_lines() {
    let pack = policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap();
    let (mut table, mut lines) = (Vec::new(), Vec::new());
    write_table(&[one()], &pack, &mut table).unwrap();
    write_ndjson(&[one()], &pack, &mut lines).unwrap();
    let table = String::from_utf8(table).unwrap();
    let expected = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  red     ZJ-R4   2021-11-03T10:00:00+08:00  \
                    2021-11-16T00:00:00+08:00           3.9  contacts src/c1\n";
    assert!(table.ends_with(expected), "{table}");
    let line: serde_json::Value = serde_json::from_slice(&lines).unwrap();
    assert_eq!((&line["rule"], &line["evidence"][0]["owner"]), (&"ZJ-R4".into(), &"src".into()));
    let at = Instant::parse("2021-11-20T00:00:00+08:00").unwrap();
    assert_eq!(counts(&[one()], &pack, at), "1 to look at as known at 2021-11-20T00:00:00+08:00; ZJ-R4 of src: 1\n");
}
