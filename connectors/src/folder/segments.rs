//! One partition: frames in segments, named by their first offset, in a folder of its own.
//!
//! ```text
//! write   frames of a batch, one write; nobody reads them yet
//! sync    fdatasync; now they are safe, and readers see them
//! read    from a cursor on, whole frames, checked
//! trim    whole segments below an offset go, or those that are all older than an instant
//! ```
//!
//! A new segment is begun only when the one before is synced, so only the newest can end in a torn frame. Owns the
//! files of the folder. Must never know what a value means.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fuma_schemas::Instant;

use super::frame::{self, Header, Parsed};
use super::scan;
use super::{damaged, failed, identity};
use crate::log::{LogError, LogRecord};

/// A segment of that size is the last but one.
pub(super) const SEGMENT_BYTES: u64 = 64 << 20;
/// Between two places that are remembered.
const INDEX_BYTES: u64 = 1 << 18;
/// What is read of a file at once.
const READ_BYTES: usize = 1 << 20;

/// A partition; several threads write and read it.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    id: String,
    partition: u32,
    segment_bytes: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    segments: Vec<Segment>,
    /// The newest, to be written.
    writer: File,
    written_bytes: u64,
    /// One past what is written, and what is synced.
    written: u64,
    synced: u64,
    /// A write or a sync failed in a way that leaves open what the disk holds.
    is_broken: bool,
}

#[derive(Clone, Debug)]
struct Segment {
    first: u64,
    file: Arc<File>,
    path: PathBuf,
    index: Vec<(u64, u64)>,
}

/// Where a reader stands: in the segment of an offset, at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub(super) next: u64,
    at: Option<(u64, u64)>,
}

impl Cursor {
    pub(super) fn new(next: u64) -> Cursor {
        Cursor { next, at: None }
    }

    /// The next offset to be read.
    pub(super) fn next(&self) -> u64 {
        self.next
    }
}

impl Segments {
    /// Opens a partition, or begins one; cuts a torn tail.
    pub(super) fn open(folder: &Path, partition: u32, segment_bytes: u64) -> Result<Segments, LogError> {
        fs::create_dir_all(folder).map_err(|error| failed("make", folder, &error))?;
        let mut firsts = firsts(folder)?;
        // Without a segment it is another log than one that may have been here.
        let id = identity::of(folder, firsts.is_empty()).map_err(|error| failed("write", folder, &error))?;
        if firsts.is_empty() {
            begin(folder, 0)?;
            firsts.push(0);
        }
        let mut segments = Vec::with_capacity(firsts.len());
        for first in firsts {
            let path = segment_path(folder, first);
            let file = File::open(&path).map_err(|error| failed("open", &path, &error))?;
            segments.push(Segment { first, file: Arc::new(file), path, index: Vec::new() });
        }
        let (writer, written, written_bytes) = match segments.last_mut() {
            Some(newest) => recover(newest)?,
            None => return Err(damaged(folder, 0, "it has no segment")),
        };
        let inner = Inner { segments, writer, written_bytes, written, synced: written, is_broken: false };
        Ok(Segments { folder: folder.to_owned(), id, partition, segment_bytes, inner: Mutex::new(inner) })
    }

    /// What tells it from one that is made at the same place later.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// First offset, and one past the last that is safe.
    pub(super) fn bounds(&self) -> Range<u64> {
        let inner = self.inner();
        inner.segments.first().map_or(0, |segment| segment.first)..inner.synced
    }

    /// Whether the newest segment is empty: the next frame begins it.
    pub(super) fn begins_segment(&self, more_bytes: usize) -> bool {
        let inner = self.inner();
        inner.written_bytes == 0 || inner.written_bytes + more_bytes as u64 > self.segment_bytes
    }

    /// Writes frames; they are safe, and seen, after [`Segments::sync`].
    pub(super) fn write<'a>(&self, at: Instant, values: impl Iterator<Item = &'a [u8]>) -> Result<(), LogError> {
        let mut inner = self.inner();
        self.refuse_broken(&inner)?;
        let (first, synced) = (inner.written, inner.synced);
        let (mut bytes, mut written) = (Vec::new(), first);
        for value in values {
            let header = Header { length: value.len(), timestamp_ms: at.0, offset: written, synced };
            frame::write(&mut bytes, header, value);
            written += 1;
        }
        if inner.written_bytes > 0 && inner.written_bytes + bytes.len() as u64 > self.segment_bytes {
            self.roll(&mut inner)?;
        }
        if let Err(error) = inner.writer.write_all(&bytes) {
            // What is half written goes, so that the next write stands behind whole frames.
            let length = inner.written_bytes;
            inner.is_broken = inner.writer.set_len(length).is_err();
            return Err(failed("write", &self.folder, &error));
        }
        let place = inner.written_bytes;
        if let Some(newest) = inner.segments.last_mut().filter(|_| written > first)
            && newest.index.last().is_none_or(|(_, last)| place >= last + INDEX_BYTES)
        {
            newest.index.push((first, place));
        }
        inner.written_bytes += bytes.len() as u64;
        inner.written = written;
        Ok(())
    }

    /// Makes all that is written safe.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        let (writer, written) = {
            let inner = self.inner();
            self.refuse_broken(&inner)?;
            if inner.synced == inner.written {
                return Ok(());
            }
            (inner.writer.try_clone(), inner.written)
        };
        let outcome = writer.and_then(|writer| writer.sync_data());
        let mut inner = self.inner();
        if let Err(error) = outcome {
            inner.is_broken = true;
            return Err(failed("sync", &self.folder, &error));
        }
        inner.synced = inner.synced.max(written);
        Ok(())
    }

    fn refuse_broken(&self, inner: &Inner) -> Result<(), LogError> {
        match inner.is_broken {
            false => Ok(()),
            true => {
                let folder = self.folder.display();
                let message = format!("{folder}: a write failed, and what the disk holds is not known; start again");
                Err(LogError::operator(message))
            }
        }
    }

    /// Begins a segment; the one before is safe first.
    fn roll(&self, inner: &mut Inner) -> Result<(), LogError> {
        if let Err(error) = inner.writer.sync_data() {
            inner.is_broken = true;
            return Err(failed("sync", &self.folder, &error));
        }
        inner.synced = inner.written;
        let first = inner.written;
        begin(&self.folder, first)?;
        let path = segment_path(&self.folder, first);
        let writer = append_to(&path)?;
        let file = File::open(&path).map_err(|error| failed("open", &path, &error))?;
        inner.segments.push(Segment { first, file: Arc::new(file), path, index: Vec::new() });
        (inner.writer, inner.written_bytes) = (writer, 0);
        Ok(())
    }

    /// Whole frames from a cursor on, up to an offset that is safe and about so many bytes; moves the cursor.
    pub(super) fn read(
        &self,
        cursor: &mut Cursor,
        below: u64,
        bytes_max: usize,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError> {
        let mut left = bytes_max;
        loop {
            let (segment, segment_end, end) = match self.locate(cursor.next, below)? {
                Some(found) => found,
                None => return Ok(()),
            };
            let place = match cursor.at {
                Some((first, place)) if first == segment.first => place,
                _ => find(&segment, cursor.next)?,
            };
            let (next, place, goes_on) = self.read_segment(&segment, place, cursor.next..end, &mut left, each)?;
            cursor.next = next;
            cursor.at = Some((segment.first, place));
            if !goes_on || left == 0 || next < segment_end {
                return Ok(());
            }
        }
    }

    /// The segment of an offset, where it ends, and how far it is to be read.
    fn locate(&self, offset: u64, below: u64) -> Result<Option<(Segment, u64, u64)>, LogError> {
        let inner = self.inner();
        let below = below.min(inner.synced);
        if offset >= below {
            return Ok(None);
        }
        let after = inner.segments.partition_point(|segment| segment.first <= offset);
        let Some(segment) = after.checked_sub(1).and_then(|place| inner.segments.get(place)) else {
            let first = inner.segments.first().map_or(0, |segment| segment.first);
            let message = format!("{}: begins at {first}, and {offset} is wanted", self.folder.display());
            return Err(LogError::operator(message));
        };
        let segment_end = inner.segments.get(after).map_or(u64::MAX, |next| next.first);
        Ok(Some((segment.clone(), segment_end, below.min(segment_end))))
    }

    fn read_segment(
        &self,
        segment: &Segment,
        mut place: u64,
        offsets: Range<u64>,
        left: &mut usize,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(u64, u64, bool), LogError> {
        let mut next = offsets.start;
        let mut read_bytes = READ_BYTES.min((*left).max(1 << 14));
        while next < offsets.end && *left > 0 {
            let mut bytes = Vec::new();
            scan::fill(&segment.file, place, read_bytes, &mut bytes)
                .map_err(|error| failed("read", &segment.path, &error))?;
            let bytes = Bytes::from(bytes);
            let mut at = 0;
            while next < offsets.end && *left > 0 {
                match frame::parse(&bytes[at..]) {
                    Parsed::Frame(header, length) if header.offset == next => {
                        let value = frame::value(&bytes, at, length);
                        let timestamp = Instant(header.timestamp_ms);
                        at += length;
                        next += 1;
                        *left = left.saturating_sub(length);
                        if !each(LogRecord { partition: self.partition, offset: header.offset, timestamp, value }) {
                            return Ok((next, place + at as u64, false));
                        }
                    }
                    Parsed::Short(wanted) if bytes.len() == read_bytes => {
                        read_bytes = wanted.max(READ_BYTES);
                        break;
                    }
                    _ => return Err(damaged(&segment.path, place + at as u64, "a record is damaged")),
                }
            }
            place += at as u64;
        }
        Ok((next, place, true))
    }

    /// Takes whole segments away that hold nothing of an instant or later; says where the partition begins now.
    /// Instants of a log fall only where a clock was set back, and then something stays for longer.
    pub(super) fn trim_before(&self, instant: Instant) -> Result<u64, LogError> {
        let second = |inner: &Inner| inner.segments.get(1).cloned();
        loop {
            let Some(second) = second(&self.inner()) else { break };
            match begins_at(&second)? {
                Some(begins) if begins < instant => self.trim(second.first)?,
                _ => break,
            };
        }
        Ok(self.bounds().start)
    }

    /// Takes whole segments below an offset away; says where the partition begins now.
    pub(super) fn trim(&self, below: u64) -> Result<u64, LogError> {
        let mut inner = self.inner();
        while inner.segments.get(1).is_some_and(|second| second.first <= below) {
            let path = inner.segments.remove(0).path;
            fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
        }
        Ok(inner.segments.first().map_or(0, |segment| segment.first))
    }
}

/// The instant at which a segment begins; none where nothing stands in it yet.
fn begins_at(segment: &Segment) -> Result<Option<Instant>, LogError> {
    let mut bytes = Vec::new();
    scan::fill(&segment.file, 0, frame::HEADER_BYTES, &mut bytes)
        .map_err(|error| failed("read", &segment.path, &error))?;
    Ok(bytes.first_chunk().map(|head| Instant(frame::header(head).timestamp_ms)))
}

/// The place of an offset in a segment: from the nearest that is remembered on.
fn find(segment: &Segment, offset: u64) -> Result<u64, LogError> {
    let after = segment.index.partition_point(|(indexed, _)| *indexed <= offset);
    let (mut next, mut place) =
        after.checked_sub(1).and_then(|at| segment.index.get(at)).copied().unwrap_or((segment.first, 0));
    let mut bytes = Vec::new();
    while next < offset {
        scan::fill(&segment.file, place, READ_BYTES, &mut bytes)
            .map_err(|error| failed("read", &segment.path, &error))?;
        let mut at = 0;
        while next < offset {
            let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else { break };
            let header = frame::header(head);
            if header.offset != next || header.length > frame::VALUE_BYTES_MAX {
                return Err(damaged(&segment.path, place + at as u64, "a record is damaged"));
            }
            at += frame::HEADER_BYTES + header.length;
            next += 1;
        }
        if at == 0 {
            return Err(damaged(&segment.path, place, "it ends early"));
        }
        place += at as u64;
    }
    Ok(place)
}

/// The newest segment: its writer, one past its last offset, its bytes. A torn tail goes.
fn recover(newest: &mut Segment) -> Result<(File, u64, u64), LogError> {
    let path = &newest.path;
    let found = scan::scan(&newest.file, newest.first, INDEX_BYTES).map_err(|error| failed("read", path, &error))?;
    if found.is_damaged {
        return Err(damaged(path, found.whole_bytes, "a record is damaged, and records that were safe follow it"));
    }
    let writer = append_to(path)?;
    if found.file_bytes > found.whole_bytes {
        let cut_bytes = found.file_bytes - found.whole_bytes;
        let (file, place) = (path.display(), found.whole_bytes);
        tracing::warn!(%file, place, cut_bytes, "dropped an incomplete write at the end of the file");
        writer.set_len(found.whole_bytes).map_err(|error| failed("cut", path, &error))?;
    }
    // What was written and not yet synced becomes safe before anybody reads it.
    writer.sync_data().map_err(|error| failed("sync", path, &error))?;
    newest.index = found.index;
    Ok((writer, found.end, found.whole_bytes))
}

/// Makes an empty segment that survives a power cut.
fn begin(folder: &Path, first: u64) -> Result<(), LogError> {
    let path = segment_path(folder, first);
    let file = append_to(&path)?;
    file.sync_all().and_then(|()| File::open(folder)?.sync_all()).map_err(|error| failed("sync", &path, &error))
}

fn append_to(path: &Path) -> Result<File, LogError> {
    OpenOptions::new().append(true).create(true).open(path).map_err(|error| failed("open", path, &error))
}

pub(super) fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// The first offsets of the segments in a folder, in order; none of a log that is being made, which may have no folder
/// yet. Who looks from outside looks at any instant.
pub(super) fn firsts(folder: &Path) -> Result<Vec<u64>, LogError> {
    let mut firsts = Vec::new();
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(firsts),
        listed => listed.map_err(|error| failed("list", folder, &error))?,
    };
    for entry in listed {
        let name = entry.map_err(|error| failed("list", folder, &error))?.file_name();
        firsts.extend(
            name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|first| first.parse::<u64>().ok()),
        );
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Writes a small file whole: another in its place, or the old one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
