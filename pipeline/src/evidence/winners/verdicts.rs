//! Which contacts count: the verdicts of trace.
//!
//! Owns the standing verdict of each contact on which one was given, by person and fact. Why a contact does not count
//! is trace's; a contact of which nothing was said counts.
//!
//! A verdict carries a version, and the highest wins: trace may say a thing again after a crash, and a trace
//! that was taken for dead may go on saying things for a while, so verdicts come repeated and mixed. That a contact
//! counts is therefore kept like its contrary. Were it dropped as "nothing was said", the verdict that it overruled
//! would hold again when it is repeated, and for good if whoever repeats it dies before it comes to the later one.
//! A contact that always counted has no verdict and takes no room; the verdict of one that is forgotten goes with it,
//! which is sound because a fact is kept for days, and verdicts are repeated within minutes.

use fuma_schemas::{Kind, Person};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::fact_key::FactKey;
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, Seed, mark};

/// The verdict that holds on a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::evidence) struct Ruling {
    /// The version of the verdict.
    pub(in crate::evidence) version: u64,
    /// Whether the contact counts.
    pub(in crate::evidence) counts: bool,
}

/// The verdicts that hold, whether or not a record of the contact has come.
#[derive(Debug)]
pub(in crate::evidence) struct Verdicts {
    by_contact: HashMap<(u32, FactKey), Ruling, Seed>,
    /// From snapshots that named no person: each is for whoever's contact bears the key.
    of_anybody: HashMap<FactKey, Ruling, Seed>,
}

impl Verdicts {
    pub(in crate::evidence) fn new(seed: Seed) -> Verdicts {
        Verdicts { by_contact: HashMap::with_hasher(seed), of_anybody: HashMap::with_hasher(seed) }
    }

    /// Takes a verdict, if no later one holds. Whether the contact counted before; none if nothing changes.
    fn take(&mut self, person: u32, fact: FactKey, ruling: Ruling) -> Option<bool> {
        match self.by_contact.entry((person, fact)) {
            Entry::Occupied(entry) if entry.get().version >= ruling.version => None,
            Entry::Occupied(mut entry) => Some(entry.insert(ruling).counts),
            Entry::Vacant(entry) => {
                entry.insert(ruling);
                Some(true)
            }
        }
    }

    /// Drops the verdict on a contact that is forgotten.
    pub(in crate::evidence) fn forget(&mut self, person: u32, fact: FactKey) {
        self.by_contact.remove(&(person, fact));
    }

    pub(in crate::evidence) fn shrink(&mut self) {
        self.by_contact.shrink_to_fit();
        self.of_anybody.shrink_to_fit();
    }

    pub(in crate::evidence) fn bytes(&self) -> usize {
        self.by_contact.allocation_size() + self.of_anybody.allocation_size()
    }

    /// Every verdict that holds, in no order: the person, if one was named, the fact and the ruling.
    pub(in crate::evidence) fn each(&self) -> impl Iterator<Item = (Option<u32>, FactKey, Ruling)> {
        let named = self.by_contact.iter().map(|((person, fact), ruling)| (Some(*person), *fact, *ruling));
        named.chain(self.of_anybody.iter().map(|(fact, ruling)| (None, *fact, *ruling)))
    }
}

impl Evidence {
    /// Takes a verdict of trace on a contact; one of a lower or the same version as the last changes nothing. It may
    /// come before the contact's record: then it waits for it.
    pub fn set_counts(&mut self, token: Person, fact: FactKey, counts: bool, version: u64, touched: &mut Touched) {
        let person = self.people.find_or_add(token);
        self.adopt_verdict(person, fact);
        if self.verdicts.take(person, fact, Ruling { version, counts }).is_none_or(|counted| counted == counts) {
            return;
        }
        let Some(at) = self.contact(person, fact) else { return };
        self.mark_counts(at, counts);
        if self.table(at).marks(at.row()) & mark::NOT_STANDING == 0 {
            touched.touch(person);
        }
    }

    /// Takes back a verdict from a snapshot, without touching anybody; one of a lower version than the last changes
    /// nothing. An earlier build named no person.
    pub(in crate::evidence) fn restore_verdict(&mut self, person: Option<Person>, fact: FactKey, ruling: Ruling) {
        let bearer = match person {
            Some(token) => Some(self.people.find_or_add(token)),
            None => self.bearer_of(fact),
        };
        let Some(person) = bearer else {
            let waiting = self.verdicts.of_anybody.entry(fact).or_insert(ruling);
            if waiting.version < ruling.version {
                *waiting = ruling;
            }
            return;
        };
        if self.verdicts.take(person, fact, ruling).is_some()
            && let Some(at) = self.contact(person, fact)
        {
            self.mark_counts(at, ruling.counts);
        }
    }

    /// Whether trace said of a contact that it does not count, and nothing else since.
    pub(in crate::evidence) fn is_withdrawn(&mut self, person: u32, fact: FactKey) -> bool {
        self.adopt_verdict(person, fact);
        self.verdicts.by_contact.get(&(person, fact)).is_some_and(|ruling| !ruling.counts)
    }

    /// Gives a verdict that named nobody to the person whose contact bears its key.
    fn adopt_verdict(&mut self, person: u32, fact: FactKey) {
        if !self.verdicts.of_anybody.is_empty()
            && let Some(ruling) = self.verdicts.of_anybody.remove(&fact)
        {
            self.verdicts.take(person, fact, ruling);
        }
    }

    /// The winning row of a contact.
    fn contact(&self, person: u32, fact: FactKey) -> Option<RowRef> {
        self.winner(person, fact).filter(|at| at.code() == usize::from(Kind::Contacts.code()))
    }

    /// Whose contact bears a key, if anybody's does.
    fn bearer_of(&self, fact: FactKey) -> Option<u32> {
        let contacts = &self.tables[usize::from(Kind::Contacts.code())];
        let is_it =
            |at: u32| RowRef(at).code() == usize::from(Kind::Contacts.code()) && contacts.key(RowRef(at).row()) == fact;
        self.facts.find(self.seed.of_key(fact.0), is_it).map(|at| contacts.person(RowRef(at).row()))
    }

    fn mark_counts(&mut self, at: RowRef, counts: bool) {
        let (set, clear) = if counts { (0, mark::WITHDRAWN) } else { (mark::WITHDRAWN, 0) };
        self.tables[at.code()].mark(at.row(), set, clear);
    }
}
