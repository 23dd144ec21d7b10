//! Snapshots of the graph of contacts: the link log is kept for days only, what hangs on whom for longer.
//!
//! Owns when one is written, and which is taken back. All of it is of one moment, between two records; it costs
//! some tenths of a microsecond a fact, and there are few.

use std::ops::Range;
use std::time::Instant;

use fuma_connectors::log::{LinkSource, LogError};
use fuma_schemas::Instant as Clock;

use crate::evidence::Export;
use crate::live::monotonic;
use crate::live::record::Origin;
use crate::live::snapshot::{Manifest, Meta, Since2, SnapshotError, SnapshotWriter};
use crate::live::worker::snapshots::Snapshots;
use crate::seed;
use crate::trace::Trace;

/// The series of the snapshots.
const SERIES: &str = "links";
/// Facts of a page.
const PAGE_FACTS: u32 = 16_384;

/// Writes and reads the snapshots of the graph.
pub(super) struct Keeper {
    snapshots: Option<Snapshots>,
    under_way: Option<SnapshotWriter>,
    begun: Instant,
    offset: Option<u64>,
    origin: Origin,
}

impl Keeper {
    pub(super) fn new(snapshots: Option<Snapshots>, origin: Origin) -> Keeper {
        Keeper { snapshots, under_way: None, begun: monotonic::now(), offset: None, origin }
    }

    /// Whose messages are read.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// The newest graph that is whole and within the log, and the offset where it ends.
    ///
    /// # Errors
    /// When there is one that this build does not understand, or another's: to pass over it would lose what it holds.
    pub(super) fn newest(&self, bounds: &Range<u64>) -> Result<Option<(Trace, u64)>, LogError> {
        let Some(snapshots) = &self.snapshots else { return Ok(None) };
        let in_log = |manifest: &Manifest| match (bounds.start..=bounds.end).contains(&manifest.meta.offset) {
            true => Ok(()),
            false => Err("not within the link log".to_owned()),
        };
        let newest = snapshots.store.newest(SERIES, &in_log, &mut |snapshot| {
            let mut trace = Trace::seeded(seed::of_process());
            trace.reserve(u32::try_from(snapshot.manifest().rows_in_all()).unwrap_or(0));
            snapshot.load(&mut |table, batch, _| trace.import(table, batch))?;
            Ok(trace)
        });
        let newest = match newest {
            Ok(newest) => newest,
            Err(error) if error.is_not_understood() => return Err(LogError::operator(error.to_string())),
            Err(error) => {
                tracing::error!(%error, "snapshots cannot be listed");
                return Ok(None);
            }
        };
        let Some((manifest, trace)) = newest.loaded else { return Ok(None) };
        self.origin.accepts(manifest.meta.origin()).map_err(|error| {
            LogError::operator(format!("the graph of contacts in {} is another's: {error}", snapshots.place))
        })?;
        Ok(Some((trace, manifest.meta.offset)))
    }

    /// Begins a snapshot when it is time, or looks how the last one ended. Everything before `next` has been written.
    pub(super) fn turn(&mut self, trace: &Trace, next: u64, now: Clock, links: &mut dyn LinkSource) {
        let Some(snapshots) = &self.snapshots else { return };
        if let Some(outcome) = self.under_way.as_ref().map(SnapshotWriter::outcome) {
            if let Some(outcome) = outcome {
                self.under_way = None;
                ended(outcome.map(|written| written.manifest.rows_in_all()), snapshots, links);
            }
            return;
        }
        let offset = *self.offset.get_or_insert(next);
        let passed = next - offset.min(next);
        if passed == 0 || passed < snapshots.records && self.begun.elapsed() < snapshots.every {
            return;
        }
        (self.begun, self.offset) = (monotonic::now(), Some(next));
        let logs = [("links".to_owned(), (0, next))].into();
        let since_2 = Since2::of(self.origin, 0, logs);
        let meta = Meta { offset: next, clock_ms: now.0, written_at_ms: now.0, since_2, ..Meta::default() };
        match write(snapshots, meta, trace) {
            Ok(writer) => self.under_way = Some(writer),
            Err(error) => ended(Err(error), snapshots, links),
        }
    }
}

fn write(snapshots: &Snapshots, meta: Meta, trace: &Trace) -> Result<SnapshotWriter, SnapshotError> {
    let mut writer = snapshots.store.begin(SERIES, meta)?;
    let mut first = 0;
    while first < trace.facts() {
        let mut export = Export::default();
        trace.export(first..first.saturating_add(PAGE_FACTS), &mut export)?;
        if !writer.page(export) {
            break;
        }
        first = first.saturating_add(PAGE_FACTS);
    }
    writer.finish();
    Ok(writer)
}

fn ended(outcome: Result<u64, SnapshotError>, snapshots: &Snapshots, links: &mut dyn LinkSource) {
    let rows = match outcome {
        Ok(rows) => rows,
        Err(error) => return tracing::error!(%error, "the graph of contacts was not stored; it will be tried again"),
    };
    tracing::info!(rows, "the graph of contacts is stored");
    if let Err(error) = snapshots
        .store
        .prune(SERIES)
        .map_err(|error| LogError::transient(error.to_string()))
        .and_then(|_| trim(snapshots, links))
    {
        tracing::warn!(%error, "what is older cannot be removed");
    }
}

/// Of a log that keeps its own books: what two snapshots hold may go.
fn trim(snapshots: &Snapshots, links: &mut dyn LinkSource) -> Result<(), LogError> {
    let kept = snapshots.store.kept(SERIES).map_err(|error| LogError::transient(error.to_string()))?;
    match kept.iter().copied().min() {
        Some(oldest) if kept.len() > 1 => links.trim(oldest),
        _ => Ok(()),
    }
}
