//! What is answered of each person: the announced state, with its reasons as they are known.
//!
//! Whoever is judged is noted here, beside what is announced, and taken back with it; a commit hands the notes to those
//! who publish them (docs/recovery.md R-30). Nothing is kept of somebody who is green and has no interval at all: no
//! answer needs it. Off in a replay: then it costs nothing.
//!
//! Owns the notes. Must never show what was not announced: where the rules say otherwise, the colour and the rules are
//! those of the announcement, and nothing more is said.

use std::sync::Arc;

use fuma_schemas::{Colour, Instant, Person};
use rustc_hash::FxHashMap;

use super::announced::{Announced, GREEN, State, StateNumber};
use super::change::Course;
use super::judge::Judge;
use super::left_out::Why;
use super::partition::Partition;
use super::timeline::{Interval, Timeline};
use crate::policy::Pack;

/// What is answered of a person.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The colour.
    pub colour: Colour,
    /// Since when; none where it has no beginning, or is not known.
    pub colour_since: Option<Instant>,
    /// When the next stretch of another colour begins, and which.
    pub next: Option<(Instant, Colour)>,
    /// Why.
    pub reasons: Reasons,
    /// Why the person keeps what was announced and is not judged, if so.
    pub kept: Option<Why>,
}

/// Why somebody has a colour.
#[derive(Clone, Debug)]
pub enum Reasons {
    /// The intervals that hold, by a pack.
    Known(Arc<Pack>, Box<[Interval]>),
    /// The rules that were announced: until the person is judged again, no more is known than that.
    Announced(Box<[Arc<str>]>),
}

/// A person, and what is answered from now on; none: green, and nothing is known that would change it.
type Note = (u32, Option<Shown>);

/// What is to be published.
#[derive(Debug, Default)]
pub(super) struct Showing {
    /// Of a transaction that is not committed yet.
    staged: Vec<Note>,
    /// Of judgements that stand, in order.
    settled: Vec<Note>,
}

impl Showing {
    pub(super) fn settle(&mut self) {
        self.settled.append(&mut self.staged);
    }

    pub(super) fn roll_back(&mut self) {
        self.staged.clear();
    }

    /// Drops what was noted of people of whom something else was judged than is announced.
    pub(super) fn keep_but(&mut self, judged: &[(u32, StateNumber)], announced: &Announced) {
        let other = judged.iter().filter(|(person, state)| announced.number(*person) != *state);
        let other: rustc_hash::FxHashSet<u32> = other.map(|(person, _)| *person).collect();
        self.staged.retain(|(person, _)| !other.contains(person));
    }
}

impl Shown {
    /// What was announced, and nothing more; none of green.
    fn announced(state: &State, kept: Option<Why>) -> Option<Shown> {
        let is_plain = state.colour == Colour::Green && kept.is_none();
        let reasons = Reasons::Announced(state.rules.clone());
        (!is_plain).then_some(Shown { colour: state.colour, colour_since: None, next: None, reasons, kept })
    }

    fn of(judge: &Judge, course: &Course<'_>, clock: Instant) -> Option<Shown> {
        let (timeline, palette) = (course.timeline(), judge.palette());
        if timeline.intervals().is_empty() {
            return None;
        }
        let sample = course.sample(clock);
        let holding: Box<[Interval]> =
            timeline.intervals().iter().filter(|interval| interval.holds_at(clock)).copied().collect();
        Some(Shown {
            colour: palette.colour(sample.rules),
            colour_since: sample.colour_start,
            next: sample.next_colour.map(|next| (next, palette.colour(timeline.rules_at(next)))),
            reasons: Reasons::Known(Arc::clone(judge.pack()), holding),
            kept: None,
        })
    }
}

impl Partition {
    /// From now on it is noted what is answered of whoever is judged.
    pub fn begin_showing(&mut self) {
        self.showing.get_or_insert_default();
    }

    /// Notes what is announced of a person at `clock`.
    pub(super) fn show(&mut self, person: u32, (judge, course): (&Judge, &Course<'_>), clock: Instant) {
        if let Some(showing) = &mut self.showing {
            showing.staged.push((person, Shown::of(judge, course, clock)));
        }
    }

    /// Notes what is announced of a person whom a recovery looks at: of whom nothing is to be said, nothing is noted.
    pub(super) fn show_found(&mut self, person: u32, timeline: &Timeline, clock: Instant) {
        let judge = Arc::clone(&self.in_force);
        if let Some(showing) = &mut self.showing
            && let Some(shown) = Shown::of(&judge, &Course::new(judge.palette(), timeline), clock)
        {
            showing.staged.push((person, Some(shown)));
        }
    }

    /// Notes that facts of a person are forgotten: only of who is green, and stays so.
    pub(super) fn show_forgotten(&mut self, person: u32) {
        if let Some(showing) = &mut self.showing {
            showing.settled.push((person, None));
        }
    }

    /// Notes that there is nothing to say of a person but green.
    pub(super) fn show_green(&mut self, person: u32) {
        if let Some(showing) = &mut self.showing {
            showing.staged.push((person, None));
        }
    }

    /// Notes that a person is not judged, and keeps what was announced.
    pub(super) fn show_kept(&mut self, person: u32, why: &Why) {
        if let Some(showing) = &mut self.showing {
            let shown = Shown::announced(self.announced.state(person), Some(why.clone()));
            showing.staged.push((person, shown));
        }
    }

    /// What was noted since the last call, of judgements that stand: in order, the last of a person holds.
    pub fn take_shown(&mut self) -> Vec<(Person, Option<Shown>)> {
        let Some(showing) = &mut self.showing else { return Vec::new() };
        let evidence = &self.evidence;
        showing.settled.drain(..).filter_map(|(person, shown)| Some((evidence.person(person)?, shown))).collect()
    }

    /// The answers of a partition that was read back: what was announced of everybody, and what was noted since.
    pub fn first_shown(&mut self) -> FxHashMap<Person, Shown> {
        if let Some(showing) = &mut self.showing {
            showing.settle();
        }
        let announced = announced(&self.announced);
        let mut first: FxHashMap<Person, Shown> =
            announced.filter_map(|(person, shown)| Some((self.evidence.person(person)?, shown))).collect();
        for (person, shown) in self.take_shown() {
            match shown {
                Some(shown) => drop(first.insert(person, shown)),
                None => drop(first.remove(&person)),
            }
        }
        first
    }
}

/// What was announced of everybody who is not green.
fn announced(announced: &Announced) -> impl Iterator<Item = (u32, Shown)> {
    let numbered = (0_u32..).zip(announced.numbers()).filter(|(_, number)| **number != GREEN);
    numbered.filter_map(|(person, _)| Some((person, Shown::announced(announced.state(person), None)?)))
}
