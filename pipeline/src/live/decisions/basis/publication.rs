//! A publication of tiers: what it says, what it would do, and what became of it (docs/recovery.md R-25).
//!
//! ```text
//! {"type":"limits","version":1,"people":1000,"percent":100,"at":...}
//! {"type":"closed","version":1,"id":"...","owner":"...","document":"...","first":17,"end":29, ...}
//! {"type":"counted","version":1,"publication":"...","partition":3,"number":4,"admitted":9,"people":...,"changes":...}
//! ```
//!
//! The rows of one owner that come without a pause are a publication, be they of one document or of one for each area.
//!
//! Owns the records and the size. A count that is missing is not zero. Must never decide: the fold does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::officials::hex_of;
use super::proposal::Approval;
use super::records::digest_of;

/// Up to which size a publication takes effect without an approval. Of an installation the first counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// People whose colours it changes, over all publications of an hour.
    pub people: u64,
    /// The same, as a share of the people with evidence.
    pub percent: u64,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// The number of a publication of an owner whose first record is at an offset of the log of regions.
pub fn publication_of(owner: &str, first: u64) -> u64 {
    let text = digest_of(&["publication".to_owned(), owner.to_owned(), first.to_string()]);
    u64::from_be_bytes(Sha256::digest(text).first_chunk().copied().unwrap_or_default())
}

/// The id of a publication, as people and records name it.
pub fn id_of(publication: u64) -> String {
    hex_of(&publication.to_be_bytes())
}

/// A publication is whole. Of each owner and first record the first counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// The id, made of the owner and the first record.
    pub id: String,
    /// The source system.
    pub owner: String,
    /// Who set the tiers and by which document, where all rows say the same: for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The first record of the log of regions that has rows of it.
    pub first: u64,
    /// One past the last.
    pub end: u64,
    /// How many rows.
    pub rows: u64,
    /// The digest of the rows, 64 hex digits.
    pub digest: String,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// What a publication would do to the people of a partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counted {
    /// Which publication.
    pub publication: String,
    /// The partition.
    pub partition: u32,
    /// The number of the switch whose pack judged.
    pub number: u64,
    /// How many publications were in force.
    pub admitted: u64,
    /// People with evidence.
    pub people: u64,
    /// People whose colours or rules would be others, now or later.
    pub changes: u64,
    /// Of these, who would turn green now.
    pub green: u64,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// What all partitions together counted, as far as they did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// How many partitions counted.
    pub counted: u32,
    /// Of how many.
    pub partitions: u32,
    /// People with evidence.
    pub people: u64,
    /// People whose colours or rules would be others.
    pub changes: u64,
    /// Of these, who would turn green.
    pub green: u64,
}

impl Size {
    /// Whether no count is missing.
    pub fn is_whole(&self) -> bool {
        self.partitions > 0 && self.counted == self.partitions
    }
}

/// What became of a publication.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is being counted.
    Waiting,
    /// It is beyond the limits, and waits for an approval.
    Held,
    /// It takes effect: the so-many-th of all.
    Admitted {
        /// The place in their order.
        place: u64,
        /// With which size.
        size: Size,
        /// When, by the log.
        at_ms: i64,
        /// Who approved it; nobody: it was within the limits.
        signed: Vec<String>,
    },
    /// It was withdrawn, and never takes effect.
    Withdrawn {
        /// Why.
        reason: String,
        /// Who; none: an operator.
        official: Option<String>,
    },
}

/// A publication.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// The offset of the record that closed it.
    pub offset: u64,
    /// What that says.
    pub closed: Closed,
    /// The last count of each partition.
    pub(super) counts: BTreeMap<u32, Counted>,
    /// Who agreed, and to what digest.
    pub(super) approvals: Vec<(String, Approval)>,
    /// What became of it.
    pub standing: Standing,
}

impl Publication {
    /// Whether it still waits.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Waiting | Standing::Held)
    }

    /// What an official signs: the publication and its size, under the pack that judged. Another size is another one.
    pub(super) fn signed_digest(&self, (size, number): (Size, u64), installation: &str) -> String {
        let Size { counted, partitions, people: _, changes, green } = size;
        digest_of(&[
            "tiers".to_owned(),
            installation.to_owned(),
            self.closed.id.clone(),
            self.closed.digest.clone(),
            number.to_string(),
            format!("{counted}/{partitions}"),
            changes.to_string(),
            green.to_string(),
        ])
    }

    /// Who agreed to what has this digest.
    pub(super) fn signed(&self, digest: &str) -> Vec<&str> {
        let agreed = self.approvals.iter().filter(|(other, _)| other == digest);
        agreed.map(|(_, approval)| approval.official.as_str()).collect()
    }
}
