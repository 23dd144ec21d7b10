//! The state of people as Arrow tables, a page of people at a time: what a snapshot holds.
//!
//! ```text
//! people     number | person 16 bytes | announced, the number of a state
//! <kind>     person, a number | fact | revision | retracted | known_at | first_known_at | last_known_at
//!            + the columns of the kind, null in a retraction, + owner of a listing
//!            + of a contact the rank of its indexes, + of it and of a binding what losers asserted (first_known.rs)
//! derived    person, a number | fact | epoch | version       of derived facts, beside their rows
//! verdicts   person 16 bytes | fact | version | counts       the person null where an earlier build named none
//! ```
//!
//! Owns the tables' layout, and the choice of rows: the winners. `first_known_at` and `last_known_at` are null where
//! they are `known_at`, which is nearly always. Owners and ids are not kept, so they are not here either; regions are
//! not, for they are read whole from their own log. Runs between two commits, so it copies and does nothing else.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Int32Array,
    RecordBatch, StringBuilder, TimestampMillisecondArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use fuma_schemas::Kind;
use fuma_schemas::evidence::{ColumnType, instant_type, log, log_schema};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::evidence::state::Evidence;
use crate::evidence::store::{
    Interner, NO_TEXT, RowRef, RowTable, Sparse, decode_integer, layout, mark, read_u32, read_u64,
};
use crate::evidence::winners::{Assertions, FactKey, LinksRank, Said, is_by_claim};
use crate::invariant;

/// The table of people.
pub const PEOPLE: &str = "people";
/// The table of verdicts.
pub const VERDICTS: &str = "verdicts";

/// The table of where derived facts stand in what their stages say.
pub const DERIVED: &str = "derived";

/// Pieces of named tables: a page of a snapshot.
#[derive(Default, Debug)]
pub struct Export {
    /// A table's name and rows of it; all pieces of one table have one schema.
    pub tables: Vec<(&'static str, RecordBatch)>,
}

/// Why the tables of a snapshot cannot be built or taken back.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Arrow refuses the columns: a bug.
    #[error("a table of the snapshot cannot be built: {0}")]
    Build(#[from] ArrowError),
    /// No such table in this build.
    #[error("a snapshot with a table {table:?}: another build wrote it")]
    Table {
        /// Its name.
        table: String,
    },
    /// A column is missing, of another type, or null where it must not be.
    #[error("table {table} of the snapshot lacks {column}: another build wrote it")]
    Column {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A row of somebody whom the table of people does not have, or of a place that is not there.
    #[error("table {table} of the snapshot has a row without a person: the snapshot is incomplete")]
    Nobody {
        /// The table.
        table: &'static str,
    },
    /// What was announced of somebody is not in the list of states.
    #[error("a person of the snapshot has the announced state {number}, which its list does not have")]
    State {
        /// The number of the state.
        number: u64,
    },
    /// A table of the state has no room.
    #[error(transparent)]
    Full(#[from] crate::evidence::EvidenceError),
}

/// The columns of people.
pub(in crate::evidence) fn people_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("number", DataType::UInt32, false),
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("announced", DataType::UInt64, false),
    ]))
}

fn verdict_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("person", DataType::FixedSizeBinary(16), true),
        Field::new("fact", DataType::UInt64, false),
        Field::new("version", DataType::UInt64, false),
        Field::new("counts", DataType::Boolean, false),
    ]))
}

fn derived_schema() -> SchemaRef {
    let numbers = ["fact", "epoch", "version"].map(|name| Field::new(name, DataType::UInt64, false));
    let person = Field::new("person", DataType::UInt32, false);
    Arc::new(Schema::new(std::iter::once(person).chain(numbers).collect::<Vec<_>>()))
}

/// The columns of a kind in a snapshot.
fn kind_schema(kind: Kind) -> SchemaRef {
    let mut fields = vec![
        Field::new("person", DataType::UInt32, false),
        Field::new("fact", DataType::UInt64, false),
        Field::new("revision", DataType::UInt32, false),
        Field::new("retracted", DataType::Boolean, false),
        Field::new("known_at", instant_type(), false),
        Field::new("first_known_at", instant_type(), true),
        Field::new("last_known_at", instant_type(), true),
    ];
    let columns = log_schema(kind);
    fields.extend(
        columns.fields().iter().skip(log::FIRST_OF_KIND).take(kind.columns().len()).map(|field| field.as_ref().clone()),
    );
    match kind {
        Kind::Listings => fields.push(Field::new("owner", DataType::Utf8, true)),
        Kind::Contacts => fields.push(Field::new("index_rank", DataType::UInt32, true)),
        _ => {}
    }
    if is_by_claim(kind) {
        fields.push(Field::new("asserted", DataType::Binary, true));
    }
    Arc::new(Schema::new(fields))
}

/// The winners of one kind, copied.
#[derive(Default)]
struct Winners {
    people: Vec<u32>,
    rows: Vec<u32>,
    bytes: Vec<u8>,
}

impl Evidence {
    /// Adds the people with these numbers, all their facts and what was last announced of them (the number of a state
    /// by person) as they stand now. Numbers beyond the last person are passed over.
    ///
    /// # Errors
    /// Never, unless a table's layout is wrong.
    pub fn export(
        &self,
        people: Range<u32>,
        announced: &dyn Fn(u32) -> u64,
        out: &mut Export,
    ) -> Result<(), TableError> {
        let people = people.start..people.end.min(self.people());
        if people.is_empty() {
            return Ok(());
        }
        out.tables.push((PEOPLE, self.export_people(people.clone(), announced)?));
        let mut kinds: [Winners; Kind::PERSONAL.len()] = Default::default();
        for person in people {
            for at in self.chain(person) {
                let bytes = self.table(at).row(at.row());
                if bytes[layout::MARKS] & (mark::SUPERSEDED | mark::FORGOTTEN) == 0 {
                    let winners = &mut kinds[at.code()];
                    winners.people.push(person);
                    winners.rows.push(at.row());
                    winners.bytes.extend_from_slice(bytes);
                }
            }
        }
        for (table, winners) in self.tables.iter().zip(&kinds).filter(|(_, winners)| !winners.rows.is_empty()) {
            out.tables.push((table.layout.kind.name(), self.export_kind(table, winners)?));
        }
        self.export_said(&kinds, out)
    }

    /// Where the derived facts among some winners stand. It goes with its row: a snapshot is taken page by page, and a
    /// place that is later than its row would keep the row's successor out.
    fn export_said(&self, kinds: &[Winners], out: &mut Export) -> Result<(), TableError> {
        let mut rows: Vec<(u32, FactKey, Said)> = Vec::new();
        if !self.said.is_empty() {
            for (table, winners) in self.tables.iter().zip(kinds) {
                let keyed = winners.people.iter().zip(&winners.rows).map(|(person, row)| (*person, table.key(*row)));
                rows.extend(keyed.filter_map(|place| Some((place.0, place.1, *self.said.get(&place)?))));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|(person, ..)| *person))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, fact, _)| fact.0))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(.., said)| said.epoch))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(.., said)| said.version))),
        ];
        out.tables.push((DERIVED, RecordBatch::try_new(derived_schema(), columns)?));
        Ok(())
    }

    /// Adds the verdicts on contacts, all at once: a verdict may wait for its contact, so they are not among the facts.
    ///
    /// # Errors
    /// Never, unless the table's layout is wrong.
    pub fn export_verdicts(&self, out: &mut Export) -> Result<(), TableError> {
        let mut all: Vec<_> = self.verdicts.each().collect();
        all.sort_unstable_by_key(|(person, fact, _)| (*person, *fact));
        let mut people = FixedSizeBinaryBuilder::with_capacity(all.len(), 16);
        for (person, ..) in &all {
            match person.and_then(|person| self.person(person)) {
                Some(token) => people.append_value(token.0)?,
                None => people.append_null(),
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(people.finish()),
            Arc::new(UInt64Array::from_iter_values(all.iter().map(|(_, fact, _)| fact.0))),
            Arc::new(UInt64Array::from_iter_values(all.iter().map(|(.., ruling)| ruling.version))),
            Arc::new(BooleanArray::from_iter(all.iter().map(|(.., ruling)| Some(ruling.counts)))),
        ];
        out.tables.push((VERDICTS, RecordBatch::try_new(verdict_schema(), columns)?));
        Ok(())
    }

    fn export_people(&self, people: Range<u32>, announced: &dyn Fn(u32) -> u64) -> Result<RecordBatch, TableError> {
        let mut tokens = Vec::with_capacity(people.len() * 16);
        for state in people.clone().filter_map(|person| self.people.get(person)) {
            tokens.extend_from_slice(&state.token.0);
        }
        let masks = people.clone().map(announced);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(people)),
            Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(tokens), None)?),
            Arc::new(UInt64Array::from_iter_values(masks)),
        ];
        Ok(RecordBatch::try_new(people_schema(), columns)?)
    }

    fn export_kind(&self, table: &RowTable, winners: &Winners) -> Result<RecordBatch, TableError> {
        let reader = Reader { table, winners };
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from(winners.people.clone())),
            Arc::new(UInt64Array::from_iter_values(reader.each().map(|(_, row)| read_u64(row, layout::KEY)))),
            reader.revisions(),
            Arc::new(
                reader.each().map(|(_, row)| Some(row[layout::MARKS] & mark::RETRACTED != 0)).collect::<BooleanArray>(),
            ),
            Arc::new(TimestampMillisecondArray::from_iter_values(
                reader
                    .instants(layout::KNOWN_AT)
                    .map(|at| invariant::held(at, "I-2", "every row became known at some instant")),
            )),
            reader.sparse(mark::FIRST_KNOWN, &self.first_known),
            reader.sparse(mark::LATEST_KNOWN, &self.latest_known),
        ];
        for (column, &place) in table.layout.kind.columns().iter().zip(&table.layout.columns) {
            columns.push(match column.column_type {
                ColumnType::Instant => Arc::new(reader.instants(place).collect::<TimestampMillisecondArray>()),
                ColumnType::Code(_) => reader.codes(place),
                ColumnType::Region => reader.texts(place, &self.texts.regions),
                ColumnType::Text => reader.texts(place, &self.texts.others),
                ColumnType::Date => Arc::new(reader.numbers(place).map(decode_integer).collect::<Date32Array>()),
                ColumnType::Integer => Arc::new(reader.numbers(place).map(decode_integer).collect::<Int32Array>()),
            });
        }
        match table.layout.kind {
            Kind::Listings => columns.push(reader.texts(table.layout.owner, &self.texts.others)),
            Kind::Contacts => columns.push(reader.index_ranks()),
            _ => {}
        }
        if is_by_claim(table.layout.kind) {
            columns.push(reader.asserted(&self.assertions));
        }
        Ok(RecordBatch::try_new(kind_schema(table.layout.kind), columns)?)
    }
}

/// Winners of a table, and what is needed to read them.
struct Reader<'a> {
    table: &'a RowTable,
    winners: &'a Winners,
}

impl<'a> Reader<'a> {
    fn each(&self) -> impl Iterator<Item = (u32, &'a [u8])> {
        self.winners.rows.iter().copied().zip(self.winners.bytes.chunks_exact(self.table.layout.width))
    }

    fn numbers(&self, place: usize) -> impl Iterator<Item = u32> {
        self.each().map(move |(_, bytes)| read_u32(bytes, place))
    }

    fn instants(&self, place: usize) -> impl Iterator<Item = Option<i64>> {
        let table = self.table;
        self.each().map(move |(row, bytes)| table.instant_in(bytes, row, place))
    }

    fn index_ranks(&self) -> ArrayRef {
        let ranks = self.numbers(self.table.layout.links);
        Arc::new(ranks.map(|rank| (LinksRank(rank) != LinksRank::UNKNOWN).then_some(rank)).collect::<UInt32Array>())
    }

    fn asserted(&self, assertions: &HashMap<RowRef, Assertions, FxBuildHasher>) -> ArrayRef {
        let of_row = |row| assertions.get(&RowRef::new(self.table.layout.kind, row)).map(Assertions::to_bytes);
        Arc::new(BinaryArray::from_iter(self.each().map(|(row, _)| of_row(row))))
    }

    fn codes(&self, place: usize) -> ArrayRef {
        let code = |code| (code != layout::NO_CODE).then_some(code);
        Arc::new(self.each().map(|(_, bytes)| code(bytes[place])).collect::<UInt8Array>())
    }

    fn revisions(&self) -> ArrayRef {
        let revisions = self.each().map(|(row, bytes)| match bytes[layout::REVISION] {
            layout::REVISION_ELSEWHERE => self.table.version(row).revision,
            short => u32::from(short),
        });
        Arc::new(UInt32Array::from_iter_values(revisions))
    }

    fn sparse(&self, marked: u8, sparse: &Sparse) -> ArrayRef {
        let kind = self.table.layout.kind;
        let instant = |(row, bytes): (u32, &[u8])| match bytes[layout::MARKS] & marked {
            0 => None,
            _ => {
                let instant = sparse.get(&RowRef::new(kind, row));
                Some(*invariant::held(instant, "I-2", "a marked row has an instant beside it"))
            }
        };
        Arc::new(self.each().map(instant).collect::<TimestampMillisecondArray>())
    }

    fn texts(&self, place: usize, interner: &Interner) -> ArrayRef {
        let mut texts = StringBuilder::with_capacity(self.winners.rows.len(), self.winners.rows.len() * 12);
        for number in self.numbers(place) {
            match number {
                NO_TEXT => texts.append_null(),
                number => texts.append_value(interner.get(number)),
            }
        }
        Arc::new(texts.finish())
    }
}
