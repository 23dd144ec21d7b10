//! A switch of the schedule, and a proposal with what became of it.
//!
//! Owns what others read of the fold. Must never change by itself.

use super::records::{PackName, Proposed};
use super::void::Void;

/// A pack that is in force from an instant on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Switch {
    /// The number: it only rises, and is never given twice. The first of an installation is 1.
    pub number: u64,
    /// The pack.
    pub pack: PackName,
    /// From when, in milliseconds UTC, as R-27 has it. The first holds from the beginning: 0.
    pub instant_ms: i64,
    /// There is no common instant: each partition takes it when it reads it.
    pub at_once: bool,
    /// The offset of the record that completed it.
    pub offset: u64,
    /// The proposal; none of the first.
    pub proposal: Option<String>,
    /// Who signed, in the order of their records.
    pub signed: Vec<String>,
    /// Why an earlier pack came back.
    pub rollback: Option<String>,
}

/// An approval that counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// The offset of its record.
    pub offset: u64,
    /// Who.
    pub official: String,
    /// With which key.
    pub key: String,
    /// The digest of the preview that was seen.
    pub preview: Option<String>,
}

/// What became of a proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It waits for signatures.
    Open,
    /// It is in the schedule, under this number.
    Scheduled(u64),
    /// It is done: the officials are those that it proposed.
    Done,
    /// It was withdrawn.
    Withdrawn {
        /// Why.
        reason: String,
        /// Who; none: an operator.
        official: Option<String>,
    },
    /// It is not applied, and never will be.
    Void(Void),
}

/// A proposal, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The offset of its record.
    pub offset: u64,
    /// When the log took it, in milliseconds UTC.
    pub appended_ms: i64,
    /// What it says.
    pub proposed: Proposed,
    /// Who agreed.
    pub approvals: Vec<Approval>,
    /// What became of it.
    pub state: State,
}

impl Proposal {
    /// Who agreed, in the order of their records.
    pub fn signed(&self) -> Vec<&str> {
        self.approvals.iter().map(|approval| approval.official.as_str()).collect()
    }
}
