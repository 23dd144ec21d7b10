//! The schemas of the sections.
//!
//! Owns the two columns that live rows add to those of the log. They come last, so that whoever reads columns by
//! place reads live rows and others alike.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use fuma_schemas::Kind;
use fuma_schemas::evidence::{instant_type, log_schema};

use super::error::RecordError;

static KINDS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| {
    let kinds = Kind::PERSONAL.into_iter().chain([Kind::Regions]);
    kinds
        .map(|kind| with_live(log_schema(kind).fields().iter().map(|field| field.as_ref().clone()).collect()))
        .collect()
});

static VERDICTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    with_live(vec![
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("fact", DataType::UInt64, false),
        Field::new("counts", DataType::Boolean, false),
        Field::new("version", DataType::UInt64, false),
    ])
});

/// Adds when the broker took the record that caused a row, and that record's trace context.
fn with_live(mut fields: Vec<Field>) -> SchemaRef {
    fields.push(Field::new("cause", instant_type(), true));
    fields.push(Field::new("traceparent", DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}

/// The schema of live rows of a kind: `log_schema(kind)`, then `cause` (milliseconds UTC) and `traceparent`.
pub fn live_schema(kind: Kind) -> SchemaRef {
    let schema = KINDS.get(usize::from(kind.code())).or(KINDS.last());
    schema.map_or_else(|| log_schema(kind), Arc::clone)
}

/// The schema of verdicts: person, fact, counts, version, then `cause` and `traceparent`.
pub fn verdict_schema() -> SchemaRef {
    Arc::clone(&VERDICTS)
}

/// Rows of `log_schema(kind)` with what caused each.
///
/// # Errors
/// Columns of other types or lengths.
pub fn with_causes(
    kind: Kind,
    batch: &RecordBatch,
    cause: ArrayRef,
    traceparent: ArrayRef,
) -> Result<RecordBatch, RecordError> {
    let mut columns = batch.columns().to_vec();
    columns.extend([cause, traceparent]);
    RecordBatch::try_new(live_schema(kind), columns).map_err(|_| RecordError::Rows)
}
