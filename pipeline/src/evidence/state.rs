//! The parts of a partition's state, and questions about it.
//!
//! Owns the parts. What happens to them is in the files beside this one.

use fuma_schemas::{Kind, Person};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::people::People;
use super::step::KindSet;
use super::store::{KnownSpan, RefIndex, RowRef, Sparse, Table, Texts, mark};
use super::tiers::Tiers;
use super::winners::{FactKey, Standing};

/// The evidence of one partition.
#[derive(Debug)]
pub struct Evidence {
    pub(in crate::evidence) people: People,
    /// One table a kind, by its code.
    pub(in crate::evidence) tables: Vec<Table>,
    pub(in crate::evidence) texts: Texts,
    /// The winning row of each fact, by its key.
    pub(in crate::evidence) facts: RefIndex,
    pub(in crate::evidence) first_known: Sparse,
    pub(in crate::evidence) latest_known: Sparse,
    /// The verdict that holds on each contact on which one was given, whether or not a record of it has come.
    pub(in crate::evidence) verdicts: HashMap<FactKey, Standing, FxBuildHasher>,
    pub(in crate::evidence) tiers: Tiers,
    pub(in crate::evidence) counters: Counters,
}

/// What was counted on the way: of the past, not of the state.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::evidence) struct Counters {
    pub(in crate::evidence) conflicts: u64,
    pub(in crate::evidence) incomplete: u64,
}

impl Default for Evidence {
    fn default() -> Self {
        Evidence {
            people: People::default(),
            tables: Kind::PERSONAL.into_iter().map(Table::new).collect(),
            texts: Texts::default(),
            facts: RefIndex::default(),
            first_known: Sparse::default(),
            latest_known: Sparse::default(),
            verdicts: HashMap::default(),
            tiers: Tiers::default(),
            counters: Counters::default(),
        }
    }
}

impl Evidence {
    /// How many people have or had evidence; they are numbered from 0, for good.
    pub fn people(&self) -> u32 {
        self.people.len()
    }

    /// The token of a person; none if there is no such number.
    pub fn person(&self, person: u32) -> Option<Person> {
        self.people.get(person).map(|state| state.token)
    }

    /// The number of a person.
    pub fn find(&self, token: Person) -> Option<u32> {
        self.people.find(token)
    }

    /// The number of a person, a new one if need be: of whom something was announced when no evidence is left.
    pub(crate) fn enrol(&mut self, token: Person) -> u32 {
        self.people.find_or_add(token)
    }

    /// The tables in which a person may have a row: never one too few, sometimes one too many.
    pub fn kinds(&self, person: u32) -> KindSet {
        self.people.get(person).map_or(KindSet::NONE, |state| state.kinds)
    }

    /// How many records met another of the same fact and revision with other contents, so far.
    pub fn conflicts(&self) -> u64 {
        self.counters.conflicts
    }

    /// How many rows of the log lacked what their kind requires and were passed over, so far.
    pub fn incomplete(&self) -> u64 {
        self.counters.incomplete
    }

    pub(in crate::evidence) fn table(&self, at: RowRef) -> &Table {
        &self.tables[at.code()]
    }

    /// The winning row of a fact.
    pub(in crate::evidence) fn winner(&self, key: FactKey) -> Option<RowRef> {
        let tables = &self.tables;
        self.facts.find(key.0, |at| tables[RowRef(at).code()].key(RowRef(at).row()) == key).map(RowRef)
    }

    /// When records of a winner's fact became known.
    pub(in crate::evidence) fn known_span(&self, at: RowRef) -> KnownSpan {
        let table = self.table(at);
        let (known_at, marks) = (table.known_at(at.row()), table.marks(at.row()));
        let known = |mark: u8, sparse: &Sparse| {
            if marks & mark == 0 { known_at } else { sparse.get(&at).copied().unwrap_or(known_at) }
        };
        KnownSpan {
            first: known(mark::FIRST_KNOWN, &self.first_known),
            latest: known(mark::LATEST_KNOWN, &self.latest_known),
        }
    }

    /// Keeps when records of a winner's fact became known, where it is not when the winner did.
    pub(in crate::evidence) fn set_known_span(&mut self, at: RowRef, span: KnownSpan) {
        let table = &mut self.tables[at.code()];
        let known_at = table.known_at(at.row());
        for (instant, mark, sparse) in [
            (span.first, mark::FIRST_KNOWN, &mut self.first_known),
            (span.latest, mark::LATEST_KNOWN, &mut self.latest_known),
        ] {
            if instant != known_at {
                sparse.insert(at, instant);
                table.mark(at.row(), mark, 0);
            }
        }
    }

    /// Forgets what was kept of a row that no longer wins.
    pub(in crate::evidence) fn drop_known_span(&mut self, at: RowRef) {
        let marks = self.table(at).marks(at.row());
        if marks & mark::FIRST_KNOWN != 0 {
            self.first_known.remove(&at);
        }
        if marks & mark::LATEST_KNOWN != 0 {
            self.latest_known.remove(&at);
        }
        self.tables[at.code()].mark(at.row(), 0, mark::FIRST_KNOWN | mark::LATEST_KNOWN);
    }
}
