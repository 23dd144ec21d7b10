//! What a transaction shows, hides and fences.

use std::time::Duration;

use fuma_connectors::log::{Log, Outcome, Severity, Transaction};

use crate::cluster::{Cluster, change, joined, position, records};

#[test]
fn a_commit_shows_changes_and_positions_with_what_is_written_beside_them() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    log.check().unwrap();
    cluster.evidence(&log, 2, 3);
    let mut worker = joined(&log);
    assert!(records_of_nothing(worker.as_mut()), "paused partitions deliver nothing");
    worker.resume(0, 0).unwrap();
    worker.resume(1, 1).unwrap();
    let read = records(worker.as_mut(), 5);
    let mut values: Vec<_> = read.iter().map(|record| String::from_utf8(record.value.to_vec()).unwrap()).collect();
    values.sort();
    assert_eq!(values, ["0/0", "0/1", "0/2", "1/1", "1/2"]);
    assert!(read.iter().all(|record| record.timestamp.0 > 1_600_000_000_000));

    let changes = [change(0, "a", "1"), change(1, "b", "2"), change(1, "c", "3")];
    let positions = [(0, position(3, "v1 own=x")), (1, position(3, ""))];
    let outcome = worker.commit(Transaction { changes: &changes, positions: &positions }).unwrap();
    assert_eq!(outcome, Outcome::Committed);
    let mut restorer = worker.restorer().unwrap();
    assert_eq!(restorer.stable_position(0).unwrap(), position(3, "v1 own=x"));
    assert_eq!(restorer.position(1).unwrap(), position(3, ""));
    let mut seen = cluster.changes(2);
    seen.sort();
    let expected = [(0, "a", "1", "a!"), (1, "b", "2", "b!"), (1, "c", "3", "c!")];
    assert_eq!(
        seen,
        expected.map(|(partition, key, value, header)| {
            (partition, key.to_owned(), value.to_owned(), header.to_owned())
        })
    );
    // Also without changes: what only announces an expiry elsewhere sends its offset again.
    let outcome = worker.commit(Transaction { changes: &[], positions: &positions }).unwrap();
    assert_eq!(outcome, Outcome::Committed);
}

fn records_of_nothing(worker: &mut dyn fuma_connectors::log::WorkerLog) -> bool {
    let mut records = Vec::new();
    worker.poll(Duration::from_millis(300), &mut records).unwrap();
    records.is_empty()
}

#[test]
fn an_abort_hides_everything_and_work_goes_on() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let mut worker = joined(&log);
    let changes = [change(0, "hidden", "1")];
    let too_long = [(0, position(7, &"x".repeat(5_000)))];
    let refused = worker.commit(Transaction { changes: &changes, positions: &too_long }).unwrap_err();
    assert_eq!(refused.severity(), Severity::Operator, "{refused}");
    assert_eq!(worker.restorer().unwrap().stable_position(0).unwrap().offset, None);
    let huge = [change(0, "kept", "1"), change(0, "huge", &"x".repeat(5 << 20))];
    let fine = [(0, position(0, "fine"))];
    assert!(worker.commit(Transaction { changes: &huge, positions: &fine }).is_err());
    let changes = [change(0, "shown", "2")];
    let outcome = worker.commit(Transaction { changes: &changes, positions: &fine }).unwrap();
    assert_eq!(outcome, Outcome::Committed);
    let keys: Vec<_> = cluster.changes(1).into_iter().map(|(_, key, ..)| key).collect();
    assert_eq!(keys, ["shown"]);
}

#[test]
fn a_fenced_owner_commits_nothing_more() {
    let cluster = Cluster::new(1);
    let positions = [(0, position(0, "claim"))];
    // An owner commits under two ids in turn: whichever would be next, it is fenced.
    for commits in 1..=2 {
        let log = cluster.log();
        let mut worker = joined(&log);
        for _ in 0..commits {
            worker.commit(Transaction { changes: &[], positions: &positions }).unwrap();
        }
        let owner = worker.owner().to_owned();
        // Oneself: that does no harm.
        worker.restorer().unwrap().fence(&owner).unwrap();
        for _ in 0..2 {
            worker.commit(Transaction { changes: &[], positions: &positions }).unwrap();
        }
        // Another process does it in earnest.
        let successor = cluster.log().worker(1).unwrap();
        successor.restorer().unwrap().fence(&owner).unwrap();
        let changes = [change(0, "late", "1")];
        let refused = worker.commit(Transaction { changes: &changes, positions: &positions }).unwrap_err();
        assert_eq!(refused.severity(), Severity::Fatal, "{refused}");
        assert!(cluster.changes(1).is_empty());
    }
}
