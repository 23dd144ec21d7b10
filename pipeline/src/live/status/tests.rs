//! Looks and answers, on a clock of the test's.

#![allow(clippy::unwrap_used)]

use std::ops::Range;

use fuma_connectors::log::{Entry as Record, LogError, Position, Topic, Watching};
use fuma_schemas::Instant;

use super::answer::{Answer, Seen, answer};
use super::entry::{Entry, Holding};
use super::measure::{self, Behind, Looks};

const BEGIN: i64 = 1_700_000_000_000;

fn look(looks: &mut Looks, end: u64, committed: u64, seconds: i64) -> Behind {
    looks.look(0..end, committed, Instant(BEGIN + seconds * 1000), &mut |_| panic!("the looks tell it"))
}

#[test]
fn what_stands_still_is_as_old_as_its_oldest_record_and_not_as_the_newest() {
    let mut looks = Looks::default();
    assert_eq!(look(&mut looks, 100, 100, 0).ms, 0);
    // From here on nothing commits, and records go on coming: a loop of aborts, a held clock.
    for seconds in (5..=3600).step_by(5) {
        let behind = look(&mut looks, 100 + seconds as u64, 100, seconds);
        assert_eq!((behind.ms, behind.stuck_ms), ((seconds - 5) * 1000, (seconds - 5) * 1000));
        assert_eq!(behind.records, seconds as u64);
    }
    assert_eq!(look(&mut looks, 3700, 3700, 3605), Behind { held: 0..3700, committed: 3700, ..Behind::default() });
}

#[test]
fn behind_an_hour_is_behind_an_hour_right_after_a_commit_too() {
    let mut looks = Looks::default();
    // The process begins with a million records that came evenly in the last hour, and judges them in ten minutes.
    let appended = |offset: u64| Instant(BEGIN - 3_600_000 + offset as i64 * 36 / 10);
    for turn in 0..10_u64 {
        let now = Instant(BEGIN + turn as i64 * 60_000);
        let committed = turn * 100_000;
        let behind = looks.look(0..1_000_000, committed, now, &mut |offset| Some(appended(offset)));
        assert_eq!(behind.ms, now.0 - appended(committed).0, "turn {turn}");
        assert_eq!(behind.stuck_ms, 0);
    }
}

#[test]
fn what_was_deleted_does_not_wait() {
    let behind = Looks::default().look(50..60, 10, Instant(BEGIN), &mut |offset| {
        assert_eq!(offset, 50);
        Some(Instant(BEGIN - 7000))
    });
    assert_eq!((behind.records, behind.ms, behind.committed), (10, 7000, 50));
}

/// A log of two partitions: in the first a record waits, in the second only the end of a transaction.
struct Marked {
    asked: Vec<(u32, Range<u64>)>,
    end: u64,
}

impl Watching for Marked {
    fn partitions(&mut self) -> Result<u32, LogError> {
        Ok(2)
    }

    fn positions(&mut self) -> Result<Vec<Position>, LogError> {
        Ok(vec![Position { offset: Some(7), metadata: String::new() }; 2])
    }

    fn bounds(&mut self) -> Result<Vec<Option<Range<u64>>>, LogError> {
        Ok(vec![Some(0..8), Some(0..self.end)])
    }

    fn appended_at(&mut self, _: u32, _: u64) -> Result<Option<Instant>, LogError> {
        Ok(None)
    }

    fn waits(&mut self, partition: u32, offsets: Range<u64>) -> Result<bool, LogError> {
        self.asked.push((partition, offsets));
        Ok(partition == 0)
    }

    fn read(&mut self, _: Topic) -> Result<Vec<Record>, LogError> {
        Ok(Vec::new())
    }
}

#[test]
fn the_end_of_a_transaction_is_no_record_that_waits() {
    let (mut log, mut looks) = (Marked { asked: Vec::new(), end: 8 }, Vec::new());
    let mut records = |log: &mut Marked, seconds: i64| -> Vec<(u64, i64)> {
        let all = measure::look(log, &mut looks, &|_| true, Instant(BEGIN + seconds * 1000)).unwrap();
        all.into_iter().map(|(_, behind)| (behind.records, behind.stuck_ms)).collect()
    };
    assert_eq!(records(&mut log, 0), [(1, 0), (1, 0)], "it may be a record that has just come");
    assert_eq!(log.asked, []);
    assert_eq!(records(&mut log, 5), [(1, 5000), (0, 0)], "what stands still is looked into");
    assert_eq!(records(&mut log, 3600), [(1, 3_600_000), (0, 0)]);
    assert_eq!(log.asked.iter().filter(|(partition, _)| *partition == 1).count(), 1, "an answer holds");
    log.end = 9;
    assert_eq!(records(&mut log, 3605)[1], (2, 0), "what comes after it waits");
}

fn process(name: &str, holdings: &[(u32, &str, Option<&str>)]) -> Entry {
    let partitions = holdings.iter().map(|(partition, state, reason)| Holding {
        stage: "assess".into(),
        partition: *partition,
        state: (*state).into(),
        since: Instant(BEGIN).to_string(),
        reason: reason.map(str::to_owned),
        next_try: None,
        withheld: None,
    });
    Entry { process: name.into(), partitions: partitions.collect(), ..Entry::default() }
}

fn asked(entries: Vec<(Entry, i64)>) -> Answer {
    let at = |seconds: i64| Instant(BEGIN + seconds * 1000);
    let position = |offset| Position { offset: Some(offset), metadata: String::new() };
    let seen = Seen {
        topic: "fuma.evidence.v1".into(),
        links: "fuma.links.v1".into(),
        positions: vec![position(10), position(20), position(30), Position::default()],
        bounds: vec![Some(0..10), Some(0..25), Some(0..30), None],
        oldest: vec![None, Some(at(-90)), None, None],
        entries: entries.into_iter().map(|(entry, seconds)| (entry, at(seconds))).collect(),
        ..Seen::default()
    };
    answer(&seen, at(0))
}

#[test]
fn each_partition_has_a_state_an_owner_and_its_lag() {
    let answer = asked(vec![
        (process("a", &[(0, "owned", None), (1, "parked", Some("no-leader"))]), -5),
        (process("gone", &[(2, "owned", None)]), -31),
    ]);
    let states: Vec<_> = answer.partitions.iter().map(|partition| partition.state).collect();
    assert_eq!(states, ["owned", "parked", "unowned", "unowned"], "an entry of 31 s ago is stale");
    assert_eq!(answer.partitions[1].lag_records, Some(5));
    assert_eq!(answer.partitions[1].lag_seconds, Some(90.0));
    assert_eq!((answer.partitions[0].lag_seconds, answer.partitions[3].lag_records), (Some(0.0), None));
    assert_eq!((answer.parked.len(), answer.parked[0].reason.as_str()), (1, "no-leader"));
    assert_eq!((answer.processes[0].stale, answer.processes[1].stale), (false, true));
    let json = serde_json::to_value(&answer).unwrap();
    for field in ["installation", "policy", "partitions", "parked"] {
        assert!(json.get(field).is_some(), "{field}");
    }
    for field in ["topic", "partition", "state", "owner", "lag_records", "lag_seconds"] {
        assert!(json["partitions"][0].get(field).is_some(), "{field}");
    }
}

/// Trace has one partition, beside those of people: where it is parked nobody follows contacts.
#[test]
fn a_link_log_that_is_parked_is_named_beside_the_partitions() {
    let mut tracing = process("t", &[(0, "parked", Some("link-not-judged"))]);
    tracing.partitions[0].stage = "trace".into();
    let answer = asked(vec![(process("a", &[(0, "owned", None)]), -5), (tracing, -5)]);
    assert_eq!(answer.partitions[0].state, "owned", "people are judged");
    let parked: Vec<_> = answer.parked.iter().map(|it| (it.stage, it.topic.as_str(), it.reason.as_str())).collect();
    assert_eq!(parked, [("trace", "fuma.links.v1", "link-not-judged")]);
}

/// One past the last offset may be the end of a transaction: no record waits there.
#[test]
fn nothing_waits_where_only_the_end_of_a_transaction_stands() {
    let position = Position { offset: Some(7), metadata: String::new() };
    let seen = Seen { positions: vec![position], bounds: vec![Some(0..8)], hollow: vec![true], ..Seen::default() };
    let partition = answer(&seen, Instant(BEGIN)).partitions.remove(0);
    assert_eq!((partition.lag_records, partition.lag_seconds, partition.end), (Some(0), Some(0.0), Some(8)));
}

#[test]
fn of_two_that_claim_a_partition_the_one_that_owns_it_has_it_then_the_newer_word() {
    let owner = |answer: Answer| answer.partitions[0].owner.clone().unwrap();
    let restoring = |seconds| (process("new", &[(0, "restoring", None)]), seconds);
    let owned = |name: &str, seconds| (process(name, &[(0, "owned", None)]), seconds);
    assert_eq!(owner(asked(vec![restoring(-1), owned("old", -9)])), "old");
    assert_eq!(owner(asked(vec![owned("zombie", -20), owned("new", -1)])), "new");
}

#[test]
fn an_entry_of_another_version_is_read() {
    let entry = Entry::parse(br#"{"process":"a","later":{"x":1},"partitions":[{"partition":3,"state":"owned"}]}"#);
    assert_eq!(entry.unwrap().partitions[0].partition, 3);
    assert_eq!(Entry::parse(b"\xff"), None);
    let written = process("a", &[(0, "parked", Some("gap"))]);
    assert_eq!(Entry::parse(&written.to_json()), Some(written));
}
