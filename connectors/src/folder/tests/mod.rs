//! The folder under kills, cuts and damage.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod changed;
mod crash;
mod feeds;
mod outside;
mod ports;
mod segments;

use std::time::Duration;

use crate::log::{GroupEvent, LogError, Outcome, OutputRecord, Position, Transaction, WorkerLog};

const SOON: Duration = Duration::from_millis(20);

/// The worker, with its share taken on.
fn begin(worker: &mut dyn WorkerLog) -> Vec<u32> {
    let events = worker.poll(SOON, &mut Vec::new()).unwrap();
    let [GroupEvent::Assigned(partitions)] = events.as_slice() else { panic!("{events:?}") };
    worker.accept(partitions).unwrap();
    let mut restorer = worker.restorer().unwrap();
    for partition in partitions {
        let position = restorer.stable_position(*partition).unwrap();
        worker.resume(*partition, position.offset.unwrap_or_default()).unwrap();
    }
    partitions.clone()
}

fn change(partition: u32, key: &str, value: &str) -> OutputRecord {
    let headers = vec![("ce_id", format!("{key}-{value}"))];
    OutputRecord { partition, key: key.to_owned(), value: value.as_bytes().to_vec(), headers }
}

/// A change of each partition, all with one value, and the offset for all of them.
fn commit(worker: &mut dyn WorkerLog, partitions: &[u32], offset: u64, value: &str) -> Result<Outcome, LogError> {
    let changes: Vec<OutputRecord> =
        partitions.iter().map(|partition| change(*partition, &format!("p{partition}"), value)).collect();
    let position = |partition: &u32| (*partition, Position { offset: Some(offset), metadata: value.to_owned() });
    let positions: Vec<(u32, Position)> = partitions.iter().map(position).collect();
    worker.commit(Transaction { changes: &changes, positions: &positions })
}

/// Offsets and values of an output partition, and its end.
fn output(worker: &dyn WorkerLog, partition: u32, from: u64) -> (Vec<(u64, String)>, u64) {
    let mut found = Vec::new();
    let mut each = |record: crate::log::AnnouncedRecord| {
        assert_eq!(record.key, format!("p{partition}"));
        found.push((record.offset, String::from_utf8(record.value.unwrap().to_vec()).unwrap()));
        true
    };
    let end = worker.restorer().unwrap().read_output(partition, from, &mut each).unwrap();
    (found, end)
}
