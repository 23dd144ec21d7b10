//! Whether a file still holds what was read of it: looked at piece by piece, between other work.
//!
//! Owns how much of a check is done at once. Must never read more than its budget.

use std::fs::File;
use std::io;

use super::content::{Content, PIECE_BYTES};
use super::position::FilePosition;

/// A check under way.
pub(super) struct Check {
    file: File,
    kind: Kind,
    /// Nothing is read before it ends.
    holds_reading: bool,
}

/// How many bytes may be looked at in a listing, over all files.
pub(super) struct Budget {
    /// By checks that hold the reading up.
    holding: usize,
    /// By those beside it.
    beside: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { holding: 64 << 20, beside: 8 << 20 }
    }
}

#[expect(clippy::large_enum_variant, reason = "one check at a time")]
enum Kind {
    /// After a restart the digest of what was read is made again.
    OfPosition(FilePosition, Content),
    /// The pieces from this one on are compared.
    OfContent(usize),
}

/// What a check came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It goes on.
    More,
    /// Nothing changed that was read.
    Same,
    /// Something did.
    Other,
}

impl Check {
    /// Whether a file is the one that a position is of.
    pub(super) fn of_position(file: File, position: FilePosition) -> Check {
        Check { file, kind: Kind::OfPosition(position, Content::default()), holds_reading: true }
    }

    /// Whether a file still holds a content.
    pub(super) fn of_content(file: File, holds_reading: bool) -> Check {
        Check { file, kind: Kind::OfContent(0), holds_reading }
    }

    pub(super) fn holds_reading(&self) -> bool {
        self.holds_reading
    }

    /// Does as much as the budget allows. A check of a position leaves the content that it made.
    pub(super) fn go_on(&mut self, content: &mut Content, budget: &mut Budget) -> io::Result<Outcome> {
        let budget = if self.holds_reading { &mut budget.holding } else { &mut budget.beside };
        match &mut self.kind {
            Kind::OfPosition(position, made) => {
                let before = made.bytes();
                let is_there = match made.read_on(&self.file, position.bytes, *budget) {
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Outcome::Other),
                    outcome => outcome?,
                };
                *budget = budget.saturating_sub((made.bytes() - before) as usize);
                if !is_there {
                    return Ok(Outcome::More);
                }
                let is_same = made.digest() == position.digest;
                *content = std::mem::take(made);
                Ok(if is_same { Outcome::Same } else { Outcome::Other })
            }
            Kind::OfContent(piece) => {
                let mut buffer = Vec::new();
                while *piece < content.pieces() {
                    if *budget == 0 {
                        return Ok(Outcome::More);
                    }
                    if !content.holds(&self.file, *piece, &mut buffer)? {
                        return Ok(Outcome::Other);
                    }
                    *budget = budget.saturating_sub(PIECE_BYTES);
                    *piece += 1;
                }
                Ok(Outcome::Same)
            }
        }
    }
}
