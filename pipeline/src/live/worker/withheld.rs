//! Everything is held (`fuma hold --all`): people are judged, and nothing is announced.
//!
//! ```text
//! a commit judges -> takes back what it would announce, and counts it -> commits the position, "everybody is swept"
//! released        -> those of whom something else is to be said are judged once more, and it is announced
//! ```
//!
//! Announced states, snapshots and the output stay as they were before the hold, so an owner that comes in between
//! judges everybody again, whether it is still held or not. Owns who is not told what. Must never announce.

use std::collections::{BTreeMap, HashMap};

use fuma_schemas::{Colour, Instant};
use rustc_hash::FxBuildHasher;

use super::Worker;
use super::judge::Changed;
use super::owned::Owned;
use super::sweep::Sweep;
use crate::assess::announced::StateNumber;
use crate::live::partitions::Withheld;

/// Of whom something else would be announced than was, in one partition: one entry a person at most.
#[derive(Debug, Default)]
pub(super) struct WithheldPeople {
    states: HashMap<u32, (StateNumber, StateNumber), FxBuildHasher>,
    /// How many people, by what was announced and what would be.
    moves: BTreeMap<(StateNumber, StateNumber), u64>,
}

impl WithheldPeople {
    /// A person was judged.
    fn note(&mut self, person: u32, announced: StateNumber, judged: StateNumber) {
        let earlier = match announced == judged {
            true => self.states.remove(&person),
            false => self.states.insert(person, (announced, judged)),
        };
        if let Some(earlier) = earlier
            && let Some(people) = self.moves.get_mut(&earlier)
        {
            *people -= 1;
            if *people == 0 {
                self.moves.remove(&earlier);
            }
        }
        if announced != judged {
            *self.moves.entry((announced, judged)).or_default() += 1;
        }
    }
}

impl Owned {
    /// From the commit under way on everything is held, or is not any more.
    pub(super) fn hold(&mut self, is_held: bool) {
        if is_held {
            self.withheld.get_or_insert_default();
            return;
        }
        let Some(withheld) = self.withheld.take() else { return };
        if self.is_switching() {
            // Nobody was told what the switch says: it begins at the first person again.
            let cause = self.sweep.cause();
            self.sweep = Sweep::default();
            self.sweep_people(0..self.partition.evidence().people(), cause);
        } else {
            self.sweep_people(withheld.states.into_keys(), None);
        }
    }

    /// Whether its last commit was held.
    pub(super) fn is_held(&self) -> bool {
        self.withheld.is_some()
    }

    /// Takes back what the step would announce, and remembers whom it concerns.
    pub(super) fn take_back(&mut self) {
        let judged = self.partition.take_back();
        let Some(withheld) = &mut self.withheld else { return };
        for (person, state) in judged {
            withheld.note(person, self.partition.all_announced().number(person), state);
        }
    }

    /// What a release would announce; none: nothing is held.
    pub fn withheld(&self) -> Option<Withheld> {
        let people = self.withheld.as_ref()?;
        let announced = self.partition.all_announced();
        let mut withheld = Withheld { to_judge: self.to_judge(), ..Withheld::default() };
        withheld.before = self.partition.colours();
        withheld.after = withheld.before;
        for ((before, after), count) in &people.moves {
            let states = announced.states();
            let Some((before, after)) = states.get(*before as usize).zip(states.get(*after as usize)) else { continue };
            withheld.people += count;
            withheld.after[place(before.colour)] -= count;
            withheld.after[place(after.colour)] += count;
            for rule in after.rules.iter().filter(|rule| !before.rules.contains(rule)) {
                withheld.rules.entry(rule.to_string()).or_default().begun += count;
            }
            for rule in before.rules.iter().filter(|rule| !after.rules.contains(rule)) {
                withheld.rules.entry(rule.to_string()).or_default().ended += count;
            }
        }
        Some(withheld)
    }

    /// Who is not judged yet.
    fn to_judge(&self) -> u64 {
        let finds = u64::from(self.is_sweeping() && self.sweep.is_empty());
        self.sweep.remaining() as u64 + self.partition.waiting() as u64 + finds
    }
}

/// The place of a colour among those of [`Withheld`].
fn place(colour: Colour) -> usize {
    match colour {
        Colour::Green => 0,
        Colour::Yellow => 1,
        Colour::Red => 2,
    }
}

impl Worker {
    /// Whether the commit under way is held; one word for all its partitions.
    pub(super) fn hold(&mut self, clocks: &BTreeMap<u32, Instant>) -> bool {
        let is_held = self.context.words.is_held();
        self.owned.values_mut().filter(|owned| clocks.contains_key(&owned.id)).for_each(|owned| owned.hold(is_held));
        is_held
    }

    /// Takes back what the step of these partitions would announce.
    pub(super) fn take_back(&mut self, changed: &mut Changed) {
        for (id, changes) in changed {
            changes.clear();
            if let Some(owned) = self.owned.get_mut(id) {
                owned.take_back();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_counted_once_by_what_would_be_said_last() {
        let mut withheld = WithheldPeople::default();
        withheld.note(7, 0, 2);
        withheld.note(8, 0, 2);
        withheld.note(7, 0, 1);
        assert_eq!(withheld.moves, BTreeMap::from([((0, 1), 1), ((0, 2), 1)]));
        withheld.note(7, 0, 0);
        withheld.note(9, 0, 0);
        assert_eq!(withheld.moves, BTreeMap::from([((0, 2), 1)]));
        assert_eq!(withheld.states.len(), 1);
    }
}
