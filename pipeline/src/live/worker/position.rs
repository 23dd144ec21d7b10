//! The position of a partition: what travels in the metadata of the offset commit and in each snapshot (RECOVERY.md).
//!
//! Owns its fields and their text form: ASCII, `key=value` between blanks, far below 4096 bytes. A key that is not
//! known is passed over, so that an older build reads what a newer one wrote. Must never hold a person but the cursor
//! of a sweep, and that as a token.

use std::fmt::Write as _;

use fuma_schemas::{Instant, Person};

/// The layout of the text; another one is not read.
const FORMAT: &str = "fuma1";

/// Where a partition stands, beside the offset of its evidence.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// The id of the transactions of the owner.
    pub owner: String,
    /// Whether the owner let the partition go in order: then nobody need be fenced.
    pub released: bool,
    /// The clock of the commit.
    pub clock: Instant,
    /// All who were due up to here have been judged.
    pub judged_until: Instant,
    /// The hash of the pack's contents.
    pub pack: String,
    /// The number of the pack in the order in which packs were put in force.
    pub pack_order: u64,
    /// The version of the engine.
    pub engine: String,
    /// One past the last record of the regions that was taken in.
    pub regions: u64,
    /// The sweep under way, if any.
    pub sweep: SweepStanding,
}

/// How far a sweep has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SweepStanding {
    /// No sweep is under way: what is announced is what holds.
    #[default]
    None,
    /// One is, and nobody was judged yet.
    Begun,
    /// One is, judged up to this person in the order of tokens.
    After(Person),
}

impl Standing {
    /// The text.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{FORMAT} owner={} released={} clock={} judged={} pack={} order={} engine={} regions={}",
            self.owner,
            u8::from(self.released),
            self.clock.0,
            self.judged_until.0,
            self.pack,
            self.pack_order,
            self.engine,
            self.regions,
        );
        let written = match self.sweep {
            SweepStanding::None => Ok(()),
            SweepStanding::Begun => write!(text, " sweep=begun"),
            SweepStanding::After(person) => write!(text, " sweep={person}"),
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        text
    }

    /// Reads the text; none if it is of another layout, or was written by something else.
    pub fn parse(text: &str) -> Option<Standing> {
        let mut words = text.split(' ');
        if words.next() != Some(FORMAT) {
            return None;
        }
        let mut standing = Standing::default();
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            match key {
                "owner" => standing.owner = value.to_owned(),
                "released" => standing.released = value == "1",
                "clock" => standing.clock = Instant(value.parse().ok()?),
                "judged" => standing.judged_until = Instant(value.parse().ok()?),
                "pack" => standing.pack = value.to_owned(),
                "order" => standing.pack_order = value.parse().ok()?,
                "engine" => standing.engine = value.to_owned(),
                "regions" => standing.regions = value.parse().ok()?,
                "sweep" if value == "begun" => standing.sweep = SweepStanding::Begun,
                "sweep" => standing.sweep = SweepStanding::After(Person::parse(value)?),
                _ => {}
            }
        }
        Some(standing)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn standing() -> Standing {
        Standing {
            owner: "fuma-4711-0".into(),
            released: true,
            clock: Instant(1_650_000_000_123),
            judged_until: Instant(1_650_000_000_000),
            pack: "0123456789abcdef".into(),
            pack_order: 3,
            engine: "0.1.0".into(),
            regions: 17,
            sweep: SweepStanding::After(Person([0xab; 16])),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for sweep in [SweepStanding::None, SweepStanding::Begun, SweepStanding::After(Person([0xab; 16]))] {
            let standing = Standing { sweep, ..standing() };
            let text = standing.to_text();
            assert!(text.is_ascii() && text.len() < 512, "{text}");
            assert_eq!(Standing::parse(&text), Some(standing));
        }
    }

    #[test]
    fn keys_of_a_newer_build_are_passed_over_and_other_texts_are_none() {
        let text = format!("{} approvals=9", standing().to_text());
        assert_eq!(Standing::parse(&text), Some(standing()));
        for text in ["", "offset 17", "fuma2 owner=a", "fuma1 clock=now"] {
            assert_eq!(Standing::parse(text), None, "{text}");
        }
    }
}
