//! Bytes as they come -> blocks of whole lines, in bounded memory.
//!
//! Owns the numbering of lines, and which line is too large. Must never hold more of a line than the limit, and must
//! never do work for each line: a block costs one count of its line ends and a copy of its tail.

use super::oversize::Long;
use super::{Block, RECORD_BYTES_MAX, Refusal, Refused};

/// What is cut so far.
pub(crate) struct Cutter {
    limit: usize,
    next_line: u64,
    /// The beginning of a line, not longer than the limit.
    tail: Vec<u8>,
    /// The line at hand, where it is longer.
    long: Option<Long>,
    last: LastLine,
    has_left: bool,
}

/// What becomes of a last line that has no end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LastLine {
    /// It is a line as others are.
    #[default]
    Take,
    /// Somebody may still be writing it: it is left.
    Leave,
}

/// What came of one read.
pub(crate) struct Cut {
    /// The lines that ended, if any did.
    pub(crate) block: Option<Block>,
    /// Whether the source has ended.
    pub(crate) at_end: bool,
}

impl Cutter {
    pub(crate) fn new() -> Cutter {
        Cutter::with_limit(RECORD_BYTES_MAX)
    }

    pub(super) fn with_limit(limit: usize) -> Cutter {
        Cutter { limit, next_line: 1, tail: Vec::new(), long: None, last: LastLine::Take, has_left: false }
    }

    /// The same with another treatment of the last line.
    pub(super) fn with_last(self, last: LastLine) -> Cutter {
        Cutter { last, ..self }
    }

    /// Whether a last line without an end was left.
    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    /// From the next read on, lines are too large beyond so many bytes.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Cuts what `read` appends; it says whether the source has ended. With `read_bytes` more room is made before.
    pub(crate) fn next<E>(
        &mut self,
        read_bytes: usize,
        read: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<Cut, E> {
        let mut bytes = std::mem::take(&mut self.tail);
        bytes.reserve(read_bytes);
        let at_end = read(&mut bytes)?;
        // What has no end is treated as if more came, and left at the end.
        let takes_last = at_end && self.last == LastLine::Take;
        let mut refused = Vec::new();
        if !self.go_on(&mut bytes, takes_last, &mut refused) {
            self.has_left = at_end;
            return Ok(Cut { block: None, at_end });
        }
        self.take_long(&mut bytes, takes_last, &mut refused);
        if !takes_last && self.long.is_none() {
            let cut = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            self.tail = Vec::with_capacity(bytes.len() - cut + read_bytes);
            self.tail.extend_from_slice(&bytes[cut..]);
            bytes.truncate(cut);
        }
        self.has_left = at_end && (self.long.is_some() || !self.tail.trim_ascii().is_empty());
        if bytes.is_empty() {
            return Ok(Cut { block: None, at_end });
        }
        let first_line = self.next_line;
        self.next_line += line_ends(&bytes);
        Ok(Cut { block: Some(Block { first_line, bytes, refused }), at_end })
    }

    /// Goes on with a long line; false while nothing of another one is there.
    fn go_on(&mut self, bytes: &mut Vec<u8>, at_end: bool, refused: &mut Vec<Refused>) -> bool {
        let Some(mut long) = self.long.take() else { return true };
        let end = memchr::memchr(b'\n', bytes);
        long.extend(&bytes[..end.unwrap_or(bytes.len())]);
        match end {
            Some(end) => drop(bytes.drain(..end)),
            None if at_end => *bytes = vec![b'\n'],
            None => {
                self.long = Some(long);
                return false;
            }
        }
        refused.extend(Refused::too_large(self.next_line, long));
        true
    }

    /// Takes lines that are longer than the limit out of the bytes; each leaves an empty line.
    fn take_long(&mut self, bytes: &mut Vec<u8>, at_end: bool, refused: &mut Vec<Refused>) {
        let mut from = 0;
        while let Some(start) = long_line(bytes, from, self.limit) {
            let end = memchr::memchr(b'\n', &bytes[start..]).map(|at| start + at);
            let long = Long::of(&bytes[start..end.unwrap_or(bytes.len())]);
            match end {
                Some(end) => drop(bytes.drain(start..end)),
                None if at_end => {
                    bytes.truncate(start);
                    bytes.push(b'\n');
                }
                None => {
                    bytes.truncate(start);
                    self.long = Some(long);
                    return;
                }
            }
            refused.extend(Refused::too_large(self.next_line + line_ends(&bytes[..start]), long));
            from = start + 1;
        }
    }
}

impl Refused {
    /// None of a line of blanks, which is no record.
    pub(super) fn too_large(line: u64, long: Long) -> Option<Refused> {
        let why = Refusal::TooLarge(long.oversize());
        (!long.is_blank()).then(|| Refused { line, raw: long.into_raw(), why })
    }
}

/// Where the first line begins that has more bytes than the limit. Looks at few bytes but of such a line.
fn long_line(bytes: &[u8], mut from: usize, limit: usize) -> Option<usize> {
    loop {
        let window = bytes.get(from..)?.get(..=limit)?;
        match memchr::memrchr(b'\n', window) {
            Some(at) => from += at + 1,
            None => return Some(from),
        }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
