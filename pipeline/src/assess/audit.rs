//! The audit of a recovery: is what was announced what the evidence says (I-1, R-13)?
//!
//! One judgement of everybody at the position's own clock and basis, that announces nothing. It also finds when each
//! person is due, which a partition that was read back does not know.
//!
//! Owns who differs. Must never change what was announced.

use fuma_schemas::Instant;

use super::invariants;
use super::partition::Partition;
use super::step::Step;

/// After how many people the progress is told.
const PAGE: u32 = 16_384;

impl Partition {
    /// Judges everybody at `clock` without announcing, and notes when each is due. Returns whose announced state is
    /// not what holds, those aside for whom a segment began after `judged_until` (they were due and not yet judged),
    /// and those who are left out: they keep what was announced.
    ///
    /// `progress` hears how many people were judged so far, and says whether to go on.
    pub fn audit(&mut self, clock: Instant, judged_until: Instant, progress: &mut dyn FnMut(u32) -> bool) -> Vec<u32> {
        let (mut differing, mut step, mut next) = (Vec::new(), Step::default(), 0);
        let everybody = self.evidence.people();
        // Nobody is announced: there is nothing to take back, and who waits goes on waiting.
        let (waiting, staged) = (std::mem::take(&mut self.touched), self.staged.take());
        loop {
            let page = everybody.min(next + PAGE);
            (next..page).for_each(|person| self.touched.touch(person));
            next = page;
            while !self.touched.is_empty() {
                self.enlist_waiting(clock, usize::MAX, &mut step);
                self.audit_step(&mut step, (clock, judged_until), &mut differing);
            }
            if !progress(next) || next >= everybody {
                break;
            }
        }
        (self.touched, self.staged) = (waiting, staged);
        differing.sort_unstable();
        differing
    }

    fn audit_step(&mut self, step: &mut Step, (clock, judged_until): (Instant, Instant), differing: &mut Vec<u32>) {
        for (slot, timeline) in self.timelines(step) {
            let Some(&(person, _)) = step.slots.get(slot as usize) else { continue };
            // Whoever was due and not judged yet is due still.
            let next = timeline.next_segment(judged_until);
            self.due.set(person, next);
            let was_due = next.is_some_and(|next| next <= clock);
            let pure = invariants::is_pure(&mut self.announced, person, &timeline, clock, &self.in_force);
            if pure {
                self.show_found(person, &timeline, clock);
            }
            if !was_due && !pure {
                differing.push(person);
            }
        }
        step.clear();
    }
}
