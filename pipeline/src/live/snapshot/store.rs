//! The snapshots that a place holds.
//!
//! Owns listing, opening and pruning. Pruning touches only what lies below the second newest snapshot of the listing,
//! at the moment of the listing: whoever wakes late with an old one deletes nothing newer. Must never take what a
//! store did not say for nothing: neither a call without an answer, nor a folder that is gone.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use metrics::counter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::calls::{self, FILE_MAX, Failed, QUESTION_MAX};
use super::error::SnapshotError;
use super::manifest::{self, Manifest, Meta};
use super::reader::Snapshot;
use super::writer::SnapshotWriter;
use crate::live::metric;

/// The snapshots of all partitions. Copies share it.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Below which the series are written.
    pub(super) prefix: Path,
    /// Where they were before snapshots had an installation, if they may be read there.
    pub(super) before: Option<Path>,
    /// The folder, if it is one: what is written there is synced.
    pub(super) folder: Option<PathBuf>,
    pub(super) keep: usize,
}

/// A snapshot in a listing: its manifest is there, not yet read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The series.
    pub series: String,
    /// The name; greater is newer.
    pub name: String,
    /// Its files and their lengths.
    pub files: BTreeMap<String, u64>,
    /// Its folder.
    at: Path,
}

impl Found {
    /// The offset from which its log is read on, by its name.
    pub fn offset(&self) -> Option<u64> {
        self.name.split('-').next()?.parse().ok()
    }
}

/// What became of looking for a snapshot.
#[derive(Clone, PartialEq, Debug)]
pub struct Newest<T> {
    /// The manifest of the one that was loaded, and what the attempt gave; none if none was of use.
    pub loaded: Option<(Manifest, T)>,
    /// The names of those that were passed over, the newest first, and why.
    pub passed_over: Vec<(String, String)>,
}

impl SnapshotStore {
    /// The snapshots of a series that are there, the newest first. What has no manifest is not: it is being written,
    /// or never was finished.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, series: &str) -> Result<Vec<Found>, SnapshotError> {
        let mut found = self.folders(&self.prefix, series)?;
        if let Some(before) = &self.before {
            found.extend(self.folders(before, series)?);
        }
        found.retain(|found| found.files.contains_key(manifest::FILE));
        Ok(found)
    }

    /// Opens a snapshot: reads its manifest and compares the lengths of its files. The files themselves are verified
    /// as they are read.
    ///
    /// # Errors
    /// When it is damaged or incomplete: go on to the older; or of a newer build, or of another series: go no further;
    /// or not answered: ask again.
    pub fn open(&self, found: &Found) -> Result<Snapshot, SnapshotError> {
        let folder = found.at.clone();
        let file = folder.clone().join(manifest::FILE);
        let manifest = Manifest::unseal(file.as_ref(), &self.ask(QUESTION_MAX, &file)?)?;
        if manifest.series != found.series {
            let what = format!("of {}, and stands where those of {} do", manifest.series, found.series);
            return Err(SnapshotError::Alien { file: folder.to_string(), what });
        }
        for entry in &manifest.files {
            let length = found.files.get(&entry.file);
            if length != Some(&entry.bytes) {
                let what = match length {
                    None => "it is missing".to_owned(),
                    Some(length) => format!("it has {length} bytes of {}", entry.bytes),
                };
                return Err(SnapshotError::Damaged { file: folder.join(entry.file.as_str()).to_string(), what });
            }
        }
        Ok(Snapshot::new(self.clone(), folder, manifest))
    }

    /// Loads the newest snapshot that is of use: each is opened, asked for by its manifest (R-7: `Err` says why it is
    /// of no use), and given to `attempt`, which must begin with an empty state each time. Whatever fails is named,
    /// logged and passed over for the older.
    ///
    /// # Errors
    /// When the store does not say what there is, or a snapshot is whole and not understood: a newer build's.
    pub fn newest<T>(
        &self,
        series: &str,
        is_usable: &dyn Fn(&Manifest) -> Result<(), String>,
        attempt: &mut dyn FnMut(&Snapshot) -> Result<T, SnapshotError>,
    ) -> Result<Newest<T>, SnapshotError> {
        let mut newest = Newest { loaded: None, passed_over: Vec::new() };
        for found in self.list(series)? {
            let loaded = self.look_at(&found, is_usable, attempt)?;
            match loaded {
                Ok(loaded) => {
                    newest.loaded = Some(loaded);
                    break;
                }
                Err(why) => {
                    tracing::warn!(series, snapshot = %found.name, %why, "snapshot passed over");
                    counter!(metric::SNAPSHOTS, "outcome" => "damaged").increment(1);
                    newest.passed_over.push((found.name, why));
                }
            }
        }
        Ok(newest)
    }

    /// What one snapshot gives, or why it is passed over.
    fn look_at<T>(
        &self,
        found: &Found,
        is_usable: &dyn Fn(&Manifest) -> Result<(), String>,
        attempt: &mut dyn FnMut(&Snapshot) -> Result<T, SnapshotError>,
    ) -> Result<Result<(Manifest, T), String>, SnapshotError> {
        let understood = |error: SnapshotError| match error.is_not_understood() || error.is_away() {
            true => Err(error),
            false => Ok(error.to_string()),
        };
        let snapshot = match self.open(found) {
            Ok(snapshot) => snapshot,
            Err(error) => return understood(error).map(Err),
        };
        if let Err(why) = is_usable(snapshot.manifest()) {
            return Ok(Err(why));
        }
        match attempt(&snapshot) {
            Ok(loaded) => Ok(Ok((snapshot.manifest().clone(), loaded))),
            Err(error) => understood(error).map(Err),
        }
    }

    /// The offsets of the snapshots of a series that are whole, the newest first.
    ///
    /// # Errors
    /// When the store does not say what there is.
    pub fn kept(&self, series: &str) -> Result<Vec<u64>, SnapshotError> {
        let mut kept = Vec::new();
        for found in self.list(series)? {
            kept.extend(self.whole(&found)?.map(|snapshot| snapshot.manifest().meta.offset));
        }
        Ok(kept)
    }

    /// The snapshot, unless it is damaged.
    fn whole(&self, found: &Found) -> Result<Option<Snapshot>, SnapshotError> {
        match self.open(found) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) if error.is_away() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Begins to write a snapshot, on a thread of its own.
    ///
    /// # Errors
    /// When the system has no room for a thread, or the folder of all snapshots is gone.
    pub fn begin(&self, series: &str, meta: Meta) -> Result<SnapshotWriter, SnapshotError> {
        self.stands()?;
        let folder = self.prefix.clone().join(series).join(meta.name());
        SnapshotWriter::spawn(self.clone(), folder, series.to_owned(), meta)
    }

    /// Deletes what lies below the last of those of a series that are kept and whose manifest can be read, unfinished
    /// ones too. Gives how many went. With fewer than two, nothing goes.
    ///
    /// # Errors
    /// When the store does not say what there is, or something cannot be deleted.
    pub fn prune(&self, series: &str) -> Result<u64, SnapshotError> {
        let folders = self.folders(&self.prefix, series)?;
        let (mut whole, mut last_kept) = (0, None);
        for found in folders.iter().filter(|found| found.files.contains_key(manifest::FILE)) {
            whole += usize::from(self.whole(found)?.is_some());
            if whole == self.keep {
                last_kept = Some(found);
                break;
            }
        }
        let Some(last_kept) = last_kept else { return Ok(0) };
        let mut deleted = 0;
        for found in folders.iter().filter(|found| found.name < last_kept.name) {
            self.delete(&found.at, found.files.keys().map(String::as_str))?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Refuses to take a folder that is gone for an empty one.
    fn stands(&self) -> Result<(), SnapshotError> {
        match &self.folder {
            Some(folder) if !folder.is_dir() => Err(SnapshotError::NoFolder { folder: folder.display().to_string() }),
            _ => Ok(()),
        }
    }

    /// Everything in a series, the newest first, finished or not.
    fn folders(&self, below: &Path, series: &str) -> Result<Vec<Found>, SnapshotError> {
        self.stands()?;
        let root = below.clone().join(series);
        let listed = async {
            let folders = self.store.list_with_delimiter(Some(&root)).await?.common_prefixes;
            let files: Vec<_> = self.store.list(Some(&root)).try_collect().await?;
            object_store::Result::Ok((folders, files))
        };
        let (folders, files) = asked("list", &root, QUESTION_MAX, listed)?;
        let empty = |folder: &Path| Some((folder.filename()?.to_owned(), BTreeMap::new()));
        let mut by_name: BTreeMap<String, BTreeMap<String, u64>> = folders.iter().filter_map(empty).collect();
        for file in files {
            let mut parts = file.location.prefix_match(&root).into_iter().flatten();
            if let (Some(name), Some(of), None) = (parts.next(), parts.next(), parts.next()) {
                by_name.entry(name.as_ref().to_owned()).or_default().insert(of.as_ref().to_owned(), file.size);
            }
        }
        let found = |(name, files): (String, _)| {
            let at = root.clone().join(name.as_str());
            Found { series: series.to_owned(), name, files, at }
        };
        Ok(by_name.into_iter().rev().map(found).collect())
    }

    /// A file, whole.
    pub(super) fn get(&self, file: &Path) -> Result<Bytes, SnapshotError> {
        self.ask(FILE_MAX, file)
    }

    fn ask(&self, deadline: Duration, file: &Path) -> Result<Bytes, SnapshotError> {
        match asked("read", file, deadline, async { self.store.get(file).await?.bytes().await }) {
            Err(SnapshotError::Store { source: object_store::Error::NotFound { .. }, .. }) => {
                self.stands()?;
                Err(SnapshotError::Damaged { file: file.to_string(), what: "it is missing".to_owned() })
            }
            answer => answer,
        }
    }

    /// Writes a file whole; in a folder it is synced.
    pub(super) fn put(&self, file: &Path, bytes: Bytes) -> Result<(), SnapshotError> {
        self.stands()?;
        let put = self.store.put(file, PutPayload::from_bytes(bytes));
        asked("write", file, FILE_MAX, async { put.await.map(|_| ()) })?;
        self.sync(file)
    }

    /// Makes a file or folder last; nothing to do in a bucket.
    pub(super) fn sync(&self, of: &Path) -> Result<(), SnapshotError> {
        let Some(path) = self.on_disk(of) else { return Ok(()) };
        let synced = std::fs::File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|source| SnapshotError::Folder { what: "sync", file: of.to_string(), source })
    }

    /// Makes the names in a snapshot's folder, and its own name, last.
    pub(super) fn sync_folders(&self, folder: &Path, series: &str) -> Result<(), SnapshotError> {
        self.sync(folder)?;
        self.sync(&self.prefix.clone().join(series))?;
        self.sync(&self.prefix)
    }

    /// Deletes a snapshot, the manifest first: what is half deleted does not exist.
    pub(super) fn delete<'a>(&self, folder: &Path, files: impl Iterator<Item = &'a str>) -> Result<(), SnapshotError> {
        let mut files: Vec<&str> = files.collect();
        files.sort_unstable_by_key(|file| *file != manifest::FILE);
        for file in files {
            let file = folder.clone().join(file);
            match asked("delete", &file, QUESTION_MAX, self.store.delete(&file)) {
                Ok(()) | Err(SnapshotError::Store { source: object_store::Error::NotFound { .. }, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(path) = self.on_disk(folder) else { return Ok(()) };
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SnapshotError::Folder { what: "delete", file: folder.to_string(), source: error })
            }
            _ => Ok(()),
        }
    }

    fn on_disk(&self, of: &Path) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| of.parts().fold(folder.clone(), |path, part| path.join(part.as_ref())))
    }
}

/// What a store says to a call within its deadline.
fn asked<T>(
    what: &'static str,
    file: &Path,
    deadline: Duration,
    call: impl Future<Output = object_store::Result<T>>,
) -> Result<T, SnapshotError> {
    calls::wait(deadline, call).map_err(|failed| match failed {
        Failed::Store(source) => SnapshotError::Store { what, file: file.to_string(), source },
        Failed::Silent(time) => SnapshotError::Silent { what, file: file.to_string(), seconds: time.as_secs() },
        Failed::System(error) => SnapshotError::System(error),
    })
}
