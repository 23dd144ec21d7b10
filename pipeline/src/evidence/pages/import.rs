//! The tables of a snapshot taken back: winners restored as they stood, without the records that made them.
//!
//! Owns the way back from `export`. A fact that is there already is left alone, so to take a piece twice does no
//! harm; the log is applied on top, and what the snapshot held is met as the duplicate that it is. Must never touch
//! anybody: whom to judge after a restore is not for the state to say.

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{ArrowPrimitiveType, TimestampMillisecondType, UInt32Type, UInt64Type};
use fuma_schemas::{Instant, Kind, Person};

use super::export::{DERIVED, PEOPLE, TableError, VERDICTS};
use crate::evidence::state::Evidence;
use crate::evidence::store::KnownSpan;
use crate::evidence::winners::{
    Assertions, Beside, FactKey, Incoming, LinksRank, Ruling, Said, Version, incoming_or_missing, is_by_claim,
};

/// Facts whose look-ups overlap.
const BLOCK_ROWS: usize = 64;
/// A number of the snapshot that nobody has.
const NOBODY: u32 = u32::MAX;

/// What a restore under way knows: who is behind the snapshot's numbers.
#[derive(Default, Debug)]
pub struct Import {
    /// By the number in the snapshot the number in the state.
    numbers: Vec<u32>,
}

/// The columns of a kind's table.
struct Facts<'a> {
    kind: Kind,
    person: &'a PrimitiveArray<UInt32Type>,
    fact: &'a PrimitiveArray<UInt64Type>,
    revision: &'a PrimitiveArray<UInt32Type>,
    retracted: &'a BooleanArray,
    known_at: &'a PrimitiveArray<TimestampMillisecondType>,
    first_known_at: &'a PrimitiveArray<TimestampMillisecondType>,
    last_known_at: &'a PrimitiveArray<TimestampMillisecondType>,
    columns: Vec<Incoming<'a>>,
    /// The columns that an assertion must have.
    required: Vec<(usize, &'static str)>,
    owner: Option<&'a StringArray>,
    /// Of contacts; an earlier build kept neither.
    index_rank: Option<&'a PrimitiveArray<UInt32Type>>,
    asserted: Option<&'a BinaryArray>,
}

impl Import {
    /// Takes back a piece of a table. All of people must come before the facts; else the order says nothing.
    /// `announced` is given the number in the state and the number of what was announced, of everybody in a piece of
    /// people.
    ///
    /// # Errors
    /// When the piece is not of this build's layout. The state is then of no use: begin with an empty one.
    pub fn take(
        &mut self,
        evidence: &mut Evidence,
        table: &str,
        batch: &RecordBatch,
        announced: &mut dyn FnMut(u32, u64),
    ) -> Result<(), TableError> {
        match (table, Kind::parse(table)) {
            (PEOPLE, _) => self.take_people(evidence, batch, announced),
            (VERDICTS, _) => evidence.import_verdicts(batch),
            (DERIVED, _) => evidence.import_said(batch, &self.numbers),
            (_, Some(kind)) => evidence.import(kind, batch, &self.numbers),
            _ => Err(TableError::Table { table: table.to_owned() }),
        }
    }

    fn take_people(
        &mut self,
        evidence: &mut Evidence,
        batch: &RecordBatch,
        announced: &mut dyn FnMut(u32, u64),
    ) -> Result<(), TableError> {
        let numbers = primitive::<UInt32Type>(PEOPLE, batch, "number")?;
        let tokens = tokens(batch)?;
        let masks = primitive::<UInt64Type>(PEOPLE, batch, "announced")?;
        for row in 0..batch.num_rows() {
            let person = evidence.people.find_or_add(token(tokens, row));
            let number = numbers.value(row) as usize;
            if number >= self.numbers.len() {
                // Numbers are counted without gaps: one far beyond the rows would be of a damaged table.
                if number > self.numbers.len() + (1 << 24) {
                    return Err(TableError::Nobody { table: PEOPLE });
                }
                self.numbers.resize(number + 1, NOBODY);
            }
            self.numbers[number] = person;
            announced(person, masks.value(row));
        }
        Ok(())
    }
}

impl Evidence {
    /// Takes back verdicts; the record of a contact may come before or after.
    fn import_verdicts(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        // A snapshot of an earlier build names no person.
        let people = batch.column_by_name("person").and_then(|array| array.as_fixed_size_binary_opt());
        let people = people.filter(|array| array.value_length() == 16);
        let facts = primitive::<UInt64Type>(VERDICTS, batch, "fact")?;
        let versions = primitive::<UInt64Type>(VERDICTS, batch, "version")?;
        let counts = boolean(VERDICTS, batch, "counts")?;
        for row in 0..batch.num_rows() {
            let person = people.filter(|people| people.is_valid(row)).map(|people| token(people, row));
            let ruling = Ruling { version: versions.value(row), counts: counts.value(row) };
            self.restore_verdict(person, FactKey(facts.value(row)), ruling);
        }
        Ok(())
    }

    /// Takes back where derived facts stand.
    fn import_said(&mut self, batch: &RecordBatch, numbers: &[u32]) -> Result<(), TableError> {
        let people = primitive::<UInt32Type>(DERIVED, batch, "person")?;
        let [facts, epochs, versions] =
            ["fact", "epoch", "version"].map(|name| primitive::<UInt64Type>(DERIVED, batch, name));
        let (facts, epochs, versions) = (facts?, epochs?, versions?);
        for row in 0..batch.num_rows() {
            let person = numbers.get(people.value(row) as usize).copied().filter(|person| *person != NOBODY);
            let person = person.ok_or(TableError::Nobody { table: DERIVED })?;
            let said = Said { epoch: epochs.value(row), version: versions.value(row) };
            self.restore_said(person, FactKey(facts.value(row)), said);
        }
        Ok(())
    }

    /// Takes back facts of a kind; `numbers` says who is behind the numbers of the snapshot.
    fn import(&mut self, kind: Kind, batch: &RecordBatch, numbers: &[u32]) -> Result<(), TableError> {
        let facts = Facts::of(kind, batch)?;
        let mut is_known = Vec::with_capacity(BLOCK_ROWS);
        for (block, keys) in facts.fact.values().chunks(BLOCK_ROWS).enumerate() {
            // A fact is in a snapshot once, so one look is enough; those of a block hang on nothing and overlap.
            is_known.clear();
            for (at, &key) in keys.iter().enumerate() {
                let number = facts.person.value(block * BLOCK_ROWS + at) as usize;
                let person = numbers.get(number).copied().filter(|&person| person != NOBODY);
                let person = person.ok_or(TableError::Nobody { table: kind.name() })?;
                is_known.push((person, self.winner(person, FactKey(key)).is_some()));
            }
            for (at, &key) in keys.iter().enumerate() {
                let (person, is_known) = is_known[at];
                if !is_known {
                    self.restore_fact(&facts, block * BLOCK_ROWS + at, FactKey(key), person)?;
                }
            }
        }
        Ok(())
    }

    fn restore_fact(&mut self, facts: &Facts<'_>, row: usize, key: FactKey, person: u32) -> Result<(), TableError> {
        let (version, mut span) = facts.version(row)?;
        let at = self.append_row(facts.kind, person, key, version)?;
        self.facts.insert(self.seed.of_key(key.0), at.0);
        if !version.retracted {
            self.write_columns(at, &facts.columns, row);
            let owner = facts.owner.map(|owner| owner.value(row));
            self.write_beside(at, person, Beside { owner, links: facts.links(row) });
        }
        if is_by_claim(facts.kind) {
            span.first = self.restore_assertions(at, facts.asserted(row)?, span.first);
        }
        self.set_known_span(at, span);
        self.shorten(person);
        Ok(())
    }
}

impl<'a> Facts<'a> {
    fn of(kind: Kind, batch: &'a RecordBatch) -> Result<Facts<'a>, TableError> {
        let table = kind.name();
        let mut columns = Vec::with_capacity(kind.columns().len());
        for column in kind.columns() {
            columns.push(incoming_or_missing(batch, column).ok_or(TableError::Column { table, column: column.name })?);
        }
        let required = kind.columns().iter().enumerate().filter(|(_, column)| !column.optional);
        let owner = || batch.column_by_name("owner").and_then(|array| array.as_string_opt());
        Ok(Facts {
            kind,
            person: primitive(table, batch, "person")?,
            fact: primitive(table, batch, "fact")?,
            revision: primitive(table, batch, "revision")?,
            retracted: boolean(table, batch, "retracted")?,
            known_at: primitive(table, batch, "known_at")?,
            first_known_at: nullable(table, batch, "first_known_at")?,
            last_known_at: nullable(table, batch, "last_known_at")?,
            columns,
            required: required.map(|(at, column)| (at, column.name)).collect(),
            owner: match kind {
                Kind::Listings => Some(owner().ok_or(TableError::Column { table, column: "owner" })?),
                _ => None,
            },
            index_rank: batch.column_by_name("index_rank").and_then(|array| array.as_primitive_opt()),
            asserted: batch.column_by_name("asserted").and_then(|array| array.as_binary_opt()),
        })
    }

    /// The rank of what a contact hangs on.
    fn links(&self, row: usize) -> LinksRank {
        let rank = self.index_rank.filter(|ranks| ranks.is_valid(row)).map(|ranks| LinksRank(ranks.value(row)));
        rank.unwrap_or(LinksRank::UNKNOWN)
    }

    /// What was asserted of a contact beside what its winner asserts.
    fn asserted(&self, row: usize) -> Result<Option<Assertions>, TableError> {
        let Some(bytes) = self.asserted.filter(|asserted| asserted.is_valid(row)) else { return Ok(None) };
        let kept = Assertions::of_bytes(bytes.value(row));
        kept.map(Some).ok_or(TableError::Column { table: self.kind.name(), column: "asserted" })
    }

    /// The version of a winner, and when the records of its fact became known.
    fn version(&self, row: usize) -> Result<(Version, KnownSpan), TableError> {
        let retracted = self.retracted.value(row);
        if !retracted && let Some((_, column)) = self.required.iter().find(|(at, _)| !self.columns[*at].is_there(row)) {
            return Err(TableError::Column { table: self.kind.name(), column });
        }
        let known_at = self.known_at.value(row);
        let or_known = |array: &PrimitiveArray<TimestampMillisecondType>| {
            if array.is_null(row) { known_at } else { array.value(row) }
        };
        let span = KnownSpan { first: or_known(self.first_known_at), latest: or_known(self.last_known_at) };
        Ok((Version { revision: self.revision.value(row), retracted, known_at: Instant(known_at) }, span))
    }
}

fn nullable<'a, T: ArrowPrimitiveType>(
    table: &'static str,
    batch: &'a RecordBatch,
    column: &'static str,
) -> Result<&'a PrimitiveArray<T>, TableError> {
    let array = batch.column_by_name(column).and_then(|array| array.as_primitive_opt());
    array.ok_or(TableError::Column { table, column })
}

fn primitive<'a, T: ArrowPrimitiveType>(
    table: &'static str,
    batch: &'a RecordBatch,
    column: &'static str,
) -> Result<&'a PrimitiveArray<T>, TableError> {
    nullable(table, batch, column).and_then(|array| whole(array, table, column))
}

fn boolean<'a>(
    table: &'static str,
    batch: &'a RecordBatch,
    column: &'static str,
) -> Result<&'a BooleanArray, TableError> {
    let array = batch.column_by_name(column).and_then(|array| array.as_boolean_opt());
    array.ok_or(TableError::Column { table, column }).and_then(|array| whole(array, table, column))
}

fn token(tokens: &FixedSizeBinaryArray, row: usize) -> Person {
    let mut token = Person::default();
    token.0.copy_from_slice(tokens.value(row));
    token
}

fn tokens(batch: &RecordBatch) -> Result<&FixedSizeBinaryArray, TableError> {
    let array = batch.column_by_name("person").and_then(|array| array.as_fixed_size_binary_opt());
    let array = array.filter(|array| array.value_length() == 16);
    array.ok_or(TableError::Column { table: PEOPLE, column: "person" }).and_then(|array| whole(array, PEOPLE, "person"))
}

/// A column without nulls.
fn whole<'a, A: Array>(array: &'a A, table: &'static str, column: &'static str) -> Result<&'a A, TableError> {
    if array.null_count() == 0 { Ok(array) } else { Err(TableError::Column { table, column }) }
}
