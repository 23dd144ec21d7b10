//! Daily traffic: mass tests, stays and trips, made slot by slot in the order of known_at.
//!
//! A slot is a pure function of seed, day and number. So days can be made in any order and on any thread, nothing is
//! sorted or kept, and a later slot can correct an earlier one by making it again under the next revision.
//!
//! Owns the volume of the district. Must never write anything that colours many people: that is the tiers' doing.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::identity::{Identities, write_digits};
use super::places;
use super::random::{Order, Purpose, Random};
use super::record::{self, Fields, Head, write_number};

/// The share of the tests in the traffic; the rest is travel.
const TESTS_SHARE: f64 = 0.75;
/// How the traffic spreads over the hours of a day, from midnight.
const HOURS: [u32; 24] = [3, 2, 1, 1, 2, 6, 30, 60, 80, 90, 80, 60, 50, 60, 70, 75, 80, 85, 80, 60, 40, 25, 12, 6];
const QUANTILES: usize = 256;

/// What a slot holds, in ten-thousandths: a fate below the first is a revision, below the next a retraction, and so
/// on.
const REVISIONS_END: u32 = 10;
const RETRACTIONS_END: u32 = 12;
const DUPLICATES_END: u32 = 22;
const LATE_END: u32 = 52;

/// The daily traffic of a district.
pub(super) struct Traffic {
    seed: u64,
    people: u32,
    start: Instant,
    identities: Identities,
    tests_a_day: u32,
    travel_a_day: u32,
    /// The second of the day by which each 256th part of its traffic is known.
    quantiles: [f64; QUANTILES + 1],
}

/// The slots of one feed on one day.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    feed: Feed,
    day: u32,
    count: u32,
    order: Order,
}

/// Which version of a slot's record is written, and when it is known.
#[derive(Clone, Copy)]
struct Version {
    revision: u32,
    retracted: bool,
    known_at: Instant,
}

impl Traffic {
    /// The traffic that brings the district to its number of events.
    pub(super) fn new(settings: &Settings, planned: usize) -> Traffic {
        let all = f64::from(settings.people) * settings.events_per_person - planned as f64;
        let a_day = (all / f64::from(settings.days.max(1))).max(0.0);
        let tests_a_day = (a_day * TESTS_SHARE) as u32;
        Traffic {
            seed: settings.seed,
            people: settings.people,
            start: settings.start,
            identities: settings.identities(),
            tests_a_day,
            travel_a_day: a_day as u32 - tests_a_day,
            quantiles: quantiles(),
        }
    }

    /// The slots of a feed on a day; none but for tests and travel.
    pub(super) fn slots(&self, feed: Feed, day: u32) -> Slots {
        let (count, number) = match feed {
            Feed::Tests => (self.tests_a_day, 0),
            Feed::Travel => (self.travel_a_day, 1),
            _ => (0, 2),
        };
        Slots { feed, day, count, order: Order::new(self.seed, u64::from(day) * 4 + number, self.people) }
    }

    /// When a slot's record becomes known: never before the slot in front of it.
    pub(super) fn known_at(&self, slots: &Slots, slot: u32) -> Instant {
        let position = f64::from(slot) / f64::from(slots.count.max(1)) * QUANTILES as f64;
        let knot = (position as usize).min(QUANTILES - 1);
        let (low, high) = (self.quantiles[knot], self.quantiles[knot + 1]);
        let second = low + (high - low) * (position - knot as f64);
        Instant(self.start.0 + i64::from(slots.day) * DAY_MS + second as i64 * 1000)
    }

    /// Appends what a slot holds: a record, a correction of an earlier slot's, or the same record twice.
    pub(super) fn write(&self, slots: &Slots, slot: u32, known_at: Instant, out: &mut Vec<u8>) {
        let first = Version { revision: 1, retracted: false, known_at };
        let earlier = slot.checked_sub(1 + slot % 1500);
        match (self.random(slots, slot).below(10_000), earlier) {
            (0..REVISIONS_END, Some(earlier)) => self.record(slots, earlier, Version { revision: 2, ..first }, out),
            (REVISIONS_END..RETRACTIONS_END, Some(earlier)) => {
                self.record(slots, earlier, Version { revision: 2, retracted: true, ..first }, out);
            }
            (fate, _) => {
                self.record(slots, slot, first, out);
                if (RETRACTIONS_END..DUPLICATES_END).contains(&fate) {
                    self.record(slots, slot, first, out);
                }
            }
        }
    }

    fn random(&self, slots: &Slots, slot: u32) -> Random {
        let purpose = if slots.feed == Feed::Tests { Purpose::Tests } else { Purpose::Travel };
        Random::of(self.seed, purpose, u64::from(slots.day) << 32 | u64::from(slot))
    }

    fn record(&self, slots: &Slots, slot: u32, version: Version, out: &mut Vec<u8>) {
        let mut random = self.random(slots, slot);
        let late = (DUPLICATES_END..LATE_END).contains(&random.below(10_000));
        // What happened lies before the time at which the slot's first version became known.
        let mut now = self.known_at(slots, slot);
        if late {
            now = Instant(now.0 - random.hours(48, 144));
        }
        let person = slots.order.at(u64::from(slot));
        let id = slot_id(slots, slot);
        let Version { revision, retracted, known_at } = version;
        let owner = if slots.feed == Feed::Tests { "lab-330106" } else { "itinerary-33" };
        let head = Head { owner, id: &id, revision, retracted, person: Some(person), known_at };
        match slots.feed {
            Feed::Tests => {
                record::write(&self.identities, &head, |fields| test(fields, &mut random, now, revision > 1), out)
            }
            _ => record::write(&self.identities, &head, |fields| self.travel(fields, &mut random, now, person), out),
        }
    }

    fn travel(&self, fields: &mut Fields<'_>, random: &mut Random, now: Instant, person: u32) {
        match random.below(100) {
            0..4 => trip(fields, random, now),
            4..64 => {
                fields.kind("stay").text("region", places::home_of(self.seed, person).text());
                fields.instant("arrived_at", Instant(now.0 - random.minutes(1, 20))).text("source", "checkin");
            }
            64..68 => {
                fields.kind("stay").text("region", places::any_home_area(random).text());
                fields.instant("arrived_at", Instant(now.0 - random.minutes(1, 20))).text("source", "checkin");
            }
            kind => {
                let arrived_at = Instant(now.0 - random.hours(2, 26));
                let left_at = random.chance(0.85).then(|| Instant(arrived_at.0 + random.minutes(20, 119)));
                fields.kind("stay").text("region", places::away(random).text());
                fields.instant("arrived_at", arrived_at).maybe("left_at", left_at);
                fields.text("source", if kind < 75 { "declared" } else { "telecom" });
            }
        }
    }
}

impl Slots {
    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

fn test(fields: &mut Fields<'_>, random: &mut Random, now: Instant, revised: bool) {
    let reported_at = Instant(now.0 - random.minutes(2, 30));
    let sampled_at = Instant(reported_at.0 - random.hours(3, 12));
    let method = match random.below(100) {
        0..93 => "nat",
        93..98 => "antigen",
        _ => "antibody",
    };
    let result = match random.below(10_000) {
        _ if revised => "negative",
        0..2 => "positive",
        2..8 => "indeterminate",
        _ => "negative",
    };
    fields.text("method", method).text("result", result);
    if method == "nat" && random.chance(0.7) {
        fields.text("tube", "mixed");
    }
    fields.instant("sampled_at", sampled_at).instant("reported_at", reported_at);
    match random.below(100) {
        0..40 => fields.text("issuer_region", "330106"),
        40 => fields.text("issuer_region", "500103"),
        _ => fields,
    };
}

fn trip(fields: &mut Fields<'_>, random: &mut Random, now: Instant) {
    let boarded_at = Instant(now.0 - random.hours(4, 20));
    let alighted_at = Instant(boarded_at.0 + random.minutes(40, 300));
    let (mode, letter) = match random.below(20) {
        0..15 => ("rail", "G"),
        15..19 => ("air", "MU"),
        // A plate: of a coach it is the number.
        _ => ("coach", "浙A·1"),
    };
    let number = format!("{letter}{}", random.between(1000, 1400));
    let (year, month, day) = boarded_at.local_date();
    fields.kind("trip").text("mode", mode).text("number", &number);
    fields.text("service_date", &format!("{year:04}-{month:02}-{day:02}"));
    if mode == "rail" {
        fields.text("carriage", &format!("{:02}", random.between(1, 16)));
    }
    fields.number("row", random.between(1, 20)).text("seat", random.pick(&["A", "B", "C", "D", "F"]));
    fields.instant("boarded_at", boarded_at).instant("alighted_at", alighted_at);
    fields
        .text("from_region", random.pick(&["330106", "330203", "500112"]))
        .text("to_region", random.pick(&["330110", "310112", "500112"]));
}

/// Day and slot, for example `t003-15`.
fn slot_id(slots: &Slots, slot: u32) -> Vec<u8> {
    let mut id = Vec::with_capacity(16);
    id.push(if slots.feed == Feed::Tests { b't' } else { b's' });
    write_digits(slots.day, 3, &mut id);
    id.push(b'-');
    write_number(slot, &mut id);
    id
}

fn quantiles() -> [f64; QUANTILES + 1] {
    let total = f64::from(HOURS.iter().sum::<u32>());
    let mut knots = [0.0; QUANTILES + 1];
    let (mut hour, mut before) = (0, 0.0);
    for (knot, second) in knots.iter_mut().enumerate() {
        let share = total * knot as f64 / QUANTILES as f64;
        while hour < HOURS.len() - 1 && before + f64::from(HOURS[hour]) < share {
            before += f64::from(HOURS[hour]);
            hour += 1;
        }
        let within = ((share - before) / f64::from(HOURS[hour])).clamp(0.0, 1.0);
        // The last second of the day is still within it.
        *second = ((hour as f64 + within) * (HOUR_MS / 1000) as f64).min(86_399.0);
    }
    knots
}
