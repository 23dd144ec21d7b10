//! People with many rows: how many facts of each kind they have, and a chain that stays short.
//!
//! One identity may come to have a hundred thousand facts: a placeholder that thousands of records bear, a record that
//! is revised each minute. A walk over a person's rows must be bounded by the facts that rules see (I-10). So for those
//! whose chain is long, and for them alone, facts are counted; rows that lost are taken out of the chain when they are
//! the larger part; and retractions, which no rule sees, are chained apart.
//!
//! Owns the counts and the limits. That a person is crowded is for others to act upon.

use fuma_schemas::Kind;
use hashbrown::HashMap;

use crate::evidence::state::Evidence;
use crate::evidence::step::RuleTable;
use crate::evidence::store::{RowRef, Seed, layout, mark};
use crate::evidence::tiers::STAY_REGION;

/// How many winning, unretracted facts of a kind one person may have; beyond that the person is crowded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits(pub [u32; Kind::PERSONAL.len()]);

impl Limits {
    /// No limit of a kind.
    pub const NONE: u32 = u32::MAX;

    /// The limit of a kind.
    pub fn of(&self, kind: Kind) -> u32 {
        self.0.get(usize::from(kind.code())).copied().unwrap_or(Limits::NONE)
    }

    /// With another limit for a kind; 0 is none.
    #[must_use]
    pub fn with(mut self, kind: Kind, facts_max: u32) -> Limits {
        if let Some(limit) = self.0.get_mut(usize::from(kind.code())) {
            *limit = if facts_max == 0 { Limits::NONE } else { facts_max };
        }
        self
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits(Kind::PERSONAL.map(|kind| match kind {
            Kind::Stays => 10_000,
            Kind::Tests | Kind::Trips => 2000,
            _ => 500,
        }))
    }
}

/// A person beyond a limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Crowded {
    /// The number of the person.
    pub person: u32,
    /// The kind of which there are too many.
    pub kind: Kind,
    /// How many there are.
    pub facts: u32,
    /// How many there may be.
    pub facts_max: u32,
}

/// A chain of more rows than this is looked at: whoever has so many facts is counted.
const ROWS_MAX: u16 = 256;
/// Rows of a walk beyond twice the facts that stand: for whoever is not counted, all rows of the chain.
pub(in crate::evidence) const CHAIN_ROWS_MAX: usize = 2 * ROWS_MAX as usize;
/// The rows of somebody who is counted apart.
const COUNTED: u16 = u16::MAX;

/// What is kept of a person with many rows.
#[derive(Clone, Debug)]
struct Count {
    /// Rows in the person's chain.
    rows: u32,
    /// Facts that stand, by kind.
    facts: [u32; Kind::PERSONAL.len()],
    /// The chain of retractions, its rows, and those of them that lost since the chain was made.
    retracted: RowRef,
    retractions: u32,
    retractions_lost: u32,
}

impl Count {
    /// Whether rows that lost are the larger part of what rules walk over.
    fn is_long(&self) -> bool {
        self.rows > 2 * self.facts.iter().sum::<u32>() + u32::from(ROWS_MAX)
    }

    /// Whether rows that lost are the larger part of many retractions.
    fn is_long_in_retractions(&self) -> bool {
        self.retractions_lost > self.retractions / 2 + u32::from(ROWS_MAX)
    }
}

/// Those who are counted.
#[derive(Debug)]
pub(in crate::evidence) struct Busy {
    counts: HashMap<u32, Count, Seed>,
    limits: Limits,
    rows_max: u16,
}

impl Busy {
    pub(in crate::evidence) fn new(seed: Seed) -> Busy {
        Busy { counts: HashMap::with_hasher(seed), limits: Limits::default(), rows_max: ROWS_MAX }
    }

    pub(in crate::evidence) fn bytes(&self) -> usize {
        self.counts.allocation_size()
    }
}

/// The rows of a person's chains.
pub(in crate::evidence) struct Chain<'a> {
    evidence: &'a Evidence,
    at: RowRef,
    then: RowRef,
}

impl Iterator for Chain<'_> {
    type Item = RowRef;

    fn next(&mut self) -> Option<RowRef> {
        if self.at.is_none() {
            self.at = std::mem::replace(&mut self.then, RowRef::NONE);
        }
        let at = self.at;
        if at.is_none() {
            return None;
        }
        self.at = self.evidence.table(at).next(at.row());
        Some(at)
    }
}

impl Evidence {
    /// Sets how many facts one person may have. Where there are people already, those whose rows must be counted now
    /// are.
    pub fn set_limits(&mut self, limits: Limits) {
        let least = limits.0.iter().copied().min().unwrap_or(Limits::NONE);
        let before = std::mem::replace(&mut self.busy.rows_max, u16::try_from(least).unwrap_or(ROWS_MAX).min(ROWS_MAX));
        self.busy.limits = limits;
        if self.busy.rows_max < before {
            for person in 0..self.people() {
                self.shorten(person);
            }
        }
    }

    /// Whether a person has more facts of a kind than one may have.
    pub fn crowded(&self, person: u32) -> bool {
        self.count_of(person).is_some_and(|count| self.beyond(person, count).next().is_some())
    }

    /// Everybody who is beyond a limit, by number and kind.
    pub fn crowded_people(&self) -> Vec<Crowded> {
        let mut crowded: Vec<Crowded> =
            self.busy.counts.iter().flat_map(|(person, count)| self.beyond(*person, count)).collect();
        crowded.sort_unstable();
        crowded
    }

    fn beyond<'a>(&'a self, person: u32, count: &'a Count) -> impl Iterator<Item = Crowded> + 'a {
        Kind::PERSONAL.into_iter().zip(&count.facts).filter_map(move |(kind, &facts)| {
            let facts_max = self.busy.limits.of(kind);
            (facts > facts_max).then_some(Crowded { person, kind, facts, facts_max })
        })
    }

    fn count_of(&self, person: u32) -> Option<&Count> {
        let is_counted = self.people.get(person).is_some_and(|state| state.rows == COUNTED);
        if is_counted { self.busy.counts.get(&person) } else { None }
    }

    /// All rows of a person, those of retractions too; the order says nothing.
    pub(in crate::evidence) fn chain(&self, person: u32) -> Chain<'_> {
        let at = self.people.head(person);
        let then = self.count_of(person).map_or(RowRef::NONE, |count| count.retracted);
        Chain { evidence: self, at, then }
    }

    /// Puts a row at the head of its person's chain.
    pub(in crate::evidence) fn chain_row(&mut self, person: u32, at: RowRef) {
        let table = &self.tables[at.code()];
        let (kind, is_retracted) = (table.layout.kind, table.marks(at.row()) & mark::RETRACTED != 0);
        let state = self.people.state_mut(person);
        if !is_retracted {
            state.kinds = state.kinds.with(RuleTable::Kind(kind));
        }
        let mut head = state.head;
        if state.rows == COUNTED {
            let count = self.busy.counts.get_mut(&person);
            let count = crate::invariant::held(count, "I-10", "whoever has many rows is counted");
            if is_retracted {
                head = std::mem::replace(&mut count.retracted, at);
                count.retractions += 1;
            } else {
                state.head = at;
                count.rows += 1;
                count.facts[at.code()] += 1;
            }
        } else {
            state.head = at;
            state.rows += 1;
        }
        self.tables[at.code()].set_u32(at.row(), layout::NEXT, head.0);
    }

    /// Notes that a fact of a person stands no more.
    pub(in crate::evidence) fn discount(&mut self, person: u32, at: RowRef) {
        let marks = self.table(at).marks(at.row());
        if self.people.get(person).is_none_or(|state| state.rows != COUNTED) {
            return;
        }
        let count =
            crate::invariant::held(self.busy.counts.get_mut(&person), "I-10", "whoever has many rows is counted");
        if marks & mark::NOT_STANDING == 0 {
            count.facts[at.code()] -= 1;
        } else if marks & mark::RETRACTED != 0 {
            count.retractions_lost += 1;
        }
    }

    /// Shortens the chain of a person that became long. Called once a record: what it costs was paid for by the rows
    /// that came since the last time.
    pub(in crate::evidence) fn shorten(&mut self, person: u32) {
        let rows = self.people.get(person).map_or(0, |state| state.rows);
        let is_long = match self.count_of(person) {
            Some(count) => count.is_long() || count.is_long_in_retractions(),
            None => rows > self.busy.rows_max,
        };
        if is_long {
            self.rechain(person, false);
        }
    }

    /// Chains a person's winners anew, without the rows that lost or are forgotten. These are given up only where
    /// `releases`: no step may have gathered them then. Rows of chunks that are to be emptied move. Many retractions
    /// stay chained as they are until half of them lost: nobody pays for them with each revision of something else.
    pub(in crate::evidence) fn rechain(&mut self, person: u32, releases: bool) {
        let mut rows = std::mem::take(&mut self.scratch);
        rows.clear();
        let counted = self.count_of(person);
        let many = |count: &&Count| count.retractions > u32::from(ROWS_MAX) && !count.is_long_in_retractions();
        let kept = counted.filter(|_| !releases).filter(many).cloned();
        match &kept {
            Some(_) => rows.extend(Chain { evidence: self, at: self.people.head(person), then: RowRef::NONE }),
            None => rows.extend(self.chain(person)),
        }
        self.count_rechained(rows.len());
        rows.retain_mut(|at| {
            let marks = self.table(*at).marks(at.row());
            if marks & (mark::SUPERSEDED | mark::FORGOTTEN) != 0 {
                self.unchain(*at, releases);
                return false;
            }
            if releases && self.may_move(*at) {
                self.relocate(at);
            }
            true
        });
        let (mut head, mut retracted) = (RowRef::NONE, RowRef::NONE);
        let (mut facts, mut kinds) = ([0; Kind::PERSONAL.len()], crate::evidence::RuleTables::NONE);
        let row_count = rows.len();
        let is_counted = kept.is_some() || row_count > usize::from(self.busy.rows_max / 2);
        // The oldest first, so that the new chain has the order of the old.
        for at in rows.drain(..).rev() {
            let table = &mut self.tables[at.code()];
            let is_retracted = table.marks(at.row()) & mark::RETRACTED != 0;
            let chain = if is_retracted && is_counted { &mut retracted } else { &mut head };
            table.set_u32(at.row(), layout::NEXT, chain.0);
            *chain = at;
            if !is_retracted {
                facts[at.code()] += 1;
                kinds = kinds.with(RuleTable::Kind(table.layout.kind));
                if table.layout.kind == Kind::Stays && self.meets_tiers(at) {
                    kinds = kinds.with(RuleTable::TieredStays);
                }
            }
            if releases {
                self.mark_texts(at);
            }
        }
        self.scratch = rows;
        let standing: u32 = facts.iter().sum();
        let state = self.people.state_mut(person);
        (state.head, state.kinds) = (head, kinds);
        if is_counted {
            state.rows = COUNTED;
            let (retractions, retractions_lost) = (row_count as u32 - standing, 0);
            let retracted = Count { rows: standing, facts, retracted, retractions, retractions_lost };
            let of_kept = |kept: Count| Count { rows: standing, facts, ..kept };
            self.busy.counts.insert(person, kept.map_or(retracted, of_kept));
        } else {
            state.rows = row_count as u16;
            self.busy.counts.remove(&person);
        }
        self.check(person);
    }

    /// Counts the rows that chains were made anew of, for tests.
    fn count_rechained(&mut self, rows: usize) {
        if cfg!(test) {
            self.counters.rechained += rows as u64;
        }
    }

    fn meets_tiers(&self, stay: RowRef) -> bool {
        let table = self.table(stay);
        let region = crate::evidence::store::read_u32(table.row(stay.row()), table.layout.columns[STAY_REGION]);
        !self.tiers.codes.matches(region).is_empty()
    }
}
