//! The parts of a partition's state, and questions about it.
//!
//! Owns the parts. What happens to them is in the files beside this one.

use fuma_schemas::{Kind, Person};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::people::{Busy, People};
use super::step::{RuleTable, RuleTables};
use super::store::{Interner, KnownSpan, RefIndex, RowRef, RowTable, Seed, Sparse, Texts, mark};
use super::tiers::Tiers;
use super::winners::{Assertions, FactKey, Said, Verdicts};
use crate::invariant;

/// The evidence of one partition.
#[derive(Debug)]
pub struct Evidence {
    pub(in crate::evidence) people: People,
    /// One table a kind, by its code.
    pub(in crate::evidence) tables: Vec<RowTable>,
    pub(in crate::evidence) texts: Texts,
    /// The winning row of each fact, by its key.
    pub(in crate::evidence) facts: RefIndex,
    pub(in crate::evidence) seed: Seed,
    pub(in crate::evidence) first_known: Sparse,
    pub(in crate::evidence) latest_known: Sparse,
    /// What was asserted of facts beside what their winners assert, by the winning row.
    pub(in crate::evidence) assertions: HashMap<RowRef, Assertions, FxBuildHasher>,
    pub(in crate::evidence) verdicts: Verdicts,
    /// Where each derived fact stands in what its stage says, by person and fact.
    pub(in crate::evidence) said: HashMap<(u32, FactKey), Said, Seed>,
    pub(in crate::evidence) tiers: Tiers,
    /// Who has many rows.
    pub(in crate::evidence) busy: Busy,
    /// Rows that were taken out of chains and wait for a compaction to give them up.
    pub(in crate::evidence) unchained: Vec<RowRef>,
    /// Room for the rows of one person.
    pub(in crate::evidence) scratch: Vec<RowRef>,
    pub(in crate::evidence) counters: Counters,
}

/// What was counted on the way: of the past, not of the state.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::evidence) struct Counters {
    pub(in crate::evidence) conflicts: u64,
    pub(in crate::evidence) incomplete: u64,
    /// Rows that chains were made anew of; in tests alone.
    pub(in crate::evidence) rechained: u64,
}

impl Default for Evidence {
    /// With the secret of tests.
    fn default() -> Self {
        Evidence::seeded(Seed::default())
    }
}

impl Evidence {
    /// Without any record; the secret keys the tables over what producers send.
    pub fn seeded(seed: Seed) -> Evidence {
        Evidence {
            people: People::new(seed),
            tables: Kind::PERSONAL.into_iter().map(RowTable::new).collect(),
            texts: Texts { regions: Interner::new(seed), others: Interner::new(seed) },
            facts: RefIndex::default(),
            seed,
            first_known: Sparse::default(),
            latest_known: Sparse::default(),
            assertions: HashMap::default(),
            verdicts: Verdicts::new(seed),
            said: HashMap::with_hasher(seed),
            tiers: Tiers::new(seed),
            busy: Busy::new(seed),
            unchained: Vec::new(),
            scratch: Vec::new(),
            counters: Counters::default(),
        }
    }

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
    pub fn kinds(&self, person: u32) -> RuleTables {
        let kinds = self.people.get(person).map_or(RuleTables::NONE, |state| state.kinds);
        // Tiers have changed whose stays were not all walked yet.
        let may_meet = !self.tiers.is_settled() && kinds.contains(RuleTable::Kind(Kind::Stays));
        if may_meet { kinds.with(RuleTable::TieredStays) } else { kinds }
    }

    /// How many records met another of the same fact and revision with other contents, so far.
    pub fn conflicts(&self) -> u64 {
        self.counters.conflicts
    }

    /// How many rows of the log lacked what their kind requires and were passed over, so far.
    pub fn incomplete(&self) -> u64 {
        self.counters.incomplete
    }

    pub(in crate::evidence) fn table(&self, at: RowRef) -> &RowTable {
        &self.tables[at.code()]
    }

    /// The winning row of a fact of a person. Two people's facts may share a key: the person is compared.
    pub(in crate::evidence) fn winner(&self, person: u32, key: FactKey) -> Option<RowRef> {
        self.winner_at(self.seed.of_key(key.0), person, key)
    }

    /// As [`Evidence::winner`], where the hash of the key is known.
    pub(in crate::evidence) fn winner_at(&self, hash: u64, person: u32, key: FactKey) -> Option<RowRef> {
        let tables = &self.tables;
        let is_it = |at: u32| tables[RowRef(at).code()].is_of(RowRef(at).row(), person, key);
        self.facts.find(hash, is_it).map(RowRef)
    }

    /// When records of a winner's fact became known.
    pub(in crate::evidence) fn known_span(&self, at: RowRef) -> KnownSpan {
        let table = self.table(at);
        let (known_at, marks) = (table.known_at(at.row()), table.marks(at.row()));
        let known = |mark: u8, sparse: &Sparse| match marks & mark {
            0 => known_at,
            _ => *invariant::held(sparse.get(&at), "I-2", "a marked row has an instant beside it"),
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
            } else if table.marks(at.row()) & mark != 0 {
                sparse.remove(&at);
                table.mark(at.row(), 0, mark);
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
