//! Which contacts count: the verdicts of trace.
//!
//! Owns the standing verdict of each contact on which one was given. Why a contact does not count is trace's; a
//! contact of which nothing was said counts.
//!
//! A verdict carries a version, and the highest wins: trace may say a thing again after a crash, and a trace
//! that was taken for dead may go on saying things for a while, so verdicts come repeated and mixed. That a contact
//! counts is therefore kept like its contrary. Were it dropped as "nothing was said", the verdict that it overruled
//! would hold again when it is repeated, and for ever if whoever repeats it dies before it comes to the later one.
//! A contact that always counted has no verdict and takes no room; the verdict of one that is forgotten goes with it,
//! which is sound because a fact is kept for days, and verdicts are repeated within minutes.

use fuma_schemas::{Kind, Person};
use hashbrown::hash_map::Entry;

use super::fact_key::FactKey;
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::store::mark;

/// The verdict that holds on a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::evidence) struct Standing {
    /// The version of the verdict.
    pub(in crate::evidence) version: u64,
    /// Whether the contact counts.
    pub(in crate::evidence) counts: bool,
}

impl Evidence {
    /// Takes a verdict of trace on a contact; one of a lower or the same version as the last changes nothing. It may
    /// come before the contact's record: then it waits for it.
    pub fn set_counts(&mut self, token: Person, fact: FactKey, counts: bool, version: u64, touched: &mut Touched) {
        let counted = match self.verdicts.entry(fact) {
            Entry::Occupied(entry) if entry.get().version >= version => return,
            Entry::Occupied(mut entry) => entry.insert(Standing { version, counts }).counts,
            Entry::Vacant(entry) => {
                entry.insert(Standing { version, counts });
                true
            }
        };
        let Some(at) = self.winner(fact).filter(|at| at.code() == usize::from(Kind::Contacts.code())) else {
            return;
        };
        if counted == counts {
            return;
        }
        let (set, clear) = if counts { (0, mark::WITHDRAWN) } else { (mark::WITHDRAWN, 0) };
        let table = &mut self.tables[at.code()];
        table.mark(at.row(), set, clear);
        if table.marks(at.row()) & mark::NOT_STANDING == 0
            && let Some(person) = self.people.find(token)
        {
            touched.touch(person);
        }
    }

    /// Every verdict that holds: the fact, its version and whether the contact counts.
    pub(in crate::evidence) fn standing_verdicts(&self) -> Vec<(FactKey, u64, bool)> {
        self.verdicts.iter().map(|(fact, standing)| (*fact, standing.version, standing.counts)).collect()
    }

    /// Takes back a verdict from a snapshot, without touching anybody; one of a lower version than the last changes
    /// nothing.
    pub(in crate::evidence) fn restore_verdict(&mut self, fact: FactKey, version: u64, counts: bool) {
        if self.verdicts.get(&fact).is_some_and(|standing| standing.version >= version) {
            return;
        }
        self.verdicts.insert(fact, Standing { version, counts });
        if let Some(at) = self.winner(fact).filter(|at| at.code() == usize::from(Kind::Contacts.code())) {
            let (set, clear) = if counts { (0, mark::WITHDRAWN) } else { (mark::WITHDRAWN, 0) };
            self.tables[at.code()].mark(at.row(), set, clear);
        }
    }

    /// Whether trace said of a contact that it does not count, and nothing else since.
    pub(in crate::evidence) fn is_withdrawn(&self, fact: FactKey) -> bool {
        self.verdicts.get(&fact).is_some_and(|standing| !standing.counts)
    }
}
