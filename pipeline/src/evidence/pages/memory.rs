//! How much memory the state holds, used or not.
//!
//! Owns the account. It counts what was taken from the allocator, not what is in it.

use crate::evidence::state::Evidence;
use crate::evidence::store::sparse;

/// A part of the state and the bytes it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// The name, for a report.
    pub name: &'static str,
    /// Bytes held.
    pub bytes: usize,
}

/// The memory of a partition's evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memory {
    /// How many people there are.
    pub people: u64,
    /// How many facts there are, retracted ones included.
    pub facts: u64,
    /// How many rows there are, superseded ones included.
    pub rows: u64,
    /// Bytes held in all.
    pub bytes: usize,
    /// Bytes held, by part.
    pub parts: Vec<Part>,
}

impl Memory {
    /// Bytes a person; 0 without people.
    pub fn bytes_per_person(&self) -> f64 {
        if self.people == 0 { 0.0 } else { self.bytes as f64 / self.people as f64 }
    }

    /// Bytes a fact; 0 without facts.
    pub fn bytes_per_fact(&self) -> f64 {
        if self.facts == 0 { 0.0 } else { self.bytes as f64 / self.facts as f64 }
    }
}

impl Evidence {
    /// The memory that the state holds.
    pub fn memory(&self) -> Memory {
        let (person_index, people) = self.people.bytes();
        let mut parts: Vec<Part> =
            self.tables.iter().map(|table| Part { name: table.layout.kind.name(), bytes: table.bytes().0 }).collect();
        let elsewhere: usize = self.tables.iter().map(|table| table.bytes().1).sum();
        for (name, bytes) in [
            ("people", people + self.busy.bytes()),
            ("person index", person_index),
            ("fact index", self.facts.bytes()),
            ("instants and revisions elsewhere", elsewhere),
            ("first and latest known", sparse::bytes(&self.first_known) + sparse::bytes(&self.latest_known)),
            ("what losers asserted", self.assertion_bytes()),
            ("verdicts on contacts", self.verdicts.bytes()),
            ("what stages said", self.said.allocation_size()),
            ("texts", self.texts.regions.bytes() + self.texts.others.bytes()),
            ("tiers", self.tiers.facts.bytes() + self.tiers.codes.bytes()),
        ] {
            parts.push(Part { name, bytes });
        }
        Memory {
            people: u64::from(self.people()),
            facts: self.facts.len() as u64,
            rows: self.tables.iter().map(|table| u64::from(table.len())).sum(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            parts,
        }
    }
}
