//! The graph of cases and contacts: facts, the names that they bear, and which contacts hang on a name.
//!
//! Owns the winner of each fact and the lists of what hangs on a name. Must never decide what falls (that is the
//! fixpoint's), and never hold text: a name is its key, a fact its key and person. A fact takes 96 bytes, a name 32,
//! beside their two tables.
//!
//! Places are u32: 2^32 facts would be 400 GB, so they do not run out.

use hashbrown::HashTable;

use super::records::{Content, LinkRecord};
use crate::evidence::fact_key::{FactKey, NameKey, name_key};
use crate::evidence::version::Version;
use fuma_schemas::{Feed, Person};

/// No name, no fact.
pub(super) const NONE: u32 = u32::MAX;

/// A name that records bear, or that contacts hang on, or both.
pub(super) struct Name {
    key: NameKey,
    /// How many facts bear it.
    pub(super) records: u32,
    /// How many of these have fallen.
    pub(super) fallen: u32,
    /// The first of the contacts that hang on it.
    pub(super) first_dependent: u32,
    /// Which of a contact's two links leads to it: 0 to a case, 1 to a contact.
    pub(super) slot: u8,
}

impl Name {
    /// Whether what hangs on the name falls. A name that was never seen holds.
    pub(super) fn has_fallen(&self) -> bool {
        self.records > 0 && self.fallen == self.records
    }
}

/// The hold of a contact on a name, and its place in the list of all that hang on it.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) name: u32,
    pub(super) next: u32,
    previous: u32,
}

const UNLINKED: Link = Link { name: NONE, next: NONE, previous: NONE };

/// A case or a contact: its winning record, as far as it matters here.
pub(super) struct Fact {
    pub(super) person: Person,
    pub(super) key: FactKey,
    pub(super) version: Version,
    pub(super) content: Content,
    pub(super) links: [Link; 2],
    /// The name that it bears.
    pub(super) name: u32,
    pub(super) is_contact: bool,
    /// Retracted, or an excluded case.
    pub(super) is_ground: bool,
    /// As of the last fixpoint.
    pub(super) has_fallen: bool,
    /// As of the last verdict.
    pub(super) said_to_count: bool,
}

/// A fact as a snapshot holds it: with the keys of names.
pub(super) struct Restored {
    pub(super) person: Person,
    pub(super) key: FactKey,
    pub(super) version: Version,
    pub(super) content: Content,
    pub(super) name: NameKey,
    pub(super) links: [Option<NameKey>; 2],
    pub(super) is_contact: bool,
    pub(super) is_ground: bool,
    pub(super) has_fallen: bool,
    pub(super) said_to_count: bool,
    /// Whether the next fixpoint is to look at it.
    pub(super) is_touched: bool,
}

/// Facts and names, found by key.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) facts: Vec<Fact>,
    pub(super) names: Vec<Name>,
    fact_table: HashTable<u32>,
    name_table: HashTable<u32>,
    /// Facts whose standing may have changed since the last fixpoint; one may be in it more than once.
    pub(super) touched: Vec<u32>,
}

impl Graph {
    /// Takes in a record; one that does not win changes nothing. Gives the place of its fact.
    pub(super) fn apply(&mut self, record: &LinkRecord<'_>) -> u32 {
        let facts = &self.facts;
        let is_it = |&at: &u32| facts[at as usize].key == record.key && facts[at as usize].person == record.person;
        match self.fact_table.find(record.key.0, is_it).copied() {
            None => self.create(record),
            Some(at) => {
                if self.wins(record, at) {
                    self.revise(at, record);
                }
                at
            }
        }
    }

    /// Whether the record beats the winner so far. The order is one of contents alone, so arrival never matters
    /// (I-2).
    fn wins(&self, record: &LinkRecord<'_>, at: u32) -> bool {
        let fact = &self.facts[at as usize];
        let order = record.version.cmp(&fact.version).then_with(|| record.content.cmp(&fact.content));
        let links = || fact.links.map(|link| self.names.get(link.name as usize).map(|name| name.key));
        order.then_with(|| record.links.cmp(&links())).is_gt()
    }

    fn create(&mut self, record: &LinkRecord<'_>) -> u32 {
        let name = self.intern(name_key(record.feed, record.owner, record.id), slot_of(record.feed));
        // As its name stands: so the name stands as it did, until the fixpoint.
        let has_fallen = self.names[name as usize].has_fallen();
        self.names[name as usize].records += 1;
        self.names[name as usize].fallen += u32::from(has_fallen);
        let at = self.facts.len() as u32;
        self.facts.push(Fact {
            person: record.person,
            key: record.key,
            version: record.version,
            content: record.content,
            links: [UNLINKED; 2],
            name,
            is_contact: record.feed == Feed::Contacts,
            is_ground: record.is_ground,
            has_fallen,
            said_to_count: true,
        });
        let facts = &self.facts;
        self.fact_table.insert_unique(record.key.0, at, |&at| facts[at as usize].key.0);
        self.relink(at, record);
        self.touched.push(at);
        at
    }

    fn revise(&mut self, at: u32, record: &LinkRecord<'_>) {
        let fact = &mut self.facts[at as usize];
        let was_ground = fact.is_ground;
        fact.version = record.version;
        fact.content = record.content;
        fact.is_ground = record.is_ground;
        let is_moved = self.relink(at, record);
        // Most revisions say nothing about who counts: a discharge, an instant put right.
        if is_moved || was_ground != record.is_ground {
            self.touched.push(at);
        }
    }

    /// Hangs a fact on what the record names; says whether that is something else than before.
    fn relink(&mut self, at: u32, record: &LinkRecord<'_>) -> bool {
        let mut is_moved = false;
        for (slot, key) in record.links.into_iter().enumerate() {
            let name = key.map_or(NONE, |key| self.intern(key, slot as u8));
            if name != self.facts[at as usize].links[slot].name {
                self.unlink(at, slot);
                self.link(at, slot, name);
                is_moved = true;
            }
        }
        is_moved
    }

    fn unlink(&mut self, at: u32, slot: usize) {
        let Link { name, next, previous } = std::mem::replace(&mut self.facts[at as usize].links[slot], UNLINKED);
        if name == NONE {
            return;
        }
        if next != NONE {
            self.facts[next as usize].links[slot].previous = previous;
        }
        if previous != NONE {
            self.facts[previous as usize].links[slot].next = next;
        } else {
            self.names[name as usize].first_dependent = next;
        }
    }

    fn link(&mut self, at: u32, slot: usize, name: u32) {
        if name == NONE {
            return;
        }
        let next = std::mem::replace(&mut self.names[name as usize].first_dependent, at);
        self.facts[at as usize].links[slot] = Link { name, next, previous: NONE };
        if next != NONE {
            self.facts[next as usize].links[slot].previous = at;
        }
    }

    /// The place of a name, given one if it has none.
    fn intern(&mut self, key: NameKey, slot: u8) -> u32 {
        let names = &mut self.names;
        if let Some(&at) = self.name_table.find(hash_of(key), |&at| names[at as usize].key == key) {
            return at;
        }
        let at = names.len() as u32;
        names.push(Name { key, records: 0, fallen: 0, first_dependent: NONE, slot });
        self.name_table.insert_unique(hash_of(key), at, |&at| hash_of(names[at as usize].key));
        at
    }

    /// The key of a name; none of no name.
    pub(super) fn key_of_name(&self, at: u32) -> Option<NameKey> {
        self.names.get(at as usize).map(|name| name.key)
    }

    /// Makes room for facts, and for as many names.
    pub(super) fn reserve(&mut self, more: usize) {
        self.facts.reserve(more);
        self.names.reserve(more);
        let (facts, names) = (&self.facts, &self.names);
        self.fact_table.reserve(more, |&at| facts[at as usize].key.0);
        self.name_table.reserve(more, |&at| hash_of(names[at as usize].key));
    }

    /// Whether a fact is there; looks its names up as well, for the sake of the cache.
    pub(super) fn is_known(&self, fact: &Restored) -> bool {
        let names = [Some(fact.name), fact.links[0], fact.links[1]].into_iter().flatten();
        let is_named =
            |key: NameKey| self.name_table.find(hash_of(key), |&at| self.names[at as usize].key == key).is_some();
        std::hint::black_box(names.filter(|key| is_named(*key)).count());
        let facts = &self.facts;
        let is_it = |&at: &u32| facts[at as usize].key == fact.key && facts[at as usize].person == fact.person;
        self.fact_table.find(fact.key.0, is_it).is_some()
    }

    /// Takes back a fact as it stood; one that is there is left alone.
    pub(super) fn restore(&mut self, fact: Restored) {
        if self.is_known(&fact) {
            return;
        }
        let name = self.intern(fact.name, u8::from(fact.is_contact));
        self.names[name as usize].records += 1;
        self.names[name as usize].fallen += u32::from(fact.has_fallen);
        let at = self.facts.len() as u32;
        self.facts.push(Fact {
            person: fact.person,
            key: fact.key,
            version: fact.version,
            content: fact.content,
            links: [UNLINKED; 2],
            name,
            is_contact: fact.is_contact,
            is_ground: fact.is_ground,
            has_fallen: fact.has_fallen,
            said_to_count: fact.said_to_count,
        });
        let facts = &self.facts;
        self.fact_table.insert_unique(fact.key.0, at, |&at| facts[at as usize].key.0);
        for (slot, link) in fact.links.into_iter().enumerate() {
            let name = link.map_or(NONE, |key| self.intern(key, slot as u8));
            self.link(at, slot, name);
        }
        if fact.is_touched {
            self.touched.push(at);
        }
    }

    /// The memory held, in bytes.
    pub(super) fn state_bytes(&self) -> usize {
        let tables = self.fact_table.allocation_size() + self.name_table.allocation_size();
        let facts = self.facts.capacity() * size_of::<Fact>();
        let names = self.names.capacity() * size_of::<Name>();
        tables + facts + names + self.touched.capacity() * size_of::<u32>()
    }
}

/// Which of a contact's two links leads to records of a feed.
fn slot_of(feed: Feed) -> u8 {
    u8::from(feed == Feed::Contacts)
}

/// A key is a hash already.
fn hash_of(key: NameKey) -> u64 {
    key.0 as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_as_small_as_it_says() {
        assert_eq!(size_of::<Fact>(), 96);
        assert_eq!(size_of::<Name>(), 32);
    }
}
