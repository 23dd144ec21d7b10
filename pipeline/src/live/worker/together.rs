//! The people of a commit of all partitions of a worker are one step: plans are executed once a commit, not once a
//! partition.
//!
//! Owns the hand-over to `assess::joint`. Who is judged, and how many, is decided before.

use fuma_schemas::{CodeChange, Instant};

use super::Worker;
use super::owned::EveryInstant;
use crate::assess::joint::{self, Share};

/// How many of those who wait in a partition are judged, at which clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) partition: u32,
    pub(super) clock: Instant,
    pub(super) people: usize,
}

impl Worker {
    /// Judges them; the changes of each partition are added to its own.
    pub(super) fn judge_together(&mut self, wanted: &[Wanted], changed: &mut [(u32, Vec<CodeChange>)]) {
        let mut shares: Vec<Share<'_>> = Vec::with_capacity(wanted.len());
        let mut changes: Vec<(u32, &mut Vec<CodeChange>)> =
            changed.iter_mut().map(|(id, changes)| (*id, changes)).collect();
        for owned in self.owned.values_mut() {
            let Some(wanted) = wanted.iter().find(|wanted| wanted.partition == owned.id) else { continue };
            let Some(at) = changes.iter().position(|(id, _)| *id == owned.id) else { continue };
            let (_, changes) = changes.swap_remove(at);
            shares.push(owned.share(wanted.clock, wanted.people, changes));
        }
        joint::judge_waiting(&mut shares, &EveryInstant);
    }
}
