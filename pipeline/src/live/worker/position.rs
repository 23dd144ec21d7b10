//! The position of a partition: what travels in the metadata of the offset commit and in each snapshot
//! (docs/recovery.md).
//!
//! ```text
//! fuma2 owner=... released=0 clock=... judged=... pack=... order=1 engine=0.2.0 through=17 refs=regions:3 ...
//! ```
//!
//! Owns its fields and their text form: ASCII, `key=value` between blanks, far below 4096 bytes. A key that is not
//! known is passed over, so that an older build reads what a newer one wrote; one in capitals is a key that must be
//! understood: then the position is refused by name, like one of a newer layout. Layout 1 is read for ever. Must never
//! hold a person but the cursor of a sweep, and that as a token.

use std::fmt::Write as _;

use fuma_schemas::{Instant, Person};

use super::switch::UnderWay;
use crate::live::record::{Fingerprint, Origin};

/// The layouts of the text: the one that is written, and the older ones.
const FORMAT: &str = "fuma2";
const FORMAT_1: &str = "fuma1";
/// The reference log of the regions, in the vector of offsets.
const REGIONS: &str = "regions";

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
    /// Everybody touched by the evidence below this offset was judged (R-28); none: up to the position's own offset.
    pub through: Option<u64>,
    /// Whose it is.
    pub origin: Origin,
    /// One past the last record of the regions that was taken in.
    pub regions: u64,
    /// The evidence offset of the newest snapshot that the owner knows to be written: who takes over must find it, or a
    /// newer one, and else looks at another place than the owner did.
    pub snapshot: Option<u64>,
    /// Phones were told all that the evidence below this offset says (R-21); none: that is not known.
    pub told: Option<u64>,
    /// Conveyances were told all that the evidence below this offset says, under this label (R-21, R-23); none: that is
    /// not known.
    pub rides: Option<(u64, u64)>,
    /// The sweep under way, if any.
    pub sweep: SweepStanding,
    /// The switch of packs that is not written down yet, if any.
    pub switch: Option<UnderWay>,
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

/// Why a position cannot be read: a partition that has one is not judged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PositionError {
    /// Nothing that fuma wrote.
    #[error("the position is not one of fuma: something else commits to its group")]
    Foreign,
    /// A newer build wrote it.
    #[error(
        "the position has {0}, which this build does not know: a newer fuma wrote it. Start a build that is at least \
         as new; nothing is lost until then"
    )]
    Newer(String),
    /// A value that its key cannot have.
    #[error("the position has no readable {0}: the build that wrote it had an error")]
    Value(&'static str),
}

impl Standing {
    /// The text.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{FORMAT} owner={} released={} clock={} judged={} pack={} order={} engine={} refs={REGIONS}:{}",
            self.owner,
            u8::from(self.released),
            self.clock.0,
            self.judged_until.0,
            self.pack,
            self.pack_order,
            self.engine,
            self.regions,
        );
        let mut add = |what: std::fmt::Arguments<'_>| {
            let written = text.write_fmt(what);
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        };
        if let Some(through) = self.through {
            add(format_args!(" through={through}"));
        }
        for (name, fingerprint) in [("installation", self.origin.installation), ("key", self.origin.key)] {
            if fingerprint.is_known() {
                add(format_args!(" {name}={fingerprint}"));
            }
        }
        if let Some(snapshot) = self.snapshot {
            add(format_args!(" snapshot={snapshot}"));
        }
        if let Some(switch) = self.switch {
            add(format_args!(" switch={}@{}", switch.number, switch.output));
        }
        if let Some(told) = self.told {
            add(format_args!(" told={told}"));
        }
        if let Some((told, label)) = self.rides {
            add(format_args!(" rides={told}@{label}"));
        }
        match self.sweep {
            SweepStanding::None => {}
            SweepStanding::Begun => add(format_args!(" sweep=begun")),
            SweepStanding::After(person) => add(format_args!(" sweep={person}")),
        }
        text
    }

    /// Reads the text that stands beside an offset; none if nothing does: nobody ever committed, or what was written
    /// expired.
    ///
    /// # Errors
    /// When something stands there that this build does not understand.
    pub fn parse(text: &str) -> Result<Option<Standing>, PositionError> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut words = text.split(' ');
        let layout = words.next().unwrap_or_default();
        let number = layout.strip_prefix("fuma").and_then(|number| number.parse::<u32>().ok());
        match (layout, number) {
            (FORMAT | FORMAT_1, _) => {}
            (_, Some(number)) if number > 2 => return Err(PositionError::Newer(format!("layout {number}"))),
            _ => return Err(PositionError::Foreign),
        }
        let mut standing = Standing::default();
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            standing.take(key, value)?;
        }
        Ok(Some(standing))
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), PositionError> {
        let number = |name| value.parse::<u64>().map_err(|_| PositionError::Value(name));
        let instant = |name| value.parse().map(Instant).map_err(|_| PositionError::Value(name));
        let fingerprint = |name| Fingerprint::parse(value).ok_or(PositionError::Value(name));
        match key {
            "owner" => self.owner = value.to_owned(),
            "released" => self.released = value == "1",
            "clock" => self.clock = instant("clock")?,
            "judged" => self.judged_until = instant("judged")?,
            "pack" => self.pack = value.to_owned(),
            "order" => self.pack_order = number("order")?,
            "engine" => self.engine = value.to_owned(),
            "regions" => self.regions = number("regions")?,
            "refs" => self.take_references(value)?,
            "through" => self.through = Some(number("through")?),
            "snapshot" => self.snapshot = Some(number("snapshot")?),
            "told" => self.told = Some(number("told")?),
            "installation" => self.origin.installation = fingerprint("installation")?,
            "key" => self.origin.key = fingerprint("key")?,
            "rides" => self.rides = Some(pair(value).ok_or(PositionError::Value("rides"))?),
            "switch" => {
                let read = pair(value).map(|(number, output)| UnderWay { number, output });
                self.switch = Some(read.ok_or(PositionError::Value("switch"))?);
            }
            "sweep" if value == "begun" => self.sweep = SweepStanding::Begun,
            "sweep" => {
                self.sweep = SweepStanding::After(Person::parse(value).ok_or(PositionError::Value("sweep"))?);
            }
            other if !other.is_empty() && other.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                return Err(PositionError::Newer(format!("a key {other}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// Offsets of reference logs, by name. One that this build does not read is part of the basis on which was judged:
    /// without it nobody can judge alike.
    fn take_references(&mut self, text: &str) -> Result<(), PositionError> {
        for offset in text.split(',').filter(|offset| !offset.is_empty()) {
            match offset.split_once(':') {
                Some((REGIONS, offset)) => {
                    self.regions = offset.parse().map_err(|_| PositionError::Value("refs"))?;
                }
                Some((log, _)) => return Err(PositionError::Newer(format!("a reference log {log}"))),
                None => return Err(PositionError::Value("refs")),
            }
        }
        Ok(())
    }
}

/// Two numbers.
fn pair(text: &str) -> Option<(u64, u64)> {
    let (one, other) = text.split_once('@')?;
    Some((one.parse().ok()?, other.parse().ok()?))
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
            through: Some(99),
            origin: Origin { installation: Fingerprint([1; 8]), key: Fingerprint([2; 8]) },
            regions: 17,
            snapshot: Some(98),
            told: Some(97),
            rides: Some((96, 4)),
            sweep: SweepStanding::After(Person([0xab; 16])),
            switch: Some(UnderWay { number: 4, output: 77 }),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for sweep in [SweepStanding::None, SweepStanding::Begun, SweepStanding::After(Person([0xab; 16]))] {
            for (through, origin) in [(Some(0), Origin::default()), (None, standing().origin)] {
                let snapshot = through.map(|_| 12);
                let told = through.map(|_| 13);
                let rides = through.map(|_| (13, 1));
                let standing = Standing { sweep, through, origin, snapshot, told, rides, ..standing() };
                let text = standing.to_text();
                assert!(text.is_ascii() && text.len() < 512, "{text}");
                assert_eq!(Standing::parse(&text), Ok(Some(standing)));
            }
        }
        assert_eq!(Standing::parse(""), Ok(None));
    }

    #[test]
    fn a_position_of_the_first_layout_is_read() {
        let text = "fuma1 owner=a released=0 clock=5 judged=4 pack=p order=2 engine=0.1.0 regions=17 sweep=begun";
        let standing = Standing::parse(text).unwrap().unwrap();
        assert_eq!((standing.regions, standing.through, standing.pack_order), (17, None, 2));
        assert_eq!((standing.sweep, standing.origin), (SweepStanding::Begun, Origin::default()));
    }

    #[test]
    fn keys_of_a_newer_build_are_passed_over_unless_they_must_be_understood() {
        let text = |more: &str| format!("{} {more}", standing().to_text());
        assert_eq!(Standing::parse(&text("approvals=9")), Ok(Some(standing())));
        assert_eq!(Standing::parse(&text("SWITCH=9")), Err(PositionError::Newer("a key SWITCH".into())));
        assert_eq!(
            Standing::parse(&text("refs=regions:1,decisions:7")),
            Err(PositionError::Newer("a reference log decisions".into()))
        );
        assert_eq!(Standing::parse("fuma3 owner=a"), Err(PositionError::Newer("layout 3".into())));
        for text in ["offset 17", "fuma owner=a", "fuma0 owner=a", "17"] {
            assert_eq!(Standing::parse(text), Err(PositionError::Foreign), "{text}");
        }
        assert_eq!(Standing::parse("fuma1 clock=now"), Err(PositionError::Value("clock")));
    }
}
