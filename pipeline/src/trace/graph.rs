//! The graph of cases and contacts: facts, the names that they bear, and which contacts hang on a name.
//!
//! Owns the winner of each fact and the lists of what hangs on a name. Must never decide what falls (that is the
//! fixpoint's), and never hold text: a name is its key, a fact its key and person. A fact takes 104 bytes, a name 32,
//! beside their two tables.
//!
//! Places are u32: 2^32 facts would be 400 GB, so they do not run out.

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Dropped;
use super::records::{Content, LinkRecord, Said};
use crate::evidence::{Contender, FactKey, NameKey, Seed, Version, name_key};
use fuma_schemas::{Feed, Person};

/// No name, no fact.
pub(super) const NONE: u32 = u32::MAX;

/// A name that records bear, or that contacts hang on, or both.
pub(super) struct Name {
    pub(super) key: NameKey,
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
    /// Whether a verdict is due though it is as the last one: people do not know the last one any more.
    pub(super) is_unsaid: bool,
    /// Whether people forgot it, or would.
    pub(super) is_forgotten: bool,
    /// Whether it was dropped: its place waits for another.
    pub(super) is_free: bool,
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
    pub(super) is_forgotten: bool,
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
    /// Keys of facts and names are hashes under no secret.
    seed: Seed,
    /// Facts whose standing may have changed since the last fixpoint; one may be in it more than once.
    pub(super) touched: Vec<u32>,
    /// The facts that people forgot and that are kept still, by the name that they bear.
    pub(super) forgotten_bearers: FxHashMap<u32, FxHashSet<u32>>,
    /// Names that something hung on which hangs on them no more.
    pub(super) loosened: Vec<u32>,
    /// What was dropped and not yet handed out.
    pub(super) dropped: Vec<Dropped>,
    pub(super) free_facts: Vec<u32>,
    pub(super) free_names: Vec<u32>,
}

impl Graph {
    pub(super) fn new(seed: Seed) -> Graph {
        Graph { seed, ..Graph::default() }
    }

    fn hash_of_fact(&self, key: FactKey) -> u64 {
        self.seed.of_key(key.0)
    }

    fn hash_of_name(&self, key: NameKey) -> u64 {
        hash_of(self.seed, key)
    }

    /// Takes in a record; one that does not win changes nothing. Gives the place of its fact.
    pub(super) fn apply(&mut self, record: &LinkRecord<'_>) -> u32 {
        match self.find(record.person, record.key) {
            None => self.create(record),
            Some(at) => {
                let fact = &self.facts[at as usize];
                // What people forgot outright is new to people, whatever its version, and so it is here.
                let is_new_to_people = fact.is_forgotten && !fact.is_ground;
                let is_revision = is_new_to_people || self.wins(record, at);
                self.remember(at);
                if is_revision {
                    self.revise(at, record);
                }
                at
            }
        }
    }

    /// The place of a fact.
    pub(super) fn find(&self, person: Person, key: FactKey) -> Option<u32> {
        let facts = &self.facts;
        let is_it = |&at: &u32| facts[at as usize].key == key && facts[at as usize].person == person;
        self.fact_table.find(self.hash_of_fact(key), is_it).copied()
    }

    /// Whether the record beats the winner so far: by the one order that evidence chooses by too.
    fn wins(&self, record: &LinkRecord<'_>, at: u32) -> bool {
        let fact = &self.facts[at as usize];
        let links = fact.links.map(|link| self.names.get(link.name as usize).map(|name| name.key));
        let (mine, its) = (record.said(), Said { is_contact: fact.is_contact, content: fact.content, links });
        let its = Contender { version: fact.version, contents: &its };
        let order = Contender { version: record.version, contents: &mine }.against(&its);
        order.then_with(|| mine.links.cmp(&links)).is_gt()
    }

    fn create(&mut self, record: &LinkRecord<'_>) -> u32 {
        let name = self.intern(name_key(record.feed, record.owner, record.id), slot_of(record.feed));
        // As its name stands: so the name stands as it did, until the fixpoint.
        let has_fallen = self.names[name as usize].has_fallen();
        self.names[name as usize].records += 1;
        self.names[name as usize].fallen += u32::from(has_fallen);
        let at = self.place(Fact {
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
            is_unsaid: false,
            is_forgotten: false,
            is_free: false,
        });
        self.index_fact(at);
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

    /// Puts a fact into a place, one that was dropped first.
    fn place(&mut self, fact: Fact) -> u32 {
        if let Some(at) = self.free_facts.pop() {
            self.facts[at as usize] = fact;
            return at;
        }
        self.facts.push(fact);
        (self.facts.len() - 1) as u32
    }

    pub(super) fn unindex_fact(&mut self, at: u32, key: FactKey) {
        if let Ok(entry) = self.fact_table.find_entry(self.hash_of_fact(key), |&other| other == at) {
            entry.remove();
        }
    }

    pub(super) fn unindex_name(&mut self, at: u32, key: NameKey) {
        if let Ok(entry) = self.name_table.find_entry(self.hash_of_name(key), |&other| other == at) {
            entry.remove();
        }
    }

    fn index_fact(&mut self, at: u32) {
        let (facts, seed) = (&self.facts, self.seed);
        let hash = |&at: &u32| seed.of_key(facts[at as usize].key.0);
        self.fact_table.insert_unique(hash(&at), at, hash);
    }

    /// Hangs a fact on what the record names; says whether that is something else than before.
    fn relink(&mut self, at: u32, record: &LinkRecord<'_>) -> bool {
        let mut is_moved = false;
        for (slot, key) in record.links.into_iter().enumerate() {
            let name = key.map_or(NONE, |key| self.intern(key, slot as u8));
            if name != self.facts[at as usize].links[slot].name {
                let before = self.facts[at as usize].links[slot].name;
                self.unlink(at, slot);
                self.link(at, slot, name);
                self.loosen(before);
                is_moved = true;
            }
        }
        is_moved
    }

    pub(super) fn unlink(&mut self, at: u32, slot: usize) {
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
        let hash = self.hash_of_name(key);
        let (names, seed) = (&mut self.names, self.seed);
        if let Some(&at) = self.name_table.find(hash, |&at| names[at as usize].key == key) {
            return at;
        }
        let name = Name { key, records: 0, fallen: 0, first_dependent: NONE, slot };
        let at = match self.free_names.pop() {
            Some(at) => {
                names[at as usize] = name;
                at
            }
            None => {
                names.push(name);
                (names.len() - 1) as u32
            }
        };
        self.name_table.insert_unique(hash, at, |&at| hash_of(seed, names[at as usize].key));
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
        let (facts, names, seed) = (&self.facts, &self.names, self.seed);
        self.fact_table.reserve(more, |&at| seed.of_key(facts[at as usize].key.0));
        self.name_table.reserve(more, |&at| hash_of(seed, names[at as usize].key));
    }

    /// Whether a fact is there; looks its names up as well, for the sake of the cache.
    pub(super) fn is_known(&self, fact: &Restored) -> bool {
        let names = [Some(fact.name), fact.links[0], fact.links[1]].into_iter().flatten();
        let is_named = |key: NameKey| {
            self.name_table.find(self.hash_of_name(key), |&at| self.names[at as usize].key == key).is_some()
        };
        std::hint::black_box(names.filter(|key| is_named(*key)).count());
        self.find(fact.person, fact.key).is_some()
    }

    /// Takes back a fact as it stood; one that is there is left alone.
    pub(super) fn restore(&mut self, fact: Restored) {
        if self.is_known(&fact) {
            return;
        }
        let name = self.intern(fact.name, u8::from(fact.is_contact));
        self.names[name as usize].records += 1;
        self.names[name as usize].fallen += u32::from(fact.has_fallen);
        let at = self.place(Fact {
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
            is_unsaid: false,
            is_forgotten: fact.is_forgotten,
            is_free: false,
        });
        if fact.is_forgotten {
            self.forgotten_bearers.entry(name).or_default().insert(at);
        }
        self.index_fact(at);
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
        let forgotten = self.forgotten_bearers.capacity() * (size_of::<(u32, FxHashSet<u32>)>() + 1)
            + self.forgotten_bearers.values().map(|bearers| bearers.capacity() * 5).sum::<usize>();
        let free = (self.free_facts.capacity() + self.free_names.capacity()) * size_of::<u32>();
        tables + facts + names + forgotten + free + self.touched.capacity() * size_of::<u32>()
    }
}

/// Which of a contact's two links leads to records of a feed.
fn slot_of(feed: Feed) -> u8 {
    u8::from(feed == Feed::Contacts)
}

fn hash_of(seed: Seed, key: NameKey) -> u64 {
    seed.of_bytes(&key.0.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_as_small_as_it_says() {
        assert_eq!(size_of::<Fact>(), 104);
        assert_eq!(size_of::<Name>(), 32);
    }
}
