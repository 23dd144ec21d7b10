//! What a restore begins with: the newest snapshot that is of use, or nothing and a log that is whole.
//!
//! A store that does not say what it holds is not an empty one. Without it only a log that is whole, under a position
//! that is known, is enough; else the partition waits for the store.
//!
//! Owns which snapshot is of use. Must never take one that is another's.

use std::ops::Range;
use std::sync::Arc;

use fuma_connectors::log::{Position, RestoreLog};

use super::{RestoreError, Restoring, accept};
use crate::assess::Partition;
use crate::live::metric;
use crate::live::worker::position::Standing;
use crate::live::worker::snapshots::{Loaded, Search};
use crate::seed;

/// What a snapshot brought.
#[derive(Default)]
pub(super) struct Base {
    /// The evidence offset from which the log is replayed.
    pub(super) evidence: u64,
    /// The output offset from which announcements are read.
    pub(super) output: u64,
    /// The position that the snapshot holds; counts where the log has none any more.
    pub(super) standing: Option<Standing>,
    /// The evidence offset of the snapshot, if there was one.
    pub(super) snapshot: Option<u64>,
}

/// The newest usable snapshot into the partition. `expected`: the newest that the position knows of.
pub(super) fn read_snapshot(
    log: &mut dyn RestoreLog,
    id: u32,
    (position, expected): (&Position, Option<u64>),
    context: &Restoring,
) -> Result<(Partition, Base), RestoreError> {
    let bounds = log.evidence_bounds(id)?;
    if let Some(committed) = position.offset.filter(|offset| *offset > bounds.end) {
        return Err(RestoreError::Behind { partition: id, ends: bounds.end, committed });
    }
    let reach = position.offset.unwrap_or(bounds.end);
    let search = search(id, (&bounds, reach), position, context)?;
    let Some((mut partition, loaded)) = search.loaded else {
        refuse_without(id, &bounds, &search.passed_over, expected, context)?;
        return Ok((Partition::seeded(Arc::clone(&context.pack), seed::of_process())?, Base::default()));
    };
    accept(id, context.identity.origin, loaded.origin)?;
    refuse_number(id, &loaded, context)?;
    // A tombstone may be compacted away by now: then only the whole output says who is green again.
    let is_young = context.now.0.saturating_sub(loaded.written_at.0) < log.tombstones_kept_ms()?;
    let output = if is_young { loaded.output } else { 0 };
    if !is_young {
        partition.recall_nobody();
    }
    let (evidence, standing) = (loaded.evidence, loaded.standing);
    Ok((partition, Base { evidence, output, standing, snapshot: Some(evidence) }))
}

fn search(
    id: u32,
    (bounds, reach): (&Range<u64>, u64),
    position: &Position,
    context: &Restoring,
) -> Result<Search, RestoreError> {
    let Some(snapshots) = &context.snapshots else { return Ok(Search::default()) };
    let is_usable = |evidence: u64| evidence >= bounds.start && evidence <= bounds.end && evidence <= reach;
    match snapshots.load(id, &is_usable, &context.pack) {
        Ok(search) => Ok(search),
        Err(error) if error.is_away() => {
            metrics::counter!(metric::SNAPSHOTS, "outcome" => "away").increment(1);
            if bounds.start > 0 || position.offset.is_none() {
                return Err(RestoreError::Store { partition: id, place: snapshots.place.clone(), error });
            }
            tracing::warn!(partition = id, %error, "snapshots cannot be read: the log is whole and is read instead");
            Ok(Search::default())
        }
        Err(error) => Err(RestoreError::Snapshot { partition: id, error }),
    }
}

/// A log that does not begin at 0 is nothing without a snapshot.
fn refuse_without(
    id: u32,
    bounds: &Range<u64>,
    passed_over: &[(String, String)],
    expected: Option<u64>,
    context: &Restoring,
) -> Result<(), RestoreError> {
    let place = context.snapshots.as_ref().map_or_else(|| "nowhere".to_owned(), |snapshots| snapshots.place.clone());
    match (bounds.start, expected.filter(|_| passed_over.is_empty())) {
        (0, None) => Ok(()),
        (0, Some(snapshot)) => {
            tracing::warn!(
                partition = id,
                snapshot,
                place,
                "the last owner wrote snapshots, and here is none: another folder, bucket or machine? The log is whole"
            );
            Ok(())
        }
        (begins, Some(snapshot)) => Err(RestoreError::SnapshotsGone { partition: id, begins, snapshot, place }),
        (begins, None) => {
            let passed_over = match passed_over {
                [] => "there is none".to_owned(),
                some => some.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<String>>().join("; "),
            };
            Err(RestoreError::Gap { partition: id, begins, place, passed_over })
        }
    }
}

/// A snapshot of an installation that is cut otherwise holds other people.
fn refuse_number(id: u32, loaded: &Loaded, context: &Restoring) -> Result<(), RestoreError> {
    let (found, own) = (loaded.partitions, context.identity.partitions);
    if found == 0 || own == 0 || found == own {
        return Ok(());
    }
    Err(RestoreError::OtherNumber { partition: id, found, own })
}
