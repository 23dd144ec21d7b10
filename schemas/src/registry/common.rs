//! The fields of every record (docs/feeds.md section 1).
//!
//! Owns their names, order and JSON types. Their checks are intake's: each has one of its own.

use super::field::FieldType;

/// A field of every record.
#[derive(Clone, Copy, Debug)]
pub struct CommonField {
    /// The name.
    pub name: &'static str,
    /// The JSON type.
    pub field_type: FieldType,
}

const fn text(name: &'static str) -> CommonField {
    CommonField { name, field_type: FieldType::Text }
}

/// How many of [`COMMON`] a record without a person has: all but the last four.
pub const WITHOUT_PERSON: usize = COMMON.len() - 4;

/// The fields of every record; those that say whom it is about come last.
pub const COMMON: [CommonField; 9] = [
    text("owner"),
    text("id"),
    CommonField { name: "revision", field_type: FieldType::Integer },
    CommonField { name: "retracted", field_type: FieldType::Boolean },
    text("known_at"),
    text("person"),
    text("phone"),
    text("cert_type"),
    text("cert_number"),
];
