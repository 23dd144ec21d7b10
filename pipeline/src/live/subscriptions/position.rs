//! Where a subscriber stands in the changes: the id of each event, and what a subscriber goes on with.
//!
//! ```text
//! <installation>:<read at, ms>:<offset of partition 0>.<offset of partition 1>...
//! ```
//!
//! Owns the text. An offset says nothing in another installation, so the position names its own. Must never be taken
//! for a secret, or believed: who changes it harms nobody else.

use std::fmt;

use fuma_schemas::Instant;

use crate::live::record::Fingerprint;

/// The longest text of a position: 1,024 partitions with long offsets.
const TEXT_MAX: usize = 16 * 1024;

/// A place in all partitions of the changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Whose changes they are.
    pub installation: Fingerprint,
    /// An instant before which nothing was announced that is not before this place: it tells what compaction may have
    /// taken away since.
    pub read_at: Instant,
    /// The next offset of each partition.
    pub offsets: Vec<u64>,
}

impl Position {
    /// Reads a position; none of anything else.
    pub fn parse(text: &str) -> Option<Position> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let mut parts = text.split(':');
        let installation = Fingerprint::parse(parts.next()?)?;
        let read_at = Instant(i64::try_from(number(parts.next()?)?).ok()?);
        let offsets = parts.next()?.split('.').map(number).collect::<Option<Vec<u64>>>()?;
        // An offset of the log has a sign, too.
        let is_whole = parts.next().is_none() && offsets.iter().all(|offset| i64::try_from(*offset).is_ok());
        is_whole.then_some(Position { installation, read_at, offsets })
    }

    /// What is before an offset of a partition is read.
    pub(super) fn reach(&mut self, partition: u32, offset: u64) {
        if let Some(at) = self.offsets.get_mut(partition as usize) {
            *at = offset.max(*at);
        }
    }

    /// Whether an offset of a partition is still to be read.
    pub(super) fn is_before(&self, partition: u32, offset: u64) -> bool {
        self.offsets.get(partition as usize).is_some_and(|at| offset >= *at)
    }
}

/// Digits alone: no sign, no white space.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:", self.installation, self.read_at.0.max(0))?;
        for (place, offset) in self.offsets.iter().enumerate() {
            if place > 0 {
                out.write_str(".")?;
            }
            write!(out, "{offset}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_position_comes_back_and_nothing_else_is_one() {
        let position = Position { installation: Fingerprint([7; 8]), read_at: Instant(1_669), offsets: vec![0, 12, 5] };
        let text = position.to_string();
        assert_eq!(text, "0707070707070707:1669:0.12.5");
        assert_eq!(Position::parse(&text), Some(position));
        let long = format!("0707070707070707:1:{}", "1.".repeat(10_000));
        for wrong in [
            "",
            "0",
            "0707070707070707",
            "0707070707070707:1",
            "0707070707070707:1:",
            "0707070707070707:1:1.",
            "0707070707070707:1:+1",
            "0707070707070707:1:-1",
            "0707070707070707: 1:1",
            "0707070707070707:1:18446744073709551615",
            "0707070707070707:1:99999999999999999999",
            "0707070707070707:1:1:1",
            "070707070707070g:1:1",
            long.as_str(),
        ] {
            assert_eq!(Position::parse(wrong), None, "{wrong}");
        }
    }
}
