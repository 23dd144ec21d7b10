//! Who there is: token to number, the head of each person's chain of rows, and sets of people.
//!
//! Owns the numbers of people. Knows a person by token alone (I-8).

mod numbers;
mod touched;

pub(in crate::evidence) use numbers::People;
pub use touched::Touched;
