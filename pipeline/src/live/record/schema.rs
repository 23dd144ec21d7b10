//! The schemas of the sections.
//!
//! Owns the two columns that live rows add to those of the log. They come last, so that whoever reads columns by
//! place reads live rows and others alike.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use fuma_schemas::Kind;
use fuma_schemas::evidence::{LINK_COLUMNS, instant_type, log_schema};

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

static PHONES: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| KINDS.iter().map(of_phone).collect());

static FORGOTTEN: LazyLock<SchemaRef> = LazyLock::new(|| {
    with_live(vec![
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("fact", DataType::UInt64, false),
        Field::new("revision", DataType::UInt32, false),
        Field::new("retracted", DataType::Boolean, false),
        Field::new("known_at", instant_type(), false),
    ])
});

static DERIVED: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| KINDS.iter().map(of_derived).collect());

static TOLD: LazyLock<SchemaRef> = LazyLock::new(|| {
    with_live(vec![
        Field::new("phone", DataType::FixedSizeBinary(16), false),
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("version", DataType::UInt64, false),
        Field::new("since", instant_type(), true),
        Field::new("until", instant_type(), true),
        Field::new("first_known_at", instant_type(), true),
    ])
});

static RIDES: LazyLock<SchemaRef> = LazyLock::new(|| {
    with_live(vec![
        Field::new("mode", DataType::Utf8, false),
        Field::new("number", DataType::Utf8, false),
        Field::new("service_date", DataType::Date32, false),
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("version", DataType::UInt64, false),
        Field::new("part", DataType::UInt8, false),
        Field::new("fact", DataType::UInt64, true),
        Field::new("since", instant_type(), true),
        Field::new("until", instant_type(), true),
        Field::new("carriage", DataType::Utf8, true),
        Field::new("row", DataType::Int32, true),
        Field::new("word", DataType::Utf8, true),
        Field::new("determined_at", instant_type(), true),
        Field::new("ordinal", DataType::UInt32, true),
        Field::new("known_at", instant_type(), true),
        Field::new("first_known_at", instant_type(), true),
    ])
});

/// What stands in the place of the head of a record where rows are derived.
pub(super) fn of_derived(schema: &SchemaRef) -> SchemaRef {
    let mut fields = vec![
        Field::new("person", DataType::FixedSizeBinary(16), false),
        Field::new("fact", DataType::UInt64, false),
        Field::new("version", DataType::UInt64, false),
        Field::new("holds", DataType::Boolean, false),
        Field::new("owner", DataType::Utf8, true),
        Field::new("known_at", instant_type(), true),
        Field::new("first_known_at", instant_type(), true),
    ];
    let of_kind = schema.fields().iter().filter(|field| !HEAD.contains(&field.name().as_str()));
    fields.extend(
        of_kind.filter(|field| !LINK_COLUMNS.contains(&field.name().as_str())).map(|field| field.as_ref().clone()),
    );
    Arc::new(Schema::new(fields))
}

/// What every record begins with.
const HEAD: [&str; 6] = ["person", "owner", "id", "revision", "retracted", "known_at"];

/// The same columns with the phone's token in the place of the person's.
pub(super) fn of_phone(schema: &SchemaRef) -> SchemaRef {
    let of = |field: &Arc<Field>| match field.name().as_str() {
        "person" => Field::new("phone", DataType::FixedSizeBinary(16), false),
        _ => field.as_ref().clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(of).collect::<Vec<_>>()))
}

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

/// The schema of live records of a phone: [`live_schema`] with `phone`, a token, in the place of `person`.
pub fn phone_live_schema(kind: Kind) -> SchemaRef {
    let schema = PHONES.get(usize::from(kind.code())).or(PHONES.last());
    schema.map_or_else(|| of_phone(&live_schema(kind)), Arc::clone)
}

/// The schema of derived facts of a kind: person, fact, version, whether it holds, owner, known_at, first_known_at, the
/// columns of the kind (null where it does not hold), then `cause` and `traceparent`.
pub fn derived_live_schema(kind: Kind) -> SchemaRef {
    let schema = DERIVED.get(usize::from(kind.code())).or(DERIVED.last());
    schema.map_or_else(|| of_derived(&live_schema(kind)), Arc::clone)
}

/// The schema of what people tell to phones: phone, person, version, since, until, first_known_at, then `cause` and
/// `traceparent`.
pub fn told_schema() -> SchemaRef {
    Arc::clone(&TOLD)
}

/// The schema of what people tell to conveyances: the conveyance, person, version, what the row is, and its columns
/// ([`RideRow`](super::RideRow)), then `cause` and `traceparent`.
pub fn rides_schema() -> SchemaRef {
    Arc::clone(&RIDES)
}

/// The schema of what people forgot, or trace dropped: person, fact, the version of its winner, then `cause` and
/// `traceparent`.
pub fn forgotten_schema() -> SchemaRef {
    Arc::clone(&FORGOTTEN)
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
    with(live_schema(kind), batch, [cause, traceparent])
}

/// Records of phones with what caused each.
///
/// # Errors
/// Columns of other types or lengths.
pub fn with_causes_of_phone(
    kind: Kind,
    batch: &RecordBatch,
    cause: ArrayRef,
    traceparent: ArrayRef,
) -> Result<RecordBatch, RecordError> {
    with(phone_live_schema(kind), batch, [cause, traceparent])
}

fn with(schema: SchemaRef, batch: &RecordBatch, live: [ArrayRef; 2]) -> Result<RecordBatch, RecordError> {
    let columns = batch.columns().iter().cloned().chain(live).collect();
    RecordBatch::try_new(schema, columns).map_err(|_| RecordError::Rows)
}
