//! What a judge says of everybody as things stand at a clock: for a preview. Nothing is announced.
//!
//! Owns the states that a look gives. Must never change what was announced.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use fuma_schemas::{Instant, Person};

use super::announced::{GREEN, State, StateNumber};
use super::difference::Differences;
use super::judge::Judge;
use super::partition::Partition;
use super::step::{Step, StepLimits};

/// What a judge says of the people of one partition, by number.
#[derive(Clone, Debug)]
pub struct Look {
    /// The state of each, as the number of what may be announced. Who is not judged keeps the announced one.
    pub states: Vec<StateNumber>,
    /// When each turns green, as is known by now; none: they are green, or it is not known when.
    pub green_at: Vec<Option<Instant>>,
}

impl Look {
    /// People came since: they were green.
    pub fn reach(&mut self, people: u32) {
        self.states.resize(people as usize, GREEN);
        self.green_at.resize(people as usize, None);
    }
}

impl Partition {
    /// What a judge says of everybody with evidence at a clock. Who is left out by it is in [`Partition::left_out`].
    pub fn look(&mut self, judge: &Arc<Judge>, clock: Instant, limits: StepLimits) -> Look {
        let people = self.evidence.people() as usize;
        let mut states = self.announced.numbers().to_vec();
        states.resize(people, GREEN);
        let mut look = Look { states, green_at: vec![None; people] };
        let mut step = Step::by(Arc::clone(judge), limits);
        // Nobody is announced: there is nothing to take back, and who waits goes on waiting.
        let (waiting, staged) = (std::mem::take(&mut self.touched), self.staged.take());
        (0..self.evidence.people()).for_each(|person| self.touched.touch(person));
        while !self.touched.is_empty() {
            self.enlist_waiting(clock, usize::MAX, &mut step);
            for (slot, timeline) in self.timelines(&step) {
                let Some(&(person, _)) = step.slots.get(slot as usize) else { continue };
                let colour = |rules| judge.palette().colour(rules);
                let state = self.announced.number_of(timeline.rules_at(clock), judge.pack(), colour);
                if let Some(known) = look.states.get_mut(person as usize) {
                    *known = state;
                }
                if let Some(green_at) = look.green_at.get_mut(person as usize).filter(|_| state != GREEN) {
                    *green_at = timeline.green_after(clock);
                }
            }
            step.clear();
        }
        (self.touched, self.staged) = (waiting, staged);
        look
    }

    /// Who is not green in a look: the state, and when it turns green.
    pub fn states_of(&self, look: &Look) -> Vec<(Person, (State, Option<Instant>))> {
        let states = self.announced.states();
        let people = (0..self.evidence.people()).zip(look.states.iter().zip(&look.green_at));
        let coloured = people.filter(|(_, (number, _))| **number != GREEN);
        let said = coloured.filter_map(|(person, (number, green_at))| {
            Some((self.evidence.person(person)?, (states.get(*number as usize)?.clone(), *green_at)))
        });
        said.collect()
    }

    /// A look of another partition at the same people, as one of this; who is not in it is green.
    pub fn look_of<S: BuildHasher>(&mut self, states: &HashMap<Person, (State, Option<Instant>), S>) -> Look {
        let people = self.evidence.people() as usize;
        let mut look = Look { states: vec![GREEN; people], green_at: vec![None; people] };
        for (place, (number, until)) in look.states.iter_mut().zip(&mut look.green_at).enumerate() {
            let known = self.evidence.person(place as u32).and_then(|person| states.get(&person));
            if let Some((state, green_at)) = known {
                (*number, *until) = (self.announced.intern(state.clone()), *green_at);
            }
        }
        look
    }

    /// Whose state is another in one look than in the other.
    pub fn differences_between(&self, before: &Look, after: &Look) -> Differences {
        let people = (0..self.evidence.people()).zip(before.states.iter().zip(&after.states));
        let changed = people.filter_map(|(person, (before, after))| {
            let token = self.evidence.person(person).filter(|_| before != after)?;
            Some((token, *before, *after))
        });
        Differences::new(changed.collect(), &self.announced)
    }
}
