//! Who hangs on a case: contacts that name it, contacts that name those, and who was aboard with it.
//!
//! Owns the walk, by generation, with a list of its own: an outbreak may be as long as it is. For a disease control
//! centre: tokens are shown, identities never.

use std::collections::BTreeSet;

use fuma_schemas::{Feed, Instant, Kind, Person};
use rustc_hash::FxHashMap;

use super::derived::{AboardLine, Derivation};
use super::evidence::Name;
use super::fallen::winner;
use super::inputs::Inputs;
use super::known::Known;
use super::names::Names as _;
use crate::evidence::{FactKey, FactView, RuleTables};

/// A contact that hangs on a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hanging<'a> {
    /// Whose contact.
    pub person: Person,
    /// 1: it hangs on the case itself.
    pub generation: u32,
    /// The degree.
    pub degree: &'a str,
    /// The record of the contact; none of a derived one.
    pub record: Option<Name<'a>>,
    /// How the person was aboard with the case, of a derived one.
    pub aboard: Option<AboardLine<'a>>,
    /// Whether it counts.
    pub counts: bool,
    /// When it was determined.
    pub determined_at: Option<Instant>,
    /// When the person was exposed last.
    pub last_exposure_at: Option<Instant>,
    /// The isolation of the person that is under way, or the last one.
    pub isolation: Option<Isolation<'a>>,
}

/// An isolation of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isolation<'a> {
    /// Where.
    pub stage: &'a str,
    /// When it began.
    pub started_at: Instant,
    /// When it is to end.
    pub due_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// How it ended.
    pub outcome: Option<&'a str>,
}

/// Who hangs on a case, by generation, degree and token; none if no record of that name is known.
pub fn hanging<'a>(known: &Known<'a>, inputs: &'a Inputs<'a>, case: Name<'a>) -> Option<Vec<Hanging<'a>>> {
    let cases = inputs.bearers(case);
    if cases.is_empty() {
        return None;
    }
    let dependents = dependents(known, inputs);
    let mut all: Vec<Hanging<'a>> = Vec::new();
    let (mut seen, mut names, mut generation) = (BTreeSet::new(), vec![case], 1);
    while !names.is_empty() {
        let mut next = BTreeSet::new();
        for name in names {
            for (person, key) in dependents.get(&name).into_iter().flatten() {
                let record = inputs.name_of(*person, *key);
                if seen.insert((*person, *key)) {
                    all.extend(reported(known, *person, *key, (generation, record)));
                    next.extend(record);
                }
            }
        }
        names = next.into_iter().collect();
        generation += 1;
    }
    all.extend(aboard(known, inputs, &cases));
    all.sort_by_key(|one| (one.generation, one.degree, one.person, one.record, one.last_exposure_at));
    Some(all)
}

/// The contacts that hang on each name.
fn dependents<'a>(known: &Known<'a>, inputs: &'a Inputs<'a>) -> FxHashMap<Name<'a>, Vec<(Person, FactKey)>> {
    let mut dependents: FxHashMap<Name<'a>, Vec<(Person, FactKey)>> = FxHashMap::default();
    for (person, key) in inputs.contacts() {
        let Some(winner) = winner(known, person, key) else { continue };
        for name in inputs.links(person, &winner) {
            dependents.entry(name).or_default().push((person, key));
        }
    }
    dependents
}

fn reported<'a>(
    known: &Known<'a>,
    person: Person,
    key: FactKey,
    (generation, record): (u32, Option<Name<'a>>),
) -> Option<Hanging<'a>> {
    let (partition, number) = known.find(person)?;
    let (_, fact) = partition.evidence().describe_winner(number, key)?;
    (!fact.retracted).then(|| one(known, person, &fact, (generation, record, None)))?
}

fn aboard<'a>(known: &Known<'a>, inputs: &'a Inputs<'a>, cases: &[(Person, FactKey)]) -> Vec<Hanging<'a>> {
    let Some(linked) = inputs.linked else { return Vec::new() };
    let of_case =
        |index: u32, case: FactKey| linked.people().person(index).is_some_and(|person| cases.contains(&(person, case)));
    let contacts = linked.contacts().filter(|(_, _, _, met, _)| of_case(met.index.person, met.case));
    let facts: BTreeSet<(Person, FactKey)> = contacts.map(|(person, key, ..)| (person, key)).collect();
    let people: BTreeSet<Person> = facts.iter().map(|(person, _)| *person).collect();
    let derivations = inputs.derivations(&|person| people.contains(&person));
    let hangs = facts.into_iter().filter_map(|(person, key)| {
        let Some(Derivation::Aboard(line)) = derivations.get(&(person, key)) else { return None };
        let (partition, number) = known.find(person)?;
        let (_, fact) = partition.evidence().describe_winner(number, key)?;
        one(known, person, &fact, (1, None, Some(*line)))
    });
    hangs.collect()
}

fn one<'a>(
    known: &Known<'a>,
    person: Person,
    fact: &FactView<'a>,
    (generation, record, aboard): (u32, Option<Name<'a>>, Option<AboardLine<'a>>),
) -> Option<Hanging<'a>> {
    Some(Hanging {
        person,
        generation,
        degree: fact.text("degree")?,
        record: record.filter(|name| name.feed == Feed::Contacts),
        aboard,
        counts: fact.counts,
        determined_at: fact.instant("determined_at"),
        last_exposure_at: fact.instant("last_exposure_at"),
        isolation: isolation(known, person),
    })
}

/// The isolation that is under way at the instant, or the one that ended last; of several the one that began last.
fn isolation<'a>(known: &Known<'a>, person: Person) -> Option<Isolation<'a>> {
    let (partition, number) = known.find(person)?;
    let standing = partition.evidence().standing(number, RuleTables::ALL);
    let isolations = standing.filter(|(_, fact)| fact.kind == Kind::Isolations).filter_map(|(_, fact)| {
        Some(Isolation {
            stage: fact.text("stage")?,
            started_at: fact.instant("started_at")?,
            due_at: fact.instant("due_at"),
            ended_at: fact.instant("ended_at"),
            outcome: fact.text("outcome"),
        })
    });
    let begun = isolations.filter(|isolation| isolation.started_at <= known.at());
    begun.max_by_key(|isolation| {
        let ended_at = isolation.ended_at.filter(|ended_at| *ended_at <= known.at());
        (ended_at.is_none(), ended_at.or(Some(isolation.started_at)), isolation.started_at, isolation.stage)
    })
}
