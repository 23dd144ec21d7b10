//! Dead letters as files: `rejects/<feed>.ndjson`, one object a line, as a replay writes them (docs/feeds.md section
//! 3).
//!
//! They hold identities: mode 0600. Owns how a letter becomes a line. At least once: file and line tell a repeat.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use fuma_schemas::Feed;
use serde_json::json;

use super::{TOO_LARGE_HEADER, failed};
use crate::log::{LogError, Outgoing};

/// The files of dead letters, opened as they are needed.
pub(super) struct Rejects {
    folder: PathBuf,
    files: BTreeMap<Feed, (File, bool)>,
}

impl Rejects {
    pub(super) fn new(folder: PathBuf) -> Rejects {
        Rejects { folder, files: BTreeMap::new() }
    }

    /// Writes the letters of a feed; safe after [`Rejects::sync`].
    pub(super) fn write<'a>(
        &mut self,
        feed: Feed,
        letters: impl Iterator<Item = &'a Outgoing>,
        file_names: &Mutex<Vec<String>>,
    ) -> Result<(), LogError> {
        let mut lines = Vec::new();
        {
            let names = file_names.lock().unwrap_or_else(PoisonError::into_inner);
            letters.for_each(|letter| write_line(&mut lines, feed, letter, &names));
        }
        let path = self.folder.join(format!("{}.ndjson", feed.name()));
        let (file, is_dirty) = match self.files.entry(feed) {
            std::collections::btree_map::Entry::Occupied(held) => held.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let opened = fs::create_dir_all(&self.folder).and_then(|()| {
                    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
                    // An older file keeps its mode on opening.
                    file.set_permissions(fs::Permissions::from_mode(0o600))?;
                    File::open(&self.folder)?.sync_all()?;
                    Ok(file)
                });
                place.insert((opened.map_err(|error| failed("open", &path, &error))?, false))
            }
        };
        *is_dirty = true;
        file.write_all(&lines).map_err(|error| failed("write", &path, &error))
    }

    /// Makes all lines safe.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        for (file, is_dirty) in self.files.values_mut().filter(|(_, is_dirty)| *is_dirty) {
            file.sync_data().map_err(|error| failed("sync", &self.folder, &error))?;
            *is_dirty = false;
        }
        Ok(())
    }
}

fn write_line(out: &mut Vec<u8>, feed: Feed, letter: &Outgoing, names: &[String]) {
    let header = |name: &str| {
        let found = letter.headers.iter().rev().find(|(other, _)| other.strip_prefix("__fuma.errors.") == Some(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    };
    let file = names.get(letter.partition as usize).cloned().unwrap_or_else(|| letter.partition.to_string());
    let mut line = json!({
        "feed": feed.name(),
        "file": file,
        "line": header("offset").parse::<u64>().unwrap_or_default(),
        "code": header("code"),
        "message": header("message"),
        "raw": String::from_utf8_lossy(&letter.value),
    });
    let oversize = letter.headers.iter().find(|(name, _)| name == TOO_LARGE_HEADER);
    if let Some((length, sha256)) = oversize.and_then(|(_, value)| str::from_utf8(value).ok()?.split_once(' ')) {
        line["length"] = length.parse::<u64>().unwrap_or_default().into();
        line["sha256"] = sha256.into();
    }
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}
