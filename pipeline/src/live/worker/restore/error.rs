//! Why a partition was not taken over.
//!
//! Owns the words: what is wrong, where, and what to do. Whatever stands here, nothing was announced.

use fuma_connectors::log::LogError;

use crate::assess::AssessError;
use crate::live::decisions::NotOurs;
use crate::live::record::RecordError;
use crate::live::worker::position::PositionError;

/// Why a partition was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The evidence cannot be applied, or the rules cannot be executed.
    #[error(transparent)]
    Assess(#[from] AssessError),
    /// The partition moved on meanwhile.
    #[error("given up: the partition was taken away")]
    Cancelled,
    /// The topics are not what is recorded of the installation.
    #[error("partition {partition} is not taken over: {error}")]
    NotOurs {
        /// The partition.
        partition: u32,
        /// What differs.
        error: Box<NotOurs>,
    },
    /// The facts between the snapshots and the log are gone.
    #[error(
        "partition {partition}: its evidence log begins at {begins}, and no usable snapshot reaches that far: facts \
         are missing. Bring a snapshot back to {place}, or send the feeds again into new topics"
    )]
    Gap {
        /// The partition.
        partition: u32,
        /// Where the log begins.
        begins: u64,
        /// Where snapshots are looked for.
        place: String,
    },
    /// The position is not understood: a newer build's, or not fuma's.
    #[error("partition {partition}: {error}")]
    Position {
        /// The partition.
        partition: u32,
        /// Why.
        error: PositionError,
    },
    /// A record of a log that the partition is made of is not understood: to pass over it would lose what it says.
    #[error("partition {partition}: record {offset} of {log} is not read: {error}")]
    Record {
        /// The partition.
        partition: u32,
        /// Which log.
        log: &'static str,
        /// Where.
        offset: u64,
        /// Why.
        error: RecordError,
    },
    /// Snapshots or the position are another installation's, or were written under another key.
    #[error("partition {partition}: what was committed is not this process's: {error}")]
    Origin {
        /// The partition.
        partition: u32,
        /// Why.
        error: RecordError,
    },
    /// A snapshot is there that this build does not understand.
    #[error("partition {partition}: {why}")]
    Snapshot {
        /// The partition.
        partition: u32,
        /// Which, and why.
        why: String,
    },
    /// A newer engine judged it.
    #[error(
        "partition {partition} was judged by engine {found}, and this build has {own}: start a build that is at least \
         as new, else people would be judged there and back"
    )]
    OlderEngine {
        /// The partition.
        partition: u32,
        /// The version in the position.
        found: String,
        /// This build's.
        own: String,
    },
    /// A newer pack is in force.
    #[error(
        "partition {partition} is judged by policy pack number {in_force}, and this process has number {own}: start \
         it with the pack that is in force, or put this one in force again with --reinstate-policy"
    )]
    Superseded {
        /// The partition.
        partition: u32,
        /// The number in force.
        in_force: u64,
        /// This process's.
        own: u64,
    },
    /// Another owner took it over meanwhile, and announced what this one does not know of.
    #[error("partition {partition} was taken over by another while it was restored here")]
    Overtaken {
        /// The partition.
        partition: u32,
    },
    /// What was announced is not what holds, and nothing explains it.
    #[error(
        "partition {partition}: of {differing} people (of {people}) another state was announced than the evidence \
         gives under the same pack and engine. Nothing of it is announced until somebody has looked: the people are \
         listed in {listed}"
    )]
    Differences {
        /// The partition.
        partition: u32,
        /// How many people differ.
        differing: usize,
        /// Of how many.
        people: u32,
        /// The file that lists them.
        listed: String,
        /// What an operator agrees to who lets what the evidence gives be announced.
        digest: String,
    },
    /// The regions did not come.
    #[error(
        "partition {partition} was judged with {wanted} region records, and only {known} can be read: wait, or repair \
         the topic"
    )]
    Reference {
        /// The partition.
        partition: u32,
        /// One past the last that the position has seen.
        wanted: u64,
        /// One past the last that was read.
        known: u64,
    },
}
