//! An NDJSON file that somebody writes to: whole lines, as they come.
//!
//! A last line without an end waits until the file has stood still for a while and looks complete. A file that is
//! shorter than what was read of it, or begins otherwise, is another one and is read anew. Owns its position.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use fuma_schemas::Feed;

use super::super::scan;
use super::super::store::passed;
use super::Each;
use super::block::is_blank;
use super::position::{FilePosition, Print, Stamp};
use crate::log::FeedRecord;

const READ_BYTES: usize = 1 << 18;
/// A line beyond is cut: it is no record, and memory is bounded.
const LINE_BYTES_MAX: usize = 16 << 20;
/// For how long a line without an end waits for it.
const UNENDED_WAITS: Duration = Duration::from_secs(2);

/// A file that is followed.
pub(super) struct GrowingFile {
    feed: Feed,
    number: u32,
    position: FilePosition,
    print: Print,
    stamp: Option<Stamp>,
    /// Since when the stamp is the same.
    still_since: Duration,
    /// Open while there is something to read.
    file: Option<File>,
    /// Bytes behind the position that were read ahead.
    ahead: Vec<u8>,
    has_unended: bool,
    takes_unended: bool,
    is_moved: bool,
    is_unreadable: bool,
}

impl GrowingFile {
    pub(super) fn new(feed: Feed, number: u32, position: FilePosition) -> GrowingFile {
        GrowingFile {
            feed,
            number,
            position,
            print: Print::default(),
            stamp: None,
            still_since: Duration::ZERO,
            file: None,
            ahead: Vec::new(),
            has_unended: false,
            takes_unended: false,
            is_moved: false,
            is_unreadable: false,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.file.is_some()
    }

    /// What the listing says of it.
    pub(super) fn notice(&mut self, path: &Path, stamp: Stamp) {
        let now = passed();
        if self.stamp == Some(stamp) {
            if self.has_unended && self.file.is_none() && now.saturating_sub(self.still_since) >= UNENDED_WAITS {
                self.takes_unended = true;
                self.file = File::open(path).ok();
            }
            return;
        }
        if self.is_moved {
            (self.position.first, self.position.last) = self.print.checksums();
        }
        let opened = File::open(path).and_then(|file| Ok((self.position.recognise(&file)?, file)));
        match opened {
            Ok((recognised, file)) => {
                if recognised.is_none() {
                    tracing::warn!(file = %path.display(), "was cut or replaced: it is read from its beginning");
                    (self.position, self.is_moved) = (FilePosition::default(), true);
                }
                self.print = recognised.unwrap_or_default();
                self.ahead.clear();
                self.is_unreadable = false;
                (self.file, self.stamp, self.still_since) = (Some(file), Some(stamp), now);
            }
            // Tried again with the next listing, said once.
            Err(error) if !std::mem::replace(&mut self.is_unreadable, true) => {
                tracing::warn!(file = %path.display(), %error, "cannot be read for now");
            }
            Err(_) => {}
        }
    }

    /// Hands out whole lines; says how many.
    pub(super) fn hand_out(&mut self, path: &Path, records_max: usize, each: Each<'_>) -> usize {
        let mut count = 0;
        while count < records_max && self.file.is_some() {
            let mut used = 0;
            while count < records_max {
                let Some(length) = memchr::memchr(b'\n', &self.ahead[used..]) else { break };
                let line = &self.ahead[used..used + length];
                self.position.lines += 1;
                used += length + 1;
                if !is_blank(line) {
                    each(record(self.feed, self.number, self.position.lines, line));
                    count += 1;
                }
            }
            self.use_up(used);
            if count < records_max && !self.read_ahead(path) {
                count += self.end(each);
            }
        }
        count
    }

    /// The position moves over bytes that were handed out.
    fn use_up(&mut self, used: usize) {
        if used > 0 {
            self.print.extend(&self.ahead[..used]);
            self.ahead.drain(..used);
            self.position.bytes += used as u64;
            self.is_moved = true;
        }
    }

    /// Reads more behind the position; false at the end of the file.
    fn read_ahead(&mut self, path: &Path) -> bool {
        let Some(file) = &self.file else { return false };
        let mut more = Vec::new();
        let outcome = scan::fill(file, self.position.bytes + self.ahead.len() as u64, READ_BYTES, &mut more);
        if let Err(error) = outcome {
            tracing::warn!(file = %path.display(), %error, "cannot be read for now");
            self.stamp = None;
            return false;
        }
        self.ahead.extend_from_slice(&more);
        !more.is_empty() && self.ahead.len() < LINE_BYTES_MAX
    }

    /// At the end of the file: what has no line end waits, or is taken.
    fn end(&mut self, each: Each<'_>) -> usize {
        let is_too_long = self.ahead.len() >= LINE_BYTES_MAX;
        let looks_complete = self.ahead.trim_ascii_end().ends_with(b"}");
        if is_too_long || (std::mem::take(&mut self.takes_unended) && looks_complete) {
            each(record(self.feed, self.number, self.position.lines + 1, &self.ahead));
            self.use_up(self.ahead.len());
            return 1;
        }
        self.has_unended = !self.ahead.is_empty();
        self.ahead.clear();
        self.file = None;
        0
    }

    /// The position, if it is another than at the last call.
    pub(super) fn moved(&mut self) -> Option<FilePosition> {
        std::mem::take(&mut self.is_moved).then(|| {
            (self.position.first, self.position.last) = self.print.checksums();
            self.position
        })
    }
}

/// A record without a time of its own.
pub(super) fn record(feed: Feed, number: u32, line: u64, value: &[u8]) -> FeedRecord<'_> {
    FeedRecord { feed, partition: number, offset: line, received: None, key: None, value: Some(value), headers: &[] }
}
