//! Where snapshots are: a folder, or a bucket; and which of a place are an installation's own.
//!
//! Owns the places that are served. Must never ask whether a folder was there before: that is the caller's to know.

use std::path::Path as FilePath;
use std::sync::Arc;
#[cfg(feature = "s3")]
use std::time::Duration;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;

#[cfg(feature = "s3")]
use super::calls::{FILE_MAX, QUESTION_MAX};
use super::error::SnapshotError;
use super::store::SnapshotStore;
use crate::live::record::Fingerprint;

/// How many snapshots of a series are kept, unless it is said otherwise, and at least: one may be damaged.
const KEPT: usize = 2;
/// How often a request to a bucket is made again within its deadline.
#[cfg(feature = "s3")]
const RETRIES_MAX: usize = 3;

impl SnapshotStore {
    /// The store at a place: a folder, made if need be, or `s3://bucket/prefix`, with credentials, region and endpoint
    /// in the usual `AWS_*` environment.
    ///
    /// # Errors
    /// When the place is of another kind, or the folder cannot be made.
    pub fn at(location: &str) -> Result<SnapshotStore, SnapshotError> {
        if let Some(folder) = SnapshotStore::folder_of(location) {
            return SnapshotStore::folder(folder);
        }
        match location.split_once("://").unwrap_or_default() {
            ("s3", rest) => SnapshotStore::bucket(rest),
            (scheme, _) => Err(SnapshotError::Location {
                location: format!("{scheme}://..."),
                why: format!("{scheme} is not served"),
            }),
        }
    }

    /// The folder that a place names; none where it names something else.
    pub fn folder_of(location: &str) -> Option<&FilePath> {
        match location.split_once("://") {
            None => Some(FilePath::new(location)),
            Some(("file", path)) => Some(FilePath::new(path)),
            Some(_) => None,
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
        Ok(SnapshotStore { folder: Some(folder), ..SnapshotStore::over(Arc::new(store), "") })
    }

    /// The store over any other, below a prefix.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> SnapshotStore {
        SnapshotStore { store, prefix: Path::from(prefix), before: None, folder: None, keep: KEPT }
    }

    /// The same place, for one installation: two of them never meet. `is_adopted`: the installation is older than its
    /// record, so what was written without one may be its own, and is read, never written or deleted.
    #[must_use]
    pub fn within(self, installation: Fingerprint, is_adopted: bool) -> SnapshotStore {
        if !installation.is_known() {
            return self;
        }
        let prefix = self.prefix.clone().join(installation.to_string());
        let before = is_adopted.then_some(self.prefix);
        SnapshotStore { prefix, before, ..self }
    }

    /// Keeps so many snapshots of a series, two at least.
    #[must_use]
    pub fn keeping(self, keep: usize) -> SnapshotStore {
        SnapshotStore { keep: keep.max(KEPT), ..self }
    }

    #[cfg(feature = "s3")]
    fn bucket(rest: &str) -> Result<SnapshotStore, SnapshotError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
        use object_store::{ClientConfigKey, RetryConfig};

        let seconds = |time: Duration| format!("{} seconds", time.as_secs());
        // What is set in the environment stays: only these are ours, so that a deadline is kept by the client, too.
        let builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), seconds(QUESTION_MAX / 2))
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), seconds(FILE_MAX))
            .with_retry(RetryConfig {
                max_retries: RETRIES_MAX,
                retry_timeout: QUESTION_MAX,
                ..RetryConfig::default()
            });
        let store = builder
            .build()
            .map_err(|error| SnapshotError::Location { location: format!("s3://{bucket}"), why: error.to_string() })?;
        Ok(SnapshotStore::over(Arc::new(store), prefix))
    }

    #[cfg(not(feature = "s3"))]
    fn bucket(rest: &str) -> Result<SnapshotStore, SnapshotError> {
        let bucket = rest.split('/').next().unwrap_or_default();
        Err(SnapshotError::Location {
            location: format!("s3://{bucket}"),
            why: "this build has no feature s3".to_owned(),
        })
    }
}
