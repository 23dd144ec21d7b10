//! Why a contact does not count: which index fell, and what that one hung on.
//!
//! Owns the walk along the chain. Shows names of records and never a person, for the records are other people's.

use fuma_schemas::{Feed, Instant, Person};
use rustc_hash::FxHashSet;

use super::evidence::Name;
use super::known::{Known, Record};
use crate::evidence::{FactKey, FactView, Value};

/// A record that fell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fallen<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// The revision that made it fall.
    pub revision: u32,
    /// When that became known.
    pub known_at: Instant,
    /// Why.
    pub ground: Ground<'a>,
}

/// Why a record fell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ground<'a> {
    /// It was retracted.
    Retracted,
    /// The case was excluded.
    Excluded,
    /// What it hangs on fell.
    Index(Vec<Fallen<'a>>),
}

/// What made a contact fall: the indexes of its winning record that have fallen.
pub(super) fn fallen<'a>(known: &Known<'a>, person: Person, contact: &Record<'a>) -> Vec<Fallen<'a>> {
    let mut seen = FxHashSet::from_iter([contact.key]);
    indexes(known, person, contact, &mut seen)
}

fn indexes<'a>(
    known: &Known<'a>,
    person: Person,
    contact: &Record<'a>,
    seen: &mut FxHashSet<FactKey>,
) -> Vec<Fallen<'a>> {
    let mut fallen = Vec::new();
    for name in known.links(person, contact) {
        let bearers = known.bearers(name);
        let of_name: Vec<Fallen<'a>> =
            bearers.iter().filter_map(|&(bearer, key)| of_record(known, bearer, key, name, seen)).collect();
        fallen.extend(of_name);
    }
    // Several people may bear one name: who they are is not said, so their records are one line where they say the
    // same.
    fallen.sort_unstable();
    fallen.dedup();
    fallen
}

/// How a record fell; none if it stands, or was told already.
fn of_record<'a>(
    known: &Known<'a>,
    bearer: Person,
    key: FactKey,
    name: Name<'a>,
    seen: &mut FxHashSet<FactKey>,
) -> Option<Fallen<'a>> {
    let (partition, _) = known.find(bearer)?;
    let (_, winner) = partition.evidence().describe_winner(key)?;
    let (revision, known_at) = (winner.revision, winner.known_at);
    let ground = if winner.retracted {
        Ground::Retracted
    } else if name.feed == Feed::Cases {
        is_excluded(&winner).then_some(Ground::Excluded)?
    } else if !winner.counts && seen.insert(key) {
        let record = known.records(bearer).into_iter().rfind(|record| record.key == key && is_winner(record, &winner));
        Ground::Index(record.map_or(Vec::new(), |record| indexes(known, bearer, &record, seen)))
    } else {
        return None;
    };
    Some(Fallen { name, revision, known_at, ground })
}

pub(super) fn is_winner(record: &Record<'_>, winner: &FactView<'_>) -> bool {
    let version = record.version;
    (version.revision, version.retracted, version.known_at) == (winner.revision, winner.retracted, winner.known_at)
}

pub(super) fn is_excluded(fact: &FactView<'_>) -> bool {
    fact.values.contains(&("classification", Value::Text("excluded")))
}
