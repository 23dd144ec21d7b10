//! The journal: one frame a transaction, with its changes and positions. Its sync is the commit.
//!
//! ```text
//! count u32 | partition u32, offset u64, metadata                       of each position
//! count u32 | partition u32, key, value, count u32 of headers, each name, value     of each change
//! ```
//!
//! Texts and bytes have their length (u32) in front. The first frame of a segment holds all positions and no change,
//! so that a start reads one segment. An announced change is at `frame << 24 | place in the transaction`: any place
//! of the journal is found from it without an index.
//!
//! Owns this layout and the newest positions. Must never write half a transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use fuma_schemas::Instant;

use super::segments::{Cursor, Segments, firsts};
use super::{damaged, frame};
use crate::log::{AnnouncedRecord, LogError, OutputRecord, Position, Transaction, read_back_headers};

/// Bits of the place of a change in its transaction.
pub(super) const PLACE_BITS: u32 = 24;

/// The journal of all output partitions.
#[derive(Debug)]
pub(super) struct Journal {
    segments: Segments,
    positions: Mutex<BTreeMap<u32, Position>>,
}

/// A change as it stands in the journal.
#[derive(Clone, Debug)]
pub(super) struct JournalChange {
    pub(super) partition: u32,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) headers: Vec<(Bytes, Bytes)>,
}

impl Journal {
    pub(super) fn open(folder: &Path, segment_bytes: u64) -> Result<Journal, LogError> {
        let segments = Segments::open(folder, 0, segment_bytes)?;
        let end = segments.bounds().end;
        let newest = firsts(folder)?.into_iter().rev().find(|first| *first < end).unwrap_or(end);
        let (mut positions, mut fault) = (BTreeMap::new(), None);
        segments.read(&mut Cursor::new(newest), end, usize::MAX, &mut |record| {
            match Reader(record.value).positions() {
                Some(moved) => positions.extend(moved),
                None => fault = Some(record.offset),
            }
            fault.is_none()
        })?;
        match fault {
            Some(number) => Err(unreadable(folder, number)),
            None => Ok(Journal { segments, positions: Mutex::new(positions) }),
        }
    }

    pub(super) fn position(&self, partition: u32) -> Position {
        let positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.get(&partition).cloned().unwrap_or_default()
    }

    /// What tells it from one that is made at the same place later.
    pub(super) fn id(&self) -> &str {
        self.segments.id()
    }

    /// One past the last change, of any partition.
    pub(super) fn end(&self) -> u64 {
        self.segments.bounds().end << PLACE_BITS
    }

    /// Commits: when it returns, the disk has everything.
    pub(super) fn commit(&self, at: Instant, transaction: Transaction<'_>) -> Result<(), LogError> {
        if transaction.changes.len() >= 1 << PLACE_BITS {
            return Err(LogError::fatal(format!(
                "a transaction of {} changes is too large",
                transaction.changes.len()
            )));
        }
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let value = encode(transaction.positions.iter().map(|(partition, it)| (*partition, it)), transaction.changes);
        let checkpoint = (self.segments.begins_segment(frame::HEADER_BYTES + value.len()) && !positions.is_empty())
            .then(|| encode(positions.iter().map(|(partition, it)| (*partition, it)), &[]));
        self.segments.write(at, checkpoint.iter().chain([&value]).map(Vec::as_slice))?;
        self.segments.sync()?;
        positions.extend(transaction.positions.iter().cloned());
        Ok(())
    }

    /// Changes of a partition from a place on; returns the end as it was at the call.
    pub(super) fn read_output(
        &self,
        folder: &Path,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError> {
        let end = self.segments.bounds().end;
        let mut fault = None;
        self.segments.read(&mut Cursor::new(from >> PLACE_BITS), end, usize::MAX, &mut |record| {
            let (number, mut goes_on) = (record.offset, true);
            let whole = Reader(record.value).changes(&mut |place, change| {
                let offset = number << PLACE_BITS | place;
                if goes_on && change.partition == partition && offset >= from {
                    let headers = change.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
                    let headers = read_back_headers(headers);
                    goes_on = each(AnnouncedRecord { offset, key: change.key, value: Some(change.value), headers });
                }
            });
            fault = whole.is_none().then_some(number);
            goes_on && fault.is_none()
        })?;
        fault.map_or(Ok(end << PLACE_BITS), |number| Err(unreadable(folder, number)))
    }
}

pub(super) fn unreadable(folder: &Path, number: u64) -> LogError {
    damaged(folder, number, "a transaction is whole and yet unreadable: was it written by a newer fuma?")
}

/// The changes of a journal record, in order; none if it is no transaction.
pub(super) fn changes(value: Bytes) -> Option<Vec<JournalChange>> {
    let mut all = Vec::new();
    Reader(value).changes(&mut |_, change| all.push(change))?;
    Some(all)
}

/// The positions of a journal record; none if it is no transaction.
pub(super) fn positions(value: Bytes) -> Option<Vec<(u32, Position)>> {
    Reader(value).positions()
}

fn encode<'a>(positions: impl Iterator<Item = (u32, &'a Position)>, changes: &[OutputRecord]) -> Vec<u8> {
    let mut out = vec![0; 4];
    let mut count = 0_u32;
    for (partition, position) in positions {
        let Some(offset) = position.offset else { continue };
        out.extend_from_slice(&partition.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        put(&mut out, position.metadata.as_bytes());
        count += 1;
    }
    out[..4].copy_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&(changes.len() as u32).to_le_bytes());
    for change in changes {
        out.extend_from_slice(&change.partition.to_le_bytes());
        put(&mut out, change.key.as_bytes());
        put(&mut out, &change.value);
        out.extend_from_slice(&(change.headers.len() as u32).to_le_bytes());
        for (name, value) in &change.headers {
            put(&mut out, name.as_bytes());
            put(&mut out, value.as_bytes());
        }
    }
    out
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes a transaction apart; none where it does not fit.
struct Reader(Bytes);

impl Reader {
    fn positions(&mut self) -> Option<Vec<(u32, Position)>> {
        let count = self.number()?;
        let mut positions = Vec::new();
        for _ in 0..count {
            let (partition, offset) = (self.number()?, self.long()?);
            let metadata = String::from_utf8(self.bytes()?.to_vec()).ok()?;
            positions.push((partition, Position { offset: Some(offset), metadata }));
        }
        Some(positions)
    }

    fn changes(&mut self, each: &mut dyn FnMut(u64, JournalChange)) -> Option<()> {
        self.positions()?;
        let count = self.number()?;
        for place in 0..count {
            let (partition, key, value) = (self.number()?, self.bytes()?, self.bytes()?);
            let header_count = self.number()?;
            let mut headers = Vec::new();
            for _ in 0..header_count {
                headers.push((self.bytes()?, self.bytes()?));
            }
            each(place.into(), JournalChange { partition, key, value, headers });
        }
        self.0.is_empty().then_some(())
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = *self.0.first_chunk()?;
        drop(self.0.split_to(4));
        Some(u32::from_le_bytes(bytes))
    }

    fn long(&mut self) -> Option<u64> {
        let bytes = *self.0.first_chunk()?;
        drop(self.0.split_to(8));
        Some(u64::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = self.number()? as usize;
        (self.0.len() >= length).then(|| self.0.split_to(length))
    }
}
