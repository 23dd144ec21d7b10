//! What must hold of a person's rows, as a predicate: where invariants are checked, it is when records were applied and
//! when rows were chained anew.
//!
//! Owns the relations between chains, the index of winners, the marks and what is kept beside the tables (I-2), and the
//! length of a walk (I-10). Must never change anything.

use fuma_schemas::Kind;

use crate::evidence::people::CHAIN_ROWS_MAX;
use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, Sparse, mark};
use crate::evidence::winners::is_by_claim;
use crate::invariant;

impl Evidence {
    /// Checks the rows of a person, where invariants are checked.
    ///
    /// # Panics
    /// When an invariant is broken.
    pub(in crate::evidence) fn check(&self, person: u32) {
        if invariant::are_checked() {
            self.check_rows(person);
        }
    }

    fn check_rows(&self, person: u32) {
        let mut standing = 0;
        for at in self.chain(person) {
            let (table, row) = (self.table(at), at.row());
            let (marks, key) = (table.marks(row), table.key(row));
            let holds = |held: bool, what: &str| {
                if !held {
                    invariant::broken("I-2", what);
                }
            };
            let has_won = marks & (mark::SUPERSEDED | mark::FORGOTTEN) == 0;
            standing += usize::from(marks & mark::NOT_STANDING == 0);
            holds(table.person(row) == person, "a row is of the person whose chain has it");
            holds(
                (self.winner(person, key) == Some(at)) == has_won,
                "of each fact one row wins, and the index knows it",
            );
            holds(marks & mark::UNCHAINED == 0, "a row that is in a chain is not marked as in none");
            holds(
                self.is_marked(at, mark::FIRST_KNOWN, &self.first_known),
                "an earlier record is kept where one is marked",
            );
            holds(
                self.is_marked(at, mark::LATEST_KNOWN, &self.latest_known),
                "a later record is kept where one is marked",
            );
            let is_contact = table.layout.kind == Kind::Contacts;
            holds(is_contact || marks & mark::WITHDRAWN == 0, "only a contact may count or not");
            holds(
                is_by_claim(table.layout.kind) || !self.assertions.contains_key(&at),
                "what losers asserted is kept of contacts and bindings alone",
            );
        }
        let (mut at, mut walked) = (self.people.head(person), 0);
        while !at.is_none() {
            at = self.table(at).next(at.row());
            walked += 1;
        }
        if walked > 2 * standing + CHAIN_ROWS_MAX {
            invariant::broken("I-10", "a walk over a person's rows is bounded by the facts that stand");
        }
    }

    fn is_marked(&self, at: RowRef, mark: u8, sparse: &Sparse) -> bool {
        (self.table(at).marks(at.row()) & mark != 0) == sparse.contains_key(&at)
    }
}
