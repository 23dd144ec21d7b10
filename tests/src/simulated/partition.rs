//! A partition: records and control markers, each at an offset of its own.
//!
//! Owns what a reader at an isolation level may see. Must never know who reads.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use fuma_schemas::Instant;

/// The number of a transaction, unique in the cluster.
pub(super) type TransactionNumber = u64;

/// A record as a topic holds it.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// The place in the partition.
    pub offset: u64,
    /// When the log took it.
    pub timestamp: Instant,
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value; none in a tombstone.
    pub value: Option<Bytes>,
    /// The headers, in order.
    pub headers: Vec<(String, Bytes)>,
}

/// What stands at an offset.
#[derive(Clone, Debug)]
enum Entry {
    /// A record, in a transaction or in none.
    Record(StoredRecord, Option<TransactionNumber>),
    /// The end of a transaction on this partition.
    Marker,
}

/// A record on its way in.
#[derive(Clone, Debug, Default)]
pub(super) struct NewRecord {
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<(String, Bytes)>,
}

/// A partition.
#[derive(Clone, Debug, Default)]
pub(super) struct PartitionLog {
    entries: BTreeMap<u64, Entry>,
    /// What retention took, for who looks at all that ever was.
    expired: BTreeMap<u64, Entry>,
    first: u64,
    end: u64,
    /// Transactions with records here and no marker yet, with their first offset.
    open: BTreeMap<TransactionNumber, u64>,
    aborted: BTreeSet<TransactionNumber>,
}

impl PartitionLog {
    /// The first offset that is held.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The high watermark: one past the last record or marker, whatever became of it.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The last stable offset: the first record of a transaction that has not ended here, or the end.
    pub(super) fn stable_end(&self) -> u64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    pub(super) fn append(&mut self, record: NewRecord, at: Instant, transaction: Option<TransactionNumber>) -> u64 {
        let offset = self.end;
        let NewRecord { key, value, headers } = record;
        let stored = StoredRecord { offset, timestamp: at, key, value, headers };
        self.entries.insert(offset, Entry::Record(stored, transaction));
        self.end += 1;
        if let Some(number) = transaction {
            self.open.entry(number).or_insert(offset);
        }
        offset
    }

    /// The marker of a transaction arrives: it takes an offset.
    pub(super) fn end_transaction(&mut self, number: TransactionNumber, committed: bool) {
        self.entries.insert(self.end, Entry::Marker);
        self.end += 1;
        self.open.remove(&number);
        if !committed {
            self.aborted.insert(number);
        }
    }

    /// Records from an offset on, below a bound, whose transactions were committed here.
    pub(super) fn committed(&self, from: u64, below: u64) -> impl Iterator<Item = &StoredRecord> {
        let seen = self.entries.range(from.min(below)..below);
        seen.filter_map(|(_, entry)| match entry {
            Entry::Record(record, None) => Some(record),
            Entry::Record(record, Some(number)) => self.is_committed(*number).then_some(record),
            Entry::Marker => None,
        })
    }

    fn is_committed(&self, number: TransactionNumber) -> bool {
        !self.open.contains_key(&number) && !self.aborted.contains(&number)
    }

    /// A marker of a transaction without records, as a mirror leaves them.
    pub(super) fn mark(&mut self) {
        self.entries.insert(self.end, Entry::Marker);
        self.end += 1;
    }

    /// Records are lost: nothing stands at their offsets any more.
    pub(super) fn lose(&mut self, offsets: &Range<u64>) {
        self.entries.retain(|offset, _| !offsets.contains(offset));
    }

    /// Retention: what is below an offset is gone.
    pub(super) fn retain_from(&mut self, first: u64) {
        self.first = self.first.max(first.min(self.end));
        let kept = self.entries.split_off(&self.first);
        self.expired.append(&mut std::mem::replace(&mut self.entries, kept));
    }

    /// The committed records that retention took.
    pub(super) fn expired(&self) -> impl Iterator<Item = &StoredRecord> {
        self.expired.values().filter_map(|entry| match entry {
            Entry::Record(record, None) => Some(record),
            Entry::Record(record, Some(number)) => self.is_committed(*number).then_some(record),
            Entry::Marker => None,
        })
    }

    /// Compaction up to the last stable offset: of a key the newest record stays; tombstones go, too.
    pub(super) fn compact(&mut self) {
        let mut newest: BTreeMap<Bytes, u64> = BTreeMap::new();
        for record in self.committed(self.first, self.stable_end()) {
            newest.insert(record.key.clone().unwrap_or_default(), record.offset);
        }
        let stable_end = self.stable_end();
        self.entries.retain(|offset, entry| match entry {
            Entry::Record(record, _) if *offset < stable_end => {
                let is_newest = record.key.as_ref().is_some_and(|key| newest.get(key) == Some(offset));
                is_newest && record.value.is_some()
            }
            _ => *offset >= stable_end,
        });
    }
}
