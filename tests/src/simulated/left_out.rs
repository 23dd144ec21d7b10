//! A rule of docs/recovery.md that a cluster leaves out, on purpose: what finds every other fault has to find this one.
//!
//! The engine is as it is. The cluster lies to it in the way that makes the rule's work void, so that no switch for
//! tests stands in the product. Owns the lies. Must never be set but by a test that expects a fault.

use fuma_connectors::log::{Position, Transaction};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftOut {
    /// offsets are taken from a member of an older generation.
    Generation,
    /// an aborted commit is told as a committed one, so that memory runs ahead of the log.
    Rollback,
    /// R-3 b: nobody is fenced before a partition is read.
    Fence,
    /// R-3 c: positions are read without waiting until they are stable.
    StablePosition,
    /// R-3 d: the output is read up to what is stable now, not up to its end.
    OutputEnd,
    /// R-3 b, c and d at once: each of them covers for the other two.
    Takeover,
    /// the first commit behind a restore does not name the new owner.
    Claim,
    /// the end of a reading is believed wherever it comes.
    Ends,
    /// a sweep under way is forgotten by the position.
    Sweep,
    /// a position does not say how far the regions were read.
    References,
}

impl LeftOut {
    /// All of them.
    pub const ALL: [LeftOut; 10] = [
        LeftOut::Generation,
        LeftOut::Rollback,
        LeftOut::Fence,
        LeftOut::StablePosition,
        LeftOut::OutputEnd,
        LeftOut::Takeover,
        LeftOut::Claim,
        LeftOut::Ends,
        LeftOut::Sweep,
        LeftOut::References,
    ];

    /// The rule's number in docs/recovery.md.
    pub fn rule(self) -> &'static str {
        match self {
            LeftOut::Generation => "R-1",
            LeftOut::Rollback => "R-2",
            LeftOut::Fence => "R-3 b",
            LeftOut::StablePosition => "R-3 c",
            LeftOut::OutputEnd => "R-3 d",
            LeftOut::Takeover => "R-3 b, c, d",
            LeftOut::Claim => "R-4",
            LeftOut::Ends => "R-5",
            LeftOut::Sweep => "R-10",
            LeftOut::References => "R-12",
        }
    }

    /// Whether another is left out with this one.
    pub(super) fn has(self, other: LeftOut) -> bool {
        let parts = [LeftOut::Fence, LeftOut::StablePosition, LeftOut::OutputEnd];
        self == other || (self == LeftOut::Takeover && parts.contains(&other))
    }

    /// Whether others cover for it where it alone is left out: who is fenced has its markers, and who waits for markers
    /// needs no fence.
    pub fn is_covered(self) -> bool {
        matches!(self, LeftOut::Fence | LeftOut::StablePosition | LeftOut::OutputEnd)
    }

    /// What a position says when it is read.
    pub(super) fn read(self, position: &Position) -> Position {
        let word = |word: &&str| match self {
            LeftOut::Sweep => !word.starts_with("sweep="),
            LeftOut::References => !word.starts_with("refs="),
            _ => true,
        };
        let words: Vec<&str> = position.metadata.split(' ').filter(word).collect();
        Position { offset: position.offset, metadata: words.join(" ") }
    }

    /// Whether a transaction is answered and not made: it would only name its owner.
    pub(super) fn swallows(self, transaction: &Transaction<'_>, offset_of: impl Fn(u32) -> Option<u64>) -> bool {
        let moves = |(partition, position): &(u32, Position)| position.offset != offset_of(*partition);
        self == LeftOut::Claim && transaction.changes.is_empty() && !transaction.positions.iter().any(moves)
    }
}
