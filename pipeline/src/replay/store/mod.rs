//! What was decoded, until it is judged: pieces of evidence batches, in memory as far as they fit, else on disk.
//!
//! ```text
//! mod      pieces by partition, as decoding threads bring them
//! sorted   pieces that overlap too much -> sorted ones
//! disk     pieces on disk
//! cursor   rows of pieces in the order of ticks
//! ```
//!
//! Files are nearly sorted by known_at, so a piece covers a short time, and a replay has few of them open at once.
//! Where
//! that does not hold, pieces are sorted before they go to disk. So memory follows the state, not the input.
//!
//! Owns where a batch is. Must never look into a row but for its known_at.

mod cursor;
mod disk;
mod sorted;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{Array as _, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use fuma_schemas::evidence::log;
use fuma_schemas::{Instant, Kind};

pub(super) use self::cursor::Cursor;
use self::disk::{Disk, Stored};
use super::SpoolError;

/// How many pieces of a kind may cover one instant before they are sorted on their way to disk.
const DEPTH_MAX: usize = 8;

/// Some rows of one kind, and the time that they cover.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) first: Instant,
    pub(super) last: Instant,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(RecordBatch),
    Disk(Stored),
}

impl Piece {
    /// A piece in memory; none without rows.
    fn new(kind: Kind, batch: RecordBatch) -> Option<Piece> {
        let (first, last) = span_of(&batch)?;
        Some(Piece { kind, first, last, place: Place::Memory(batch) })
    }

    /// The rows.
    pub(super) fn read(self) -> Result<RecordBatch, SpoolError> {
        match self.place {
            Place::Memory(batch) => Ok(batch),
            Place::Disk(stored) => stored.read(),
        }
    }

    fn bytes(&self) -> usize {
        match &self.place {
            // What is in it: builders make room for more, which nobody touched.
            Place::Memory(batch) => batch.columns().iter().map(bytes_of).sum(),
            Place::Disk(_) => 0,
        }
    }
}

/// The pieces of one partition.
#[derive(Debug)]
struct Pieces {
    /// On disk, and those that stay in memory.
    settled: Vec<Piece>,
    /// In memory, and their bytes.
    fresh: Vec<Piece>,
    fresh_bytes: usize,
    disk: Disk,
}

/// The pieces of all partitions.
#[derive(Debug)]
pub(super) struct Store {
    /// Those of evidence, and of phones as the last.
    partitions: Vec<Mutex<Pieces>>,
    /// The bytes that a partition may keep in memory, and those that phones may.
    bytes_max: usize,
    phone_bytes_max: usize,
}

/// Phones may keep one of so many parts of what people may, besides: most replays have none, and what is set aside for
/// them must not send people's records to disk.
const PHONES_SHARE: usize = 8;

impl Store {
    /// An empty store, that keeps so many bytes in memory and the rest in files without a name in a folder.
    pub(super) fn new(partitions: usize, bytes_max: usize, folder: &Path) -> Store {
        let pieces = || Pieces { settled: Vec::new(), fresh: Vec::new(), fresh_bytes: 0, disk: Disk::new(folder) };
        let partitions = partitions.max(1);
        Store {
            bytes_max: bytes_max / partitions,
            phone_bytes_max: bytes_max / PHONES_SHARE,
            partitions: (0..=partitions).map(|_| Mutex::new(pieces())).collect(),
        }
    }

    /// Takes batches of a partition.
    ///
    /// # Errors
    /// When the disk cannot take them.
    pub(super) fn add(&self, partition: usize, batches: Vec<(Kind, RecordBatch)>) -> Result<(), SpoolError> {
        let is_phones = partition + 1 == self.partitions.len();
        let bytes_max = if is_phones { self.phone_bytes_max } else { self.bytes_max };
        let Some(pieces) = self.partitions.get(partition) else { return Ok(()) };
        let mut pieces = locked(pieces);
        for piece in batches.into_iter().filter_map(|(kind, batch)| Piece::new(kind, batch)) {
            pieces.fresh_bytes += piece.bytes();
            pieces.fresh.push(piece);
        }
        if pieces.fresh_bytes > bytes_max { pieces.settle() } else { Ok(()) }
    }

    /// Takes batches of records of phones.
    ///
    /// # Errors
    /// When the disk cannot take them.
    pub(super) fn add_phones(&self, batches: Vec<(Kind, RecordBatch)>) -> Result<(), SpoolError> {
        if batches.is_empty() { Ok(()) } else { self.add(self.partitions.len().saturating_sub(1), batches) }
    }

    /// The pieces by partition, and those of phones.
    pub(super) fn finish(self) -> (Vec<Vec<Piece>>, Vec<Piece>) {
        let partitions = self.partitions.into_iter();
        let all = partitions.map(|pieces| {
            let Pieces { mut settled, mut fresh, .. } = pieces.into_inner().unwrap_or_else(PoisonError::into_inner);
            settled.append(&mut fresh);
            settled
        });
        let mut all: Vec<Vec<Piece>> = all.collect();
        let phones = all.pop().unwrap_or_default();
        (all, phones)
    }
}

impl Pieces {
    /// Brings what is fresh to disk, sorted if need be.
    fn settle(&mut self) -> Result<(), SpoolError> {
        self.fresh_bytes = 0;
        let fresh = sorted::shallow(std::mem::take(&mut self.fresh), DEPTH_MAX)?;
        for Piece { kind, first, last, place } in fresh {
            let place = match place {
                Place::Memory(batch) => Place::Disk(self.disk.write(&batch)?),
                stored => stored,
            };
            self.settled.push(Piece { kind, first, last, place });
        }
        Ok(())
    }
}

fn bytes_of(column: &ArrayRef) -> usize {
    column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
}

fn locked(pieces: &Mutex<Pieces>) -> MutexGuard<'_, Pieces> {
    pieces.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the rows of a batch became known.
fn known_at(batch: &RecordBatch) -> &[i64] {
    batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().values()
}

/// The first and the last known_at of a batch.
pub(super) fn span_of(batch: &RecordBatch) -> Option<(Instant, Instant)> {
    let known = known_at(batch);
    Some((Instant(*known.iter().min()?), Instant(*known.iter().max()?)))
}
