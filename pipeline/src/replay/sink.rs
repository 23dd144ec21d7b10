//! Where changes and rejects go as they come: into memory, or into a spool.
//!
//! Owns the two ends' common shape. Changes of a partition come a step at a time; rejects of a decoder come in the
//! order
//! of sources and lines.

use std::collections::BTreeMap;

use fuma_schemas::{CodeChange, Colour, RejectCode};

use super::{Rejected, SpoolError};

/// Takes the changes of one partition.
pub(super) trait ChangeSink: Send {
    /// Takes the changes of a step, in no order; `changes` is empty afterwards.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn step(&mut self, changes: &mut Vec<CodeChange>) -> Result<(), SpoolError>;
}

/// Takes the rejects of one decoder.
pub(super) trait RejectSink: Send {
    /// Takes a reject of the source at this place.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn reject(&mut self, source: usize, rejected: Rejected) -> Result<(), SpoolError>;
}

impl ChangeSink for Vec<CodeChange> {
    fn step(&mut self, changes: &mut Vec<CodeChange>) -> Result<(), SpoolError> {
        self.append(changes);
        Ok(())
    }
}

impl RejectSink for Vec<(usize, Rejected)> {
    fn reject(&mut self, source: usize, rejected: Rejected) -> Result<(), SpoolError> {
        self.push((source, rejected));
        Ok(())
    }
}

/// Keeps nothing: what comes is counted elsewhere.
pub(super) struct Nowhere;

impl ChangeSink for Nowhere {
    fn step(&mut self, changes: &mut Vec<CodeChange>) -> Result<(), SpoolError> {
        changes.clear();
        Ok(())
    }
}

impl RejectSink for Nowhere {
    fn reject(&mut self, _source: usize, _rejected: Rejected) -> Result<(), SpoolError> {
        Ok(())
    }
}

/// How many changes there were of each colour and rule, and rejects of each code.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Changes.
    pub changes: u64,
    /// By colour before and after.
    pub colours: BTreeMap<(Colour, Colour), u64>,
    /// By the id of an active rule.
    pub rules: BTreeMap<String, u64>,
    /// Rejects.
    pub rejects: u64,
    /// By code.
    pub codes: BTreeMap<RejectCode, u64>,
}

impl Tally {
    /// Counts changes.
    pub(super) fn changes(&mut self, changes: &[CodeChange]) {
        self.changes += changes.len() as u64;
        for change in changes {
            *self.colours.entry((change.from, change.to)).or_default() += 1;
            for reason in &change.reasons {
                match self.rules.get_mut(&reason.rule.id) {
                    Some(count) => *count += 1,
                    None => drop(self.rules.insert(reason.rule.id.clone(), 1)),
                }
            }
        }
    }

    /// Counts a reject.
    pub(super) fn reject(&mut self, code: RejectCode) {
        self.rejects += 1;
        *self.codes.entry(code).or_default() += 1;
    }

    /// Adds what another counted.
    pub(super) fn add(&mut self, other: &Tally) {
        self.changes += other.changes;
        self.rejects += other.rejects;
        other.colours.iter().for_each(|(key, count)| *self.colours.entry(*key).or_default() += count);
        other.rules.iter().for_each(|(key, count)| *self.rules.entry(key.clone()).or_default() += count);
        other.codes.iter().for_each(|(key, count)| *self.codes.entry(*key).or_default() += count);
    }
}
