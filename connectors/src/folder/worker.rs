//! The worker's port: a fixed share of the partitions, one journal frame a transaction.
//!
//! There is one process, so nothing moves: a worker is assigned its share at its first poll and keeps it. One that is
//! made again for the same slot takes over from the one before, whose commits are refused from then on.
//!
//! Owns what one worker reads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fuma_schemas::Instant;

use super::segments::Cursor;
use super::store::{Store, now, passed};
use crate::log::{
    AnnouncedRecord, Code, EndsQuestion, GroupEvent, LogError, LogRecord, Outcome, Position, RestoreLog, Transaction,
    WorkerLog,
};

/// What one poll gives, over all partitions.
const POLL_BYTES_MAX: usize = 4 << 20;
/// The longest metadata of a position, as on Kafka.
const METADATA_BYTES_MAX: usize = 4096;

/// A worker of the folder.
pub(super) struct FolderWorker {
    store: Arc<Store>,
    owner: String,
    slot: usize,
    epoch: u64,
    is_assigned: bool,
    reading: BTreeMap<u32, Cursor>,
    /// Where the next poll begins, so that no partition starves another.
    turn: usize,
}

impl FolderWorker {
    pub(super) fn new(store: &Arc<Store>, slot: usize) -> Result<FolderWorker, LogError> {
        let Some(epoch) = store.epochs.get(slot) else {
            let workers = store.epochs.len();
            return Err(LogError::operator(format!("the folder was opened for {workers} workers, this is {slot}")));
        };
        let epoch = epoch.fetch_add(1, Ordering::AcqRel) + 1;
        Ok(FolderWorker {
            store: Arc::clone(store),
            owner: format!("folder-{slot}"),
            slot,
            epoch,
            is_assigned: false,
            reading: BTreeMap::new(),
            turn: 0,
        })
    }

    fn refuse_replaced(&self) -> Result<(), LogError> {
        match self.store.epochs.get(self.slot).map(|epoch| epoch.load(Ordering::Acquire)) == Some(self.epoch) {
            true => Ok(()),
            false => Err(LogError::fatal(format!("{} was made again", self.owner))),
        }
    }

    fn read(&mut self, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        let count = self.reading.len();
        let share_bytes = POLL_BYTES_MAX / count.max(1);
        self.turn = (self.turn + 1) % count.max(1);
        let in_turn: Vec<u32> = self.reading.keys().copied().cycle().skip(self.turn).take(count).collect();
        for partition in in_turn {
            let (Some(cursor), log) = (self.reading.get_mut(&partition), self.store.evidence(partition)?) else {
                continue;
            };
            log.read(cursor, u64::MAX, share_bytes, &mut |record| {
                records.push(record);
                true
            })?;
        }
        Ok(())
    }
}

impl WorkerLog for FolderWorker {
    fn owner(&self) -> &str {
        &self.owner
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<Vec<GroupEvent>, LogError> {
        self.refuse_replaced()?;
        if !std::mem::replace(&mut self.is_assigned, true) {
            let workers = self.store.epochs.len() as u32;
            let share = (0..self.store.partitions).filter(|partition| partition % workers == self.slot as u32);
            return Ok(vec![GroupEvent::Assigned(share.collect())]);
        }
        let (held, began) = (records.len(), passed());
        loop {
            let seen = self.store.signal.count();
            self.read(records)?;
            let left = wait.saturating_sub(passed().saturating_sub(began));
            if records.len() > held || left.is_zero() || !self.store.signal.wait(seen, left) {
                return Ok(Vec::new());
            }
        }
    }

    fn is_member(&self) -> bool {
        self.is_assigned
    }

    fn accept(&mut self, _partitions: &[u32]) -> Result<(), LogError> {
        self.refuse_replaced()
    }

    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        self.reading.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }

    fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        let Range { start, end } = self.store.evidence(partition)?.bounds();
        if offset < start || offset > end {
            let message = format!("evidence {partition} holds {start} to {end}, and {offset} is wanted");
            return Err(LogError::new(Code::OutOfRange, message));
        }
        self.reading.insert(partition, Cursor::new(offset));
        Ok(())
    }

    fn pause(&mut self, partition: u32) -> Result<(), LogError> {
        self.reading.remove(&partition);
        Ok(())
    }

    fn commit(&mut self, transaction: Transaction<'_>) -> Result<Outcome, LogError> {
        self.refuse_replaced()?;
        if transaction.positions.is_empty() {
            return Err(LogError::fatal("a transaction without positions"));
        }
        let is_too_long = |(_, position): &(u32, Position)| position.metadata.len() > METADATA_BYTES_MAX;
        if transaction.positions.iter().any(is_too_long) {
            return Err(LogError::fatal(format!("the metadata of a position has over {METADATA_BYTES_MAX} bytes")));
        }
        self.store.journal.commit(now(), transaction)?;
        Ok(Outcome::Committed)
    }

    fn clock(&mut self) -> Result<Instant, LogError> {
        Ok(now())
    }

    fn output_end(&mut self, _partition: u32) -> Result<u64, LogError> {
        Ok(self.store.journal.end())
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        Ok(self.store.evidence(partition)?.bounds())
    }

    fn ends(&self, partition: u32) -> EndsQuestion {
        let store = Arc::clone(&self.store);
        Box::new(move || Ok((store.journal.end(), store.evidence(partition)?.bounds())))
    }

    fn trim(&mut self, partition: u32, below: u64) -> Result<(), LogError> {
        self.store.evidence(partition)?.trim(below).map(|_| ())
    }

    fn restorer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        Ok(Box::new(FolderRestore { store: Arc::clone(&self.store) }))
    }
}

/// Asks and reads, and is no worker.
pub(super) fn observer(store: &Arc<Store>) -> Box<dyn RestoreLog> {
    Box::new(FolderRestore { store: Arc::clone(store) })
}

/// Reads a partition's past. Nothing is ever open: a transaction is one frame.
struct FolderRestore {
    store: Arc<Store>,
}

impl RestoreLog for FolderRestore {
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        Ok(self.store.journal.position(partition))
    }

    fn fence(&mut self, _owner: &str) -> Result<(), LogError> {
        Ok(())
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        self.position(partition)
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        Ok(self.store.evidence(partition)?.bounds())
    }

    fn read_evidence(
        &mut self,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError> {
        let log = self.store.evidence(partition)?;
        let Range { start, end } = log.bounds();
        if !offsets.is_empty() && (offsets.start < start || offsets.end > end) {
            let message = format!("evidence {partition} holds {start} to {end}, and {offsets:?} is wanted");
            return Err(LogError::new(Code::OutOfRange, message));
        }
        log.read(&mut Cursor::new(offsets.start), offsets.end, usize::MAX, each)
    }

    fn read_output(
        &mut self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError> {
        self.store.journal.read_output(&self.store.journal_folder(), partition, from, each)
    }

    /// The journal keeps everything.
    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        Ok(i64::MAX)
    }
}
