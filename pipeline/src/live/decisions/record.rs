//! The records of the log of decisions.
//!
//! ```text
//! {"type":"installation","version":1,"id":"9f1c22aa00000001","prefix":"fuma.","group":"fuma","partitions":8, ...}
//! {"type":"topics","version":1,"topics":{"fuma.rides.v1":"Kx3..."}}           a newer build added them
//! {"type":"accepted","version":1,"reason":"differences","partition":3,"digest":"...","at":1600000000000}
//! {"type":"used","version":1,"word":17,"owner":"fuma-4711-0","at":1600000000000}
//! ```
//!
//! Those of packs, officials and holds are in `basis`.
//!
//! Owns their text. A type or a version that is not known is a newer build's, and is named. Must never hold a person.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::basis::{Approved, Bootstrap, Closed, Counted, FirstOfficials, Held, Limits, Proposed, Withdrawn};
use super::installation::Installation;

/// The version of every type that this build writes; a higher one is not understood.
const VERSION: u64 = 1;
/// The types that this build knows.
const TYPES: [&str; 15] = [
    "installation",
    "topics",
    "accepted",
    "used",
    "bootstrap",
    "officials",
    "proposed",
    "approved",
    "withdrawn",
    "held",
    "switched",
    "settled",
    "limits",
    "closed",
    "counted",
];
/// The longest record: a list of all officials that there may be.
pub const RECORD_BYTES_MAX: usize = 256 << 10;

/// A record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Record {
    /// What the installation is. The first one counts.
    Installation(Installation),
    /// Topics that a newer build needs, and that were made for it. Of each name the first counts.
    Topics(AddedTopics),
    /// An operator's word.
    Accepted(Accepted),
    /// A word was used up. Of each word the first counts.
    Used(Used),
    /// The pack of an installation that had none. The first one counts.
    Bootstrap(Bootstrap),
    /// The first officials. The first one counts.
    Officials(FirstOfficials),
    /// A pack, or another list of officials, is proposed. Of each id the first counts.
    Proposed(Proposed),
    /// An official agrees.
    Approved(Approved),
    /// What waits, or is scheduled, is not to happen.
    Withdrawn(Withdrawn),
    /// The emergency stop.
    Held(Held),
    /// A partition has judged everybody by the pack of a switch. Of each switch and partition the first counts.
    Switched(Switched),
    /// What a switch announced in all partitions. Of each switch the first counts.
    Settled(Settled),
    /// Up to which size publications of tiers need no approval. The first one counts.
    Limits(Limits),
    /// A publication of tiers is whole. Of each the first counts.
    Closed(Closed),
    /// What a publication would do in one partition. The last one on the basis that holds counts.
    Counted(Counted),
}

/// What a switch announced in all partitions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settled {
    /// The number of the switch.
    pub switch: u64,
    /// People whose announced state it changed.
    pub changes: u64,
    /// The digest over all partitions (docs/feeds.md section 6).
    pub digest: String,
}

/// What a switch came to in one partition (R-29).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Switched {
    /// The number of the switch.
    pub switch: u64,
    /// The partition.
    pub partition: u32,
    /// People with evidence.
    pub people: u64,
    /// People whose announced state it changed.
    pub changes: u64,
    /// The digest of that, of this partition alone (docs/feeds.md section 6).
    pub digest: String,
    /// People who were due between the last commit by the old pack and the instant.
    pub due: u64,
    /// People whom evidence touched, or who were due, before their page came.
    pub touched: u64,
    /// People with too many facts, who keep what was announced.
    pub crowded: u64,
    /// People on whom a rule fails, who keep what was announced.
    pub failed: u64,
    /// Whether an owner went on where another had begun: then the counts of people are those of the last one.
    pub resumed: bool,
    /// No change of it lies before this offset of the partition's output; none: an older build wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// The clocks of its first commit and its last, in milliseconds UTC.
    pub begun: i64,
    /// The last.
    pub done: i64,
}

/// Topics that were added, by name, each with its id where the cluster has ids.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AddedTopics {
    /// Name and id.
    pub topics: BTreeMap<String, Option<String>>,
}

/// An operator accepts what keeps a partition from being judged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The code of the reason for which the partition is parked.
    pub reason: String,
    /// The partition.
    pub partition: u32,
    /// What the operator saw: another state of things has another one, and is not accepted by this word.
    pub digest: String,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// A word is used up: it accepts nothing any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Used {
    /// The offset of the word.
    pub word: u64,
    /// The owner of the partition that used it.
    pub owner: String,
    /// When, in milliseconds UTC.
    pub at: i64,
}

/// Why a record is not understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordFault {
    /// A type or version of a newer build.
    #[error("is of type {kind}, version {version}, which this build does not know: a newer fuma wrote it")]
    Newer {
        /// Its type.
        kind: String,
        /// Its version.
        version: u64,
    },
    /// Not a record of this log.
    #[error("is not a decision: something else writes to the topic")]
    Foreign,
}

impl Record {
    /// Its type.
    pub fn kind(&self) -> &'static str {
        match self {
            Record::Installation(_) => "installation",
            Record::Topics(_) => "topics",
            Record::Accepted(_) => "accepted",
            Record::Used(_) => "used",
            Record::Bootstrap(_) => "bootstrap",
            Record::Officials(_) => "officials",
            Record::Proposed(_) => "proposed",
            Record::Approved(_) => "approved",
            Record::Withdrawn(_) => "withdrawn",
            Record::Held(_) => "held",
            Record::Switched(_) => "switched",
            Record::Settled(_) => "settled",
            Record::Limits(_) => "limits",
            Record::Closed(_) => "closed",
            Record::Counted(_) => "counted",
        }
    }

    /// The text.
    ///
    /// # Errors
    /// Never, for what this build can hold; the error is serde's.
    pub fn to_bytes(&self) -> Result<Bytes, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("version".to_owned(), VERSION.into());
        }
        serde_json::to_vec(&value).map(Bytes::from)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is a newer build's, or none.
    pub fn read(bytes: &[u8]) -> Result<Record, RecordFault> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_| RecordFault::Foreign)?;
        let kind = value.get("type").and_then(Value::as_str).ok_or(RecordFault::Foreign)?.to_owned();
        let version = value.get("version").and_then(Value::as_u64).ok_or(RecordFault::Foreign)?;
        if !TYPES.contains(&kind.as_str()) || version > VERSION {
            return Err(RecordFault::Newer { kind, version });
        }
        serde_json::from_value(value).map_err(|_| RecordFault::Foreign)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_not_known_is_named() {
        let word = Accepted { reason: "differences".into(), partition: 3, digest: "ab".into(), at: 5 };
        let bytes = Record::Accepted(word.clone()).to_bytes().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains("\"type\":\"accepted\"") && text.contains("\"version\":1"), "{text}");
        assert_eq!(Record::read(&bytes), Ok(Record::Accepted(word)));
        let newer = |kind: &str, version| RecordFault::Newer { kind: kind.into(), version };
        assert_eq!(Record::read(br#"{"type":"epoch","version":1}"#), Err(newer("epoch", 1)));
        assert_eq!(Record::read(br#"{"type":"used","version":2,"word":0}"#), Err(newer("used", 2)));
        for foreign in [&b"{}"[..], b"", b"{\"type\":\"used\",\"version\":1}", b"[1]", b"{\"type\":\"used\"}"] {
            assert_eq!(Record::read(foreign), Err(RecordFault::Foreign));
        }
    }
}
