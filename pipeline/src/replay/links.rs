//! Trace over all ticks of a replay: it never reads colours, so it can run first.
//!
//! Owns nothing but the order: cases and contacts of all partitions, tick by tick, to the fixpoint.

use arrow::array::RecordBatch;
use fuma_schemas::{Instant, Kind};

use super::schedule::Schedule;
use super::{ReplayError, Tick};
use crate::trace::{Trace, Verdict};

/// The verdicts of one partition, by tick.
pub(super) type Verdicts = Vec<(Instant, Verdict)>;

/// Judges all links; the verdicts come by partition, in the order of ticks.
pub(super) fn trace(
    batches: &[Vec<(Kind, RecordBatch)>],
    tick: Tick,
    last: Instant,
) -> Result<Vec<Verdicts>, ReplayError> {
    let is_link = |kind: Kind| matches!(kind, Kind::Cases | Kind::Contacts);
    let mut schedules: Vec<Schedule<'_>> =
        batches.iter().map(|batches| Schedule::new(batches, tick, last, is_link)).collect();
    let mut verdicts: Vec<Verdicts> = batches.iter().map(|_| Vec::new()).collect();
    let mut trace = Trace::new();
    while let Some(clock) = schedules.iter().filter_map(Schedule::next_tick).min() {
        for schedule in &mut schedules {
            schedule.take(clock, |kind, batch, rows| trace.apply(kind, batch, rows))?;
        }
        for verdict in trace.settle() {
            let partition = verdict.person.partition(verdicts.len());
            if let Some(of_partition) = verdicts.get_mut(partition) {
                of_partition.push((clock, verdict));
            }
        }
    }
    Ok(verdicts)
}
