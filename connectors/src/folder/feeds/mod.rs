//! Feeds without a broker: watched folders, and standard input.
//!
//! ```text
//! name            cases.ndjson, cases-a.ndjson, cases.a.ndjson (.gz .zst), cases.csv, cases.parquet -> feed, format
//! growing         NDJSON: whole lines as they are written, like tail -f
//! whole           packed and tabular files: once, when they stand still
//! block           a block of lines, handed out record by record
//! standard_input  one feed, a record a line
//! position        how far each file is read: feeds.json
//! ```
//!
//! A record's place is its file (by a number that holds as long as the process) and its line. Owns which file is read
//! when. At least once: what is not noted when the process ends comes again.

mod block;
mod growing;
mod name;
mod position;
mod standard_input;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::store::{Store, passed};
use super::{failed, segments};
use crate::log::{FeedRecord, FeedSource, LogError};

use growing::GrowingFile;
use position::{FilePosition, Positions, Stamp};
use standard_input::StandardInput;
use whole::WholeFile;

/// The header of a row that is none (`bad-row`); its value says why, the record's value is the row as it stands.
pub const BAD_ROW_HEADER: &str = "__fuma.bad-row";

/// Between two listings while something happens, and while nothing does.
const LIST_EVERY: Duration = Duration::from_millis(200);
const LIST_EVERY_IDLE: Duration = Duration::from_millis(500);
/// For how long nothing has happened before listings become rarer.
const IDLE_AFTER: Duration = Duration::from_secs(5);

/// Takes the records that are handed out.
type Each<'a> = &'a mut dyn FnMut(FeedRecord<'_>);

/// All feeds of a folder log.
pub(super) struct FolderFeeds {
    store: Arc<Store>,
    watched: Vec<PathBuf>,
    files: BTreeMap<PathBuf, WatchedFile>,
    positions: Positions,
    input: Option<StandardInput>,
    next_listing: Duration,
    last_news: Duration,
    /// Folders that could not be listed, so that each is said once.
    unlisted: BTreeSet<PathBuf>,
    turn: usize,
}

enum WatchedFile {
    Growing(GrowingFile),
    Whole(WholeFile),
}

impl FolderFeeds {
    pub(super) fn new(store: &Arc<Store>, slot: usize) -> Result<FolderFeeds, LogError> {
        let is_first = slot == 0;
        let mut watched = Vec::new();
        for folder in store.options.watched.iter().filter(|_| is_first) {
            // A position is of a path: the same, however the folder was named.
            watched.push(
                fs::canonicalize(folder)
                    .map_err(|error| LogError::operator(failed("watch", folder, &error).to_string()))?,
            );
        }
        let positions = Positions::read(store.dir.join("feeds.json"))?;
        let feed = store.options.standard_input.filter(|_| is_first);
        let input = match feed {
            Some(feed) => Some(StandardInput::begin(feed, number_of(store, "standard input"))?),
            None => None,
        };
        Ok(FolderFeeds {
            store: Arc::clone(store),
            watched,
            files: BTreeMap::new(),
            positions,
            input,
            next_listing: Duration::ZERO,
            last_news: Duration::ZERO,
            unlisted: BTreeSet::new(),
            turn: 0,
        })
    }

    fn hand_out(&mut self, records_max: usize, each: Each<'_>) -> usize {
        let mut left = records_max;
        if let Some(input) = &mut self.input {
            left -= input.hand_out(left, each);
        }
        self.turn = (self.turn + 1) % self.files.len().max(1);
        let (before, after) = (self.turn, self.files.len());
        // Once round, from the file whose turn it is.
        for range in [before..after, 0..before] {
            for (path, file) in self.files.iter_mut().skip(range.start).take(range.len()) {
                if left == 0 {
                    return records_max;
                }
                let count = match file {
                    WatchedFile::Growing(file) => file.hand_out(path, left, each),
                    WatchedFile::Whole(file) => file.hand_out(path, left, each),
                };
                left -= count;
            }
        }
        records_max - left
    }

    /// Looks at the folders: new files, files that grew, files that are gone.
    fn list(&mut self) {
        let mut seen = BTreeSet::new();
        let mut is_whole = true;
        for folder in self.watched.clone() {
            match self.list_folder(&folder, &mut seen) {
                Ok(()) => {
                    self.unlisted.remove(&folder);
                }
                Err(error) => {
                    is_whole = false;
                    if self.unlisted.insert(folder.clone()) {
                        tracing::warn!(folder = %folder.display(), %error, "cannot be listed; tried again");
                    }
                }
            }
        }
        if is_whole && self.files.len() > seen.len() {
            self.files.retain(|path, _| seen.contains(path));
            self.positions.retain(&seen);
        }
        // One packed or tabular file at a time: each is read by a thread of its own.
        let mut is_reading = self.files.values().any(|file| matches!(file, WatchedFile::Whole(it) if it.is_reading()));
        for (path, file) in &mut self.files {
            if let (WatchedFile::Whole(file), false) = (file, is_reading) {
                is_reading = file.begin_if_due(path);
            }
        }
        let now = passed();
        let is_idle = now.saturating_sub(self.last_news) > IDLE_AFTER;
        self.next_listing = now + if is_idle { LIST_EVERY_IDLE } else { LIST_EVERY };
    }

    fn list_folder(&mut self, folder: &Path, seen: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some((feed, format)) = path.file_name().and_then(|name| name.to_str()).and_then(name::watched) else {
                continue;
            };
            // Gone again, or not ours to read: the next listing sees.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if !metadata.is_file() {
                continue;
            }
            let stamp = Stamp::of(&metadata);
            let (store, positions) = (&self.store, &self.positions);
            let file = self.files.entry(path.clone()).or_insert_with(|| {
                let number = number_of(store, &path.file_name().unwrap_or_default().to_string_lossy());
                let position = positions.get(&path);
                match format {
                    crate::files::Format::Lines => WatchedFile::Growing(GrowingFile::new(feed, number, position)),
                    _ => WatchedFile::Whole(WholeFile::new(feed, format, number, position)),
                }
            });
            match file {
                WatchedFile::Growing(file) => file.notice(&path, stamp),
                WatchedFile::Whole(file) => file.notice(stamp),
            }
            seen.insert(path);
        }
        Ok(())
    }

    /// Nothing to do for so long, or until something comes.
    fn rest(&mut self, at_most: Duration) {
        let reading = self.files.values_mut().find_map(|file| match file {
            WatchedFile::Whole(file) if file.is_reading() => Some(file),
            _ => None,
        });
        match (reading, &mut self.input) {
            (Some(file), _) => file.wait(at_most),
            (None, Some(input)) if !input.is_over() => input.wait(at_most),
            _ => std::thread::sleep(at_most),
        }
    }
}

fn number_of(store: &Store, name: &str) -> u32 {
    let mut names = store.file_names.lock().unwrap_or_else(PoisonError::into_inner);
    names.push(name.to_owned());
    (names.len() - 1) as u32
}

impl FeedSource for FolderFeeds {
    fn poll(&mut self, wait: Duration, records_max: usize, each: Each<'_>) -> Result<usize, LogError> {
        let began = passed();
        loop {
            if !self.watched.is_empty() && passed() >= self.next_listing {
                self.list();
            }
            let count = self.hand_out(records_max, each);
            if count > 0 {
                self.last_news = passed();
                return Ok(count);
            }
            let now = passed();
            let left = wait.saturating_sub(now.saturating_sub(began));
            if left.is_zero() || self.is_over() {
                return Ok(0);
            }
            let listing = if self.watched.is_empty() { left } else { self.next_listing.saturating_sub(now) };
            self.rest(left.min(listing).max(Duration::from_millis(1)));
        }
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let mut is_changed = false;
        for (path, file) in &mut self.files {
            let moved: Option<FilePosition> = match file {
                WatchedFile::Growing(file) => file.moved(),
                WatchedFile::Whole(file) => file.moved(),
            };
            if let Some(position) = moved {
                self.positions.set(path, position);
                is_changed = true;
            }
        }
        if !is_changed && !self.positions.is_dirty() {
            return Ok(());
        }
        self.positions.write(segments::replace)
    }

    /// Files are not counted ahead: known only when nothing waits.
    fn lag(&mut self) -> Option<u64> {
        let waits = self.files.values().any(|file| match file {
            WatchedFile::Growing(file) => file.is_pending(),
            WatchedFile::Whole(file) => file.is_pending(),
        });
        (!waits).then_some(0)
    }

    fn is_over(&self) -> bool {
        self.watched.is_empty() && self.input.as_ref().is_some_and(StandardInput::is_over)
    }
}
