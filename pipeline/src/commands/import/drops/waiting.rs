//! Which files of a folder are whole: renamed into place, or unchanged for a time.
//!
//! A file that is being written has a name that says so, or it changes. Owns that judgement. Must never open a file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::commands::CommandError;
use crate::live::monotonic;

/// Ends of names that say that a file is being written.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".tmp", ".new", ".filepart", ".crdownload"];

/// What a file looked like, and since when.
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
    since: Instant,
}

/// The files that were seen.
#[derive(Default)]
pub(super) struct Waiting {
    seen: BTreeMap<PathBuf, Seen>,
}

impl Waiting {
    /// The files that are whole, in the order of their names, and how many lie there at all.
    pub(super) fn look(&mut self, folder: &Path, settle: Duration) -> Result<(Vec<PathBuf>, usize), CommandError> {
        let cannot = |source: io::Error| CommandError::Read { path: folder.to_owned(), source };
        let (mut seen, mut whole) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            // Gone again, or no file.
            let Some(metadata) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else { continue };
            if !is_ours(&path) {
                continue;
            }
            let (bytes, modified) = (metadata.len(), metadata.modified().ok());
            let before = self.seen.remove(&path).filter(|seen| (seen.bytes, seen.modified) == (bytes, modified));
            let is_same = before.is_some();
            let since = before.map_or_else(monotonic::now, |seen| seen.since);
            // One that was moved here was written before: its time of change says so, on the second look.
            let age = modified.and_then(|modified| modified.elapsed().ok()).unwrap_or_default();
            if is_same && (since.elapsed() >= settle || age >= settle) {
                whole.push(path.clone());
            }
            seen.insert(path, Seen { bytes, modified, since });
        }
        self.seen = seen;
        whole.sort();
        let waiting = self.seen.len();
        Ok((whole, waiting))
    }
}

/// Whether a name is that of a file to take.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    !name.starts_with(['.', '~']) && !UNFINISHED.iter().any(|end| name.ends_with(end))
}
