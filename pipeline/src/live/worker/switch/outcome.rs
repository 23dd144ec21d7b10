//! What a switch announced in one partition: the lines of the digest of docs/feeds.md section 6, and who may
//! differ from a preview.
//!
//! Owns the counts that name a difference. Must never hold a person outside the lines.

use fuma_schemas::Instant;

use crate::assess::Differences;
use crate::assess::difference::digest;

/// Who may differ from a preview, and why.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Causes {
    /// People who were due between the last commit by the old pack and the instant.
    pub due: u64,
    /// People whom evidence touched before their page came, or who were due before it.
    pub touched: u64,
    /// People with too many facts: they keep what was announced.
    pub crowded: u64,
    /// People on whom a rule fails: they keep what was announced.
    pub failed: u64,
}

/// A switch that a partition has finished.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The number of the switch.
    pub number: u64,
    /// The partition.
    pub partition: u32,
    /// No change of it lies before this offset of the output.
    pub output: u64,
    /// The first clock at which somebody was judged by the new pack, and the last of the sweep.
    pub clocks: (Instant, Instant),
    /// People with evidence.
    pub people: u64,
    /// Whose state it changed.
    pub differences: Differences,
    /// Who may differ from a preview.
    pub causes: Causes,
    /// Whether an owner went on where another had begun: then `causes` are those of the last owner.
    pub is_resumed: bool,
}

impl Outcome {
    /// How many people have another state.
    pub fn changes(&self) -> u64 {
        self.differences.len() as u64
    }

    /// The digest of what was announced in this partition.
    pub fn digest(&self) -> String {
        digest(std::slice::from_ref(&self.differences))
    }
}
