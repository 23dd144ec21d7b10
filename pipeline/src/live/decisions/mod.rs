//! The log of decisions: what the installation is, and what people decided (docs/recovery.md R-24).
//!
//! ```text
//! record         the records: JSON objects with a type and a version
//! installation   what an installation is, and what is there now; how the two are compared
//! fold           all records in order -> what holds
//! basis          which pack is in force from when, officials, what waits for them, what is held
//! handle         the log and its fold, shared by the threads of a process
//! found          an installation is made at the first start
//! adopt          logs of an older build get theirs
//! belonging      the comparison, again at each takeover
//! ```
//!
//! Owns what a record means. The first record of a key counts. Must never pass over a record that it does not know:
//! it may be the one that forbids what is about to be done.

mod adopt;
pub mod basis;
mod belonging;
mod fold;
mod found;
mod handle;
mod installation;
mod record;

pub use self::basis::{Basis, Switch};
pub use adopt::{AdoptError, Adopted, adopt};
pub use belonging::{Belonging, BelongingError};
pub use fold::{Fold, Word};
pub use found::{FoundError, Own, found, to_create};
pub use handle::{DecisionError, DecisionLog};
pub use installation::{Formats, Here, Installation, NotOurs};
pub use record::{Accepted, AddedTopics, RECORD_BYTES_MAX, Record, RecordFault, Settled, Switched, Used};
