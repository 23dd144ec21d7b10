//! Feeds without a broker: watched folders, and standard input.
//!
//! ```text
//! growing         NDJSON: whole lines as they are written, like tail -f
//! whole           packed and tabular files: when they stand still
//! content, check  what a file held when it was read, and whether it still does
//! block           a block of lines, handed out record by record
//! standard_input  one feed, a record a line
//! position        how far each file is read: feeds.json
//! ```
//!
//! A record's place is its file (by a number that holds as long as the process) and its line. Owns which file is read
//! when. At least once: what is not noted when the process ends comes again.

mod block;
mod check;
mod content;
mod growing;
mod position;
mod standard_input;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::segments;
use super::store::{Store, passed};
use crate::files::{Format, PassedOver, feed_of};
use crate::log::{FeedRecord, FeedSource, LogError, LostRecords};

use check::Budget;
use growing::GrowingFile;
use position::{FilePosition, Positions, Stamp};
use standard_input::StandardInput;
use whole::WholeFile;

/// The header of a row that cannot be read (`bad-row`); its value says why, the record's value is the row as it stands.
pub const BAD_ROW_HEADER: &str = "__fuma.bad-row";
/// The header of a record that is too large (`too-large`): how many bytes it has, a blank, and their SHA-256 in hex. The
/// record's value are its first bytes.
pub const TOO_LARGE_HEADER: &str = "__fuma.too-large";

/// Between two listings while something happens, and while nothing does.
const LIST_EVERY: Duration = Duration::from_millis(200);
const LIST_EVERY_IDLE: Duration = Duration::from_millis(500);
/// While what was read of a file is looked at before it is read on.
const LIST_EVERY_HELD: Duration = Duration::from_millis(10);
/// For how long nothing has happened before listings become rarer.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// As many files are named that are no feeds.
const PASSED_OVER_MAX: usize = 1000;

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
    /// What was named, because it is no feed file.
    passed_over: BTreeSet<PathBuf>,
    turn: usize,
}

#[expect(clippy::large_enum_variant, reason = "one a file, and nearly every file grows")]
enum WatchedFile {
    Growing(GrowingFile),
    Whole(WholeFile),
}

impl FolderFeeds {
    pub(super) fn new(store: &Arc<Store>, slot: usize) -> Result<FolderFeeds, LogError> {
        let is_first = slot == 0;
        let watched = if is_first { watched(&store.options.watched)? } else { Vec::new() };
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
            passed_over: BTreeSet::new(),
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
        let (mut seen, mut budget) = (BTreeSet::new(), Budget::default());
        let mut is_whole = true;
        for folder in self.watched.clone() {
            match self.list_folder(&folder, &mut seen, &mut budget) {
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
        let is_held = self.files.values().any(|file| matches!(file, WatchedFile::Growing(it) if it.is_held()));
        self.next_listing = now
            + match now.saturating_sub(self.last_news) > IDLE_AFTER {
                _ if is_held => LIST_EVERY_HELD,
                true => LIST_EVERY_IDLE,
                false => LIST_EVERY,
            };
    }

    fn list_folder(&mut self, folder: &Path, seen: &mut BTreeSet<PathBuf>, budget: &mut Budget) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some((feed, format)) = path.file_name().and_then(|name| feed_of(name.as_encoded_bytes())) else {
                if !path.is_dir() {
                    self.name_once(&path, PassedOver::by_name);
                }
                continue;
            };
            // Gone again, or not ours to read: the next listing sees.
            let Some(metadata) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else {
                self.name_once(&path, PassedOver::by_kind);
                continue;
            };
            let stamp = Stamp::of(&metadata);
            let (store, positions) = (&self.store, &self.positions);
            let file = self.files.entry(path.clone()).or_insert_with(|| {
                let number = number_of(store, &path.file_name().unwrap_or_default().to_string_lossy());
                let (position, settle) = (positions.get(&path), store.options.settle);
                match format {
                    Format::Lines => WatchedFile::Growing(GrowingFile::new(feed, number, position, settle)),
                    _ => WatchedFile::Whole(WholeFile::new((feed, format), number, position, settle)),
                }
            });
            match file {
                WatchedFile::Growing(file) => file.notice(&path, stamp, budget),
                WatchedFile::Whole(file) => file.notice(stamp),
            }
            seen.insert(path);
        }
        Ok(())
    }

    /// Names what is passed over, once.
    fn name_once(&mut self, path: &Path, why: fn(&Path) -> Option<PassedOver>) {
        if self.passed_over.len() >= PASSED_OVER_MAX || self.passed_over.contains(path) {
            return;
        }
        let Some(passed) = why(path) else { return };
        self.passed_over.insert(path.to_owned());
        match passed.is_suspect() {
            true => tracing::warn!("passed over {passed}"),
            false => tracing::info!("passed over {passed}"),
        }
        if self.passed_over.len() == PASSED_OVER_MAX {
            tracing::warn!(folder = ?path.parent(), "holds very many files that are no feeds; no more are named");
        }
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

/// The folders to watch. A position is of a path: the same, however the folder was named.
pub(super) fn watched(folders: &[PathBuf]) -> Result<Vec<PathBuf>, LogError> {
    let found = |folder: &PathBuf| match fs::canonicalize(folder) {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(_) => Err(LogError::operator(format!(
            "{}: is a file, and folders are watched: give its folder, or `--stdin FEED < {}`",
            folder.display(),
            folder.display()
        ))),
        Err(error) => Err(LogError::operator(format!(
            "{}: no such folder to watch ({error}); make it, or check the path",
            folder.display()
        ))),
    };
    folders.iter().map(found).collect()
}

/// A file that cannot be read is named once, until it can be again.
#[derive(Default)]
struct Told(bool);

impl Told {
    fn tell(&mut self, path: &Path, error: &dyn std::error::Error) {
        if !std::mem::replace(&mut self.0, true) {
            tracing::warn!(file = %path.display(), %error, "cannot be read for now; it is tried again");
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

    /// A file is read as it stands.
    fn lost(&mut self) -> Vec<LostRecords> {
        Vec::new()
    }

    fn is_over(&self) -> bool {
        self.watched.is_empty() && self.input.as_ref().is_some_and(StandardInput::is_over)
    }
}
