//! How rows are stored: one table a kind, append-only, of a fixed width.
//!
//! ```text
//! layout, table    where what lies in a row; the rows of a kind
//! row_ref          kind and row in 32 bits
//! instant_code     an instant in four bytes
//! interner         texts and region codes as numbers
//! seed             the secret that hash tables are keyed with
//! ref_index        hash -> number; keys are kept by the caller
//! sparse, chunked  what few rows have; a list that grows without moving
//! ```
//!
//! Owns bytes and numbers. Must never know which record of a fact wins.

pub(in crate::evidence) mod layout;
pub(in crate::evidence) mod sparse;

mod chunked;
mod instant_code;
mod interner;
mod ref_index;
mod row_ref;
mod seed;
mod table;

pub(in crate::evidence) use chunked::Chunked;
pub(in crate::evidence) use interner::{Interner, NO_TEXT};
pub(in crate::evidence) use layout::{decode_integer, mark, read_u32, read_u64};
pub(in crate::evidence) use ref_index::RefIndex;
pub(in crate::evidence) use row_ref::RowRef;
pub use seed::Seed;
pub(in crate::evidence) use sparse::{KnownSpan, Sparse};
pub(in crate::evidence) use table::{RowTable, Texts};
