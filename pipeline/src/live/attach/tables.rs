//! What people told phones, as a table of a snapshot.
//!
//! ```text
//! told: phone 16 bytes | person 16 bytes | version | at
//! ```
//!
//! Owns that table.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, FixedSizeBinaryBuilder, RecordBatch, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, TimestampMillisecondType, UInt64Type};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Person, Phone};

use super::ToldToPhones;
use crate::evidence::TableError;
use crate::live::keyed::Told;

pub(super) const TOLD: &str = "told";
/// Rows of a page of what was told.
pub(super) const PAGE_ROWS: usize = 65_536;

pub(super) fn told_table(some: &[((Phone, Person), Told)]) -> Result<RecordBatch, TableError> {
    let token = |name| Field::new(name, DataType::FixedSizeBinary(16), false);
    let (version, at) = (Field::new("version", DataType::UInt64, false), Field::new("at", instant_type(), false));
    let schema = Schema::new(vec![token("phone"), token("person"), version, at]);
    let mut tokens = [(); 2].map(|()| FixedSizeBinaryBuilder::with_capacity(some.len(), 16));
    for ((phone, person), _) in some {
        tokens[0].append_value(phone.0)?;
        tokens[1].append_value(person.0)?;
    }
    let [mut phones, mut people] = tokens;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(phones.finish()),
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(some.iter().map(|(_, told)| told.version))),
        Arc::new(TimestampMillisecondArray::from_iter_values(some.iter().map(|(_, told)| told.at))),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

pub(super) fn take_told(all: &mut ToldToPhones, batch: &RecordBatch) -> Result<(), TableError> {
    let lacks = |column| TableError::Column { table: TOLD, column };
    let column = |name| batch.column_by_name(name).filter(|column| column.null_count() == 0).ok_or(lacks(name));
    let tokens = |name| column(name)?.as_fixed_size_binary_opt().ok_or(lacks(name));
    let (phones, people) = (tokens("phone")?, tokens("person")?);
    let versions = column("version")?.as_primitive_opt::<UInt64Type>().ok_or(lacks("version"))?;
    let instants = column("at")?.as_primitive_opt::<TimestampMillisecondType>().ok_or(lacks("at"))?;
    for row in 0..batch.num_rows() {
        let phone = Phone(phones.value(row).try_into().map_err(|_| lacks("phone"))?);
        let person = Person(people.value(row).try_into().map_err(|_| lacks("person"))?);
        let told = Told { version: versions.value(row), at: instants.value(row) };
        all.insert((phone, person), told);
    }
    Ok(())
}
