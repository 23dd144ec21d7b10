//! What workers are asked to count, and what they counted: shared by the threads of a process.
//!
//! Owns the handle. Must never decide what a count means.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;

use crate::live::decisions::basis::Counted;

/// A publication that is to be counted on a basis.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its id.
    pub publication: String,
    /// The number of the switch whose pack judges.
    pub number: u64,
    /// How many publications are in force by these decisions.
    pub admitted: u64,
    /// How many are in force by decisions that are gone: those of an installation that was adopted.
    pub earlier: u64,
    /// Its rows.
    pub rows: Arc<[RecordBatch]>,
    /// The partitions whose counts are missing.
    pub missing: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Inner {
    asked: Vec<Arc<Asked>>,
    counted: Vec<Counted>,
}

/// What is asked and what was counted; clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<Inner>>);

impl Counts {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these are asked, and no others.
    pub fn ask(&self, asked: Vec<Asked>) {
        let mut inner = self.inner();
        let is_asked = |counted: &Counted| {
            asked.iter().any(|it| {
                it.publication == counted.publication
                    && (it.number, it.admitted) == (counted.number, counted.admitted)
                    && it.missing.contains(&counted.partition)
            })
        };
        inner.counted.retain(is_asked);
        inner.asked = asked.into_iter().map(Arc::new).collect();
    }

    /// The first that a partition has not counted.
    pub fn next(&self, partition: u32) -> Option<Arc<Asked>> {
        let inner = self.inner();
        let is_counted = |asked: &Asked| {
            inner.counted.iter().any(|it| it.publication == asked.publication && it.partition == partition)
        };
        let mut missing = inner.asked.iter().filter(|asked| asked.missing.contains(&partition));
        missing.find(|asked| !is_counted(asked)).cloned()
    }

    /// A partition has counted.
    pub fn counted(&self, counted: Counted) {
        self.inner().counted.push(counted);
    }

    /// What was counted and is asked for still: to be written.
    pub fn to_write(&self) -> Vec<Counted> {
        self.inner().counted.clone()
    }
}
