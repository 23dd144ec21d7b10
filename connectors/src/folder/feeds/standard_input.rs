//! Standard input: the records of one feed, one a line.
//!
//! It cannot be read twice: what was taken and not yet safe when the process is killed is the sender's to send again.
//! Owns the thread that reads it.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use fuma_schemas::Feed;

use super::block::OpenBlock;
use super::{Each, LogError};
use crate::files::{self, Block};

const BLOCKS_AHEAD: usize = 4;

/// Standard input, while it lasts.
pub(super) struct StandardInput {
    feed: Feed,
    number: u32,
    blocks: Option<Receiver<Block>>,
    block: Option<OpenBlock>,
}

impl StandardInput {
    pub(super) fn begin(feed: Feed, number: u32) -> Result<StandardInput, LogError> {
        let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
        let thread = std::thread::Builder::new().name("standard input".to_owned()).spawn(move || read(&sender));
        thread.map_err(|error| LogError::fatal(format!("standard input: no thread to read it: {error}")))?;
        Ok(StandardInput { feed, number, blocks: Some(receiver), block: None })
    }

    pub(super) fn is_over(&self) -> bool {
        self.blocks.is_none() && self.block.is_none()
    }

    /// Hands out what was read; says how many records that were.
    pub(super) fn hand_out(&mut self, records_max: usize, each: Each<'_>) -> usize {
        let mut count = 0;
        loop {
            if let Some(block) = &mut self.block {
                count += block.hand_out((self.feed, self.number), 0, records_max - count, each);
                if !block.is_empty() {
                    return count;
                }
                self.block = None;
            }
            match self.blocks.as_ref().map(Receiver::try_recv) {
                Some(Ok(block)) => self.block = Some(OpenBlock::new(block)),
                Some(Err(TryRecvError::Disconnected)) => self.blocks = None,
                Some(Err(TryRecvError::Empty)) | None => return count,
            }
        }
    }

    /// Waits for the next lines.
    pub(super) fn wait(&mut self, at_most: Duration) {
        match self.blocks.as_ref().map(|blocks| blocks.recv_timeout(at_most)) {
            Some(Ok(block)) => self.block = Some(OpenBlock::new(block)),
            Some(Err(RecvTimeoutError::Disconnected)) => self.blocks = None,
            Some(Err(RecvTimeoutError::Timeout)) | None => {}
        }
    }
}

/// Whole lines as soon as they are there; the last one need not have an end.
fn read(sender: &SyncSender<Block>) {
    let read = files::read_lines(io::stdin().lock(), &mut |block| sender.send(block).is_ok());
    if let Err(error) = read {
        tracing::warn!(%error, "standard input cannot be read any more; its last line is not taken");
    }
}
