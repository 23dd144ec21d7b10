//! What is known at an instant: partitions, and who has the names behind their facts.
//!
//! Owns the way from a person to a partition. A finished replay and a live engine are asked alike.

use fuma_schemas::{Instant, Person};

use super::names::Names;
use crate::assess::Partition;
use crate::policy::Pack;

/// What is known at an instant.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    partitions: &'a [Partition],
    names: &'a dyn Names,
    pack: &'a Pack,
    at: Instant,
}

impl<'a> Known<'a> {
    /// What partitions know under a pack, at an instant that is not before their last step.
    pub fn new(partitions: &'a [Partition], names: &'a dyn Names, pack: &'a Pack, at: Instant) -> Known<'a> {
        Known { partitions, names, pack, at }
    }

    /// The instant.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The pack.
    pub fn pack(&self) -> &'a Pack {
        self.pack
    }

    /// The names behind the facts.
    pub(super) fn names(&self) -> &'a dyn Names {
        self.names
    }

    /// The partitions, by number.
    pub(super) fn partitions(&self) -> &'a [Partition] {
        self.partitions
    }

    /// The partition that has evidence of a person, and the person's number there.
    pub(super) fn find(&self, person: Person) -> Option<(&'a Partition, u32)> {
        let partition = self.partitions.get(person.partition(self.partitions.len()))?;
        partition.evidence().find(person).map(|number| (partition, number))
    }
}
