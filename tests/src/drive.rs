//! The engine driven tick by tick: apply, trace, judge, as a live engine does, and forgetting at midnight if wanted.
//!
//! Replay judges many ticks in one step and traces before it judges; this does one thing after the other. Both must
//! come to the same. Owns that order only; everything that thinks is the engine's.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use fuma_pipeline::assess::{Partition, Step, very_late};
use fuma_pipeline::intake::{Decoder, EvidenceBuilders};
use fuma_pipeline::policy::Pack;
use fuma_pipeline::replay::Tick;
use fuma_pipeline::trace::Trace;
use fuma_schemas::evidence::log;
use fuma_schemas::{CodeChange, Instant, Kind};

use crate::feeds::Line;

/// How to drive.
#[derive(Clone, Copy, Debug)]
pub struct Drive {
    /// The tick.
    pub tick: Tick,
    /// The last tick is at or before it.
    pub until: Instant,
    /// Rows after which a batch is full.
    pub batch_rows: usize,
    /// Whether to forget at every local midnight.
    pub forget: bool,
}

/// What came of it.
pub struct Driven {
    /// The state at the end.
    pub partition: Partition,
    /// In the order of announcement; of one tick by person.
    pub changes: Vec<CodeChange>,
    /// Facts forgotten.
    pub forgotten: u64,
    /// Facts that were past but kept, over all midnights.
    pub kept: u64,
    /// Records that came very late.
    pub very_late: u64,
}

/// A row that waits for its tick.
struct Waiting {
    tick: Instant,
    batch: usize,
    row: u32,
}

impl Drive {
    /// Drives a pack over the records.
    pub fn run(&self, pack: &Arc<Pack>, lines: &[Line]) -> Driven {
        let batches = decode(lines, self.batch_rows);
        let waiting = self.schedule(&batches);
        let mut waiting = waiting.iter().peekable();
        let (mut trace, mut verdicts) = (Trace::new(), 0);
        let partition = Partition::new(Arc::clone(pack)).unwrap();
        let mut driven = Driven { partition, changes: Vec::new(), forgotten: 0, kept: 0, very_late: 0 };
        let mut midnight = waiting.peek().map_or(self.until, |first| first.tick.day());
        loop {
            let due = driven.partition.next_due().map(|due| self.tick.ceiling(due));
            let next = [waiting.peek().map(|row| row.tick), due].into_iter().flatten().min();
            let clock = next.filter(|clock| *clock <= self.until);
            while self.forget && midnight < clock.unwrap_or(self.until) {
                let forgotten = driven.partition.forget(midnight);
                driven.forgotten += forgotten.facts;
                driven.kept += forgotten.facts_kept;
                midnight = midnight.day_end(0).unwrap();
            }
            let Some(clock) = clock else { return driven };
            while let Some(row) = waiting.next_if(|row| row.tick <= clock) {
                let (kind, batch) = &batches[row.batch];
                driven.partition.apply(*kind, batch, &[row.row]).unwrap();
                trace.apply(*kind, batch, &[row.row]).unwrap();
                driven.very_late += very_late(batch, &[row.row]);
            }
            for verdict in trace.settle() {
                verdicts += 1;
                driven.partition.set_counts(verdict.person, verdict.fact, verdict.counts, verdicts);
            }
            let (mut step, before) = (Step::default(), driven.changes.len());
            driven.partition.enlist(clock, &mut step);
            driven.partition.judge(&mut step, clock, &self.tick, &mut driven.changes);
            while driven.partition.waiting() > 0 {
                driven.partition.enlist_waiting(clock, usize::MAX, &mut step);
                driven.partition.judge(&mut step, clock, &self.tick, &mut driven.changes);
            }
            driven.changes[before..].sort_by_key(|change| (change.decided_at, change.person));
        }
    }

    fn schedule(&self, batches: &[(Kind, RecordBatch)]) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (batch, (_, rows)) in batches.iter().enumerate() {
            let known_at = rows.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().values();
            let ticks = known_at.iter().map(|known_at| self.tick.ceiling(Instant(*known_at)));
            waiting.extend((0..).zip(ticks).map(|(row, tick)| Waiting { tick, batch, row }));
        }
        waiting.sort_by_key(|row| row.tick);
        waiting
    }
}

fn decode(lines: &[Line], batch_rows: usize) -> Vec<(Kind, RecordBatch)> {
    let mut decoder = Decoder::new(crate::settings());
    let mut builders = [EvidenceBuilders::new()];
    let mut batches = Vec::new();
    for line in lines {
        let accepted = decoder.decode(line.feed, line.text.as_bytes(), None, &mut builders);
        accepted.unwrap_or_else(|reject| panic!("{reject:?}: {}", line.text));
        if builders[0].rows() >= batch_rows {
            batches.extend(builders[0].finish());
        }
    }
    batches.extend(builders[0].finish());
    batches
}
