//! Changes as they are announced, read by another process, or by anybody while nothing runs.
//!
//! Takes no lock and writes nothing. What it shows is in the journal, whole; a power cut within the next milliseconds
//! may still undo the very last transaction, a kill may not. Owns where it stands.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Instant;

use super::frame::{self, Parsed};
use super::segments::{firsts, segment_path};
use super::store::passed;
use super::{damaged, failed, journal, scan};
use crate::log::LogError;

const READ_BYTES: usize = 1 << 20;
/// Between two looks at a file that did not grow.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A change, as it was announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TailChange {
    /// The partition.
    pub partition: u32,
    /// When the log took it.
    pub timestamp: Instant,
    /// The key: the person's token as text.
    pub key: Bytes,
    /// The JSON value.
    pub value: Bytes,
    /// Headers, in order.
    pub headers: Vec<(Bytes, Bytes)>,
}

/// Follows the journal of a state folder.
#[derive(Debug)]
pub struct FolderTail {
    folder: PathBuf,
    /// The segment at hand, and where the next frame in it begins.
    file: Option<File>,
    place: u64,
    next: u64,
    ready: VecDeque<TailChange>,
}

impl FolderTail {
    /// Stands at the first change that is kept, or behind the last.
    ///
    /// # Errors
    /// When the folder has no log.
    pub fn open(dir: &Path, from_beginning: bool) -> Result<FolderTail, LogError> {
        let folder = dir.join("log/journal");
        if !folder.is_dir() {
            let dir = dir.display();
            return Err(LogError::operator(format!("{dir}: no log here: give the --state folder of `fuma run`")));
        }
        let firsts = firsts(&folder)?;
        let first = if from_beginning { firsts.first() } else { firsts.last() };
        let mut tail =
            FolderTail { folder, file: None, place: 0, next: first.copied().unwrap_or(0), ready: VecDeque::new() };
        if !from_beginning {
            while tail.read()? {}
            tail.ready.clear();
        }
        Ok(tail)
    }

    /// The next change, waiting at most `wait` for it.
    ///
    /// # Errors
    /// When the journal is damaged, or cannot be read.
    pub fn poll(&mut self, wait: Duration) -> Result<Option<TailChange>, LogError> {
        let began = passed();
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(Some(change));
            }
            if self.read()? {
                continue;
            }
            let left = wait.saturating_sub(passed().saturating_sub(began));
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    /// Reads on; false when nothing was new.
    fn read(&mut self) -> Result<bool, LogError> {
        let Some(segment) = self.segment()? else { return Ok(false) };
        let path = segment_path(&self.folder, segment);
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&path).map_err(|error| failed("open", &path, &error))?,
        };
        let (mut bytes, mut bytes_max) = (Vec::new(), READ_BYTES);
        let began = self.next;
        loop {
            scan::fill(&file, self.place, bytes_max, &mut bytes).map_err(|error| failed("read", &path, &error))?;
            let whole = Bytes::from(std::mem::take(&mut bytes));
            let wanted = self.take_frames(&whole, &path)?;
            match wanted {
                // A longer frame than was asked for.
                Some(wanted) if whole.len() == bytes_max && wanted > bytes_max => bytes_max = wanted,
                _ => break,
            }
        }
        if self.next > began {
            self.file = Some(file);
            return Ok(true);
        }
        // Nothing more in this segment: the next one goes on, if it is there.
        if firsts(&self.folder)?.contains(&self.next) && self.place > 0 {
            self.place = 0;
            return Ok(true);
        }
        self.refuse_another(&file, &path)?;
        self.file = Some(file);
        Ok(false)
    }

    /// A log that was removed and made again goes on in other files: whoever keeps the old one open hears nothing more.
    fn refuse_another(&self, file: &File, path: &Path) -> Result<(), LogError> {
        let here = file.metadata().map_err(|error| failed("look at", path, &error))?;
        let is_there = path.metadata().is_ok_and(|there| (there.dev(), there.ino()) == (here.dev(), here.ino()));
        if is_there { Ok(()) } else { Err(self.gone()) }
    }

    fn gone(&self) -> LogError {
        let (folder, next) = (self.folder.display(), self.next);
        LogError::operator(format!(
            "{folder}: the segment of transaction {next} is gone: the log was removed, or made again; start this \
             command again"
        ))
    }

    /// The segment to be read; none of a log that is being made, which has its folder and nothing in it yet.
    fn segment(&self) -> Result<Option<u64>, LogError> {
        let held = firsts(&self.folder)?;
        if held.is_empty() && self.next == 0 {
            return Ok(None);
        }
        let below = |first: &&u64| if self.place == 0 { **first <= self.next } else { **first < self.next };
        let found = held.iter().rev().find(below).copied();
        found.map(Some).ok_or_else(|| self.gone())
    }

    /// Takes whole frames; returns how many bytes the next one wants, if that is known.
    fn take_frames(&mut self, bytes: &Bytes, path: &Path) -> Result<Option<usize>, LogError> {
        let mut at = 0;
        let wanted = loop {
            match frame::parse(&bytes[at..]) {
                Parsed::Frame(header, length) if header.offset == self.next => {
                    let Some(changes) = journal::changes(frame::value(bytes, at, length)) else {
                        return Err(damaged(path, self.place + at as u64, "a transaction cannot be read"));
                    };
                    let timestamp = Instant(header.timestamp_ms);
                    self.ready.extend(changes.into_iter().map(|change| TailChange {
                        partition: change.partition,
                        timestamp,
                        key: change.key,
                        value: change.value,
                        headers: change.headers,
                    }));
                    at += length;
                    self.next += 1;
                }
                Parsed::Short(wanted) => break Some(wanted),
                // Half written, or cut by a restart: not there yet.
                Parsed::Frame(..) | Parsed::Damaged => break None,
            }
        };
        self.place += at as u64;
        Ok(wanted)
    }
}
