//! Who there is: token to number, the head of each person's chain of rows, and sets of people.
//!
//! ```text
//! numbers   token -> number, the head of each person's chain
//! busy      who has many rows: facts are counted, chains stay short
//! touched   sets of people
//! ```
//!
//! Owns the numbers of people. Knows a person by token alone (I-8).

mod busy;
mod numbers;
mod touched;

pub(in crate::evidence) use busy::{Busy, CHAIN_ROWS_MAX};
pub use busy::{Crowded, Limits};
pub(in crate::evidence) use numbers::People;
pub use touched::Touched;
