//! A synthetic district: invented people and what becomes known of them, as feed records (docs/feeds.md section 2).
//!
//! ```text
//! random, identity, places, record   chance, who, where, and how a record is written
//! plan                               records that are no daily traffic, in order of known_at
//!   outbreak, isolation              clusters, contacts in chains, isolation
//!   tiers, border, clinic, lists     regions, entries, symptoms, approved lists
//!   faults                           records that intake has to reject
//!   phones                           whose phone numbers are
//! traffic                            daily tests, stays and trips, made slot by slot
//! ```
//!
//! Owns the demo's and the benchmarks' input. It is a pure function of its settings: the same settings give the same
//! bytes, whatever the machine, the day and the number of threads. Must never read a clock or real data about a
//! person; identities are of division 99xxxx, which does not exist.

mod border;
mod clinic;
mod faults;
mod identity;
mod isolation;
mod lists;
mod outbreak;
mod phones;
mod places;
mod plan;
mod random;
mod record;
#[cfg(test)]
mod tests;
mod tiers;
mod traffic;

use fuma_schemas::instant::{DAY_MS, local_midnight};
use fuma_schemas::{Feed, Instant, RejectCode};

use identity::Identities;
use plan::Plan;
use traffic::Traffic;

/// The first day of the district: 2021-12-01.
const FIRST_DAY: i32 = 18_962;
/// About the length of a record in bytes.
const RECORD_BYTES: usize = 260;

/// What a district is made from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// Everything that looks like chance follows from it.
    pub seed: u64,
    /// How many people live there, at least 1.
    pub people: u32,
    /// How many days, at least 1.
    pub days: u32,
    /// When the first day begins: a local midnight. Nothing becomes known before it.
    pub start: Instant,
    /// How many events there are for every person over all days, about; the outbreak's own records are never left
    /// out.
    pub events_per_person: f64,
    /// The share of the people known by certificate type and number; the others are known by key.
    pub certificates: f64,
}

impl Settings {
    /// The district of the demo: about 20 events a person in 30 days, mostly mass tests.
    pub fn demo(seed: u64) -> Settings {
        let start = local_midnight(FIRST_DAY);
        Settings { seed, people: 100_000, days: 30, start, events_per_person: 20.0, certificates: 0.5 }
    }

    /// The district of the benchmarks: 5 events for each of a million people; 3 to 5 % of them are ever coloured.
    pub fn benchmark(seed: u64) -> Settings {
        Settings { people: 1_000_000, events_per_person: 5.0, certificates: 0.1, ..Settings::demo(seed) }
    }

    /// When the last day ends: everything is known before it.
    pub fn end(&self) -> Instant {
        Instant(self.start.0 + i64::from(self.days) * DAY_MS)
    }

    fn identities(&self) -> Identities {
        Identities { seed: self.seed, certificates: self.certificates }
    }
}

/// A planned district, whose days can be written in any order and on any thread.
pub struct District {
    settings: Settings,
    plan: Plan,
    traffic: Traffic,
}

impl District {
    /// Plans a district. Costs time and memory for the outbreak, not for the traffic: about 60 bytes a person.
    pub fn new(settings: Settings) -> District {
        let settings = Settings { people: settings.people.max(1), days: settings.days.max(1), ..settings };
        let mut plan = Plan::new(&settings);
        outbreak::add(&mut plan, &settings);
        tiers::add(&mut plan, &settings);
        border::add(&mut plan, &settings);
        clinic::add(&mut plan, &settings);
        lists::add(&mut plan, &settings);
        faults::add(&mut plan, &settings);
        phones::add(&mut plan, &settings);
        let plan = plan.finish();
        let planned =
            Feed::ALL.into_iter().map(|feed| plan.between(feed, settings.start, settings.end()).count()).sum();
        let traffic = Traffic::new(&settings, planned);
        District { settings, plan, traffic }
    }

    /// Appends the records of a feed that become known on a day (from 0), one a line, in order of known_at.
    pub fn write_day(&self, feed: Feed, day: u32, out: &mut Vec<u8>) {
        let begins = Instant(self.settings.start.0 + i64::from(day) * DAY_MS);
        let mut planned = self.plan.between(feed, begins, Instant(begins.0 + DAY_MS)).peekable();
        let slots = self.traffic.slots(feed, day);
        out.reserve(slots.count() as usize * RECORD_BYTES);
        for slot in 0..slots.count() {
            let known_at = self.traffic.known_at(&slots, slot);
            while let Some((_, line)) = planned.next_if(|(planned_at, _)| *planned_at <= known_at) {
                out.extend_from_slice(line);
            }
            self.traffic.write(&slots, slot, known_at, out);
        }
        planned.for_each(|(_, line)| out.extend_from_slice(line));
    }

    /// The records of a day (from 0), feed by feed; feeds without a record are left out.
    pub fn day(&self, day: u32) -> Vec<(Feed, Vec<u8>)> {
        self.feeds(|feed, bytes| self.write_day(feed, day, bytes))
    }

    /// The records of all days, feed by feed; feeds without a record are left out.
    pub fn all_days(&self) -> Vec<(Feed, Vec<u8>)> {
        self.feeds(|feed, bytes| {
            bytes.reserve(self.traffic.slots(feed, 0).count() as usize * RECORD_BYTES * self.settings.days as usize);
            (0..self.settings.days).for_each(|day| self.write_day(feed, day, bytes));
        })
    }

    /// The feed and code of every record that has to be rejected, in no particular order.
    pub fn rejects(&self) -> &[(Feed, RejectCode)] {
        self.plan.rejects()
    }

    fn feeds(&self, write: impl Fn(Feed, &mut Vec<u8>)) -> Vec<(Feed, Vec<u8>)> {
        let mut feeds = Vec::with_capacity(Feed::ALL.len());
        for feed in Feed::ALL {
            let mut bytes = Vec::new();
            write(feed, &mut bytes);
            if !bytes.is_empty() {
                feeds.push((feed, bytes));
            }
        }
        feeds
    }
}

/// All records of a district as NDJSON, feed by feed, each feed in order of known_at.
pub fn generate(settings: &Settings) -> Vec<(Feed, Vec<u8>)> {
    District::new(*settings).all_days()
}
