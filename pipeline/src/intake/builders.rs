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
use fuma_schemas::evidence::{log_schema, phone_log_schema};
use fuma_schemas::{Instant, Kind, Person, Phone};

use super::check::Value;
use super::identity::is_clean;
use super::who::Who;

const KINDS: usize = Kind::PERSONAL.len() + 1;
/// Bytes of text after which builders are full: far from the 2 GiB at which a column of text overflows, with room for
/// the longest record.
const TEXT_BYTES_MAX: usize = 256 << 20;

/// What every row begins with.
pub(super) struct Head<'a> {
    pub(super) owner: &'a str,
    pub(super) id: &'a str,
    pub(super) revision: u32,
    pub(super) retracted: bool,
    pub(super) who: Who,
    pub(super) known_at: Instant,
}

/// The rows of one partition that were decoded since they were taken the last time.
///
/// A caller takes them by rows or bytes of records, and at the latest when [`EvidenceBuilders::is_full`] says so.
#[derive(Debug)]
pub struct EvidenceBuilders {
    /// In the order of the codes of the kinds; regions last.
    kinds: [KindBuilders; KINDS],
    /// The same for facts of phones.
    phones: [KindBuilders; KINDS],
    rows: usize,
    text_bytes: usize,
}

impl Default for EvidenceBuilders {
    fn default() -> Self {
        EvidenceBuilders::new()
    }
}

impl EvidenceBuilders {
    /// Empty builders; columns are allocated as rows come.
    pub fn new() -> EvidenceBuilders {
        let kinds = kinds().map(|kind| KindBuilders::new(log_schema(kind)));
        let phones = self::kinds().map(|kind| KindBuilders::new(phone_log_schema(kind)));
        EvidenceBuilders { kinds, phones, rows: 0, text_bytes: 0 }
    }

    /// How many rows there are, over all kinds, those of phones among them.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the rows have to be taken before more is decoded.
    pub fn is_full(&self) -> bool {
        self.text_bytes >= TEXT_BYTES_MAX
    }

    /// The batches of people and regions, of the kinds that have rows, in the order of the kinds' codes; they are gone
    /// from the builders afterwards. Rows of phones stay.
    pub fn finish(&mut self) -> Vec<(Kind, RecordBatch)> {
        let batches = filled(&mut self.kinds);
        self.settle();
        batches
    }

    /// The batches of phones, likewise, of `evidence::phone_log_schema`. Rows of people stay.
    pub fn finish_phones(&mut self) -> Vec<(Kind, RecordBatch)> {
        let batches = filled(&mut self.phones);
        self.settle();
        batches
    }

    /// Counts what is left.
    fn settle(&mut self) {
        self.rows = self.kinds.iter().chain(&self.phones).map(KindBuilders::rows).sum();
        self.text_bytes = self.kinds.iter().chain(&self.phones).map(KindBuilders::text_bytes).sum();
    }

    /// # Panics
    /// When the builders are full beyond measure: their caller did not take the rows in time (I-10).
    pub(super) fn append(&mut self, kind: Kind, head: &Head<'_>, values: &[Value<'_>]) {
        let of_kinds = if matches!(head.who, Who::Phone(_)) { &mut self.phones } else { &mut self.kinds };
        self.text_bytes += of_kinds[usize::from(kind.code())].append(head, values);
        self.rows += 1;
        assert!(self.text_bytes <= 4 * TEXT_BYTES_MAX, "I-10: builders are full and nobody took their rows");
    }
}

fn filled(of_kinds: &mut [KindBuilders; KINDS]) -> Vec<(Kind, RecordBatch)> {
    let filled = kinds().into_iter().zip(of_kinds).filter(|(_, builders)| builders.rows() > 0);
    let batches: Vec<_> = filled.map(|(kind, builders)| (kind, builders.finish())).collect();
    for (kind, batch) in &batches {
        crate::invariant::check(|| is_clean(*kind, batch), "I-8", "no resident ID gets past intake");
    }
    batches
}

/// All kinds by their codes: people's, then regions.
fn kinds() -> [Kind; KINDS] {
    std::array::from_fn(|code| Kind::PERSONAL.get(code).copied().unwrap_or(Kind::Regions))
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

    /// Appends a value; gives its bytes of text.
    ///
    /// # Panics
    /// When the value is of another type: the checks and the columns of a kind differ (I-9). Null would say that a
    /// fact is open, or that nothing is known.
    #[inline]
    fn append(&mut self, value: &Value<'_>) -> usize {
        match (self, value) {
            (Column::Instant(builder), Value::Instant(instant)) => builder.append_value(instant.0),
            (Column::Code(builder), Value::Code(code)) => builder.append_value(*code),
            (Column::Date(builder), Value::Date(days)) => builder.append_value(*days),
            (Column::Integer(builder), Value::Integer(integer)) => builder.append_value(*integer),
            (Column::Text(builder), Value::Text(text)) => {
                builder.append_value(text);
                return text.len();
            }
            (Column::Instant(builder), Value::Null) => builder.append_null(),
            (Column::Code(builder), Value::Null) => builder.append_null(),
            (Column::Date(builder), Value::Null) => builder.append_null(),
            (Column::Integer(builder), Value::Null) => builder.append_null(),
            (Column::Text(builder), Value::Null) => builder.append_null(),
            _ => panic!("I-9: a checked value is of another type than its column"),
        }
        0
    }

    /// Bytes of text in it.
    fn text_bytes(&self) -> usize {
        if let Column::Text(builder) = self { builder.values_slice().len() } else { 0 }
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
    /// Whose a row is: the token of the person, or of the phone.
    whose: FixedSizeBinaryBuilder,
    owner: StringBuilder,
    id: StringBuilder,
    revision: UInt32Builder,
    retracted: BooleanBuilder,
    known_at: TimestampMillisecondBuilder,
    columns: Vec<Column>,
}

impl KindBuilders {
    fn new(schema: SchemaRef) -> KindBuilders {
        let columns = schema.fields().iter().skip(FIRST_OF_KIND).map(|field| Column::new(field.data_type())).collect();
        KindBuilders {
            schema,
            whose: FixedSizeBinaryBuilder::with_capacity(0, 16),
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

    /// Bytes of text in all its columns.
    fn text_bytes(&self) -> usize {
        let of_kind: usize = self.columns.iter().map(Column::text_bytes).sum();
        self.owner.values_slice().len() + self.id.values_slice().len() + of_kind
    }

    /// Appends a row; gives its bytes of text.
    #[expect(clippy::expect_used, reason = "I-9: a token has the width of its column")]
    fn append(&mut self, head: &Head<'_>, values: &[Value<'_>]) -> usize {
        match head.who {
            Who::Person(Person(token)) | Who::Phone(Phone(token)) => {
                self.whose.append_value(token).expect("I-9: a token has the width of its column");
            }
            Who::Nobody => self.whose.append_null(),
        }
        self.owner.append_value(head.owner);
        self.id.append_value(head.id);
        self.revision.append_value(head.revision);
        self.retracted.append_value(head.retracted);
        self.known_at.append_value(head.known_at.0);
        let texts = self.columns.iter_mut().zip(values).map(|(column, value)| column.append(value));
        head.owner.len() + head.id.len() + texts.sum::<usize>()
    }

    #[expect(clippy::expect_used, reason = "the columns are made from the schema: a mismatch is a bug, not input")]
    fn finish(&mut self) -> RecordBatch {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(self.whose.finish()),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Null would say that a fact is open, or that nothing is known.
    #[test]
    #[should_panic(expected = "I-9")]
    fn a_value_of_another_type_is_no_null() {
        let mut builders = EvidenceBuilders::new();
        let head = Head { owner: "o", id: "i", revision: 1, retracted: false, who: Who::Nobody, known_at: Instant(0) };
        builders.append(Kind::Regions, &head, &[Value::Text("33".into()), Value::Instant(Instant(0))]);
    }

    /// I-8: whatever the checks before let through.
    #[test]
    #[should_panic(expected = "I-8 is broken: no resident ID gets past intake")]
    fn a_number_in_an_id_does_not_leave() {
        let mut builders = EvidenceBuilders::new();
        let (who, known_at) = (Who::Person(Person([1; 16])), Instant(0));
        let id = "co-990001198506150025";
        let head = Head { owner: "hc", id, revision: 1, retracted: true, who, known_at };
        let absent = vec![Value::Null; Kind::Cases.columns().len() + Kind::Cases.links().len()];
        builders.append(Kind::Cases, &head, &absent);
        builders.finish();
    }
}
