//! The plan: every record that is not daily traffic, written out beforehand and sorted by feed and known_at.
//!
//! Owns what happens to any planned record (now and then it is sent twice, or again hours later) and whose turn it is
//! to have something happen. Must never hold daily traffic: that is made day by day, so that its volume needs no
//! memory.

use std::ops::Range;

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{Feed, Instant, RejectCode};

use super::Settings;
use super::identity::Identities;
use super::random::{Order, Purpose, Random};
use super::record::{self, Fields, Head};

/// The share of planned records that come twice in a row, and of those sent again hours later.
const TWICE: f64 = 0.01;
const AGAIN: f64 = 0.003;

/// The planned records of a district.
pub(super) struct Plan {
    /// Who is who.
    pub(super) identities: Identities,
    window: Range<Instant>,
    turns: Order,
    turn: u64,
    random: Random,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    rejects: Vec<(Feed, RejectCode)>,
}

#[derive(Clone)]
struct Entry {
    feed: Feed,
    known_at: Instant,
    bytes: Range<usize>,
}

impl Plan {
    /// An empty plan; what would become known outside the settings' days is left out.
    pub(super) fn new(settings: &Settings) -> Plan {
        Plan {
            identities: settings.identities(),
            window: settings.start..settings.end(),
            turns: Order::new(settings.seed, u64::MAX, settings.people),
            turn: 0,
            random: Random::of(settings.seed, Purpose::Plan, 0),
            bytes: Vec::new(),
            entries: Vec::new(),
            rejects: Vec::new(),
        }
    }

    /// The next person to whom something happens; nobody twice before everybody once.
    pub(super) fn next_person(&mut self) -> u32 {
        self.turn += 1;
        self.turns.at(self.turn)
    }

    /// An instant of the given part of the days (0 = the start, 1 = the end) or up to a day later.
    pub(super) fn moment(&self, part: f64, random: &mut Random) -> Instant {
        let days = (self.window.end.0 - self.window.start.0) / DAY_MS;
        let day = (days as f64 * part) as i64;
        Instant(self.window.start.0 + day * DAY_MS + random.hours(0, 24))
    }

    /// Adds a record.
    pub(super) fn record(&mut self, feed: Feed, head: &Head<'_>, fields: impl Fn(&mut Fields<'_>)) {
        if !self.window.contains(&head.known_at) {
            return;
        }
        let (twice, again) = (self.random.chance(TWICE), self.random.chance(AGAIN));
        let bytes = self.write(head, &fields);
        self.entries.push(Entry { feed, known_at: head.known_at, bytes: bytes.clone() });
        if twice {
            self.entries.push(Entry { feed, known_at: head.known_at, bytes });
        }
        let later = Instant(head.known_at.0 + 5 * HOUR_MS);
        if again && self.window.contains(&later) {
            let bytes = self.write(&Head { known_at: later, ..*head }, &fields);
            self.entries.push(Entry { feed, known_at: later, bytes });
        }
    }

    /// Adds a line that intake has to reject with this code.
    pub(super) fn bad_line(&mut self, feed: Feed, known_at: Instant, line: &str, code: RejectCode) {
        if !self.window.contains(&known_at) {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
        self.entries.push(Entry { feed, known_at, bytes: start..self.bytes.len() });
        self.rejects.push((feed, code));
    }

    /// Sorts what was added; records of one feed and instant keep their order.
    pub(super) fn finish(mut self) -> Plan {
        self.entries.sort_by_key(|entry| (entry.feed, entry.known_at));
        self
    }

    /// The records of a feed that become known in a stretch of time, by known_at.
    pub(super) fn between(&self, feed: Feed, from: Instant, to: Instant) -> impl Iterator<Item = (Instant, &[u8])> {
        let first = self.entries.partition_point(|entry| (entry.feed, entry.known_at) < (feed, from));
        let past = self.entries.partition_point(|entry| (entry.feed, entry.known_at) < (feed, to));
        let entries = self.entries.get(first..past).unwrap_or_default();
        entries.iter().map(|entry| (entry.known_at, self.bytes.get(entry.bytes.clone()).unwrap_or_default()))
    }

    /// The feed and code of each bad record.
    pub(super) fn rejects(&self) -> &[(Feed, RejectCode)] {
        &self.rejects
    }

    fn write(&mut self, head: &Head<'_>, fields: &impl Fn(&mut Fields<'_>)) -> Range<usize> {
        let start = self.bytes.len();
        record::write(&self.identities, head, fields, &mut self.bytes);
        start..self.bytes.len()
    }
}
