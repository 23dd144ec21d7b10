//! What the processes of an installation hold, said in the log itself: `status.v1`, in a folder `status/`.
//!
//! ```text
//! entry     what a process says of itself: a record of the log
//! publish   says it, when it changes and each 10 s
//! measure   how far behind the partitions are that this process holds
//! answer    entries, positions and ends of the log -> one answer: `fuma status`
//! publications  publications of tiers that wait
//! switches  packs to come, and the switch under way
//! ```
//!
//! Owns the words. Must never name a person, nor decide who owns what: the group does.

pub mod answer;
pub mod entry;
pub mod measure;
pub mod publications;
pub mod publish;
pub mod switches;
#[cfg(test)]
mod tests;
