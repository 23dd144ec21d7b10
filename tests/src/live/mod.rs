//! The exactly-once stage on the simulated cluster, step by step and on its clock.
//!
//! ```text
//! lines      records about people whom a test makes up
//! feed       lines and verdicts -> records of the evidence and the region log
//! setup      what a process is started with
//! process    a worker with its own clock, pack and references; it dies and starts again
//! keeping    officials, and the keeper of publications of tiers
//! announced  what anybody reads of the output, and what must hold of it whatever happened
//! scratch    what one look at all the evidence says of everybody
//! switched   such a run with a switch of packs in the middle
//! chaos      a run from a seed, in which everything goes wrong that can
//! ```
//!
//! Owns no semantics: the cluster has those of the log, the engine its own.

pub mod announced;
pub mod chaos;
pub mod feed;
pub mod keeping;
pub mod lines;
pub mod process;
pub mod scratch;
pub mod setup;
pub mod switched;

pub use announced::Announced;
pub use feed::EvidenceFeed;
pub use keeping::Keeping;
pub use process::Member;
pub use setup::Setup;
