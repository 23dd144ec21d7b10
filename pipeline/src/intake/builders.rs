//! Builders: rows of evidence to Arrow record batches, one set of columns per kind.
//!
//! Owns the mapping of values to columns (`evidence::log_schema`). Never sees an identity, and never judges a value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, FixedSizeBinaryBuilder, Int32Builder, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder, UInt8Builder, UInt32Builder,
};
use arrow::datatypes::{DataType, SchemaRef};
use fuma_schemas::evidence::log::FIRST_OF_KIND;
use fuma_schemas::evidence::log_schema;
use fuma_schemas::{Instant, Kind, Person};

use super::check::Value;

const KINDS: usize = Kind::PERSONAL.len() + 1;

/// What every row begins with.
pub(super) struct Head<'a> {
    pub(super) owner: &'a str,
    pub(super) id: &'a str,
    pub(super) revision: u32,
    pub(super) retracted: bool,
    pub(super) person: Option<Person>,
    pub(super) known_at: Instant,
}

/// The rows of one partition that were decoded since the last [`EvidenceBuilders::finish`].
///
/// Text columns are limited to 2 GiB between two finishes; a caller finishes long before, by rows.
#[derive(Debug)]
pub struct EvidenceBuilders {
    /// In the order of the codes of the kinds; regions last.
    kinds: [KindBuilders; KINDS],
    rows: usize,
}

impl Default for EvidenceBuilders {
    fn default() -> Self {
        EvidenceBuilders::new()
    }
}

impl EvidenceBuilders {
    /// Empty builders; columns are allocated as rows come.
    pub fn new() -> EvidenceBuilders {
        EvidenceBuilders { kinds: kinds().map(KindBuilders::new), rows: 0 }
    }

    /// How many rows there are, over all kinds.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The batches of the kinds that have rows, in the order of the kinds' codes. The builders are empty afterwards.
    pub fn finish(&mut self) -> Vec<(Kind, RecordBatch)> {
        self.rows = 0;
        let filled = kinds().into_iter().zip(&mut self.kinds).filter(|(_, builders)| builders.rows() > 0);
        filled.map(|(kind, builders)| (kind, builders.finish())).collect()
    }

    pub(super) fn append(&mut self, kind: Kind, head: &Head<'_>, values: &[Value<'_>]) {
        if let Some(builders) = self.kinds.get_mut(usize::from(kind.code())) {
            builders.append(head, values);
            self.rows += 1;
        }
    }
}

fn kinds() -> [Kind; KINDS] {
    let [a, b, c, d, e, f, g, h, i, j] = Kind::PERSONAL;
    [a, b, c, d, e, f, g, h, i, j, Kind::Regions]
}

#[derive(Debug)]
enum Column {
    Instant(TimestampMillisecondBuilder),
    Code(UInt8Builder),
    Date(Date32Builder),
    Integer(Int32Builder),
    Text(StringBuilder),
}

impl Column {
    fn new(data_type: &DataType) -> Column {
        match data_type {
            DataType::Timestamp(..) => Column::Instant(TimestampMillisecondBuilder::with_capacity(0)),
            DataType::UInt8 => Column::Code(UInt8Builder::with_capacity(0)),
            DataType::Date32 => Column::Date(Date32Builder::with_capacity(0)),
            DataType::Int32 => Column::Integer(Int32Builder::with_capacity(0)),
            _ => Column::Text(StringBuilder::with_capacity(0, 0)),
        }
    }

    /// Appends the value; null for one of another type, which the tables of the fields rule out.
    fn append(&mut self, value: Value<'_>) {
        match (self, value) {
            (Column::Instant(builder), Value::Instant(instant)) => builder.append_value(instant.0),
            (Column::Code(builder), Value::Code(code)) => builder.append_value(code),
            (Column::Date(builder), Value::Date(days)) => builder.append_value(days),
            (Column::Integer(builder), Value::Integer(integer)) => builder.append_value(integer),
            (Column::Text(builder), Value::Text(text)) => builder.append_value(text),
            (Column::Instant(builder), _) => builder.append_null(),
            (Column::Code(builder), _) => builder.append_null(),
            (Column::Date(builder), _) => builder.append_null(),
            (Column::Integer(builder), _) => builder.append_null(),
            (Column::Text(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Instant(builder) => Arc::new(builder.finish()),
            Column::Code(builder) => Arc::new(builder.finish()),
            Column::Date(builder) => Arc::new(builder.finish()),
            Column::Integer(builder) => Arc::new(builder.finish()),
            Column::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

#[derive(Debug)]
struct KindBuilders {
    schema: SchemaRef,
    person: FixedSizeBinaryBuilder,
    owner: StringBuilder,
    id: StringBuilder,
    revision: UInt32Builder,
    retracted: BooleanBuilder,
    known_at: TimestampMillisecondBuilder,
    columns: Vec<Column>,
}

impl KindBuilders {
    fn new(kind: Kind) -> KindBuilders {
        let schema = log_schema(kind);
        let columns = schema.fields().iter().skip(FIRST_OF_KIND).map(|field| Column::new(field.data_type())).collect();
        KindBuilders {
            schema,
            person: FixedSizeBinaryBuilder::with_capacity(0, 16),
            owner: StringBuilder::with_capacity(0, 0),
            id: StringBuilder::with_capacity(0, 0),
            revision: UInt32Builder::with_capacity(0),
            retracted: BooleanBuilder::with_capacity(0),
            known_at: TimestampMillisecondBuilder::with_capacity(0),
            columns,
        }
    }

    fn rows(&self) -> usize {
        self.revision.values_slice().len()
    }

    fn append(&mut self, head: &Head<'_>, values: &[Value<'_>]) {
        match head.person {
            Some(Person(token)) => {
                let appended = self.person.append_value(token);
                debug_assert!(appended.is_ok(), "a token has the width of its column");
            }
            None => self.person.append_null(),
        }
        self.owner.append_value(head.owner);
        self.id.append_value(head.id);
        self.revision.append_value(head.revision);
        self.retracted.append_value(head.retracted);
        self.known_at.append_value(head.known_at.0);
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.append(*value);
        }
    }

    #[expect(clippy::expect_used, reason = "the columns are made from the schema: a mismatch is a bug, not input")]
    fn finish(&mut self) -> RecordBatch {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(self.person.finish()),
            Arc::new(self.owner.finish()),
            Arc::new(self.id.finish()),
            Arc::new(self.revision.finish()),
            Arc::new(self.retracted.finish()),
            Arc::new(self.known_at.finish()),
        ];
        arrays.extend(self.columns.iter_mut().map(Column::finish));
        RecordBatch::try_new(self.schema.clone(), arrays).expect("columns of the kind's schema")
    }
}
