//! Snapshots of a keyed stage: its log is kept for days, what waits in it for longer.
//!
//! Owns when one is written, and which is taken back. Each is of one moment, between two records, while all that was
//! said is safe. Must never take one that is another's.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use fuma_connectors::log::KeyedSource;
use fuma_schemas::Instant;

use super::Options;
use super::parking::Trouble;
use super::state::{Keyed, State};
use crate::evidence::Export;
use crate::live::metric;
use crate::live::record::Origin;
use crate::live::snapshot::{Manifest, Meta, Since2, SnapshotError, SnapshotWriter, Written};
use crate::live::worker::snapshots::Snapshots;

/// The series of a partition.
fn series<K: Keyed>(id: u32) -> String {
    format!("{}-{id:04}", K::SERIES)
}

/// Writes and reads the snapshots of a stage.
pub(super) struct Keeper<K> {
    of: PhantomData<fn() -> K>,
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

impl<K: Keyed> Keeper<K> {
    pub(super) fn new(snapshots: Option<Snapshots>, origin: Origin) -> Keeper<K> {
        Keeper { of: PhantomData, snapshots, origin, under_way: None, last: BTreeMap::new() }
    }

    /// The newest state that is whole and within the log, or an empty one. Without a word of the store only a log that
    /// is whole is enough.
    pub(super) fn newest(&mut self, id: u32, bounds: &Range<u64>, options: &Options) -> Result<State<K>, Trouble> {
        let state = self.look(id, bounds, options)?;
        // Stored soon: what is said from here on would be said again by the next owner.
        self.last.insert(id, (Duration::ZERO, state.next()));
        Ok(state)
    }

    fn look(&self, id: u32, bounds: &Range<u64>, options: &Options) -> Result<State<K>, Trouble> {
        let empty = || State::new(K::new(options), 0, Instant(0));
        let Some(snapshots) = &self.snapshots else { return Ok(empty()) };
        let in_log = |manifest: &Manifest| match (bounds.start..=bounds.end).contains(&manifest.meta.offset) {
            true => Ok(()),
            false => Err(format!("not within the {}", K::LOG)),
        };
        let newest = snapshots.store.newest(&series::<K>(id), &in_log, &mut |snapshot| {
            let meta = &snapshot.manifest().meta;
            let (mut keyed, mut pages) = (K::new(options), K::Pages::default());
            snapshot.load(&mut |table, batch, _| keyed.import(&mut pages, table, batch))?;
            Ok((keyed, pages, meta.offset, Instant(meta.clock_ms)))
        });
        let newest = match newest {
            Ok(newest) => newest,
            Err(error) if error.is_away() && bounds.start == 0 => {
                metrics::counter!(metric::SNAPSHOTS, "outcome" => "away").increment(1);
                tracing::warn!(partition = id, %error, "snapshots cannot be read: the {} is whole", K::LOG);
                return Ok(empty());
            }
            Err(error) => return Err(error.into()),
        };
        let Some((manifest, (mut keyed, pages, offset, clock))) = newest.loaded else { return Ok(empty()) };
        let accepted = self.origin.accepts(manifest.meta.origin());
        accepted.map_err(|error| Trouble::Record { log: K::LOG, offset, error })?;
        keyed.imported(pages, options)?;
        Ok(State::new(keyed, offset, clock))
    }

    /// Begins a snapshot when one is due, goes on with it, or looks how it ended. All that was said must be safe.
    pub(super) fn turn(
        &mut self,
        states: &BTreeMap<u32, State<K>>,
        (now, elapsed): (Instant, Duration),
        source: &mut dyn KeyedSource,
    ) {
        let Some(snapshots) = &self.snapshots else { return };
        if let Some(under_way) = &mut self.under_way {
            if let Some(outcome) = under_way.writer.hand_over(&mut under_way.pages) {
                let id = under_way.id;
                self.under_way = None;
                ended::<K>(id, outcome, source);
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
            let logs = [(K::SERIES.to_owned(), (0, state.next()))].into();
            let meta = Meta {
                offset: state.next(),
                clock_ms: state.clock().0,
                written_at_ms: now.0,
                since_2: Since2::of(self.origin, 0, logs),
                ..Meta::default()
            };
            match begin(snapshots, *id, meta, state) {
                Ok(under_way) => self.under_way = Some(under_way),
                Err(error) => ended::<K>(*id, Err(error), source),
            }
            return;
        }
    }
}

fn begin<K: Keyed>(snapshots: &Snapshots, id: u32, meta: Meta, state: &State<K>) -> Result<UnderWay, SnapshotError> {
    let pages = state.keyed().export()?;
    let mut writer = snapshots.store.begin(&series::<K>(id), meta)?;
    if pages.is_empty() {
        writer.finish();
    }
    Ok(UnderWay { id, writer, pages })
}

fn ended<K: Keyed>(id: u32, outcome: Result<Written, SnapshotError>, source: &mut dyn KeyedSource) {
    let written = match outcome {
        Ok(written) => written,
        Err(error) => {
            tracing::error!(stage = K::STAGE, partition = id, %error, "the state is not stored: tried again");
            return;
        }
    };
    tracing::info!(stage = K::STAGE, partition = id, rows = written.manifest.rows_in_all(), "the state is stored");
    // Of a log that keeps its own books: what two snapshots hold may go.
    let oldest = written.kept.iter().copied().min().filter(|_| written.kept.len() > 1);
    if let Some(Err(error)) = oldest.map(|oldest| source.trim(id, oldest)) {
        tracing::warn!(partition = id, %error, "what is older cannot be removed");
    }
}
