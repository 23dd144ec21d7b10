//! A value of a column as text or number, for comparing contents and for showing them.
//!
//! Owns the order of contents that settles two records of one version: by value, never by a number given on arrival
//! (I-2).

use fuma_schemas::Instant;

/// A value of a column.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value<'a> {
    /// Absent.
    Null,
    /// An instant.
    Instant(Instant),
    /// A name of a closed list, a region code or another text.
    Text(&'a str),
    /// A date, days since 1970-01-01.
    Date(i32),
    /// A whole number.
    Integer(i32),
}
