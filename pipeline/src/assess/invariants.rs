//! The invariants of what is announced, as predicates: I-1, I-4, I-5. Debug builds check them where a change is made
//! and where it goes out; the audit of a recovery checks I-1 in every build. I-3 is [`super::Partition::is_settled`].
//!
//! Owns nothing. Must never mend what it finds.

use std::collections::HashMap;

use fuma_schemas::{CodeChange, Colour, Instant, Person};
use rustc_hash::FxBuildHasher;

use super::announced::{Announced, StateNumber};
use super::judge::Judge;
use super::timeline::Timeline;

/// I-1. What was announced of a person is what the timeline says at a clock.
pub(super) fn is_pure(
    announced: &mut Announced,
    person: u32,
    timeline: &Timeline,
    clock: Instant,
    judge: &Judge,
) -> bool {
    announced.is(person, timeline.rules_at(clock), judge.pack(), |rules| judge.palette().colour(rules))
}

/// I-4. A change goes on from what was announced before, and says something else.
pub(super) fn follows(change: &CodeChange, announced: &Announced, before: StateNumber, now: StateNumber) -> bool {
    let colour = |number: StateNumber| announced.states().get(number as usize).map(|state| state.colour);
    before != now && colour(before) == Some(change.from) && colour(now) == Some(change.to)
}

/// I-4, of two changes of one person, one after the other.
pub fn is_chain(one: &CodeChange, next: &CodeChange) -> bool {
    let rules = |change: &CodeChange| change.reasons.iter().map(|reason| reason.rule.id.clone()).collect::<Vec<_>>();
    one.to == next.from && one.decided_at < next.decided_at && (one.to != next.to || rules(one) != rules(next))
}

/// I-4, of the changes of everybody in the order of decided_at, from the beginning.
pub fn are_chains(changes: &[CodeChange]) -> bool {
    let mut last: HashMap<Person, &CodeChange, FxBuildHasher> = HashMap::default();
    changes.iter().all(|change| match last.insert(change.person, change) {
        Some(before) => is_chain(before, change),
        None => change.from == Colour::Green && change.to != Colour::Green,
    })
}

/// I-5. Red and yellow name at least one rule and clause, of that colour and holding at the clock; green names none.
pub fn has_reasons(change: &CodeChange) -> bool {
    let worst = change.reasons.iter().map(|reason| reason.rule.colour).max().unwrap_or(Colour::Green);
    let holds = change.reasons.iter().all(|reason| {
        let is_open = reason.until.is_none_or(|until| change.decided_at < until);
        reason.since <= change.decided_at && is_open && !reason.rule.clause.is_empty()
    });
    worst == change.to && holds
}
