//! What of each file is acknowledged, in a file: a second start goes on behind it.
//!
//! Owns the state file, which is replaced as a whole. A file that has grown since is sent from where it was left; one
//! that has shrunk is another file, and an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::commands::CommandError;

/// How far a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// The length of the file when it was sent, in bytes.
    pub(super) bytes: u64,
    /// How many of its records are acknowledged, from the first.
    pub(super) records: u64,
}

/// The state file.
pub(super) struct Resume {
    path: PathBuf,
    files: BTreeMap<String, Sent>,
}

impl Resume {
    /// Reads the state, if there is any.
    pub(super) fn open(path: &Path) -> Result<Resume, CommandError> {
        let files = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                let path = path.display();
                CommandError::Input(format!("{path}: is no state of fuma send ({error}): delete it to begin anew"))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(CommandError::Read { path: path.to_owned(), source }),
        };
        Ok(Resume { path: path.to_owned(), files })
    }

    /// How many records of a file, of this length now, are acknowledged.
    pub(super) fn acknowledged(&self, file: &str, bytes: u64) -> Result<u64, CommandError> {
        match self.files.get(file) {
            None => Ok(0),
            Some(sent) if sent.bytes <= bytes => Ok(sent.records),
            Some(sent) => Err(CommandError::Input(format!(
                "{file}: has {bytes} bytes, and had {} when it was sent: another file? Delete {} to send it anew",
                sent.bytes,
                self.path.display()
            ))),
        }
    }

    /// Notes how far a file is.
    pub(super) fn note(&mut self, file: &str, sent: Sent) {
        self.files.insert(file.to_owned(), sent);
    }

    /// Replaces the state file.
    pub(super) fn save(&self) -> Result<(), CommandError> {
        let cannot = |source| CommandError::Write { path: self.path.clone(), source };
        let mut text = serde_json::to_vec_pretty(&self.files).map_err(|error| cannot(error.into()))?;
        text.push(b'\n');
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(".new");
        fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &self.path)).map_err(cannot)
    }
}
