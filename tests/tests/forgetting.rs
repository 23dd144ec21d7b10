//! Forgetting changes no colour (docs/packs.md, "Forgetting"; anchor 19): the engine that forgets every midnight
//! announces
//! what the one that forgets nothing does, as long as records become known within 30 days of what they tell.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_pipeline::replay::Tick;
use fuma_schemas::{Feed, Instant};
use fuma_tests::drive::{Drive, Driven};
use fuma_tests::feeds::{Draft, Line, World, random};
use fuma_tests::{lines, packs};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

const WORLD: World = World::LONG;

fn drive(forget: bool) -> Drive {
    let until = Instant(WORLD.end().0 + 200 * 86_400_000);
    Drive { tick: Tick::parse("1h").unwrap(), until, batch_rows: 1000, forget }
}

/// Where the seeds of failures are kept: what failed once is tried first from then on.
fn seeds() -> Option<Box<dyn FailurePersistence>> {
    Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/forgetting.txt")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FUMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, failure_persistence: seeds(), max_shrink_iters: 2000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn forgetting_changes_no_colour(drafts in vec(any::<Draft>(), 1..160)) {
        let records = WORLD.lines(&drafts);
        for pack in packs() {
            let (kept, forgot) = (drive(false).run(pack, &records), drive(true).run(pack, &records));
            prop_assert_eq!(forgot.very_late, 0);
            prop_assert_eq!(lines(&forgot.changes), lines(&kept.changes));
        }
    }
}

#[test]
fn memory_goes_down() {
    let world = World { people: 250, ..WORLD };
    let records = world.lines(&random(99, 4000));
    for pack in packs() {
        let (kept, forgot) = (drive(false).run(pack, &records), drive(true).run(pack, &records));
        assert_eq!(lines(&forgot.changes), lines(&kept.changes));
        let memory = |driven: &Driven| driven.partition.evidence().memory();
        let (before, after) = (memory(&kept), memory(&forgot));
        assert!(forgot.forgotten > 500 && forgot.kept > 0, "{} {}", forgot.forgotten, forgot.kept);
        assert!(after.facts * 10 < before.facts * 9, "{} of {} facts", after.facts, before.facts);
        assert!(after.bytes < before.bytes, "{after:#?}\n{before:#?}");
    }
}

const PERSON: &str = "0123456789abcdef0123456789abcdef";

fn line(feed: Feed, known_at: &str, fields: &str) -> Line {
    let person = (feed != Feed::Regions).then(|| fuma_schemas::Person::parse(PERSON).unwrap());
    let text = format!(
        "{{\"owner\":\"src-990001\",\"person\":\"{PERSON}\",\"known_at\":\"{known_at}T12:00:00+08:00\",{}}}",
        fields.replace('\'', "\"").replace(" day", "T00:00:00+08:00")
    );
    Line { feed, person, text }
}

fn both(records: &[Line]) -> (Vec<Driven>, Vec<Driven>) {
    let all = |forget| packs().iter().map(|pack| drive(forget).run(pack, records)).collect();
    (all(false), all(true))
}

/// A centralised isolation ended by transfer, and is kept for its due; the shorter one that it led to is past before.
/// Without the second the first would seem never to have ended.
#[test]
fn what_closed_a_kept_fact_is_kept_with_it() {
    let records = [
        line(
            Feed::Isolations,
            "2022-01-05",
            "'id':'a','stage':'centralised','basis':'contact','started_at':'2022-01-01 day','due_at':'2022-04-01 day',\
             'ended_at':'2022-01-04 day','outcome':'transferred','next_stage':'home'",
        ),
        line(
            Feed::Isolations,
            "2022-01-08",
            "'id':'b','stage':'home','basis':'contact','started_at':'2022-01-05 day','ended_at':'2022-01-08 day',\
             'outcome':'released'",
        ),
        // The second is past since 7 July, the first until 28 September: a test in between has the person judged
        // again.
        line(
            Feed::Tests,
            "2022-08-01",
            "'id':'t','method':'nat','result':'negative','sampled_at':'2022-08-01 day','reported_at':'2022-08-01 day'",
        ),
        line(
            Feed::Symptoms,
            "2022-08-02",
            "'id':'s','symptom':'fever','onset_at':'2022-08-02 day','cleared_at':'2022-08-02 day','source':'clinic'",
        ),
    ];
    let (kept, forgot) = both(&records);
    for (kept, forgot) in kept.iter().zip(&forgot) {
        assert_eq!(lines(&forgot.changes), lines(&kept.changes));
        assert!(forgot.kept > 0);
        assert_eq!(forgot.partition.evidence().memory().facts, 0, "in the end everything is past");
    }
}

/// A contact that was overdue for months is released, and the day after the release turns out to be wrong.
#[test]
fn a_late_release_may_be_corrected() {
    let contact = line(
        Feed::Contacts,
        "2022-01-03",
        "'id':'c','degree':'close','determined_at':'2022-01-03 day','last_exposure_at':'2022-01-01 day'",
    );
    let release = "'id':'i','stage':'home','basis':'contact','started_at':'2022-01-03 day','ended_at':'2022-08-01 day',\
         'outcome':'released'";
    let wrong = "'id':'i','revision':2,'stage':'home','basis':'other','started_at':'2022-01-03 \
         day','ended_at':'2022-08-01 day', 'outcome':'released'";
    let records = [contact, line(Feed::Isolations, "2022-08-01", release), line(Feed::Isolations, "2022-08-20", wrong)];
    let (kept, forgot) = both(&records);
    for (kept, forgot) in kept.iter().zip(&forgot) {
        assert_eq!(lines(&forgot.changes), lines(&kept.changes));
        let colours: Vec<_> = kept.changes.iter().map(|change| change.to).collect();
        assert_eq!(colours.first(), colours.last(), "red again: {colours:?}");
        assert!(colours.contains(&fuma_schemas::Colour::Green));
    }
}

/// A contact that does not count waits for its index to be confirmed again.
#[test]
fn a_withdrawn_contact_comes_back() {
    let case = |known_at: &str, revision: u8, classification: &str| {
        let fields = format!(
            "'id':'k','revision':{revision},'classification':'{classification}','determined_at':'{known_at} day'"
        );
        let mut line = line(Feed::Cases, known_at, &fields);
        line.text = line.text.replace(PERSON, &PERSON.replace('0', "9"));
        line
    };
    let contact = line(
        Feed::Contacts,
        "2022-01-03",
        "'id':'c','degree':'close','determined_at':'2022-01-03 day','last_exposure_at':'2022-01-01 day',\
         'index_case':'src-990001/k'",
    );
    let records = [
        case("2022-01-02", 1, "confirmed"),
        contact,
        case("2022-01-10", 2, "excluded"),
        case("2022-06-01", 3, "confirmed"),
    ];
    let (kept, forgot) = both(&records);
    for (kept, forgot) in kept.iter().zip(&forgot) {
        assert_eq!(lines(&forgot.changes), lines(&kept.changes));
        assert_eq!(kept.changes.iter().filter(|change| Some(change.person) == records[1].person).count(), 3);
    }
}

#[test]
fn very_late_evidence_is_counted() {
    let test = |known_at: &str| {
        let fields =
            "'id':'t','method':'nat','result':'negative','sampled_at':'2022-01-01 day','reported_at':'2022-01-02 day'";
        line(Feed::Tests, known_at, fields)
    };
    let retraction = line(Feed::Tests, "2022-09-01", "'id':'t','retracted':true");
    for (records, expected) in [
        (vec![test("2022-01-02")], 0),
        (vec![test("2022-01-31")], 0),
        (vec![test("2022-02-01")], 1),
        (vec![test("2022-02-01"), test("2022-06-01"), retraction], 2),
    ] {
        assert_eq!(drive(true).run(&packs()[0], &records).very_late, expected);
    }
}
