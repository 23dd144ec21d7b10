//! The rows of one kind: of a fixed width, in chunks that are filled in the order of arrival.
//!
//! Owns the bytes. Once written, only the marks of a row, and the links between rows, may change. A row that is
//! released leaves a hole; what is left of a chunk full of holes moves to the end, and the chunk's memory is free. New
//! rows never fill holes: the instants of a chunk are counted from when its first record became known.

use fuma_schemas::evidence::ColumnType;
use fuma_schemas::{Instant, Kind};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::instant_code::{self, Decoded};
use super::interner::{Interner, NO_TEXT};
use super::layout::{self, Layout, NO_CODE, read_u32, read_u64};
use super::row_ref::{ROWS_MAX, RowRef};
use crate::evidence::winners::{FactKey, Value, Version};
use crate::invariant;

/// Rows of a chunk: the rows that share a base of instants.
const CHUNK_ROWS: u32 = 1 << 11;
/// Chunks of a table: as many as rows can be numbered.
const CHUNKS_MAX: usize = (ROWS_MAX / CHUNK_ROWS) as usize;

#[derive(Default, Debug)]
struct Chunk {
    bytes: Vec<u8>,
    /// What instants with a fraction are counted from: a little before the first record became known.
    base_ms: Option<i64>,
    /// Rows that were not released.
    live: u32,
    /// Whether its rows are to move.
    is_leaving: bool,
}

/// The texts that rows name by number.
#[derive(Debug)]
pub(in crate::evidence) struct Texts {
    pub(in crate::evidence) regions: Interner,
    pub(in crate::evidence) others: Interner,
}

/// One row, found once for all that is written to it.
pub(in crate::evidence) struct RowWriter<'a> {
    row: u32,
    /// Where each column of the kind begins.
    pub(in crate::evidence) columns: &'a [usize],
    bytes: &'a mut [u8],
    base_ms: Option<i64>,
    elsewhere: &'a mut HashMap<(u32, u8), i64, FxBuildHasher>,
}

impl RowWriter<'_> {
    pub(in crate::evidence) fn four(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub(in crate::evidence) fn code(&mut self, at: usize, value: u8) {
        self.bytes[at] = value;
    }

    /// Writes an instant, in milliseconds UTC.
    pub(in crate::evidence) fn instant(&mut self, at: usize, instant_ms: i64) {
        let after_base = || self.base_ms.and_then(|base_ms| instant_code::encode_after(base_ms, instant_ms));
        let code = instant_code::encode_seconds(instant_ms).or_else(after_base).unwrap_or_else(|| {
            self.elsewhere.insert((self.row, at as u8), instant_ms);
            instant_code::ELSEWHERE
        });
        self.four(at, code);
    }

    fn revision(&mut self, revision: u32) {
        let short = u8::try_from(revision).unwrap_or(layout::REVISION_ELSEWHERE);
        if short == layout::REVISION_ELSEWHERE {
            self.elsewhere.insert((self.row, layout::REVISION as u8), i64::from(revision));
        }
        self.bytes[layout::REVISION] = short;
    }
}

/// The rows of one kind.
#[derive(Debug)]
pub(in crate::evidence) struct RowTable {
    pub(in crate::evidence) layout: Layout,
    chunks: Vec<Chunk>,
    /// The chunk that is being filled.
    filling: Option<usize>,
    /// Chunks without rows.
    empty: Vec<usize>,
    /// Rows that were not released.
    live: u32,
    /// Instants that do not fit in four bytes and revisions that do not fit in one, by row and place in it.
    elsewhere: HashMap<(u32, u8), i64, FxBuildHasher>,
}

impl RowTable {
    pub(in crate::evidence) fn new(kind: Kind) -> RowTable {
        RowTable {
            layout: Layout::new(kind),
            chunks: Vec::new(),
            filling: None,
            empty: Vec::new(),
            live: 0,
            elsewhere: HashMap::default(),
        }
    }

    /// How many rows there are, superseded ones included.
    pub(in crate::evidence) fn len(&self) -> u32 {
        self.live
    }

    /// Whether there is a row with a number.
    pub(in crate::evidence) fn has(&self, row: u32) -> bool {
        let at = (row % CHUNK_ROWS) as usize * self.layout.width;
        self.chunks.get((row / CHUNK_ROWS) as usize).is_some_and(|chunk| at < chunk.bytes.len())
    }

    /// Adds a row of nulls; none if the table is full.
    pub(in crate::evidence) fn push(&mut self, person: u32, key: FactKey, version: Version, marks: u8) -> Option<u32> {
        let row = self.push_bytes(None)?;
        // Only what a log stamped may say what instants are counted from: a due date of the year 9999 would leave the
        // instants of all other rows no room.
        self.chunk_mut(row).base_ms.get_or_insert(instant_code::base_for(version.known_at.0));
        let mut new = self.row_writer(row);
        new.four(layout::PERSON, person);
        new.bytes[layout::KEY..layout::KEY + 8].copy_from_slice(&key.0.to_le_bytes());
        new.code(layout::MARKS, marks);
        new.revision(version.revision);
        new.instant(layout::KNOWN_AT, version.known_at.0);
        Some(row)
    }

    /// Adds a row, of nulls or a copy of another row's bytes.
    fn push_bytes(&mut self, copy_of: Option<u32>) -> Option<u32> {
        let width = self.layout.width;
        let full = width * CHUNK_ROWS as usize;
        let filling = self.filling.filter(|at| self.chunks.get(*at).is_some_and(|chunk| chunk.bytes.len() < full));
        let at = match filling {
            Some(at) => at,
            None => self.open_chunk()?,
        };
        let copied = copy_of.map(|row| self.row(row).to_vec());
        let chunk = &mut self.chunks[at];
        if chunk.bytes.len() + width > chunk.bytes.capacity() {
            // A quarter more, for a small table: half of it is not to lie idle.
            chunk.bytes.reserve_exact((chunk.bytes.len() / 4).max(64 * width).min(full - chunk.bytes.len()));
        }
        let row = at * CHUNK_ROWS as usize + chunk.bytes.len() / width;
        match copied {
            Some(bytes) => chunk.bytes.extend_from_slice(&bytes),
            None => chunk.bytes.resize(chunk.bytes.len() + width, u8::MAX),
        }
        chunk.live += 1;
        self.live += 1;
        u32::try_from(row).ok()
    }

    /// Takes a chunk to be filled from now on; none if the table is full.
    fn open_chunk(&mut self) -> Option<usize> {
        // In a small table a chunk grows as it must; else it is made whole at once.
        let rows = if self.live < 4 * CHUNK_ROWS { 0 } else { CHUNK_ROWS as usize };
        let bytes = Vec::with_capacity(rows * self.layout.width);
        let chunk = Chunk { bytes, ..Chunk::default() };
        let at = match self.empty.pop() {
            Some(at) => {
                self.chunks[at] = chunk;
                at
            }
            None if self.chunks.len() >= CHUNKS_MAX => return None,
            None => {
                self.chunks.push(chunk);
                self.chunks.len() - 1
            }
        };
        self.filling = Some(at);
        Some(at)
    }

    /// Gives up a row that nothing names any more. Rows that were gathered must have been shown before.
    pub(in crate::evidence) fn release(&mut self, row: u32) {
        if !self.elsewhere.is_empty() {
            self.drop_elsewhere(row);
        }
        let at = (row / CHUNK_ROWS) as usize;
        self.live -= 1;
        self.chunks[at].live -= 1;
        if self.chunks[at].live == 0 {
            self.chunks[at] = Chunk::default();
            self.empty.push(at);
            self.filling = self.filling.filter(|filling| *filling != at);
        }
    }

    /// Drops what is kept of a row elsewhere: its bytes say of what, so that no other place is looked up.
    fn drop_elsewhere(&mut self, row: u32) {
        if self.row(row)[layout::REVISION] == layout::REVISION_ELSEWHERE {
            self.elsewhere.remove(&(row, layout::REVISION as u8));
        }
        for place in 0..=self.layout.instants.len() {
            let at = place.checked_sub(1).map_or(layout::KNOWN_AT, |place| self.layout.instants[place]);
            if read_u32(self.row(row), at) == instant_code::ELSEWHERE {
                self.elsewhere.remove(&(row, at as u8));
            }
        }
    }

    /// Chooses the chunks that are to be emptied: those in which more than half is gone, or all that are not full. The
    /// chunk that is being filled is one of them, so that a small table gives its memory back, too; the next row opens
    /// another. What is not full would stay so: many short chunks cost more than their rows.
    pub(in crate::evidence) fn choose_leaving(&mut self, unless_full: bool) {
        let width = self.layout.width;
        for chunk in &mut self.chunks {
            let rows = (chunk.bytes.len() / width) as u32;
            chunk.is_leaving = chunk.live < if unless_full { CHUNK_ROWS } else { rows / 2 };
        }
        self.filling = self.filling.filter(|at| !unless_full && !self.chunks[*at].is_leaving);
    }

    /// Whether a row is to move.
    pub(in crate::evidence) fn is_leaving(&self, row: u32) -> bool {
        self.chunks[(row / CHUNK_ROWS) as usize].is_leaving
    }

    /// Copies a row to the end: instants are written anew for the base they meet there. The old row stays to be
    /// released.
    pub(in crate::evidence) fn move_row(&mut self, row: u32) -> Option<u32> {
        let version = self.version(row);
        let instants = self.layout.instants.iter().map(|&at| (at, self.instant(row, at)));
        let instants: Vec<(usize, Option<i64>)> = instants.collect();
        let copy = self.push_bytes(Some(row))?;
        self.chunk_mut(copy).base_ms.get_or_insert(instant_code::base_for(version.known_at.0));
        self.set_revision(copy, version.revision);
        self.set_instant(copy, layout::KNOWN_AT, version.known_at.0);
        for (at, instant) in instants {
            if let Some(instant_ms) = instant {
                self.set_instant(copy, at, instant_ms);
            }
        }
        Some(copy)
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

    /// A row, to be written to.
    pub(in crate::evidence) fn row_writer(&mut self, row: u32) -> RowWriter<'_> {
        let at = (row % CHUNK_ROWS) as usize * self.layout.width;
        let chunk = &mut self.chunks[(row / CHUNK_ROWS) as usize];
        let bytes = &mut chunk.bytes[at..at + self.layout.width];
        let (columns, elsewhere) = (self.layout.columns.as_slice(), &mut self.elsewhere);
        RowWriter { row, columns, bytes, base_ms: chunk.base_ms, elsewhere }
    }

    fn set_revision(&mut self, row: u32, revision: u32) {
        self.row_writer(row).revision(revision);
    }

    fn revision(&self, row: u32) -> u32 {
        match self.row(row)[layout::REVISION] {
            layout::REVISION_ELSEWHERE => {
                let revision = self.elsewhere.get(&(row, layout::REVISION as u8));
                *invariant::held(revision, "I-2", "a long revision is kept beside its row") as u32
            }
            short => u32::from(short),
        }
    }

    /// Writes an instant, in milliseconds UTC, into a row.
    pub(in crate::evidence) fn set_instant(&mut self, row: u32, at: usize, instant_ms: i64) {
        self.row_writer(row).instant(at, instant_ms);
    }

    /// The instant at a place of a row whose bytes are given: those of the table or a copy.
    pub(in crate::evidence) fn instant_in(&self, bytes: &[u8], row: u32, at: usize) -> Option<i64> {
        match instant_code::decode(read_u32(bytes, at)) {
            Decoded::Null => None,
            Decoded::At(instant_ms) => Some(instant_ms),
            Decoded::AfterBase(after) => {
                let base_ms = self.chunks[(row / CHUNK_ROWS) as usize].base_ms;
                Some(invariant::held(base_ms, "I-2", "a chunk knows what its instants are counted from") + after)
            }
            Decoded::Elsewhere => {
                let instant = self.elsewhere.get(&(row, at as u8));
                Some(*invariant::held(instant, "I-2", "a long instant is kept beside its row"))
            }
        }
    }

    pub(in crate::evidence) fn instant(&self, row: u32, at: usize) -> Option<i64> {
        self.instant_in(self.row(row), row, at)
    }

    pub(in crate::evidence) fn known_at(&self, row: u32) -> i64 {
        invariant::held(self.instant(row, layout::KNOWN_AT), "I-2", "every row became known at some instant")
    }

    pub(in crate::evidence) fn next(&self, row: u32) -> RowRef {
        RowRef(read_u32(self.row(row), layout::NEXT))
    }

    pub(in crate::evidence) fn person(&self, row: u32) -> u32 {
        read_u32(self.row(row), layout::PERSON)
    }

    pub(in crate::evidence) fn key(&self, row: u32) -> FactKey {
        FactKey(read_u64(self.row(row), layout::KEY))
    }

    /// Whether a row is of a fact of a person.
    pub(in crate::evidence) fn is_of(&self, row: u32, person: u32, key: FactKey) -> bool {
        let row = self.row(row);
        read_u64(row, layout::KEY) == key.0 && read_u32(row, layout::PERSON) == person
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
            ColumnType::Code(names) => match bytes[at] {
                NO_CODE => Value::Null,
                code => {
                    let name = names.get(usize::from(code)).copied();
                    Value::Text(invariant::held(name, "I-2", "a code of a row is one of its list"))
                }
            },
            ColumnType::Region => text(&texts.regions),
            ColumnType::Text => text(&texts.others),
            ColumnType::Date => layout::decode_integer(read_u32(bytes, at)).map_or(Value::Null, Value::Date),
            ColumnType::Integer => layout::decode_integer(read_u32(bytes, at)).map_or(Value::Null, Value::Integer),
        }
    }

    /// Bytes held, used or not: rows, and instants kept elsewhere.
    pub(in crate::evidence) fn bytes(&self) -> (usize, usize) {
        let chunks: usize = self.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum();
        (chunks + self.chunks.capacity() * size_of::<Chunk>(), self.elsewhere.allocation_size())
    }
}
