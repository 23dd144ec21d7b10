//! Records of the log become rows, and of each fact one record wins.
//!
//! ```text
//! fact_key, version   which fact a record is of, and which record of it wins
//! value               a value of a column, and its order
//! incoming            the columns of a batch of the log
//! apply               batch -> rows appended, winners settled, people touched
//! verdicts            which contacts count, as trace said
//! ```
//!
//! Owns the rule of sets (I-2). Must never read a clock or an identity.

pub mod fact_key;
pub mod version;

mod apply;
mod incoming;
mod value;
mod verdicts;

pub use fact_key::{FactKey, NameKey, fact_key, name_key};
pub use incoming::EvidenceError;
pub(in crate::evidence) use incoming::{Batch, Incoming, incoming_or_missing};
pub use value::Value;
pub(in crate::evidence) use verdicts::Standing;
pub use version::Version;
