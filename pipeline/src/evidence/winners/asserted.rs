//! What is kept of the assertions of a fact that did not win: the state's side of `first_known`.
//!
//! Owns the map beside the tables. An entry is there only where something else was asserted than the winner asserts.

use fuma_schemas::Kind;

use super::first_known::{Assertion, Assertions, Claim};
use super::order::{Contents, Ranked};
use super::row_contents::RowContents;
use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, mark};

/// The places of a contact's degree and last exposure.
const DEGREE: usize = 0;
const LAST_EXPOSURE_AT: usize = 2;

/// What a record claims, where that decides when its fact became known; none of all other kinds.
pub(in crate::evidence) fn claim(record: &impl Contents) -> Option<Claim> {
    if record.kind() != Kind::Contacts {
        return None;
    }
    let Ranked::Number(degree) = record.ranked(DEGREE) else { return None };
    let Ranked::Number(at) = record.ranked(LAST_EXPOSURE_AT) else { return None };
    Some(Claim { ground: 0, code: u8::try_from(degree).ok()?, at })
}

impl Evidence {
    /// What a row asserts; none of a retraction, and of a kind whose first record alone counts.
    pub(super) fn assertion_of(&self, at: RowRef) -> Option<Assertion> {
        let table = self.table(at);
        if table.layout.kind != Kind::Contacts || table.marks(at.row()) & mark::RETRACTED != 0 {
            return None;
        }
        let claim = claim(&RowContents { table, texts: &self.texts, row: at.row() })?;
        Some(Assertion { known_at: table.known_at(at.row()), claim })
    }

    /// Adds what another record of a winner's fact asserts.
    pub(super) fn add_assertion(&mut self, winner: RowRef, other: Option<Assertion>) {
        let Some(other) = other else { return };
        let own = self.assertion_of(winner);
        let mut all = self.assertions.remove(&winner).unwrap_or_default();
        own.into_iter().chain([other]).for_each(|assertion| all.add(assertion));
        if own.is_none_or(|own| !all.are_only(&own)) {
            self.assertions.insert(winner, all);
        }
    }

    /// Hands what was asserted of a fact to the row that wins now, with what the loser asserted.
    pub(super) fn inherit_assertions(&mut self, loser: RowRef, winner: RowRef) {
        if let Some(all) = self.assertions.remove(&loser) {
            self.assertions.insert(winner, all);
        }
        self.add_assertion(winner, self.assertion_of(loser));
    }

    /// When a winner's fact became known as the winner says it; `least` is the least known_at of all its records. A
    /// retraction of such a fact became known when it did.
    pub(super) fn first_of(&self, winner: RowRef, least: i64) -> i64 {
        let table = self.table(winner);
        if table.layout.kind != Kind::Contacts {
            return least;
        }
        match (self.assertion_of(winner), self.assertions.get(&winner)) {
            (Some(own), Some(all)) => all.first(&own),
            _ => table.known_at(winner.row()),
        }
    }

    /// Bytes held, about.
    pub(in crate::evidence) fn assertion_bytes(&self) -> usize {
        let each = |all: &Assertions| all.len() * size_of::<Assertion>();
        self.assertions.allocation_size() + self.assertions.values().map(each).sum::<usize>()
    }

    /// Takes back what a snapshot kept of a fact; one of an earlier build kept the first known_at alone.
    pub(in crate::evidence) fn restore_assertions(&mut self, at: RowRef, kept: Option<Assertions>, first: i64) -> i64 {
        match (kept, self.assertion_of(at)) {
            (Some(kept), _) => drop(self.assertions.insert(at, kept)),
            (None, Some(own)) => self.add_assertion(at, Some(Assertion { known_at: first, ..own })),
            (None, None) => {}
        }
        self.first_of(at, first)
    }
}
