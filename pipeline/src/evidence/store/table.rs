//! The rows of one kind: append-only, of a fixed width, in chunks.
//!
//! Owns the bytes. Once written, only the marks of a row, and the links between rows, may change.

use fuma_schemas::evidence::ColumnType;
use fuma_schemas::{Instant, Kind};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::instant_code::{self, Decoded};
use super::interner::{Interner, NO_TEXT};
use super::layout::{self, Layout, read_u16, read_u32, read_u64};
use super::row_ref::{ROWS_MAX, RowRef};
use crate::evidence::winners::{FactKey, Value, Version};

/// Rows of a chunk: the rows that share a base of instants.
const CHUNK_ROWS: u32 = 1 << 14;

#[derive(Default, Debug)]
struct Chunk {
    bytes: Vec<u8>,
    /// What instants with a fraction are counted from; none while there is none.
    base_ms: Option<i64>,
}

/// The texts that rows name by number.
#[derive(Default, Debug)]
pub(in crate::evidence) struct Texts {
    pub(in crate::evidence) regions: Interner,
    pub(in crate::evidence) others: Interner,
}

/// The rows of one kind.
#[derive(Debug)]
pub(in crate::evidence) struct Table {
    pub(in crate::evidence) layout: Layout,
    chunks: Vec<Chunk>,
    rows: u32,
    /// Instants that do not fit in four bytes and revisions that do not fit in two, by row and place in it.
    elsewhere: HashMap<(u32, u8), i64, FxBuildHasher>,
}

impl Table {
    pub(in crate::evidence) fn new(kind: Kind) -> Table {
        Table { layout: Layout::new(kind), chunks: Vec::new(), rows: 0, elsewhere: HashMap::default() }
    }

    pub(in crate::evidence) fn len(&self) -> u32 {
        self.rows
    }

    /// Adds a row of nulls; none if the table is full.
    pub(in crate::evidence) fn push(&mut self, key: FactKey, version: Version, marks: u8) -> Option<u32> {
        let row = self.rows;
        if row >= ROWS_MAX {
            return None;
        }
        let width = self.layout.width;
        if row.is_multiple_of(CHUNK_ROWS) {
            // The first chunk grows as it must, for a small partition; the others are made whole at once.
            let capacity = if row == 0 { 0 } else { width * CHUNK_ROWS as usize };
            self.chunks.push(Chunk { bytes: Vec::with_capacity(capacity), base_ms: None });
        }
        let bytes = &mut self.chunk_mut(row).bytes;
        bytes.resize(bytes.len() + width, u8::MAX);
        self.rows += 1;
        let new = self.row_mut(row);
        new[layout::KEY..layout::KEY + 8].copy_from_slice(&key.0.to_le_bytes());
        new[layout::MARKS] = marks;
        self.set_revision(row, version.revision);
        self.set_instant(row, layout::KNOWN_AT, version.known_at.0);
        Some(row)
    }

    fn chunk_mut(&mut self, row: u32) -> &mut Chunk {
        &mut self.chunks[(row / CHUNK_ROWS) as usize]
    }

    /// The bytes of a row.
    pub(in crate::evidence) fn row(&self, row: u32) -> &[u8] {
        let at = (row % CHUNK_ROWS) as usize * self.layout.width;
        &self.chunks[(row / CHUNK_ROWS) as usize].bytes[at..at + self.layout.width]
    }

    fn row_mut(&mut self, row: u32) -> &mut [u8] {
        let width = self.layout.width;
        let at = (row % CHUNK_ROWS) as usize * width;
        &mut self.chunk_mut(row).bytes[at..at + width]
    }

    pub(in crate::evidence) fn set_u32(&mut self, row: u32, at: usize, value: u32) {
        self.row_mut(row)[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub(in crate::evidence) fn set_code(&mut self, row: u32, at: usize, value: u8) {
        self.row_mut(row)[at] = value;
    }

    fn set_revision(&mut self, row: u32, revision: u32) {
        let short = u16::try_from(revision).unwrap_or(layout::REVISION_ELSEWHERE);
        if short == layout::REVISION_ELSEWHERE {
            self.elsewhere.insert((row, layout::REVISION as u8), i64::from(revision));
        }
        self.row_mut(row)[layout::REVISION..layout::REVISION + 2].copy_from_slice(&short.to_le_bytes());
    }

    fn revision(&self, row: u32) -> u32 {
        match read_u16(self.row(row), layout::REVISION) {
            layout::REVISION_ELSEWHERE => {
                self.elsewhere.get(&(row, layout::REVISION as u8)).map_or(0, |&revision| revision as u32)
            }
            short => u32::from(short),
        }
    }

    /// Writes an instant, in milliseconds UTC, into a row.
    pub(in crate::evidence) fn set_instant(&mut self, row: u32, at: usize, instant_ms: i64) {
        let code = instant_code::encode_seconds(instant_ms).unwrap_or_else(|| {
            let base_ms = *self.chunk_mut(row).base_ms.get_or_insert(instant_code::base_for(instant_ms));
            instant_code::encode_after(base_ms, instant_ms).unwrap_or_else(|| {
                self.elsewhere.insert((row, at as u8), instant_ms);
                instant_code::ELSEWHERE
            })
        });
        self.set_u32(row, at, code);
    }

    /// The instant at a place of a row whose bytes are given: those of the table or a copy.
    pub(in crate::evidence) fn instant_in(&self, bytes: &[u8], row: u32, at: usize) -> Option<i64> {
        match instant_code::decode(read_u32(bytes, at)) {
            Decoded::Null => None,
            Decoded::At(instant_ms) => Some(instant_ms),
            Decoded::AfterBase(after) => Some(self.chunks[(row / CHUNK_ROWS) as usize].base_ms.unwrap_or(0) + after),
            Decoded::Elsewhere => self.elsewhere.get(&(row, at as u8)).copied(),
        }
    }

    pub(in crate::evidence) fn instant(&self, row: u32, at: usize) -> Option<i64> {
        self.instant_in(self.row(row), row, at)
    }

    pub(in crate::evidence) fn known_at(&self, row: u32) -> i64 {
        self.instant(row, layout::KNOWN_AT).unwrap_or(0)
    }

    pub(in crate::evidence) fn next(&self, row: u32) -> RowRef {
        RowRef(read_u32(self.row(row), layout::NEXT))
    }

    pub(in crate::evidence) fn key(&self, row: u32) -> FactKey {
        FactKey(read_u64(self.row(row), layout::KEY))
    }

    pub(in crate::evidence) fn marks(&self, row: u32) -> u8 {
        self.row(row)[layout::MARKS]
    }

    /// Sets and clears marks of a row.
    pub(in crate::evidence) fn mark(&mut self, row: u32, set: u8, clear: u8) {
        let marks = &mut self.row_mut(row)[layout::MARKS];
        *marks = *marks & !clear | set;
    }

    pub(in crate::evidence) fn version(&self, row: u32) -> Version {
        Version {
            revision: self.revision(row),
            retracted: self.marks(row) & layout::mark::RETRACTED != 0,
            known_at: Instant(self.known_at(row)),
        }
    }

    /// The value of one of the kind's columns.
    pub(in crate::evidence) fn value<'a>(&self, texts: &'a Texts, row: u32, column: usize) -> Value<'a> {
        let at = self.layout.columns[column];
        let bytes = self.row(row);
        let text = |interner: &'a Interner| match read_u32(bytes, at) {
            NO_TEXT => Value::Null,
            number => Value::Text(interner.get(number)),
        };
        match self.layout.kind.columns()[column].column_type {
            ColumnType::Instant => {
                self.instant_in(bytes, row, at).map_or(Value::Null, |ms| Value::Instant(Instant(ms)))
            }
            ColumnType::Code(names) => names.get(usize::from(bytes[at])).map_or(Value::Null, |name| Value::Text(name)),
            ColumnType::Region => text(&texts.regions),
            ColumnType::Text => text(&texts.others),
            ColumnType::Date => layout::decode_integer(read_u32(bytes, at)).map_or(Value::Null, Value::Date),
            ColumnType::Integer => layout::decode_integer(read_u32(bytes, at)).map_or(Value::Null, Value::Integer),
        }
    }

    /// Adds a copy of another table's row: instants written anew for the base they meet here, texts by their numbers
    /// here. Its links are left out.
    pub(in crate::evidence) fn push_copy(
        &mut self,
        from: &Table,
        row: u32,
        texts_from: &Texts,
        texts: &mut Texts,
    ) -> Option<u32> {
        let copy = self.push(from.key(row), from.version(row), from.marks(row))?;
        let after_marks = layout::MARKS + 1;
        self.row_mut(copy)[after_marks..].copy_from_slice(&from.row(row)[after_marks..]);
        let number = |at, from_interner: &Interner, interner: &mut Interner| match read_u32(from.row(row), at) {
            NO_TEXT => NO_TEXT,
            number => interner.intern(from_interner.get(number)),
        };
        for (column, &at) in from.layout.kind.columns().iter().zip(&from.layout.columns) {
            match column.column_type {
                ColumnType::Instant => {
                    if let Some(instant_ms) = from.instant(row, at) {
                        self.set_instant(copy, at, instant_ms);
                    }
                }
                ColumnType::Region => self.set_u32(copy, at, number(at, &texts_from.regions, &mut texts.regions)),
                ColumnType::Text => self.set_u32(copy, at, number(at, &texts_from.others, &mut texts.others)),
                ColumnType::Code(_) | ColumnType::Date | ColumnType::Integer => {}
            }
        }
        if from.layout.kind == Kind::Listings {
            let at = from.layout.owner;
            self.set_u32(copy, at, number(at, &texts_from.others, &mut texts.others));
        }
        Some(copy)
    }

    /// Bytes held, used or not: rows, and instants kept elsewhere.
    pub(in crate::evidence) fn bytes(&self) -> (usize, usize) {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum();
        (chunks + self.chunks.capacity() * size_of::<Chunk>(), self.elsewhere.allocation_size())
    }
}
