//! Records of the log become rows, and of each fact one record wins.
//!
//! ```text
//! fact_key, version   which fact a record is of, and which record of it wins
//! order               which of two records wins, by one function for all
//! first_known         when a fact became known whose revisions may say something else
//! asserted            what is kept of losers for that
//! value, row_contents what a row says, for people and for the order
//! incoming            the columns of a batch of the log
//! apply               batch -> rows appended, winners settled, people touched
//! derived             facts that a stage of the engine derived, replaced whole
//! verdicts            which contacts count, as trace said
//! ```
//!
//! Owns the rule of sets (I-2). Must never read a clock or an identity.

pub mod fact_key;
pub mod version;

mod apply;
mod asserted;
mod derived;
mod first_known;
mod incoming;
mod order;
mod row_contents;
mod value;
mod verdicts;

pub(in crate::evidence) use apply::Beside;
pub use apply::compare_rows;
pub(in crate::evidence) use asserted::is_by_claim;
pub use derived::{Derived, DerivedBy, DerivedRow, OwnedValue, Said, derived_key};
pub use fact_key::{FactKey, LinksRank, NameKey, fact_key, link_key, name_key};
pub(in crate::evidence) use first_known::Assertions;
pub use incoming::EvidenceError;
pub(in crate::evidence) use incoming::{Batch, Incoming, incoming_or_missing};
pub use order::{Contender, Contents, Ranked};
pub use value::Value;
pub(in crate::evidence) use verdicts::{Ruling, Verdicts};
pub use version::Version;
