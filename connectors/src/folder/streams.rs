//! The simple ports: the appender, the link log, the reference topics.
//!
//! Owns the positions of their readers, and `links.json`.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fuma_schemas::Instant;
use serde::{Deserialize, Serialize};

use super::failed;
use super::rejects::Rejects;
use super::segments::{Cursor, Segments, replace};
use super::store::{Store, now, passed};
use super::watching::write_status;
use crate::log::{
    AUDIT_KEPT_MS, Answer, Appender, KEPT_MS, LinkEvent, LinkSource, LogError, LogRecord, Outgoing, Reference, Topic,
};

/// What one poll gives.
const POLL_BYTES_MAX: usize = 4 << 20;

/// Queues in memory; a flush writes and syncs.
pub(super) struct FolderAppender {
    store: Arc<Store>,
    queued: Vec<(Topic, Outgoing)>,
    /// Of what was begun and is not answered.
    tickets: Vec<u64>,
    rejects: Rejects,
}

impl FolderAppender {
    pub(super) fn new(store: &Arc<Store>) -> FolderAppender {
        let rejects = Rejects::new(store.dir.join("rejects"));
        FolderAppender { store: Arc::clone(store), queued: Vec::new(), tickets: Vec::new(), rejects }
    }
}

impl Appender for FolderAppender {
    fn append(&mut self, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        if !matches!(topic, Topic::DeadLetters(_) | Topic::Status) {
            self.store.log(topic, record.partition)?;
        }
        self.queued.push((topic, record));
        Ok(())
    }

    /// One write and one sync for each partition that has anything.
    fn flush(&mut self) -> Result<(), LogError> {
        let mut queued = std::mem::take(&mut self.queued);
        if queued.is_empty() {
            return Ok(());
        }
        // Stable: what went to one partition keeps its order.
        queued.sort_by_key(|(topic, record)| (topic.name(""), record.partition));
        let at = now();
        let mut touched: Vec<&Segments> = Vec::new();
        for part in queued.chunk_by(|(a, left), (b, right)| a == b && left.partition == right.partition) {
            match part {
                [(Topic::DeadLetters(feed), _), ..] => {
                    self.rejects.write(*feed, part.iter().map(|(_, record)| record), &self.store.file_names)?;
                }
                [(Topic::Status, _), ..] => {
                    part.iter().try_for_each(|(_, record)| write_status(&self.store.dir, record))?;
                }
                [(topic, first), ..] => {
                    let log = self.store.log(*topic, first.partition)?;
                    log.write(at, part.iter().map(|(_, record)| record.value.as_ref()))?;
                    touched.push(log);
                    let kept_ms = match topic {
                        Topic::Phones | Topic::Rides => Some(KEPT_MS),
                        Topic::Audit => Some(AUDIT_KEPT_MS),
                        _ => None,
                    };
                    if let Some(kept_ms) = kept_ms {
                        log.trim_before(Instant(at.0.saturating_sub(kept_ms)))?;
                    }
                }
                [] => {}
            }
        }
        self.rejects.sync()?;
        sync_all(&touched)?;
        self.store.signal.raise();
        Ok(())
    }

    fn begin(&mut self, ticket: u64, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        self.append(topic, record)?;
        self.tickets.push(ticket);
        Ok(())
    }

    /// All partitions lie on one disk: they are written together.
    fn answers(&mut self, _: Duration, each: &mut dyn FnMut(u64, Answer)) -> Result<(), LogError> {
        let tickets = std::mem::take(&mut self.tickets);
        self.flush()?;
        tickets.into_iter().for_each(|ticket| each(ticket, Answer::Written));
        Ok(())
    }
}

/// Syncs of several files wait for the same disk: side by side they take hardly longer than one.
fn sync_all(logs: &[&Segments]) -> Result<(), LogError> {
    let Some((last, others)) = logs.split_last() else { return Ok(()) };
    std::thread::scope(|scope| {
        let syncs: Vec<_> = others.iter().map(|log| scope.spawn(|| log.sync())).collect();
        let mut outcome = last.sync();
        for sync in syncs {
            let synced = sync.join().unwrap_or_else(|_| Err(LogError::fatal("a sync panicked")));
            outcome = outcome.and(synced);
        }
        outcome
    })
}

#[derive(Deserialize, Serialize)]
struct Judged {
    offset: u64,
}

/// The link log; one reader at a time.
pub(super) struct FolderLinks {
    store: Arc<Store>,
    has_it: bool,
    cursor: Option<Cursor>,
    committed: Option<u64>,
}

impl FolderLinks {
    pub(super) fn new(store: &Arc<Store>) -> FolderLinks {
        FolderLinks { store: Arc::clone(store), has_it: false, cursor: None, committed: None }
    }

    fn path(&self) -> PathBuf {
        self.store.dir.join("log/links.json")
    }

    fn read_committed(&self) -> Result<Option<u64>, LogError> {
        let path = self.path();
        match fs::read(&path) {
            Ok(text) => match serde_json::from_slice::<Judged>(&text) {
                Ok(judged) => Ok(Some(judged.offset)),
                Err(_) => {
                    tracing::warn!(file = %path.display(), "is damaged: links are judged from the beginning");
                    Ok(None)
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path, &error)),
        }
    }
}

impl LinkSource for FolderLinks {
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
        if !self.has_it && !self.store.links_taken.swap(true, Ordering::AcqRel) {
            self.has_it = true;
            self.committed = self.read_committed()?;
            return Ok(LinkEvent::Assigned(self.committed));
        }
        let (held, began) = (records.len(), passed());
        loop {
            let seen = self.store.signal.count();
            if let Some(cursor) = &mut self.cursor {
                self.store.links.read(cursor, u64::MAX, POLL_BYTES_MAX, &mut |record| {
                    records.push(record);
                    true
                })?;
            }
            let left = wait.saturating_sub(passed().saturating_sub(began));
            if records.len() > held || left.is_zero() || !self.store.signal.wait(seen, left) {
                return Ok(LinkEvent::None);
            }
        }
    }

    fn seek(&mut self, offset: u64) -> Result<(), LogError> {
        let Range { start, end } = self.store.links.bounds();
        if offset < start || offset > end {
            return Err(LogError::operator(format!("the link log holds {start} to {end}, and {offset} is wanted")));
        }
        self.cursor = Some(Cursor::new(offset));
        Ok(())
    }

    fn commit(&mut self, offset: u64) -> Result<(), LogError> {
        if self.committed == Some(offset) {
            return Ok(());
        }
        let path = self.path();
        let text = serde_json::to_vec(&Judged { offset }).unwrap_or_default();
        replace(&path, &text).map_err(|error| LogError::transient(failed("write", &path, &error).to_string()))?;
        self.committed = Some(offset);
        Ok(())
    }

    fn trim(&mut self, below: u64) -> Result<(), LogError> {
        self.store.links.trim(below).map(|_| ())
    }

    fn bounds(&mut self) -> Result<Range<u64>, LogError> {
        Ok(self.store.links.bounds())
    }
}

impl Drop for FolderLinks {
    fn drop(&mut self) {
        if self.has_it {
            self.store.links_taken.store(false, Ordering::Release);
        }
    }
}

/// The reference topics, from their beginning.
pub(super) struct FolderReference {
    store: Arc<Store>,
    regions: Cursor,
    policies: Cursor,
}

impl FolderReference {
    pub(super) fn new(store: &Arc<Store>) -> FolderReference {
        FolderReference { store: Arc::clone(store), regions: Cursor::new(0), policies: Cursor::new(0) }
    }
}

impl Reference for FolderReference {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError> {
        let began = passed();
        loop {
            let seen = self.store.signal.count();
            let mut count = 0;
            let store = &self.store;
            let mut read = |topic, log: &Segments, cursor: &mut Cursor| {
                log.read(cursor, u64::MAX, POLL_BYTES_MAX, &mut |record| {
                    count += 1;
                    each(topic, record);
                    true
                })
            };
            read(Topic::Regions, &store.regions, &mut self.regions)?;
            read(Topic::Policies, &store.policies, &mut self.policies)?;
            let left = wait.saturating_sub(passed().saturating_sub(began));
            if count > 0 || left.is_zero() || !store.signal.wait(seen, left) {
                return Ok(count);
            }
        }
    }

    fn next(&self, topic: Topic) -> u64 {
        match topic {
            Topic::Policies => self.policies.next(),
            _ => self.regions.next(),
        }
    }

    fn end(&mut self, topic: Topic) -> Result<u64, LogError> {
        Ok(self.store.log(topic, 0)?.bounds().end)
    }
}
