//! Which contacts count: the verdicts of trace.
//!
//! Owns the set of contacts that do not count. Why one does not is trace's; a contact of which nothing was said
//! counts.

use fuma_schemas::{Kind, Person};

use super::fact_key::FactKey;
use super::layout::mark;
use super::state::Evidence;
use super::touched::Touched;

impl Evidence {
    /// Takes a verdict of trace on a contact. It may come before the contact's record: then it waits for it.
    pub fn set_counts(&mut self, token: Person, fact: FactKey, counts: bool, touched: &mut Touched) {
        let news = if counts { self.withdrawn.remove(&fact) } else { self.withdrawn.insert(fact) };
        let Some(at) = self.winner(fact).filter(|at| news && at.code() == usize::from(Kind::Contacts.code())) else {
            return;
        };
        let (set, clear) = if counts { (0, mark::WITHDRAWN) } else { (mark::WITHDRAWN, 0) };
        let table = &mut self.tables[at.code()];
        table.mark(at.row(), set, clear);
        if table.marks(at.row()) & mark::NOT_STANDING == 0
            && let Some(person) = self.people.find(token)
        {
            touched.touch(person);
        }
    }

    /// Every verdict: the fact, its version and whether the contact counts.
    pub(super) fn standing_verdicts(&self) -> Vec<(FactKey, u64, bool)> {
        self.withdrawn.iter().map(|fact| (*fact, 0, false)).collect()
    }

    /// Takes back a verdict from a snapshot, without touching anybody.
    pub(super) fn restore_verdict(&mut self, fact: FactKey, _version: u64, counts: bool) {
        if counts {
            return;
        }
        self.withdrawn.insert(fact);
        if let Some(at) = self.winner(fact).filter(|at| at.code() == usize::from(Kind::Contacts.code())) {
            self.tables[at.code()].mark(at.row(), mark::WITHDRAWN, 0);
        }
    }
}
