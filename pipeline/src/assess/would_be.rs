//! What other tiers would do to people, before they take effect: nothing is announced, nothing is left changed.
//!
//! Owns the comparison: from a clock on, is what the rules say of somebody the same? Must never change what was
//! announced.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use fuma_schemas::{Colour, Instant};
use rustc_hash::FxBuildHasher;

use super::partition::{AssessError, Partition};
use super::step::Step;
use super::timeline::Timeline;
use crate::evidence::WouldBe;

/// How many people other tiers concern.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Concerned {
    /// Of whom the rules would say something else, now or later.
    pub changes: u64,
    /// Of these, who would turn green now.
    pub green: u64,
}

/// What the rules say from a clock on: rule, since, until.
type Ahead = Vec<(u16, i64, i64)>;

impl Partition {
    /// What would change for stays if these rows of regions held besides, and who has such a stay.
    ///
    /// # Errors
    /// When a batch is not of the log's schema.
    pub fn stayed_where_with(&mut self, rows: &[RecordBatch]) -> Result<(WouldBe, Vec<u32>), AssessError> {
        let would_be = self.evidence.tiers_with(rows)?;
        let people = self.evidence.stayed_where(&would_be);
        Ok((would_be, people))
    }

    /// How many of these people other tiers would concern.
    pub fn concerned(&mut self, would_be: &mut WouldBe, people: &[u32], clock: Instant) -> Concerned {
        self.evidence.exchange_tiers(would_be);
        let after = self.ahead(people, clock);
        self.evidence.exchange_tiers(would_be);
        // Last as things are: on whom a rule fails is noted by what holds.
        let mut before = self.ahead(people, clock);
        let mut concerned = Concerned::default();
        let none = (Ahead::new(), Colour::Green);
        for (person, (ahead, colour)) in after {
            let (was, before) = before.remove(&person).unwrap_or_else(|| none.clone());
            concerned.changes += u64::from(was != ahead);
            concerned.green += u64::from(before != Colour::Green && colour == Colour::Green);
        }
        // Of whom nothing would be said any more.
        concerned.changes += before.values().filter(|(ahead, _)| !ahead.is_empty()).count() as u64;
        concerned.green += before.values().filter(|(_, colour)| *colour != Colour::Green).count() as u64;
        concerned
    }

    /// What the rules say of people from a clock on, and the colour at it. Of whom they say nothing, nothing is there.
    fn ahead(&mut self, people: &[u32], clock: Instant) -> HashMap<u32, (Ahead, Colour), FxBuildHasher> {
        let mut said: HashMap<u32, (Ahead, Colour), FxBuildHasher> = HashMap::default();
        let mut step = Step::default();
        let palette = std::sync::Arc::clone(self.palette());
        // Nobody is announced: there is nothing to take back, and who waits goes on waiting.
        let (waiting, staged) = (std::mem::take(&mut self.touched), self.staged.take());
        people.iter().for_each(|person| self.touched.touch(*person));
        while !self.touched.is_empty() {
            self.enlist_waiting(clock, usize::MAX, &mut step);
            for (slot, timeline) in self.timelines(&step) {
                let Some(&(person, _)) = step.slots.get(slot as usize) else { continue };
                said.insert(person, (from(&timeline, clock), palette.colour(timeline.rules_at(clock))));
            }
            step.clear();
        }
        (self.touched, self.staged) = (waiting, staged);
        said
    }
}

fn from(timeline: &Timeline, clock: Instant) -> Ahead {
    let ahead = timeline.intervals().iter().filter(|interval| interval.until.is_none_or(|until| until > clock));
    let mut ahead: Ahead = ahead
        .map(|interval| {
            (interval.rule, interval.since.0.max(clock.0), interval.until.map_or(i64::MAX, |until| until.0))
        })
        .collect();
    ahead.sort_unstable();
    ahead
}
