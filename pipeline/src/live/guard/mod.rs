//! The guard: nothing that colours many people at once takes effect uncounted (docs/recovery.md R-25).
//!
//! ```text
//! publications  the log of regions: whose rows belong together, and where they take effect
//! keep          what is to be closed, counted, let in: by the decisions and the log, and by nothing else
//! counts        what workers are asked to count, and what they counted
//! ```
//!
//! Any process keeps; two of them do no harm: of each record the first counts, and who lets a publication in twice
//! changes nothing. Owns the way from the log of regions to the decisions and back. Must never decide.

mod counts;
mod keep;
mod publications;

pub use counts::{Asked, Counts};
pub use keep::{Due, due};
pub use publications::{Admitted, Publications, Taken};
