//! Who is not judged, and why: they keep the state that was announced.
//!
//! Somebody is crowded (more facts than a person can have: thousands of people share a number that is none), or a rule
//! failed on them. Both are judged again with the next step that touches them, and leave the list when that goes well.
//!
//! Owns the list. Must never hold a token, or a cell of a row (I-8).

use std::collections::BTreeMap;
use std::sync::Arc;

/// Why somebody is not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// More facts than are judged.
    Crowded,
    /// A rule failed on the person.
    Failed {
        /// The rule's id.
        rule: Arc<str>,
    },
}

/// Those who are not judged.
#[derive(Debug, Default)]
pub struct LeftOut {
    people: BTreeMap<u32, Why>,
}

impl LeftOut {
    /// Everybody, by number.
    pub fn people(&self) -> impl Iterator<Item = (u32, &Why)> {
        self.people.iter().map(|(person, why)| (*person, why))
    }

    /// Why a person is not judged.
    pub fn why(&self, person: u32) -> Option<&Why> {
        self.people.get(&person)
    }

    /// How many are crowded, and on how many a rule failed.
    pub fn counts(&self) -> (u64, u64) {
        let crowded = self.people.values().filter(|why| **why == Why::Crowded).count() as u64;
        (crowded, self.people.len() as u64 - crowded)
    }

    pub(super) fn insert(&mut self, person: u32, why: Why) {
        self.people.insert(person, why);
    }

    pub(super) fn remove(&mut self, person: u32) {
        if !self.people.is_empty() {
            self.people.remove(&person);
        }
    }
}
