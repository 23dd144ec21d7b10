//! The reference topics as the process knows them: read whole, kept in order, shared by its workers.
//!
//! Owns the records of the regions and the order of the packs. A partition takes the regions in by itself, from its own
//! place on, so that a position says exactly which it has seen.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use fuma_connectors::log::{LogError, Reference, Topic};

use crate::live::guard::{Publications, Taken};
use crate::live::record::{self, Origin, RecordError, Section};

/// A region record of the log.
#[derive(Clone, Debug)]
pub struct RegionRecord {
    /// One past its offset.
    pub next: u64,
    /// What it does.
    pub taken: Taken,
}

impl RegionRecord {
    /// The sections that take effect here.
    ///
    /// # Errors
    /// When the record is damaged, another's, or a newer build's.
    pub fn sections(&self, origin: Origin) -> Result<Vec<Section>, RecordError> {
        match &self.taken {
            Taken::AsItIs(value) => record::read_as(value, origin),
            Taken::Nothing => Ok(Vec::new()),
            Taken::Admitted(admitted) => admitted.sections(origin),
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    regions: Vec<RegionRecord>,
    publications: Publications,
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
                    let taken = known.publications.take(&record);
                    known.regions.push(RegionRecord { next: record.offset + 1, taken });
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

    /// Looks at the publications of tiers.
    pub fn publications<T>(&self, look: impl FnOnce(&Publications) -> T) -> Option<T> {
        self.0.read().ok().map(|known| look(&known.publications))
    }

    /// What was written about packs so far, in order.
    pub fn policies(&self) -> Vec<Bytes> {
        self.0.read().map(|known| known.policies.clone()).unwrap_or_default()
    }
}
