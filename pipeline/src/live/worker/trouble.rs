//! Why a partition goes no further, whoever noticed it: the restore, a record, a commit or the clock.
//!
//! Owns the way from an error to the reason that is shown, and whether the state in memory is still good. Must never
//! pass an error on to another partition.

use fuma_connectors::log::LogError;

use super::owned::ApplyError;
use super::restore::RestoreError;
use super::switch::Missing;
use crate::assess::AssessError;
use crate::live::partitions::ParkReason;
use crate::live::record::RecordError;

/// Why a partition is parked.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The engine: a bug, or a pack that cannot be executed.
    #[error(transparent)]
    Assess(#[from] AssessError),
    /// A record is not understood: nothing past it may be committed.
    #[error("partition {partition}: record {offset} of the evidence log is not read: {error}")]
    Record {
        /// The partition.
        partition: u32,
        /// Where.
        offset: u64,
        /// Why.
        error: RecordError,
    },
    /// A record of the regions is not understood.
    #[error("partition {partition}: a record of the regions is not read: {error}")]
    Regions {
        /// The partition.
        partition: u32,
        /// Why.
        error: RecordError,
    },
    /// It cannot be taken over soundly.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Its last commit is too far beyond the broker's clock.
    #[error(
        "partition {partition}: its next commit would be {} s ahead of the broker's clock; {} s are allowed: nothing \
         of it is committed", ahead_ms / 1000, super::clock::AHEAD_MS_MAX / 1000
    )]
    ClockAhead {
        /// The partition.
        partition: u32,
        /// How far.
        ahead_ms: i64,
        /// What an operator agrees to.
        digest: String,
    },
    /// The broker's clock was not known for too long.
    #[error("partition {partition}: the broker's clock is not known, so nothing is committed: {why}")]
    ClockUnknown {
        /// The partition.
        partition: u32,
        /// What was answered.
        why: String,
    },
    /// A pack is due that this process does not have.
    #[error(
        "partition {partition}: switch {} of the pack is due, and its pack is not here: {}; nothing is judged by the \
         old one", missing.number, missing.why
    )]
    PackMissing {
        /// The partition.
        partition: u32,
        /// What is missing.
        missing: Missing,
    },
    /// The decisions were not read to their end for too long: a switch may be due that is not known.
    #[error(
        "partition {partition}: the decisions were last read to their end {} s ago; {} s are allowed: a switch of the \
         pack may be due, and nothing is committed", behind_ms / 1000, super::clock::DECISIONS_MS_MAX / 1000
    )]
    DecisionsBehind {
        /// The partition.
        partition: u32,
        /// For how long.
        behind_ms: i64,
    },
    /// Its changes are refused again and again, also without those of other partitions.
    #[error("partition {partition}: its changes were refused {times} times in a row{why}")]
    Refused {
        /// The partition.
        partition: u32,
        /// How often.
        times: u32,
        /// What the log said, if it said something.
        why: String,
    },
}

impl Trouble {
    /// A record or a section that was not taken in.
    pub(super) fn of_record(partition: u32, offset: u64, error: ApplyError) -> Trouble {
        match error {
            ApplyError::Assess(error) => Trouble::Assess(error),
            ApplyError::Record(error) => Trouble::Record { partition, offset, error },
        }
    }

    /// A record of regions that was not taken in.
    pub(super) fn of_regions(partition: u32, error: ApplyError) -> Trouble {
        match error {
            ApplyError::Assess(error) => Trouble::Assess(error),
            ApplyError::Record(error) => Trouble::Regions { partition, error },
        }
    }

    /// The reason that is shown.
    pub fn reason(&self) -> ParkReason {
        match self {
            Trouble::Log(error) => of_log(error),
            Trouble::Assess(_) => ParkReason::Engine,
            Trouble::Record { error, .. } | Trouble::Regions { error, .. } => of_record(error),
            Trouble::Restore(error) => of_restore(error),
            Trouble::ClockAhead { .. } => ParkReason::ClockAhead,
            Trouble::ClockUnknown { .. } => ParkReason::ClockUnknown,
            Trouble::Refused { .. } => ParkReason::Refused,
            Trouble::PackMissing { .. } => ParkReason::PackMissing,
            Trouble::DecisionsBehind { .. } => ParkReason::DecisionsBehind,
        }
    }

    /// Whether only the log can say that it is over.
    pub(super) fn is_of_log(&self) -> bool {
        !matches!(
            self,
            Trouble::ClockAhead { .. }
                | Trouble::ClockUnknown { .. }
                | Trouble::DecisionsBehind { .. }
                | Trouble::PackMissing { .. }
        )
    }

    /// What an operator agrees to with `fuma accept`, where a word helps.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Trouble::ClockAhead { digest, .. } | Trouble::Restore(RestoreError::Differences { digest, .. }) => {
                Some(digest)
            }
            _ => None,
        }
    }
}

fn of_log(error: &LogError) -> ParkReason {
    ParkReason::of_code(error.code())
}

fn of_record(error: &RecordError) -> ParkReason {
    match error {
        RecordError::Newer(..) => ParkReason::Newer,
        RecordError::OtherKey { .. } | RecordError::OtherInstallation { .. } => ParkReason::Foreign,
        _ => ParkReason::Record,
    }
}

fn of_restore(error: &RestoreError) -> ParkReason {
    match error {
        RestoreError::Log(error) => of_log(error),
        // A restore always names its own.
        other => other.reason().unwrap_or(ParkReason::Log),
    }
}
