//! The format of cases: what it reads, what it refuses, and that differences are named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_schemas::{Feed, RejectCode};
use serde_json::json;

use super::{Answer, Aspect, Refusal, check, parse};

const CONTACT: &str = "\
# a comment
case ZJ-R4 release: 密接：解除 / close contact: released
at 2021-11-03 12:00  contact c1 of A: close, determined 2021-11-03 10:00, last exposure 2021-11-01 20:00, index case k1
at 2021-11-04 09:00  isolation i1 of A: home, contact, started 2021-11-03 14:00
at 2021-11-05 09:00:01.5  isolation i1 of A: ended 2021-11-05 08:00, transferred, next stage home
at 2021-11-06 09:00  retract contact c1 of A
expect A  2021-11-03 12:00  red ZJ-R4 due 2021-11-16 00:00
";

#[test]
fn records_become_lines_of_their_feeds() {
    let cases = parse("cases/x.case", CONTACT).unwrap();
    assert_eq!((cases.len(), cases[0].line, cases[0].aspect), (1, 2, Aspect::Release));
    assert_eq!((cases[0].title.zh.as_str(), cases[0].title.en.as_str()), ("密接：解除", "close contact: released"));
    let person = "00000000000000000000000000000041";
    let expected = [
        (
            Feed::Contacts,
            json!({"owner": "cases", "id": "c1", "revision": 1, "person": person, "degree": "close",
                "known_at": "2021-11-03T12:00:00+08:00", "determined_at": "2021-11-03T10:00:00+08:00",
                "last_exposure_at": "2021-11-01T20:00:00+08:00", "index_case": "cases/k1"}),
        ),
        (
            Feed::Isolations,
            json!({"owner": "cases", "id": "i1", "revision": 1, "person": person, "stage": "home", "basis": "contact",
                "known_at": "2021-11-04T09:00:00+08:00", "started_at": "2021-11-03T14:00:00+08:00"}),
        ),
        (
            Feed::Isolations,
            json!({"owner": "cases", "id": "i1", "revision": 2, "person": person, "stage": "home", "basis": "contact",
                "known_at": "2021-11-05T09:00:01.500+08:00", "started_at": "2021-11-03T14:00:00+08:00",
                "ended_at": "2021-11-05T08:00:00+08:00", "outcome": "transferred", "next_stage": "home"}),
        ),
        (
            Feed::Contacts,
            json!({"owner": "cases", "id": "c1", "revision": 2, "person": person, "retracted": true,
                "known_at": "2021-11-06T09:00:00+08:00"}),
        ),
    ];
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let records: Vec<_> = cases[0].records.iter().map(|record| (record.feed, read(&record.json))).collect();
    assert_eq!(records, expected);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    let heading = "case R trigger: 甲 / a\n";
    for (text, line, says) in [
        ("at 2021-11-03 12:00 case k1 of A: confirmed", 1, "begins with `case"),
        ("case R sometimes: 甲 / a", 1, "an aspect is"),
        ("case R trigger: only one", 1, "zh / en"),
        ("case R trigger: 甲 / a\ncase R trigger: 甲 / a", 1, "no record"),
        (&format!("{heading}at 2021-11-31 12:00 case k1 of A: confirmed"), 2, "is no time"),
        (&format!("{heading}at 2021-11-03 12:00 kase k1 of A: confirmed"), 2, "no kind of record"),
        (&format!("{heading}at 2021-11-03 12:00 case k1 of anna: confirmed"), 2, "capital letter"),
        (&format!("{heading}at 2021-11-03 12:00 case k1: confirmed"), 2, "ID of PERSON"),
        (&format!("{heading}at 2021-11-03 12:00 case k1 of A: certain"), 2, "a field is"),
        (&format!("{heading}at 2021-11-03 12:00 case k1 of A: determined yesterday"), 2, "is no time"),
        (&format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed"), 1, "nothing is expected of A"),
        (&format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed\nexpect A soon red"), 3, "is no time"),
        (
            &format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed\nexpect A 2021-11-03 12:00 red"),
            3,
            "name the rules",
        ),
        (
            &format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed\nexpect A 2021-11-03 12:00 blue R"),
            3,
            "is no colour",
        ),
        (
            &format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed\nexpect B always green"),
            1,
            "nothing is expected of A",
        ),
        (
            &format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed\nrefused case k2 of A: bad-value"),
            3,
            "no record",
        ),
        (&format!("{heading}at 2021-11-03 12:00 case k1 of A: confirmed\nrefused case k1 of A: bad"), 3, "no code"),
        (&format!("{heading}tick 1 hour"), 2, "no duration"),
        (&format!("{heading}then something"), 2, "a line begins with"),
    ] {
        let error = parse("cases/x.case", text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.reason.contains(says), "{text}: {error}");
    }
}

#[test]
fn differences_name_their_lines() {
    let cases = parse("cases/x.case", CONTACT).unwrap();
    let code = RejectCode::BadOutcome;
    let refusal = Refusal { feed: Feed::Isolations, line: 2, code, message: "ended_at without outcome".into() };
    let answer = Answer { changes: vec![], rejects: vec![refusal] };
    let differences = check(&cases[0], |_| Ok::<_, String>(answer)).unwrap();
    let lines: Vec<usize> = differences.iter().map(|difference| difference.line).collect();
    assert_eq!(lines, [5, 7]);
    assert_eq!(
        differences[0].text,
        "isolation i1 of A was refused: bad-outcome: ended_at without outcome (if that is meant, say `refused \
         isolation \
         i1 of A: bad-outcome`)"
    );
    assert_eq!(
        differences[1].text,
        "expected A 2021-11-03 12:00 red ZJ-R4 due 2021-11-16 00:00; got no change: the person stays green"
    );
}

#[test]
fn a_case_is_watched_past_its_last_instant_unless_it_says_until_when() {
    let cases = parse("cases/x.case", CONTACT).unwrap();
    assert_eq!((cases[0].until.to_string().as_str(), cases[0].tick_ms), ("2022-01-05T09:00:00+08:00", 60_000));
    let text = format!("{CONTACT}tick 1h\nuntil 2021-12-01 00:00\n");
    let cases = parse("cases/x.case", &text).unwrap();
    assert_eq!((cases[0].until.to_string().as_str(), cases[0].tick_ms), ("2021-12-01T00:00:00+08:00", 3_600_000));
}
