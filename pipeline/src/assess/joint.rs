//! One step for the people of several partitions: the plans are executed once, not once a partition.
//!
//! A slot says nothing about a partition, so the parts of a step stand one behind the other, each with its slots moved
//! by those before it. What the rules say goes back to each partition as if it had been judged alone. Where a rule
//! fails, each partition is judged by itself, and halved until the person is found: nobody else is held up by it.
//!
//! Owns who goes together. Must never move anything between partitions: a fact's handle means its own one.

use std::sync::Arc;

use fuma_schemas::{CodeChange, Instant};

use super::judge::Judge;
use super::partition::{Partition, Ticks};
use super::step::{Step, Taken};
use crate::evidence::{Evidence, StepRows};

/// What one partition has in a joint step: its part, as it was enlisted, and the changes that come of it.
pub struct Share<'a> {
    /// The partition.
    pub partition: &'a mut Partition,
    /// The part: an empty step that the partition's people are added to.
    pub step: &'a mut Step,
    /// The clock at which its people are judged.
    pub clock: Instant,
    /// Where the changes go.
    pub changes: &'a mut Vec<CodeChange>,
    /// How many of those who wait are to be judged, at most.
    pub people_max: usize,
}

/// Judges those who wait in several partitions, each up to its number, in as few steps as their bounds allow; says how
/// many these were.
pub fn judge_waiting(shares: &mut [Share<'_>], ticks: &dyn Ticks) -> usize {
    let mut steps = 0;
    let wants = |share: &Share<'_>| share.people_max > 0 && share.partition.waiting() > 0;
    while shares.iter().any(wants) {
        let mut taken = Taken::default();
        for share in shares.iter_mut().filter(|share| wants(share)) {
            share.step.join(taken);
            let people = share.partition.enlist_waiting(share.clock, share.people_max, share.step);
            share.people_max -= people.min(share.people_max);
            taken = share.step.taken();
            // What found no room waits for the next step, and so do the partitions behind it.
            if share.step.is_full() {
                break;
            }
        }
        judge_together(shares, ticks);
        steps += 1;
    }
    steps
}

/// Judges the parts of a step: together where one judge does for all of them.
fn judge_together(shares: &mut [Share<'_>], ticks: &dyn Ticks) {
    shares.iter_mut().filter(|share| share.step.is_empty()).for_each(|share| share.step.clear());
    let mut judging: Vec<&mut Share<'_>> = shares.iter_mut().filter(|share| !share.step.is_empty()).collect();
    let judges: Vec<Arc<Judge>> = judging.iter().map(|share| share.partition.judge_of(share.step)).collect();
    let Some(judge) = judges.iter().find(|judge| judge.is_planted()).or(judges.first()) else { return };
    if !judges.iter().all(|other| Arc::ptr_eq(other.pack(), judge.pack())) {
        for share in judging {
            share.partition.judge(share.step, share.clock, ticks, share.changes);
        }
        return;
    }
    let parts: Vec<(&Evidence, &StepRows, u32)> = judging
        .iter()
        .map(|share| (share.partition.evidence(), &share.step.rows, share.step.slots.len() as u32))
        .collect();
    let judgements = judge.judge_parts(&parts);
    for (share, judgement) in judging.iter_mut().zip(judgements) {
        share.partition.conclude(share.step, judgement, (share.clock, ticks), share.changes);
    }
}

#[cfg(test)]
mod tests;
