//! A log by key (phones, rides): who wants to reads it, from any place.
//!
//! Owns where one reader stands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use fuma_connectors::log::{Code, KeyedSource, LogError, LogRecord, Topic};

use super::SimulatedCluster;
use super::state::ClientNumber;

/// Reads records by key.
pub(super) struct SimulatedKeyed {
    cluster: SimulatedCluster,
    topic: Topic,
    client: ClientNumber,
    next: BTreeMap<u32, u64>,
}

impl SimulatedKeyed {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str, topic: Topic) -> SimulatedKeyed {
        let client = cluster.state().add_client(&format!("{instance}-{}", topic.name("")), instance);
        SimulatedKeyed { cluster: cluster.clone(), topic, client, next: BTreeMap::new() }
    }
}

impl KeyedSource for SimulatedKeyed {
    fn place(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        let Range { start, end } = self.bounds(partition)?;
        if offset < start || offset > end {
            let message = format!("simulated: {:?} {partition} holds {start}..{end}, not {offset}", self.topic);
            return Err(LogError::new(Code::OutOfRange, message));
        }
        self.next.insert(partition, offset);
        Ok(())
    }

    fn leave(&mut self, partition: u32) {
        self.next.remove(&partition);
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        let held = records.len();
        for (partition, next) in &mut self.next {
            if !state.has_leader(self.topic, *partition) {
                continue;
            }
            let records_max = state.batch_records();
            let log = state.log(self.topic, *partition);
            for record in log.committed(*next, log.end()).take(records_max) {
                *next = record.offset + 1;
                let value = record.value.clone().unwrap_or_default();
                let (partition, offset, timestamp) = (*partition, record.offset, record.timestamp);
                records.push(LogRecord { partition, offset, timestamp, value });
            }
        }
        if records.len() == held {
            state.advance(wait.as_millis() as u64);
        }
        Ok(())
    }

    fn bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(self.topic, partition)?;
        let log = state.log(self.topic, partition);
        Ok(log.first()..log.end())
    }
}
