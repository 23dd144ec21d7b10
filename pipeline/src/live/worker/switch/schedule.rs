//! Which pack is in force when, as the process knows it: shared by its workers, filled by who follows the decisions.
//!
//! ```text
//! decisions -> switches in order, each with its pack -> a worker asks: is another due at this clock?
//! ```
//!
//! Owns what is known, and up to when it is known (R-27). Must never decide: the fold of the decisions does.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use fuma_schemas::Instant;

use super::outcome::Outcome;
use crate::live::decisions::Switch as Decided;
use crate::policy::Pack;

/// A pack that judges a partition.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Its number in the order in which packs were put in force.
    pub number: u64,
    /// The hash of its contents, as positions hold it.
    pub hash: String,
    /// The pack.
    pub pack: Arc<Pack>,
    /// Since when; none for the first pack of an installation: it holds for all time.
    pub since: Option<Instant>,
    /// The number of the switch that made its way of tracing live (R-23): of those before it that trace alike, without
    /// another between them, the first.
    pub label: u64,
}

/// A switch that the decisions put in force at an instant.
#[derive(Clone, Debug)]
pub struct Switch {
    /// Its number; 1 is the pack with which the installation began.
    pub number: u64,
    /// The hash of the pack's contents, as positions hold it.
    pub hash: String,
    /// From when on: as R-27 gives it.
    pub at: Instant,
    /// The pack; or why this process does not have it.
    pub pack: Result<Arc<Pack>, String>,
}

/// Digits of a digest in a position.
const HASH_DIGITS: usize = 16;

impl Switch {
    /// A switch of the decisions, with its pack or why it is not here.
    pub fn of(decided: &Decided, pack: Result<Arc<Pack>, String>) -> Switch {
        let digest = &decided.pack.digest;
        let hash = digest.get(..HASH_DIGITS).unwrap_or(digest).to_owned();
        Switch { number: decided.number, hash, at: Instant(decided.instant_ms), pack }
    }
}

/// A pack is due, and this process does not have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// The number of the switch.
    pub number: u64,
    /// Why it is not here.
    pub why: String,
}

#[derive(Debug, Default)]
struct Known {
    switches: Vec<Switch>,
    /// Rises whenever the switches are other ones.
    version: u64,
    /// When the decisions were last read to their end, in monotonic time; none: nobody follows them.
    read_at: Option<Duration>,
    /// Switches that partitions have finished, and that are not written yet.
    finished: Vec<Outcome>,
    /// Those that are written: number and partition.
    written: BTreeSet<(u64, u32)>,
}

/// The packs of an installation; clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Schedule(Arc<RwLock<Known>>);

impl Schedule {
    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The switches as the decisions have them now, in order.
    pub fn set(&self, switches: Vec<Switch>) {
        let mut known = self.change();
        let same = |one: &Switch, other: &Switch| {
            (one.number, &one.hash, one.at, one.pack.is_ok())
                == (other.number, &other.hash, other.at, other.pack.is_ok())
        };
        let is_same = known.switches.len() == switches.len()
            && known.switches.iter().zip(&switches).all(|(one, other)| same(one, other));
        known.version += u64::from(!is_same);
        known.switches = switches;
    }

    /// The switches, in order.
    pub fn switches(&self) -> Vec<Switch> {
        self.known().switches.clone()
    }

    /// Rises whenever the switches are other ones.
    pub fn version(&self) -> u64 {
        self.known().version
    }

    /// The decisions were read to the end that they had at this monotonic time.
    pub fn read_to_end(&self, at: Duration) {
        let mut known = self.change();
        known.read_at = known.read_at.max(Some(at));
    }

    /// When the decisions were last read to their end, in monotonic time; none: nobody follows them.
    pub fn read_at(&self) -> Option<Duration> {
        self.known().read_at
    }

    /// The pack that takes over at a clock from the one with this number; none: none is due. Of several the last.
    pub fn due(&self, number: u64, clock: Instant) -> Option<Result<InForce, Missing>> {
        let known = self.known();
        let switch = known.switches.iter().rfind(|switch| switch.at <= clock)?;
        (switch.number > number).then(|| known.in_force(switch))
    }

    /// The pack with this number, if the process knows it under this hash.
    pub fn of(&self, number: u64, hash: &str) -> Option<Result<InForce, Missing>> {
        let known = self.known();
        let switch = known.switches.iter().find(|switch| switch.number == number && switch.hash == hash)?;
        Some(known.in_force(switch))
    }

    /// The pack with this number, if the process knows of it.
    pub fn numbered(&self, number: u64) -> Option<Result<InForce, Missing>> {
        let known = self.known();
        let switch = known.switches.iter().find(|switch| switch.number == number)?;
        Some(known.in_force(switch))
    }

    /// The packs that are to come after this number, as far as they are here.
    pub fn coming(&self, number: u64) -> Vec<InForce> {
        let known = self.known();
        let coming = known.switches.iter().filter(|switch| switch.number > number);
        coming.filter_map(|switch| known.in_force(switch).ok()).collect()
    }

    /// The next switch after this number, be it due or not.
    pub fn next(&self, number: u64) -> Option<Switch> {
        self.known().switches.iter().find(|switch| switch.number > number).cloned()
    }

    /// A partition has finished a switch: that is to be written.
    pub fn finished(&self, outcome: Outcome) {
        let mut known = self.change();
        let (number, partition) = (outcome.number, outcome.partition);
        known.written.remove(&(number, partition));
        known.finished.retain(|other| (other.number, other.partition) != (number, partition));
        known.finished.push(outcome);
    }

    /// What is to be written, and is not yet.
    pub fn to_write(&self) -> Vec<Outcome> {
        self.known().finished.clone()
    }

    /// It is written that a partition has finished a switch.
    pub fn written(&self, number: u64, partition: u32) {
        let mut known = self.change();
        known.finished.retain(|outcome| (outcome.number, outcome.partition) != (number, partition));
        known.written.insert((number, partition));
    }

    /// Whether it is written that a partition has finished a switch.
    pub fn is_written(&self, number: u64, partition: u32) -> bool {
        self.known().written.contains(&(number, partition))
    }
}

impl Known {
    fn in_force(&self, switch: &Switch) -> Result<InForce, Missing> {
        let Switch { number, hash, at, pack } = switch;
        let missing = |why: &String| Missing { number: *number, why: why.clone() };
        let pack = Arc::clone(pack.as_ref().map_err(missing)?);
        let since = (*number > 1).then_some(*at);
        // A pack that is not here may trace in another way.
        let before = self.switches.iter().rev().skip_while(|other| other.number >= *number);
        let alike = before.take_while(|other| other.pack.as_ref().is_ok_and(|other| other.traces_as(&pack)));
        let label = alike.last().map_or(*number, |first| first.number);
        Ok(InForce { number: *number, hash: hash.clone(), pack, since, label })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn switch(number: u64, at: i64) -> Switch {
        Switch { number, hash: format!("h{number}"), at: Instant(at), pack: Err("not here".into()) }
    }

    #[test]
    fn the_last_switch_whose_instant_has_come_is_due_and_no_earlier_one() {
        let schedule = Schedule::default();
        assert_eq!(schedule.due(1, Instant(9)).map(|due| due.is_ok()), None);
        schedule.set(vec![switch(1, 0), switch(2, 10), switch(3, 20)]);
        let due = |number, clock| schedule.due(number, Instant(clock)).map(|due| due.unwrap_err().number);
        assert_eq!((due(1, 9), due(1, 10), due(1, 19)), (None, Some(2), Some(2)));
        assert_eq!((due(1, 20), due(2, 20), due(3, 20)), (Some(3), Some(3), None));
        assert_eq!(due(4, 30), None, "who is further goes on");
        assert_eq!(schedule.next(1).unwrap().number, 2);
    }

    #[test]
    fn what_is_read_again_is_no_news() {
        let schedule = Schedule::default();
        schedule.set(vec![switch(1, 0)]);
        let version = schedule.version();
        schedule.set(vec![switch(1, 0)]);
        assert_eq!(schedule.version(), version);
        schedule.set(vec![switch(1, 0), switch(2, 5)]);
        assert!(schedule.version() > version);
        schedule.read_to_end(Duration::from_secs(5));
        schedule.read_to_end(Duration::from_secs(3));
        assert_eq!(schedule.read_at(), Some(Duration::from_secs(5)), "a slower reader takes nothing back");
    }
}
