//! The list over a small outbreak: reported and by conveyance, two generations, one withdrawn, one isolated.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::commands::screen::OutputArguments;
use crate::intake::{Key, Settings};
use crate::policy::{PackSource, load};
use crate::replay::Bounds;

const CASE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ABOARD: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const REPORTED: &str = "cccccccccccccccccccccccccccccccc";
const SECOND: &str = "dddddddddddddddddddddddddddddddd";
const RETRACTED: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

fn record(person: &str, id: &str, fields: &str) -> String {
    format!(r#"{{"owner":"hc","id":"{id}","person":"{person}","known_at":"2022-07-05T12:00:00+08:00",{fields}}}"#)
        + "\n"
}

fn sources(classification: &str) -> Vec<Source> {
    let trip = |person, carriage: u8| {
        let number = r#""kind":"trip","mode":"rail","number":"G7311","service_date":"2022-07-04""#;
        let times = r#""boarded_at":"2022-07-04T08:00:00+08:00","alighted_at":"2022-07-04T09:30:00+08:00""#;
        record(person, "t", &format!(r#"{number},"carriage":"{carriage}",{times}"#))
    };
    let contact = |person, id, index: &str| {
        let fields = r#""degree":"close","determined_at":"2022-07-05T10:00:00+08:00""#;
        let exposed = r#""last_exposure_at":"2022-07-04T20:00:00+08:00""#;
        record(person, id, &format!("{fields},{exposed},{index}"))
    };
    let isolation = r#""stage":"home","basis":"contact","started_at":"2022-07-05T11:00:00+08:00""#;
    let retracted = record(RETRACTED, "k3", r#""revision":2,"retracted":true"#);
    let determined = r#""determined_at":"2022-07-05T09:00:00+08:00""#;
    let feeds = [
        (Feed::Cases, record(CASE, "c1", &format!(r#""classification":"{classification}",{determined}"#))),
        (Feed::Travel, trip(CASE, 5) + &trip(ABOARD, 5) + &trip(SECOND, 6)),
        (
            Feed::Contacts,
            contact(REPORTED, "k1", r#""index_case":"hc/c1""#)
                + &contact(SECOND, "k2", r#""index_contact":"hc/k1""#)
                + &contact(RETRACTED, "k3", r#""index_case":"hc/c1""#)
                + &retracted,
        ),
        (Feed::Isolations, record(ABOARD, "i1", isolation)),
    ];
    let source = |(feed, text): (Feed, String)| Source::Bytes {
        feed,
        name: format!("{}.ndjson", feed.name()),
        bytes: text.into_bytes().into(),
    };
    feeds.map(source).into()
}

fn listed(classification: &str, case: &str, shape: rows::Shape) -> Result<(String, String), CommandError> {
    let options = Options {
        pack: load(&PackSource::built_in("zhejiang-2022").unwrap()).unwrap(),
        later: Vec::new(),
        tick: any_tick().unwrap(),
        until: None,
        workers: 2,
        intake: Arc::new(Settings::new(Key::from_hex(&"0b".repeat(32)).unwrap())),
        bounds: Bounds::default(),
    };
    let screen = Screen::new(&OutputArguments::default());
    list(&sources(classification), &options, super::case(case)?, (shape, Language::English), &screen)
}

#[test]
fn reported_and_aboard_by_generation_with_isolation() {
    let (text, counts) = listed("confirmed", "hc/c1", rows::Shape::Table).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split("  ").map(str::trim).collect()).collect();
    let lines: Vec<Vec<&str>> =
        lines.into_iter().map(|line| line.into_iter().filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(lines.len(), 4, "{text}");
    let determined = "2022-07-05 10:00";
    let aboard = "rail G7311 2022-07-04, 2022-07-04 08:00 -> 2022-07-04 09:30";
    let home = "home since 2022-07-05 11:00";
    assert_eq!(
        lines[1],
        ["1", "close", "conveyance", ABOARD, "yes", "2022-07-05 09:00", "2022-07-04 09:30", home, aboard]
    );
    assert_eq!(lines[2], ["1", "close", "reported", REPORTED, "yes", determined, "2022-07-04 20:00", "none", "hc/k1"]);
    assert_eq!(lines[3], ["2", "close", "reported", SECOND, "yes", determined, "2022-07-04 20:00", "none", "hc/k2"]);
    assert!(
        counts.starts_with("3 contacts") && counts.contains("1 of them by conveyance; of 1 the person"),
        "{counts}"
    );
}

#[test]
fn an_excluded_case_has_nobody_aboard_and_reported_ones_that_do_not_count() {
    let (text, _) = listed("excluded", "hc/c1", rows::Shape::Csv).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[1].starts_with(&format!("1,close,reported,{REPORTED},no,2022-07-05T10:00:00+08:00,")), "{text}");
    let (text, _) = listed("confirmed", "hc/c1", rows::Shape::Json).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["aboard"]["number"], &first["aboard"]["case"]["id"]), (&"G7311".into(), &"c1".into()));
    assert_eq!(
        (&first["aboard"]["seat_of_case"]["carriage"], &first["record"]),
        (&"5".into(), &serde_json::Value::Null)
    );
    assert!(!text.contains(CASE), "the case is named by its record");
}

#[test]
fn a_case_that_nobody_knows_and_a_name_that_is_none() {
    for (case, code) in [("hc/c2", 3), ("hc", 2), ("/c1", 2)] {
        assert_eq!(listed("confirmed", case, rows::Shape::Table).unwrap_err().exit_code(), code, "{case}");
    }
}
