//! Partitions, each on a thread of its own, tick by tick.
//!
//! Owns the loop of a replay: apply what is known by the tick, enlist who is touched or due, judge when the step is
//! full.

use std::sync::Arc;

use arrow::array::RecordBatch;
use fuma_schemas::{CodeChange, Instant, Kind};

use super::links::{self, Verdicts};
use super::schedule::{self, Schedule};
use super::{Counts, Options, Outcome, Progress, ReplayError, Source, Tick, decode, watch};
use crate::assess::{Partition, Step};

/// The partitions at the end of a replay, for whoever wants to look into the state.
pub struct Finished {
    /// What came out.
    pub outcome: Outcome,
    /// The partitions, by number.
    pub partitions: Vec<Partition>,
    /// The evidence batches, by partition: they still have the owners and ids that the state drops.
    pub batches: Vec<Vec<(Kind, RecordBatch)>>,
}

/// Replays the sources.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn run(sources: &[Source], options: &Options, progress: &dyn Progress) -> Result<Outcome, ReplayError> {
    finish(sources, options, progress).map(|finished| finished.outcome)
}

/// Replays the sources and keeps the state.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn finish(sources: &[Source], options: &Options, progress: &dyn Progress) -> Result<Finished, ReplayError> {
    let decoded = decode::decode(sources, &options.intake, options.workers.max(1), progress)?;
    judged(decoded, options, progress)
}

fn judged(decoded: decode::Decoded, options: &Options, progress: &dyn Progress) -> Result<Finished, ReplayError> {
    let counts = Counts {
        records: decoded.records,
        unknown_fields: decoded.unknown_fields,
        unattached: decoded.unattached,
        ..Counts::default()
    };
    let mut outcome = Outcome { changes: Vec::new(), rejects: decoded.rejects, counts };
    let mut partitions = Vec::new();
    if let Some(last) = last_tick(&decoded.batches, options) {
        outcome.counts.last_tick = Some(last);
        let mut changes = Vec::new();
        for (partition, of_partition) in judge_all(&decoded.batches, options, last, progress)? {
            count(&partition, &mut outcome.counts);
            partitions.push(partition);
            changes.push(of_partition);
        }
        outcome.changes = merged(changes);
        outcome.counts.short_greens = watch::short_greens(&outcome.changes);
    }
    Ok(Finished { outcome, partitions, batches: decoded.batches })
}

/// What is known at `options.until`, or at the last record without it, applied at once and judged once, at that
/// instant: for explaining and listing. The tick of the options is not looked at.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn known(
    sources: &[Source],
    options: &Options,
    progress: &dyn Progress,
) -> Result<(Finished, Option<Instant>), ReplayError> {
    let decoded = decode::decode(sources, &options.intake, options.workers.max(1), progress)?;
    let at = options.until.or_else(|| schedule::span(&decoded.batches).map(|(_, last)| last));
    // With the instant as the tick, the only clock after the epoch and up to the instant is the instant itself.
    let tick = at.and_then(|at| Tick::new(at.0));
    let options = Options { tick: tick.unwrap_or(options.tick), until: at, ..options.clone() };
    judged(decoded, &options, progress).map(|finished| (finished, at))
}

/// The last tick; none when there is no tick at or after the first record.
fn last_tick(batches: &[Vec<(Kind, RecordBatch)>], options: &Options) -> Option<Instant> {
    let (first, last) = schedule::span(batches)?;
    let last = match options.until {
        Some(until) => options.tick.floor(until),
        None => options.tick.ceiling(last),
    };
    (options.tick.ceiling(first) <= last).then_some(last)
}

fn judge_all(
    batches: &[Vec<(Kind, RecordBatch)>],
    options: &Options,
    last: Instant,
    progress: &dyn Progress,
) -> Result<Vec<(Partition, Vec<CodeChange>)>, ReplayError> {
    let verdicts = links::trace(batches, options.tick, last)?;
    // Regions are decoded into the first partition; every partition reads them whole.
    let regions: Vec<(Kind, RecordBatch)> =
        batches.iter().flatten().filter(|(kind, _)| *kind == Kind::Regions).cloned().collect();
    let task = |number: usize| Task {
        batches: &batches[number],
        regions: &regions,
        verdicts: &verdicts[number],
        number,
        last,
    };
    if batches.len() == 1 {
        return Ok(vec![task(0).run(options, progress)?]);
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..batches.len())
            .map(|number| {
                let task = task(number);
                scope.spawn(move || task.run(options, progress))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Worker)?).collect()
    })
}

/// One partition's part of a replay.
struct Task<'a> {
    batches: &'a [(Kind, RecordBatch)],
    regions: &'a [(Kind, RecordBatch)],
    verdicts: &'a Verdicts,
    number: usize,
    last: Instant,
}

impl Task<'_> {
    fn run(&self, options: &Options, progress: &dyn Progress) -> Result<(Partition, Vec<CodeChange>), ReplayError> {
        let mut partition = Partition::new(Arc::clone(&options.pack))?;
        let mut evidence = Schedule::new(self.batches, options.tick, self.last, |kind| kind != Kind::Regions);
        let mut regions = Schedule::new(self.regions, options.tick, self.last, |_| true);
        let mut verdicts = (1..).zip(self.verdicts).peekable();
        let (mut step, mut changes) = (Step::default(), Vec::new());
        loop {
            let due = partition.next_due().map(|due| options.tick.ceiling(due));
            let next = [evidence.next_tick(), regions.next_tick(), verdicts.peek().map(|(_, (clock, _))| *clock), due];
            let Some(clock) = next.into_iter().flatten().min().filter(|clock| *clock <= self.last) else {
                // What the waiting step says may make somebody due before the last tick.
                if step.is_empty() {
                    break;
                }
                self.judge(&mut partition, &mut step, self.last, options, &mut changes, progress)?;
                continue;
            };
            regions.take(clock, |kind, batch, rows| partition.apply(kind, batch, rows))?;
            evidence.take(clock, |kind, batch, rows| partition.apply(kind, batch, rows))?;
            while let Some((version, (_, verdict))) = verdicts.next_if(|(_, (at, _))| *at <= clock) {
                partition.set_counts(verdict.person, verdict.fact, verdict.counts, version);
            }
            partition.enlist(clock, &mut step);
            if step.is_full() {
                self.judge(&mut partition, &mut step, clock, options, &mut changes, progress)?;
            }
        }
        Ok((partition, changes))
    }

    fn judge(
        &self,
        partition: &mut Partition,
        step: &mut Step,
        until: Instant,
        options: &Options,
        changes: &mut Vec<CodeChange>,
        progress: &dyn Progress,
    ) -> Result<(), ReplayError> {
        let before = changes.len();
        partition.judge(step, until, &options.tick, changes)?;
        progress.judged(self.number, until, partition.colours(), (changes.len() - before) as u64);
        Ok(())
    }
}

fn count(partition: &Partition, counts: &mut Counts) {
    let memory = partition.evidence().memory();
    counts.people += u64::from(partition.evidence().people());
    counts.conflicts += partition.evidence().conflicts();
    counts.facts += memory.facts;
    if let Some(missed) = watch::missed_windows(partition) {
        *counts.missed_windows.get_or_insert(0) += missed;
    }
    counts.announced_bytes += partition.announced_bytes() as u64;
    for (all, own) in counts.colours.iter_mut().zip(partition.colours()) {
        *all += own;
    }
    counts.memory.push(memory);
}

/// The changes of all partitions, by decided_at, then person.
fn merged(parts: Vec<Vec<CodeChange>>) -> Vec<CodeChange> {
    let mut changes: Vec<CodeChange> = parts.into_iter().flatten().collect();
    changes.sort_unstable_by_key(|change| (change.decided_at, change.person));
    changes
}
