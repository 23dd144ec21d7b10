//! The rows of a section of forgotten facts.
//!
//! ```text
//! in the link log        people forgot these cases and contacts: trace may drop them
//! in the evidence log    trace has dropped these: people need not keep them for its sake
//! ```
//!
//! Owns their columns. When something is forgotten is the engine's.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, FixedSizeBinaryBuilder, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array, new_null_array,
};
use arrow::datatypes::{TimestampMillisecondType, UInt32Type, UInt64Type};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Instant, Person};

use super::error::RecordError;
use super::schema::forgotten_schema;
use crate::evidence::{FactKey, Version};

/// A fact of a case or a contact that was forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForgottenRow {
    /// Whose.
    pub person: Person,
    /// Which.
    pub fact: FactKey,
    /// The version of its winner: what is newer was not forgotten.
    pub version: Version,
}

/// The rows as a batch of [`forgotten_schema`]. They have no cause: time passed.
///
/// # Errors
/// None in a build without errors: the columns are those of the schema.
pub fn forgotten_batch(rows: &[ForgottenRow]) -> Result<RecordBatch, RecordError> {
    let mut people = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    for row in rows {
        people.append_value(row.person.0).map_err(|_| RecordError::Rows)?;
    }
    let versions = || rows.iter().map(|row| row.version);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.fact.0))),
        Arc::new(UInt32Array::from_iter_values(versions().map(|version| version.revision))),
        Arc::new(versions().map(|version| Some(version.retracted)).collect::<BooleanArray>()),
        Arc::new(TimestampMillisecondArray::from_iter_values(versions().map(|version| version.known_at.0))),
        new_null_array(&instant_type(), rows.len()),
        Arc::new(StringArray::new_null(rows.len())),
    ];
    RecordBatch::try_new(forgotten_schema(), columns).map_err(|_| RecordError::Rows)
}

/// The rows of a section.
///
/// # Errors
/// A batch of another schema.
pub fn forgotten_rows(batch: &RecordBatch) -> Result<Vec<ForgottenRow>, RecordError> {
    let column = |name| batch.column_by_name(name).ok_or(RecordError::Rows);
    let people = column("person")?.as_fixed_size_binary_opt().ok_or(RecordError::Rows)?;
    let facts = column("fact")?.as_primitive_opt::<UInt64Type>().ok_or(RecordError::Rows)?;
    let revisions = column("revision")?.as_primitive_opt::<UInt32Type>().ok_or(RecordError::Rows)?;
    let retracted = column("retracted")?.as_boolean_opt().ok_or(RecordError::Rows)?;
    let known = column("known_at")?.as_primitive_opt::<TimestampMillisecondType>().ok_or(RecordError::Rows)?;
    (0..batch.num_rows())
        .map(|row| {
            let person = people.value(row).try_into().map_err(|_| RecordError::Rows)?;
            let version = Version {
                revision: revisions.value(row),
                retracted: retracted.value(row),
                known_at: Instant(known.value(row)),
            };
            Ok(ForgottenRow { person: Person(person), fact: FactKey(facts.value(row)), version })
        })
        .collect()
}
