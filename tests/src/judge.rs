//! What the rules say of everybody in a state, whoever was announced as what.
//!
//! Owns the ways of gathering that must come to the same.

use std::collections::BTreeMap;

use fuma_pipeline::assess::{Partition, Timeline};
use fuma_pipeline::evidence::{RuleTables, StepRows, StepTable};
use fuma_pipeline::policy::{Executor, Pack, RuleRow};
use fuma_schemas::{Instant, Person};

/// An interval of a rule by its place: since, until, due.
pub type Said = (u16, Instant, Option<Instant>, Option<Instant>);

/// How evidence is gathered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gather {
    /// Only what rules can need, as the engine does.
    Needed,
    /// Every table of everybody.
    Everything,
}

/// The tables of a step with these people, each in the slot of its place.
pub fn tables(partition: &Partition, pack: &Pack, people: &[u32], gather: Gather) -> Vec<StepTable> {
    let (evidence, mut rows) = (partition.evidence(), StepRows::default());
    for (slot, &person) in (0..).zip(people) {
        let need = match gather {
            Gather::Needed => pack.needs(evidence.kinds(person)),
            Gather::Everything => RuleTables::ALL,
        };
        if need != RuleTables::NONE {
            evidence.gather(person, slot, need, &mut rows);
        }
    }
    evidence.materialise(&rows, &pack.wanted)
}

/// What a set of rows says, by slot, in the order of values.
pub fn said(rows: &[RuleRow]) -> BTreeMap<u32, Vec<Said>> {
    let mut said: BTreeMap<u32, Vec<Said>> = BTreeMap::new();
    for row in rows {
        said.entry(row.slot).or_default().push((row.rule, row.since, row.until, row.due));
    }
    said.values_mut().for_each(|rows| rows.sort_unstable());
    said
}

/// What rules say of everybody, in one step.
pub fn together(partition: &Partition, executor: &Executor, gather: Gather) -> BTreeMap<u32, Vec<Said>> {
    let people: Vec<u32> = (0..partition.evidence().people()).collect();
    said(&executor.execute(tables(partition, executor.pack(), &people, gather)).unwrap())
}

/// What rules say of everybody, each in a step of their own.
pub fn one_by_one(partition: &Partition, executor: &Executor, gather: Gather) -> BTreeMap<u32, Vec<Said>> {
    let mut all = BTreeMap::new();
    for person in 0..partition.evidence().people() {
        let rows = executor.execute(tables(partition, executor.pack(), &[person], gather)).unwrap();
        all.extend(said(&rows).into_values().map(|said| (person, said)));
    }
    all
}

/// The timeline of everybody who has one.
pub fn timelines(partition: &Partition, executor: &Executor) -> BTreeMap<Person, Timeline> {
    let people: Vec<u32> = (0..partition.evidence().people()).collect();
    let rows = executor.execute(tables(partition, executor.pack(), &people, Gather::Needed)).unwrap();
    let mut by_slot: BTreeMap<u32, Vec<RuleRow>> = BTreeMap::new();
    for row in rows {
        by_slot.entry(row.slot).or_default().push(row);
    }
    let token = |person: u32| partition.evidence().person(person).unwrap();
    by_slot.into_iter().map(|(person, mut rows)| (token(person), Timeline::merge(&mut rows))).collect()
}
