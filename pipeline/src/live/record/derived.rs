//! The rows of a section of derived facts: what a stage says of a person.
//!
//! ```text
//! person | fact u64 | version u64 | holds | owner | known_at | first_known_at | the columns of the kind
//! | cause | traceparent
//! ```
//!
//! A fact that holds no more has nothing but its person, key and version. Owns the columns, and the way from a fact to
//! its row and back. Which of two holds is the engine's (R-18, R-19).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, FixedSizeBinaryBuilder, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{Date32Type, Int32Type, TimestampMillisecondType, UInt8Type, UInt64Type};
use fuma_schemas::evidence::{Column, ColumnType};
use fuma_schemas::{Instant, Kind, Person};

use super::error::RecordError;
use super::schema::derived_live_schema;
use crate::evidence::{Derived, DerivedRow, FactKey, OwnedValue};

/// A derived fact with the version under which its stage says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaidRow {
    /// What is said.
    pub derived: Derived,
    /// The offset in the log of the stage.
    pub version: u64,
    /// When the broker took the record behind it.
    pub cause: Option<Instant>,
    /// The trace context of that record.
    pub traceparent: Option<Box<str>>,
}

/// Bytes of a row's columns of a fixed width, or a little more.
const ROW_BYTES: usize = 160;

impl SaidRow {
    /// About how many bytes it takes in a message.
    pub fn bytes(&self) -> usize {
        let texts = |row: &DerivedRow| {
            let text = |value: &OwnedValue| if let OwnedValue::Text(text) = value { text.len() } else { 0 };
            row.values.iter().map(text).sum::<usize>() + row.owner.as_ref().map_or(0, |owner| owner.len())
        };
        ROW_BYTES + self.derived.row.as_ref().map_or(0, texts)
    }
}

/// The rows by kind, each as a batch of [`derived_live_schema`].
///
/// # Errors
/// None in a build without errors: the columns are those of the schema.
pub fn derived_batches(rows: &[SaidRow]) -> Result<Vec<(Kind, RecordBatch)>, RecordError> {
    let mut by_kind: BTreeMap<u8, Vec<&SaidRow>> = BTreeMap::new();
    for row in rows {
        by_kind.entry(row.derived.kind.code()).or_default().push(row);
    }
    let batch = |rows: Vec<&SaidRow>| {
        let kind = rows.first().map_or(Kind::Stays, |row| row.derived.kind);
        Ok((kind, batch(kind, &rows)?))
    };
    by_kind.into_values().map(batch).collect()
}

fn batch(kind: Kind, rows: &[&SaidRow]) -> Result<RecordBatch, RecordError> {
    let mut people = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    rows.iter().try_for_each(|row| people.append_value(row.derived.person.0)).map_err(|_| RecordError::Rows)?;
    let facts = || rows.iter().map(|row| row.derived.row.as_ref());
    let instants = |of: fn(&DerivedRow) -> Instant| {
        let instants = facts().map(|row| row.map(|row| of(row).0));
        Arc::new(instants.collect::<TimestampMillisecondArray>())
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.derived.key.0))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.version))),
        Arc::new(facts().map(|row| Some(row.is_some())).collect::<BooleanArray>()),
        Arc::new(facts().map(|row| row.and_then(|row| row.owner.as_deref())).collect::<StringArray>()),
        instants(|row| row.known_at),
        instants(|row| row.first_known_at),
    ];
    for (place, column) in kind.columns().iter().enumerate() {
        let values: Vec<&OwnedValue> =
            facts().map(|row| row.and_then(|row| row.values.get(place)).unwrap_or(&OwnedValue::Null)).collect();
        columns.push(array(column, &values));
    }
    columns.push(Arc::new(rows.iter().map(|row| row.cause.map(|at| at.0)).collect::<TimestampMillisecondArray>()));
    columns.push(Arc::new(rows.iter().map(|row| row.traceparent.as_deref()).collect::<StringArray>()));
    RecordBatch::try_new(derived_live_schema(kind), columns).map_err(|_| RecordError::Rows)
}

fn array(column: &Column, values: &[&OwnedValue]) -> ArrayRef {
    let text = |value: &&OwnedValue| if let OwnedValue::Text(text) = *value { Some(text.to_string()) } else { None };
    let number = |value: &&OwnedValue| if let OwnedValue::Number(number) = *value { Some(*number) } else { None };
    let instant = |value: &&OwnedValue| if let OwnedValue::Instant(at) = *value { Some(at.0) } else { None };
    match column.column_type {
        ColumnType::Instant => Arc::new(values.iter().map(instant).collect::<TimestampMillisecondArray>()),
        ColumnType::Code(names) => {
            let code = |name: String| names.iter().position(|known| *known == name).map(|code| code as u8);
            Arc::new(values.iter().map(|value| text(value).and_then(code)).collect::<UInt8Array>())
        }
        ColumnType::Region | ColumnType::Text => Arc::new(values.iter().map(text).collect::<StringArray>()),
        ColumnType::Date => Arc::new(values.iter().map(number).collect::<Date32Array>()),
        ColumnType::Integer => Arc::new(values.iter().map(number).collect::<Int32Array>()),
    }
}

/// The derived facts of a section, in order, each with its version.
///
/// # Errors
/// A batch of another schema.
pub fn derived_rows(kind: Kind, batch: &RecordBatch) -> Result<Vec<(Derived, u64)>, RecordError> {
    let column = |name: &str| batch.column_by_name(name).ok_or(RecordError::Rows);
    let instants = |name: &str| column(name)?.as_primitive_opt::<TimestampMillisecondType>().ok_or(RecordError::Rows);
    let people = column("person")?.as_fixed_size_binary_opt().ok_or(RecordError::Rows)?;
    let facts = column("fact")?.as_primitive_opt::<UInt64Type>().ok_or(RecordError::Rows)?;
    let versions = column("version")?.as_primitive_opt::<UInt64Type>().ok_or(RecordError::Rows)?;
    let holds = column("holds")?.as_boolean_opt().ok_or(RecordError::Rows)?;
    let owners = column("owner")?.as_string_opt::<i32>().ok_or(RecordError::Rows)?;
    let (known, first_known) = (instants("known_at")?, instants("first_known_at")?);
    let of_kind: Vec<&ArrayRef> =
        kind.columns().iter().map(|of_kind| column(of_kind.name)).collect::<Result<_, RecordError>>()?;
    (0..batch.num_rows())
        .map(|row| {
            let person = Person(people.value(row).try_into().map_err(|_| RecordError::Rows)?);
            let said = if holds.value(row) {
                if known.is_null(row) || first_known.is_null(row) {
                    return Err(RecordError::Value);
                }
                let columns = kind.columns().iter().zip(&of_kind);
                Some(DerivedRow {
                    known_at: Instant(known.value(row)),
                    first_known_at: Instant(first_known.value(row)),
                    owner: owners.is_valid(row).then(|| owners.value(row).into()),
                    values: columns.map(|(column, array)| value(column, array, row)).collect::<Result<_, _>>()?,
                })
            } else {
                None
            };
            Ok((Derived { person, key: FactKey(facts.value(row)), kind, row: said }, versions.value(row)))
        })
        .collect()
}

fn value(column: &Column, array: &ArrayRef, row: usize) -> Result<OwnedValue, RecordError> {
    if array.is_null(row) {
        return if column.optional { Ok(OwnedValue::Null) } else { Err(RecordError::Value) };
    }
    Ok(match column.column_type {
        ColumnType::Instant => {
            let instants = array.as_primitive_opt::<TimestampMillisecondType>().ok_or(RecordError::Rows)?;
            OwnedValue::Instant(Instant(instants.value(row)))
        }
        ColumnType::Code(names) => {
            let code = array.as_primitive_opt::<UInt8Type>().ok_or(RecordError::Rows)?.value(row);
            OwnedValue::Text((*names.get(usize::from(code)).ok_or(RecordError::Value)?).into())
        }
        ColumnType::Region | ColumnType::Text => {
            OwnedValue::Text(array.as_string_opt::<i32>().ok_or(RecordError::Rows)?.value(row).into())
        }
        ColumnType::Date => {
            OwnedValue::Number(array.as_primitive_opt::<Date32Type>().ok_or(RecordError::Rows)?.value(row))
        }
        ColumnType::Integer => {
            OwnedValue::Number(array.as_primitive_opt::<Int32Type>().ok_or(RecordError::Rows)?.value(row))
        }
    })
}
