//! One digest over all partitions of what a switch announced: written once, when every partition has finished it, so
//! that it can be compared with the preview that was approved (docs/recovery.md R-29, docs/feeds.md section 6).
//!
//! ```text
//! all partitions have written what the switch came to
//!   -> who holds partition 0 reads the changes of the switch from the outputs, from where they begin
//!   -> as many as each partition said, with the digest that it said -> one record
//! ```
//!
//! Two processes that both think they hold the partition do no harm: of each switch the first record counts. Owns the
//! reading. Must never write a digest of less than all, nor keep a person.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fuma_connectors::log::{AnnouncedRecord, Log, LogError, Scope};
use fuma_schemas::Person;

use super::Service;
use super::supervise::Ended;
use crate::assess::Differences;
use crate::assess::announced::{Announced, State};
use crate::assess::difference::digest;
use crate::live::decisions::{DecisionError, Fold, Record, Settled, Switched};
use crate::live::partitions::{self, ASSESS};
use crate::live::worker::announcement::read_back;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// The most changes of one switch that are held in memory to be sorted: some 240 MB.
const LINES_MAX: u64 = 10_000_000;

/// Why a switch has no digest over all partitions.
#[derive(Debug, thiserror::Error)]
enum Unsettled {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("partition {partition} announced {said} changes of it, and the output yields {found} of them (compacted?)")]
    Gone { partition: u32, said: u64, found: u64 },
    #[error("what the output of partition {0} holds of it is not what the partition said that it announced")]
    Other(u32),
    #[error("an older build wrote what partition {0} came to, without the place in the output")]
    NoPlace(u32),
    #[error("{0} changes are more than are sorted in memory ({LINES_MAX})")]
    TooMany(u64),
}

/// Looks after the switches until the process stops.
pub(super) fn follow(log: &dyn Log, service: &Service) -> Result<(), Ended> {
    let Some(decisions) = &service.decisions else { return Ok(()) };
    let mut given_up = BTreeSet::new();
    while !service.stop.is_set() {
        let is_keeper =
            service.partitions.of(ASSESS, 0).is_some_and(|holding| holding.state == partitions::State::Owned);
        let fold = decisions.fold();
        for number in unsettled(&fold, log.partitions()).into_iter().filter(|_| is_keeper) {
            if given_up.contains(&number) {
                continue;
            }
            match settle(log, &fold, number) {
                Ok(settled) => {
                    say(&fold, &settled);
                    match decisions.write(&Record::Settled(settled)) {
                        Ok(()) => {}
                        Err(DecisionError::Log(error)) if error.scope() >= Scope::Stage => return Err(error.into()),
                        Err(error) => {
                            tracing::warn!(%error, "the digest of a switch is not written yet; tried again");
                        }
                    }
                }
                Err(Unsettled::Log(error)) if error.scope() >= Scope::Stage => return Err(error.into()),
                Err(Unsettled::Log(error)) => {
                    tracing::warn!(%error, "what a switch announced cannot be read yet; tried again");
                }
                Err(error) => {
                    given_up.insert(number);
                    tracing::error!(switch = number, "a switch gets no digest over all partitions: {error}");
                }
            }
        }
        service.stop.rest(EVERY, Duration::from_millis(100));
    }
    Ok(())
}

/// The switches that every partition has finished, and that have no digest yet.
fn unsettled(fold: &Fold, partitions: u32) -> Vec<u64> {
    let is_whole = |number: &u64| fold.switched(*number).count() as u64 == u64::from(partitions);
    let switches = fold.schedule().iter().filter(|switch| switch.proposal.is_some()).map(|switch| switch.number);
    switches.filter(|number| fold.settled(*number).is_none()).filter(is_whole).collect()
}

fn settle(log: &dyn Log, fold: &Fold, number: u64) -> Result<Settled, Unsettled> {
    let all: Vec<&Switched> = fold.switched(number).collect();
    let changes = all.iter().map(|switched| switched.changes).sum::<u64>();
    if changes > LINES_MAX {
        return Err(Unsettled::TooMany(changes));
    }
    let mut observer = log.observer()?;
    let mut parts = Vec::with_capacity(all.len());
    for Switched { partition, changes, digest: said, output, .. } in all {
        let from = output.ok_or(Unsettled::NoPlace(*partition))?;
        let mut lines = Lines::of(number);
        if *changes > 0 {
            observer.read_output(*partition, from, &mut |record| {
                lines.take(&record);
                (lines.people.len() as u64) < *changes
            })?;
        }
        let found = lines.people.len() as u64;
        if found != *changes {
            return Err(Unsettled::Gone { partition: *partition, said: *changes, found });
        }
        let part = lines.differences();
        if digest(std::slice::from_ref(&part)) != *said {
            return Err(Unsettled::Other(*partition));
        }
        parts.push(part);
    }
    Ok(Settled { switch: number, changes, digest: digest(&parts) })
}

/// Whom a switch changed in a partition, as its output says it.
struct Lines {
    number: u64,
    people: BTreeMap<Person, (u32, u32)>,
    states: Announced,
}

impl Lines {
    fn of(number: u64) -> Lines {
        Lines { number, people: BTreeMap::new(), states: Announced::default() }
    }

    /// Of each person the first change counts.
    fn take(&mut self, record: &AnnouncedRecord) {
        let Ok(read) = read_back(record) else { return };
        let Some((number, before)) = read.switch else { return };
        let Some(before) = State::parse(&before).filter(|_| number == self.number) else { return };
        let after = State::new(read.colour, read.rules.iter().map(String::as_str));
        let line = (self.states.intern(before), self.states.intern(after));
        self.people.entry(read.person).or_insert(line);
    }

    fn differences(self) -> Differences {
        let lines = self.people.into_iter().map(|(person, (before, after))| (person, before, after));
        Differences::new(lines.collect(), &self.states)
    }
}

/// Said once, and loudly where it is not what was approved.
fn say(fold: &Fold, settled: &Settled) {
    let Settled { switch, changes, digest } = settled;
    let previews = fold.previews(*switch);
    match previews.iter().all(|(_, preview)| preview == digest) {
        true => tracing::info!(switch, changes, digest, "every partition has finished the switch"),
        false => tracing::warn!(
            switch,
            changes,
            digest,
            "the switch did not announce what was previewed: `fuma policy log` names the causes"
        ),
    }
}
