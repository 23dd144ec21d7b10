//! A packed or tabular file: read when it has stood still from one listing to the next.
//!
//! A thread reads it, two blocks ahead. Of a file that changed, the lines are passed over that were read before, if all
//! before is as it was; else it is read again as a whole. A last line without an end is left until the file has stood
//! still for `watch.settle`. One that cannot be read to its end is named once and tried again when it changes; what it
//! yielded until then was yielded. Owns its position.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use fuma_schemas::Feed;

use super::super::store::passed;
use super::block::OpenBlock;
use super::content::Content;
use super::position::{FilePosition, Stamp};
use super::{Each, Told};
use crate::files::{self, Block, FeedFile, FileError, Format, LastLine};

const BLOCK_BYTES: usize = 1 << 18;
/// Blocks that wait to be handed out.
const BLOCKS_AHEAD: usize = 2;

enum Message {
    /// What the file is known as, and how many of its lines were read before.
    Begun(FilePosition),
    Block(Block),
    /// Whether a last line was left.
    End(Result<bool, FileError>),
}

/// A file that is read as a whole.
pub(super) struct WholeFile {
    feed: Feed,
    format: Format,
    number: u32,
    position: FilePosition,
    settle: Duration,
    stamp: Option<Stamp>,
    is_still: bool,
    still_since: Duration,
    /// The stamp of what was read, or could not be.
    done: Option<Stamp>,
    /// Whether a last line waits for its end.
    has_left: bool,
    /// What becomes of the last line in the reading under way.
    last: LastLine,
    reading: Option<Receiver<Message>>,
    /// What came while nobody asked for records.
    waiting: Option<Message>,
    block: Option<OpenBlock>,
    /// Lines that were read before.
    skipped_lines: u64,
    is_moved: bool,
    told: Told,
}

impl WholeFile {
    pub(super) fn new(
        (feed, format): (Feed, Format),
        number: u32,
        position: FilePosition,
        settle: Duration,
    ) -> WholeFile {
        WholeFile {
            feed,
            format,
            number,
            position,
            settle,
            stamp: None,
            is_still: false,
            still_since: Duration::ZERO,
            done: None,
            has_left: false,
            last: LastLine::Leave,
            reading: None,
            waiting: None,
            block: None,
            skipped_lines: 0,
            is_moved: false,
            told: Told::default(),
        }
    }

    /// What the listing says of it.
    pub(super) fn notice(&mut self, stamp: Stamp) {
        self.is_still = self.stamp == Some(stamp);
        if !self.is_still {
            (self.stamp, self.still_since) = (Some(stamp), passed());
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.is_reading() || self.stamp != self.done
    }

    /// Begins to read it if it stands still and was not read as it is.
    pub(super) fn begin_if_due(&mut self, path: &Path) -> bool {
        let Some(stamp) = self.stamp.filter(|_| self.is_still) else { return false };
        let is_settled = passed().saturating_sub(self.still_since) >= self.settle;
        self.last = match self.done == Some(stamp) {
            false => LastLine::Leave,
            true if self.has_left && is_settled => LastLine::Take,
            true => return false,
        };
        (self.done, self.has_left) = (Some(stamp), false);
        self.reading = Some(self.spawn(path, stamp.bytes));
        true
    }

    fn spawn(&self, path: &Path, bytes: u64) -> Receiver<Message> {
        let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = FeedFile { feed: self.feed, name, path: path.to_owned(), format: self.format };
        let (before, last) = (self.position.clone(), self.last);
        std::thread::spawn(move || read(&file, bytes, &before, last, &sender));
        receiver
    }

    /// Hands out what is unpacked; says how many records that were.
    pub(super) fn hand_out(&mut self, path: &Path, records_max: usize, each: Each<'_>) -> usize {
        let mut count = 0;
        loop {
            if let Some(block) = &mut self.block {
                let place = (self.feed, self.number);
                count += block.hand_out(place, self.skipped_lines, records_max - count, each);
                // A last line that is taken without its end is no part of the position: more of it may come.
                if block.lines() > self.position.lines && self.last == LastLine::Leave {
                    self.position.lines = block.lines();
                    self.is_moved = true;
                }
                if !block.is_empty() {
                    return count;
                }
                self.block = None;
            }
            let Some(reading) = &self.reading else { return count };
            match self.waiting.take().map_or_else(|| reading.try_recv(), Ok) {
                Ok(message) => self.take(path, message),
                Err(TryRecvError::Empty) => return count,
                Err(TryRecvError::Disconnected) => self.reading = None,
            }
        }
    }

    fn take(&mut self, path: &Path, message: Message) {
        match message {
            Message::Begun(position) => {
                if position.lines < self.position.lines {
                    tracing::warn!(file = %path.display(), "was changed or replaced: it is read again as a whole");
                }
                self.skipped_lines = position.lines;
                self.is_moved |= self.position != position;
                self.position = position;
            }
            Message::Block(block) => self.block = Some(OpenBlock::new(block)),
            Message::End(outcome) => {
                self.reading = None;
                match outcome {
                    Ok(true) => (self.has_left, self.told) = (true, Told::default()),
                    Ok(false) => {
                        self.is_moved |= !self.position.is_whole;
                        (self.position.is_whole, self.told) = (true, Told::default());
                    }
                    Err(error) => {
                        self.told.tell(path, &error);
                        if matches!(error, FileError::Open { .. } | FileError::Read { .. }) {
                            // No matter of what is in it: tried again with the next listing.
                            self.done = None;
                        }
                    }
                }
            }
        }
    }

    /// Waits for the next block.
    pub(super) fn wait(&mut self, at_most: Duration) {
        let Some(reading) = self.reading.as_ref().filter(|_| self.waiting.is_none()) else { return };
        match reading.recv_timeout(at_most) {
            Ok(message) => self.waiting = Some(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.reading = None,
        }
    }

    /// The position, if it is another than at the last call.
    pub(super) fn moved(&mut self) -> Option<FilePosition> {
        std::mem::take(&mut self.is_moved).then(|| self.position.clone())
    }
}

/// Reads a file as far as it went when it was listed. Nobody listens any more when the source is gone: then the rest is
/// read for nobody.
fn read(file: &FeedFile, bytes: u64, before: &FilePosition, last: LastLine, sender: &SyncSender<Message>) {
    let position = match recognise(&file.path, bytes, before) {
        Ok(position) => position,
        Err(source) => {
            let path = file.path.display().to_string();
            return drop(sender.send(Message::End(Err(FileError::Read { path, source }))));
        }
    };
    let is_known = position.is_whole;
    drop(sender.send(Message::Begun(position)));
    let outcome = match is_known {
        true => Ok(false),
        false => {
            files::read_part(file, bytes, BLOCK_BYTES, last, &mut |block| drop(sender.send(Message::Block(block))))
        }
    };
    drop(sender.send(Message::End(outcome)));
}

/// The position in a file of so many bytes: with the lines that were read before, if all before is as it was.
fn recognise(path: &Path, bytes: u64, before: &FilePosition) -> io::Result<FilePosition> {
    let file = File::open(path)?;
    let mut content = Content::default();
    let mut is_same = false;
    if (1..=bytes).contains(&before.bytes) {
        content.read_on(&file, before.bytes, usize::MAX >> 1)?;
        is_same = content.digest() == before.digest;
    }
    content.read_on(&file, bytes, usize::MAX >> 1)?;
    Ok(FilePosition {
        bytes,
        lines: if is_same { before.lines } else { 0 },
        is_whole: is_same && before.is_whole && before.bytes == bytes,
        digest: content.digest(),
    })
}
