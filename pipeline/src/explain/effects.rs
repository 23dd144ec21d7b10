//! What each fact changes: the rules once more, as if the fact were not there.
//!
//! A rule names the facts that assert a reason. It does not name what ends it, moves it or keeps it away. If each of
//! two facts alone would do the same, neither shows an effect: neither is needed.
//!
//! Owns the comparison, and its bound: of somebody with very many facts those known last are tried, and how many were
//! not is said. Must never guess what a rule means.

use std::collections::BTreeMap;

use fuma_schemas::Instant;

use crate::assess::timeline::Interval;
use crate::assess::{AssessError, Partition, Timeline};
use crate::policy::RuleRow;

/// What the rules say of one person, and what they would say without each of some facts.
pub(super) struct Effects {
    /// With all facts.
    pub(super) rows: Vec<RuleRow>,
    pub(super) timeline: Timeline,
    /// Without each fact that was tried, by its place among those asked of.
    without: BTreeMap<usize, Timeline>,
    /// How many were not tried.
    pub(super) untried: usize,
}

/// Pairs of rows that joins may look at for one account: some twenty seconds.
pub(super) const PAIRS_MAX: u64 = 1 << 28;

impl Effects {
    /// Executes the rules for a person with all facts, and without each of these: the handle of a fact, and when it
    /// became known. Those known last are tried first, as many as so many pairs of rows allow.
    pub(super) fn of(
        partition: &Partition,
        person: u32,
        facts: &[(u64, Instant)],
        pairs_max: u64,
    ) -> Result<Effects, AssessError> {
        let mut tried: Vec<usize> = (0..facts.len()).collect();
        tried.sort_by_key(|&place| std::cmp::Reverse(facts.get(place).map(|(_, known_at)| *known_at)));
        let most = pairs_max / partition.pairs_of(person).max(1);
        tried.truncate(usize::try_from(most).unwrap_or(usize::MAX).max(1));
        let handle = |place: &usize| facts.get(*place).map(|(handle, _)| *handle);
        let omitted = tried.iter().map(|place| (person, handle(place)));
        let asked: Vec<(u32, Option<u64>)> = std::iter::once((person, None)).chain(omitted).collect();
        let mut said = partition.rules_of(&asked);
        let mut rest: &mut [RuleRow] = &mut said;
        let mut of_slots = Vec::with_capacity(asked.len());
        for slot in 0..asked.len() {
            let own = rest.partition_point(|row| row.slot as usize <= slot);
            let (of_slot, others) = std::mem::take(&mut rest).split_at_mut(own);
            rest = others;
            of_slots.push((Timeline::merge(of_slot), of_slot.to_vec()));
        }
        let mut of_slots = of_slots.into_iter();
        let (timeline, rows) = of_slots.next().unwrap_or_default();
        let without = tried.iter().copied().zip(of_slots.map(|(timeline, _)| timeline)).collect();
        Ok(Effects { rows, timeline, without, untried: facts.len() - tried.len() })
    }

    /// The facts that a rule names for an interval, earliest first.
    pub(super) fn causes(&self, interval: &Interval) -> Vec<u64> {
        let own = self.rows.iter().filter(|row| row.rule == interval.rule && within(row, interval));
        let mut causes: Vec<u64> = Vec::new();
        for row in own {
            if !causes.contains(&row.cause) {
                causes.push(row.cause);
            }
        }
        causes
    }

    /// What would stand in the place of an interval without a fact; none when the same would.
    pub(super) fn instead(&self, fact: usize, interval: &Interval) -> Option<Vec<Interval>> {
        let others = self.without.get(&fact)?.intervals();
        let instead: Vec<Interval> = others.iter().filter(|other| touch(other, interval)).copied().collect();
        (instead != [*interval]).then_some(instead)
    }

    /// The intervals that a fact keeps away altogether.
    pub(super) fn prevented(&self, fact: usize) -> Vec<Interval> {
        let others = self.without.get(&fact).map_or(&[][..], Timeline::intervals);
        let is_new = |other: &&Interval| !self.timeline.intervals().iter().any(|own| touch(own, other));
        others.iter().filter(is_new).copied().collect()
    }
}

fn within(row: &RuleRow, interval: &Interval) -> bool {
    interval.since <= row.since && interval.until.is_none_or(|until| row.since <= until)
}

fn touch(one: &Interval, other: &Interval) -> bool {
    one.rule == other.rule
        && one.until.is_none_or(|until| other.since <= until)
        && other.until.is_none_or(|until| one.since <= until)
}
