//! The dense load: feeds in which much happens, for measurements; 22 % of the records change somebody's state.
//!
//! ```text
//! mod      what comes when: regions first, then records of people in the order of known_at
//! record   a record of each feed as a line
//! chance   a seed -> numbers
//! ```
//!
//! Streaming: a line at a time, whatever the size. The same settings give the same bytes. Nobody in it exists: resident
//! IDs of division 99xxxx with a right check digit.
//!
//! Owns the mixture. Must never read a clock.

mod chance;
mod record;
#[cfg(test)]
mod tests;

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Feed, Instant};

use self::chance::Chance;
use self::record::Writer;

/// What is generated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// People, drawn evenly.
    pub people: u64,
    /// Records of people.
    pub records: u64,
    /// Records of regions, all before the others.
    pub regions: u64,
    /// The seed.
    pub seed: u64,
    /// When the last record becomes known.
    pub until: Instant,
    /// Over how many days.
    pub days: i64,
}

impl Settings {
    /// 3,000,000 records of 500,000 people in the 14 days before an instant.
    pub fn dense(until: Instant) -> Settings {
        Settings { people: 500_000, records: 3_000_000, regions: 1200, seed: 1, until, days: 14 }
    }

    /// When the record at a place becomes known: evenly over the time.
    fn known_at(&self, at: u64, of: u64) -> Instant {
        let length = i128::from(self.days * DAY_MS);
        let passed = length * i128::from(at + 1) / i128::from(of.max(1));
        Instant(self.until.0 - self.days * DAY_MS + passed as i64)
    }

    /// Hands over each record of regions.
    pub fn regions(&self, each: &mut dyn FnMut(Feed, &[u8])) {
        let mut writer = Writer::new(self);
        for at in 0..self.regions {
            let mut chance = Chance::new(self.seed ^ 0x5265_6769_6f6e, at);
            each(Feed::Regions, writer.region(at, self.known_at(at, self.regions), &mut chance));
        }
    }

    /// Hands over the records of people at these places, in the order of known_at. What a record says depends on its
    /// place alone, so a load can be made in parts.
    pub fn people(&self, places: std::ops::Range<u64>, each: &mut dyn FnMut(Feed, &[u8])) {
        let mut writer = Writer::new(self);
        for at in places.start..places.end.min(self.records) {
            let mut chance = Chance::new(self.seed, at);
            let known_at = self.known_at(at, self.records);
            let (feed, line) = writer.person(at, known_at, &mut chance);
            each(feed, line);
        }
    }
}
