//! What the records about packs, officials and holds say.
//!
//! ```text
//! {"type":"bootstrap","version":1,"number":1,"pack":{"digest":"...","id":"...","version":"..."},"at":...}
//! {"type":"officials","version":1,"list":{"officials":[{"name":"...","key":"...","roles":["author"]}],...},"at":...}
//! {"type":"proposed","version":1,"id":"...","what":{"kind":"pack",...},"valid_from":...,"basis":{...},"at":...}
//! {"type":"approved","version":1,"proposal":"...","digest":"...","valid_from":...,"basis":{...},"official":"...", ...}
//! {"type":"withdrawn","version":1,"proposal":"...","reason":"...","at":...}
//! {"type":"held","version":1,"id":"...","reason":"...","at":...}
//! ```
//!
//! Owns their fields and the id of a proposal, which is made of all that an official sees of it. A proposal whose id is
//! not its own says nothing. `at` is the writer's clock, for people; what holds is when the log took the record.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::officials::{Officials, Quorum, hex_of};

/// A pack by what it decides, and its name for people.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackName {
    /// The digest, 64 hex digits.
    pub digest: String,
    /// The id.
    pub id: String,
    /// The version.
    pub version: String,
}

/// What was in force, or was to be, for who wrote a record.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The number of the switch.
    pub number: u64,
    /// The digest of its pack.
    pub pack: String,
}

/// The pack of an installation that had none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The number of the switch: 1, but where an older build counted more.
    pub number: u64,
    /// The pack.
    pub pack: PackName,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// The first officials.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FirstOfficials {
    /// Who they are.
    pub list: Officials,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// What is proposed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// Another pack.
    Pack {
        /// Which.
        pack: PackName,
        /// Why an earlier pack comes back; none: it does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rollback: Option<String>,
        /// It happens at its instant, or not at all.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        not_after: bool,
        /// Each partition takes it when it reads that it is complete.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_once: bool,
    },
    /// Another list of officials.
    Officials {
        /// Who they will be.
        list: Officials,
        /// How often the list had changed for who proposed it.
        revision: u64,
    },
}

impl What {
    /// What is signed: the digest of a pack, or of a list.
    pub fn digest(&self) -> String {
        match self {
            What::Pack { pack, .. } => pack.digest.clone(),
            What::Officials { list, revision } => {
                let mut lines = vec!["fuma-officials-v1".to_owned(), revision.to_string()];
                let Quorum { authors, approvers } = list.quorum;
                lines.push(format!("{authors} {approvers}"));
                lines.extend(list.officials.iter().map(|it| format!("{} {:?} {}", it.key, it.roles, it.name)));
                digest_of(&lines)
            }
        }
    }
}

/// A proposal: it is in force only when enough officials sign.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposed {
    /// Made of what follows.
    pub id: String,
    /// What is proposed.
    pub what: What,
    /// From when, in milliseconds UTC.
    pub valid_from: i64,
    /// What it is to follow.
    pub basis: Seen,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

impl Proposed {
    /// A proposal, with its id.
    pub fn new(installation: &str, what: What, valid_from: i64, basis: Seen, at: i64) -> Proposed {
        let mut proposed = Proposed { id: String::new(), what, valid_from, basis, at };
        proposed.id = proposed.own_id(installation);
        proposed
    }

    /// The id that belongs to what it says.
    pub fn own_id(&self, installation: &str) -> String {
        let said = match &self.what {
            What::Pack { pack, rollback, not_after, at_once } => {
                let rollback =
                    rollback.as_deref().map_or_else(|| "-".to_owned(), |reason| format!("rollback {reason}"));
                vec![pack.id.clone(), pack.version.clone(), rollback, not_after.to_string(), at_once.to_string()]
            }
            What::Officials { .. } => vec!["officials".to_owned()],
        };
        let Seen { number, pack } = &self.basis;
        let mut parts =
            vec![installation.to_owned(), self.what.digest(), self.valid_from.to_string(), number.to_string()];
        parts.push(pack.clone());
        parts.extend(said);
        digest_of(&parts).chars().take(16).collect()
    }
}

/// An official agrees.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approved {
    /// To which proposal, or to the release of which hold.
    pub proposal: String,
    /// The digest of what the official saw.
    pub digest: String,
    /// From when, as the official saw it.
    pub valid_from: i64,
    /// What it was to follow, as the official saw it; 0 and nothing where it follows nothing.
    pub basis: Seen,
    /// The digest of the preview that the official saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Who.
    pub official: String,
    /// The signature, 128 hex digits.
    pub signature: String,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// What waits, or is scheduled, is not to happen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Which proposal.
    pub proposal: String,
    /// Why.
    pub reason: String,
    /// Who; none: an operator, without a key. It only leaves things as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub official: Option<String>,
    /// The signature, 128 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

/// The emergency stop: nothing is announced until its release is approved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Made of what follows.
    pub id: String,
    /// Why.
    pub reason: String,
    /// When, in milliseconds UTC by the clock of who wrote it.
    pub at: i64,
}

impl Held {
    /// A hold, with its id.
    pub fn new(installation: &str, reason: &str, at: i64) -> Held {
        let mut held = Held { id: String::new(), reason: reason.to_owned(), at };
        held.id = held.digest(installation).chars().take(16).collect();
        held
    }

    /// What is signed to release it.
    pub fn digest(&self, installation: &str) -> String {
        digest_of(&["hold".to_owned(), installation.to_owned(), self.reason.clone(), self.at.to_string()])
    }
}

/// SHA-256 over texts, each with its length in front.
pub(super) fn digest_of(parts: &[String]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex_of(&hasher.finalize())
}
