//! From the rows of a table to blocks: one JSON object a line, so that a line of a block is a row of the table.
//!
//! Owns how a cell becomes JSON, the numbering of rows, and which row of a table without lines is too large. Must never
//! judge a cell: a text where an integer belongs goes on as a JSON string, and intake says `bad-type`.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::oversize::Long;
use super::{Block, Fault, RECORD_BYTES_MAX, Refusal, Refused};

/// Writes the rows of one table and hands over the blocks as they fill.
pub(super) struct TableWriter<'a> {
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    block_bytes: usize,
    /// The number of the row that is being written.
    line: u64,
    /// Where that row begins in the block.
    row_start: usize,
    /// The row at hand, where its JSON is longer than a record may be.
    long: Option<Long>,
    block: Block,
    each: &'a mut dyn FnMut(Block),
}

impl<'a> TableWriter<'a> {
    /// A table with these headings; one that is there twice makes the file damaged.
    pub(super) fn new(
        headings: &[Cow<'_, str>],
        block_bytes: usize,
        each: &'a mut dyn FnMut(Block),
    ) -> Result<TableWriter<'a>, Fault> {
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        for (at, heading) in headings.iter().enumerate() {
            if let Some(before) = places.insert(heading, at) {
                // Not the heading itself: in a table without a row of headings it is a cell.
                return Err(Fault::Damaged(format!("columns {} and {} have one heading", before + 1, at + 1)));
            }
        }
        let keys = headings.iter().map(|heading| key(heading)).collect();
        let block = Block { first_line: 1, bytes: Vec::with_capacity(block_bytes), refused: Vec::new() };
        Ok(TableWriter { keys, block_bytes, line: 1, row_start: 0, long: None, block, each })
    }

    /// How many columns there are.
    pub(super) fn width(&self) -> usize {
        self.keys.len()
    }

    /// The key of a column, and behind it the place for its value.
    pub(super) fn cell(&mut self, column: usize) -> &mut Vec<u8> {
        let separator = if self.block.bytes.len() == self.row_start { b'{' } else { b',' };
        self.block.bytes.push(separator);
        if let Some(key) = self.keys.get(column) {
            self.block.bytes.extend_from_slice(key);
        }
        &mut self.block.bytes
    }

    /// Ends a row whose cells are written.
    pub(super) fn end_row(&mut self) {
        if self.block.bytes.len() == self.row_start {
            self.block.bytes.push(b'{');
        }
        self.block.bytes.extend_from_slice(b"}\n");
        self.next_row();
    }

    /// An empty line among the rows: no record, but it counts.
    pub(super) fn empty_row(&mut self) {
        self.block.bytes.push(b'\n');
        self.next_row();
    }

    /// A row that is not read: an empty line keeps its place.
    pub(super) fn refuse(&mut self, raw: Vec<u8>, why: Refusal) {
        self.block.bytes.truncate(self.row_start);
        self.block.refused.push(Refused { line: self.line, raw, why });
        self.empty_row();
    }

    /// After a cell of a table without lines: no more of the row is held than a record may have.
    pub(super) fn end_cell(&mut self) {
        let bytes = self.block.bytes.get(self.row_start..).unwrap_or_default();
        match &mut self.long {
            Some(long) => long.extend(bytes.get(1..).unwrap_or_default()),
            None if bytes.len() < RECORD_BYTES_MAX => return,
            None => self.long = Some(Long::of(bytes)),
        }
        // The brace is left, so that the next cell is not the first.
        self.block.bytes.truncate(self.row_start + 1);
    }

    /// Ends a row of a table without lines: too large where its JSON is.
    pub(super) fn end_row_of_cells(&mut self) {
        match self.long.take() {
            None => self.end_row(),
            Some(mut long) => {
                long.extend(b"}");
                let why = Refusal::TooLarge(long.oversize());
                self.refuse(long.into_raw(), why);
            }
        }
    }

    /// Refuses a row of a table without lines for one of its cells.
    pub(super) fn refuse_row_of_cells(&mut self, message: &str) {
        if self.long.is_some() {
            return self.end_row_of_cells();
        }
        let raw = self.row().to_vec();
        self.refuse(raw, Refusal::BadRow(message.to_owned()));
    }

    /// The row as written so far.
    pub(super) fn row(&self) -> &[u8] {
        self.block.bytes.get(self.row_start..).unwrap_or_default()
    }

    /// The number of rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.line - 1
    }

    /// Hands over what is left.
    pub(super) fn finish(mut self) -> u64 {
        self.hand_over();
        self.rows()
    }

    fn next_row(&mut self) {
        self.line += 1;
        if self.block.bytes.len() >= self.block_bytes {
            self.hand_over();
        }
        self.row_start = self.block.bytes.len();
    }

    fn hand_over(&mut self) {
        if self.block.bytes.is_empty() {
            return;
        }
        let next = Block { first_line: self.line, bytes: Vec::with_capacity(self.block_bytes), refused: Vec::new() };
        (self.each)(std::mem::replace(&mut self.block, next));
    }
}

fn key(heading: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(heading.len() + 3);
    write_text(&mut key, heading);
    key.push(b':');
    key
}

/// Appends a JSON string.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing a str to a Vec cannot fail: neither the serializer nor the writer has an error to give.
    let written = serde_json::to_writer(&mut *out, text);
    debug_assert!(written.is_ok());
}
