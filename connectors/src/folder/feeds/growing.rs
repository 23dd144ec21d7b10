//! An NDJSON file that somebody writes to: whole lines, as they come.
//!
//! A last line without an end waits for it, and is taken when the file has stood still for `watch.settle`. A file in
//! which anything changed that was read is read again from its beginning. Owns its position.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use fuma_schemas::Feed;

use super::super::scan;
use super::super::store::passed;
use super::block::{header_of, is_blank};
use super::check::{Budget, Check, Outcome};
use super::content::{Content, Mark};
use super::position::{FilePosition, Stamp};
use super::{Each, Told};
use crate::files::{Long, RECORD_BYTES_MAX, Refusal};
use crate::log::FeedRecord;

const READ_BYTES: usize = 1 << 18;
/// So long after a change all that was read is looked at once more: a change in the same tick of the file system's clock
/// leaves no trace in the listing.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A file that is followed.
pub(super) struct GrowingFile {
    feed: Feed,
    number: u32,
    position: FilePosition,
    /// What was read: up to the position, and of a long line what comes after it.
    content: Content,
    check: Option<Check>,
    look_again_at: Option<Duration>,
    stamp: Option<Stamp>,
    /// Since when the stamp is the same.
    still_since: Duration,
    settle: Duration,
    /// Open while there is something to read.
    file: Option<File>,
    /// Bytes after the position that were read ahead.
    ahead: Vec<u8>,
    long: Option<LongLine>,
    last: Last,
    is_moved: bool,
    told: Told,
}

/// A line at the position that is too large, as far as it is read.
struct LongLine {
    long: Long,
    start: Mark,
}

/// The last line, if it has no end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last {
    /// It has one, or is not known.
    None,
    Waits,
    /// To be taken when it is met again.
    Due,
    /// It is taken; when more comes, it is read again with it.
    Taken,
}

impl GrowingFile {
    pub(super) fn new(feed: Feed, number: u32, position: FilePosition, settle: Duration) -> GrowingFile {
        GrowingFile {
            feed,
            number,
            position,
            content: Content::default(),
            check: None,
            look_again_at: None,
            stamp: None,
            still_since: Duration::ZERO,
            settle,
            file: None,
            ahead: Vec::new(),
            long: None,
            last: Last::None,
            is_moved: false,
            told: Told::default(),
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.file.is_some() || self.is_held()
    }

    /// Whether nothing is read of it before a check ends, and so the next listing is due soon.
    pub(super) fn is_held(&self) -> bool {
        self.check.as_ref().is_some_and(Check::holds_reading)
    }

    /// What the listing says of it; the budget is how many bytes may still be looked at.
    pub(super) fn notice(&mut self, path: &Path, stamp: Stamp, budget: &mut Budget) {
        let outcome = match self.stamp == Some(stamp) {
            true => self.settle(path),
            false => self.change(path, stamp),
        };
        let outcome = outcome.and_then(|()| self.go_on_checking(path, budget));
        if let Err(error) = outcome {
            // Tried again with the next listing.
            self.told.tell(path, &error);
            self.stamp = None;
        }
    }

    /// It stands still.
    fn settle(&mut self, path: &Path) -> io::Result<()> {
        let is_still = passed().saturating_sub(self.still_since) >= self.settle;
        if self.last == Last::Waits && self.file.is_none() && is_still {
            self.file = Some(File::open(path)?);
            self.last = Last::Due;
        }
        if self.check.is_none() && self.look_again_at.take_if(|at| *at <= passed()).is_some() {
            self.check = Some(Check::of_content(File::open(path)?, false));
        }
        Ok(())
    }

    /// It looks otherwise than before.
    fn change(&mut self, path: &Path, stamp: Stamp) -> io::Result<()> {
        let file = File::open(path)?;
        let is_append = self.stamp.is_some_and(|before| stamp.is_longer(&before));
        let is_known = self.content.bytes() >= self.position.bytes;
        if stamp.bytes < self.content.bytes().max(self.position.bytes) {
            self.begin_again(path);
        } else if is_append && self.is_held() {
            // The check goes on: begun again at each change, it would never end.
        } else if !is_known {
            self.check = Some(Check::of_position(file.try_clone()?, self.position.clone()));
        } else if is_append && self.content.holds_last(&file)? {
            // More at its end is read at once; what comes before is looked at soon, beside it.
        } else if is_append {
            self.begin_again(path);
        } else if self.content.bytes() > 0 {
            self.check = Some(Check::of_content(file.try_clone()?, true));
        }
        self.look_again_at.get_or_insert(passed() + LOOK_AGAIN_AFTER);
        self.ahead.clear();
        (self.file, self.stamp, self.still_since, self.last) = (Some(file), Some(stamp), passed(), Last::None);
        Ok(())
    }

    fn go_on_checking(&mut self, path: &Path, budget: &mut Budget) -> io::Result<()> {
        let Some(check) = &mut self.check else { return Ok(()) };
        match check.go_on(&mut self.content, budget)? {
            Outcome::More => {}
            Outcome::Same => self.check = None,
            Outcome::Other => {
                self.begin_again(path);
                // The file is read from its beginning, also where all of it was read.
                self.file = Some(File::open(path)?);
            }
        }
        Ok(())
    }

    fn begin_again(&mut self, path: &Path) {
        tracing::warn!(file = %path.display(), "was changed or replaced: it is read again from its beginning");
        (self.position, self.content) = (FilePosition::default(), Content::default());
        (self.check, self.long, self.last) = (None, None, Last::None);
        self.ahead.clear();
        self.is_moved = true;
    }

    /// Hands out whole lines; says how many.
    pub(super) fn hand_out(&mut self, path: &Path, records_max: usize, each: Each<'_>) -> usize {
        let mut count = 0;
        while count < records_max && self.file.is_some() && !self.is_held() {
            count += self.hand_out_ahead(records_max - count, each);
            if count < records_max && !self.read_ahead(path) {
                count += self.end(each);
            }
        }
        count
    }

    /// Hands out the lines that were read ahead.
    fn hand_out_ahead(&mut self, records_max: usize, each: Each<'_>) -> usize {
        let (mut count, mut used) = (0, 0);
        while count < records_max {
            let Some(length) = memchr::memchr(b'\n', &self.ahead[used..]) else { break };
            let line = &self.ahead[used..used + length];
            self.position.lines += 1;
            used += length + 1;
            if let Some(LongLine { mut long, .. }) = self.long.take() {
                long.extend(line);
                count += hand_out_long((self.feed, self.number, self.position.lines), long, each);
            } else if line.len() > RECORD_BYTES_MAX {
                count += hand_out_long((self.feed, self.number, self.position.lines), Long::of(line), each);
            } else if !is_blank(line) {
                each(record(self.feed, self.number, self.position.lines, line));
                count += 1;
            }
        }
        if used > 0 {
            self.content.extend(&self.ahead[..used]);
            self.ahead.drain(..used);
            self.position.bytes = self.content.bytes();
            self.is_moved = true;
        }
        if self.ahead.len() > RECORD_BYTES_MAX && !self.ahead.contains(&b'\n') {
            self.take_long();
        }
        count
    }

    /// Of a line that is too large no more is held than what tells it.
    fn take_long(&mut self) {
        match &mut self.long {
            Some(line) => line.long.extend(&self.ahead),
            None => self.long = Some(LongLine { long: Long::of(&self.ahead), start: self.content.mark() }),
        }
        self.content.extend(&self.ahead);
        self.ahead.clear();
    }

    /// Reads more; false at the end of the file.
    fn read_ahead(&mut self, path: &Path) -> bool {
        let Some(file) = &self.file else { return false };
        let mut more = Vec::new();
        let place = self.content.bytes() + self.ahead.len() as u64;
        if let Err(error) = scan::fill(file, place, READ_BYTES, &mut more) {
            self.told.tell(path, &error);
            self.stamp = None;
            return false;
        }
        self.ahead.extend_from_slice(&more);
        !more.is_empty()
    }

    /// At the end of the file: what has no line end waits, or is taken. The position stays before it.
    fn end(&mut self, each: Each<'_>) -> usize {
        let mut count = 0;
        if self.long.is_some() {
            self.take_long();
        }
        let place = (self.feed, self.number, self.position.lines + 1);
        let has_none = self.long.is_none() && is_blank(&self.ahead);
        match (self.last, &self.long) {
            _ if has_none => self.last = Last::None,
            (Last::Due, Some(line)) => count = hand_out_long(place, line.long.clone(), each),
            (Last::Due, None) => {
                each(record(self.feed, self.number, place.2, &self.ahead));
                count = 1;
            }
            _ => self.last = Last::Waits,
        }
        if self.last == Last::Due {
            self.last = Last::Taken;
        }
        self.ahead.clear();
        (self.file, self.told) = (None, Told::default());
        count
    }

    /// The position, if it is another than at the last call.
    pub(super) fn moved(&mut self) -> Option<FilePosition> {
        std::mem::take(&mut self.is_moved).then(|| {
            let digest = self.long.as_ref().map_or_else(|| self.content.digest(), |line| line.start.digest());
            FilePosition { digest, ..self.position.clone() }
        })
    }
}

/// A line that is too large: its first bytes, and what they do not say.
fn hand_out_long((feed, number, line): (Feed, u32, u64), long: Long, each: Each<'_>) -> usize {
    if long.is_blank() {
        return 0;
    }
    let (name, value) = header_of(&Refusal::TooLarge(long.oversize()));
    let headers = [(name, Some(value.as_bytes()))];
    each(FeedRecord { headers: &headers, ..record(feed, number, line, &long.into_raw()) });
    1
}

/// A record without a time of its own.
pub(super) fn record(feed: Feed, number: u32, line: u64, value: &[u8]) -> FeedRecord<'_> {
    FeedRecord { feed, partition: number, offset: line, received: None, key: None, value: Some(value), headers: &[] }
}
