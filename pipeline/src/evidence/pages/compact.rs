//! Compaction: the tables anew, without what no longer wins and what is forgotten.
//!
//! Owns the rebuilding. People keep their numbers; rows do not: handles and steps from before are void. The rows of a
//! person lie side by side afterwards, so compacting makes gathering faster too.

use fuma_schemas::Kind;

use crate::evidence::state::Evidence;
use crate::evidence::step::{BaseTable, KindSet};
use crate::evidence::store::{RefIndex, RowRef, Sparse, Table, Texts, layout, mark};
use crate::evidence::tiers::StayCodes;

/// What a compaction takes from.
struct Before {
    tables: Vec<Table>,
    texts: Texts,
    first_known: Sparse,
    latest_known: Sparse,
}

impl Evidence {
    /// Rebuilds tables, texts and indexes of the winners alone. Gives how many rows went.
    ///
    /// It takes as long as all rows take, and for that time the memory of both.
    pub fn compact(&mut self) -> u64 {
        let before = Before {
            tables: std::mem::replace(&mut self.tables, Kind::PERSONAL.into_iter().map(Table::new).collect()),
            texts: std::mem::take(&mut self.texts),
            first_known: std::mem::take(&mut self.first_known),
            latest_known: std::mem::take(&mut self.latest_known),
        };
        self.facts = RefIndex::default();
        self.tiers.codes = StayCodes::default();
        self.verdicts.shrink_to_fit();
        let mut chain = Vec::new();
        for person in 0..self.people() {
            let mut at = self.people.get(person).map_or(RowRef::NONE, |state| state.head);
            chain.clear();
            while !at.is_none() {
                chain.push(at);
                at = before.tables[at.code()].next(at.row());
            }
            self.rebuild_chain(person, &chain, &before);
        }
        let rows = |tables: &[Table]| tables.iter().map(|table| u64::from(table.len())).sum::<u64>();
        rows(&before.tables) - rows(&self.tables)
    }

    /// Copies the winners of a chain, the oldest first, so that the new chain has the order of the old.
    fn rebuild_chain(&mut self, person: u32, chain: &[RowRef], before: &Before) {
        if let Some(state) = self.people.get_mut(person) {
            state.kinds = KindSet::NONE;
        }
        let mut head = RowRef::NONE;
        for &old in chain.iter().rev() {
            let marks = before.tables[old.code()].marks(old.row());
            if marks & (mark::SUPERSEDED | mark::FORGOTTEN) != 0 {
                continue;
            }
            let Some(new) = self.copy_row(person, old, before) else { continue };
            self.tables[new.code()].set_u32(new.row(), layout::NEXT, head.0);
            head = new;
            if marks & mark::RETRACTED == 0 {
                self.people.may_have(person, BaseTable::Kind(self.table(new).layout.kind));
            }
        }
        if let Some(state) = self.people.get_mut(person) {
            state.head = head;
        }
    }

    /// Copies a row and its index entry; none cannot be, for a table never holds more winners than it held rows.
    fn copy_row(&mut self, person: u32, old: RowRef, before: &Before) -> Option<RowRef> {
        let from = &before.tables[old.code()];
        let table = &mut self.tables[old.code()];
        let row = table.push_copy(from, old.row(), &before.texts, &mut self.texts)?;
        let new = RowRef::new(table.layout.kind, row);
        for (sparse_before, sparse) in
            [(&before.first_known, &mut self.first_known), (&before.latest_known, &mut self.latest_known)]
        {
            if let Some(&instant) = sparse_before.get(&old) {
                sparse.insert(new, instant);
            }
        }
        self.facts.insert(self.table(new).key(row).0, new.0);
        let is_stay = self.table(new).layout.kind == Kind::Stays;
        if is_stay && self.table(new).marks(row) & mark::RETRACTED == 0 {
            self.link_stay(row, person);
        }
        Some(new)
    }
}
