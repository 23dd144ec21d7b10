//! A spool: lines by key, in sorted runs on disk, merged at the end.
//!
//! ```text
//! mod       one writer: lines with keys -> runs in a file without a name
//! merge     runs of all writers -> lines in the order of keys
//! compact   changes as lines, without what they have in common
//! ```
//!
//! Changes come a step at a time, each step sorted; rejects come in the order of sources and lines. A line whose key is
//! not less than the last one's goes on with the run, so there are few runs.
//!
//! Owns the layout: key, length of the line, line. Must never keep more than its buffer in memory.

mod compact;
mod merge;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use fuma_schemas::{Instant, Person};

pub(super) use self::compact::{Changes, Words};
pub(super) use self::merge::merge;
use super::sink::RejectSink;
use super::{Rejected, SpoolError};

/// Bytes in memory before they go to disk, once some did.
const BUFFER_BYTES: usize = 4 << 20;
/// A key: of a change when and who, of a reject source and line; compared as bytes.
pub(super) type Key = [u8; 24];
/// What stands before a line: key, a byte for the reader, and the length.
const HEAD_BYTES: usize = size_of::<Key>() + 1 + 4;

/// A stretch of the spool whose keys do not fall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    first: Key,
    start: u64,
    end: u64,
}

/// One writer.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    /// Made when it is needed.
    file: Option<File>,
    /// How much is in the file.
    stored: u64,
    /// What is not.
    buffer: Vec<u8>,
    runs: Vec<Run>,
    last: Option<Key>,
    /// Bytes in memory before any go to disk: what fits is neither written nor read once more.
    kept_bytes: usize,
}

impl Spool {
    /// A spool whose file, should it need one, is in a folder; the system removes it whatever happens.
    pub(super) fn new(folder: &Path, kept_bytes: usize) -> Spool {
        let (folder, kept_bytes) = (folder.to_owned(), kept_bytes.max(BUFFER_BYTES));
        Spool { folder, file: None, stored: 0, buffer: Vec::new(), runs: Vec::new(), last: None, kept_bytes }
    }

    /// Adds a line; `note` is for the reader.
    fn push(&mut self, key: Key, note: u8, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), SpoolError> {
        let start = self.stored + self.buffer.len() as u64;
        self.buffer.extend_from_slice(&key);
        self.buffer.push(note);
        let length_at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        write(&mut self.buffer);
        let length = (self.buffer.len() - length_at - 4) as u32;
        self.buffer[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        let end = self.stored + self.buffer.len() as u64;
        match self.runs.last_mut().filter(|_| self.last.is_some_and(|last| last <= key)) {
            Some(run) => run.end = end,
            None => self.runs.push(Run { first: key, start, end }),
        }
        self.last = Some(key);
        let most = if self.file.is_none() { self.kept_bytes } else { BUFFER_BYTES };
        if self.buffer.len() >= most { self.store() } else { Ok(()) }
    }

    fn store(&mut self) -> Result<(), SpoolError> {
        let failed = |source| SpoolError::Disk { folder: self.folder.display().to_string(), source };
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(&self.folder).map_err(failed)?,
        };
        file.write_all_at(&self.buffer, self.stored).map_err(failed)?;
        self.stored += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(2 * BUFFER_BYTES);
        self.file = Some(file);
        Ok(())
    }

    /// Reads what stands at a place, from the file or from memory; may give less than asked for.
    fn read_at(&self, place: u64, bytes: &mut [u8]) -> io::Result<usize> {
        match &self.file {
            Some(file) if place < self.stored => {
                let most = bytes.len().min((self.stored - place) as usize);
                file.read_exact_at(&mut bytes[..most], place)?;
                Ok(most)
            }
            _ => {
                let from = self.buffer.get((place - self.stored) as usize..).unwrap_or_default();
                let most = bytes.len().min(from.len());
                bytes[..most].copy_from_slice(&from[..most]);
                Ok(most)
            }
        }
    }
}

/// The key of a change: instants before the epoch come first, too.
fn key_of(decided_at: Instant, person: Person) -> Key {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&(decided_at.0 as u64 ^ 1 << 63).to_be_bytes());
    key[8..].copy_from_slice(&person.0);
    key
}

/// When and who, by the key of a change.
pub(super) fn of_change(key: &Key) -> (Instant, Person) {
    let (mut decided_at, mut person) = ([0; 8], [0; 16]);
    decided_at.copy_from_slice(&key[..8]);
    person.copy_from_slice(&key[8..]);
    (Instant((u64::from_be_bytes(decided_at) ^ 1 << 63) as i64), Person(person))
}

impl RejectSink for Spool {
    fn reject(&mut self, source: usize, rejected: Rejected) -> Result<(), SpoolError> {
        let mut key = [0; 24];
        key[..8].copy_from_slice(&(source as u64).to_be_bytes());
        key[8..16].copy_from_slice(&rejected.line.to_be_bytes());
        self.push(key, 0, |line| rejected.write_json(line))
    }
}
