//! What a new pack makes of a rule or a colour: by the intervals of one person after another.
//!
//! Owns the words equal, narrower, wider, different. A rule is compared with the rule of the same id; packs without a
//! common id by colour alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use fuma_schemas::{Colour, Instant, Kind};

use super::{kind_of, worlds};
use crate::assess::timeline::{Interval, Timeline};
use crate::evidence::RuleTable;
use crate::policy::{Pack, Rule};

/// What is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Subject {
    /// A rule by its id.
    Rule(String),
    /// When people have a colour.
    Colour(Colour),
}

/// How the times of one person differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Relation {
    /// Only less of the time, or a part of it.
    Narrower,
    /// More of it.
    Wider,
    /// Neither holds all of the other.
    Other,
    /// The same times, other dues.
    Due,
}

/// What the new pack makes of a rule or a colour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// The same, as far as was looked.
    Equal,
    /// It holds less.
    Narrower,
    /// It holds more.
    Wider,
    /// It holds at other times.
    Different,
    /// It holds at the same times; when it is due differs.
    Due,
    /// The new pack does not have the rule.
    Removed,
    /// The old pack does not have the rule.
    Added,
}

impl Verdict {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Equal => "equal",
            Verdict::Narrower => "narrower",
            Verdict::Wider => "wider",
            Verdict::Different => "different",
            Verdict::Due => "due",
            Verdict::Removed => "removed",
            Verdict::Added => "added",
        }
    }
}

/// What can be compared: the rules of both, unless they have no common id, and the colours.
pub(super) fn subjects(packs: [&Pack; 2]) -> Vec<Subject> {
    let ids = packs.map(|pack| pack.rules.iter().map(|rule| rule.head.id.clone()).collect::<BTreeSet<String>>());
    let mut subjects: Vec<Subject> = Vec::new();
    if !ids[0].is_disjoint(&ids[1]) {
        subjects.extend(ids[0].union(&ids[1]).cloned().map(Subject::Rule));
    }
    subjects.extend([Colour::Red, Colour::Yellow].map(Subject::Colour));
    subjects
}

/// The kinds that a rule reads.
pub(super) fn kinds_of(rule: &Rule) -> BTreeSet<Kind> {
    RuleTable::all().filter(|table| rule.planned.needs.contains(*table)).map(kind_of).collect()
}

impl Subject {
    /// How one person's times differ; none when they do not.
    pub(super) fn relation(&self, timelines: &[Timeline; 2], packs: [&Arc<Pack>; 2]) -> Option<Relation> {
        match self {
            Subject::Rule(id) => {
                let of = |place: usize| {
                    packs[place].rule(id).map_or_else(Vec::new, |rule| worlds::of_rule(&timelines[place], rule))
                };
                let (old, new) = (of(0), of(1));
                let both = packs.iter().all(|pack| pack.rule(id).is_some());
                let same_due = || old.iter().zip(&new).all(|(one, other)| one.due == other.due);
                relation(&spans(&old), &spans(&new)).or_else(|| (both && !same_due()).then_some(Relation::Due))
            }
            Subject::Colour(colour) => {
                let of = |place: usize| spans_of_colour(&timelines[place], packs[place], *colour);
                relation(&of(0), &of(1))
            }
        }
    }

    /// The verdict, from how people differ.
    pub(super) fn verdict(&self, relations: &BTreeSet<Relation>, packs: [&Arc<Pack>; 2]) -> Verdict {
        if let Subject::Rule(id) = self {
            match packs.map(|pack| pack.rule(id).is_some()) {
                [true, false] => return Verdict::Removed,
                [false, true] => return Verdict::Added,
                _ => {}
            }
        }
        let has = |relation| relations.contains(&relation);
        match (has(Relation::Narrower), has(Relation::Wider), has(Relation::Other), has(Relation::Due)) {
            (false, false, false, false) => Verdict::Equal,
            (false, false, false, true) => Verdict::Due,
            (true, false, false, _) => Verdict::Narrower,
            (false, true, false, _) => Verdict::Wider,
            _ => Verdict::Different,
        }
    }

    /// The rule, and the colour.
    pub(super) fn named(&self, packs: [&Arc<Pack>; 2]) -> (Option<String>, Colour) {
        match self {
            Subject::Colour(colour) => (None, *colour),
            Subject::Rule(id) => {
                let rule = packs.iter().rev().find_map(|pack| pack.rules.get(pack.rule(id)?));
                (Some(id.clone()), rule.map_or(Colour::Green, |rule| rule.head.colour))
            }
        }
    }

    /// The kinds that are read for it.
    pub(super) fn kinds(&self, packs: [&Arc<Pack>; 2]) -> BTreeSet<Kind> {
        let rules = packs.iter().flat_map(|pack| &pack.rules);
        let own = rules.filter(|rule| match self {
            Subject::Rule(id) => rule.head.id == *id,
            // Red hides yellow.
            Subject::Colour(_) => true,
        });
        own.flat_map(kinds_of).collect()
    }
}

/// A stretch of time; no end while open.
type Span = (Instant, Option<Instant>);

fn spans(intervals: &[Interval]) -> Vec<Span> {
    intervals.iter().map(|interval| (interval.since, interval.until)).collect()
}

/// When a person has a colour: red while a red rule holds, yellow while a yellow one does and no red one.
fn spans_of_colour(timeline: &Timeline, pack: &Pack, colour: Colour) -> Vec<Span> {
    let held = |at: Instant| {
        let rules = timeline.rules_at(at);
        let bits = (0..pack.rules.len()).filter(|bit| rules >> bit & 1 == 1);
        bits.filter_map(|bit| pack.rules.get(bit)).map(|rule| rule.head.colour).max().unwrap_or(Colour::Green)
    };
    let ends = timeline.intervals().iter().flat_map(|interval| [Some(interval.since), interval.until]);
    let turns: BTreeSet<Instant> = ends.flatten().collect();
    let mut all: Vec<Span> = Vec::new();
    for turn in turns {
        let is_open = all.last().is_some_and(|(_, until)| until.is_none());
        match (held(turn) == colour, is_open) {
            (true, false) => all.push((turn, None)),
            (false, true) => {
                if let Some((_, until)) = all.last_mut() {
                    *until = Some(turn);
                }
            }
            _ => {}
        }
    }
    all
}

fn relation(old: &[Span], new: &[Span]) -> Option<Relation> {
    if old == new {
        return None;
    }
    Some(match (covers(old, new), covers(new, old)) {
        (true, false) => Relation::Narrower,
        (false, true) => Relation::Wider,
        _ => Relation::Other,
    })
}

/// Whether each of these lies in one of those: they do not touch each other.
fn covers(those: &[Span], these: &[Span]) -> bool {
    these.iter().all(|(since, until)| {
        those
            .iter()
            .any(|(begin, end)| *begin <= *since && end.is_none_or(|end| until.is_some_and(|until| until <= end)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_part_is_narrower() {
        let at = |millis: i64| Instant(millis);
        let long = [(at(1), Some(at(9)))];
        assert_eq!(relation(&long, &[(at(2), Some(at(9)))]), Some(Relation::Narrower));
        assert_eq!(relation(&long, &[]), Some(Relation::Narrower));
        assert_eq!(relation(&long, &[(at(1), None)]), Some(Relation::Wider));
        assert_eq!(relation(&long, &[(at(1), Some(at(3))), (at(5), Some(at(10)))]), Some(Relation::Other));
        assert_eq!(relation(&long, &long), None);
    }
}
