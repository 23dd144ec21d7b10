//! How far each file is read, noted so that it holds after a restart and on another device.
//!
//! A file is known by its path and by what it holds: checksums of its first bytes and of the last ones that were
//! read. Inode and device are no part of it. Owns `feeds.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::{failed, scan};
use crate::log::LogError;

/// The bytes at either end that tell a file from another.
pub(super) const PRINT_BYTES: usize = 1024;

/// How a file looks in a listing; another stamp is a reason to look at it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Stamp { bytes: metadata.len(), modified, inode: metadata.ino() }
    }
}

/// How far a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
pub(super) struct FilePosition {
    /// Bytes that are read; of packed and tabular files the size of the whole.
    pub(super) bytes: u64,
    /// Lines that are read.
    pub(super) lines: u64,
    /// Whether a packed or tabular file is read to its end.
    pub(super) is_whole: bool,
    /// The checksum of the first bytes.
    pub(super) first: u32,
    /// The checksum of the last bytes that are read.
    pub(super) last: u32,
}

/// The first and the last of some bytes that are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Print {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Print {
    /// Of a file up to a place.
    pub(super) fn of_file(file: &File, bytes: u64) -> io::Result<Print> {
        let length = bytes.min(PRINT_BYTES as u64) as usize;
        let mut print = Print::default();
        scan::fill(file, 0, length, &mut print.first)?;
        scan::fill(file, bytes - length as u64, length, &mut print.last)?;
        Ok(print)
    }

    /// More bytes are read.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let room = PRINT_BYTES - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let kept = &bytes[bytes.len().saturating_sub(PRINT_BYTES)..];
        let over = (self.last.len() + kept.len()).saturating_sub(PRINT_BYTES);
        self.last.drain(..over);
        self.last.extend_from_slice(kept);
    }

    pub(super) fn checksums(&self) -> (u32, u32) {
        (crc32fast::hash(&self.first), crc32fast::hash(&self.last))
    }
}

impl FilePosition {
    /// The print of the file, if it is the one that this position is of.
    pub(super) fn recognise(&self, file: &File) -> io::Result<Option<Print>> {
        if file.metadata()?.len() < self.bytes {
            return Ok(None);
        }
        let print = Print::of_file(file, self.bytes)?;
        Ok((print.checksums() == (self.first, self.last)).then_some(print))
    }
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
        let files = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|_| {
                tracing::warn!(file = %path.display(), "is damaged: all files of the feeds are read again");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed("read", &path, &error)),
        };
        Ok(Positions { path, files, is_dirty: false })
    }

    pub(super) fn get(&self, path: &Path) -> FilePosition {
        self.files.get(path.to_string_lossy().as_ref()).copied().unwrap_or_default()
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
