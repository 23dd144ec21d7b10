//! One partition under two packs: who changes, and how.
//!
//! Owns the counts of a partition. Must never decide what holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_schemas::{Colour, Instant};

use super::districts::{self, Counted};
use crate::assess::announced::{State, StateNumber};
use crate::assess::{Differences, Judge, Look, Partition, StepLimits};

/// What was seen in one partition.
pub(super) struct Seen {
    pub(super) before: [u64; 3],
    pub(super) after: [u64; 3],
    pub(super) moves: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) rules: BTreeMap<String, [u64; 2]>,
    pub(super) lengths: Lengths,
    pub(super) districts: BTreeMap<String, Counted>,
    pub(super) left_out: u64,
    pub(super) lines: Differences,
    /// How many who are not green afterwards turn green in each of the next hours, as is known by now.
    pub(super) by_hour: [u64; HOURS],
    /// By the numbers of the states before and after, the first of those who change so, with their number.
    pub(super) firsts: BTreeMap<(StateNumber, StateNumber), (u64, Vec<u32>)>,
}

/// How long those are coloured who are coloured before and after.
#[derive(Clone, Debug, Default)]
pub struct Lengths {
    /// As long as before.
    pub same: u64,
    /// By full days that they are coloured longer, or (negative) shorter; 0 is less than a day.
    pub by_days: BTreeMap<i64, u64>,
    /// Until a known instant before, open afterwards.
    pub opened: u64,
    /// Open before, until a known instant afterwards.
    pub closed: u64,
}

/// Of more days than this one number is kept.
const DAYS_MAX: i64 = 60;

impl Lengths {
    fn see(&mut self, before: Option<Instant>, after: Option<Instant>) {
        match (before, after) {
            (None, Some(_)) => self.closed += 1,
            (Some(_), None) => self.opened += 1,
            (before, after) if before == after => self.same += 1,
            (Some(before), Some(after)) => {
                let days = (after.0 - before.0) / fuma_schemas::instant::DAY_MS;
                *self.by_days.entry(days.clamp(-DAYS_MAX, DAYS_MAX)).or_default() += 1;
            }
            (None, None) => {}
        }
    }

    pub(super) fn add(&mut self, other: &Lengths) {
        self.same += other.same;
        self.opened += other.opened;
        self.closed += other.closed;
        other.by_days.iter().for_each(|(days, count)| *self.by_days.entry(*days).or_default() += count);
    }
}

/// How many of one change are kept for samples.
const FIRSTS: usize = 20;

/// Hours that are told one by one.
pub(super) const HOURS: usize = 24;
const HOUR_MS: i64 = 3_600_000;

/// Looks at a partition as the pack in force has it at one clock, and as the candidate has it at another.
pub(super) fn look(
    partition: &mut Partition,
    (current, candidate): (&Arc<Judge>, &Arc<Judge>),
    (then, clock): (Instant, Instant),
    limits: StepLimits,
) -> Seen {
    let before = partition.look(current, then, limits);
    seen(partition, &before, candidate, clock, limits)
}

/// The same, for who has the look before.
pub(super) fn seen(
    partition: &mut Partition,
    before: &Look,
    candidate: &Arc<Judge>,
    clock: Instant,
    limits: StepLimits,
) -> Seen {
    let after = partition.look(candidate, clock, limits);
    let (crowded, failed) = partition.left_out().counts();
    let mut seen = Seen {
        before: [0; 3],
        after: [0; 3],
        moves: BTreeMap::new(),
        rules: BTreeMap::new(),
        lengths: Lengths::default(),
        districts: BTreeMap::new(),
        left_out: crowded + failed,
        lines: partition.differences_between(before, &after),
        by_hour: [0; HOURS],
        firsts: BTreeMap::new(),
    };
    let states = partition.all_announced().states();
    for person in 0..partition.evidence().people() {
        seen.person(partition, states, (before, &after), person);
    }
    for green_at in after.green_at.iter().flatten() {
        let hour = usize::try_from((green_at.0 - clock.0) / HOUR_MS).ok();
        if let Some(count) = hour.and_then(|hour| seen.by_hour.get_mut(hour)) {
            *count += 1;
        }
    }
    seen
}

impl Seen {
    fn person(&mut self, partition: &Partition, states: &[State], (before, after): (&Look, &Look), person: u32) {
        let at = person as usize;
        let number = |look: &Look| look.states.get(at).copied().unwrap_or_default();
        let numbers = (number(before), number(after));
        let (Some(old), Some(new)) = (states.get(numbers.0 as usize), states.get(numbers.1 as usize)) else { return };
        self.before[old.colour as usize] += 1;
        self.after[new.colour as usize] += 1;
        if old.colour != Colour::Green && new.colour != Colour::Green {
            let green_at = |look: &Look| look.green_at.get(at).copied().flatten();
            self.lengths.see(green_at(before), green_at(after));
        }
        if numbers.0 == numbers.1 {
            return;
        }
        *self.moves.entry((old.colour.name(), new.colour.name())).or_default() += 1;
        for (one, other, place) in [(new, old, 0), (old, new, 1)] {
            for rule in one.rules.iter().filter(|rule| !other.rules.contains(rule)) {
                match self.rules.get_mut(&**rule) {
                    Some(counts) => counts[place] += 1,
                    None => self.rules.entry(rule.to_string()).or_default()[place] += 1,
                }
            }
        }
        let district = districts::of(partition, person);
        self.districts.entry(district).or_default().see(new.colour);
        let (count, firsts) = self.firsts.entry(numbers).or_default();
        *count += 1;
        if firsts.len() < FIRSTS {
            firsts.push(person);
        }
    }
}
