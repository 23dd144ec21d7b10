//! The clock of a replay: multiples of the tick since the Unix epoch, UTC.
//!
//! Owns its arithmetic and spelling.

use fuma_schemas::Instant;

use crate::assess::Ticks;

/// A length of time between two decisions, in milliseconds; at least 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tick(i64);

impl Tick {
    /// A tick of some milliseconds; none unless positive.
    pub fn new(millis: i64) -> Option<Tick> {
        (millis > 0).then_some(Tick(millis))
    }

    /// Reads a number and ms, s, m, h or d.
    pub fn parse(text: &str) -> Option<Tick> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = match &text[digits..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        text[..digits].parse::<i64>().ok()?.checked_mul(unit).and_then(Tick::new)
    }

    /// Its length in milliseconds.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The tick at or after an instant.
    pub fn ceiling(self, instant: Instant) -> Instant {
        let over = instant.0.rem_euclid(self.0);
        if over == 0 { instant } else { Instant(instant.0.saturating_add(self.0 - over)) }
    }

    /// The tick at or before an instant.
    pub fn floor(self, instant: Instant) -> Instant {
        Instant(instant.0 - instant.0.rem_euclid(self.0))
    }
}

impl Ticks for Tick {
    fn at_or_after(&self, instant: Instant) -> Instant {
        self.ceiling(instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, millis) in [("250ms", 250), ("1s", 1000), ("15m", 900_000), ("1h", 3_600_000), ("2d", 172_800_000)] {
            assert_eq!(Tick::parse(text), Some(Tick(millis)), "{text}");
        }
        for text in ["", "m", "0m", "1", "1 m", "-1m", "1.5h", "1M", "99999999999999999999d", "9223372036854775807d"] {
            assert_eq!(Tick::parse(text), None, "{text}");
        }
    }

    #[test]
    fn multiples_since_the_epoch() {
        let minute = Tick(60_000);
        assert_eq!(minute.ceiling(Instant(60_001)), Instant(120_000));
        assert_eq!(minute.ceiling(Instant(60_000)), Instant(60_000));
        assert_eq!(minute.floor(Instant(119_999)), Instant(60_000));
    }
}
