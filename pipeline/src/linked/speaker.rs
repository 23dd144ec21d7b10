//! What people say about conveyances under one pack: their rides, and while they are infectious aboard.
//!
//! Owns who is asked together, and who is left out: who is crowded, or on whom `infectious.sql` fails. Must never know
//! who else is aboard.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;

use super::rides::{Conveyance, Infectious, Ride, intervals, rides};
use crate::assess::AssessError;
use crate::evidence::{Evidence, RuleTables, Seed, StepRows};
use crate::policy::{Executor, Pack, by_halves};

/// People whose cases are looked at in one execution, and rows of them.
const PEOPLE_TOGETHER: usize = 4096;
const ROWS_TOGETHER: usize = 262_144;

/// What a person says.
pub enum Says {
    /// The rides, whole: what is not among them is said no more.
    Rides(BTreeMap<Conveyance, Ride>),
    /// The person cannot be asked while infectious. On these conveyances what was said last stays; on others nothing.
    LeftOut(Vec<Conveyance>),
}

/// Asks people about conveyances.
pub struct Speaker {
    executor: Executor,
    left_out: HashSet<u32, Seed>,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Speaker").field("pack", &self.executor.pack().id).finish_non_exhaustive()
    }
}

impl Speaker {
    /// One for a pack that traces; none for another.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn new(pack: &Arc<Pack>, seed: Seed) -> Result<Option<Speaker>, AssessError> {
        if pack.tracing.is_none() {
            return Ok(None);
        }
        let (executor, left_out) = (Executor::new(Arc::clone(pack))?, HashSet::with_hasher(seed));
        Ok(Some(Speaker { executor, left_out }))
    }

    /// The pack by which is asked.
    pub fn pack(&self) -> &Arc<Pack> {
        self.executor.pack()
    }

    /// How many of those who were asked last are left out.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Hears some people, one after the other in their order.
    pub fn ask(&mut self, evidence: &Evidence, people: &[u32], each: &mut dyn FnMut(u32, Says)) {
        for some in people.chunks(PEOPLE_TOGETHER) {
            let mut infectious = self.infectious(evidence, some);
            for person in some {
                let own = infectious.remove(person).unwrap_or_default();
                let rides = rides(evidence, *person, &own);
                let says = match self.left_out.contains(person) {
                    true => Says::LeftOut(rides.into_keys().collect()),
                    false => Says::Rides(rides),
                };
                each(*person, says);
            }
        }
    }

    /// While whom counts as infectious, of some people.
    fn infectious(&mut self, evidence: &Evidence, people: &[u32]) -> BTreeMap<u32, Vec<Infectious>> {
        let mut all = BTreeMap::new();
        for person in people {
            if evidence.crowded(*person) {
                self.left_out.insert(*person)
            } else {
                self.left_out.remove(person)
            };
        }
        let Some(tracing) = &self.executor.pack().tracing else { return all };
        let (needs, drivers) = (tracing.infectious.needs, tracing.infectious.drivers);
        let may = |person: &&u32| evidence.kinds(**person).meets(drivers) && !self.left_out.contains(*person);
        let asked: Vec<u32> = people.iter().filter(may).copied().collect();
        let mut failed: Vec<u32> = Vec::new();
        for some in in_steps(evidence, &asked, needs) {
            let mut rows = StepRows::default();
            (0_u32..).zip(some).for_each(|(slot, person)| evidence.gather(*person, slot, needs, &mut rows));
            let slots = 0..some.len() as u32;
            let execute = |part: &std::ops::Range<u32>| match *part == slots {
                true => self.executor.infectious(tracing, evidence.materialise(&rows, &tracing.wanted)),
                false => self.executor.infectious(tracing, evidence.materialise(&rows.of_slots(part), &tracing.wanted)),
            };
            let (batches, faults) = by_halves(slots.clone(), execute);
            let of_slots = intervals(evidence, &batches).into_iter();
            all.extend(of_slots.filter_map(|(slot, own)| Some((*some.get(slot as usize)?, own))));
            failed.extend(faults.iter().filter_map(|(slot, _)| some.get(*slot as usize).copied()));
        }
        self.left_out.extend(failed);
        all
    }
}

/// Some people at a time, so that no step has too many rows; one who has too many alone is a step.
fn in_steps<'a>(evidence: &Evidence, people: &'a [u32], needs: RuleTables) -> Vec<&'a [u32]> {
    let (mut steps, mut first, mut rows) = (Vec::new(), 0, 0);
    for (at, person) in people.iter().enumerate() {
        let mut own = StepRows::default();
        evidence.gather(*person, 0, needs, &mut own);
        if rows + own.rows_in_all() > ROWS_TOGETHER && at > first {
            steps.push(&people[first..at]);
            (first, rows) = (at, 0);
        }
        rows += own.rows_in_all();
    }
    if first < people.len() {
        steps.push(&people[first..]);
    }
    steps
}
