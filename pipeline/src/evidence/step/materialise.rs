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
use fuma_schemas::evidence::{Column, ColumnType, GRANULARITIES, MATCHES};
use fuma_schemas::vocabulary::{ClosedList, Granularity, Tier};

use super::gather::{KindRows, StepRows, TieredRows};
use super::rule_table::{RuleTable, Wanted};
use crate::evidence::state::Evidence;
use crate::evidence::store::{Interner, NO_TEXT, RowRef, RowTable, decode_integer, layout, read_u32};
use crate::evidence::tiers::{OPEN, STAY_REGION};
use crate::invariant;

/// The columns before those of the kind: person, fact, known_at, first_known_at.
const COMMON_COLUMNS: usize = 4;

/// The rows of one table, by column.
#[derive(Clone, Default, Debug)]
pub struct StepTable {
    /// How many rows there are, also when no column is wanted.
    pub rows: usize,
    /// By place in the table's full schema; none where the column was not wanted.
    pub columns: Vec<Option<ArrayRef>>,
}

impl Evidence {
    /// The wanted columns of every table of a step, by [`RuleTable::index`]. The step must have been gathered from
    /// this state, and after its latest compaction.
    pub fn materialise(&self, step: &StepRows, wanted: &Wanted) -> Vec<StepTable> {
        RuleTable::all().zip(&wanted.0).map(|(table, columns)| self.step_table(step, table, columns)).collect()
    }

    fn step_table(&self, step: &StepRows, base: RuleTable, wanted: &[usize]) -> StepTable {
        let kind = match base {
            RuleTable::Kind(kind) => kind,
            RuleTable::TieredStays => Kind::Stays,
        };
        let of_stays = COMMON_COLUMNS + kind.columns().len() + usize::from(engine_column(kind));
        let count = if base == RuleTable::TieredStays { of_stays + 4 } else { of_stays };
        let mut columns = vec![None; count];
        for &at in wanted.iter().filter(|&&at| at < count) {
            columns[at] = Some(match base {
                RuleTable::Kind(kind) => self.column(kind, &step.kinds[base.index()], at),
                RuleTable::TieredStays if at < of_stays => {
                    taken(&self.column(kind, &step.tiered.stays, at), &UInt32Array::from(step.tiered.stay_of.clone()))
                }
                RuleTable::TieredStays => tier_column(&step.tiered, at - of_stays),
            });
        }
        StepTable { rows: step.rows(base), columns }
    }

    fn column(&self, kind: Kind, rows: &KindRows, at: usize) -> ArrayRef {
        let reader = Reader { table: &self.tables[usize::from(kind.code())], rows };
        match at {
            0 => Arc::new(UInt32Array::from(rows.slots.clone())),
            1 => Arc::new(UInt64Array::from_iter_values(rows.rows.iter().map(|&row| RowRef::new(kind, row).handle()))),
            2 => reader.instants(layout::KNOWN_AT, false),
            3 => Arc::new(TimestampMillisecondArray::from(rows.first_known.clone())),
            _ => match kind.columns().get(at - COMMON_COLUMNS) {
                Some(column) => self.kind_column(&reader, column, at - COMMON_COLUMNS),
                None => self.engine_column(&reader),
            },
        }
    }

    fn kind_column(&self, reader: &Reader<'_>, column: &Column, at: usize) -> ArrayRef {
        let place = reader.table.layout.columns[at];
        match column.column_type {
            ColumnType::Instant => reader.instants(place, column.optional),
            ColumnType::Code(names) => named(names, reader.codes(place, column.optional)),
            ColumnType::Region => reader.texts(place, column.optional, &self.texts.regions),
            ColumnType::Text => reader.texts(place, column.optional, &self.texts.others),
            ColumnType::Date => Arc::new(Date32Array::from_iter(reader.integers(place, column.optional))),
            ColumnType::Integer => Arc::new(Int32Array::from_iter(reader.integers(place, column.optional))),
        }
    }

    fn engine_column(&self, reader: &Reader<'_>) -> ArrayRef {
        let layout = &reader.table.layout;
        match layout.kind {
            Kind::Listings => reader.texts(layout.owner, false, &self.texts.others),
            Kind::Stays => {
                let code = |region| {
                    let granularity = Granularity::of_code(self.texts.regions.get(region));
                    invariant::held(granularity, "I-9", "a region of a row is a code of 2, 4, 6, 9 or 12 digits").code()
                };
                named(
                    GRANULARITIES,
                    UInt8Array::from_iter_values(reader.numbers(layout.columns[STAY_REGION]).map(code)),
                )
            }
            _ => Arc::new(BooleanArray::from_iter(reader.rows.withdrawn.iter().map(|withdrawn| Some(!withdrawn)))),
        }
    }
}

/// Whether the engine adds a column to a kind: `counts`, `owner` or `granularity`.
fn engine_column(kind: Kind) -> bool {
    matches!(kind, Kind::Contacts | Kind::Listings | Kind::Stays)
}

/// Rows of a kind, and what is needed to read them.
struct Reader<'a> {
    table: &'a RowTable,
    rows: &'a KindRows,
}

impl<'a> Reader<'a> {
    fn each(&self) -> impl Iterator<Item = &'a [u8]> {
        self.rows.bytes.chunks_exact(self.table.layout.width)
    }

    fn numbers(&self, place: usize) -> impl Iterator<Item = u32> {
        self.each().map(move |row| read_u32(row, place))
    }

    fn instants(&self, place: usize, optional: bool) -> ArrayRef {
        let instants = self.each().zip(&self.rows.rows).map(|(bytes, &row)| self.table.instant_in(bytes, row, place));
        if optional {
            return Arc::new(TimestampMillisecondArray::from_iter(instants));
        }
        Arc::new(TimestampMillisecondArray::from_iter_values(instants.map(required)))
    }

    fn integers(&self, place: usize, optional: bool) -> impl Iterator<Item = Option<i32>> {
        self.numbers(place)
            .map(decode_integer)
            .map(move |number| if optional { number } else { Some(required(number)) })
    }

    fn codes(&self, place: usize, optional: bool) -> UInt8Array {
        let codes = self.each().map(|row| row[place]);
        if optional {
            return UInt8Array::from_iter(codes.map(|code| (code != layout::NO_CODE).then_some(code)));
        }
        UInt8Array::from_iter_values(codes)
    }

    fn texts(&self, place: usize, optional: bool, interner: &Interner) -> ArrayRef {
        let mut builder = StringViewBuilder::with_capacity(self.rows.rows.len());
        for number in self.numbers(place) {
            match number {
                NO_TEXT if optional => builder.append_null(),
                number => builder.append_value(interner.get(number)),
            }
        }
        Arc::new(builder.finish())
    }
}

fn tier_column(tiered: &TieredRows, at: usize) -> ArrayRef {
    let tiers = || tiered.tiers.iter();
    match at {
        0 => named(Tier::NAMES, UInt8Array::from_iter_values(tiers().map(|tier| tier.span.tier))),
        1 => Arc::new(TimestampMillisecondArray::from_iter_values(tiers().map(|tier| tier.span.since))),
        2 => {
            let until = tiers().map(|tier| (tier.span.until != OPEN).then_some(tier.span.until));
            Arc::new(TimestampMillisecondArray::from_iter(until))
        }
        _ => named(MATCHES, UInt8Array::from_iter_values(tiers().map(|tier| tier.matched))),
    }
}

/// The names of codes.
fn named(names: &[&str], codes: UInt8Array) -> ArrayRef {
    let names: ArrayRef = Arc::new(StringViewArray::from_iter_values(names));
    taken(&names, &codes)
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
