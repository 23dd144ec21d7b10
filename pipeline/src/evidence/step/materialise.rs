//! The rows of a step as Arrow columns: what rules see, and of it only what they ask for.
//!
//! Owns the translation: codes to names, numbers to texts, four bytes to instants. Columns are those of
//! `schemas::evidence::rule_schema` and `tiered_stay_schema`, in their order.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Int32Array, StringViewArray, StringViewBuilder,
    TimestampMillisecondArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::compute::take;
use fuma_schemas::Kind;
use fuma_schemas::evidence::{Column, ColumnType, GRANULARITIES, MATCHES, ORIGINS};
use fuma_schemas::vocabulary::{ClosedList, Granularity, Tier};

use super::gather::{KindRows, StepRows};
use super::rule_table::{RuleTable, Wanted};
use crate::evidence::state::Evidence;
use crate::evidence::store::{Interner, NO_TEXT, RowRef, RowTable, decode_integer, layout, read_u32};
use crate::evidence::tiers::{OPEN, STAY_REGION};
use crate::evidence::winners::LinksRank;
use crate::invariant;

/// The columns before those of the kind: person, fact, known_at, first_known_at.
const COMMON_COLUMNS: usize = 4;
/// So many rows are few.
const FEW: usize = 64;

/// The rows of one table, by column.
#[derive(Clone, Default, Debug)]
pub struct StepTable {
    /// How many rows there are, also when no column is wanted.
    pub rows: usize,
    /// By place in the table's full schema; none where the column was not wanted. A table without rows has no columns.
    pub columns: Vec<Option<ArrayRef>>,
}

/// What one state has in a step.
#[derive(Clone, Copy, Debug)]
pub struct StepPart<'a> {
    /// The state.
    pub evidence: &'a Evidence,
    /// The rows, gathered from this state and after its latest compaction.
    pub rows: &'a StepRows,
    /// What is added to the slots of these rows, so that no two people of a step have the same.
    pub first_slot: u32,
}

impl Evidence {
    /// The wanted columns of every table of a step, by [`RuleTable::index`]. The step must have been gathered from
    /// this state, and after its latest compaction.
    pub fn materialise(&self, step: &StepRows, wanted: &Wanted) -> Vec<StepTable> {
        materialise(&[StepPart { evidence: self, rows: step, first_slot: 0 }], wanted)
    }
}

/// The wanted columns of every table of a step of several states, by [`RuleTable::index`]: one table after the other,
/// each with the rows of all parts in turn.
pub fn materialise(parts: &[StepPart<'_>], wanted: &Wanted) -> Vec<StepTable> {
    RuleTable::all().zip(&wanted.0).map(|(table, columns)| step_table(parts, table, columns)).collect()
}

fn step_table(parts: &[StepPart<'_>], base: RuleTable, wanted: &[usize]) -> StepTable {
    let rows = parts.iter().map(|part| part.rows.rows(base)).sum();
    if rows == 0 {
        return StepTable::default();
    }
    let kind = match base {
        RuleTable::Kind(kind) => kind,
        RuleTable::TieredStays => Kind::Stays,
    };
    let readers = Readers::new(parts, base, kind);
    let of_stays = COMMON_COLUMNS + kind.columns().len() + engine_columns(kind);
    let stay_of = match base {
        RuleTable::Kind(_) => None,
        RuleTable::TieredStays => Some(stay_of(parts)),
    };
    let count = of_stays + if stay_of.is_some() { 4 } else { 0 };
    let mut columns = vec![None; count];
    for &at in wanted.iter().filter(|&&at| at < count) {
        columns[at] = Some(match &stay_of {
            None => readers.column(kind, at),
            Some(stay_of) if at < of_stays => taken(&readers.column(kind, at), stay_of),
            Some(_) => tier_column(parts, at - of_stays),
        });
    }
    StepTable { rows, columns }
}

/// For each stay and tier the place of the stay among the stays of all parts.
fn stay_of(parts: &[StepPart<'_>]) -> UInt32Array {
    let (mut places, mut first) = (Vec::new(), 0);
    for part in parts {
        places.extend(part.rows.tiered.stay_of.iter().map(|stay| first + stay));
        first += part.rows.tiered.stays.rows.len() as u32;
    }
    UInt32Array::from(places)
}

/// How many columns the engine adds to a kind: `counts` and `origin`, `owner`, or `granularity`.
fn engine_columns(kind: Kind) -> usize {
    match kind {
        Kind::Contacts => 2,
        Kind::Listings | Kind::Stays => 1,
        _ => 0,
    }
}

/// Rows of a kind of one state, and what is needed to read them.
struct Reader<'a> {
    evidence: &'a Evidence,
    table: &'a RowTable,
    rows: &'a KindRows,
    first_slot: u32,
}

/// One row, as it is read.
struct Row<'a> {
    reader: &'a Reader<'a>,
    bytes: &'a [u8],
    at: usize,
}

impl Row<'_> {
    fn number(&self, place: usize) -> u32 {
        read_u32(self.bytes, place)
    }

    fn instant(&self, place: usize) -> Option<i64> {
        self.reader.table.instant_in(self.bytes, self.reader.rows.rows[self.at], place)
    }
}

/// The rows of a kind of all parts.
struct Readers<'a> {
    readers: Vec<Reader<'a>>,
    rows: usize,
}

impl<'a> Readers<'a> {
    fn new(parts: &[StepPart<'a>], base: RuleTable, kind: Kind) -> Readers<'a> {
        let reader = |part: &StepPart<'a>| {
            let rows = match base {
                RuleTable::Kind(_) => &part.rows.kinds[base.index()],
                RuleTable::TieredStays => &part.rows.tiered.stays,
            };
            let table = &part.evidence.tables[usize::from(kind.code())];
            Reader { evidence: part.evidence, table, rows, first_slot: part.first_slot }
        };
        let readers: Vec<Reader<'a>> = parts.iter().map(reader).filter(|reader| !reader.rows.rows.is_empty()).collect();
        let rows = readers.iter().map(|reader| reader.rows.rows.len()).sum();
        Readers { readers, rows }
    }

    fn each(&self, mut row: impl FnMut(Row<'_>)) {
        for reader in &self.readers {
            for (at, bytes) in reader.rows.bytes.chunks_exact(reader.table.layout.width).enumerate() {
                row(Row { reader, bytes, at });
            }
        }
    }

    fn values<T>(&self, value: impl Fn(&Row<'_>) -> T) -> Vec<T> {
        let mut values = Vec::with_capacity(self.rows);
        self.each(|row| values.push(value(&row)));
        values
    }

    fn column(&self, kind: Kind, at: usize) -> ArrayRef {
        match at {
            0 => {
                let slot = |row: &Row<'_>| row.reader.first_slot + row.reader.rows.slots[row.at];
                Arc::new(UInt32Array::from(self.values(slot)))
            }
            1 => {
                let handle = |row: &Row<'_>| RowRef::new(kind, row.reader.rows.rows[row.at]).handle();
                Arc::new(UInt64Array::from(self.values(handle)))
            }
            2 => self.instants(layout::KNOWN_AT, false),
            3 => Arc::new(TimestampMillisecondArray::from(self.values(|row| row.reader.rows.first_known[row.at]))),
            _ => match kind.columns().get(at - COMMON_COLUMNS) {
                Some(column) => self.kind_column(kind, column, at - COMMON_COLUMNS),
                None => self.engine_column(kind, at - COMMON_COLUMNS - kind.columns().len()),
            },
        }
    }

    fn place(&self, column: impl Fn(&RowTable) -> usize) -> usize {
        // The layout is the kind's, whatever the state.
        self.readers.first().map_or(0, |reader| column(reader.table))
    }

    fn kind_column(&self, _: Kind, column: &Column, at: usize) -> ArrayRef {
        let place = self.place(|table| table.layout.columns[at]);
        match column.column_type {
            ColumnType::Instant => self.instants(place, column.optional),
            ColumnType::Code(names) => self.names(names, |row| {
                let code = row.bytes[place];
                (!column.optional || code != layout::NO_CODE).then_some(code)
            }),
            ColumnType::Region => self.texts(place, column.optional, |evidence| &evidence.texts.regions),
            ColumnType::Text => self.texts(place, column.optional, |evidence| &evidence.texts.others),
            ColumnType::Date => Arc::new(Date32Array::from(self.integers(place, column.optional))),
            ColumnType::Integer => Arc::new(Int32Array::from(self.integers(place, column.optional))),
        }
    }

    fn engine_column(&self, kind: Kind, at: usize) -> ArrayRef {
        match kind {
            Kind::Contacts if at == 1 => {
                let links = self.place(|table| table.layout.links);
                self.names(ORIGINS, |row| Some(u8::from(row.number(links) == LinksRank::CONVEYANCE.number())))
            }
            Kind::Listings => {
                let owner = self.place(|table| table.layout.owner);
                self.texts(owner, false, |evidence| &evidence.texts.others)
            }
            Kind::Stays => {
                let place = self.place(|table| table.layout.columns[STAY_REGION]);
                self.names(GRANULARITIES, |row| {
                    let region = row.reader.evidence.texts.regions.get(row.number(place));
                    let granularity = Granularity::of_code(region);
                    let why = "a region of a row is a code of 2, 4, 6, 9 or 12 digits";
                    Some(invariant::held(granularity, "I-9", why).code())
                })
            }
            _ => Arc::new(BooleanArray::from(self.values(|row| !row.reader.rows.withdrawn[row.at]))),
        }
    }

    fn instants(&self, place: usize, optional: bool) -> ArrayRef {
        if optional {
            return Arc::new(TimestampMillisecondArray::from(self.values(|row| row.instant(place))));
        }
        Arc::new(TimestampMillisecondArray::from(self.values(|row| required(row.instant(place)))))
    }

    fn integers(&self, place: usize, optional: bool) -> Vec<Option<i32>> {
        self.values(|row| {
            let number = decode_integer(row.number(place));
            if optional { number } else { Some(required(number)) }
        })
    }

    fn names(&self, names: &[&str], code: impl Fn(&Row<'_>) -> Option<u8>) -> ArrayRef {
        named(names, self.values(code))
    }

    fn texts(&self, place: usize, optional: bool, interner: impl Fn(&Evidence) -> &Interner) -> ArrayRef {
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        self.each(|row| match row.number(place) {
            NO_TEXT if optional => builder.append_null(),
            number => builder.append_value(interner(row.reader.evidence).get(number)),
        });
        Arc::new(builder.finish())
    }
}

fn tier_column(parts: &[StepPart<'_>], at: usize) -> ArrayRef {
    let tiers = || parts.iter().flat_map(|part| &part.rows.tiered.tiers);
    match at {
        0 => named(Tier::NAMES, tiers().map(|tier| Some(tier.span.tier)).collect()),
        1 => Arc::new(TimestampMillisecondArray::from_iter_values(tiers().map(|tier| tier.span.since))),
        2 => {
            let until = tiers().map(|tier| (tier.span.until != OPEN).then_some(tier.span.until));
            Arc::new(TimestampMillisecondArray::from_iter(until))
        }
        _ => named(MATCHES, tiers().map(|tier| Some(tier.matched)).collect()),
    }
}

/// The names of codes. Of few rows they are written down; of many they are taken from a table.
fn named(names: &[&str], codes: Vec<Option<u8>>) -> ArrayRef {
    if codes.len() <= FEW {
        let name =
            |code: u8| invariant::held(names.get(usize::from(code)), "I-9", "a code of a row is one of its list");
        return Arc::new(StringViewArray::from_iter(codes.into_iter().map(|code| code.map(name))));
    }
    let names: ArrayRef = Arc::new(StringViewArray::from_iter_values(names));
    taken(&names, &UInt8Array::from(codes))
}

/// What a standing row must have: null would be "for ever" to a rule.
fn required<T>(value: Option<T>) -> T {
    invariant::held(value, "I-9", "a standing row has all that its kind requires")
}

/// The values at some places, which are ours and within bounds.
fn taken(values: &ArrayRef, places: &dyn Array) -> ArrayRef {
    let taken = take(values.as_ref(), places, None).ok();
    invariant::held(taken, "I-9", "a code of a row is one of its list")
}
