//! From the rows of a table to blocks: one JSON object a line, so that a line of a block is a row of the table.
//!
//! Owns how a cell becomes JSON and the numbering of rows. Must never judge a cell: a text where an integer belongs
//! goes on as a JSON string, and intake says `bad-type`.

use std::borrow::Cow;

use super::{BadRow, Block, Fault};

/// Writes the rows of one table and hands over the blocks as they fill.
pub(super) struct TableWriter<'a> {
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    block_bytes: usize,
    /// The number of the row that is being written.
    line: u64,
    /// Where that row begins in the block.
    row_start: usize,
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
        for (at, heading) in headings.iter().enumerate() {
            if let Some(before) = headings[..at].iter().position(|other| other == heading) {
                // Not the heading itself: in a table without a row of headings it is a cell.
                return Err(Fault::Damaged(format!("columns {} and {} have one heading", before + 1, at + 1)));
            }
        }
        let keys = headings.iter().map(|heading| key(heading)).collect();
        let block = Block { first_line: 1, bytes: Vec::with_capacity(block_bytes), bad_rows: Vec::new() };
        Ok(TableWriter { keys, block_bytes, line: 1, row_start: 0, block, each })
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

    /// A row that is none: an empty line keeps its place.
    pub(super) fn bad_row(&mut self, raw: &[u8], message: &str) {
        self.block.bytes.truncate(self.row_start);
        self.block.bad_rows.push(BadRow { line: self.line, raw: raw.to_vec(), message: message.to_owned() });
        self.empty_row();
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
        let next = Block { first_line: self.line, bytes: Vec::with_capacity(self.block_bytes), bad_rows: Vec::new() };
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
