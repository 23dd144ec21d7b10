//! A preview of an installation that is running or not, from outside (R-29): one position of each partition, "before"
//! by the pack in force at the last millisecond before the instant, "after" by the candidate at the instant.
//!
//! ```text
//! snapshot + log + regions -> a partition at its position -> three looks -> counts, lines -> the partition is dropped
//!                                                            at the position's clock, before, after
//! ```
//!
//! As many partitions are in memory as there are threads. Owns who may differ from the outcome, by cause. Must never
//! write, join or fence; what cannot be seen is named, and then there is no digest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fuma_connectors::log::{LogError, RestoreLog};
use fuma_schemas::{Instant, Person};

use super::batch::{Batch, without_reasons_before};
use super::people::{self, Seen};
use super::{Preview, joined, samples};
use crate::assess::difference::digest;
use crate::assess::{Judge, Look, Partition, StepLimits, Why};
use crate::live::worker::position::SweepStanding;
use crate::live::worker::restore::{self, Restoring};
use crate::policy::Pack;
use crate::replay::{Progress, ReplayError};

/// What is asked.
pub struct Asked<'a> {
    /// The pack in force at the last millisecond before the instant, and since when.
    pub current: (Arc<Pack>, Option<Instant>),
    /// The pack that may come into force; with a batch the one in force.
    pub candidate: Arc<Pack>,
    /// The records that may be sent, in place of another pack.
    pub batch: Option<&'a Batch>,
    /// When it would.
    pub at: Instant,
    /// How many partitions there are.
    pub partitions: u32,
    /// How many are looked at at once.
    pub workers: usize,
    /// How much one step judges.
    pub step: StepLimits,
    /// A client for each thread: it reads, joins no group and fences nobody.
    pub observer: &'a (dyn Fn() -> Result<Box<dyn RestoreLog>, LogError> + Sync),
    /// What a look at a partition needs besides.
    pub context: &'a Restoring,
}

/// Why somebody may have another state by a switch than a preview says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// Evidence behind the position is about the person.
    Touched,
    /// The state changes by time alone between the position and the instant.
    Due,
    /// More facts than are judged: the announced state stays.
    Crowded,
    /// A rule fails: the announced state stays.
    Failed,
}

impl Cause {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Touched => "touched",
            Cause::Due => "due",
            Cause::Crowded => "crowded",
            Cause::Failed => "failed",
        }
    }
}

/// A partition of an installation, as it was seen.
#[derive(Clone, Debug, Default)]
pub struct There {
    /// Its number.
    pub partition: u32,
    /// Why it is not there; then nothing of it is counted.
    pub missing: Option<String>,
    /// The offset of its evidence.
    pub offset: u64,
    /// The evidence offset of the snapshot that was read, if there was one.
    pub snapshot: Option<u64>,
    /// Records of the log that were read behind it.
    pub records: u64,
    /// The clock of the position.
    pub clock: Instant,
    /// People with evidence.
    pub people: u64,
    /// How many change.
    pub changes: u64,
    /// The digest of these alone.
    pub digest: String,
    /// Whether everybody is being judged again at the position.
    pub is_sweeping: bool,
    /// Records of regions that the position does not know: they may touch anybody.
    pub regions_behind: u64,
    /// Who may differ from the outcome, and why; by token.
    pub named: Vec<(Person, Cause)>,
}

impl There {
    /// How many are named for a cause.
    pub fn count(&self, cause: Cause) -> u64 {
        self.named.iter().filter(|(_, other)| *other == cause).count() as u64
    }
}

/// What became of a partition.
type Part = (There, Option<(Seen, samples::Chosen)>);

/// Previews a switch over the newest snapshots and logs of an installation.
///
/// # Errors
/// When the engine cannot run. A partition that cannot be seen is no error: it is named.
pub fn live(asked: &Asked<'_>, progress: &dyn Progress) -> Result<Preview, ReplayError> {
    let next = AtomicU32::new(0);
    let one = || -> Result<Vec<Part>, ReplayError> {
        // Plans are executed in one place at a time: each thread has its own.
        let judge = |pack: &Arc<Pack>, since| Judge::in_force_since(Arc::clone(pack), since).map(Arc::new);
        let current = judge(&asked.current.0, asked.current.1)?;
        // A batch changes what is known, and not the pack.
        let since = if asked.batch.is_some() { asked.current.1 } else { Some(asked.at) };
        let candidate = judge(&asked.candidate, since)?;
        let mut log: Option<Box<dyn RestoreLog>> = None;
        let mut parts = Vec::new();
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed);
            if id >= asked.partitions {
                return Ok(parts);
            }
            parts.push(asked.part(id, (&current, &candidate), &mut log, progress)?);
        }
    };
    let parts: Result<Vec<Vec<Part>>, ReplayError> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..asked.workers.max(1)).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Worker)?).collect()
    });
    let mut parts: Vec<Part> = parts?.into_iter().flatten().collect();
    parts.sort_by_key(|(there, _)| there.partition);
    let (mut theres, mut all, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
    for (there, seen) in parts {
        theres.push(there);
        if let Some((seen, samples)) = seen {
            all.push(seen);
            chosen.push(samples);
        }
    }
    let people = theres.iter().map(|there| there.people).sum();
    let mut preview = joined(all, samples::of_parts(chosen), (people, asked.at));
    if theres.iter().any(|there| there.missing.is_some()) {
        preview.digest.clear();
    }
    preview.partitions = theres;
    Ok(preview)
}

impl Asked<'_> {
    fn part(
        &self,
        id: u32,
        (current, candidate): (&Arc<Judge>, &Arc<Judge>),
        log: &mut Option<Box<dyn RestoreLog>>,
        progress: &dyn Progress,
    ) -> Result<Part, ReplayError> {
        let missing = |why: String| (There { partition: id, missing: Some(why), ..There::default() }, None);
        let client = match log {
            Some(client) => client,
            None => match (self.observer)() {
                Ok(client) => log.insert(client),
                Err(error) => return Ok(missing(error.to_string())),
            },
        };
        let restore::Seen { mut partition, standing, offset, snapshot, records, touched, regions_behind } =
            match restore::see(client.as_mut(), id, self.context) {
                Ok(seen) => seen,
                Err(error) => return Ok(missing(error.to_string())),
            };
        progress.decoded(records);
        let last = if self.batch.is_some() { self.at } else { Instant(self.at.0 - 1) };
        // Who is due between the position and the instant is told apart; a position ahead of it has nobody due.
        let then = standing.clock.min(last);
        let at_position = partition.look(current, then, self.step);
        let before = match then == last {
            true => None,
            false => Some(partition.look(current, last, self.step)),
        };
        let mut before = before.unwrap_or_else(|| at_position.clone());
        if let Some(batch) = self.batch {
            batch.apply(id, &mut partition)?;
            // Nobody waits: everybody is looked at.
            partition.take_waiting();
            before.reach(partition.evidence().people());
        }
        let before = &before;
        let seen = people::seen(&mut partition, before, candidate, self.at, self.step);
        progress.judged(id as usize, self.at, seen.after, seen.lines.len() as u64);
        let mut named: BTreeMap<Person, Cause> = touched.into_iter().map(|person| (person, Cause::Touched)).collect();
        name_due(&partition, (&at_position, before), &mut named);
        let left_out = partition.left_out().people();
        let left_out = left_out.filter_map(|(person, why)| Some((partition.evidence().person(person)?, why)));
        named.extend(
            left_out.map(|(person, why)| (person, if *why == Why::Crowded { Cause::Crowded } else { Cause::Failed })),
        );
        let there = There {
            partition: id,
            missing: None,
            offset,
            snapshot,
            records,
            clock: standing.clock,
            people: u64::from(partition.evidence().people()),
            changes: seen.lines.len() as u64,
            digest: digest(std::slice::from_ref(&seen.lines)),
            is_sweeping: standing.sweep != SweepStanding::None,
            regions_behind,
            named: named.into_iter().collect(),
        };
        let mut chosen = samples::of_partition(&partition, &seen, (current, candidate), self.at);
        if self.batch.is_some() {
            chosen.0.iter_mut().for_each(without_reasons_before);
        }
        Ok((there, Some((seen, chosen))))
    }
}

fn name_due(partition: &Partition, (earlier, later): (&Look, &Look), named: &mut BTreeMap<Person, Cause>) {
    let people = (0..partition.evidence().people()).zip(earlier.states.iter().zip(&later.states));
    for (person, _) in people.filter(|(_, (one, other))| one != other) {
        if let Some(token) = partition.evidence().person(person) {
            named.entry(token).or_insert(Cause::Due);
        }
    }
}
