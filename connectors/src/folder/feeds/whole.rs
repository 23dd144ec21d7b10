//! A packed or tabular file: read once, when it has stood still from one listing to the next.
//!
//! A thread unpacks it, two blocks ahead. One that cannot be read to its end is named in a warning and tried again
//! when it changes; what it yielded until then was yielded. Owns its position.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

use fuma_schemas::Feed;

use super::Each;
use super::block::OpenBlock;
use super::position::{FilePosition, Print, Stamp};
use crate::files::{self, Block, FeedFile, FileError, Format};

const BLOCK_BYTES: usize = 1 << 18;
/// Blocks that wait to be handed out.
const BLOCKS_AHEAD: usize = 2;

enum Message {
    Block(Block),
    End(Result<(), FileError>),
}

/// A file that is read as a whole.
pub(super) struct WholeFile {
    feed: Feed,
    format: Format,
    number: u32,
    position: FilePosition,
    stamp: Option<Stamp>,
    is_still: bool,
    /// The stamp of what was read, or could not be.
    done: Option<Stamp>,
    reading: Option<Receiver<Message>>,
    /// What came while nobody asked for records.
    waiting: Option<Message>,
    block: Option<OpenBlock>,
    /// Lines that were read before a restart.
    skipped_lines: u64,
    is_moved: bool,
}

impl WholeFile {
    pub(super) fn new(feed: Feed, format: Format, number: u32, position: FilePosition) -> WholeFile {
        WholeFile {
            feed,
            format,
            number,
            position,
            stamp: None,
            is_still: false,
            done: None,
            reading: None,
            waiting: None,
            block: None,
            skipped_lines: 0,
            is_moved: false,
        }
    }

    /// What the listing says of it.
    pub(super) fn notice(&mut self, stamp: Stamp) {
        self.is_still = self.stamp == Some(stamp);
        self.stamp = Some(stamp);
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.is_reading() || self.stamp != self.done
    }

    /// Begins to read it if it stands still and was not read as it is.
    pub(super) fn begin_if_due(&mut self, path: &Path) -> bool {
        let Some(stamp) = self.stamp.filter(|stamp| self.is_still && self.done != Some(*stamp)) else { return false };
        let opened = File::open(path).and_then(|file| {
            let is_known = self.position.bytes == stamp.bytes && self.position.recognise(&file)?.is_some();
            Ok((is_known && stamp.bytes > 0, Print::of_file(&file, stamp.bytes)?))
        });
        let (is_known, print) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "cannot be read; tried again when it changes");
                self.done = Some(stamp);
                return false;
            }
        };
        self.done = Some(stamp);
        if is_known && self.position.is_whole {
            return false;
        }
        self.skipped_lines = if is_known { self.position.lines } else { 0 };
        let (first, last) = print.checksums();
        let lines = self.skipped_lines;
        self.position = FilePosition { bytes: stamp.bytes, lines, is_whole: false, first, last };
        self.reading = Some(self.spawn(path));
        true
    }

    fn spawn(&self, path: &Path) -> Receiver<Message> {
        let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = FeedFile { feed: self.feed, name, path: path.to_owned(), format: self.format };
        std::thread::spawn(move || {
            // Nobody listens any more when the source is gone: then the rest is read for nobody.
            let outcome = files::read(&file, BLOCK_BYTES, &mut |block| drop(sender.send(Message::Block(block))));
            drop(sender.send(Message::End(outcome)));
        });
        receiver
    }

    /// Hands out what is unpacked; says how many records that were.
    pub(super) fn hand_out(&mut self, path: &Path, records_max: usize, each: Each<'_>) -> usize {
        let mut count = 0;
        loop {
            if let Some(block) = &mut self.block {
                let place = (self.feed, self.number);
                count += block.hand_out(place, self.skipped_lines, records_max - count, each);
                if block.lines() > self.position.lines {
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
            Message::Block(block) => self.block = Some(OpenBlock::new(block)),
            Message::End(outcome) => {
                self.reading = None;
                match outcome {
                    Ok(()) => (self.position.is_whole, self.is_moved) = (true, true),
                    Err(error) => {
                        tracing::warn!(file = %path.display(), %error, "tried again when it changes");
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
        std::mem::take(&mut self.is_moved).then_some(self.position)
    }
}
