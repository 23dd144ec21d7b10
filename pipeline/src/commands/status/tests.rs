//! The status of a folder, from the log alone: while a process has it, and after.

#![allow(clippy::unwrap_used)]
#![cfg(feature = "kafka")]

use std::time::Duration;

use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::{Log as _, Outgoing, Position, Topic, Transaction};
use fuma_schemas::Instant;

use super::*;
use crate::live::status::answer::{Answer, answer};
use crate::live::status::entry::{Entry, Holding};
use crate::live::status::publish::Publisher;

fn asked(dir: &std::path::Path, now: Instant) -> Answer {
    let arguments = StatusArguments {
        kafka: KafkaArguments { config: None, bootstrap: None, prefix: None, settings: Vec::new() },
        group: None,
        state: Some(dir.to_owned()),
        json: true,
        check: false,
    };
    answer(&source::seen(&arguments).unwrap(), now)
}

fn now() -> Instant {
    use crate::live::worker::clock::{SystemWall, Wall as _};
    SystemWall::default().now()
}

#[test]
fn a_folder_tells_states_positions_and_lag_while_it_is_held_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let log = FolderLog::open(&FolderOptions::new(dir.path(), 2, 1)).unwrap();
    let mut appender = log.appender("a").unwrap();
    for _ in 0..5 {
        let record = Outgoing { partition: 1, value: "x".into(), ..Outgoing::default() };
        appender.append(Topic::Evidence, record).unwrap();
    }
    appender.flush().unwrap();
    let mut worker = log.worker(0).unwrap();
    worker.poll(Duration::ZERO, &mut Vec::new()).unwrap();
    let position = Position { offset: Some(3), metadata: "fuma2 clock=1700000000000".into() };
    worker.commit(Transaction { changes: &[], positions: &[(1, position)] }).unwrap();
    let mut publisher = Publisher::new(Entry { process: "here".into(), ..Entry::default() });
    let owned = |partition| Holding { stage: "assess".into(), partition, state: "owned".into(), ..Holding::default() };
    publisher.turn(&log, vec![owned(0), owned(1)], (now(), Duration::ZERO));

    let held = asked(dir.path(), now());
    let states: Vec<_> = held.partitions.iter().map(|partition| (partition.state, partition.lag_records)).collect();
    assert_eq!(states, [("owned", Some(0)), ("owned", Some(2))]);
    let second = &held.partitions[1];
    assert_eq!((second.committed, second.end, second.owner.as_deref()), (Some(3), Some(5), Some("here")));
    assert!(second.lag_seconds.unwrap() < 60.0);
    let later = asked(dir.path(), Instant(now().0 + 3_600_000));
    assert!(later.partitions[1].lag_seconds.unwrap() >= 3600.0, "the oldest record waits for an hour");
    assert_eq!(later.partitions[1].state, "unowned", "nothing was heard of the process for an hour");
    let text = table::text(&held);
    assert!(text.contains("partitions    2: 2 owned\n") && text.contains("here"), "{text}");

    publisher.end(&log);
    drop((worker, appender, log));
    let after = asked(dir.path(), now());
    assert_eq!((after.partitions[1].state, after.partitions[1].lag_records), ("unowned", Some(2)));
    assert!(after.processes.is_empty());
}

#[test]
fn what_a_process_says_is_said_when_it_changes_and_each_ten_seconds_and_old_words_go() {
    let dir = tempfile::tempdir().unwrap();
    let log = FolderLog::open(&FolderOptions::new(dir.path(), 1, 1)).unwrap();
    let mut publisher = Publisher::new(Entry { process: "here".into(), ..Entry::default() });
    let said = || log.watching().unwrap().read(Topic::Status).unwrap();
    let at = |entries: &[fuma_connectors::log::Entry]| Entry::parse(&entries[0].value).unwrap().at;
    let mut turn = |held: Vec<Holding>, seconds: u64| {
        publisher.turn(&log, held, (Instant(seconds as i64 * 1000), Duration::from_secs(seconds)));
        at(&said())
    };
    assert_eq!(turn(vec![], 1), Instant(1000).to_string());
    assert_eq!(turn(vec![], 9), Instant(1000).to_string(), "nothing changed");
    assert_eq!(turn(vec![Holding::default()], 9), Instant(9000).to_string(), "something did");
    assert_eq!(turn(vec![Holding::default()], 19), Instant(19_000).to_string(), "10 s have passed");
    let mut other = Publisher::new(Entry { process: "new".into(), ..Entry::default() });
    let tomorrow = Instant(now().0 + 86_400_000);
    other.turn(&log, vec![], (tomorrow, Duration::ZERO));
    let keys: Vec<String> = said().into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["new"], "the word of a process that ended long ago is gone");
}

#[test]
fn where_no_log_is_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let error = source::seen(&StatusArguments {
        kafka: KafkaArguments { config: None, bootstrap: None, prefix: None, settings: Vec::new() },
        group: None,
        state: Some(dir.path().to_owned()),
        json: false,
        check: false,
    });
    let error = error.err().unwrap();
    assert_eq!(error.exit_code(), super::super::UNUSABLE);
    assert!(error.to_string().contains("no log here"), "{error}");
}
