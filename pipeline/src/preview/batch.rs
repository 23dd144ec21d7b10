//! A batch of records that may be sent: tiers, a listing, or any others; what it would do to everybody.
//!
//! ```text
//! over feeds          the state with the batch and without it, at one tick
//! over an installation  the batch applied to each partition at its position
//! ```
//!
//! Owns the reading of the batch. Must never announce, nor show what a record holds.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::max;
use arrow::datatypes::TimestampMillisecondType;
use fuma_connectors::files::{self, FileError};
use fuma_schemas::evidence::log;
use fuma_schemas::{Instant, Kind, Person};
use rustc_hash::FxBuildHasher;

use super::{Preview, Sample, joined, people, samples};
use crate::assess::announced::State;
use crate::assess::{AssessError, Judge, Partition};
use crate::intake::{Decoder, EvidenceBuilders, Settings};
use crate::replay::{self, Options, Progress, ReplayError, Source};

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 20;
/// Kinds that say something about other people: what they do goes through stages, and is seen over feeds alone.
const LINKING: [Kind; 3] = [Kind::Cases, Kind::Contacts, Kind::Bindings];

/// The records, by partition.
#[derive(Debug, Default)]
pub struct Batch {
    regions: Vec<RecordBatch>,
    people: Vec<Vec<(Kind, RecordBatch)>>,
    /// How many are accepted.
    pub accepted: u64,
    /// How many are rejected, and do nothing.
    pub rejected: u64,
    /// When the last one became known.
    pub last: Option<Instant>,
    /// Whether some are of phones, or say something about other people.
    pub links: bool,
}

impl Batch {
    /// Reads feed files.
    ///
    /// # Errors
    /// When one cannot be read to its end.
    pub fn read(sources: &[Source], settings: &Arc<Settings>, partitions: usize) -> Result<Batch, FileError> {
        let mut decoder = Decoder::new(Arc::clone(settings));
        let mut builders: Vec<EvidenceBuilders> = (0..partitions.max(1)).map(|_| EvidenceBuilders::new()).collect();
        let mut batch = Batch { people: vec![Vec::new(); builders.len()], ..Batch::default() };
        for source in sources {
            let mut each = |block: files::Block| {
                batch.rejected += block.refused.len() as u64;
                for raw in block.bytes.split(|byte| *byte == b'\n').filter(|raw| !raw.trim_ascii().is_empty()) {
                    match decoder.decode(source.feed(), raw, None, &mut builders) {
                        Ok(_) => batch.accepted += 1,
                        Err(_) => batch.rejected += 1,
                    }
                }
                batch.take(&mut builders);
            };
            match source {
                Source::File(file) => files::read(file, BLOCK_BYTES, &mut each)?,
                Source::Bytes { name, bytes, .. } => files::read_bytes(name, bytes, BLOCK_BYTES, &mut each)?,
            }
        }
        Ok(batch)
    }

    fn take(&mut self, builders: &mut [EvidenceBuilders]) {
        for (own, builders) in self.people.iter_mut().zip(builders) {
            self.links |= !builders.finish_phones().is_empty();
            for (kind, rows) in builders.finish() {
                let known = rows.column(log::KNOWN_AT).as_primitive_opt::<TimestampMillisecondType>();
                self.last = self.last.max(known.and_then(max).map(Instant));
                self.links |= LINKING.contains(&kind);
                match kind {
                    Kind::Regions => self.regions.push(rows),
                    kind => own.push((kind, rows)),
                }
            }
        }
    }

    /// Applies it to a partition of an installation.
    ///
    /// # Errors
    /// When a table is full.
    pub(super) fn apply(&self, id: u32, partition: &mut Partition) -> Result<(), AssessError> {
        let own = self.people.get(id as usize).into_iter().flatten();
        let regions = self.regions.iter().map(|rows| (Kind::Regions, rows));
        for (kind, rows) in regions.chain(own.map(|(kind, rows)| (*kind, rows))) {
            let all: Vec<u32> = (0..rows.num_rows() as u32).collect();
            partition.apply(kind, rows, &all)?;
        }
        Ok(())
    }
}

/// The state of everybody who is not green, and until when.
type States = HashMap<Person, (State, Option<Instant>), FxBuildHasher>;

/// Previews a batch over feeds: the state at the first tick at or after an instant, with the batch and without it, by
/// the packs of the options.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn preview_batch(
    (sources, batch): (&[Source], &[Source]),
    options: &Options,
    at: Instant,
    progress: &dyn Progress,
) -> Result<Preview, ReplayError> {
    let tick = options.tick.ceiling(at);
    let options = Options { until: Some(tick), ..options.clone() };
    let since = options.later.iter().rfind(|switch| switch.at <= tick).map(|switch| switch.at);
    let judge = || Judge::in_force_since(Arc::clone(options.pack_at(tick)), since).map(Arc::new);
    let current = judge()?;
    let mut before = States::default();
    let (partitions, _) = replay::state(sources, &options, progress)?;
    for mut partition in partitions {
        let look = partition.look(&current, tick, options.bounds.step);
        before.extend(partition.states_of(&look));
    }
    let all: Vec<Source> = sources.iter().chain(batch).cloned().collect();
    let (mut partitions, counts) = replay::state(&all, &options, progress)?;
    let mut seen = Vec::new();
    for partition in &mut partitions {
        let before = partition.look_of(&before);
        seen.push(people::seen(partition, &before, &current, tick, options.bounds.step));
    }
    let mut samples = samples::choose(&partitions, &seen, (&current, &current), tick);
    samples.iter_mut().for_each(without_reasons_before);
    Ok(joined(seen, samples, (counts.people, tick)))
}

/// The batch is in place: what was before it is known as a state alone.
pub(super) fn without_reasons_before(sample: &mut Sample) {
    sample.before.reasons.clear();
}
