//! A log in memory for the tests of the stages, with crashes at any step.
//!
//! Owns what was written and how far was read. A step is an append, a flush or a commit; the one that is wanted ends
//! the client that makes it, and what it had not flushed is lost or there, as wanted.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use fuma_connectors::log::{
    Answer, Appender, FeedRecord, FeedSource, LinkEvent, LinkSource, LogError, LogRecord, LostRecords, Outgoing, Topic,
};
use fuma_schemas::{Feed, Instant};

use super::stop::Stop;

/// When the log takes all records.
pub(super) const TAKEN: Instant = Instant(1_649_300_000_000);

/// A raw record.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) feed: Feed,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Raw {
    pub(super) fn new(feed: Feed, text: impl Into<String>) -> Raw {
        Raw { feed, key: None, value: Some(text.into().into_bytes()), headers: Vec::new() }
    }
}

/// A crash: after so many steps, and whether it takes with it what was not flushed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    pub(super) steps: u32,
    pub(super) is_lossy: bool,
}

#[derive(Default)]
struct Inner {
    feeds: Vec<Raw>,
    feeds_committed: usize,
    links_committed: Option<u64>,
    links_begin: u64,
    /// Offsets of the link log that hold no record for whoever reads.
    markers: HashSet<u64>,
    written: HashMap<(Topic, u32), Vec<Outgoing>>,
    crash: Option<Crash>,
    /// The longest record that a topic takes, where that is bounded.
    bytes_max: HashMap<Topic, usize>,
    /// Partitions that have no leader for now.
    leaderless: HashSet<(Topic, u32)>,
    lost: Vec<LostRecords>,
    /// How many records a poll gives, in turn.
    sizes: Vec<usize>,
    polls: usize,
}

impl Inner {
    fn step(&mut self) -> Result<(), LogError> {
        match &mut self.crash {
            Some(Crash { steps: 0, .. }) => Err(LogError::fatal("crash")),
            Some(crash) => {
                crash.steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn size(&mut self) -> usize {
        self.polls += 1;
        if self.sizes.is_empty() { 1000 } else { self.sizes[self.polls % self.sizes.len()] }
    }
}

/// The log; clones are the same.
#[derive(Clone, Default)]
pub(super) struct MemoryLog(Arc<Mutex<Inner>>);

impl MemoryLog {
    pub(super) fn new(feeds: Vec<Raw>, sizes: &[usize]) -> MemoryLog {
        let log = MemoryLog::default();
        log.0.lock().unwrap().feeds = feeds;
        log.set_sizes(sizes);
        log
    }

    pub(super) fn set_sizes(&self, sizes: &[usize]) {
        self.0.lock().unwrap().sizes = sizes.to_vec();
    }

    pub(super) fn crash_after(&self, crash: Option<Crash>) {
        self.0.lock().unwrap().crash = crash;
    }

    /// Drops what was noted and written of links, and lets the log begin later.
    pub(super) fn set_links_begin(&self, begin: u64) {
        self.0.lock().unwrap().links_begin = begin;
    }

    /// Appends the end of a transaction to the link log: an offset without a record.
    pub(super) fn mark_links(&self) {
        let mut inner = self.0.lock().unwrap();
        let links = inner.written.entry((Topic::Links, 0)).or_default();
        links.push(Outgoing::default());
        let offset = links.len() as u64 - 1;
        inner.markers.insert(offset);
    }

    /// Records come after all where there seemed to be none.
    pub(super) fn unmark_links(&self, records: &[(u64, Outgoing)]) {
        let mut inner = self.0.lock().unwrap();
        for (offset, record) in records {
            inner.markers.remove(offset);
            inner.written.get_mut(&(Topic::Links, 0)).unwrap()[*offset as usize] = record.clone();
        }
    }

    pub(super) fn append(&self, topic: Topic, record: Outgoing) {
        self.0.lock().unwrap().written.entry((topic, record.partition)).or_default().push(record);
    }

    pub(super) fn written(&self, topic: Topic, partition: u32) -> Vec<Outgoing> {
        self.0.lock().unwrap().written.get(&(topic, partition)).cloned().unwrap_or_default()
    }

    /// Has a topic refuse what is longer.
    pub(super) fn bound(&self, topic: Topic, bytes_max: usize) {
        self.0.lock().unwrap().bytes_max.insert(topic, bytes_max);
    }

    /// Takes a partition's leader away, or gives it one.
    pub(super) fn set_leader(&self, topic: Topic, partition: u32, is_there: bool) {
        let leaderless = &mut self.0.lock().unwrap().leaderless;
        if is_there {
            leaderless.remove(&(topic, partition))
        } else {
            leaderless.insert((topic, partition))
        };
    }

    /// Says that records were deleted before they were read.
    pub(super) fn lose(&self, lost: LostRecords) {
        self.0.lock().unwrap().lost.push(lost);
    }

    /// How far the feeds are noted to be read.
    pub(super) fn feeds_committed(&self) -> usize {
        self.0.lock().unwrap().feeds_committed
    }

    fn refusal(&self, topic: Topic, record: &Outgoing) -> Option<Answer> {
        let inner = self.0.lock().unwrap();
        if inner.leaderless.contains(&(topic, record.partition)) {
            return Some(Answer::NotYet("no leader".to_owned()));
        }
        let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let bytes = record.value.len() + record.key.as_ref().map_or(0, Bytes::len) + headers;
        inner.bytes_max.get(&topic).is_some_and(|most| bytes > *most).then_some(Answer::TooLarge)
    }

    /// Notes how far the links are judged.
    pub(super) fn note_links(&self, offset: u64) {
        self.0.lock().unwrap().links_committed = Some(offset);
    }

    pub(super) fn links_committed(&self) -> Option<u64> {
        self.0.lock().unwrap().links_committed
    }

    /// A reader of the feeds from where they were committed.
    pub(super) fn feeds(&self) -> Box<dyn FeedSource> {
        let next = self.0.lock().unwrap().feeds_committed;
        Box::new(Feeds { log: self.clone(), next })
    }

    pub(super) fn appender(&self) -> Box<dyn Appender> {
        Box::new(Writer { log: self.clone(), queue: Vec::new(), answers: Vec::new() })
    }

    /// A reader of links; asks to stop once it has given all.
    pub(super) fn links(&self, stop: &Stop) -> Box<dyn LinkSource> {
        Box::new(Links { log: self.clone(), next: None, stop: stop.clone() })
    }
}

struct Feeds {
    log: MemoryLog,
    next: usize,
}

impl FeedSource for Feeds {
    fn poll(
        &mut self,
        _: Duration,
        records_max: usize,
        each: &mut dyn FnMut(FeedRecord<'_>),
    ) -> Result<usize, LogError> {
        let mut inner = self.log.0.lock().unwrap();
        let count = inner.size().min(records_max).min(inner.feeds.len() - self.next);
        for offset in self.next..self.next + count {
            let raw = &inner.feeds[offset];
            let headers: Vec<_> = raw.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            each(FeedRecord {
                feed: raw.feed,
                partition: 3,
                offset: offset as u64,
                received: Some(TAKEN),
                key: raw.key.as_deref(),
                value: raw.value.as_deref(),
                headers: &headers,
            });
        }
        self.next += count;
        Ok(count)
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let mut inner = self.log.0.lock().unwrap();
        inner.step()?;
        inner.feeds_committed = self.next;
        Ok(())
    }

    fn lag(&mut self) -> Option<u64> {
        None
    }

    fn lost(&mut self) -> Vec<LostRecords> {
        std::mem::take(&mut self.log.0.lock().unwrap().lost)
    }

    fn is_over(&self) -> bool {
        self.next == self.log.0.lock().unwrap().feeds.len()
    }
}

struct Writer {
    log: MemoryLog,
    queue: Vec<(Topic, Outgoing)>,
    answers: Vec<(u64, Answer)>,
}

impl Writer {
    fn settle(&mut self) {
        self.queue.drain(..).for_each(|(topic, record)| self.log.append(topic, record));
    }

    fn step(&mut self) -> Result<(), LogError> {
        let (stepped, is_lossy) = {
            let mut inner = self.log.0.lock().unwrap();
            (inner.step(), inner.crash.is_some_and(|crash| crash.is_lossy))
        };
        if stepped.is_err() && !is_lossy {
            self.settle();
        }
        stepped
    }
}

impl Appender for Writer {
    fn append(&mut self, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        self.step()?;
        self.queue.push((topic, record));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.step()?;
        self.settle();
        Ok(())
    }

    fn begin(&mut self, ticket: u64, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        let refusal = self.log.refusal(topic, &record);
        if refusal.is_none() {
            self.append(topic, record)?;
        }
        self.answers.push((ticket, refusal.unwrap_or(Answer::Written)));
        Ok(())
    }

    fn answers(&mut self, _: Duration, each: &mut dyn FnMut(u64, Answer)) -> Result<(), LogError> {
        let answers = std::mem::take(&mut self.answers);
        if !answers.is_empty() {
            self.flush()?;
        }
        answers.into_iter().for_each(|(ticket, answer)| each(ticket, answer));
        Ok(())
    }
}

struct Links {
    log: MemoryLog,
    next: Option<u64>,
    stop: Stop,
}

impl LinkSource for Links {
    fn poll(&mut self, _: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
        let mut inner = self.log.0.lock().unwrap();
        let Some(next) = self.next else { return Ok(LinkEvent::Assigned(inner.links_committed)) };
        let size = inner.size();
        let links = inner.written.get(&(Topic::Links, 0)).map(Vec::as_slice).unwrap_or_default();
        let values = links.iter().enumerate().skip(next as usize).take(size);
        self.next = Some((next as usize + size).min(links.len()) as u64);
        let values = values.filter(|(offset, _)| !inner.markers.contains(&(*offset as u64)));
        records.extend(values.map(|(offset, record)| LogRecord {
            partition: 0,
            offset: offset as u64,
            timestamp: TAKEN,
            value: record.value.clone(),
        }));
        if self.next == Some(links.len() as u64) {
            self.stop.set();
        }
        Ok(LinkEvent::None)
    }

    fn seek(&mut self, offset: u64) -> Result<(), LogError> {
        self.next = Some(offset);
        Ok(())
    }

    fn commit(&mut self, offset: u64) -> Result<(), LogError> {
        let mut inner = self.log.0.lock().unwrap();
        inner.step()?;
        inner.links_committed = Some(offset);
        Ok(())
    }

    fn bounds(&mut self) -> Result<Range<u64>, LogError> {
        let inner = self.log.0.lock().unwrap();
        let end = inner.written.get(&(Topic::Links, 0)).map_or(0, Vec::len) as u64;
        Ok(inner.links_begin..end.max(inner.links_begin))
    }
}

/// The bytes of an ASCII text.
pub(super) fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
