//! A look at the log from outside: in the process that has it, or in another one, while it runs or after.
//!
//! From another process what is written is read as it lies, whole frames alone: no lock is taken and nothing is cut.
//!
//! ```text
//! DIR/status/<process>.json    what the process says of itself
//! ```
//!
//! Owns those files. Must never write in the log.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use fuma_schemas::Instant;

use super::frame::{self, Header, Parsed};
use super::segments::{Cursor, firsts, replace, segment_path};
use super::store::{Store, partitions_of};
use super::{failed, journal, scan};
use crate::log::watching::newest;
use crate::log::{Entry, LogError, Outgoing, Position, Topic, Watching};

const READ_BYTES: usize = 1 << 20;

/// A look at a state folder.
pub struct FolderWatching {
    dir: PathBuf,
    /// In the process that has the folder.
    store: Option<Arc<Store>>,
    partitions: u32,
}

impl FolderWatching {
    /// Looks at a state folder that another process may have.
    ///
    /// # Errors
    /// When there is no log.
    pub fn open(dir: &Path) -> Result<FolderWatching, LogError> {
        let partitions = partitions_of(dir)?;
        Ok(FolderWatching { dir: dir.to_owned(), store: None, partitions })
    }

    pub(super) fn within(store: &Arc<Store>) -> FolderWatching {
        FolderWatching { dir: store.dir.clone(), store: Some(Arc::clone(store)), partitions: store.partitions }
    }

    pub(super) fn evidence(&self, partition: u32) -> PathBuf {
        self.dir.join(format!("log/evidence-{partition:04}"))
    }

    fn statuses(&self) -> Result<Vec<Entry>, LogError> {
        let folder = status_folder(&self.dir);
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &folder, &error)),
        };
        let mut entries = Vec::new();
        for path in listed.filter_map(|entry| Some(entry.ok()?.path())) {
            let key = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            let Some(key) = key else { continue };
            // One that goes away meanwhile says nothing more.
            let (Ok(value), Ok(about)) = (fs::read(&path), fs::metadata(&path)) else { continue };
            let written = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            let at = Instant(i64::try_from(written.as_millis()).unwrap_or(i64::MAX));
            entries.push(Entry { key: key.to_owned(), value: value.into(), at });
        }
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(entries)
    }
}

impl Watching for FolderWatching {
    fn partitions(&mut self) -> Result<u32, LogError> {
        Ok(self.partitions)
    }

    fn positions(&mut self) -> Result<Vec<Position>, LogError> {
        if let Some(store) = &self.store {
            return Ok((0..self.partitions).map(|partition| store.journal.position(partition)).collect());
        }
        let folder = self.dir.join("log/journal");
        let mut positions = vec![Position::default(); self.partitions as usize];
        // A segment begins with all positions; the newest may not have that yet.
        let from = firsts(&folder)?.into_iter().rev().take(2).next_back().unwrap_or(0);
        walk(&folder, from, &mut |_, value| {
            for (partition, position) in journal::positions(value).unwrap_or_default() {
                if let Some(place) = positions.get_mut(partition as usize) {
                    *place = position;
                }
            }
            true
        })?;
        Ok(positions)
    }

    fn bounds(&mut self) -> Result<Vec<Option<Range<u64>>>, LogError> {
        if let Some(store) = &self.store {
            return Ok(store.evidence.iter().map(|log| Some(log.bounds())).collect());
        }
        let bounds_of = |partition| {
            let folder = self.evidence(partition);
            let firsts = firsts(&folder)?;
            let start = firsts.first().copied().unwrap_or(0);
            Ok(Some(start..walk(&folder, firsts.last().copied().unwrap_or(0), &mut |_, _| true)?))
        };
        (0..self.partitions).map(bounds_of).collect()
    }

    fn waits(&mut self, _: u32, offsets: Range<u64>) -> Result<bool, LogError> {
        // Each offset is a record's.
        Ok(!offsets.is_empty())
    }

    fn appended_at(&mut self, partition: u32, offset: u64) -> Result<Option<Instant>, LogError> {
        let mut at = None;
        if let Some(store) = &self.store {
            let log = store.evidence(partition)?;
            if log.bounds().contains(&offset) {
                log.read(&mut Cursor::new(offset), offset + 1, 1, &mut |record| {
                    at = Some(record.timestamp);
                    false
                })?;
            }
            return Ok(at);
        }
        walk(&self.evidence(partition), offset, &mut |header, _| {
            at = (header.offset == offset).then_some(Instant(header.timestamp_ms));
            false
        })?;
        Ok(at)
    }

    fn read(&mut self, topic: Topic) -> Result<Vec<Entry>, LogError> {
        let name = match topic {
            Topic::Status => return self.statuses(),
            Topic::Regions => "regions",
            Topic::Policies => "policies",
            Topic::Decisions => "decisions",
            _ => return Err(LogError::fatal(format!("the folder has no {topic:?} to be read whole"))),
        };
        let folder = self.dir.join("log").join(name);
        let mut entries = Vec::new();
        if folder.is_dir() {
            walk(&folder, 0, &mut |header, value| {
                entries.push(Entry { key: String::new(), value, at: Instant(header.timestamp_ms) });
                true
            })?;
        }
        Ok(newest(entries))
    }

    fn read_since(
        &mut self,
        topic: Topic,
        since: Instant,
        each: &mut dyn FnMut(Entry) -> bool,
    ) -> Result<(), LogError> {
        let name = match topic {
            Topic::Regions => "regions",
            Topic::Policies => "policies",
            Topic::Decisions => "decisions",
            Topic::Audit => "audit",
            _ => return Err(LogError::fatal(format!("the folder has no {topic:?} to be read on"))),
        };
        let folder = self.dir.join("log").join(name);
        if !folder.is_dir() {
            return Ok(());
        }
        walk(&folder, 0, &mut |header, value| {
            let at = Instant(header.timestamp_ms);
            at < since || each(Entry { key: String::new(), value, at })
        })?;
        Ok(())
    }
}

/// Whole frames from an offset on, as far as they are written; returns one past the last that was looked at.
pub(super) fn walk(folder: &Path, from: u64, each: &mut dyn FnMut(Header, Bytes) -> bool) -> Result<u64, LogError> {
    let firsts = firsts(folder)?;
    let begin = firsts.partition_point(|first| *first <= from).saturating_sub(1);
    let mut next = 0;
    for first in firsts.get(begin..).unwrap_or_default() {
        let path = segment_path(folder, *first);
        let file = match File::open(&path) {
            Ok(file) => file,
            // Trimmed meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("open", &path, &error)),
        };
        next = *first;
        let (mut place, mut bytes, mut bytes_max) = (0_u64, Vec::new(), READ_BYTES);
        loop {
            scan::fill(&file, place, bytes_max, &mut bytes).map_err(|error| failed("read", &path, &error))?;
            let whole = Bytes::from(std::mem::take(&mut bytes));
            let mut at = 0;
            let is_more = loop {
                match frame::parse(whole.get(at..).unwrap_or_default()) {
                    Parsed::Frame(header, length) if header.offset == next => {
                        next += 1;
                        if header.offset >= from && !each(header, frame::value(&whole, at, length)) {
                            return Ok(next);
                        }
                        at += length;
                    }
                    Parsed::Short(wanted) if whole.len() == bytes_max => {
                        bytes_max = wanted.max(READ_BYTES);
                        break true;
                    }
                    // Half written: not there yet.
                    _ => break false,
                }
            };
            place += at as u64;
            if !is_more {
                break;
            }
        }
    }
    Ok(next)
}

fn status_folder(dir: &Path) -> PathBuf {
    dir.join("status")
}

/// Writes what a process says of itself; an empty value takes it away.
pub(super) fn write_status(dir: &Path, record: &Outgoing) -> Result<(), LogError> {
    let folder = status_folder(dir);
    let key = record.key.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let is_name = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_name {
        return Err(LogError::fatal(format!("{}: a status needs a name of letters and digits", folder.display())));
    }
    let path = folder.join(format!("{key}.json"));
    if record.value.is_empty() {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", &path, &error)),
            _ => Ok(()),
        };
    }
    fs::create_dir_all(&folder).map_err(|error| failed("make", &folder, &error))?;
    replace(&path, &record.value).map_err(|error| failed("write", &path, &error))
}
