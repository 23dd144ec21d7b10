//! Who is judged in a commit: live evidence first, then who is due or swept, over all partitions of the worker and
//! within one number of people (I-10).
//!
//! Owns the order. Each partition is judged at its own clock: the same for all, but for one that is ahead.

use std::collections::BTreeMap;

use fuma_connectors::log::LogError;
use fuma_schemas::{CodeChange, Instant};

use super::Worker;
use super::budget::Budget;
use super::together::Wanted;
use super::trouble::Trouble;

/// Stays that are walked in one commit, for each person whom it may judge, to find who stayed where a tier changed.
const STAYS_A_PERSON: usize = 8;

/// The changes of each partition that takes part in a commit.
pub(super) type Changed = Vec<(u32, Vec<CodeChange>)>;

impl Worker {
    /// Judges whom the budget of a commit allows, in the partitions that have a clock.
    pub(super) fn judge(&mut self, clocks: &BTreeMap<u32, Instant>) -> Result<Changed, LogError> {
        self.follow_packs(clocks)?;
        self.follow_regions(clocks)?;
        let mut budget = Budget::new(self.page_people);
        let (mut changed, mut wanted) = (Changed::new(), Vec::new());
        for (partition, clock) in self.in_turn(clocks) {
            let Some(owned) = self.owned.get(&partition) else { continue };
            wanted.push(Wanted { partition, clock, people: budget.take_live(owned.partition.waiting()) });
            changed.push((partition, Vec::new()));
        }
        self.judge_together(&wanted, &mut changed);
        wanted.clear();
        let wishing = |worker: &Worker, id: &u32| {
            let clock = clocks.get(id).copied().unwrap_or_default();
            let wishes = worker.owned.get(id).filter(|owned| !owned.is_behind());
            wishes.is_some_and(|owned| owned.is_due(clock) || !owned.sweep.is_empty())
        };
        let mut left = changed.iter().filter(|(id, _)| wishing(self, id)).count();
        for (id, _) in &changed {
            let share = budget.share(left);
            if share == 0 || !wishing(self, id) {
                continue;
            }
            left -= 1;
            let Some((owned, clock)) = self.owned.get_mut(id).zip(clocks.get(id)) else { continue };
            let people = owned.touch_background(*clock, share);
            budget.took_background(people);
            wanted.push(Wanted { partition: *id, clock: *clock, people });
        }
        self.judge_together(&wanted, &mut changed);
        Ok(changed)
    }

    /// The partitions that take part, another first each time.
    fn in_turn(&mut self, clocks: &BTreeMap<u32, Instant>) -> Vec<(u32, Instant)> {
        let (before, after): (Vec<_>, Vec<_>) =
            clocks.iter().map(|(id, clock)| (*id, *clock)).partition(|(id, _)| *id < self.first);
        let in_turn: Vec<(u32, Instant)> = after.into_iter().chain(before).collect();
        self.first = in_turn.first().map_or(0, |(id, _)| id + 1);
        in_turn
    }

    fn follow_regions(&mut self, clocks: &BTreeMap<u32, Instant>) -> Result<(), LogError> {
        let stays_max = self.page_people.saturating_mul(STAYS_A_PERSON);
        let mut troubles = Vec::new();
        for id in clocks.keys() {
            let Some(owned) = self.owned.get_mut(id) else { continue };
            let followed = owned.follow_regions(&self.context.references, self.identity.origin, stays_max);
            troubles.extend(followed.err().map(|error| Trouble::of_regions(*id, error)).map(|trouble| (*id, trouble)));
        }
        troubles.into_iter().try_for_each(|(id, trouble)| self.park(id, trouble))
    }
}
