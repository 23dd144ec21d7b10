//! The audit of a recovery: is what was announced what the evidence says (I-1, R-13)?
//!
//! One judgement of everybody at the position's own clock and basis, that announces nothing. It also finds when each
//! person is due, which a partition that was read back does not know.
//!
//! Owns who differs. Must never change what was announced.

use fuma_schemas::Instant;

use super::partition::{AssessError, Partition};
use super::timeline::Timeline;
use crate::evidence::{KindSet, StepRows};

/// People of one execution.
const SLOTS_MAX: usize = 16_384;

impl Partition {
    /// Judges everybody at `clock` without announcing, and notes when each is due. Returns whose announced state is
    /// not what holds, those aside for whom a segment began after `judged_until`: they were due and not yet judged.
    ///
    /// `progress` hears how many people were judged so far, and says whether to go on.
    ///
    /// # Errors
    /// When a plan cannot be executed.
    pub fn audit(
        &mut self,
        clock: Instant,
        judged_until: Instant,
        progress: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Vec<u32>, AssessError> {
        self.announced.resize(self.evidence.people() as usize, 0);
        let (mut differing, mut rows, mut slots) = (Vec::new(), StepRows::default(), Vec::new());
        let everybody = self.evidence.people();
        for person in 0..everybody {
            let need = self.pack().needs(self.evidence.kinds(person));
            if need != KindSet::NONE || self.announced(person) != 0 {
                let slot = slots.len() as u32;
                slots.push(person);
                self.evidence.gather(person, slot, need, &mut rows);
            }
            if slots.len() == SLOTS_MAX || person + 1 == everybody {
                self.audit_step(&slots, &rows, (clock, judged_until), &mut differing)?;
                slots.clear();
                rows.clear();
                if !progress(person + 1) {
                    break;
                }
            }
        }
        Ok(differing)
    }

    fn audit_step(
        &mut self,
        slots: &[u32],
        rows: &StepRows,
        (clock, judged_until): (Instant, Instant),
        differing: &mut Vec<u32>,
    ) -> Result<(), AssessError> {
        let tables = self.evidence.materialise(rows, &self.executor.pack().wanted);
        let mut found = self.executor.execute(tables)?;
        found.sort_unstable_by_key(|row| row.slot);
        let mut rest: &mut [_] = &mut found;
        for (slot, &person) in (0_u32..).zip(slots) {
            let own = rest.partition_point(|row| row.slot <= slot);
            let (of_slot, others) = std::mem::take(&mut rest).split_at_mut(own);
            rest = others;
            let timeline = Timeline::merge(of_slot);
            // Whoever was due and not judged yet is due still.
            let next = timeline.next_segment(judged_until);
            if let Some(next) = next {
                self.due.push(next, person);
            }
            let was_due = next.is_some_and(|next| next <= clock);
            if !was_due && timeline.rules_at(clock) != self.announced(person) {
                differing.push(person);
            }
        }
        Ok(())
    }
}
