//! Snapshots of the phones: their log is kept for days, what waits in them for longer (R-7).
//!
//! ```text
//! phones-0003   people, kinds, holders (linked) | told: phone 16 bytes | person 16 bytes | version | at
//! ```
//!
//! Owns when one is written, and which is taken back. Each is of one moment, between two records, while all that was
//! said is safe (R-17). Must never take one that is another's.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, FixedSizeBinaryBuilder, RecordBatch, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, TimestampMillisecondType, UInt64Type};
use fuma_connectors::log::KeyedSource;
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Instant, Person, Phone};

use super::Options;
use super::parking::Trouble;
use super::state::{State, Told};
use crate::evidence::{Export, TableError};
use crate::linked::{Attach, PhonePages};
use crate::live::metric;
use crate::live::record::Origin;
use crate::live::snapshot::{Manifest, Meta, Since2, SnapshotError, SnapshotWriter, Written};
use crate::live::worker::snapshots::Snapshots;
use crate::seed;

const TOLD: &str = "told";
/// Rows of a page of what was told.
const PAGE_ROWS: usize = 65_536;

/// The series of a partition of phones.
fn series(id: u32) -> String {
    format!("phones-{id:04}")
}

/// Writes and reads the snapshots of the phones.
pub(super) struct Keeper {
    snapshots: Option<Snapshots>,
    origin: Origin,
    under_way: Option<UnderWay>,
    /// When, and up to which offset, a partition was last seen to.
    last: BTreeMap<u32, (Duration, u64)>,
}

struct UnderWay {
    id: u32,
    writer: SnapshotWriter,
    pages: VecDeque<Export>,
}

impl Keeper {
    pub(super) fn new(snapshots: Option<Snapshots>, origin: Origin) -> Keeper {
        Keeper { snapshots, origin, under_way: None, last: BTreeMap::new() }
    }

    /// The newest state that is whole and within the log, or an empty one. Without a word of the store only a log that
    /// is whole is enough.
    pub(super) fn newest(&mut self, id: u32, bounds: &Range<u64>, options: &Options) -> Result<State, Trouble> {
        let state = self.look(id, bounds, options)?;
        // Stored soon: what is said from here on would be said again by the next owner.
        self.last.insert(id, (Duration::ZERO, state.next()));
        Ok(state)
    }

    fn look(&self, id: u32, bounds: &Range<u64>, options: &Options) -> Result<State, Trouble> {
        let empty = || State::new(Attach::new(seed::of_process(), options.facts), 0, Instant(0));
        let Some(snapshots) = &self.snapshots else { return Ok(empty()) };
        let in_log = |manifest: &Manifest| match (bounds.start..=bounds.end).contains(&manifest.meta.offset) {
            true => Ok(()),
            false => Err("not within the log of phones".to_owned()),
        };
        let newest = snapshots.store.newest(&series(id), &in_log, &mut |snapshot| {
            let meta = &snapshot.manifest().meta;
            let (mut state, mut pages) = (empty(), PhonePages::default());
            let mut told = Vec::new();
            snapshot.load(&mut |table, batch, _| match table {
                TOLD => {
                    told.push(batch.clone());
                    Ok(())
                }
                table => pages.take(&mut state.attach, table, batch),
            })?;
            pages.end(&mut state.attach);
            let mut state = State::new(state.attach, meta.offset, Instant(meta.clock_ms));
            told.iter().try_for_each(|batch| take_told(&mut state, batch))?;
            Ok(state)
        });
        let newest = match newest {
            Ok(newest) => newest,
            Err(error) if error.is_away() && bounds.start == 0 => {
                metrics::counter!(metric::SNAPSHOTS, "outcome" => "away").increment(1);
                tracing::warn!(partition = id, %error, "snapshots cannot be read: the log of phones is whole");
                return Ok(empty());
            }
            Err(error) => return Err(error.into()),
        };
        let Some((manifest, state)) = newest.loaded else { return Ok(empty()) };
        let offset = manifest.meta.offset;
        self.origin.accepts(manifest.meta.origin()).map_err(|error| Trouble::Record { offset, error })?;
        Ok(state)
    }

    /// Begins a snapshot when one is due, goes on with it, or looks how it ended. All that was said must be safe.
    pub(super) fn turn(
        &mut self,
        states: &BTreeMap<u32, State>,
        (now, elapsed): (Instant, Duration),
        source: &mut dyn KeyedSource,
    ) {
        let Some(snapshots) = &self.snapshots else { return };
        if let Some(under_way) = &mut self.under_way {
            if let Some(outcome) = under_way.writer.hand_over(&mut under_way.pages) {
                let id = under_way.id;
                self.under_way = None;
                ended(id, outcome, source);
            }
            return;
        }
        self.last.retain(|id, _| states.contains_key(id));
        for (id, state) in states {
            let (since, offset) = *self.last.entry(*id).or_insert((elapsed, state.next()));
            let passed = state.next().saturating_sub(offset);
            if passed == 0 || passed < snapshots.records && elapsed.saturating_sub(since) < snapshots.every {
                continue;
            }
            self.last.insert(*id, (elapsed, state.next()));
            let logs = [("phones".to_owned(), (0, state.next()))].into();
            let meta = Meta {
                offset: state.next(),
                clock_ms: state.clock().0,
                written_at_ms: now.0,
                since_2: Since2::of(self.origin, 0, logs),
                ..Meta::default()
            };
            match begin(snapshots, *id, meta, state) {
                Ok(under_way) => self.under_way = Some(under_way),
                Err(error) => ended(*id, Err(error), source),
            }
            return;
        }
    }
}

fn begin(snapshots: &Snapshots, id: u32, meta: Meta, state: &State) -> Result<UnderWay, SnapshotError> {
    let mut pages: VecDeque<Export> = state.attach.export()?.into();
    let mut told: Vec<((Phone, Person), Told)> = state.told.iter().map(|(key, told)| (*key, *told)).collect();
    told.sort_unstable_by_key(|((phone, person), _)| (phone.0, person.0));
    for some in told.chunks(PAGE_ROWS) {
        pages.push_back(Export { tables: vec![(TOLD, told_table(some)?)] });
    }
    let mut writer = snapshots.store.begin(&series(id), meta)?;
    if pages.is_empty() {
        writer.finish();
    }
    Ok(UnderWay { id, writer, pages })
}

fn told_table(some: &[((Phone, Person), Told)]) -> Result<RecordBatch, TableError> {
    let token = |name| Field::new(name, DataType::FixedSizeBinary(16), false);
    let (version, at) = (Field::new("version", DataType::UInt64, false), Field::new("at", instant_type(), false));
    let schema = Schema::new(vec![token("phone"), token("person"), version, at]);
    let mut tokens = [(); 2].map(|()| FixedSizeBinaryBuilder::with_capacity(some.len(), 16));
    for ((phone, person), _) in some {
        tokens[0].append_value(phone.0)?;
        tokens[1].append_value(person.0)?;
    }
    let [mut phones, mut people] = tokens;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(phones.finish()),
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(some.iter().map(|(_, told)| told.version))),
        Arc::new(TimestampMillisecondArray::from_iter_values(some.iter().map(|(_, told)| told.at))),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn take_told(state: &mut State, batch: &RecordBatch) -> Result<(), TableError> {
    let lacks = |column| TableError::Column { table: TOLD, column };
    let column = |name| batch.column_by_name(name).filter(|column| column.null_count() == 0).ok_or(lacks(name));
    let tokens = |name| column(name)?.as_fixed_size_binary_opt().ok_or(lacks(name));
    let (phones, people) = (tokens("phone")?, tokens("person")?);
    let versions = column("version")?.as_primitive_opt::<UInt64Type>().ok_or(lacks("version"))?;
    let instants = column("at")?.as_primitive_opt::<TimestampMillisecondType>().ok_or(lacks("at"))?;
    for row in 0..batch.num_rows() {
        let phone = Phone(phones.value(row).try_into().map_err(|_| lacks("phone"))?);
        let person = Person(people.value(row).try_into().map_err(|_| lacks("person"))?);
        let told = Told { version: versions.value(row), at: instants.value(row) };
        state.told.insert((phone, person), told);
    }
    Ok(())
}

fn ended(id: u32, outcome: Result<Written, SnapshotError>, source: &mut dyn KeyedSource) {
    let written = match outcome {
        Ok(written) => written,
        Err(error) => {
            return tracing::error!(partition = id, %error, "the phones were not stored; it will be tried again");
        }
    };
    tracing::info!(partition = id, rows = written.manifest.rows_in_all(), "the phones are stored");
    // Of a log that keeps its own books: what two snapshots hold may go.
    let oldest = written.kept.iter().copied().min().filter(|_| written.kept.len() > 1);
    if let Some(Err(error)) = oldest.map(|oldest| source.trim(id, oldest)) {
        tracing::warn!(partition = id, %error, "what is older cannot be removed");
    }
}
