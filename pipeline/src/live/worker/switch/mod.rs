//! Another pack takes over in a running worker, at a stated instant (docs/recovery.md R-10, R-27, R-29).
//!
//! ```text
//! a commit's clock reaches the instant
//!   -> the new pack judges who is touched, from this commit on (R-11)
//!   -> everybody is swept, page by page, live evidence between
//!   -> a change that is a person's first judgement by it carries ce_switch and ce_before
//!   -> all pages committed: what was announced is handed on to be written down; until then the position remembers it
//! ```
//!
//! ```text
//! schedule   which pack is in force when, as the process knows it
//! held       a switch between two packs that trace waits for an operator's word
//! outcome    what a switch announced, and who may differ from a preview
//! ```
//!
//! Owns what a partition remembers of the switch under way. After a crash the successor finds it again: in the position
//! where the switch's part of the output begins, in the output whom it changed. Must never decide that a pack is due.

mod held;
mod outcome;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fuma_connectors::log::LogError;
use fuma_schemas::{Instant, Person};
use rustc_hash::FxBuildHasher;

use super::Worker;
use super::owned::Owned;
use super::position::{Standing, SweepStanding};
use super::trouble::Trouble;
use super::{of_client, sweep::Sweep};
use crate::assess::announced::StateNumber;
use crate::assess::{AssessError, Judge, Partition, Why};

pub(super) use self::held::Held;
pub use self::outcome::{Causes, Outcome};
pub use self::schedule::{InForce, Missing, Schedule, Switch};

/// What of a switch stands in a position: its number, and where in the output its changes begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnderWay {
    /// The number.
    pub number: u64,
    /// No change of it lies before this offset of the output.
    pub output: u64,
}

/// A line that the output says: whom a switch changed, from and to which state.
pub(super) type Line = (Person, String, String);

/// The switch that a partition has begun and that is not written down yet.
#[derive(Debug)]
pub(super) struct Switching {
    pub(super) under_way: UnderWay,
    begun: Instant,
    /// Who was judged by the new pack, a bit each.
    judged: Vec<u64>,
    /// Everybody up to here was judged by a predecessor.
    up_to: Option<Person>,
    lines: Vec<(Person, StateNumber, StateNumber)>,
    causes: Causes,
    is_resumed: bool,
    /// All pages are committed.
    is_handed_on: bool,
}

impl Switching {
    fn new(under_way: UnderWay, begun: Instant) -> Switching {
        let causes = Causes::default();
        let (judged, lines) = (Vec::new(), Vec::new());
        Switching { under_way, begun, judged, up_to: None, lines, causes, is_resumed: false, is_handed_on: false }
    }

    fn has_judged(&self, partition: &Partition, person: u32) -> bool {
        let is_marked = self.judged.get(person as usize / 64).is_some_and(|word| word & 1 << (person % 64) != 0);
        is_marked || self.up_to.is_some_and(|up_to| partition.evidence().person(person).is_some_and(|it| it <= up_to))
    }

    fn mark(&mut self, person: u32) {
        let word = person as usize / 64;
        if word >= self.judged.len() {
            self.judged.resize((word + 1).next_power_of_two(), 0);
        }
        self.judged[word] |= 1 << (person % 64);
    }
}

impl Owned {
    /// Another pack is in force from the commit at `clock` on; everybody is swept by it.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub(super) fn switch(&mut self, in_force: InForce, output: u64, clock: Instant) -> Result<(), AssessError> {
        let mut switching = Switching::new(UnderWay { number: in_force.number, output }, clock);
        if let Some(since) = in_force.since {
            switching.causes.due = self.partition.due_before(since) as u64;
        }
        self.to_tell.follow(&in_force)?;
        self.labels.begin(&mut self.partition, in_force.label)?;
        self.put_in_force(in_force)?;
        // A sweep under way is part of this one: it begins at the first person again.
        let cause = self.sweep.cause();
        self.sweep = Sweep::default();
        self.sweep_people(0..self.partition.evidence().people(), cause);
        self.switching = Some(switching);
        Ok(())
    }

    /// A pack judges from now on; who is swept is another matter.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub(super) fn put_in_force(&mut self, in_force: InForce) -> Result<(), AssessError> {
        let judge = Judge::in_force_since(Arc::clone(&in_force.pack), in_force.since)?;
        self.partition.put_in_force(Arc::new(judge));
        self.in_force = in_force;
        self.kept_for = None;
        Ok(())
    }

    /// Whether a switch was begun whose pages are not all committed.
    pub(super) fn is_switching(&self) -> bool {
        self.switching.as_ref().is_some_and(|switching| !switching.is_handed_on)
    }

    /// A predecessor began this switch; these lines it announced.
    pub(super) fn resume_switch(&mut self, standing: &Standing, under_way: UnderWay, lines: Vec<Line>) {
        let mut switching = Switching { is_resumed: true, ..Switching::new(under_way, standing.clock) };
        // All pages were committed: everybody was judged.
        let is_swept = !self.is_sweeping() && standing.sweep == SweepStanding::None;
        switching.up_to = if is_swept { Some(Person([u8::MAX; 16])) } else { self.sweep.cursor() };
        let mut known = BTreeSet::new();
        for (person, before, after) in lines.into_iter().filter(|(person, ..)| known.insert(*person)) {
            let numbers = self.partition.number_of_text(&before).zip(self.partition.number_of_text(&after));
            let Some((before, after)) = numbers else { continue };
            switching.lines.push((person, before, after));
            if let Some(number) = self.partition.evidence().find(person) {
                switching.mark(number);
            }
        }
        self.switching = Some(switching);
    }

    /// Of those whom the commit under way changes for the sake of the switch the state before, in words.
    pub(super) fn switched(&self) -> HashMap<Person, String, FxBuildHasher> {
        let Some(switching) = self.switching.as_ref().filter(|it| !it.is_handed_on) else { return HashMap::default() };
        let states = self.partition.all_announced().states();
        let of_switch = self.partition.staged_announced().filter(|(it, _)| !switching.has_judged(&self.partition, *it));
        let said = of_switch.filter_map(|(person, before)| {
            Some((self.partition.evidence().person(person)?, states.get(before as usize)?.text()))
        });
        said.collect()
    }

    /// The commit under way is there, or has nothing to say: who was judged in it, was judged by the new pack.
    pub(super) fn note_switched(&mut self) {
        // What is held back was not announced: these people are judged again when it is released.
        if self.withheld.is_some() {
            return;
        }
        let Some(mut switching) = self.switching.take_if(|it| !it.is_handed_on) else { return };
        let partition = &self.partition;
        let first: BTreeMap<u32, StateNumber> =
            partition.staged_announced().filter(|(person, _)| !switching.has_judged(partition, *person)).collect();
        for (person, before) in first {
            if let Some(token) = partition.evidence().person(person) {
                switching.lines.push((token, before, partition.all_announced().number(person)));
            }
        }
        let paged: BTreeSet<u32> = self.page.iter().copied().collect();
        for person in partition.staged_judged() {
            if !switching.has_judged(partition, person) {
                switching.causes.touched += u64::from(!paged.contains(&person));
                switching.mark(person);
            }
        }
        self.switching = Some(switching);
    }

    /// All pages are committed: what the switch announced, once.
    pub(super) fn switch_done(&mut self) -> Option<Outcome> {
        let is_swept = !self.is_sweeping() && self.standing.sweep == SweepStanding::None;
        let is_committed = |it: &&mut Switching| self.standing.switch == Some(it.under_way);
        let under_way = self.switching.as_mut().filter(|it| is_swept && !it.is_handed_on);
        let switching = under_way.filter(is_committed)?;
        switching.is_handed_on = true;
        let left_out = self.partition.left_out().people();
        let crowded = left_out.filter(|(_, why)| **why == Why::Crowded).count() as u64;
        let (_, failed) = self.partition.left_out().counts();
        Some(Outcome {
            number: switching.under_way.number,
            partition: self.id,
            output: switching.under_way.output,
            clocks: (switching.begun, self.standing.clock),
            people: u64::from(self.partition.evidence().people()),
            differences: self.partition.lines(std::mem::take(&mut switching.lines)),
            causes: Causes { crowded, failed, ..switching.causes },
            is_resumed: switching.is_resumed,
        })
    }
}

impl Worker {
    /// Puts the packs in force that are due at the clocks of a commit. Where one is due that is not here, the partition
    /// is parked: it must not go on by the old one (R-27).
    pub(super) fn follow_packs(&mut self, clocks: &BTreeMap<u32, Instant>) -> Result<(), LogError> {
        let mut troubles = Vec::new();
        for (id, clock) in clocks {
            let Some(owned) = self.owned.get_mut(id) else { continue };
            let due = match self.context.schedule.due(owned.in_force.number, *clock) {
                None => continue,
                Some(Err(missing)) => {
                    troubles.push((*id, Trouble::PackMissing { partition: *id, missing }));
                    continue;
                }
                Some(Ok(due)) => due,
            };
            if held::is_held(owned, &due, self.clock.elapsed(), &self.context.words) {
                continue;
            }
            let output = match self.log.output_end(*id) {
                Ok(output) => output,
                Err(error) => {
                    troubles.push((*id, of_client(error)?.into()));
                    continue;
                }
            };
            let (number, pack) = (due.number, format!("{} {}", due.pack.id, due.pack.version));
            match owned.switch(due, output, *clock) {
                Ok(()) => tracing::info!(partition = id, switch = number, pack, clock = %clock, "another pack judges"),
                Err(error) => troubles.push((*id, error.into())),
            }
        }
        troubles.into_iter().try_for_each(|(id, trouble)| self.park_with_state(id, trouble))
    }

    /// Hands on what switches came to, forgets what is written, and keeps what packs to come need.
    pub(super) fn keep_switches(&mut self) {
        let schedule = &self.context.schedule;
        let version = schedule.version();
        for owned in self.owned.values_mut() {
            if let Some(outcome) = owned.switch_done() {
                let (changes, people) = (outcome.changes(), outcome.people);
                let (partition, switch, causes) = (owned.id, outcome.number, outcome.causes);
                tracing::info!(partition, switch, people, changes, ?causes, "everybody is judged by the new pack");
                schedule.finished(outcome);
            }
            let is_written = |it: &mut Switching| it.is_handed_on && schedule.is_written(it.under_way.number, owned.id);
            owned.switching.take_if(is_written);
            if owned.kept_for != Some(version) {
                let coming = schedule.coming(owned.in_force.number);
                let judges = coming.into_iter().map(|it| Judge::in_force_since(it.pack, it.since).map(Arc::new));
                // Without room for an executor nothing is forgotten less than before: it is tried at the next turn.
                if let Ok(judges) = judges.collect::<Result<Vec<_>, _>>() {
                    owned.partition.keep_for(judges);
                    owned.kept_for = Some(version);
                }
            }
        }
    }
}
