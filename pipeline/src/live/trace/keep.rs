//! Snapshots of the graph of contacts: the link log is kept for days only, what hangs on whom for longer.
//!
//! Owns when one is written, and which is taken back. All of it is of one moment, between two records: a copy is
//! taken, which costs some tenths of a microsecond a fact, and written as there is room. Must never wait for a store on
//! the thread of the stage.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use fuma_connectors::log::{LinkSource, LogError};
use fuma_schemas::Instant as Clock;

use crate::evidence::Export;
use crate::live::record::Origin;
use crate::live::snapshot::{Manifest, Meta, Since2, SnapshotError, SnapshotWriter, Written};
use crate::live::worker::snapshots::{Snapshots, WORTH_AT_STOP};
use crate::live::{metric, monotonic};
use crate::seed;
use crate::trace::Trace;

/// The series of the snapshots.
const SERIES: &str = "links";
/// Facts of a page.
const PAGE_FACTS: u32 = 16_384;
/// How long the writer is left alone before it is asked again at an end.
const PIECE: std::time::Duration = std::time::Duration::from_millis(5);

/// The graph that was found, and the offset where it ends.
pub(super) type Found = Option<(Trace, u64)>;

/// Writes and reads the snapshots of the graph.
pub(super) struct Keeper {
    snapshots: Option<Snapshots>,
    under_way: Option<UnderWay>,
    begun: Instant,
    offset: Option<u64>,
    origin: Origin,
    /// The stage is about to end.
    is_last: bool,
    /// Nothing happens beside the stage's own thread, for a simulation.
    pub(super) is_inline: bool,
}

/// A graph being written: all of it is of one moment, and handed over as the writer has room.
struct UnderWay {
    writer: SnapshotWriter,
    pages: VecDeque<Export>,
}

impl Keeper {
    pub(super) fn new(snapshots: Option<Snapshots>, origin: Origin) -> Keeper {
        Keeper {
            snapshots,
            under_way: None,
            begun: monotonic::now(),
            offset: None,
            origin,
            is_last: false,
            is_inline: false,
        }
    }

    /// Whose messages are read.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Looks for the newest graph that is whole and within the log, on a thread of its own; none where there is nowhere
    /// to look.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub(super) fn search(&self, bounds: &Range<u64>) -> Result<Option<Receiver<Result<Found, LogError>>>, LogError> {
        let Some(snapshots) = self.snapshots.clone() else { return Ok(None) };
        let (send, found) = sync_channel(1);
        let (bounds, origin) = (bounds.clone(), self.origin);
        let look = move || {
            // Nobody listens when the log was taken away meanwhile.
            let _ = send.send(newest(&snapshots, &bounds, origin));
        };
        if self.is_inline {
            look();
            return Ok(Some(found));
        }
        let spawned = std::thread::Builder::new().name("trace-snapshot".to_owned()).spawn(look);
        spawned.map_err(|error| LogError::transient(format!("no thread to read snapshots: {error}")))?;
        Ok(Some(found))
    }

    /// Begins a snapshot when it is time, goes on with it, or looks how it ended. Everything before `next` has been
    /// written.
    pub(super) fn turn(&mut self, trace: &Trace, next: u64, now: Clock, links: &mut dyn LinkSource) {
        let Some(snapshots) = &self.snapshots else { return };
        if let Some(under_way) = &mut self.under_way {
            let mut outcome = under_way.writer.hand_over(&mut under_way.pages);
            while self.is_inline && outcome.is_none() {
                std::thread::yield_now();
                outcome = under_way.writer.hand_over(&mut under_way.pages);
            }
            if let Some(outcome) = outcome {
                self.under_way = None;
                ended(outcome, links);
            }
            return;
        }
        self.offset.get_or_insert(next);
        if !self.is_due(next) {
            return;
        }
        (self.begun, self.offset) = (monotonic::now(), Some(next));
        let logs = [("links".to_owned(), (0, next))].into();
        let since_2 = Since2::of(self.origin, 0, logs);
        let meta = Meta { offset: next, clock_ms: now.0, written_at_ms: now.0, since_2, ..Meta::default() };
        match begin(snapshots, meta, trace) {
            Ok(under_way) => self.under_way = Some(under_way),
            Err(error) => ended(Err(error), links),
        }
    }

    /// The last snapshot, before the stage ends: for a short time only, since others wait for the link log.
    pub(super) fn write_last(&mut self, trace: &Trace, next: u64, now: Clock, links: &mut dyn LinkSource) {
        let Some(at_stop) = self.snapshots.as_ref().map(|snapshots| snapshots.at_stop) else { return };
        self.is_last = true;
        let begun = monotonic::now();
        while begun.elapsed() < at_stop {
            self.turn(trace, next, now, links);
            if self.under_way.is_some() {
                std::thread::sleep(PIECE);
            } else if !self.is_due(next) {
                // One that was under way is of an earlier moment: after it another may be worth it.
                return;
            }
        }
    }

    /// Whether the log has gone on by enough since the last one, or for long enough.
    fn is_due(&self, next: u64) -> bool {
        let Some(snapshots) = &self.snapshots else { return false };
        let passed = next.saturating_sub(self.offset.unwrap_or(next));
        let least = if self.is_last { snapshots.records / WORTH_AT_STOP } else { snapshots.records };
        passed > 0 && (passed >= least || self.begun.elapsed() >= snapshots.every)
    }
}

/// The newest graph that is of use. Without a word of the store only a log that is whole is enough.
fn newest(snapshots: &Snapshots, bounds: &Range<u64>, origin: Origin) -> Result<Found, LogError> {
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
            metrics::counter!(metric::SNAPSHOTS, "outcome" => "away").increment(1);
            if bounds.start > 0 {
                return Err(LogError::transient(format!("snapshots in {} cannot be read: {error}", snapshots.place)));
            }
            tracing::warn!(%error, "snapshots cannot be read: the link log is whole and is read instead");
            return Ok(None);
        }
    };
    let Some((manifest, trace)) = newest.loaded else { return Ok(None) };
    origin.accepts(manifest.meta.origin()).map_err(|error| {
        LogError::operator(format!("the graph of contacts in {} is another's: {error}", snapshots.place))
    })?;
    Ok(Some((trace, manifest.meta.offset)))
}

/// Takes a copy of the graph, as it is, and begins to write it.
fn begin(snapshots: &Snapshots, meta: Meta, trace: &Trace) -> Result<UnderWay, SnapshotError> {
    let mut writer = snapshots.store.begin(SERIES, meta)?;
    let (mut pages, mut first) = (VecDeque::new(), 0);
    while first < trace.facts() {
        let mut export = Export::default();
        trace.export(first..first.saturating_add(PAGE_FACTS), &mut export)?;
        pages.push_back(export);
        first = first.saturating_add(PAGE_FACTS);
    }
    if pages.is_empty() {
        writer.finish();
    }
    Ok(UnderWay { writer, pages })
}

fn ended(outcome: Result<Written, SnapshotError>, links: &mut dyn LinkSource) {
    let written = match outcome {
        Ok(written) => written,
        Err(error) => return tracing::error!(%error, "the graph of contacts was not stored; it will be tried again"),
    };
    tracing::info!(rows = written.manifest.rows_in_all(), "the graph of contacts is stored");
    // Of a log that keeps its own books: what two snapshots hold may go.
    let oldest = written.kept.iter().copied().min().filter(|_| written.kept.len() > 1);
    if let Some(Err(error)) = oldest.map(|oldest| links.trim(oldest)) {
        tracing::warn!(%error, "what is older cannot be removed");
    }
}
