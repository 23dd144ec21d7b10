//! The reference topics as the process knows them: read whole, kept in order, shared by its workers.
//!
//! Owns the records of the regions and the order of the packs. A partition takes the regions in by itself, from its own
//! place on, so that a position says exactly which it has seen.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use fuma_connectors::log::{LogError, Reference, Topic};

/// A region record of the log.
#[derive(Clone, Debug)]
pub struct RegionRecord {
    /// One past its offset.
    pub next: u64,
    /// An evidence record with a section of regions.
    pub value: Bytes,
}

#[derive(Debug, Default)]
struct Known {
    regions: Vec<RegionRecord>,
    policies: Vec<Bytes>,
    policies_end: u64,
}

/// What the process has read of the reference topics.
#[derive(Clone, Debug, Default)]
pub struct References(Arc<RwLock<Known>>);

impl References {
    /// Takes in what is new.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    pub fn advance(&self, log: &mut dyn Reference, wait: Duration) -> Result<usize, LogError> {
        log.poll(wait, &mut |topic, record| {
            let Ok(mut known) = self.0.write() else { return };
            match topic {
                // A reader that was made anew begins at the beginning.
                Topic::Regions if record.offset >= known.regions.last().map_or(0, |last| last.next) => {
                    known.regions.push(RegionRecord { next: record.offset + 1, value: record.value });
                }
                Topic::Policies if record.offset >= known.policies_end => {
                    known.policies_end = record.offset + 1;
                    known.policies.push(record.value);
                }
                _ => {}
            }
        })
    }

    /// One past the last region record that was read.
    pub fn regions_end(&self) -> u64 {
        self.0.read().ok().and_then(|known| known.regions.last().map(|record| record.next)).unwrap_or(0)
    }

    /// One past the last record about a pack that was read.
    pub fn policies_end(&self) -> u64 {
        self.0.read().map_or(0, |known| known.policies_end)
    }

    /// The region records from one offset on and before another.
    pub fn regions(&self, from: u64, before: u64) -> Vec<RegionRecord> {
        let Ok(known) = self.0.read() else { return Vec::new() };
        let first = known.regions.partition_point(|record| record.next <= from);
        let of_range = known.regions.iter().skip(first).take_while(|record| record.next <= before);
        of_range.cloned().collect()
    }

    /// What was written about packs so far, in order.
    pub fn policies(&self) -> Vec<Bytes> {
        self.0.read().map(|known| known.policies.clone()).unwrap_or_default()
    }
}
