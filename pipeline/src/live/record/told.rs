//! The rows of a section of what people told to phones: who holds one, as a person's winning verified bindings say.
//!
//! ```text
//! phone | person | version u64 | since | until | first_known_at | cause, traceparent
//! ```
//!
//! Rows of one phone, person and version are the whole set; one row without `since` is the empty set. Owns the columns.
//! Who holds a phone at an instant is the engine's.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
    new_null_array,
};
use arrow::datatypes::{TimestampMillisecondType, UInt64Type};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Person, Phone};

use super::error::RecordError;
use super::schema::told_schema;
use crate::linked::Holding;

/// What a person told a phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldRow {
    /// To which phone.
    pub phone: Phone,
    /// Who.
    pub person: Person,
    /// The offset in the evidence of the person up to which it holds; of several the greatest.
    pub version: u64,
    /// The whole set of the person's winning verified bindings of the phone.
    pub holdings: Vec<Holding>,
}

impl ToldRow {
    /// How many rows it takes.
    pub fn rows(&self) -> usize {
        self.holdings.len().max(1)
    }
}

/// The rows as a batch of [`told_schema`].
///
/// # Errors
/// None in a build without errors: the columns are those of the schema.
pub fn told_batch(told: &[ToldRow]) -> Result<RecordBatch, RecordError> {
    let count: usize = told.iter().map(ToldRow::rows).sum();
    let (mut phones, mut people) =
        (FixedSizeBinaryBuilder::with_capacity(count, 16), FixedSizeBinaryBuilder::with_capacity(count, 16));
    let mut holdings: Vec<(u64, Option<Holding>)> = Vec::with_capacity(count);
    for row in told {
        for place in 0..row.rows() {
            phones.append_value(row.phone.0).map_err(|_| RecordError::Rows)?;
            people.append_value(row.person.0).map_err(|_| RecordError::Rows)?;
            holdings.push((row.version, row.holdings.get(place).copied()));
        }
    }
    let instants = |of: fn(Holding) -> Option<i64>| {
        let instants = holdings.iter().map(|(_, holding)| holding.and_then(of));
        Arc::new(instants.collect::<TimestampMillisecondArray>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(phones.finish()),
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(holdings.iter().map(|(version, _)| *version))),
        instants(|holding| Some(holding.since)),
        instants(|holding| (holding.until < i64::MAX).then_some(holding.until)),
        instants(|holding| Some(holding.first_known_at)),
        new_null_array(&instant_type(), count),
        Arc::new(StringArray::new_null(count)),
    ];
    RecordBatch::try_new(told_schema(), columns).map_err(|_| RecordError::Rows)
}

/// What was told, in order.
///
/// # Errors
/// A batch of another schema.
pub fn told_rows(batch: &RecordBatch) -> Result<Vec<ToldRow>, RecordError> {
    let column = |name: &str| batch.column_by_name(name).ok_or(RecordError::Rows);
    let tokens = |name: &str| column(name)?.as_fixed_size_binary_opt().ok_or(RecordError::Rows);
    let instants = |name: &str| column(name)?.as_primitive_opt::<TimestampMillisecondType>().ok_or(RecordError::Rows);
    let (phones, people) = (tokens("phone")?, tokens("person")?);
    let versions = column("version")?.as_primitive_opt::<UInt64Type>().ok_or(RecordError::Rows)?;
    let (since, until, first_known) = (instants("since")?, instants("until")?, instants("first_known_at")?);
    let mut told: Vec<ToldRow> = Vec::new();
    for row in 0..batch.num_rows() {
        let phone = Phone(phones.value(row).try_into().map_err(|_| RecordError::Rows)?);
        let person = Person(people.value(row).try_into().map_err(|_| RecordError::Rows)?);
        let version = versions.value(row);
        if told.last().is_none_or(|last| (last.phone, last.person, last.version) != (phone, person, version)) {
            told.push(ToldRow { phone, person, version, holdings: Vec::new() });
        }
        if since.is_valid(row)
            && let Some(last) = told.last_mut()
        {
            if first_known.is_null(row) {
                return Err(RecordError::Value);
            }
            let until = if until.is_valid(row) { until.value(row) } else { i64::MAX };
            last.holdings.push(Holding {
                person,
                since: since.value(row),
                until,
                first_known_at: first_known.value(row),
            });
        }
    }
    Ok(told)
}
