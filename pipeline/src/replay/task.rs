//! One partition's part of a replay, tick by tick.
//!
//! Owns the loop: apply what is known by the tick, enlist who is touched or due, judge when the step is full.

use fuma_schemas::{CodeChange, Instant};

use super::links::{Said, Windows};
use super::schedule::Schedule;
use super::sink::{ChangeSink, Tally};
use super::store::{Cursor, Piece};
use super::{Options, Progress, ReplayError};
use crate::assess::{Differences, Partition, Step, invariants};
use crate::invariant;

/// A partition on its way through the ticks.
pub(super) struct Task<'a, S> {
    number: usize,
    partition: Partition,
    evidence: Cursor,
    regions: Cursor,
    windows: Windows,
    step: Step,
    changes: Vec<CodeChange>,
    sink: S,
    tally: Tally,
    options: &'a Options,
    schedule: Schedule,
    last: Instant,
}

/// A partition after the last tick.
pub(super) struct Done<S> {
    pub(super) partition: Partition,
    pub(super) sink: S,
    pub(super) tally: Tally,
    /// What each switch changed.
    pub(super) changed: Vec<Differences>,
}

impl<'a, S: ChangeSink> Task<'a, S> {
    /// A partition before the first tick.
    pub(super) fn new(
        number: usize,
        partition: Partition,
        sink: S,
        (mut pieces, regions, windows): (Vec<Piece>, Vec<Piece>, Windows),
        (options, (first, last)): (&'a Options, (Instant, Instant)),
    ) -> Task<'a, S> {
        pieces.retain(|piece| piece.kind != fuma_schemas::Kind::Regions);
        Task {
            number,
            partition,
            evidence: Cursor::new(pieces, options.tick),
            regions: Cursor::new(regions, options.tick),
            windows,
            step: Step::new(options.bounds.step),
            changes: Vec::new(),
            sink,
            tally: Tally::default(),
            options,
            schedule: Schedule::new(options, (first, last)),
            last,
        }
    }

    /// Runs to the last tick.
    pub(super) fn run(mut self, progress: &dyn Progress) -> Result<Done<S>, ReplayError> {
        loop {
            let Some(clock) = self.next_tick() else {
                // What the waiting step says may make somebody due before the last tick.
                if self.step.is_empty() {
                    break;
                }
                self.judge(self.last, progress)?;
                continue;
            };
            let switches = self.schedule.next_tick() == Some(clock);
            if switches {
                // What was due or known before the tick is told by the pack in force before it.
                self.judge_waiting(Instant(clock.0 - 1), progress)?;
                self.schedule.switch(&mut self.partition)?;
            }
            let partition = &mut self.partition;
            self.regions.take(clock, |kind, batch, rows| partition.apply(kind, batch, rows))?;
            self.evidence.take(clock, |kind, batch, rows| partition.apply(kind, batch, rows))?;
            while let Some((version, said)) = self.windows.take(clock) {
                match said {
                    Said::Verdict(of) => partition.set_counts(of.person, of.fact, of.counts, version),
                    Said::Derived(derived) => partition.derive(&derived)?,
                }
            }
            if switches {
                partition.touch_everybody();
            }
            partition.enlist(clock, &mut self.step);
            while self.step.is_full() {
                // Who still waits at this clock is not judged at it by what was known before.
                let until = if self.partition.waiting() > 0 { Instant(clock.0 - 1) } else { clock };
                self.judge(until, progress)?;
                self.partition.enlist_waiting(clock, usize::MAX, &mut self.step);
            }
            if switches {
                self.judge_waiting(clock, progress)?;
                self.schedule.done(&self.partition);
            }
        }
        let Task { partition, sink, tally, schedule, .. } = self;
        Ok(Done { partition, sink, tally, changed: schedule.changed })
    }

    /// Judges the waiting step, if anybody is in it.
    fn judge_waiting(&mut self, until: Instant, progress: &dyn Progress) -> Result<(), ReplayError> {
        if self.step.is_empty() { Ok(()) } else { self.judge(until, progress) }
    }

    /// The next tick at which something happens, up to the last.
    fn next_tick(&mut self) -> Option<Instant> {
        let due = self.partition.next_due().map(|due| self.options.tick.ceiling(due));
        let next = [self.evidence.next_tick(), self.regions.next_tick(), due, self.schedule.next_tick()];
        let next = next.into_iter().flatten().min();
        let next = next.filter(|next| *next <= self.last);
        let traced = self.windows.next_tick(next);
        next.into_iter().chain(traced).min()
    }

    fn judge(&mut self, until: Instant, progress: &dyn Progress) -> Result<(), ReplayError> {
        self.partition.judge(&mut self.step, until, &self.options.tick, &mut self.changes);
        let changes = &self.changes;
        invariant::check(|| changes.iter().all(invariants::has_reasons), "I-5", "a colour has its reasons");
        self.tally.changes(&self.changes);
        let changes = self.changes.len() as u64;
        self.sink.step(&mut self.changes)?;
        progress.judged(self.number, until, self.partition.colours(), changes);
        Ok(())
    }
}
