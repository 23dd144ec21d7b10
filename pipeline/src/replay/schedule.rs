//! Rows of batches in the order of ticks.
//!
//! Owns the order of a replay. A record is applied at the first tick at or after its known_at.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use fuma_schemas::evidence::log;
use fuma_schemas::{Instant, Kind};

use super::Tick;

/// A row and the tick at which it is applied.
#[derive(Clone, Copy)]
struct Entry {
    tick: Instant,
    batch: u32,
    row: u32,
}

/// The rows of some batches by tick.
pub(super) struct Schedule<'a> {
    batches: &'a [(Kind, RecordBatch)],
    entries: Vec<Entry>,
    at: usize,
    rows: Vec<u32>,
}

impl<'a> Schedule<'a> {
    /// The rows of the kinds that `wanted` picks, up to the last tick.
    pub(super) fn new(
        batches: &'a [(Kind, RecordBatch)],
        tick: Tick,
        last: Instant,
        wanted: fn(Kind) -> bool,
    ) -> Schedule<'a> {
        let mut entries = Vec::new();
        for (batch, (kind, rows)) in (0..).zip(batches) {
            if !wanted(*kind) {
                continue;
            }
            let known = known_at(rows);
            entries.reserve(known.len());
            let ticks = known.iter().map(|millis| tick.ceiling(Instant(*millis)));
            entries.extend((0..).zip(ticks).filter(|(_, tick)| *tick <= last).map(|(row, tick)| Entry {
                tick,
                batch,
                row,
            }));
        }
        // Files are mostly in the order of known_at already: a merge of runs.
        entries.sort_by_key(|entry| (entry.tick, entry.batch));
        Schedule { batches, entries, at: 0, rows: Vec::new() }
    }

    /// The tick of the next row.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.entries.get(self.at).map(|entry| entry.tick)
    }

    /// Hands over the rows of a tick, batch by batch.
    pub(super) fn take<E>(
        &mut self,
        tick: Instant,
        mut apply: impl FnMut(Kind, &RecordBatch, &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(first) = self.entries.get(self.at).filter(|entry| entry.tick <= tick) {
            let batch = first.batch;
            let run = self.entries[self.at..].iter().take_while(|entry| entry.tick <= tick && entry.batch == batch);
            self.rows.clear();
            self.rows.extend(run.map(|entry| entry.row));
            self.at += self.rows.len();
            if let Some((kind, rows)) = self.batches.get(batch as usize) {
                apply(*kind, rows, &self.rows)?;
            }
        }
        Ok(())
    }
}

/// The first and the last known_at of some batches.
pub(super) fn span(batches: &[Vec<(Kind, RecordBatch)>]) -> Option<(Instant, Instant)> {
    let all = || batches.iter().flatten().flat_map(|(_, batch)| known_at(batch).iter().copied());
    Some((Instant(all().min()?), Instant(all().max()?)))
}

fn known_at(batch: &RecordBatch) -> &[i64] {
    batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().values()
}
