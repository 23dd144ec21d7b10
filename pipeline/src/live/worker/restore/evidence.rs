//! The evidence between the snapshot and the position: all of it, in order, or the partition is not taken over.
//!
//! A log says what it has in one reading; a client, or a replica that is behind, may say less. Evidence has an offset
//! for each record, so what is left out shows: it is read again, and what is not there then is told by its offsets. One
//! offset may be the marker of a transaction (a log that was mirrored with transactions has them), and is believed when
//! it is missing twice; more than one cannot be told from records that were lost.
//!
//! Owns that comparison. Must never apply a record twice, nor one behind a hole that is not believed.

use std::ops::Range;
use std::sync::atomic::Ordering;

use fuma_connectors::log::{LogRecord, RestoreLog};

use super::{RestoreError, Restoring};
use crate::assess::Partition;
use crate::live::marker::{self, is_marker};
use crate::live::metric;
use crate::live::record::{self, RecordError, Section};
use crate::live::worker::apply::{apply, each_person};
use crate::live::worker::labels::Labelled;
use crate::live::worker::owned::{self, ApplyError};
use crate::live::worker::told::ToTell;

/// Where a record comes from, and when the log took it.
pub(super) type Place = (&'static str, u64, fuma_schemas::Instant);

/// Applies the evidence of a range, silently; says how many records it was. `waits`: its people were not all judged, so
/// each is touched. That a record changes nothing says nothing: a snapshot that was written while they waited has their
/// facts already.
pub(super) fn replay(
    log: &mut dyn RestoreLog,
    id: u32,
    offsets: Range<u64>,
    context: &Restoring,
    (partition, (to_tell, labels), waits): (&mut Partition, &mut (&mut ToTell, &mut Labelled), bool),
) -> Result<u64, RestoreError> {
    let mut records = 0;
    read_whole(log, id, offsets, context, &mut |record| {
        records += 1;
        let place = ("the evidence log", record.offset, record.timestamp);
        let sections = sections(id, place, record::read_as(&record.value, context.identity.origin))?;
        sections.iter().try_for_each(|section| {
            to_tell.remember_untold(partition.evidence(), section, record.offset);
            taken(id, place, (partition, labels), section)?;
            if waits {
                each_person(section, |_, person| {
                    if let Some(number) = partition.evidence().find(person) {
                        partition.touch(number);
                    }
                });
            }
            Ok(())
        })
    })?;
    Ok(records)
}

/// Hands over every record of a range.
fn read_whole(
    log: &mut dyn RestoreLog,
    id: u32,
    offsets: Range<u64>,
    context: &Restoring,
    each: &mut dyn FnMut(&LogRecord) -> Result<(), RestoreError>,
) -> Result<(), RestoreError> {
    let (mut next, end) = (offsets.start, offsets.end);
    let mut missing: Option<Range<u64>> = None;
    while next < end {
        let (mut goes_on, mut failed) = (None, None);
        log.read_evidence(id, next..end, &mut |record| {
            if record.offset < next {
                return true;
            }
            if record.offset > next {
                if !is_marker(missing.as_ref(), &(next..record.offset)) {
                    goes_on = Some(record.offset);
                    return false;
                }
                marker::tell("evidence", id, next);
            }
            next = record.offset + 1;
            failed = each(&record).err();
            failed.is_none() && !context.cancelled.load(Ordering::Acquire)
        })?;
        context.go_on()?;
        if let Some(error) = failed {
            return Err(error);
        }
        if next >= end {
            break;
        }
        // The position stands behind a record: so what lacks at the end is no marker.
        let hole = next..goes_on.unwrap_or(end);
        if missing.as_ref() == Some(&hole) {
            return Err(RestoreError::Missing { partition: id, first: hole.start, last: hole.end - 1, of: end });
        }
        tracing::warn!(partition = id, first = hole.start, last = hole.end - 1, "evidence was left out: read again");
        missing = Some(hole);
    }
    Ok(())
}

/// The sections of a record, or none of one that is damaged; what is not understood ends the restore.
pub(super) fn sections(
    partition: u32,
    (log, offset, _): Place,
    read: Result<Vec<Section>, RecordError>,
) -> Result<Vec<Section>, RestoreError> {
    let sections = owned::understood(read).map_err(|error| RestoreError::Record { partition, log, offset, error })?;
    Ok(sections.unwrap_or_else(|| {
        metrics::counter!(metric::EVIDENCE_DAMAGED).increment(1);
        tracing::error!(partition, log, offset, "a record is damaged: passed over");
        Vec::new()
    }))
}

pub(super) fn taken(
    partition: u32,
    (log, offset, at): Place,
    state: (&mut Partition, &mut Labelled),
    section: &Section,
) -> Result<(), RestoreError> {
    match apply(state, section, at) {
        Ok(_) => Ok(()),
        Err(ApplyError::Assess(error)) => Err(error.into()),
        Err(ApplyError::Record(error)) => Err(RestoreError::Record { partition, log, offset, error }),
    }
}
