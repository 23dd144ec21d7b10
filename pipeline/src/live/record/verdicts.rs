//! The rows of a section of verdicts.
//!
//! Owns their columns. What a version means is `evidence::contacts`' and trace's.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, BooleanBuilder, FixedSizeBinaryArray, FixedSizeBinaryBuilder, RecordBatch,
    StringBuilder, TimestampMillisecondBuilder, UInt64Array, UInt64Builder,
};
use arrow::datatypes::UInt64Type;
use fuma_schemas::{Instant, Person};

use super::error::RecordError;
use super::schema::verdict_schema;
use super::section::Derived;
use crate::evidence::FactKey;

/// A verdict on a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerdictRow {
    /// Whose contact.
    pub person: Person,
    /// Which fact of the person.
    pub fact: FactKey,
    /// Whether it counts.
    pub counts: bool,
    /// Of several verdicts on a fact the one of the highest version holds.
    pub version: u64,
}

/// Verdicts that were read.
#[derive(Clone, Debug)]
pub struct Verdicts {
    derived: Derived,
    batch: RecordBatch,
    person: FixedSizeBinaryArray,
    fact: UInt64Array,
    counts: BooleanArray,
    version: UInt64Array,
}

impl Verdicts {
    /// Rows of [`verdict_schema`]; none if they are of another.
    pub(super) fn of(batch: RecordBatch, derived: Derived) -> Option<Verdicts> {
        let column = |at: usize| batch.columns().get(at);
        let person = column(0)?.as_fixed_size_binary_opt().filter(|array| array.value_length() == 16)?.clone();
        let fact = column(1)?.as_primitive_opt::<UInt64Type>()?.clone();
        let counts = column(2)?.as_boolean_opt()?.clone();
        let version = column(3)?.as_primitive_opt::<UInt64Type>()?.clone();
        Some(Verdicts { derived, person, fact, counts, version, batch })
    }

    /// The epoch of trace in which they were given.
    pub fn epoch(&self) -> u64 {
        self.derived.epoch
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = VerdictRow> + '_ {
        (0..self.len()).map(|row| {
            let mut person = Person::default();
            person.0.copy_from_slice(self.person.value(row));
            VerdictRow {
                person,
                fact: FactKey(self.fact.value(row)),
                counts: self.counts.value(row),
                version: self.version.value(row),
            }
        })
    }

    /// The columns.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }
}

/// Verdicts that are to be written.
#[derive(Debug)]
pub struct VerdictRows {
    person: FixedSizeBinaryBuilder,
    fact: UInt64Builder,
    counts: BooleanBuilder,
    version: UInt64Builder,
    cause: TimestampMillisecondBuilder,
    traceparent: StringBuilder,
}

impl Default for VerdictRows {
    fn default() -> Self {
        VerdictRows {
            person: FixedSizeBinaryBuilder::with_capacity(0, 16),
            fact: UInt64Builder::with_capacity(0),
            counts: BooleanBuilder::with_capacity(0),
            version: UInt64Builder::with_capacity(0),
            cause: TimestampMillisecondBuilder::with_capacity(0),
            traceparent: StringBuilder::with_capacity(0, 0),
        }
    }
}

impl VerdictRows {
    /// Adds a verdict and what caused it.
    pub fn push(&mut self, verdict: VerdictRow, cause: Option<Instant>, traceparent: Option<&str>) {
        let appended = self.person.append_value(verdict.person.0);
        debug_assert!(appended.is_ok(), "a token has the width of its column");
        self.fact.append_value(verdict.fact.0);
        self.counts.append_value(verdict.counts);
        self.version.append_value(verdict.version);
        self.cause.append_option(cause.map(|cause| cause.0));
        self.traceparent.append_option(traceparent);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.fact.values_slice().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows, of [`verdict_schema`]; empty afterwards.
    ///
    /// # Errors
    /// None in a build without errors: the columns are those of the schema.
    pub fn finish(&mut self) -> Result<RecordBatch, RecordError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.person.finish()),
            Arc::new(self.fact.finish()),
            Arc::new(self.counts.finish()),
            Arc::new(self.version.finish()),
            Arc::new(self.cause.finish()),
            Arc::new(self.traceparent.finish()),
        ];
        RecordBatch::try_new(verdict_schema(), columns).map_err(|_| RecordError::Rows)
    }
}
