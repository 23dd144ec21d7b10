//! The state of one partition: who there is, what is known of them, and how it is handed to the rules.
//!
//! ```text
//! apply    log batch -> rows appended, winners of facts settled, people touched     (apply.rs, tiers.rs)
//! gather   person -> chain of rows -> rows of the step                               (gather.rs)
//! show     rows of the step -> Arrow columns as rules see them                       (materialise.rs)
//! export   people, page by page -> tables of a snapshot, and back                   (export.rs, import.rs)
//! forget   facts past their retention -> dropped, tables rebuilt                     (forget.rs, compact.rs)
//! ```
//!
//! What lies underneath, in the order of the data:
//!
//! ```text
//! fact_key, version     which fact a record is of, and which record of it wins
//! people, ref_index     token -> number, fact key -> row; the head of each person's chain
//! layout, table         one table a kind: append-only rows of a fixed width
//! instant_code          an instant in four bytes
//! interner              texts and region codes as numbers
//! ```
//!
//! Evidence is a set (I-2): records in any order, with any repetition, give the same state. What is standing may be
//! gathered in any order too, for rules treat it as a set. Pure: no I/O, no clock, no randomness. Owner, id and
//! identities never stay here, but for the owner of a listing, which rules see.

pub mod fact_key;
pub mod version;

mod apply;
mod base_table;
mod chunked;
mod compact;
mod contacts;
mod describe;
mod export;
mod forget;
mod gather;
mod import;
mod incoming;
mod instant_code;
mod interner;
mod layout;
mod materialise;
mod memory;
mod people;
mod ref_index;
mod region_facts;
mod row_ref;
mod sparse;
mod state;
mod stay_codes;
mod table;
mod tiers;
mod touched;
mod value;

#[cfg(test)]
mod tests;

pub use base_table::{BaseTable, KindSet, Wanted};
pub use describe::{FactView, TierView};
pub use export::{Export, PEOPLE, TableError, VERDICTS};
pub use fact_key::{FactKey, NameKey, fact_key, name_key};
pub use forget::{Past, Retention};
pub use gather::StepRows;
pub use import::Import;
pub use incoming::EvidenceError;
pub use materialise::StepTable;
pub use memory::{Memory, Part};
pub use state::Evidence;
pub use touched::Touched;
pub use value::Value;
pub use version::Version;
