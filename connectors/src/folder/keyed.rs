//! A log by key (phones, rides) in a folder: its partitions at will.
//!
//! Owns where its reader stands. Must never write.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::segments::{Cursor, Segments};
use super::store::{Store, passed};
use crate::log::{Code, KeyedSource, LogError, LogRecord, Topic};

/// What one poll gives, over all partitions.
const POLL_BYTES_MAX: usize = 4 << 20;

/// Reads records by key.
pub(super) struct FolderKeyed {
    store: Arc<Store>,
    topic: Topic,
    reading: BTreeMap<u32, Cursor>,
}

impl FolderKeyed {
    pub(super) fn new(store: &Arc<Store>, topic: Topic) -> FolderKeyed {
        FolderKeyed { store: Arc::clone(store), topic, reading: BTreeMap::new() }
    }

    fn log(&self, partition: u32) -> Result<&Segments, LogError> {
        self.store.log(self.topic, partition)
    }
}

impl KeyedSource for FolderKeyed {
    fn place(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        let Range { start, end } = self.log(partition)?.bounds();
        if offset < start || offset > end {
            let message = format!("{} {partition} holds {start} to {end}, and {offset} is wanted", self.topic.name(""));
            return Err(LogError::new(Code::OutOfRange, message));
        }
        self.reading.insert(partition, Cursor::new(offset));
        Ok(())
    }

    fn leave(&mut self, partition: u32) {
        self.reading.remove(&partition);
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        let (held, began) = (records.len(), passed());
        let share_bytes = POLL_BYTES_MAX / self.reading.len().max(1);
        loop {
            let seen = self.store.signal.count();
            for (partition, cursor) in &mut self.reading {
                self.store.log(self.topic, *partition)?.read(cursor, u64::MAX, share_bytes, &mut |record| {
                    records.push(record);
                    true
                })?;
            }
            let left = wait.saturating_sub(passed().saturating_sub(began));
            if records.len() > held || left.is_zero() || !self.store.signal.wait(seen, left) {
                return Ok(());
            }
        }
    }

    fn bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        Ok(self.log(partition)?.bounds())
    }

    fn trim(&mut self, partition: u32, below: u64) -> Result<(), LogError> {
        self.log(partition)?.trim(below).map(|_| ())
    }
}
