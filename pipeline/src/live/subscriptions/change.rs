//! A change as it was announced, taken apart once for all who subscribe.
//!
//! Owns the reading of the value (docs/feeds.md section 4). Fields that a newer build adds are passed over. Must never
//! decide who sees which field: that is the port's.

use bytes::Bytes;
use fuma_connectors::log::AnnouncedRecord;
use fuma_schemas::{Colour, Person};
use serde::Deserialize;

/// A change, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The partition of the changes.
    pub partition: u32,
    /// The place in it.
    pub offset: u64,
    /// Whose code it is.
    pub person: Person,
    /// What was said; none where the person was erased.
    pub said: Option<Said>,
    /// How many bytes it had.
    pub(super) bytes: usize,
}

/// The value of a change.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Said {
    /// The colour that was announced before.
    pub from: Colour,
    /// The colour.
    pub to: Colour,
    /// Since when, as known then, the state holds.
    pub effective_at: String,
    /// Since when, as known then, the colour holds.
    pub colour_since: String,
    /// When the person was judged.
    pub decided_at: String,
    /// The reasons, the most severe first.
    pub reasons: Vec<SaidReason>,
    /// Rules of which a reason ended.
    pub ended: Vec<String>,
    /// When the next colour begins.
    pub next_change_at: Option<String>,
    /// The pack.
    pub policy: String,
    /// Its version.
    pub policy_version: String,
}

/// A reason of a change.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct SaidReason {
    /// The rule.
    pub rule: String,
    /// The colour that it gives.
    pub colour: Colour,
    /// The document and the clause.
    pub clause: String,
    /// From when it holds.
    pub since: String,
    /// Until when; none while open.
    pub until: Option<String>,
    /// When it ought to have been released.
    pub due: Option<String>,
}

impl Change {
    /// A change of the log; none where this build does not understand it.
    pub(super) fn read(partition: u32, record: &AnnouncedRecord) -> Option<Change> {
        let person = Person::parse(std::str::from_utf8(&record.key).ok()?)?;
        let said = match &record.value {
            Some(value) => Some(serde_json::from_slice(value).ok()?),
            None => None,
        };
        let bytes = record.value.as_ref().map_or(0, Bytes::len) + OVERHEAD_BYTES;
        Some(Change { partition, offset: record.offset, person, said, bytes })
    }
}

/// What a change takes beside its value.
const OVERHEAD_BYTES: usize = 256;
