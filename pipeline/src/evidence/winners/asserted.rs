//! What is kept of the assertions of a fact that did not win: the state's side of `first_known`.
//!
//! Owns the map beside the tables. An entry is there only where something else was asserted than the winner asserts.

use fuma_schemas::Kind;

use super::fact_key::text_key;
use super::first_known::{Assertion, Assertions, Claim};
use super::order::{Contents, Ranked};
use super::row_contents::RowContents;
use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, mark};

/// The places of a contact's degree and last exposure, and of a binding's phone and holder.
const DEGREE: usize = 0;
const LAST_EXPOSURE_AT: usize = 2;
const PHONE: usize = 0;
const HOLDER: usize = 1;

/// Whether a fact of a kind became known when the winner's words were first said, not when its first record was.
pub(in crate::evidence) fn is_by_claim(kind: Kind) -> bool {
    matches!(kind, Kind::Contacts | Kind::Bindings)
}

/// What a record claims, where that decides when its fact became known; none of all other kinds.
pub(in crate::evidence) fn claim(record: &impl Contents) -> Option<Claim> {
    let code = |column| if let Ranked::Number(code) = record.ranked(column) { u8::try_from(code).ok() } else { None };
    match (record.kind(), record.ranked(PHONE), record.ranked(LAST_EXPOSURE_AT)) {
        (Kind::Contacts, _, Ranked::Number(at)) => Some(Claim { ground: 0, code: code(DEGREE)?, at }),
        (Kind::Bindings, Ranked::Text(phone), _) => Some(Claim { ground: text_key(phone), code: code(HOLDER)?, at: 0 }),
        _ => None,
    }
}

impl Evidence {
    /// What a row asserts; none of a retraction, and of a kind whose first record alone counts.
    pub(super) fn assertion_of(&self, at: RowRef) -> Option<Assertion> {
        let table = self.table(at);
        if !is_by_claim(table.layout.kind) || table.marks(at.row()) & mark::RETRACTED != 0 {
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
        if !is_by_claim(table.layout.kind) {
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
