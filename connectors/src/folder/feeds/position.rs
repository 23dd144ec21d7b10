//! How far each file is read, noted so that it holds after a restart and on another device.
//!
//! A file is known by its path and by what it holds: a digest of all that was read of it. Inode and device are no part
//! of it. A position of an older fuma, which knew less of a file, makes that file be read again as a whole: evidence
//! is a set, so that does no harm. Owns `feeds.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::failed;
use crate::log::LogError;

/// How a file looks in a listing; another stamp is a reason to look at it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    modified: (i64, i64),
    /// Also where a program puts the time of modification back.
    changed: (i64, i64),
    inode: (u64, u64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }

    /// Whether it looks like the other one with more at its end.
    pub(super) fn is_longer(&self, before: &Stamp) -> bool {
        self.inode == before.inode && self.bytes > before.bytes
    }
}

/// How far a file is read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
pub(super) struct FilePosition {
    /// Bytes that are read; of packed and tabular files the size of the whole.
    pub(super) bytes: u64,
    /// Lines that are read, each with its end.
    pub(super) lines: u64,
    /// Whether a packed or tabular file is read to its end.
    pub(super) is_whole: bool,
    /// The digest of those bytes; none in the position of an older fuma.
    #[serde(default)]
    pub(super) digest: String,
}

/// `feeds.json`.
#[derive(Debug)]
pub(super) struct Positions {
    path: PathBuf,
    files: BTreeMap<String, FilePosition>,
    is_dirty: bool,
}

impl Positions {
    pub(super) fn read(path: PathBuf) -> Result<Positions, LogError> {
        let mut files: BTreeMap<String, FilePosition> = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|_| {
                tracing::warn!(file = %path.display(), "is damaged: all files of the feeds are read again");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed("read", &path, &error)),
        };
        let before = files.len();
        files.retain(|_, position| !position.digest.is_empty());
        if files.len() < before {
            let files = before - files.len();
            tracing::info!(files, "positions of an older version: these files are read again, which changes nothing");
        }
        Ok(Positions { path, files, is_dirty: false })
    }

    pub(super) fn get(&self, path: &Path) -> FilePosition {
        self.files.get(path.to_string_lossy().as_ref()).cloned().unwrap_or_default()
    }

    pub(super) fn set(&mut self, path: &Path, position: FilePosition) {
        self.files.insert(path.to_string_lossy().into_owned(), position);
        self.is_dirty = true;
    }

    /// Files that are gone are forgotten.
    pub(super) fn retain(&mut self, held: &BTreeSet<PathBuf>) {
        let before = self.files.len();
        self.files.retain(|path, _| held.contains(Path::new(path)));
        self.is_dirty |= self.files.len() < before;
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Notes them, by a writer that replaces a file whole.
    pub(super) fn write(&mut self, replace: impl Fn(&Path, &[u8]) -> io::Result<()>) -> Result<(), LogError> {
        let text = serde_json::to_vec(&self.files).unwrap_or_default();
        replace(&self.path, &text)
            .map_err(|error| LogError::transient(failed("write", &self.path, &error).to_string()))?;
        self.is_dirty = false;
        Ok(())
    }
}
