//! The names of records: the state has keys, and whoever keeps owners and ids answers here.
//!
//! Owns the questions. A replay answers from its inputs (`inputs`), a live partition from what it keeps of names.

use fuma_schemas::{Instant, Kind, Person};
use rustc_hash::{FxHashMap, FxHashSet};

use super::derived::Derivation;
use super::evidence::Name;
use crate::evidence::{FactKey, Version};

/// Who knows the names behind facts.
pub trait Names {
    /// The records of a person, repetitions left out; those that lost, where they are still known.
    fn records(&self, person: Person) -> Vec<NamedRecord<'_>>;

    /// The names of some facts of some people, as far as they are known.
    fn of_facts(&self, wanted: &FxHashSet<(Person, FactKey)>) -> FxHashMap<(Person, FactKey), Name<'_>>;

    /// The records of a case or a contact, oldest version first.
    fn versions(&self, person: Person, key: FactKey) -> Vec<NamedRecord<'_>>;

    /// What a contact hangs on, by the record that won: the cases and contacts that it names.
    fn links(&self, person: Person, winner: &NamedRecord<'_>) -> Vec<Name<'_>>;

    /// The people who have a record of this name, and the fact of each.
    fn bearers(&self, name: Name<'_>) -> Vec<(Person, FactKey)>;

    /// What stands behind the derived facts of a person.
    fn derived(&self, person: Person) -> FxHashMap<FactKey, Derivation<'_>>;

    /// The records of regions.
    fn regions(&self) -> &[RegionRecord<'_>];
}

/// A record as it came in, without its contents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NamedRecord<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The fact.
    pub key: FactKey,
    /// The version.
    pub version: Version,
    /// The kind.
    pub kind: Kind,
}

/// A record of regions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegionRecord<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The code of the region.
    pub region: &'a str,
    /// The name of the tier.
    pub tier: &'static str,
    /// From when it holds.
    pub since: Option<Instant>,
    /// Until when; none while open.
    pub until: Option<Instant>,
}
