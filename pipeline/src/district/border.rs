//! Entries from abroad: fourteen days in a hotel, then seven at home; a few with a wrong country or the wrong person.
//!
//! Owns the story of an entry. Must never decide a colour: which entries matter is the packs' business.

use fuma_schemas::instant::HOUR_MS;
use fuma_schemas::vocabulary::{IsolationBasis, Stage};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::isolation::{self, Isolation};
use super::plan::Plan;
use super::random::{Purpose, Random};
use super::record::Head;

/// The share of the people who come back from abroad within thirty days.
const SHARE_OF_THIRTY_DAYS: f64 = 0.003;
const COUNTRIES: [&str; 10] = ["US", "JP", "KR", "SG", "TH", "DE", "GB", "RU", "MM", "AE"];

/// One entry.
struct Entry {
    person: u32,
    id: String,
    country: &'static str,
    entered_at: Instant,
    last_overseas_at: Option<Instant>,
}

/// Adds all entries of the district.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    let entries = (f64::from(settings.people) * SHARE_OF_THIRTY_DAYS * f64::from(settings.days) / 30.0).ceil() as u32;
    for number in 0..entries {
        let mut random = Random::of(settings.seed, Purpose::Border, u64::from(number));
        let (part, person) = (random.unit(), plan.next_person());
        let entered_at = plan.moment(part, &mut random);
        let flight = Instant(entered_at.0 - random.hours(2, 14));
        let last_overseas_at = random.chance(0.7).then_some(flight);
        let entry = Entry {
            person,
            id: format!("entry-{number}"),
            country: random.pick(&COUNTRIES),
            entered_at,
            last_overseas_at,
        };
        entry.add(plan, &mut random);
    }
}

impl Entry {
    fn add(&self, plan: &mut Plan, random: &mut Random) {
        let known_at = Instant(self.entered_at.0 + random.minutes(5, 60));
        match random.below(100) {
            // The country was misread: a revision.
            0..3 => {
                self.record(plan, self.person, "XX", (1, false), known_at);
                self.record(plan, self.person, self.country, (2, false), Instant(known_at.0 + 26 * HOUR_MS));
            }
            // Put down to the wrong person: taken back for the one, asserted for the other.
            3..5 => {
                let (wrong, later) = (plan.next_person(), Instant(known_at.0 + 4 * HOUR_MS));
                self.record(plan, wrong, self.country, (1, false), known_at);
                self.record(plan, wrong, self.country, (2, true), later);
                self.record(plan, self.person, self.country, (1, false), later);
            }
            _ => self.record(plan, self.person, self.country, (1, false), known_at),
        }
        self.quarantine(plan, random);
    }

    fn quarantine(&self, plan: &mut Plan, random: &mut Random) {
        let started_at = Instant(self.entered_at.0 + random.hours(2, 6));
        let id = format!("iso-{}", self.id);
        let (stage, basis, due_at) = (Stage::Centralised, IsolationBasis::Entry, self.entered_at.day_end(14));
        let order = Isolation { person: self.person, id: &id, stage, basis, started_at, due_at, end: None };
        let second = match random.below(10) {
            0..7 => Some((Stage::Home, 7)),
            7..8 => Some((Stage::Monitoring, 7)),
            _ => None,
        };
        isolation::add_course(plan, random, &order, second);
        isolation::add_tests(plan, random, self.person, started_at, &[1, 4, 7, 14]);
    }

    fn record(&self, plan: &mut Plan, person: u32, country: &str, state: (u32, bool), known_at: Instant) {
        let (revision, retracted) = state;
        let head = Head {
            owner: "border-330100",
            id: self.id.as_bytes(),
            revision,
            retracted,
            person: Some(person),
            known_at,
        };
        plan.record(Feed::Travel, &head, |fields| {
            fields.kind("entry").instant("entered_at", self.entered_at);
            fields.maybe("last_overseas_at", self.last_overseas_at).text("country", country).text("port", "HGH");
        });
    }
}
