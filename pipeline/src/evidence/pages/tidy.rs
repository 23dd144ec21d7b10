//! Compaction in pages: what no longer wins and what is forgotten is given up, between commits and a little at a time.
//!
//! ```text
//! people    each person's chain without the rows that lost; rows of chunks that are to be emptied move to the end
//! stays     the chains of regions without them; only then these rows are given up, for those chains name them too
//! rows      rows that were taken out of chains while records came are given up
//! texts     texts that no row names any more are freed
//! ```
//!
//! Owns the order. Records may be applied between two pages: a person whose turn has been gets new rows like anybody
//! else. Rows move and are given up, so handles from before a page are void, and no step may be under way.

use fuma_schemas::Kind;
use fuma_schemas::evidence::ColumnType;

use crate::evidence::state::Evidence;
use crate::evidence::store::{NO_TEXT, RowRef, layout, mark, read_u32};
use crate::evidence::tiers::NO_STAY;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    People,
    Stays,
    Rows,
    Texts,
    Done,
}

/// A compaction under way. It may be dropped at any time.
#[derive(Debug)]
pub struct Tidy {
    phase: Phase,
    next: u32,
    /// In the chain of a region the last stay that is kept.
    kept: Option<u32>,
    rows_gone: u64,
}

impl Tidy {
    /// How many rows are gone so far.
    pub fn rows_gone(&self) -> u64 {
        self.rows_gone
    }
}

impl Evidence {
    /// Begins a compaction; a page of it is [`Evidence::tidy`].
    pub fn begin_tidy(&mut self) -> Tidy {
        self.begin(false)
    }

    fn begin(&mut self, unless_full: bool) -> Tidy {
        self.tables.iter_mut().for_each(|table| table.choose_leaving(unless_full));
        self.texts.others.begin_sweep();
        Tidy { phase: Phase::People, next: 0, kept: None, rows_gone: 0 }
    }

    /// Goes on with a compaction, over about so many rows; whether it is done.
    pub fn tidy(&mut self, tidy: &mut Tidy, rows_max: usize) -> bool {
        let rows_before = self.rows();
        let mut rows_left = rows_max.max(1);
        while rows_left > 0 && tidy.phase != Phase::Done {
            let rows = match tidy.phase {
                Phase::People => self.tidy_people(tidy),
                Phase::Stays => self.tidy_stays(tidy, rows_left),
                Phase::Rows => self.release_rows(tidy, rows_left),
                Phase::Texts => self.tidy_texts(tidy, rows_left),
                Phase::Done => 0,
            };
            rows_left = rows_left.saturating_sub(rows.max(1));
        }
        tidy.rows_gone += rows_before - self.rows();
        tidy.phase == Phase::Done
    }

    /// Rows of all tables, superseded ones included.
    fn rows(&self) -> u64 {
        self.tables.iter().map(|table| u64::from(table.len())).sum()
    }

    /// A whole compaction at once, into as few chunks as there can be. Gives how many rows went.
    pub fn compact(&mut self) -> u64 {
        // Chunks in which more than half is gone are among those that are not full: everybody is walked over once.
        let mut tidy = self.begin(true);
        while !self.tidy(&mut tidy, usize::MAX) {}
        self.verdicts.shrink();
        self.said.shrink_to_fit();
        tidy.rows_gone
    }

    /// One person.
    fn tidy_people(&mut self, tidy: &mut Tidy) -> usize {
        if tidy.next >= self.people() {
            (tidy.phase, tidy.next) = (Phase::Stays, 0);
            return 1;
        }
        let rows = self.chain(tidy.next).count();
        self.rechain(tidy.next, true);
        tidy.next += 1;
        rows
    }

    /// A piece of the chain of one region. While people are still to be touched along these chains nothing is given
    /// up: the next compaction will.
    fn tidy_stays(&mut self, tidy: &mut Tidy, rows_max: usize) -> usize {
        let Some(head) = self.tiers.codes.head(tidy.next).filter(|_| self.tiers.is_settled()) else {
            tidy.next += 1;
            tidy.kept = None;
            if tidy.next >= self.tiers.codes.len() || !self.tiers.is_settled() {
                (tidy.phase, tidy.next) = (Phase::Rows, 0);
            }
            return 1;
        };
        let stays = usize::from(Kind::Stays.code());
        let next_stay = self.tables[stays].layout.next_stay;
        let next_of = |evidence: &Evidence, stay: u32| read_u32(evidence.tables[stays].row(stay), next_stay);
        let mut at = tidy.kept.map_or(head, |kept| next_of(self, kept));
        for rows in 0..rows_max {
            if at == NO_STAY {
                tidy.next += 1;
                tidy.kept = None;
                return rows + 1;
            }
            let next = next_of(self, at);
            if self.tables[stays].marks(at) & mark::UNCHAINED == 0 {
                tidy.kept = Some(at);
            } else {
                match tidy.kept {
                    Some(kept) => self.tables[stays].set_u32(kept, next_stay, next),
                    None => self.tiers.codes.set_head(tidy.next, next),
                }
                self.tables[stays].release(at);
            }
            at = next;
        }
        rows_max
    }

    fn release_rows(&mut self, tidy: &mut Tidy, rows_max: usize) -> usize {
        let from = self.unchained.len().saturating_sub(rows_max);
        for at in self.unchained.split_off(from) {
            self.tables[at.code()].release(at.row());
        }
        if self.unchained.is_empty() {
            (tidy.phase, tidy.next) = (Phase::Texts, 0);
        }
        rows_max
    }

    fn tidy_texts(&mut self, tidy: &mut Tidy, rows_max: usize) -> usize {
        let count = u32::try_from(rows_max).unwrap_or(u32::MAX);
        match self.texts.others.sweep(tidy.next, count) {
            Some(next) => tidy.next = next,
            None => tidy.phase = Phase::Done,
        }
        rows_max
    }

    /// Notes that no chain of a person names a row any more. A stay is given up by the sweep over the regions' chains.
    pub(in crate::evidence) fn unchain(&mut self, at: RowRef, releases: bool) {
        let is_in_region = self.is_in_region(at);
        self.tables[at.code()].mark(at.row(), mark::UNCHAINED, 0);
        match (is_in_region, releases) {
            (true, _) => {}
            (false, true) => self.tables[at.code()].release(at.row()),
            (false, false) => self.unchained.push(at),
        }
    }

    /// Whether a row is in the chain of a region: a stay that was asserted.
    fn is_in_region(&self, at: RowRef) -> bool {
        let is_stay = at.code() == usize::from(Kind::Stays.code());
        is_stay && self.table(at).marks(at.row()) & mark::RETRACTED == 0
    }

    /// Whether a row is in a chunk that is to be emptied. Stays wait while people are to be touched along their chains.
    pub(in crate::evidence) fn may_move(&self, at: RowRef) -> bool {
        let is_stay = at.code() == usize::from(Kind::Stays.code());
        self.table(at).is_leaving(at.row()) && (!is_stay || self.tiers.is_settled())
    }

    /// Moves a winner, with all that names it but its chain.
    pub(in crate::evidence) fn relocate(&mut self, at: &mut RowRef) {
        let old = *at;
        let table = &mut self.tables[old.code()];
        // A full table moves nothing: it is full of rows that are needed.
        let Some(row) = table.move_row(old.row()) else { return };
        let new = RowRef::new(table.layout.kind, row);
        let key = self.seed.of_key(table.key(row).0);
        let entry = self.facts.find_mut(key, |other| other == old.0);
        *crate::invariant::held(entry, "I-2", "the index knows the winner of each fact") = new.0;
        for sparse in [&mut self.first_known, &mut self.latest_known] {
            if let Some(instant) = sparse.remove(&old) {
                sparse.insert(new, instant);
            }
        }
        if let Some(assertions) = self.assertions.remove(&old) {
            self.assertions.insert(new, assertions);
        }
        if self.is_in_region(new) {
            let person = self.table(new).person(row);
            self.link_stay(row, person);
        }
        self.unchain(old, true);
        *at = new;
    }

    /// Marks the texts that a row names as named.
    pub(in crate::evidence) fn mark_texts(&mut self, at: RowRef) {
        let table = &self.tables[at.code()];
        let row = table.row(at.row());
        let columns = table.layout.kind.columns().iter().zip(&table.layout.columns);
        let texts = columns.filter(|(column, _)| matches!(column.column_type, ColumnType::Text)).map(|(_, &at)| at);
        let owner = (table.layout.kind == Kind::Listings).then_some(table.layout.owner);
        for at in texts.chain(owner) {
            let number = read_u32(row, at);
            if number != NO_TEXT {
                self.texts.others.mark(number);
            }
        }
    }
}

const _: () = assert!(layout::MARKS < u8::MAX as usize, "places in a row are numbered in a byte");
