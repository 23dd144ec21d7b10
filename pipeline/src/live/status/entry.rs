//! What a process says of itself: a record of `status.v1`, keyed by the process.
//!
//! Owns its fields and their JSON form. A field that is not known is passed over, and one that is missing is empty, so
//! that builds of several versions read one another.

use fuma_schemas::Instant;
use serde::{Deserialize, Serialize};

use crate::live::partitions::Withheld;

/// An entry older than this is stale: its process has ended, or hangs.
pub const STALE_AFTER_MS: i64 = 30_000;

/// What a process says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its name: host, process id, and a random part.
    pub process: String,
    /// Where its metrics and probes are; none: `--http off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The version of the program.
    pub version: String,
    /// What it does: intake, trace, assess.
    pub roles: Vec<String>,
    /// The pack that it judges by.
    pub policy: PolicyName,
    /// When it started.
    pub started: String,
    /// When it said this, by its own clock.
    pub at: String,
    /// The partitions that are assigned to it.
    pub partitions: Vec<Holding>,
}

/// A pack, for people.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyName {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The first 16 digits of its digest.
    pub digest: String,
}

/// A partition that is assigned to a process.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Holding {
    /// Of which stage.
    pub stage: String,
    /// Its number.
    pub partition: u32,
    /// restoring, owned, parked.
    pub state: String,
    /// Since when.
    pub since: String,
    /// Why it is parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is tried again by itself; none: it waits for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<String>,
    /// While everything is held: what its release would announce here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

impl Entry {
    /// The record's value.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a record; none of one that is no entry.
    pub fn parse(value: &[u8]) -> Option<Entry> {
        serde_json::from_slice(value).ok()
    }

    /// Whether nothing was heard of the process for so long that it says nothing about now. `written` is when the log
    /// took the record: clocks of processes differ, the log has one.
    pub fn is_stale(written: Instant, now: Instant) -> bool {
        now.0.saturating_sub(written.0) > STALE_AFTER_MS
    }
}
