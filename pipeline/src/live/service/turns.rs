//! Whether a stage turns: its source is wrapped, and each poll says so.
//!
//! Owns the part and the heartbeat of a stage that reads. Must never change what is read.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::log::{
    FeedRecord, FeedSource, KeyedSource, LinkEvent, LinkSource, LogError, LogRecord, LostRecords,
};

use super::HEARTBEAT_LIMIT;
use crate::http::{Health, Heartbeat, Part};

/// The turns of a stage: it is ready once it has polled, and for as long as it goes on.
#[derive(Clone)]
pub(super) struct Turns {
    heartbeat: Arc<Heartbeat>,
    part: Arc<Part>,
}

impl Turns {
    pub(super) fn new(health: &Health, name: String) -> Turns {
        let heartbeat = Arc::new(health.register(name.as_str(), HEARTBEAT_LIMIT));
        Turns { heartbeat, part: Arc::new(health.part(name)) }
    }

    /// Its client is being made; it is not ready again when what is given here goes.
    pub(super) fn begin(&self) -> Running<'_> {
        self.part.set_waiting("its client is being made");
        Running(&self.part)
    }

    fn polled<T>(&self, polled: Result<T, LogError>) -> Result<T, LogError> {
        self.heartbeat.tick();
        if polled.is_ok() {
            self.part.set_ready();
        }
        polled
    }
}

/// A stage at work. When it ends, with an error or by a panic, it is not ready until it was made again.
pub(super) struct Running<'a>(pub(super) &'a Part);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set_waiting("restarting");
    }
}

/// A source whose every poll says that its loop turns.
pub(super) struct Beating<S: ?Sized> {
    pub(super) turns: Turns,
    pub(super) inner: Box<S>,
}

impl FeedSource for Beating<dyn FeedSource> {
    fn poll(
        &mut self,
        wait: Duration,
        records_max: usize,
        each: &mut dyn FnMut(FeedRecord<'_>),
    ) -> Result<usize, LogError> {
        self.turns.heartbeat.tick();
        self.turns.polled(self.inner.poll(wait, records_max, each))
    }

    fn commit(&mut self) -> Result<(), LogError> {
        self.inner.commit()
    }

    fn lag(&mut self) -> Option<u64> {
        self.inner.lag()
    }

    fn lost(&mut self) -> Vec<LostRecords> {
        self.inner.lost()
    }

    fn is_over(&self) -> bool {
        self.inner.is_over()
    }
}

impl LinkSource for Beating<dyn LinkSource> {
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
        self.turns.heartbeat.tick();
        self.turns.polled(self.inner.poll(wait, records))
    }

    fn seek(&mut self, offset: u64) -> Result<(), LogError> {
        self.inner.seek(offset)
    }

    fn commit(&mut self, offset: u64) -> Result<(), LogError> {
        self.inner.commit(offset)
    }

    fn bounds(&mut self) -> Result<Range<u64>, LogError> {
        self.inner.bounds()
    }

    fn trim(&mut self, below: u64) -> Result<(), LogError> {
        self.inner.trim(below)
    }
}

impl KeyedSource for Beating<dyn KeyedSource> {
    fn place(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        self.inner.place(partition, offset)
    }

    fn leave(&mut self, partition: u32) {
        self.inner.leave(partition);
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        self.turns.heartbeat.tick();
        self.turns.polled(self.inner.poll(wait, records))
    }

    fn bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        self.inner.bounds(partition)
    }

    fn trim(&mut self, partition: u32, below: u64) -> Result<(), LogError> {
        self.inner.trim(partition, below)
    }
}
