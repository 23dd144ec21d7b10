//! What goes over the whole state: snapshots and back, forgetting, compaction, the account of memory.
//!
//! Owns the tables of a snapshot, and what is past its retention. Must never decide who may be forgotten.

mod check;
mod export;
mod forget;
mod import;
mod memory;
mod tidy;

pub use export::{DERIVED, Export, PEOPLE, TableError, VERDICTS};
pub use forget::{ForgottenLink, Past, Retention};
pub use import::Import;
pub use memory::{Memory, Part};
pub use tidy::Tidy;
