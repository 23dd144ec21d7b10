//! Why a contact does not count: which index fell, and what that one hung on.
//!
//! Owns the walk along the chain, with a stack of its own: a chain may be as long as an outbreak. Shows names of
//! records and never a person, for the records are other people's.

use fuma_schemas::{Feed, Instant, Person};
use rustc_hash::FxHashSet;

use super::evidence::Name;
use super::known::Known;
use super::names::NamedRecord;
use crate::evidence::{FactKey, FactView, Value};

/// A record that fell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fallen<'a> {
    /// How far it is from the contact that is explained: 0 for what that one names.
    pub depth: usize,
    /// Its name.
    pub name: Name<'a>,
    /// The revision that made it fall.
    pub revision: u32,
    /// When that became known.
    pub known_at: Instant,
    /// Why.
    pub ground: Ground,
}

/// Why a record fell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ground {
    /// It was retracted.
    Retracted,
    /// The case was excluded.
    Excluded,
    /// What it hangs on fell: the records after it that are one step deeper.
    Index,
}

/// A record whose own ground is not told yet.
type Told<'a> = (Fallen<'a>, Person, FactKey);

/// What made a contact fall: the indexes of its winning record that have fallen, each followed by what made it fall.
pub(super) fn fallen<'a>(known: &Known<'a>, person: Person, contact: &NamedRecord<'a>) -> Vec<Fallen<'a>> {
    let mut seen = FxHashSet::from_iter([(person, contact.key)]);
    let mut all: Vec<Fallen<'a>> = Vec::new();
    let mut stack = indexes(known, person, contact, 0);
    while let Some((fallen, bearer, key)) = stack.pop() {
        if fallen.ground == Ground::Index {
            // A record is told once, however many hang on it: cycles end here.
            if !seen.insert((bearer, key)) {
                continue;
            }
            if let Some(record) = winner(known, bearer, key) {
                stack.extend(indexes(known, bearer, &record, fallen.depth + 1));
            }
        }
        // Several people may bear one name: who they are is not said, so what says the same is one line.
        if fallen.ground == Ground::Index || all.last() != Some(&fallen) {
            all.push(fallen);
        }
    }
    all
}

/// The indexes of a contact that have fallen, the last one first.
fn indexes<'a>(known: &Known<'a>, person: Person, contact: &NamedRecord<'a>, depth: usize) -> Vec<Told<'a>> {
    let mut told: Vec<Told<'a>> = Vec::new();
    for name in known.names().links(person, contact) {
        let bearers = known.names().bearers(name);
        told.extend(bearers.into_iter().filter_map(|(bearer, key)| {
            let fallen = of_record(known, bearer, key, name, depth)?;
            Some((fallen, bearer, key))
        }));
    }
    told.sort_unstable_by(|one, other| other.cmp(one));
    told
}

/// How a record fell; none if it stands.
fn of_record<'a>(known: &Known<'a>, bearer: Person, key: FactKey, name: Name<'a>, depth: usize) -> Option<Fallen<'a>> {
    let (partition, number) = known.find(bearer)?;
    let (_, winner) = partition.evidence().describe_winner(number, key)?;
    let ground = match name.feed {
        _ if winner.retracted => Ground::Retracted,
        Feed::Cases => is_excluded(&winner).then_some(Ground::Excluded)?,
        _ => (!winner.counts).then_some(Ground::Index)?,
    };
    Some(Fallen { depth, name, revision: winner.revision, known_at: winner.known_at, ground })
}

/// The record of a fact that won.
pub(super) fn winner<'a>(known: &Known<'a>, person: Person, key: FactKey) -> Option<NamedRecord<'a>> {
    let (partition, number) = known.find(person)?;
    let (_, winner) = partition.evidence().describe_winner(number, key)?;
    known.names().versions(person, key).into_iter().rfind(|record| is_winner(record, &winner))
}

pub(super) fn is_winner(record: &NamedRecord<'_>, winner: &FactView<'_>) -> bool {
    let version = record.version;
    (version.revision, version.retracted, version.known_at) == (winner.revision, winner.retracted, winner.known_at)
}

pub(super) fn is_excluded(fact: &FactView<'_>) -> bool {
    fact.values.contains(&("classification", Value::Text("excluded")))
}
