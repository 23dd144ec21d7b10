//! Partitions that move, restores, transactions that hang.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fuma_connectors::kafka::KafkaLog;
use fuma_connectors::log::{GroupEvent, Log, LogRecord, Outcome, Severity, Topic, Transaction, WorkerLog};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::cluster::{Cluster, SOON, change, event, joined, position};

#[test]
fn a_revoked_partition_is_committed_before_its_next_owner_has_it() {
    let cluster = Cluster::new(4);
    let log = cluster.log();
    let mut first = joined(&log);
    let other = cluster.log();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut second = other.worker(1).unwrap();
            let GroupEvent::Assigned(partitions) = event(second.as_mut(), &mut Vec::new()) else { panic!() };
            second.accept(&partitions).unwrap();
            let mut restorer = second.restorer().unwrap();
            partitions.into_iter().map(|partition| (partition, restorer.stable_position(partition).unwrap())).collect()
        });
        let GroupEvent::Revoked(revoked) = event(first.as_mut(), &mut Vec::new()) else { panic!("not revoked") };
        assert_eq!(revoked.len(), 2);
        // The next owner has nothing for as long as it takes.
        std::thread::sleep(Duration::from_millis(500));
        let positions: Vec<_> = revoked.iter().map(|partition| (*partition, position(5, "released"))).collect();
        let changes = [change(revoked[0], "last", "1")];
        let outcome = first.commit(Transaction { changes: &changes, positions: &positions }).unwrap();
        assert_eq!(outcome, Outcome::Committed);
        first.release(&revoked).unwrap();
        while !second.is_finished() {
            assert_eq!(first.poll(SOON, &mut Vec::new()).unwrap(), []);
        }
        let mut taken: Vec<(u32, _)> = second.join().unwrap();
        taken.sort_by_key(|(partition, _)| *partition);
        let mut expected = positions;
        expected.sort_by_key(|(partition, _)| *partition);
        assert_eq!(taken, expected);
    });
    assert_eq!(cluster.changes(4).len(), 1);
}

#[test]
fn a_worker_that_slept_too_long_commits_nothing() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    let mut sleeper = joined(&log);
    let other = cluster.log();
    let mut successor = other.worker(1).unwrap();
    // Nobody polls the sleeper: after max.poll.interval.ms it is put out of the group.
    let mut taken = 0;
    while taken < 2 {
        match event(successor.as_mut(), &mut Vec::new()) {
            GroupEvent::Assigned(partitions) => {
                successor.accept(&partitions).unwrap();
                taken += partitions.len();
            }
            other => panic!("{other:?}"),
        }
    }
    let (changes, positions) = ([change(0, "zombie", "1")], [(0, position(1, "zombie"))]);
    let outcome = sleeper.commit(Transaction { changes: &changes, positions: &positions }).unwrap();
    assert_eq!(outcome, Outcome::Aborted);
    let mut lost = Vec::new();
    while lost.len() < 2 {
        let happened = event(sleeper.as_mut(), &mut Vec::new());
        println!("the sleeper hears {happened:?}");
        // It was asked for one before it was put out: it may try, and commits nothing.
        let (GroupEvent::Lost(gone) | GroupEvent::Revoked(gone)) = happened else { panic!("{happened:?}") };
        let outcome = sleeper.commit(Transaction { changes: &changes, positions: &positions }).unwrap();
        assert_eq!(outcome, Outcome::Aborted);
        sleeper.release(&gone).unwrap();
        lost.extend(gone);
    }
    assert!(cluster.changes(2).is_empty());
    assert_eq!(successor.restorer().unwrap().stable_position(0).unwrap().offset, None);
}

/// Copies evidence to changes, exactly once, until told to stop.
fn copy(log: &KafkaLog, slot: usize, stop: &AtomicBool, aborted: &Mutex<usize>) {
    let mut worker = log.worker(slot).unwrap();
    let mut restorer = worker.restorer().unwrap();
    let mut next: BTreeMap<u32, u64> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let mut records = Vec::new();
        let events = worker.poll(Duration::from_millis(5), &mut records).unwrap();
        let kept: Vec<LogRecord> = records.into_iter().filter(|record| next.contains_key(&record.partition)).collect();
        commit(worker.as_mut(), &mut next, &kept, aborted);
        for event in events {
            match event {
                GroupEvent::Assigned(partitions) => {
                    worker.accept(&partitions).unwrap();
                    for partition in partitions {
                        let position = restorer.stable_position(partition).unwrap();
                        worker.resume(partition, position.offset.unwrap_or(0)).unwrap();
                        next.insert(partition, position.offset.unwrap_or(0));
                    }
                }
                GroupEvent::Revoked(partitions) | GroupEvent::Lost(partitions) => {
                    next.retain(|partition, _| !partitions.contains(partition));
                    worker.release(&partitions).unwrap();
                }
            }
        }
    }
}

fn commit(worker: &mut dyn WorkerLog, next: &mut BTreeMap<u32, u64>, records: &[LogRecord], aborted: &Mutex<usize>) {
    if records.is_empty() {
        return;
    }
    let before = next.clone();
    let mut changes = Vec::new();
    for record in records {
        let value = String::from_utf8(record.value.to_vec()).unwrap();
        assert_eq!(next.insert(record.partition, record.offset + 1), Some(record.offset), "{value}");
        changes.push(change(record.partition, &value, &value));
    }
    let positions: Vec<_> = next.iter().map(|(partition, next)| (*partition, position(*next, "copy"))).collect();
    if worker.commit(Transaction { changes: &changes, positions: &positions }).unwrap() == Outcome::Aborted {
        *aborted.lock().unwrap() += 1;
        *next = before;
        for (partition, offset) in &*next {
            worker.resume(*partition, *offset).unwrap();
        }
    }
}

#[test]
fn two_members_share_four_partitions_and_nothing_is_lost_or_doubled() {
    let cluster = Cluster::new(4);
    let (one, two) = (cluster.log(), cluster.log());
    let (stop_one, stop_two, aborted) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::new(0));
    let mut total = 0;
    std::thread::scope(|scope| {
        let first = scope.spawn(|| copy(&one, 0, &stop_one, &aborted));
        for round in 0..6 {
            let mut second = None;
            if round % 2 == 1 {
                stop_two.store(false, Ordering::Relaxed);
                second = Some(scope.spawn(|| copy(&two, 0, &stop_two, &aborted)));
            }
            total += cluster.evidence(&one, 4, 1_000);
            stop_two.store(true, Ordering::Relaxed);
            second.into_iter().for_each(|second| second.join().unwrap());
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while cluster.changes(4).len() < total as usize && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(200));
        }
        stop_one.store(true, Ordering::Relaxed);
        first.join().unwrap();
    });
    let seen = cluster.changes(4);
    let mut numbers = vec![Vec::new(); 4];
    for (partition, _, value, _) in &seen {
        numbers[usize::try_from(*partition).unwrap()].push(value.clone());
    }
    println!("{} changes of {total}, {} commits aborted", seen.len(), aborted.lock().unwrap());
    assert_eq!(seen.len(), total as usize);
    for (partition, values) in numbers.iter().enumerate() {
        let expected: Vec<String> = (0..6_000).map(|number| format!("{partition}/{}", number % 1_000)).collect();
        assert_eq!(values, &expected, "in order");
    }
}

#[test]
fn a_restore_reads_past_markers_to_the_high_watermark() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let total = cluster.evidence(&log, 1, 500);
    let mut worker = joined(&log);
    for round in 0..5 {
        let changes = [change(0, &format!("key{round}"), &round.to_string())];
        worker.commit(Transaction { changes: &changes, positions: &[(0, position(round, ""))] }).unwrap();
    }
    let mut restorer = worker.restorer().unwrap();
    let mut keys = Vec::new();
    let end = restorer
        .read_output(0, 0, &mut |record| {
            keys.push(String::from_utf8(record.key.to_vec()).unwrap());
            true
        })
        .unwrap();
    // Each commit takes a place of its own; the last may be on its way when the high watermark is asked for.
    assert!((9..=10).contains(&end) && keys.len() == 5, "{end} {keys:?}");
    assert_eq!(worker.output_end(0).unwrap(), 10);
    let begun = Instant::now();
    assert_eq!(restorer.read_output(0, 10, &mut |_| panic!("nothing there")).unwrap(), 10);
    assert_eq!(restorer.read_output(0, 9, &mut |_| panic!("a marker")).unwrap(), 10);
    println!("nothing to read: {:?}", begun.elapsed());

    let mut offsets = Vec::new();
    let mut take = |record: LogRecord| {
        offsets.push(record.offset);
        true
    };
    restorer.read_evidence(0, 100..u64::from(total), &mut take).unwrap();
    assert_eq!(offsets, (100..500).collect::<Vec<u64>>());
    assert_eq!(restorer.evidence_bounds(0).unwrap(), 0..500);
    let refused = restorer.read_evidence(0, 0..501, &mut |_| true).unwrap_err();
    assert!(refused.to_string().contains("ends at offset 500"), "{refused}");
    assert_eq!(refused.severity(), Severity::Transient, "its leader may be behind");
    assert_eq!(restorer.tombstones_kept_ms().unwrap(), 604_800_000);
}

#[test]
fn a_transaction_that_hangs_is_told_loudly() {
    let mut cluster = Cluster::new(1);
    cluster.settings.patience = Some(Duration::from_secs(2));
    let log = cluster.log();
    let mut worker = joined(&log);
    worker.commit(Transaction { changes: &[change(0, "a", "1")], positions: &[(0, position(0, ""))] }).unwrap();
    let hanging: BaseProducer = cluster
        .config()
        .set("transactional.id", format!("{}hanging", cluster.settings.prefix))
        .set("transaction.timeout.ms", "60000")
        .create()
        .unwrap();
    hanging.init_transactions(Duration::from_secs(10)).unwrap();
    hanging.begin_transaction().unwrap();
    let topic = Topic::Changes.name(&cluster.settings.prefix);
    hanging.send(BaseRecord::to(&topic).partition(0).key("open").payload("x")).unwrap();
    hanging.flush(Duration::from_secs(10)).unwrap();

    let mut restorer = worker.restorer().unwrap();
    let refused = restorer.read_output(0, 0, &mut |_| true).unwrap_err();
    assert_eq!(refused.severity(), Severity::Operator);
    assert!(refused.to_string().contains("kafka-transactions.sh find-hanging"), "{refused}");
    // Fenced, it is over.
    restorer.fence(&format!("{}hanging", cluster.settings.prefix)).unwrap();
    let mut count = 0;
    let end = restorer
        .read_output(0, 0, &mut |_| {
            count += 1;
            true
        })
        .unwrap();
    assert_eq!((count, end), (1, 4));
}
