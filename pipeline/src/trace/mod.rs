//! Which contacts count (docs/packs.md, "Only contacts that count"): the one place that joins people to each other
//! (I-6).
//!
//! Owns the graph of cases and contacts: who names whom, and what has fallen. Must never read a colour, a clock or
//! the world outside; must never keep a name or an identity as text.
//!
//! ```text
//! records   rows of a log batch -> records with keys
//! graph     facts, the names they bear, and what hangs on a name; the winner of a fact
//! fixpoint  what has fallen, after what was touched; the verdicts that flipped
//! forget    what people forgot and no kept record names is dropped
//! judge     records one by one: every flip, and how each contact stands at its own record (R-15)
//! ```
//!
//! A case record has fallen when its winner is retracted or excluded. A contact record has fallen when its winner is
//! retracted, or its index_case or its index_contact names records that have all fallen. A name that no record bears
//! has not fallen. "Fallen" is the least such set: contacts that hold each other up in a cycle count until a ground
//! falls.

mod fixpoint;
mod forget;
mod graph;
mod judge;
mod records;
mod snapshot;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

use arrow::record_batch::RecordBatch;
use fuma_schemas::{Kind, Person};

pub use crate::evidence::FactKey;
use crate::evidence::{ForgottenLink, Seed};
pub use judge::{Judged, version_of};
pub use records::LinkBatchError;
pub use snapshot::LINKS;

/// Whether a contact counts from now on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Verdict {
    /// Whose contact.
    pub person: Person,
    /// Which fact of the person.
    pub fact: FactKey,
    /// Whether it counts. A contact of which no verdict was ever given counts.
    pub counts: bool,
}

/// A record that trace dropped: people that kept it, for it is excluded or retracted, may drop it as well, and must,
/// for
/// a record of it that comes again is new to both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dropped {
    /// Whose case or contact.
    pub person: Person,
    /// Which fact of the person.
    pub fact: FactKey,
}

/// The cases and contacts of everybody, and which contacts count.
#[derive(Default)]
pub struct Trace {
    graph: graph::Graph,
}

impl Trace {
    /// Without any record, and with the secret of tests.
    pub fn new() -> Trace {
        Trace::default()
    }

    /// Without any record; the secret keys the tables over what producers send.
    pub fn seeded(seed: Seed) -> Trace {
        Trace { graph: graph::Graph::new(seed) }
    }

    /// Takes in these rows of a batch of the evidence log (`log_schema`), in any order and as often as they come;
    /// what follows from them is for [`Trace::settle`]. Batches of other kinds hold no links, and are left alone.
    ///
    /// Some two microseconds a row, the fixpoint included, with a million contacts on a busy machine. On an error no
    /// row was taken in.
    pub fn apply(&mut self, kind: Kind, batch: &RecordBatch, rows: &[u32]) -> Result<(), LinkBatchError> {
        if !matches!(kind, Kind::Cases | Kind::Contacts) {
            return Ok(());
        }
        let records = records::LinkBatch::of(kind, batch, rows)?;
        for &row in rows {
            self.graph.apply(&records.record(row as usize));
        }
        Ok(())
    }

    /// Brings what was touched since the last call to the fixpoint, and returns the verdicts that differ from those
    /// given before, at most one a contact, in no order that means anything. There is none for a contact that is
    /// retracted.
    ///
    /// Costs as much as there is downstream of what changed, once, however many records changed it.
    pub fn settle(&mut self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.graph.settle(|verdict| verdicts.push(verdict));
        verdicts
    }

    /// Takes in what people forgot, at its own place in the link log. Dropping changes no verdict; what was dropped is
    /// given by [`Trace::take_dropped`]. Again and again the same is the same as once.
    ///
    /// Brings the graph to the fixpoint first: verdicts that were due are handed out.
    pub fn forget(&mut self, forgotten: &ForgottenLink) -> Vec<Verdict> {
        let verdicts = self.settle();
        self.graph.forget(forgotten);
        verdicts
    }

    /// The excluded and retracted cases, and the contacts, that were dropped since the last call: evidence is to be
    /// told
    /// ([`crate::evidence::Evidence::trace_dropped`]), in this order and before anything that comes later.
    pub fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.graph.dropped)
    }

    /// The memory that the graph holds, in bytes.
    pub fn state_bytes(&self) -> usize {
        self.graph.state_bytes()
    }
}
