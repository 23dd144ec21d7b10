//! A snapshot being written, beside its worker.
//!
//! Owns the thread and its queue. The worker hands over pages when there is room and never waits for a disk; whatever
//! fails here ends the snapshot and nothing else, and what was written of it is deleted. The manifest is last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use arrow::array::RecordBatch;
use bytes::Bytes;
use metrics::{counter, gauge};
use object_store::path::Path;
use parquet::arrow::ArrowWriter;

use super::error::SnapshotError;
use super::format;
use super::manifest::{self, DERIVED_FACTS, FileEntry, Manifest, Meta, STATES_BY_NUMBER};
use super::store::SnapshotStore;
use crate::evidence::{DERIVED, Export};
use crate::live::{fault, metric};

/// Pages that wait to be written.
const PAGES_MAX: usize = 2;
/// A file is closed when it holds this much: what is read and verified at once.
const FILE_BYTES: usize = 8 << 20;

/// A finished snapshot.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// Its name in the series.
    pub name: String,
    /// What it is made of.
    pub manifest: Manifest,
    /// The offsets of those of its series that are kept, the newest first; none where the older ones were not looked
    /// at.
    pub kept: Vec<u64>,
}

enum Message {
    Page(Export),
    Finish { has_older_pruned: bool, states: Vec<String> },
}

/// A snapshot under way. Dropped before it is finished, it is given up and deleted.
#[derive(Debug)]
pub struct SnapshotWriter {
    pages: Option<SyncSender<Message>>,
    waiting: Arc<AtomicUsize>,
    outcome: Receiver<Result<Written, SnapshotError>>,
}

impl SnapshotWriter {
    pub(super) fn spawn(
        store: SnapshotStore,
        folder: Path,
        series: String,
        meta: Meta,
    ) -> Result<SnapshotWriter, SnapshotError> {
        let (pages, queue) = sync_channel(PAGES_MAX + 1);
        let (report, outcome) = sync_channel(1);
        let waiting = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&waiting);
        let task = Task { store, folder, series, meta, tables: Vec::new(), files: Vec::new() };
        let run = move || {
            // The worker may be gone; then nobody wants to know.
            let _ = report.send(task.run(&queue, &taken));
        };
        thread::Builder::new().name("snapshot".to_owned()).spawn(run).map_err(SnapshotError::System)?;
        Ok(SnapshotWriter { pages: Some(pages), waiting, outcome })
    }

    /// Whether a page can be handed over without waiting.
    pub fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Acquire) < PAGES_MAX
    }

    /// Hands over a page; waits if there is no room. False if the snapshot has failed: see
    /// [`SnapshotWriter::outcome`].
    pub fn page(&mut self, page: Export) -> bool {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.pages.as_ref().is_some_and(|pages| pages.send(Message::Page(page)).is_ok())
    }

    /// Hands over what there is room for of the pages of one moment, and finishes after the last; the outcome, once
    /// it is known.
    pub fn hand_over(&mut self, pages: &mut VecDeque<Export>) -> Option<Result<Written, SnapshotError>> {
        while self.has_room()
            && let Some(page) = pages.pop_front()
        {
            if !self.page(page) {
                pages.clear();
            }
            if pages.is_empty() {
                self.finish();
            }
        }
        self.outcome()
    }

    /// Says that all pages were handed over. The rest goes on beside, and so does the pruning of what is older: see
    /// [`SnapshotWriter::outcome`].
    pub fn finish(&mut self) {
        self.end(true, Vec::new());
    }

    /// The same, of tables that name announced states by their numbers: the states are known when the last page is.
    pub fn finish_with(&mut self, states: Vec<String>) {
        self.end(true, states);
    }

    fn end(&mut self, has_older_pruned: bool, states: Vec<String>) {
        if let Some(pages) = self.pages.take() {
            // The thread is gone if it failed; the outcome says so.
            let _ = pages.send(Message::Finish { has_older_pruned, states });
        }
    }

    /// What became of it, once; none while it is under way.
    pub fn outcome(&self) -> Option<Result<Written, SnapshotError>> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(SnapshotError::GivenUp)),
        }
    }

    /// Finishes and waits; what is older stays.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn wait(mut self) -> Result<Written, SnapshotError> {
        self.end(false, Vec::new());
        self.outcome.recv().unwrap_or(Err(SnapshotError::GivenUp))
    }
}

/// The label of a series: a partition is a number everywhere. Those of phones have none: their numbers are those of
/// people, too.
fn label_of(series: &str) -> Option<String> {
    let number = series.strip_prefix('p').and_then(|number| number.parse::<u32>().ok());
    number.map(|number| number.to_string()).or((!series.starts_with("phones-")).then(|| series.to_owned()))
}

/// A table's file being filled.
struct Table {
    name: &'static str,
    encoder: Option<ArrowWriter<Vec<u8>>>,
    rows: u64,
    files: u32,
}

struct Task {
    store: SnapshotStore,
    folder: Path,
    series: String,
    meta: Meta,
    tables: Vec<Table>,
    files: Vec<FileEntry>,
}

impl Task {
    fn run(mut self, queue: &Receiver<Message>, taken: &AtomicUsize) -> Result<Written, SnapshotError> {
        let written = self.write(queue, taken);
        let outcome = if written.is_ok() { "written" } else { "failed" };
        counter!(metric::SNAPSHOTS, "outcome" => outcome).increment(1);
        match &written {
            Ok(written) => {
                let seconds = written.manifest.meta.written_at_ms as f64 / 1000.0;
                if let Some(label) = label_of(&self.series) {
                    gauge!(metric::SNAPSHOT_TIME, "partition" => label).set(seconds);
                }
            }
            Err(error) => {
                tracing::warn!(series = %self.series, %error, "snapshot not written");
                let files = self.files.iter().map(|file| file.file.as_str()).chain([manifest::FILE]);
                if let Err(error) = self.store.delete(&self.folder, files) {
                    tracing::warn!(series = %self.series, %error, "an unfinished snapshot stays; it is deleted later");
                }
            }
        }
        written
    }

    fn write(&mut self, queue: &Receiver<Message>, taken: &AtomicUsize) -> Result<Written, SnapshotError> {
        loop {
            match queue.recv() {
                Ok(Message::Page(page)) => {
                    taken.fetch_sub(1, Ordering::AcqRel);
                    for (table, batch) in &page.tables {
                        self.add(table, batch)?;
                    }
                    fault::place("in-snapshot");
                }
                Ok(Message::Finish { has_older_pruned, states }) => {
                    if !states.is_empty() {
                        self.meta.since_2.states = states;
                        self.meta.since_2.needs.push(STATES_BY_NUMBER.to_owned());
                    }
                    if self.tables.iter().any(|table| table.name == DERIVED) {
                        self.meta.since_2.needs.push(DERIVED_FACTS.to_owned());
                    }
                    let mut written = self.finish()?;
                    if has_older_pruned {
                        written.kept = self.prune();
                    }
                    return Ok(written);
                }
                Err(_) => return Err(SnapshotError::GivenUp),
            }
        }
    }

    fn add(&mut self, name: &'static str, batch: &RecordBatch) -> Result<(), SnapshotError> {
        let known = self.tables.iter().position(|table| table.name == name);
        let at = known.unwrap_or_else(|| {
            self.tables.push(Table { name, encoder: None, rows: 0, files: 0 });
            self.tables.len() - 1
        });
        let table = &mut self.tables[at];
        let encoder = match &mut table.encoder {
            Some(encoder) => encoder,
            None => table.encoder.insert(format::encoder(&batch.schema())?),
        };
        encoder.write(batch)?;
        table.rows += batch.num_rows() as u64;
        if format::length(encoder) >= FILE_BYTES { self.close(at) } else { Ok(()) }
    }

    /// Closes and writes the file of a table.
    fn close(&mut self, at: usize) -> Result<(), SnapshotError> {
        let table = &mut self.tables[at];
        let Some(encoder) = table.encoder.take() else { return Ok(()) };
        let bytes = Bytes::from(encoder.into_inner()?);
        let file = format!("{}-{:04}.parquet", table.name, table.files);
        let entry = FileEntry {
            table: table.name.to_owned(),
            file: file.clone(),
            bytes: bytes.len() as u64,
            crc32: crc32fast::hash(&bytes),
            rows: std::mem::take(&mut table.rows),
        };
        table.files += 1;
        self.files.push(entry);
        self.store.put(&self.folder.clone().join(file.as_str()), bytes)
    }

    fn finish(&mut self) -> Result<Written, SnapshotError> {
        for at in 0..self.tables.len() {
            self.close(at)?;
        }
        // Table by table in the order of first pages: people come before what hangs on them.
        let order = |file: &FileEntry| self.tables.iter().position(|table| table.name == file.table);
        let mut files = self.files.clone();
        files.sort_by_key(order);
        let manifest = Manifest::new(self.series.clone(), self.meta.clone(), files);
        let sealed = manifest.seal().map_err(|error| SnapshotError::Damaged {
            file: manifest::FILE.to_owned(),
            what: format!("it cannot be written: {error}"),
        })?;
        self.store.sync_folders(&self.folder, &self.series)?;
        fault::place("in-snapshot");
        self.store.put(&self.folder.clone().join(manifest::FILE), Bytes::from(sealed))?;
        self.store.sync_folders(&self.folder, &self.series)?;
        Ok(Written { name: self.meta.name(), manifest, kept: Vec::new() })
    }

    /// Removes what is older than those that are kept; says which are. What cannot be removed now is removed later.
    fn prune(&self) -> Vec<u64> {
        let pruned = self.store.prune(&self.series).and_then(|_| self.store.kept(&self.series));
        pruned.unwrap_or_else(|error| {
            tracing::warn!(series = %self.series, %error, "older snapshots cannot be removed now");
            Vec::new()
        })
    }
}
