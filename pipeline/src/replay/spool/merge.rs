//! Runs of all writers -> lines in the order of keys.
//!
//! A run is read from its first key on, so that of runs that follow one another one is open.
//!
//! Owns the merge. Holds one buffer a run that is open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::{HEAD_BYTES, Key, Run, Spool};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// What takes a line: the place of its spool, key, note, line.
pub(in crate::replay) type Each<'a> = &'a mut dyn FnMut(usize, &Key, u8, &[u8]) -> io::Result<()>;

/// Hands over all lines in the order of keys: the place of its spool, key, note, line.
///
/// # Errors
/// When a spool cannot be read back, or what `each` says.
pub(in crate::replay) fn merge(spools: &[Spool], each: Each<'_>) -> io::Result<()> {
    let mut waiting: Vec<(usize, Run)> =
        spools.iter().enumerate().flat_map(|(of, spool)| spool.runs.iter().map(move |run| (of, *run))).collect();
    waiting.sort_by_key(|(of, run)| Reverse((run.first, *of, run.start)));
    let mut open: BinaryHeap<Reverse<Open>> = BinaryHeap::new();
    loop {
        let top = open.peek().map(|Reverse(open)| open.key);
        if let Some((of, run)) = waiting.last().copied().filter(|(_, run)| top.is_none_or(|top| run.first <= top)) {
            waiting.pop();
            let mut opened = Open { key: run.first, of, at: run.start, end: run.end, bytes: Vec::new(), read: 0 };
            if opened.fill(spools, HEAD_BYTES)? {
                open.push(Reverse(opened));
            }
            continue;
        }
        let Some(Reverse(mut next)) = open.pop() else { return Ok(()) };
        next.hand_over(spools, each)?;
        if next.fill(spools, HEAD_BYTES)? {
            open.push(Reverse(next));
        }
    }
}

/// A run that is being read.
struct Open {
    /// The key of the next line.
    key: Key,
    of: usize,
    /// Where reading goes on, and where the run ends.
    at: u64,
    end: u64,
    bytes: Vec<u8>,
    /// How much of `bytes` was handed over.
    read: usize,
}

impl Open {
    /// Sees to it that so many bytes are there, and notes the key; false at the end of the run.
    fn fill(&mut self, spools: &[Spool], wanted: usize) -> io::Result<bool> {
        while self.bytes.len() - self.read < wanted {
            if self.at >= self.end {
                return Ok(false);
            }
            self.bytes.drain(..self.read);
            self.read = 0;
            let had = self.bytes.len();
            let most = (self.end - self.at).min(READ_BYTES.max(wanted) as u64) as usize;
            self.bytes.resize(had + most, 0);
            let got = spools[self.of].read_at(self.at, &mut self.bytes[had..])?;
            self.bytes.truncate(had + got);
            self.at += got as u64;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if let Some(key) = self.bytes.get(self.read..).and_then(|bytes| bytes.first_chunk()) {
            self.key = *key;
        }
        Ok(true)
    }

    fn hand_over(&mut self, spools: &[Spool], each: Each<'_>) -> io::Result<()> {
        let head = &self.bytes[self.read..self.read + HEAD_BYTES];
        let (note, length) = (head[HEAD_BYTES - 5], &head[HEAD_BYTES - 4..]);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if !self.fill(spools, HEAD_BYTES + length)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = self.read + HEAD_BYTES;
        each(self.of, &self.key, note, &self.bytes[line..line + length])?;
        self.read = line + length;
        Ok(())
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Open) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Open) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    /// Of one key in the order of writers: sources of one name keep their order.
    fn cmp(&self, other: &Open) -> std::cmp::Ordering {
        (self.key, self.of, self.at).cmp(&(other.key, other.of, other.at))
    }
}
