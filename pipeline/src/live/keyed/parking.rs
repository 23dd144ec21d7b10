//! Partitions of a keyed log that cannot go on, by name, and when they are tried again. The others go on.
//!
//! Owns reasons and pauses. Must never end the stage for the sake of one partition.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{LogError, Scope};
use fuma_schemas::Instant;

use crate::evidence::EvidenceError;
use crate::live::partitions::{ParkReason, Parked, Partitions};
use crate::live::record::RecordError;
use crate::live::snapshot::SnapshotError;

/// Why a partition goes no further.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store of snapshots.
    #[error("the snapshots of the stage cannot be read: {0}")]
    Store(#[from] SnapshotError),
    /// The facts between the snapshot and the log are gone.
    #[error(
        "the {log} begins at {begins}, and its newest snapshot ends at {next}: what lies between is gone, so what was \
         told there would be missing; put back a snapshot"
    )]
    Gap {
        /// Which log.
        log: &'static str,
        /// Where the log begins.
        begins: u64,
        /// Where the state ends.
        next: u64,
    },
    /// The log goes on further behind.
    #[error("the {log} goes on at {found}, not at {next}: records were skipped")]
    Skipped {
        /// Which log.
        log: &'static str,
        /// What came.
        found: u64,
        /// What was wanted.
        next: u64,
    },
    /// A record is not understood: to pass over it could leave what it takes back.
    #[error("record {offset} of the {log}: {error}")]
    Record {
        /// Which log.
        log: &'static str,
        /// Where.
        offset: u64,
        /// Why.
        error: RecordError,
    },
    /// The engine.
    #[error("record {offset} of the {log}: {error}")]
    Evidence {
        /// Which log.
        log: &'static str,
        /// Where.
        offset: u64,
        /// Why.
        error: EvidenceError,
    },
    /// Rides are told under a label that this process does not know, or whose pack it does not have.
    #[error(
        "rides are told under switch {label} of packs: {why}. They wait until the decisions are read as far and the \
         pack is here"
    )]
    Label {
        /// The number of the switch.
        label: u64,
        /// What is not there.
        why: String,
    },
    /// The system has no room for an executor.
    #[error("conveyances cannot be traced: {0}")]
    Executor(String),
}

impl Trouble {
    fn reason(&self) -> ParkReason {
        match self {
            Trouble::Log(error) => ParkReason::of_code(error.code()),
            Trouble::Store(error) if error.is_not_understood() => ParkReason::Newer,
            Trouble::Store(_) => ParkReason::Store,
            Trouble::Gap { .. } => ParkReason::Gap,
            Trouble::Skipped { .. } => ParkReason::Skipped,
            Trouble::Record { error: RecordError::Newer(..), .. } => ParkReason::Newer,
            Trouble::Record { error: RecordError::OtherKey { .. } | RecordError::OtherInstallation { .. }, .. } => {
                ParkReason::Foreign
            }
            Trouble::Record { .. } => ParkReason::Record,
            Trouble::Label { .. } => ParkReason::PackMissing,
            Trouble::Evidence { .. } | Trouble::Executor(_) => ParkReason::Engine,
        }
    }
}

/// The parked partitions.
pub(super) struct Parking {
    stage: &'static str,
    partitions: Partitions,
    /// How often each was tried, and when it is next.
    tried: BTreeMap<u32, (u32, Duration)>,
}

impl Parking {
    pub(super) fn new(stage: &'static str, partitions: Partitions) -> Parking {
        Parking { stage, partitions, tried: BTreeMap::new() }
    }

    /// Whether a partition may be taken on.
    pub(super) fn may_try(&self, id: u32, elapsed: Duration) -> bool {
        self.tried.get(&id).is_none_or(|(_, at)| *at <= elapsed)
    }

    /// It is tried; one that is parked stays so meanwhile.
    pub(super) fn restoring(&self, id: u32, now: Instant) {
        if !self.tried.contains_key(&id) {
            self.partitions.restoring(self.stage, id, now);
        }
    }

    pub(super) fn owned(&mut self, id: u32, now: Instant) {
        if self.tried.remove(&id).is_some() {
            tracing::info!(stage = self.stage, partition = id, "it goes on");
        }
        self.partitions.owned(self.stage, id, now);
    }

    pub(super) fn forget(&mut self, id: u32) {
        self.tried.remove(&id);
    }

    /// Parks a partition; trouble of the client is the end of the stage.
    pub(super) fn park(
        &mut self,
        id: u32,
        trouble: Trouble,
        (now, elapsed): (Instant, Duration),
    ) -> Result<(), LogError> {
        let trouble = match trouble {
            Trouble::Log(error) if error.scope() >= Scope::Stage => return Err(error),
            other => other,
        };
        let (reason, tries) = (trouble.reason(), self.tried.get(&id).map_or(1, |(tries, _)| tries.saturating_add(1)));
        let pause = reason.pause(tries);
        if tries == 1 {
            let (reason, again_in_s) = (reason.code(), pause.as_secs_f32());
            let stage = self.stage;
            tracing::error!(stage, partition = id, reason, again_in_s, "a partition of the stage is parked: {trouble}");
        }
        let next_try = Instant(now.0.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)));
        let parked = Parked { reason, what: trouble.to_string(), next_try: Some(next_try), tries, digest: None };
        self.partitions.parked(self.stage, id, now, parked);
        self.tried.insert(id, (tries, elapsed + pause));
        Ok(())
    }
}

/// A stage that ends, or panics, reads nothing any more.
impl Drop for Parking {
    fn drop(&mut self) {
        self.partitions.ended();
    }
}
