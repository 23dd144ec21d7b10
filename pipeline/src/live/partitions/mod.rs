//! What becomes of each partition that this process is given: being restored, owned, or parked with a reason.
//!
//! ```text
//! assigned -> waiting or restoring -> owned -> (revoked, lost: gone from here)
//!                    ^                  |
//!                    `---- parked <-----'     not committed; tried again, or let go on by an operator's word
//! ```
//!
//! ```text
//! reason    the closed list of reasons: code, advice, who can help
//! words     what operators agreed to
//! handed    words that wait in a state folder
//! withheld  what the emergency stop holds back
//! ```
//!
//! Owns the states that metrics, probes and `fuma status` show. A stage writes them; whoever else has the handle reads.
//! Must never hold a person.

mod handed;
mod reason;
mod withheld;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuma_schemas::Instant;

pub use handed::{take_words, write_word};
pub use reason::ParkReason;
pub use withheld::{Moved, Withheld};
pub use words::{Words, digest_of};

/// The stage that judges.
pub const ASSESS: &str = "assess";
/// The stage that follows contacts.
pub const TRACE: &str = "trace";
/// The stage that attaches records of phones.
pub const ATTACH: &str = "attach";
/// The stage that finds who was aboard with a case.
pub const ABOARD: &str = "aboard";
/// The one partition of the link log.
pub const LINKS: u32 = 0;

/// What a partition is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Assigned; its state is being made, or waits for its turn.
    Restoring,
    /// It is judged and committed.
    Owned,
    /// Assigned, and not committed, for a reason.
    Parked,
}

impl State {
    /// Every state.
    pub const ALL: [State; 3] = [State::Restoring, State::Owned, State::Parked];

    /// Its name in metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            State::Restoring => "restoring",
            State::Owned => "owned",
            State::Parked => "parked",
        }
    }
}

/// Why and for how long a partition is parked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parked {
    /// Why.
    pub reason: ParkReason,
    /// What is wrong, in a sentence; it names nobody.
    pub what: String,
    /// When it is tried again; none: only an operator's word, or a restart, helps.
    pub next_try: Option<Instant>,
    /// How often it was tried.
    pub tries: u32,
    /// What an operator agrees to with `fuma accept`; none where a word does not help.
    pub digest: Option<String>,
}

impl Parked {
    /// The command with which an operator lets the partition go on, where a word helps.
    pub fn command(&self, partition: u32) -> Option<String> {
        let digest = self.digest.as_ref()?;
        Some(format!("fuma accept {} {partition} {digest}", self.reason.code()))
    }

    /// What to do about it: the command with the digest where a word helps, else the advice.
    pub fn advice(&self, partition: u32) -> String {
        match self.command(partition) {
            Some(command) => format!("{}; to go on: {command}", self.reason.advice()),
            None => self.reason.advice().to_owned(),
        }
    }
}

/// One partition of a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// What it is.
    pub state: State,
    /// Since when, by this machine's clock.
    pub since: Instant,
    /// Why it is parked, if it is.
    pub parked: Option<Parked>,
}

/// The stage, and the number of the partition.
pub type Place = (&'static str, u32);

/// The partitions of this process; clones are handles of the same, and show as the same.
#[derive(Clone, Debug, Default)]
pub struct Partitions {
    held: Arc<Mutex<Held>>,
    /// Who shows something with this handle.
    by: u64,
}

/// Each partition, with who showed it last.
#[derive(Debug, Default)]
struct Held {
    all: BTreeMap<Place, (u64, Holding)>,
    handed_out: u64,
}

impl Partitions {
    /// A handle for somebody else of this process: what either shows, the other does not take away.
    #[must_use]
    pub fn for_another(&self) -> Partitions {
        let mut held = self.held();
        held.handed_out += 1;
        Partitions { held: Arc::clone(&self.held), by: held.handed_out }
    }

    /// All that this process was given, in order.
    pub fn all(&self) -> Vec<(Place, Holding)> {
        self.held().all.iter().map(|(place, (_, holding))| (*place, holding.clone())).collect()
    }

    /// One partition.
    pub fn of(&self, stage: &'static str, partition: u32) -> Option<Holding> {
        self.held().all.get(&(stage, partition)).map(|(_, holding)| holding.clone())
    }

    /// How many partitions of a stage are in a state.
    pub fn count(&self, stage: &str, state: State) -> usize {
        self.held().all.iter().filter(|((of, _), (_, holding))| *of == stage && holding.state == state).count()
    }

    /// A partition is being restored, or waits for it. One that is parked stays so while it is tried again.
    pub fn restoring(&self, stage: &'static str, partition: u32, now: Instant) {
        self.set(stage, partition, State::Restoring, now, None);
    }

    /// A partition is judged and committed from now on.
    pub fn owned(&self, stage: &'static str, partition: u32, now: Instant) {
        self.set(stage, partition, State::Owned, now, None);
    }

    /// A partition is parked; `since` stays that of the first try for the same reason.
    pub fn parked(&self, stage: &'static str, partition: u32, now: Instant, parked: Parked) {
        self.set(stage, partition, State::Parked, now, Some(parked));
    }

    /// A partition is not with whoever has this handle any more. It may be with another of this process already.
    pub fn gone(&self, stage: &'static str, partition: u32) {
        let mut held = self.held();
        if held.all.get(&(stage, partition)).is_some_and(|(by, _)| *by == self.by) {
            held.all.remove(&(stage, partition));
        }
    }

    /// Whoever has this handle ended: it holds nothing, whatever became of its client.
    pub fn ended(&self) {
        self.held().all.retain(|_, (by, _)| *by != self.by);
    }

    fn set(&self, stage: &'static str, partition: u32, state: State, now: Instant, parked: Option<Parked>) {
        let mut held = self.held();
        let same = |holding: &&Holding| {
            let reason = |parked: &Option<Parked>| parked.as_ref().map(|parked| parked.reason);
            holding.state == state && reason(&holding.parked) == reason(&parked)
        };
        let before = held.all.get(&(stage, partition)).map(|(_, holding)| holding);
        let since = before.filter(same).map_or(now, |holding| holding.since);
        held.all.insert((stage, partition), (self.by, Holding { state, since, parked }));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parked(reason: ParkReason) -> Parked {
        Parked { reason, what: "why".into(), next_try: None, tries: 1, digest: Some("1f2e".into()) }
    }

    #[test]
    fn since_is_kept_for_as_long_as_state_and_reason_are_the_same() {
        let partitions = Partitions::default();
        partitions.restoring(ASSESS, 3, Instant(1));
        partitions.parked(ASSESS, 3, Instant(2), parked(ParkReason::NoLeader));
        partitions.parked(ASSESS, 3, Instant(5), parked(ParkReason::NoLeader));
        let since = |partitions: &Partitions| partitions.of(ASSESS, 3).unwrap().since;
        assert_eq!(since(&partitions), Instant(2));
        partitions.parked(ASSESS, 3, Instant(7), parked(ParkReason::Gap));
        assert_eq!(since(&partitions), Instant(7));
        assert_eq!((partitions.count(ASSESS, State::Parked), partitions.count(TRACE, State::Parked)), (1, 0));
        partitions.gone(ASSESS, 3);
        assert_eq!(partitions.all(), []);
    }

    /// A partition may be with the next worker before the last one has noticed that it lost it.
    #[test]
    fn whoever_ends_takes_away_what_it_showed_and_nothing_else() {
        let all = Partitions::default();
        let (one, other) = (all.for_another(), all.for_another());
        (0..3).for_each(|partition| one.owned(ASSESS, partition, Instant(1)));
        other.restoring(ASSESS, 2, Instant(2));
        one.gone(ASSESS, 0);
        one.gone(ASSESS, 2);
        let held = |all: &Partitions| all.all().into_iter().map(|((_, id), _)| id).collect::<Vec<_>>();
        assert_eq!(held(&all), [1, 2]);
        one.ended();
        assert_eq!((held(&all), all.count(ASSESS, State::Restoring)), (vec![2], 1));
    }

    #[test]
    fn the_command_names_reason_partition_and_digest() {
        let mut parked = parked(ParkReason::Differences);
        assert_eq!(parked.command(3).unwrap(), "fuma accept differences 3 1f2e");
        assert!(parked.advice(3).ends_with("fuma accept differences 3 1f2e"));
        parked.digest = None;
        assert_eq!(parked.advice(3), ParkReason::Differences.advice());
    }
}
