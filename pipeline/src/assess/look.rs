//! What a judge says of everybody as things stand at a clock: for a preview. Nothing is announced.
//!
//! Owns the states that a look gives. Must never change what was announced.

use std::sync::Arc;

use fuma_schemas::Instant;

use super::announced::{GREEN, StateNumber};
use super::difference::Differences;
use super::judge::Judge;
use super::partition::Partition;
use super::step::{Step, StepLimits};

/// What a judge says of the people of one partition, by number.
pub struct Look {
    /// The state of each, as the number of what may be announced. Who is not judged keeps the announced one.
    pub states: Vec<StateNumber>,
    /// When each turns green, as is known by now; none: they are green, or it is not known when.
    pub green_at: Vec<Option<Instant>>,
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
