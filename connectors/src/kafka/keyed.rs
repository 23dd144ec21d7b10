//! A log by key (phones, rides): its partitions at will, without a group.
//!
//! Owns the reader. Must never commit anything: how far a stage is, its snapshots say.

use std::ops::Range;
use std::time::Duration;

use super::client::Common;
use super::fetcher::Fetcher;
use crate::log::{Code, KeyedSource, LogError, LogRecord, Topic};

/// Reads records by key.
pub(super) struct KafkaKeyed {
    common: Common,
    topic: String,
    fetcher: Fetcher,
}

impl KafkaKeyed {
    pub(super) fn new(common: Common, topic: Topic) -> Result<KafkaKeyed, LogError> {
        let name = if topic == Topic::Rides { "aboard" } else { "attach" };
        let topic = common.settings.topic(topic);
        let fetcher = Fetcher::new(&common, name, topic.clone())?;
        Ok(KafkaKeyed { common, topic, fetcher })
    }
}

impl KeyedSource for KafkaKeyed {
    fn place(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        let held = self.bounds(partition)?;
        if offset < held.start || offset > held.end {
            let Range { start, end } = held;
            let message = format!("kafka: {} {partition} holds {start} to {end}, and {offset} is wanted", self.topic);
            return Err(LogError::new(Code::OutOfRange, message));
        }
        if !self.fetcher.holds(partition) {
            self.fetcher.hold(partition);
        }
        self.fetcher.place(partition, offset);
        Ok(())
    }

    fn leave(&mut self, partition: u32) {
        self.fetcher.drop(partition);
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        self.fetcher.poll(wait, records)
    }

    fn bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        self.common.bounds_now(&self.topic, partition)
    }
}
