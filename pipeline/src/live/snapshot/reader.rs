//! A snapshot being read.
//!
//! Owns the verification: no row of a file is handed on before length and checksum of the whole file were compared.
//! One thread reads and decodes while the caller takes rows in.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use arrow::array::RecordBatch;
use object_store::path::Path;

use super::error::SnapshotError;
use super::format;
use super::manifest::{FileEntry, Manifest};
use super::store::SnapshotStore;
use crate::evidence::TableError;

/// Batches that wait to be taken in.
const BATCHES_MAX: usize = 8;

/// How far a load is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Rows handed over, with those at hand.
    pub rows: u64,
    /// Rows in all.
    pub rows_in_all: u64,
}

/// An opened snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    store: SnapshotStore,
    folder: Path,
    manifest: Manifest,
}

/// A table's name by its file's place in the manifest, and rows of it.
type Piece = Result<(usize, RecordBatch), SnapshotError>;

impl Snapshot {
    pub(super) fn new(store: SnapshotStore, folder: Path, manifest: Manifest) -> Snapshot {
        Snapshot { store, folder, manifest }
    }

    /// What it is made of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Hands over all tables in pieces, each table whole before the next, in the order in which they were first
    /// written.
    ///
    /// # Errors
    /// When a file is damaged, or the caller's error. What was taken in until then is a part: throw it away, and go on
    /// to the older.
    pub fn load(
        &self,
        take: &mut dyn FnMut(&str, &RecordBatch, Progress) -> Result<(), TableError>,
    ) -> Result<(), SnapshotError> {
        thread::scope(|scope| {
            let (send, pieces) = sync_channel(BATCHES_MAX);
            let reading = thread::Builder::new().name("snapshot-read".to_owned());
            reading.spawn_scoped(scope, move || self.read(&send)).map_err(SnapshotError::System)?;
            let mut progress = Progress { rows: 0, rows_in_all: self.manifest.rows_in_all() };
            for piece in pieces {
                let (file, batch) = piece?;
                progress.rows += batch.num_rows() as u64;
                let table = self.manifest.files.get(file).map_or("", |entry| entry.table.as_str());
                take(table, &batch, progress)?;
            }
            if progress.rows == progress.rows_in_all {
                return Ok(());
            }
            Err(self.damaged(&self.folder, format!("it gave {} of {} rows", progress.rows, progress.rows_in_all)))
        })
    }

    /// Reads all files; ends early when nobody takes what it reads.
    fn read(&self, to: &SyncSender<Piece>) {
        for (at, entry) in self.manifest.files.iter().enumerate() {
            if let Err(error) = self.read_file(at, entry, to) {
                // The caller has left if it does not listen.
                let _ = to.send(Err(error));
                return;
            }
        }
    }

    fn read_file(&self, at: usize, entry: &FileEntry, to: &SyncSender<Piece>) -> Result<(), SnapshotError> {
        let file = self.folder.clone().join(entry.file.as_str());
        let bytes = self.store.get(&file)?;
        if bytes.len() as u64 != entry.bytes {
            return Err(self.damaged(&file, format!("it has {} bytes of {}", bytes.len(), entry.bytes)));
        }
        if crc32fast::hash(&bytes) != entry.crc32 {
            return Err(self.damaged(&file, "its checksum is another".to_owned()));
        }
        for batch in format::decoder(bytes).map_err(|error| self.damaged(&file, error.to_string()))? {
            let batch = batch.map_err(|error| self.damaged(&file, error.to_string()))?;
            if to.send(Ok((at, batch))).is_err() {
                return Err(SnapshotError::GivenUp);
            }
        }
        Ok(())
    }

    fn damaged(&self, file: &Path, what: String) -> SnapshotError {
        SnapshotError::Damaged { file: file.to_string(), what }
    }
}
