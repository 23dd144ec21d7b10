//! The conveyances as tables of a snapshot.
//!
//! ```text
//! label   label u64
//! rides   what people told and holds: the rows of the log (live/record/rides), without what is empty
//! told    mode | number | service_date | person | version | at: under which version each was told, empty sets too
//! ```
//!
//! What contacts follow is not stored. Owns these tables.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, FixedSizeBinaryBuilder, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, TimestampMillisecondType, UInt64Type};
use fuma_schemas::Person;
use fuma_schemas::evidence::instant_type;

use super::ToldToConveyances;
use crate::evidence::{Export, TableError};
use crate::linked::{Conveyance, Journeys, Ride};
use crate::live::keyed::Told;
use crate::live::record::{RideRow, rides_batch, rides_rows};

const LABEL: &str = "label";
const RIDES: &str = "rides";
const TOLD: &str = "told";
/// Sets of a page.
const PAGE_SETS: usize = 16_384;

/// What was read of a snapshot.
#[derive(Default)]
pub struct Pages {
    pub(super) label: u64,
    pub(super) rides: Vec<(Conveyance, Person, Ride)>,
    pub(super) told: Vec<((Conveyance, Person), Told)>,
}

impl Pages {
    pub(super) fn take(&mut self, table: &str, batch: &RecordBatch) -> Result<(), TableError> {
        match table {
            LABEL => {
                let labels = batch.column_by_name("label").and_then(|column| column.as_primitive_opt::<UInt64Type>());
                let lacks = TableError::Column { table: LABEL, column: "label" };
                self.label = labels.filter(|labels| labels.len() == 1).ok_or(lacks)?.value(0);
                Ok(())
            }
            RIDES => {
                let rows = rides_rows(batch).map_err(|_| TableError::Column { table: RIDES, column: "part" })?;
                self.rides.extend(rows.into_iter().filter_map(|row| match row {
                    RideRow::Says { conveyance, person, ride, .. } => Some((conveyance, person, ride)),
                    RideRow::Same { .. } | RideRow::Closing { .. } => None,
                }));
                Ok(())
            }
            TOLD => take_told(&mut self.told, batch),
            _ => Err(TableError::Column { table: "rides", column: "table" }),
        }
    }
}

pub(super) fn label_table(label: u64) -> Result<(&'static str, RecordBatch), TableError> {
    let schema = Arc::new(Schema::new(vec![Field::new("label", DataType::UInt64, false)]));
    let column: ArrayRef = Arc::new(UInt64Array::from(vec![label]));
    Ok((LABEL, RecordBatch::try_new(schema, vec![column])?))
}

/// Adds what was told, in an order that is the same each time.
pub(super) fn told_pages(
    told: &ToldToConveyances,
    journeys: Option<&Journeys>,
    pages: &mut VecDeque<Export>,
) -> Result<(), TableError> {
    let mut all: Vec<(&(Conveyance, Person), &Told)> = told.iter().collect();
    all.sort_unstable_by(|(one, _), (other, _)| (&one.0, one.1.0).cmp(&(&other.0, other.1.0)));
    for some in all.chunks(PAGE_SETS) {
        let holds = |(key, told): &(&(Conveyance, Person), &Told)| {
            let ride = journeys?.said(&key.0, key.1)?.clone();
            Some(RideRow::Says { conveyance: key.0.clone(), person: key.1, version: told.version, ride })
        };
        let rides: Vec<RideRow> = some.iter().filter_map(holds).collect();
        let mut tables = vec![(TOLD, told_table(some)?)];
        if !rides.is_empty() {
            let batch = rides_batch(&rides).map_err(|_| TableError::Column { table: RIDES, column: "part" })?;
            tables.push((RIDES, batch));
        }
        pages.push_back(Export { tables });
    }
    Ok(())
}

fn told_table(some: &[(&(Conveyance, Person), &Told)]) -> Result<RecordBatch, TableError> {
    let schema = Schema::new(vec![
        Field::new("mode", DataType::Utf8, false),
        Field::new("number", DataType::Utf8, false),
        Field::new("service_date", DataType::Date32, false),
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("version", DataType::UInt64, false),
        Field::new("at", instant_type(), false),
    ]);
    let mut people = FixedSizeBinaryBuilder::with_capacity(some.len(), 16);
    for ((_, person), _) in some {
        people.append_value(person.0)?;
    }
    let conveyances = || some.iter().map(|((conveyance, _), _)| conveyance);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(conveyances().map(|conveyance| &*conveyance.mode))),
        Arc::new(StringArray::from_iter_values(conveyances().map(|conveyance| &*conveyance.number))),
        Arc::new(Date32Array::from_iter_values(conveyances().map(|conveyance| conveyance.service_date))),
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(some.iter().map(|(_, told)| told.version))),
        Arc::new(TimestampMillisecondArray::from_iter_values(some.iter().map(|(_, told)| told.at))),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn take_told(all: &mut Vec<((Conveyance, Person), Told)>, batch: &RecordBatch) -> Result<(), TableError> {
    let lacks = |column| TableError::Column { table: TOLD, column };
    let column = |name| batch.column_by_name(name).filter(|column| column.null_count() == 0).ok_or(lacks(name));
    let texts = |name| column(name)?.as_string_opt::<i32>().ok_or(lacks(name));
    let (modes, numbers) = (texts("mode")?, texts("number")?);
    let dates = column("service_date")?.as_primitive_opt::<Date32Type>().ok_or(lacks("service_date"))?;
    let people = column("person")?.as_fixed_size_binary_opt().ok_or(lacks("person"))?;
    let versions = column("version")?.as_primitive_opt::<UInt64Type>().ok_or(lacks("version"))?;
    let instants = column("at")?.as_primitive_opt::<TimestampMillisecondType>().ok_or(lacks("at"))?;
    for row in 0..batch.num_rows() {
        let conveyance = Conveyance {
            mode: modes.value(row).into(),
            number: numbers.value(row).into(),
            service_date: dates.value(row),
        };
        let person = Person(people.value(row).try_into().map_err(|_| lacks("person"))?);
        all.push(((conveyance, person), Told { version: versions.value(row), at: instants.value(row) }));
    }
    Ok(())
}
