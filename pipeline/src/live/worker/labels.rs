//! What a partition sees of derived contacts: those of its own label alone (docs/recovery.md R-23).
//!
//! ```text
//! lower    over for good: its rows go at the switch, and what comes of it later is nothing
//! own      seen
//! higher   another partition has switched already: it waits for this one's switch
//! ```
//!
//! Owns the rows that wait. No snapshot may begin while any does. Must never show a row of another label.

use fuma_schemas::Instant;

use crate::assess::{AssessError, Partition};
use crate::evidence::{Derived as Fact, Said};
use crate::live::record::Derived;

/// The label of a partition.
#[derive(Debug, Default)]
pub(super) struct Labelled {
    own: u64,
    early: Vec<(Fact, Said, Instant)>,
}

impl Labelled {
    /// Under a label.
    pub(super) fn of(own: u64) -> Labelled {
        Labelled { own, early: Vec::new() }
    }

    /// Whether nothing waits for a switch: what waits is in no table.
    pub(super) fn is_settled(&self) -> bool {
        self.early.is_empty()
    }

    /// Takes in what a stage says at an instant.
    pub(super) fn take(
        &mut self,
        partition: &mut Partition,
        (by, version, at): (Derived, u64, Instant),
        fact: &Fact,
    ) -> Result<(), AssessError> {
        let said = Said { epoch: by.epoch, version };
        if by.label() == 0 || by.label() == self.own {
            return partition.derive_said(fact, (said, at));
        }
        if by.label() > self.own {
            self.early.push((fact.clone(), said, at));
        }
        Ok(())
    }

    /// Another label begins.
    pub(super) fn begin(&mut self, partition: &mut Partition, label: u64) -> Result<(), AssessError> {
        if label == self.own {
            return Ok(());
        }
        self.own = label;
        self.settle(partition)?;
        for (fact, said, at) in std::mem::take(&mut self.early) {
            self.take(partition, (Derived { epoch: said.epoch, ..Derived::default() }, said.version, at), &fact)?;
        }
        Ok(())
    }

    /// What is of a lower label goes.
    pub(super) fn settle(&self, partition: &mut Partition) -> Result<(), AssessError> {
        let label = |said: Said| Derived { epoch: said.epoch, ..Derived::default() }.label();
        partition.end_derived(&|said| label(said) != 0 && label(said) < self.own)
    }
}
