//! Whose phone numbers are: bindings as an operator gives them, numbers that pass from one person to another among
//! them.
//!
//! Owns these bindings. The numbers are of a country code that nobody has (999). They colour nobody by themselves.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::vocabulary::{ClosedList, Holder};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::plan::Plan;
use super::random::{Purpose, Random};
use super::record::Head;

/// One number for so many people.
const PEOPLE_PER_NUMBER: u32 = 400;

/// Adds the bindings.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    for number in 0..(settings.people / PEOPLE_PER_NUMBER).max(1) {
        let mut random = Random::of(settings.seed, Purpose::Phones, u64::from(number));
        let (part, since_days) = (random.unit() * 0.8, i64::from(random.between(30, 900)));
        let known_at = plan.moment(part, &mut random);
        let since = Instant(known_at.0 - since_days * DAY_MS);
        let holder = random.pick(Holder::NAMES);
        let person = plan.next_person();
        let binding = Binding { number, holder, since };
        binding.record(plan, person, "a", (1, None), known_at);
        if number % 5 == 0 {
            // The number is given up, and somebody else gets it.
            let until = Instant(known_at.0 + random.hours(1, 48));
            binding.record(plan, person, "a", (2, Some(until)), Instant(until.0 + HOUR_MS));
            let next = Binding { since: Instant(until.0 + HOUR_MS), ..binding };
            let next_person = plan.next_person();
            next.record(plan, next_person, "b", (1, None), Instant(until.0 + 2 * HOUR_MS));
        }
    }
}

/// A number and how it is bound.
#[derive(Clone, Copy)]
struct Binding {
    number: u32,
    holder: &'static str,
    since: Instant,
}

impl Binding {
    fn record(&self, plan: &mut Plan, person: u32, which: &str, state: (u32, Option<Instant>), known_at: Instant) {
        let (revision, until) = state;
        let id = format!("phone-{}-{which}", self.number);
        let head =
            Head { owner: "mobile-1", id: id.as_bytes(), revision, retracted: false, person: Some(person), known_at };
        plan.record(Feed::Bindings, &head, |fields| {
            fields.text("phone", &format!("+999 1{:08}", self.number)).text("holder", self.holder);
            fields.instant("since", self.since).maybe("until", until);
        });
    }
}
