//! Three workers under every fault by chance: from a seed, the same again.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{GroupEvent, Log, LogError, LogRecord, Outcome, Position, Topic, Transaction, WorkerLog};

use super::super::{FaultRates, MarkerDelivery, Settings, SimulatedCluster};
use super::{announced, change};

/// Three workers that copy evidence to output under every fault by chance: what is announced is the evidence, once.
fn copied(seed: u64, is_careful: bool) -> Vec<Vec<(u64, String)>> {
    let markers = MarkerDelivery::Late { ms_max: 300 };
    let cluster = SimulatedCluster::new(Settings { seed, markers, batch_records_max: 7, ..Settings::default() });
    cluster.set_fault_rates(FaultRates {
        abort: 50,
        answer_lost: 30,
        crash_in_commit: 60,
        crash_in_call: 5,
        reading: 0,
    });
    for n in 0..200_u32 {
        cluster.append(Topic::Evidence, n % 4, format!("{n}"));
    }
    let mut copies: Vec<Copy> = (0..3).map(|n| Copy::new(&cluster, &format!("w{n}"), is_careful)).collect();
    let done = |cluster: &SimulatedCluster| (0..4).all(|partition| cluster.position(partition).offset == Some(50));
    for _ in 0..20_000 {
        if done(&cluster) {
            break;
        }
        let n = cluster.draw(3) as usize;
        copies[n].step();
    }
    assert!(done(&cluster), "seed {seed} does not finish");
    cluster.set_fault_rates(FaultRates::default());
    cluster.advance(60_000);
    (0..4).map(|partition| announced(&cluster, partition)).collect()
}

/// A worker without a state: each record becomes a change.
struct Copy {
    cluster: SimulatedCluster,
    process: String,
    /// Whether it waits for what is open before it takes a position for true.
    is_careful: bool,
    worker: Option<Box<dyn WorkerLog>>,
}

impl Copy {
    fn new(cluster: &SimulatedCluster, process: &str, is_careful: bool) -> Copy {
        Copy { cluster: cluster.clone(), process: process.to_owned(), is_careful, worker: None }
    }

    fn step(&mut self) {
        if self.try_step().is_err() {
            self.worker = None;
        }
    }

    fn try_step(&mut self) -> Result<(), LogError> {
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => self.cluster.process(&self.process).worker(0)?,
        };
        let mut records = Vec::new();
        let events = worker.poll(Duration::from_millis(50), &mut records)?;
        for event in events {
            match event {
                GroupEvent::Assigned(partitions) => {
                    worker.accept(&partitions)?;
                    partitions
                        .into_iter()
                        .try_for_each(|partition| restore(&mut *worker, partition, self.is_careful))?;
                }
                GroupEvent::Revoked(gone) | GroupEvent::Lost(gone) => worker.release(&gone)?,
            }
        }
        copy_batch(&mut *worker, &records)?;
        self.worker = Some(worker);
        Ok(())
    }
}

fn restore(worker: &mut dyn WorkerLog, partition: u32, is_careful: bool) -> Result<(), LogError> {
    let mut restorer = worker.restorer()?;
    let Position { offset, metadata: owner } = restorer.position(partition)?;
    if !is_careful {
        return worker.resume(partition, offset.unwrap_or_default());
    }
    if !owner.is_empty() && owner != worker.owner() {
        restorer.fence(&owner)?;
    }
    let offset = restorer.stable_position(partition)?.offset.unwrap_or_default();
    worker.resume(partition, offset)
}

/// One transaction; an abort rewinds every partition in it.
fn copy_batch(worker: &mut dyn WorkerLog, records: &[LogRecord]) -> Result<(), LogError> {
    let (mut first, mut next) = (BTreeMap::new(), BTreeMap::new());
    let mut changes = Vec::new();
    for LogRecord { partition, offset, value, .. } in records {
        first.entry(*partition).or_insert(*offset);
        next.insert(*partition, *offset + 1);
        let value = str::from_utf8(value).unwrap();
        changes.push(change(*partition, value, value));
    }
    let position = |(partition, offset): (u32, u64)| {
        (partition, Position { offset: Some(offset), metadata: worker.owner().to_owned() })
    };
    let positions: Vec<(u32, Position)> = next.into_iter().map(position).collect();
    if positions.is_empty() {
        return Ok(());
    }
    match worker.commit(Transaction { changes: &changes, positions: &positions })? {
        Outcome::Committed => Ok(()),
        Outcome::Aborted => first.into_iter().try_for_each(|(partition, offset)| worker.resume(partition, offset)),
    }
}

#[test]
fn chance_neither_loses_nor_repeats_and_is_the_same_again() {
    for seed in 1..=40 {
        let output = copied(seed, true);
        assert!(is_exactly_once(&output), "seed {seed}: {output:?}");
        assert_eq!(output, copied(seed, true), "seed {seed} gives the same run");
    }
}

#[test]
fn chance_finds_who_does_not_wait_for_markers() {
    assert!((1..=40).any(|seed| !is_exactly_once(&copied(seed, false))));
}

fn is_exactly_once(output: &[Vec<(u64, String)>]) -> bool {
    output.iter().enumerate().all(|(partition, records)| {
        let values = records.iter().map(|(_, value)| value.clone());
        values.eq((0..50).map(|n| format!("{}", n * 4 + partition)))
    })
}
