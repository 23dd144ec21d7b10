//! The sections of a record of the evidence log, applied to a partition; live and in a restore alike.
//!
//! Owns which sections belong into the log of people. Must never do I/O.

use arrow::array::AsArray as _;
use fuma_schemas::evidence::log;
use fuma_schemas::{Instant, Kind, Person};

use super::labels::Labelled;
use super::owned::ApplyError;
use crate::assess::{Partition, very_late};
use crate::live::keyed;
use crate::live::record::{Control, RecordError, Section, derived_rows, forgotten_rows};

/// Tells whose each row of a section is.
pub(super) fn each_person(section: &Section, mut each: impl FnMut(usize, Person)) {
    match section {
        Section::Verdicts(verdicts) => {
            verdicts.iter().enumerate().for_each(|(row, verdict)| each(row, verdict.person));
        }
        Section::Rows { batch, .. } | Section::Derived { batch, .. } => {
            let Some(column) = batch.column(log::PERSON).as_fixed_size_binary_opt() else { return };
            for (row, token) in column.iter().enumerate() {
                if let Some(token) = token.and_then(|token| token.try_into().ok()) {
                    each(row, Person(token));
                }
            }
        }
        Section::Phones { .. }
        | Section::Told { .. }
        | Section::Rides { .. }
        | Section::Forgotten(_)
        | Section::Control(_) => {}
    }
}

/// Applies a section of a record that the log took at an instant; returns its rows, and how many of them are very late.
///
/// # Errors
/// A section that does not belong into the log of people, or that this build cannot follow: an epoch of a stage other
/// than the first.
pub(super) fn apply(
    (partition, labels): (&mut Partition, &mut Labelled),
    section: &Section,
    at: Instant,
) -> Result<(u64, u64), ApplyError> {
    match section {
        Section::Verdicts(verdicts) => {
            refuse_epoch(verdicts.epoch())?;
            for verdict in verdicts.iter() {
                partition.set_counts(verdict.person, verdict.fact, verdict.counts, verdict.version);
            }
            Ok((0, 0))
        }
        Section::Rows { kind, batch } => {
            let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
            partition.apply(*kind, batch, &rows)?;
            let late = if *kind == Kind::Regions { 0 } else { very_late(batch, &rows) };
            Ok((rows.len() as u64, late))
        }
        Section::Control(Control::Marker(_)) => Ok((0, 0)),
        Section::Control(Control::Epoch(derived) | Control::Closing(derived)) => {
            refuse_epoch(derived.epoch)?;
            Ok((0, 0))
        }
        Section::Forgotten(batch) => {
            for row in forgotten_rows(batch)? {
                partition.trace_dropped(row.person, row.fact);
            }
            Ok((0, 0))
        }
        Section::Derived { derived, kind, batch } => {
            keyed::refuse_epoch(*derived)?;
            let rows = derived_rows(*kind, batch)?;
            for (fact, version) in &rows {
                labels.take(partition, (*derived, *version, at), fact)?;
            }
            Ok((rows.len() as u64, 0))
        }
        Section::Phones { .. }
        | Section::Told { .. }
        | Section::Rides { .. }
        | Section::Control(Control::Guarded | Control::Admitted { .. }) => Err(RecordError::Layout(0).into()),
    }
}

/// Verdicts of another epoch begin anew: this build has one.
fn refuse_epoch(epoch: u64) -> Result<(), RecordError> {
    let number = u32::try_from(epoch).unwrap_or(u32::MAX);
    if epoch == 0 { Ok(()) } else { Err(RecordError::Newer("an epoch of a stage,", number)) }
}
