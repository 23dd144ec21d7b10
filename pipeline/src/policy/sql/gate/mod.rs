//! What SQL of a pack may say: an allow-list, checked four times on the way from the text to the plan.
//!
//! ```text
//! syntax    the words: only the forms that rules need
//! literals  a text beside an instant becomes that instant, with an offset or not at all
//! types     the meaning: types, casts that the planner adds, facts, numbers that could overflow
//! physical  the plan that is executed holds nothing else
//! ```
//!
//! What can fail on a row, depends on the order of rows, or cuts days in UTC is not in the list. Owns the list. Must
//! never execute anything.

mod advice;
mod bounds;
mod expressions;
mod literals;
mod physical;
mod syntax;
mod types;

pub(super) use literals::rewrite;
pub(super) use physical::check as check_physical;
pub(super) use syntax::check as check_syntax;
pub(super) use types::{check as check_types, check_meetings};

/// The functions of one row that rules may call: the engine's, and four of SQL.
pub const FUNCTIONS: &[&str] =
    &["day", "day_end", "add_days", "add_hours", "instant_or_null", "facts", "coalesce", "greatest", "least", "nullif"];

/// The functions of many rows that rules may call. None depends on the order of rows.
pub const AGGREGATES: &[&str] = &["min", "max", "count", "bool_and", "bool_or"];
