//! The packs of a replay, one after the other (docs/feeds.md section 3).
//!
//! At a tick the last pack whose instant is at or before the tick is in force; of two that begin between the same two
//! ticks only the later is. At the first tick of a pack everybody with evidence is judged by it, and the lines of the
//! digest of section 6 are kept.
//!
//! Owns which pack is in force when. Must never judge.

use std::collections::VecDeque;
use std::sync::Arc;

use fuma_schemas::Instant;

use super::{Options, Tick};
use crate::assess::announced::StateNumber;
use crate::assess::difference::digest;
use crate::assess::{AssessError, Differences, Judge, Partition};
use crate::policy::Pack;

/// A pack that takes over.
#[derive(Clone, Debug)]
pub struct Switch {
    /// From when.
    pub at: Instant,
    /// The pack.
    pub pack: Arc<Pack>,
}

/// A switch that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Switched {
    /// The instant of the pack.
    pub at: Instant,
    /// The tick at which everybody was judged by it.
    pub tick: Instant,
    /// The pack's id.
    pub policy: Arc<str>,
    /// The pack's version.
    pub policy_version: Arc<str>,
    /// How many people have another state since this tick.
    pub changes: u64,
    /// The digest of these changes.
    pub digest: String,
}

impl Options {
    /// The pack in force at a clock.
    pub fn pack_at(&self, clock: Instant) -> &Arc<Pack> {
        self.later.iter().rfind(|switch| switch.at <= clock).map_or(&self.pack, |switch| &switch.pack)
    }
}

/// The switches that happen between two ticks, both included, each with its tick.
pub(super) fn happening(later: &[Switch], tick: Tick, (first, last): (Instant, Instant)) -> Vec<(Instant, Switch)> {
    let mut happening: Vec<(Instant, Switch)> = Vec::new();
    for switch in later {
        let at = tick.ceiling(switch.at).max(first);
        // The later one alone is in force at a tick.
        happening.retain(|(other, _)| *other != at);
        if at <= last {
            happening.push((at, switch.clone()));
        }
    }
    happening
}

/// The switches of one partition: those to come, and what those that happened changed.
pub(super) struct Schedule {
    coming: VecDeque<(Instant, Switch)>,
    /// What was announced before the switch of this tick.
    before: Option<Vec<StateNumber>>,
    pub(super) changed: Vec<Differences>,
}

impl Schedule {
    /// The switches between two ticks.
    pub(super) fn new(options: &Options, span: (Instant, Instant)) -> Schedule {
        let coming = happening(&options.later, options.tick, span).into();
        Schedule { coming, before: None, changed: Vec::new() }
    }

    /// The tick of the next switch.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.coming.front().map(|(tick, _)| *tick)
    }

    /// Puts the pack in force that takes over at a tick, once all before the tick is judged.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub(super) fn switch(&mut self, partition: &mut Partition) -> Result<(), AssessError> {
        let Some((_, Switch { at, pack })) = self.coming.pop_front() else { return Ok(()) };
        self.before = Some(partition.all_announced().numbers().to_vec());
        partition.put_in_force(Arc::new(Judge::in_force_since(pack, Some(at))?));
        Ok(())
    }

    /// Everybody is judged: keeps what the switch changed.
    pub(super) fn done(&mut self, partition: &Partition) {
        if let Some(before) = self.before.take() {
            self.changed.push(partition.differences(&before));
        }
    }
}

/// The switches that happened, with what they changed in all partitions.
pub(super) fn switched(happening: Vec<(Instant, Switch)>, parts: Vec<Vec<Differences>>) -> Vec<Switched> {
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    let all = happening.into_iter().map(|(tick, Switch { at, pack })| {
        let changed: Vec<Differences> = parts.iter_mut().filter_map(Iterator::next).collect();
        Switched {
            at,
            tick,
            policy: Arc::clone(&pack.id),
            policy_version: Arc::clone(&pack.version),
            changes: changed.iter().map(|part| part.len() as u64).sum(),
            digest: digest(&changed),
        }
    });
    all.collect()
}
