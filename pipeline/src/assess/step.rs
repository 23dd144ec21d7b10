//! A step: judgements that wait for the rules, as many as one execution may have (I-10).
//!
//! Owns the bounds and who goes into a step. Must never judge.

use std::sync::Arc;

use fuma_schemas::Instant;

use super::judge::Judge;
use super::left_out::Why;
use super::partition::Partition;
use crate::evidence::{Mark, RuleTables, StepRows, Touched};
use crate::invariant;

/// The most slots of one step.
pub(super) const SLOTS_MAX: usize = 16_384;
/// The most rows of one step; somebody with more is crowded.
pub(super) const ROWS_MAX: usize = 262_144;
/// The most pairs of rows of one person that the joins of a step look at, over all people of the step, and of one
/// person; somebody with more is crowded. A million pairs are some 70 ms. One bound for both: a step of one judgement
/// with as many as there may be took 109 MB, one of four 934 MB.
const PAIRS_MAX: u64 = PAIRS_OF_ONE_MAX;
const PAIRS_OF_ONE_MAX: u64 = 1 << 23;
/// Whoever has no more rows than this has few pairs, whatever the rules join: they are not worked out.
const FEW_ROWS: u64 = 64;
/// People who are gathered together, so that the memory's delays overlap: enough that many of them need the same
/// tables.
const TOGETHER: usize = 1024;

/// How much one step may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepLimits {
    /// Slots.
    pub slots: usize,
    /// Rows; somebody with more is crowded.
    pub rows: usize,
    /// Pairs of rows of one person that joins look at, over all people.
    pub pairs: u64,
    /// The same of one person; somebody with more is crowded.
    pub pairs_of_one: u64,
}

impl Default for StepLimits {
    fn default() -> StepLimits {
        StepLimits { slots: SLOTS_MAX, rows: ROWS_MAX, pairs: PAIRS_MAX, pairs_of_one: PAIRS_OF_ONE_MAX }
    }
}

/// What of the room of a step is taken by other partitions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Taken {
    slots: usize,
    rows: usize,
    pairs: u64,
}

/// Judgements that wait for the rules.
#[derive(Default)]
pub struct Step {
    /// Who judges; none: the judge in force.
    pub(super) judge: Option<Arc<Judge>>,
    limits: StepLimits,
    pub(super) slots: Vec<(u32, Instant)>,
    pub(super) rows: StepRows,
    pairs: u64,
    /// How many rows those have who were added last: kept for its memory.
    counts: Vec<u32>,
    /// What other partitions have in the same step ([`super::joint`]).
    taken: Taken,
    /// Somebody was left waiting, as there was no room.
    is_full: bool,
}

impl Step {
    /// An empty step with limits of its own.
    pub fn new(limits: StepLimits) -> Step {
        Step { limits, ..Step::default() }
    }

    /// An empty step that a judge is handed to: two packs can judge one partition.
    pub fn by(judge: Arc<Judge>, limits: StepLimits) -> Step {
        Step { judge: Some(judge), limits, ..Step::default() }
    }

    /// Whether the step is as large as a step may be.
    pub fn is_full(&self) -> bool {
        self.is_full || self.taken.slots + self.slots.len() >= self.limits.slots
    }

    /// Makes an empty step the part that one partition has in a step of several: so much is taken by the others.
    pub fn join(&mut self, taken: Taken) {
        debug_assert!(self.is_empty(), "a part is joined before people are added");
        self.taken = taken;
    }

    /// What is taken of the room, by this part and those before it.
    pub fn taken(&self) -> Taken {
        let Taken { slots, rows, pairs } = self.taken;
        Taken { slots: slots + self.slots.len(), rows: rows + self.rows.rows_in_all(), pairs: pairs + self.pairs }
    }

    /// Whether nobody is in the step, of no partition.
    fn has_nobody(&self) -> bool {
        self.taken.slots + self.slots.len() == 0
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many slots there are, and how many rows.
    pub fn size(&self) -> (usize, usize) {
        (self.slots.len(), self.rows.rows_in_all())
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.rows.clear();
        (self.pairs, self.is_full, self.taken) = (0, false, Taken::default());
    }
}

impl Partition {
    /// Adds those who wait to the step, with their evidence as it stands now, until it is full or so many were taken.
    /// Who finds no room waits on: judge, and enlist again. Returns how many were taken.
    pub fn enlist_waiting(&mut self, clock: Instant, people_max: usize, step: &mut Step) -> usize {
        let mut people = std::mem::take(&mut self.enlisting);
        let before = self.touched.people().len();
        let taken = |touched: &Touched| before.saturating_sub(touched.people().len());
        let judge = self.judge_of(step);
        while !step.is_full() && !self.touched.is_empty() && taken(&self.touched) < people_max {
            people.clear();
            let room = step
                .limits
                .slots
                .saturating_sub(step.taken.slots + step.slots.len())
                .min(people_max - taken(&self.touched));
            self.touched.take(room.min(TOGETHER), &mut people);
            if let Some(staged) = &mut self.staged {
                staged.judged.extend_from_slice(&people);
            }
            people.retain(|person| self.may_be_judged(*person, &judge));
            if self.enlist_together(&people, clock, &judge, step) != Fit::Added {
                self.enlist_one_by_one(&people, clock, &judge, step);
            }
        }
        self.enlisting = people;
        taken(&self.touched)
    }

    /// Adds everybody who was touched or is due at `clock` to the step, as [`Partition::enlist_waiting`] does.
    pub fn enlist(&mut self, clock: Instant, step: &mut Step) {
        while let Some(person) = self.due.pop(clock) {
            self.touched.touch(person);
        }
        self.enlist_waiting(clock, usize::MAX, step);
    }

    /// Without a row from which a rule springs there is no reason, now as before: rows are only added. A crowd is left
    /// out.
    fn may_be_judged(&mut self, person: u32, judge: &Judge) -> bool {
        if self.evidence.crowded(person) {
            self.leave_out(person, Why::Crowded);
            return false;
        }
        let need = judge.needs(self.evidence.kinds(person));
        let may = need != RuleTables::NONE || !self.is_green(person);
        if !may {
            self.show_green(person);
        }
        if !may || self.left_out.why(person) == Some(&Why::Crowded) {
            self.left_out.remove(person);
        }
        may
    }

    /// Adds these people; nobody is added when they are too many rows, or one of them has too many pairs.
    fn enlist_together(&mut self, people: &[u32], clock: Instant, judge: &Judge, step: &mut Step) -> Fit {
        let (mark, first) = (step.rows.mark(), step.slots.len());
        step.rows.want_tiers(judge.pack().tiers);
        for &person in people {
            let need = judge.needs(self.evidence.kinds(person));
            let slot = u32::try_from(step.slots.len()).unwrap_or(u32::MAX);
            step.slots.push((person, clock));
            self.wanting.push((need, person, slot));
        }
        // People who need the same tables are gathered together.
        self.wanting.sort_unstable_by_key(|(need, _, _)| need.0);
        let (evidence, rows_max) = (&self.evidence, step.limits.rows.saturating_sub(step.taken.rows));
        let fits = self.wanting.chunk_by(|(one, _, _), (other, _, _)| one == other).all(|alike| {
            let need = alike.first().map_or(RuleTables::NONE, |(need, _, _)| *need);
            let people = alike.iter().map(|(_, person, slot)| (*person, *slot));
            evidence.gather_many(people, need, rows_max, &mut step.rows)
        });
        self.wanting.clear();
        let (pairs, most) = if fits { pairs(step, &mark, (first, people.len()), judge) } else { (0, 0) };
        let is_alone = step.taken.slots + step.slots.len() == 1;
        let has_room = step.taken.pairs + step.pairs + pairs <= step.limits.pairs;
        let fit = match (fits, most > step.limits.pairs_of_one) {
            (true, false) if has_room || is_alone => Fit::Added,
            (true, true) => Fit::TooMuch,
            _ => Fit::NoRoom,
        };
        match fit {
            Fit::Added => step.pairs += pairs,
            Fit::NoRoom | Fit::TooMuch => {
                step.rows.truncate(&mark);
                step.slots.truncate(first);
            }
        }
        fit
    }

    /// Adds one after the other. Who finds no room waits; who is too much for an empty step is crowded.
    fn enlist_one_by_one(&mut self, people: &[u32], clock: Instant, judge: &Judge, step: &mut Step) {
        for &person in people {
            if step.is_full {
                self.wait_again(person);
                continue;
            }
            match self.enlist_together(&[person], clock, judge, step) {
                Fit::Added => {}
                Fit::NoRoom if !step.has_nobody() => {
                    step.is_full = true;
                    self.wait_again(person);
                }
                Fit::NoRoom | Fit::TooMuch => self.leave_out(person, Why::Crowded),
            }
        }
    }

    fn wait_again(&mut self, person: u32) {
        self.touched.touch(person);
    }

    /// From now on the person keeps the announced state, until a judgement goes well.
    pub(super) fn leave_out(&mut self, person: u32, why: Why) {
        self.due.set(person, None);
        self.show_kept(person, &why);
        self.left_out.insert(person, why);
    }
}

/// Whether people found room in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fit {
    Added,
    /// The step has no room for them.
    NoRoom,
    /// Joins would look at more pairs of one person than they may.
    TooMuch,
}

/// The pairs of rows that joins look at, over so many slots from the first that were added since the mark; and the most
/// of one slot.
fn pairs(step: &mut Step, mark: &Mark, slots: (usize, usize), judge: &Judge) -> (u64, u64) {
    let (mut all, mut most) = (0_u64, 0);
    let mut add = |pairs: u64| {
        most = pairs.max(most);
        all = all.saturating_add(pairs);
    };
    let Step { rows, counts, .. } = step;
    rows.rows_in_slots(mark, slots, counts);
    let by_table = || rows.rows_of_slots(mark, slots).into_iter().map(|tables| tables.iter().sum::<u64>());
    invariant::check(
        || counts.iter().map(|rows| u64::from(*rows)).eq(by_table()),
        "I-10",
        "rows of a slot are counted alike in all",
    );
    if counts.iter().all(|rows| u64::from(*rows) <= FEW_ROWS) {
        counts.iter().for_each(|rows| add(u64::from(rows * rows)));
        return (all, most);
    }
    for tables in rows.rows_of_slots(mark, slots) {
        let rows: u64 = tables.iter().sum();
        add(if rows <= FEW_ROWS { rows * rows } else { judge.pack().joined(&tables) });
    }
    (all, most)
}
