//! One partition without a leader, one record that is too long: nobody else notices.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Feed;

use super::*;
use crate::live::memory::{MemoryLog, text};

fn record(partition: u32, text: &str) -> Outgoing {
    Outgoing { partition, value: Bytes::from(text.to_owned()), ..Outgoing::default() }
}

fn written(log: &MemoryLog, topic: Topic, partition: u32) -> Vec<String> {
    log.written(topic, partition).iter().map(|record| text(&record.value).to_owned()).collect()
}

fn deliver_until_empty(outbox: &mut Outbox, appender: &mut dyn Appender) {
    for _ in 0..1000 {
        outbox.deliver(appender, &Stop::default()).unwrap();
        if outbox.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it is never empty");
}

#[test]
fn a_partition_without_a_leader_holds_up_its_own_records_alone() {
    let log = MemoryLog::default();
    let (mut outbox, mut appender) = (Outbox::new("test", "fuma."), log.appender());
    log.set_leader(Topic::Evidence, 0, false);
    for number in 0..3 {
        for partition in 0..3 {
            outbox.push(Topic::Evidence, record(partition, &number.to_string()), Shorter::AsItStands);
        }
        outbox.deliver(&mut *appender, &Stop::default()).unwrap();
    }
    assert_eq!(written(&log, Topic::Evidence, 1), ["0", "1", "2"]);
    assert_eq!(written(&log, Topic::Evidence, 2), ["0", "1", "2"]);
    assert_eq!((written(&log, Topic::Evidence, 0), outbox.is_empty()), (vec![], false));
    log.set_leader(Topic::Evidence, 0, true);
    deliver_until_empty(&mut outbox, &mut *appender);
    assert_eq!(written(&log, Topic::Evidence, 0), ["0", "1", "2"], "in their order");
}

#[test]
fn what_waits_is_bounded() {
    let log = MemoryLog::default();
    let (mut outbox, mut appender) = (Outbox::new("test", "fuma."), log.appender());
    outbox.bytes_max = 10;
    log.set_leader(Topic::Links, 0, false);
    outbox.push(Topic::Links, record(0, "123456"), Shorter::AsItStands);
    outbox.deliver(&mut *appender, &Stop::default()).unwrap();
    assert!(outbox.has_room());
    outbox.push(Topic::Links, record(0, "1234"), Shorter::AsItStands);
    assert!(!outbox.has_room());
    log.set_leader(Topic::Links, 0, true);
    deliver_until_empty(&mut outbox, &mut *appender);
    assert!(outbox.has_room());
}

#[test]
fn a_letter_that_does_not_fit_is_cut_once_and_one_that_is_cut_waits() {
    let log = MemoryLog::default();
    let (mut outbox, mut appender) = (Outbox::new("test", "fuma."), log.appender());
    let topic = Topic::DeadLetters(Feed::Tests);
    log.bound(topic, 5_000);
    let code = ("__fuma.errors.code".to_owned(), Bytes::from_static(b"bad-json"));
    let own = ("theirs".to_owned(), Bytes::from_static(b"1"));
    let letter = Outgoing { headers: vec![code, own], ..record(0, &"x".repeat(6_000)) };
    outbox.push(topic, letter, Shorter::Letter);
    outbox.push(topic, record(0, "next"), Shorter::Letter);
    deliver_until_empty(&mut outbox, &mut *appender);
    let letters = log.written(topic, 0);
    let header = |name: &str| letters.iter().flat_map(|letter| &letter.headers).find(|(of, _)| of == name);
    assert_eq!(letters.iter().map(|letter| letter.value.len()).max(), Some(4096));
    assert_eq!(header("__fuma.errors.length").map(|(_, value)| text(value)), Some("6000"));
    assert!(header("__fuma.errors.code").is_some() && header("theirs").is_none());
    assert_eq!(letters.len(), 2, "what is behind it is written, too");
    // Nothing is left to cut: it waits until the topic takes it, and is not lost.
    log.bound(topic, 10);
    outbox.push(topic, record(0, &"x".repeat(100)), Shorter::Letter);
    (0..3).for_each(|_| outbox.deliver(&mut *appender, &Stop::default()).unwrap());
    assert!(!outbox.is_empty());
    log.bound(topic, 5_000);
    deliver_until_empty(&mut outbox, &mut *appender);
    assert_eq!(log.written(topic, 0).len(), 3);
}

/// It is said after some seconds, with topic and partition, and that it is over.
#[test]
fn a_partition_in_trouble_is_named() {
    let mut lane = Lane::new("test", Topic::Evidence, "fuma.evidence.v1 partition 3".to_owned(), 3);
    lane.push(record(3, "x"), Shorter::AsItStands);
    let now = monotonic::now();
    lane.begin(now, &mut |_, _| Ok(1)).unwrap();
    lane.not_yet(1, "no leader");
    assert!(matches!(lane.notice(now), Noticed::Nothing), "it may pass at once");
    let later = now + Duration::from_secs(6);
    let Noticed::Trouble { why, records, bytes, .. } = lane.notice(later) else { panic!("not said") };
    assert_eq!((why.as_str(), records, bytes), ("no leader", 1, 1));
    assert!(matches!(lane.notice(later + Duration::from_secs(1)), Noticed::Nothing), "once a minute");
    lane.begin(later, &mut |_, _| Ok(2)).unwrap();
    lane.written(2);
    assert!(matches!(lane.notice(later), Noticed::Over { .. }) && lane.is_empty());
}

/// What is begun again has another ticket: an answer to the first one says nothing of it.
#[test]
fn a_late_answer_is_no_answer_to_what_was_begun_again() {
    let mut lane = Lane::new("test", Topic::Evidence, String::new(), 0);
    for text in ["a", "b"] {
        lane.push(record(0, text), Shorter::AsItStands);
    }
    let (mut tickets, now) = (0, monotonic::now());
    let mut begin = |lane: &mut Lane, at| {
        lane.begin(at, &mut |_, _| {
            tickets += 1;
            Ok(tickets)
        })
        .unwrap();
    };
    begin(&mut lane, now);
    lane.not_yet(1, "away");
    lane.written(2);
    begin(&mut lane, now + Duration::from_secs(1));
    lane.written(3);
    assert!(!lane.is_empty(), "the second may not be there");
    begin(&mut lane, now + Duration::from_secs(1));
    lane.written(4);
    assert!(lane.is_empty());
}
