//! A block of lines, handed out record by record.
//!
//! Owns the place in the block. Blank lines are no records but count; what its reader refused goes out as it stands
//! (of a line that is too large its first bytes), with a header that says why.

use fuma_schemas::Feed;

use super::growing::record;
use super::{BAD_ROW_HEADER, Each, TOO_LARGE_HEADER};
use crate::files::{Block, Refusal};
use crate::log::FeedRecord;

/// A block, and how much of it is out.
pub(super) struct OpenBlock {
    block: Block,
    at: usize,
    line: u64,
    refused: usize,
}

impl OpenBlock {
    pub(super) fn new(block: Block) -> OpenBlock {
        OpenBlock { at: 0, line: block.first_line, refused: 0, block }
    }

    /// The lines that are out, from the beginning of the file.
    pub(super) fn lines(&self) -> u64 {
        self.line - 1
    }

    /// Hands out what follows a number of lines; says how many records that were.
    pub(super) fn hand_out(
        &mut self,
        (feed, number): (Feed, u32),
        skipped_lines: u64,
        records_max: usize,
        each: Each<'_>,
    ) -> usize {
        let mut count = 0;
        while count < records_max && !self.is_empty() {
            let rest = &self.block.bytes[self.at..];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..length];
            let is_wanted = self.line > skipped_lines;
            let refused = self.block.refused.get(self.refused).filter(|row| row.line == self.line);
            self.refused += usize::from(refused.is_some());
            if let Some(row) = refused.filter(|_| is_wanted) {
                let (name, value) = header_of(&row.why);
                let headers = [(name, Some(value.as_bytes()))];
                each(FeedRecord { headers: &headers, ..record(feed, number, self.line, &row.raw) });
                count += 1;
            } else if is_wanted && !is_blank(line) {
                each(record(feed, number, self.line, line));
                count += 1;
            }
            self.at += length + 1;
            self.line += 1;
        }
        count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.block.bytes.len()
    }
}

/// What the header of a refused record says.
pub(super) fn header_of(why: &Refusal) -> (&'static str, String) {
    match why {
        Refusal::BadRow(message) => (BAD_ROW_HEADER, message.clone()),
        Refusal::TooLarge(oversize) => (TOO_LARGE_HEADER, format!("{} {}", oversize.length, oversize.sha256_hex())),
    }
}

pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
