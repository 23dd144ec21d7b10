//! Orders of isolation, and the tests that go with them.
//!
//! Owns the chain of orders: an order, its end, a transfer to the next stage. Must never decide who is isolated.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::vocabulary::{ClosedList, IsolationBasis, Outcome, Stage};
use fuma_schemas::{Feed, Instant};

use super::plan::Plan;
use super::random::Random;
use super::record::Head;

/// How an order ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) outcome: Outcome,
    /// The next stage of a transfer.
    pub(super) next: Option<Stage>,
}

/// One order.
pub(super) struct Isolation<'a> {
    pub(super) person: u32,
    pub(super) id: &'a str,
    pub(super) stage: Stage,
    pub(super) basis: IsolationBasis,
    pub(super) started_at: Instant,
    pub(super) due_at: Option<Instant>,
    pub(super) end: Option<End>,
}

impl Isolation<'_> {
    /// Adds the order, and its end as the next revision.
    pub(super) fn add(&self, plan: &mut Plan, random: &mut Random) {
        let owner = owner_of(self.stage);
        let known_at = Instant(self.started_at.0 + random.minutes(5, 90));
        let head =
            Head { owner, id: self.id.as_bytes(), revision: 1, retracted: false, person: Some(self.person), known_at };
        let assert = |plan: &mut Plan, head: &Head<'_>, end: Option<End>| {
            plan.record(Feed::Isolations, head, |fields| {
                fields
                    .text("stage", self.stage.name())
                    .text("basis", self.basis.name())
                    .instant("started_at", self.started_at);
                fields.maybe("due_at", self.due_at);
                if let Some(end) = end {
                    fields.instant("ended_at", end.at).text("outcome", end.outcome.name());
                    if let Some(next) = end.next {
                        fields.text("next_stage", next.name());
                    }
                }
            });
        };
        assert(plan, &head, None);
        if let Some(end) = self.end {
            let known_at = Instant(end.at.0.max(head.known_at.0) + random.minutes(5, 60));
            assert(plan, &Head { revision: 2, known_at, ..head }, Some(end));
        }
    }
}

/// Adds an order up to its due instant and what follows: release, or a transfer to a second stage of some days.
pub(super) fn add_course(plan: &mut Plan, random: &mut Random, first: &Isolation<'_>, second: Option<(Stage, i64)>) {
    let due = first.due_at.unwrap_or(first.started_at);
    let at = Instant(due.0 + random.minutes(10, 480));
    let Some((stage, days)) = second else {
        return Isolation { end: Some(End { at, outcome: Outcome::Released, next: None }), ..*first }.add(plan, random);
    };
    Isolation { end: Some(End { at, outcome: Outcome::Transferred, next: Some(stage) }), ..*first }.add(plan, random);
    let started_at = Instant(at.0 + random.minutes(0, 240));
    let due_at = started_at.day_end(days - 1);
    let end =
        due_at.map(|due| End { at: Instant(due.0 + random.minutes(10, 480)), outcome: Outcome::Released, next: None });
    let id = format!("{}-b", first.id);
    Isolation { person: first.person, id: &id, stage, basis: first.basis, started_at, due_at, end }.add(plan, random);
}

/// Adds negative tests of single tubes on the given days of an isolation.
pub(super) fn add_tests(plan: &mut Plan, random: &mut Random, person: u32, start: Instant, days: &[i64]) {
    for day in days {
        let sampled_at = Instant(start.0 + day * DAY_MS + random.hours(0, 4));
        add_test(plan, random, person, sampled_at, "negative");
    }
}

/// Adds one test of a single tube, reported some hours after the sample.
pub(super) fn add_test(plan: &mut Plan, random: &mut Random, person: u32, sampled_at: Instant, result: &str) {
    let reported_at = Instant(sampled_at.0 + 4 * HOUR_MS + random.hours(0, 4));
    let known_at = Instant(reported_at.0 + random.minutes(1, 20));
    let id = format!("s{person}-{}", sampled_at.0 / 60_000);
    let head =
        Head { owner: "lab-330100", id: id.as_bytes(), revision: 1, retracted: false, person: Some(person), known_at };
    plan.record(Feed::Tests, &head, |fields| {
        fields.text("method", "nat").text("result", result).text("tube", "single");
        fields.instant("sampled_at", sampled_at).instant("reported_at", reported_at).text("issuer_region", "330100");
    });
}

fn owner_of(stage: Stage) -> &'static str {
    match stage {
        Stage::Hospital => "hospital-330100",
        Stage::Centralised => "hotel-330100",
        Stage::Home | Stage::Monitoring => "community-330100",
    }
}
