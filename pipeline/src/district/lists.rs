//! The few approved lists, and the codes that other provinces gave.
//!
//! Owns who is on a list, which list ends early and who was on one by mistake. Every list has a basis, a document, an
//! approver other than its owner, and an end: another one is in the faults.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::plan::Plan;
use super::random::{Purpose, Random};
use super::record::Head;

const BASES: [&str; 5] = ["venue", "cold-chain", "field-investigation", "spatiotemporal", "headquarters-document"];
const PROVINCES: [&str; 5] = ["31", "32", "50", "44", "11"];
const PEOPLE_PER_LIST: u32 = 25_000;
const EXTERNAL_CODES_SHARE: f64 = 0.0005;

/// A list.
struct List {
    number: u32,
    colour: &'static str,
    basis: &'static str,
    document: String,
    starts_at: Instant,
    expires_at: Instant,
}

/// Adds the lists and the codes of other provinces.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    for number in 0..(settings.people / PEOPLE_PER_LIST).max(1) {
        let mut random = Random::of(settings.seed, Purpose::Lists, u64::from(number));
        let part = random.unit() * 0.7;
        let starts_at = plan.moment(part, &mut random);
        let list = List {
            number,
            colour: if number % 4 == 3 { "red" } else { "yellow" },
            basis: random.pick(&BASES),
            document: format!("district headquarters 2021 no. {}", 40 + number),
            starts_at,
            expires_at: Instant(starts_at.0 + i64::from(random.between(5, 14)) * DAY_MS),
        };
        list.add(plan, &mut random);
    }
    for number in 0..(f64::from(settings.people) * EXTERNAL_CODES_SHARE).ceil() as u32 {
        external_code(plan, &mut Random::of(settings.seed, Purpose::Lists, u64::from(number) | 1 << 32), number);
    }
}

impl List {
    fn add(&self, plan: &mut Plan, random: &mut Random) {
        let ends_early = self.number.is_multiple_of(2);
        for entry in 0..random.between(15, 40) {
            let person = plan.next_person();
            let known_at = Instant(self.starts_at.0 + random.minutes(0, 120));
            self.record(plan, person, entry, (1, false), (self.expires_at, known_at));
            let later = Instant(self.starts_at.0 + 3 * DAY_MS + random.minutes(0, 60));
            if ends_early {
                self.record(plan, person, entry, (2, false), (later, later));
            } else if entry < 2 {
                self.record(plan, person, entry, (2, true), (self.expires_at, Instant(known_at.0 + 6 * HOUR_MS)));
            }
        }
    }

    fn record(&self, plan: &mut Plan, person: u32, entry: u32, state: (u32, bool), instants: (Instant, Instant)) {
        let ((revision, retracted), (expires_at, known_at)) = (state, instants);
        let id = format!("list-{}-{entry}", self.number);
        let head = Head { owner: "hq-330106", id: id.as_bytes(), revision, retracted, person: Some(person), known_at };
        plan.record(Feed::Listings, &head, |fields| {
            fields.text("colour", self.colour).text("approver", "hc-330100").text("basis", self.basis);
            fields
                .text("document", &self.document)
                .instant("starts_at", self.starts_at)
                .instant("expires_at", expires_at);
        });
    }
}

fn external_code(plan: &mut Plan, random: &mut Random, number: u32) {
    let (part, person) = (random.unit(), plan.next_person());
    let assigned_at = plan.moment(part, random);
    let (province, colour) = (random.pick(&PROVINCES), if random.chance(0.3) { "red" } else { "yellow" });
    let id = format!("code-{number}");
    let known_at = Instant(assigned_at.0 + random.minutes(1, 30));
    let released_at = Instant(assigned_at.0 + random.hours(24, 14 * 24));
    let again_at = Instant(released_at.0 + random.minutes(1, 30));
    for (revision, known_at, released_at) in [(1, known_at, None), (2, again_at, Some(released_at))] {
        let head =
            Head { owner: "platform", id: id.as_bytes(), revision, retracted: false, person: Some(person), known_at };
        plan.record(Feed::ExternalCodes, &head, |fields| {
            fields.text("province", province).text("colour", colour).instant("assigned_at", assigned_at);
            fields.maybe("released_at", released_at);
        });
    }
}
