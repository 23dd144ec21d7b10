//! Fever clinics and declarations: symptoms with and without epidemiological history, and how they end.
//!
//! Owns the story of a symptom. Must never decide whether it matters.

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::isolation;
use super::plan::Plan;
use super::random::{Purpose, Random};
use super::record::Head;

/// The share of the people who report a symptom within thirty days.
const SHARE_OF_THIRTY_DAYS: f64 = 0.008;
const NAMES: [&str; 10] =
    ["fever", "fever", "fever", "fever", "fever", "fever", "fever", "respiratory", "dyspnoea", "other"];

/// One symptom.
struct Symptom {
    person: u32,
    id: String,
    name: &'static str,
    onset_at: Instant,
    history: bool,
}

/// Adds all symptoms of the district.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    let symptoms = (f64::from(settings.people) * SHARE_OF_THIRTY_DAYS * f64::from(settings.days) / 30.0).ceil() as u32;
    for number in 0..symptoms {
        let mut random = Random::of(settings.seed, Purpose::Clinic, u64::from(number));
        let (part, person) = (random.unit(), plan.next_person());
        let (onset_at, name, history) = (plan.moment(part, &mut random), random.pick(&NAMES), random.chance(0.1));
        Symptom { person, id: format!("symptom-{number}"), name, onset_at, history }.add(plan, &mut random);
    }
}

impl Symptom {
    fn add(&self, plan: &mut Plan, random: &mut Random) {
        let source = if random.chance(0.8) { "clinic" } else { "declared" };
        let known_at = Instant(self.onset_at.0 + random.hours(2, 20));
        if self.history {
            self.earlier_contact(plan, random);
        }
        self.record(plan, source, 1, known_at, (None, None));
        let resolved_at = Instant(known_at.0 + random.hours(24, 120));
        let cleared_at = Instant(known_at.0 + random.hours(5 * 24, 12 * 24));
        match random.below(10) {
            0..6 => {
                let sampled_at = Instant(known_at.0 + random.hours(1, 8));
                isolation::add_test(plan, random, self.person, sampled_at, "negative");
            }
            6..8 => self.record(
                plan,
                source,
                2,
                Instant(resolved_at.0 + random.minutes(20, 600)),
                (Some(resolved_at), None),
            ),
            _ => {}
        }
        // With history only a closed investigation ends the matter.
        if self.history && random.chance(0.7) {
            self.record(
                plan,
                source,
                3,
                Instant(cleared_at.0 + random.minutes(10, 90)),
                (Some(resolved_at), Some(cleared_at)),
            );
        }
    }

    fn earlier_contact(&self, plan: &mut Plan, random: &mut Random) {
        let last_exposure_at = Instant(self.onset_at.0 - random.hours(2 * 24, 9 * 24));
        let determined_at = Instant(last_exposure_at.0 + random.hours(10, 40));
        let id = format!("history-{}", self.id);
        let known_at = Instant(determined_at.0.max(self.onset_at.0 - DAY_MS) + random.minutes(10, 60));
        let head = Head {
            owner: "cdc-330100",
            id: id.as_bytes(),
            revision: 1,
            retracted: false,
            person: Some(self.person),
            known_at,
        };
        plan.record(Feed::Contacts, &head, |fields| {
            fields
                .text("degree", "general")
                .instant("determined_at", determined_at)
                .instant("last_exposure_at", last_exposure_at);
        });
    }

    fn record(
        &self,
        plan: &mut Plan,
        source: &str,
        revision: u32,
        known_at: Instant,
        ends: (Option<Instant>, Option<Instant>),
    ) {
        let (id, person) = (self.id.as_bytes(), Some(self.person));
        let head = Head { owner: "clinic-330100", id, revision, retracted: false, person, known_at };
        plan.record(Feed::Symptoms, &head, |fields| {
            fields.text("symptom", self.name).instant("onset_at", self.onset_at);
            fields.maybe("resolved_at", ends.0).maybe("cleared_at", ends.1).text("source", source);
        });
    }
}
