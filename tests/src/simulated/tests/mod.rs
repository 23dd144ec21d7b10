//! Each trap of the cluster, and that the same seed gives the same run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chance;

use std::time::Duration;

use fuma_connectors::log::{
    GroupEvent, Log, LogRecord, Outcome, OutputRecord, Position, Severity, Topic, Transaction, WorkerLog,
};
use fuma_schemas::Feed;

use super::{CommitPlace, Fault, MarkerDelivery, MarkerPlace, Settings, SimulatedCluster};

const WAIT: Duration = Duration::from_millis(10);

fn cluster(partitions: u32, markers: MarkerDelivery) -> SimulatedCluster {
    SimulatedCluster::new(Settings { partitions, markers, ..Settings::default() })
}

fn worker(cluster: &SimulatedCluster, process: &str) -> Box<dyn WorkerLog> {
    cluster.process(process).worker(0).unwrap()
}

/// Polls once and answers: accepted partitions go on at their committed offsets.
fn poll(worker: &mut dyn WorkerLog) -> (Vec<GroupEvent>, Vec<LogRecord>) {
    let mut records = Vec::new();
    let events = worker.poll(WAIT, &mut records).unwrap();
    for event in &events {
        match event {
            GroupEvent::Assigned(partitions) => {
                worker.accept(partitions).unwrap();
                let mut restorer = worker.restorer().unwrap();
                for partition in partitions {
                    let position = restorer.stable_position(*partition).unwrap();
                    worker.resume(*partition, position.offset.unwrap_or_default()).unwrap();
                }
            }
            GroupEvent::Revoked(partitions) | GroupEvent::Lost(partitions) => worker.release(partitions).unwrap(),
        }
    }
    (events, records)
}

fn change(partition: u32, key: &str, value: &str) -> OutputRecord {
    OutputRecord { partition, key: key.to_owned(), value: value.as_bytes().to_vec(), headers: Vec::new() }
}

fn commit(
    worker: &mut dyn WorkerLog,
    partition: u32,
    offset: u64,
    value: &str,
) -> Result<Outcome, fuma_connectors::log::LogError> {
    let position = Position { offset: Some(offset), metadata: worker.owner().to_owned() };
    let changes = [change(partition, "a", value)];
    worker.commit(Transaction { changes: &changes, positions: &[(partition, position)] })
}

fn announced(cluster: &SimulatedCluster, partition: u32) -> Vec<(u64, String)> {
    let text = |value: Option<bytes::Bytes>| String::from_utf8(value.unwrap_or_default().to_vec()).unwrap();
    cluster.records(Topic::Changes, partition).into_iter().map(|it| (it.offset, text(it.value))).collect()
}

fn read_output(worker: &dyn WorkerLog, partition: u32) -> Result<(u64, Vec<String>), Severity> {
    let mut values = Vec::new();
    let mut each = |record: fuma_connectors::log::AnnouncedRecord| {
        values.push(String::from_utf8(record.value.unwrap_or_default().to_vec()).unwrap());
        true
    };
    let end = worker.restorer().unwrap().read_output(partition, 0, &mut each).map_err(|error| error.severity())?;
    Ok((end, values))
}

#[test]
fn a_commit_takes_a_record_and_a_marker() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let mut a = worker(&cluster, "a");
    poll(&mut *a);
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap(), Outcome::Committed);
    assert_eq!(commit(&mut *a, 0, 2, "green").unwrap(), Outcome::Committed);
    assert_eq!(announced(&cluster, 0), [(0, "red".to_owned()), (2, "green".to_owned())]);
    assert_eq!(a.output_end(0).unwrap(), 4, "markers take an offset each");
    assert_eq!(cluster.position(0), Position { offset: Some(2), metadata: "a-0".to_owned() });
}

#[test]
fn partitions_move_when_they_are_released() {
    let cluster = cluster(4, MarkerDelivery::AtOnce);
    let (mut a, mut b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    assert_eq!(poll(&mut *a).0, [GroupEvent::Assigned(vec![0, 1, 2, 3])]);
    assert_eq!(poll(&mut *b).0, [], "nothing is free yet");
    let mut records = Vec::new();
    assert_eq!(a.poll(WAIT, &mut records).unwrap(), [GroupEvent::Revoked(vec![2, 3])]);
    assert_eq!(commit(&mut *a, 2, 5, "red").unwrap(), Outcome::Committed, "committed in revoke");
    assert_eq!(poll(&mut *b).0, [], "still not released");
    a.release(&[2, 3]).unwrap();
    assert_eq!(poll(&mut *b).0, [GroupEvent::Assigned(vec![2, 3])]);
    drop(b);
    assert_eq!(poll(&mut *a).0, [GroupEvent::Assigned(vec![2, 3])], "who leaves gives back");
}

#[test]
fn a_stale_generation_aborts() {
    let cluster = cluster(2, MarkerDelivery::AtOnce);
    let (mut a, mut b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    poll(&mut *b);
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap(), Outcome::Aborted, "it has not polled since b joined");
    assert_eq!(announced(&cluster, 0), []);
    assert_eq!(a.output_end(0).unwrap(), 2, "the aborted record and its marker take offsets");
    poll(&mut *a);
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap(), Outcome::Aborted, "the release began another generation");
    poll(&mut *a);
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap(), Outcome::Committed);
}

#[test]
fn an_expelled_zombie_commits_nothing_and_loses_all() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let (mut a, mut b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    poll(&mut *b);
    cluster.expire("a-0");
    assert_eq!(poll(&mut *b).0, [GroupEvent::Assigned(vec![0])]);
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap(), Outcome::Aborted);
    assert_eq!(poll(&mut *a).0, [GroupEvent::Lost(vec![0])]);
    assert_eq!(poll(&mut *a).0, [], "it has joined again; b keeps the partition");
    poll(&mut *b);
    assert_eq!(commit(&mut *b, 0, 1, "red").unwrap(), Outcome::Committed);
}

#[test]
fn fencing_aborts_what_was_open_and_ends_the_producer() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let (mut a, b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    let during = |cluster: &SimulatedCluster| {
        let other = cluster.process("c").worker(0).unwrap();
        let mut restorer = other.restorer().unwrap();
        restorer.fence("a-0").unwrap();
        assert_eq!(restorer.stable_position(0).unwrap().offset, None);
    };
    cluster.fail_commit("a-0", Fault::Meanwhile(CommitPlace::AfterOffsets, Box::new(during)));
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap_err().severity(), Severity::Fatal);
    assert_eq!(commit(&mut *a, 0, 1, "red").unwrap_err().severity(), Severity::Fatal, "and ever after");
    assert_eq!(read_output(&*b, 0).unwrap(), (2, vec![]));
}

#[test]
fn fencing_finishes_what_was_prepared() {
    let cluster = cluster(1, MarkerDelivery::Late { ms_max: 500 });
    let (mut a, b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    cluster.fail_commit("a-0", Fault::Crash(CommitPlace::Unanswered));
    assert_eq!(commit(&mut *a, 0, 7, "red").unwrap_err().severity(), Severity::Fatal);
    let mut restorer = b.restorer().unwrap();
    restorer.fence("a-0").unwrap();
    assert_eq!(restorer.position(0).unwrap().offset, Some(7));
    assert_eq!(read_output(&*b, 0).unwrap(), (2, vec!["red".to_owned()]));
}

#[test]
fn markers_reach_partitions_one_by_one() {
    let cluster = cluster(1, MarkerDelivery::Held);
    let (mut a, b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    assert_eq!(commit(&mut *a, 0, 7, "red").unwrap(), Outcome::Committed);
    let mut restorer = b.restorer().unwrap();
    assert_eq!(restorer.position(0).unwrap().offset, None, "the pending position is not seen");
    assert_eq!(restorer.stable_position(0).unwrap_err().severity(), Severity::Transient);
    assert_eq!(restorer.fence("a-0").unwrap_err().severity(), Severity::Transient);
    let number = cluster.markers()[0].0;
    cluster.deliver_marker(number, MarkerPlace::Positions);
    assert_eq!(restorer.stable_position(0).unwrap().offset, Some(7));
    assert_eq!(cluster.records(Topic::Changes, 0).len(), 0, "the output's marker is still on its way");
    assert_eq!(read_output(&*b, 0).unwrap_err(), Severity::Operator);
    cluster.deliver_marker(number, MarkerPlace::Output(0));
    assert_eq!(read_output(&*b, 0).unwrap(), (2, vec!["red".to_owned()]));
    assert!(cluster.markers().is_empty());
}

#[test]
fn a_late_marker_is_waited_for() {
    let cluster = cluster(2, MarkerDelivery::Late { ms_max: 1000 });
    let (mut a, b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    assert_eq!(commit(&mut *a, 0, 7, "red").unwrap(), Outcome::Committed);
    let before = cluster.now();
    assert_eq!(read_output(&*b, 0).unwrap().1, ["red"]);
    assert_eq!(b.restorer().unwrap().stable_position(0).unwrap().offset, Some(7));
    assert!(cluster.now() > before);
}

#[test]
fn a_lost_answer_was_a_commit() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let mut a = worker(&cluster, "a");
    poll(&mut *a);
    cluster.fail_commit("a-0", Fault::AnswerLost);
    cluster.fail_commit("a-0", Fault::Abort);
    assert_eq!(commit(&mut *a, 0, 7, "red").unwrap_err().severity(), Severity::Fatal);
    assert_eq!(announced(&cluster, 0).len(), 1);
    assert_eq!(commit(&mut *a, 0, 8, "green").unwrap(), Outcome::Aborted);
    assert_eq!(announced(&cluster, 0).len(), 1);
}

#[test]
fn a_crash_leaves_an_open_transaction_until_it_times_out() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let (mut a, mut b) = (worker(&cluster, "a"), worker(&cluster, "b"));
    poll(&mut *a);
    cluster.fail_commit("a-0", Fault::Crash(CommitPlace::AfterSend));
    assert_eq!(commit(&mut *a, 0, 7, "red").unwrap_err().severity(), Severity::Fatal);
    assert_eq!(a.clock().unwrap_err().severity(), Severity::Fatal, "the dead do nothing");
    assert!(!cluster.is_alive("a-0"));
    drop(a);
    poll(&mut *b);
    assert_eq!(poll(&mut *b).0, [], "the dead member still holds it");
    cluster.advance(6_000);
    assert_eq!(poll(&mut *b).0, [GroupEvent::Assigned(vec![0])], "expelled after the session");
    assert_eq!(b.output_end(0).unwrap(), 1, "still open");
    assert_eq!(read_output(&*b, 0).unwrap(), (1, vec![]), "waited for, aborted by the time-out");
    assert_eq!(b.output_end(0).unwrap(), 2);
}

#[test]
fn a_hanging_transaction_is_an_operators_error() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let b = worker(&cluster, "b");
    cluster.hang(0);
    assert_eq!(read_output(&*b, 0).unwrap_err(), Severity::Operator);
}

#[test]
fn retention_moves_the_first_offset() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    for _ in 0..5 {
        cluster.append(Topic::Evidence, 0, "x");
    }
    cluster.retain_from(Topic::Evidence, 0, 3);
    let mut a = worker(&cluster, "a");
    assert_eq!(a.evidence_bounds(0).unwrap(), 3..5);
    let mut restorer = a.restorer().unwrap();
    assert_eq!(restorer.read_evidence(0, 2..5, &mut |_| true).unwrap_err().severity(), Severity::Operator);
    let mut offsets = Vec::new();
    let mut each = |record: LogRecord| {
        offsets.push(record.offset);
        true
    };
    restorer.read_evidence(0, 3..5, &mut each).unwrap();
    assert_eq!(offsets, [3, 4]);
    poll(&mut *a);
    assert_eq!(a.poll(WAIT, &mut Vec::new()).unwrap_err().severity(), Severity::Operator, "offset 0 is gone");
    a.resume(0, 4).unwrap();
    assert_eq!(poll(&mut *a).1.len(), 1);
}

#[test]
fn compaction_keeps_the_newest_and_drops_the_erased() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let mut a = worker(&cluster, "a");
    poll(&mut *a);
    commit(&mut *a, 0, 1, "red").unwrap();
    commit(&mut *a, 0, 2, "yellow").unwrap();
    cluster.compact(0);
    assert_eq!(announced(&cluster, 0), [(2, "yellow".to_owned())]);
    cluster.erase(0, "a");
    assert_eq!(cluster.records(Topic::Changes, 0).last().unwrap().value, None);
    cluster.compact(0);
    assert_eq!(read_output(&*a, 0).unwrap(), (5, vec![]), "the end stays");
}

#[test]
fn feeds_and_links_go_on_behind_what_was_committed() {
    let cluster = cluster(1, MarkerDelivery::AtOnce);
    let log = cluster.process("a");
    for n in 0..3 {
        cluster.send(Feed::Tests, n % 2, format!("{n}"));
    }
    let mut feeds = log.feeds(0).unwrap();
    let count = feeds.poll(WAIT, 2, &mut |record| assert!(record.received.is_some())).unwrap();
    assert_eq!((count, feeds.lag()), (2, Some(1)));
    feeds.commit().unwrap();
    assert_eq!(log.feeds(0).unwrap().poll(WAIT, 10, &mut |_| ()).unwrap(), 1);

    cluster.append(Topic::Links, 0, "x");
    let (mut first, mut second) = (log.links().unwrap(), log.links().unwrap());
    let mut records = Vec::new();
    use fuma_connectors::log::LinkEvent::{Assigned, None as Nothing, Revoked};
    assert_eq!(first.poll(WAIT, &mut records).unwrap(), Assigned(None));
    assert_eq!(second.poll(WAIT, &mut records).unwrap(), Nothing);
    first.seek(0).unwrap();
    assert_eq!(first.poll(WAIT, &mut records).unwrap(), Nothing);
    assert_eq!(records.len(), 1);
    first.commit(1).unwrap();
    cluster.expire_links();
    assert_eq!(second.poll(WAIT, &mut records).unwrap(), Assigned(Some(1)));
    assert_eq!(first.poll(WAIT, &mut records).unwrap(), Revoked);
    assert!(first.commit(1).is_err());
}
