//! Where snapshots are: a folder, or a bucket.
//!
//! Owns listing, opening and pruning. Pruning touches only what lies below the second newest snapshot of the listing,
//! at the moment of the listing: whoever wakes late with an old one deletes nothing newer.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use metrics::counter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;

use super::error::SnapshotError;
use super::manifest::{self, Manifest, Meta};
use super::reader::Snapshot;
use super::writer::SnapshotWriter;
use crate::live::metric;

/// How many snapshots of a series are kept.
const KEPT: usize = 2;

/// The snapshots of all partitions. Copies share it. The last copy must not be dropped within an async runtime.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The folder, if it is one: what is written there is synced.
    folder: Option<PathBuf>,
    runtime: Arc<Runtime>,
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
    /// The store at a place: a folder, made if need be, or `s3://bucket/prefix`, with credentials, region and endpoint
    /// in the usual `AWS_*` environment.
    ///
    /// # Errors
    /// When the place is of another kind, or the folder cannot be made.
    pub fn at(location: &str) -> Result<SnapshotStore, SnapshotError> {
        match location.split_once("://") {
            None => SnapshotStore::folder(FilePath::new(location)),
            Some(("file", path)) => SnapshotStore::folder(FilePath::new(path)),
            Some(("s3", rest)) => SnapshotStore::bucket(rest),
            Some((scheme, _)) => Err(SnapshotError::Location {
                location: format!("{scheme}://..."),
                why: format!("{scheme} is not served"),
            }),
        }
    }

    /// The store in a folder, made if need be.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn folder(folder: &FilePath) -> Result<SnapshotStore, SnapshotError> {
        let failed = |source| SnapshotError::Folder { what: "make", file: folder.display().to_string(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|source| SnapshotError::Store {
            what: "use",
            file: folder.display().to_string(),
            source,
        })?;
        SnapshotStore::new(Arc::new(store), Path::default(), Some(folder))
    }

    /// The store over any other, below a prefix.
    ///
    /// # Errors
    /// When the system has no room for a runtime.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<SnapshotStore, SnapshotError> {
        SnapshotStore::new(store, Path::from(prefix), None)
    }

    #[cfg(feature = "s3")]
    fn bucket(rest: &str) -> Result<SnapshotStore, SnapshotError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket);
        let store = builder
            .build()
            .map_err(|error| SnapshotError::Location { location: format!("s3://{bucket}"), why: error.to_string() })?;
        SnapshotStore::over(Arc::new(store), prefix)
    }

    #[cfg(not(feature = "s3"))]
    fn bucket(rest: &str) -> Result<SnapshotStore, SnapshotError> {
        let bucket = rest.split('/').next().unwrap_or_default();
        Err(SnapshotError::Location {
            location: format!("s3://{bucket}"),
            why: "this build has no feature s3".to_owned(),
        })
    }

    fn new(store: Arc<dyn ObjectStore>, prefix: Path, folder: Option<PathBuf>) -> Result<SnapshotStore, SnapshotError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = Arc::new(runtime.map_err(SnapshotError::System)?);
        Ok(SnapshotStore { store, prefix, folder, runtime })
    }

    /// The snapshots of a series that are there, the newest first. What has no manifest is not: it is being written,
    /// or never was finished.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, series: &str) -> Result<Vec<Found>, SnapshotError> {
        let mut found = self.folders(series)?;
        found.retain(|found| found.files.contains_key(manifest::FILE));
        Ok(found)
    }

    /// Opens a snapshot: reads its manifest and compares the lengths of its files. The files themselves are verified
    /// as they are read.
    ///
    /// # Errors
    /// When it is damaged or incomplete: go on to the older; or of a newer build: go no further.
    pub fn open(&self, found: &Found) -> Result<Snapshot, SnapshotError> {
        let folder = self.prefix.clone().join(found.series.as_str()).join(found.name.as_str());
        let file = folder.clone().join(manifest::FILE);
        let manifest = Manifest::unseal(file.as_ref(), &self.get(&file)?)?;
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
    /// When the store cannot be listed, or a snapshot is whole and not understood: a newer build's.
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
        let understood = |error: SnapshotError| match error.is_not_understood() {
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
    /// When the store cannot be listed.
    pub fn kept(&self, series: &str) -> Result<Vec<u64>, SnapshotError> {
        let found = self.list(series)?;
        Ok(found.iter().filter_map(|found| Some(self.open(found).ok()?.manifest().meta.offset)).collect())
    }

    /// Begins to write a snapshot, on a thread of its own.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub fn begin(&self, series: &str, meta: Meta) -> Result<SnapshotWriter, SnapshotError> {
        let folder = self.prefix.clone().join(series).join(meta.name());
        SnapshotWriter::spawn(self.clone(), folder, series.to_owned(), meta)
    }

    /// Deletes what lies below the second newest snapshot of a series whose manifest can be read, unfinished ones
    /// too. Gives how many went. With fewer than two, nothing goes.
    ///
    /// # Errors
    /// When the store cannot be read, or something cannot be deleted.
    pub fn prune(&self, series: &str) -> Result<u64, SnapshotError> {
        let folders = self.folders(series)?;
        let is_whole = |found: &&Found| found.files.contains_key(manifest::FILE) && self.open(found).is_ok();
        let Some(last_kept) = folders.iter().filter(is_whole).nth(KEPT - 1) else { return Ok(0) };
        let mut deleted = 0;
        for found in folders.iter().filter(|found| found.name < last_kept.name) {
            let folder = self.prefix.clone().join(series).join(found.name.as_str());
            self.delete(&folder, found.files.keys().map(String::as_str))?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Everything in a series, the newest first, finished or not.
    fn folders(&self, series: &str) -> Result<Vec<Found>, SnapshotError> {
        let root = self.prefix.clone().join(series);
        let failed = |source| SnapshotError::Store { what: "list", file: root.to_string(), source };
        let (folders, files) = self
            .wait(async {
                let folders = self.store.list_with_delimiter(Some(&root)).await?.common_prefixes;
                let files: Vec<_> = self.store.list(Some(&root)).try_collect().await?;
                object_store::Result::Ok((folders, files))
            })
            .map_err(failed)?;
        let empty = |folder: &Path| Some((folder.filename()?.to_owned(), BTreeMap::new()));
        let mut by_name: BTreeMap<String, BTreeMap<String, u64>> = folders.iter().filter_map(empty).collect();
        for file in files {
            let mut parts = file.location.prefix_match(&root).into_iter().flatten();
            if let (Some(name), Some(of), None) = (parts.next(), parts.next(), parts.next()) {
                by_name.entry(name.as_ref().to_owned()).or_default().insert(of.as_ref().to_owned(), file.size);
            }
        }
        let found = |(name, files)| Found { series: series.to_owned(), name, files };
        Ok(by_name.into_iter().rev().map(found).collect())
    }

    pub(super) fn get(&self, file: &Path) -> Result<Bytes, SnapshotError> {
        let bytes = self.wait(async { self.store.get(file).await?.bytes().await });
        bytes.map_err(|source| SnapshotError::Store { what: "read", file: file.to_string(), source })
    }

    /// Writes a file whole; in a folder it is synced.
    pub(super) fn put(&self, file: &Path, bytes: Bytes) -> Result<(), SnapshotError> {
        let put = self.wait(self.store.put(file, PutPayload::from_bytes(bytes)));
        put.map_err(|source| SnapshotError::Store { what: "write", file: file.to_string(), source })?;
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
            match self.wait(self.store.delete(&file)) {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => return Err(SnapshotError::Store { what: "delete", file: file.to_string(), source }),
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

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}
