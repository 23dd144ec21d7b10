//! The graph as a table, and back: what a snapshot of the links holds.
//!
//! ```text
//! links   person 16 bytes | fact | revision | retracted | known_at | is_contact | is_ground
//!         + code | determined_at | last_exposure_at    what decides between records of one version, null if absent
//!         + name | index_case | index_contact          keys of names, 16 bytes, the last two null if absent
//!         + has_fallen | said_to_count | is_touched    as of the last fixpoint and verdict
//!         + is_forgotten                               by people; no column in a snapshot of an earlier build
//! ```
//!
//! Owns the layout. Names are not kept by themselves: who bears them and what hangs on them follows from the facts.
//! All pages of a snapshot must be of one moment, with no record taken in between: a record is judged at its own
//! offset (R-15), so what is read back must not know of later ones.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, PrimitiveArray, RecordBatch,
    TimestampMillisecondArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Schema, SchemaRef, TimestampMillisecondType, UInt8Type, UInt32Type, UInt64Type,
};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Instant, Person};

use super::Trace;
use super::graph::{Fact, Graph, Restored};
use super::records::{ABSENT, Content};
use crate::evidence::{Export, FactKey, NameKey, TableError, Version};

/// The table of facts.
pub const LINKS: &str = "links";
/// Facts whose look-ups overlap.
const BLOCK_ROWS: usize = 64;

fn schema() -> SchemaRef {
    let field = Field::new;
    let key = || DataType::FixedSizeBinary(16);
    Arc::new(Schema::new(vec![
        field("person", key(), false),
        field("fact", DataType::UInt64, false),
        field("revision", DataType::UInt32, false),
        field("retracted", DataType::Boolean, false),
        field("known_at", instant_type(), false),
        field("is_contact", DataType::Boolean, false),
        field("is_ground", DataType::Boolean, false),
        field("code", DataType::UInt8, false),
        field("determined_at", instant_type(), true),
        field("last_exposure_at", instant_type(), true),
        field("name", key(), false),
        field("index_case", key(), true),
        field("index_contact", key(), true),
        field("has_fallen", DataType::Boolean, false),
        field("said_to_count", DataType::Boolean, false),
        field("is_touched", DataType::Boolean, false),
        field("is_forgotten", DataType::Boolean, false),
    ]))
}

impl Trace {
    /// How many places of facts there are, numbered from 0; some may be free.
    pub fn facts(&self) -> u32 {
        self.graph.facts.len() as u32
    }

    /// Adds the facts with these numbers to a page. Numbers beyond the last are passed over.
    ///
    /// # Errors
    /// Never, unless the table's layout is wrong.
    pub fn export(&self, facts: Range<u32>, out: &mut Export) -> Result<(), TableError> {
        let end = facts.end.min(self.facts()) as usize;
        let Some(part) = self.graph.facts.get(facts.start as usize..end) else { return Ok(()) };
        let touched: BTreeSet<u32> = self.graph.touched.iter().copied().collect();
        let (places, part): (Vec<u32>, Vec<&Fact>) =
            (facts.start..).zip(part).filter(|(_, fact)| !fact.is_free).unzip();
        if part.is_empty() {
            return Ok(());
        }
        let columns = columns(&self.graph, &part, |at| places.get(at).is_some_and(|place| touched.contains(place)));
        out.tables.push((LINKS, RecordBatch::try_new(schema(), columns)?));
        Ok(())
    }

    /// Makes room for facts to be taken back.
    pub fn reserve(&mut self, facts: u32) {
        self.graph.reserve(facts as usize);
    }

    /// Takes back a piece of the table. A fact that is there already is left alone. Verdicts that were given before
    /// are not given again.
    ///
    /// # Errors
    /// When the piece is not of this build's layout. The graph is then of no use: begin with an empty one.
    pub fn import(&mut self, table: &str, batch: &RecordBatch) -> Result<(), TableError> {
        if table != LINKS {
            return Err(TableError::Table { table: table.to_owned() });
        }
        let columns = Columns::of(batch)?;
        let rows: Vec<usize> = (0..batch.num_rows()).collect();
        for rows in rows.chunks(BLOCK_ROWS) {
            // Not kept: it only brings what follows into the cache, all at once.
            let facts: Vec<Restored> = rows.iter().map(|&row| columns.fact(row)).collect();
            std::hint::black_box(facts.iter().filter(|fact| self.graph.is_known(fact)).count());
            facts.into_iter().for_each(|fact| self.graph.restore(fact));
        }
        Ok(())
    }
}

fn columns(graph: &Graph, facts: &[&Fact], is_touched: impl Fn(usize) -> bool) -> Vec<ArrayRef> {
    let flags = |flag: fn(&Fact) -> bool| -> ArrayRef {
        Arc::new(facts.iter().map(|fact| Some(flag(fact))).collect::<BooleanArray>())
    };
    let instants = |instant: fn(&Fact) -> Instant| -> ArrayRef {
        let known = |instant: Instant| (instant != ABSENT).then_some(instant.0);
        Arc::new(facts.iter().map(|fact| known(instant(fact))).collect::<TimestampMillisecondArray>())
    };
    let names = |name: fn(&Fact) -> u32| {
        keys(facts.iter().map(|fact| graph.key_of_name(name(fact)).map(|key| key.0.to_le_bytes())))
    };
    vec![
        keys(facts.iter().map(|fact| Some(fact.person.0))),
        Arc::new(UInt64Array::from_iter_values(facts.iter().map(|fact| fact.key.0))),
        Arc::new(UInt32Array::from_iter_values(facts.iter().map(|fact| fact.version.revision))),
        flags(|fact| fact.version.retracted),
        instants(|fact| fact.version.known_at),
        flags(|fact| fact.is_contact),
        flags(|fact| fact.is_ground),
        Arc::new(UInt8Array::from_iter_values(facts.iter().map(|fact| fact.content.code))),
        instants(|fact| fact.content.determined_at),
        instants(|fact| fact.content.last_exposure_at),
        names(|fact| fact.name),
        names(|fact| fact.links[0].name),
        names(|fact| fact.links[1].name),
        flags(|fact| fact.has_fallen),
        flags(|fact| fact.said_to_count),
        Arc::new((0..facts.len()).map(|at| Some(is_touched(at))).collect::<BooleanArray>()),
        flags(|fact| fact.is_forgotten),
    ]
}

fn keys(keys: impl Iterator<Item = Option<[u8; 16]>>) -> ArrayRef {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(keys.size_hint().0, 16);
    for key in keys {
        let appended = key.map(|key| builder.append_value(key));
        // Sixteen bytes always fit: else it is absent, which the schema refuses where it must be there.
        if !matches!(appended, Some(Ok(()))) {
            builder.append_null();
        }
    }
    Arc::new(builder.finish())
}

/// The columns of a piece.
struct Columns<'a> {
    person: &'a FixedSizeBinaryArray,
    fact: &'a PrimitiveArray<UInt64Type>,
    revision: &'a PrimitiveArray<UInt32Type>,
    known_at: &'a PrimitiveArray<TimestampMillisecondType>,
    code: &'a PrimitiveArray<UInt8Type>,
    determined_at: &'a PrimitiveArray<TimestampMillisecondType>,
    last_exposure_at: &'a PrimitiveArray<TimestampMillisecondType>,
    name: &'a FixedSizeBinaryArray,
    links: [&'a FixedSizeBinaryArray; 2],
    retracted: &'a BooleanArray,
    is_contact: &'a BooleanArray,
    is_ground: &'a BooleanArray,
    has_fallen: &'a BooleanArray,
    said_to_count: &'a BooleanArray,
    is_touched: &'a BooleanArray,
    is_forgotten: Option<&'a BooleanArray>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Columns<'a>, TableError> {
        Ok(Columns {
            person: binary(batch, "person", true)?,
            fact: primitive(batch, "fact", true)?,
            revision: primitive(batch, "revision", true)?,
            known_at: primitive(batch, "known_at", true)?,
            code: primitive(batch, "code", true)?,
            determined_at: primitive(batch, "determined_at", false)?,
            last_exposure_at: primitive(batch, "last_exposure_at", false)?,
            name: binary(batch, "name", true)?,
            links: [binary(batch, "index_case", false)?, binary(batch, "index_contact", false)?],
            retracted: boolean(batch, "retracted")?,
            is_contact: boolean(batch, "is_contact")?,
            is_ground: boolean(batch, "is_ground")?,
            has_fallen: boolean(batch, "has_fallen")?,
            said_to_count: boolean(batch, "said_to_count")?,
            is_touched: boolean(batch, "is_touched")?,
            is_forgotten: match batch.column_by_name("is_forgotten") {
                Some(_) => Some(boolean(batch, "is_forgotten")?),
                None => None,
            },
        })
    }

    fn fact(&self, row: usize) -> Restored {
        let instant = |array: &PrimitiveArray<TimestampMillisecondType>| {
            if array.is_null(row) { ABSENT } else { Instant(array.value(row)) }
        };
        let name = |array: &FixedSizeBinaryArray| {
            array.is_valid(row).then(|| NameKey(u128::from_le_bytes(sixteen(array.value(row)))))
        };
        Restored {
            person: Person(sixteen(self.person.value(row))),
            key: FactKey(self.fact.value(row)),
            version: Version {
                revision: self.revision.value(row),
                retracted: self.retracted.value(row),
                known_at: instant(self.known_at),
            },
            content: Content {
                code: self.code.value(row),
                determined_at: instant(self.determined_at),
                last_exposure_at: instant(self.last_exposure_at),
            },
            name: name(self.name).unwrap_or_default(),
            links: self.links.map(name),
            is_contact: self.is_contact.value(row),
            is_ground: self.is_ground.value(row),
            has_fallen: self.has_fallen.value(row),
            said_to_count: self.said_to_count.value(row),
            is_touched: self.is_touched.value(row),
            is_forgotten: self.is_forgotten.is_some_and(|forgotten| forgotten.value(row)),
        }
    }
}

fn sixteen(bytes: &[u8]) -> [u8; 16] {
    let mut sixteen = [0; 16];
    sixteen.copy_from_slice(bytes);
    sixteen
}

fn binary<'a>(
    batch: &'a RecordBatch,
    column: &'static str,
    required: bool,
) -> Result<&'a FixedSizeBinaryArray, TableError> {
    let array = batch.column_by_name(column).and_then(|array| array.as_fixed_size_binary_opt());
    checked(array.filter(|array| array.value_length() == 16), column, required)
}

fn primitive<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    column: &'static str,
    required: bool,
) -> Result<&'a PrimitiveArray<T>, TableError> {
    checked(batch.column_by_name(column).and_then(|array| array.as_primitive_opt()), column, required)
}

fn boolean<'a>(batch: &'a RecordBatch, column: &'static str) -> Result<&'a BooleanArray, TableError> {
    checked(batch.column_by_name(column).and_then(|array| array.as_boolean_opt()), column, true)
}

fn checked<'a, A: Array>(array: Option<&'a A>, column: &'static str, required: bool) -> Result<&'a A, TableError> {
    let array = array.filter(|array| !required || array.null_count() == 0);
    array.ok_or(TableError::Column { table: LINKS, column })
}
