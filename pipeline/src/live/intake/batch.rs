//! A batch: raw records become rows by partition or dead letters, and messages when it is finished.
//!
//! A record that is large travels in messages of its own, beside the dead letter that takes their place where a topic
//! does not take their length: so one record never stands in another's way.
//!
//! Owns what becomes of a record. Must never hold what a record holds beyond its rows, but in dead letters.

use std::sync::Arc;

use fuma_connectors::files::{Oversize, RECORD_BYTES_MAX};
use fuma_connectors::folder::{BAD_ROW_HEADER, TOO_LARGE_HEADER};
use fuma_connectors::log::{FeedRecord, Outgoing, Topic};
use fuma_schemas::{Feed, Instant, RejectCode};
use metrics::{Counter, counter};

use super::Options;
use super::dead_letter::{cut_letter_of, dead_letter};
use super::rows::Rows;
use crate::intake::{Reject, Settings};
use crate::live::metric;
use crate::live::outbox::{Instead, Outbox, Shorter};
use crate::live::record::RecordError;

const FEEDS: usize = Feed::ALL.len();
/// A record above this many bytes travels alone. Whatever its text becomes (NFKC makes at most eleven bytes of one),
/// the row of a shorter one fits into any topic that takes a message as intake makes them.
const LARGE_BYTES: usize = 64 << 10;

const _: () = assert!(LARGE_BYTES * 11 < super::MESSAGE_BYTES_MAX && LARGE_BYTES < RECORD_BYTES_MAX);

/// The records read since the last batch was finished.
pub(super) struct Batch {
    rows: Rows,
    /// For one record at a time; made when the first large one comes.
    alone: Option<Rows>,
    made: Box<dyn Fn() -> Rows + Send>,
    /// Messages of large records.
    large: Vec<(Topic, Outgoing, Shorter)>,
    dead_letters: Vec<(Feed, Outgoing)>,
    topic_prefix: String,
    now: Instant,
    records: usize,
    bytes: usize,
    counts: Counts,
}

impl Batch {
    pub(super) fn new(settings: Arc<Settings>, partitions: u32, options: &Options) -> Batch {
        let topic_prefix = options.topic_prefix.clone();
        let options = options.clone();
        let made = Box::new(move || Rows::new(Arc::clone(&settings), partitions, &options));
        Batch {
            rows: made(),
            alone: None,
            made,
            large: Vec::new(),
            dead_letters: Vec::new(),
            topic_prefix,
            now: Instant::default(),
            records: 0,
            bytes: 0,
            counts: Counts::new(),
        }
    }

    /// Sets the clock by which records are measured that no broker stamped.
    pub(super) fn set_clock(&mut self, now: Instant) {
        self.now = now;
    }

    /// How many records there are.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// How many bytes they had.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a record in: its row, or its dead letter. A record without a value is no JSON object (`bad-json`).
    ///
    /// # Errors
    /// When rows cannot be written: a bug, not the record's.
    pub(super) fn take(&mut self, record: &FeedRecord<'_>) -> Result<(), RecordError> {
        let raw = record.value.unwrap_or_default();
        self.records += 1;
        self.bytes += raw.len();
        self.counts.records[record.feed as usize] += 1;
        // A file's reader has cut what is too long; of a message all is here.
        let oversize = Oversize::of(raw);
        let taken = match (refused(record), &oversize) {
            (Some(reject), _) => Err(reject),
            (None, Some(oversize)) => Err(Reject { code: RejectCode::TooLarge, message: oversize.message() }),
            (None, None) if raw.len() > LARGE_BYTES => self.take_large(record, raw)?,
            (None, None) => self.rows.add(record, raw, self.now),
        };
        if let Err(reject) = taken {
            self.counts.reject(record.feed, reject.code);
            self.dead_letters.push((record.feed, dead_letter(record, &reject, &self.topic_prefix, oversize.as_ref())));
        }
        Ok(())
    }

    fn take_large(&mut self, record: &FeedRecord<'_>, raw: &[u8]) -> Result<Result<(), Reject>, RecordError> {
        let alone = self.alone.get_or_insert_with(&self.made);
        if let Err(reject) = alone.add(record, raw, self.now) {
            // Of a case the evidence may be there, and the link not: neither is written.
            alone.finish()?;
            return Ok(Err(reject));
        }
        let reject = Reject {
            code: RejectCode::TooLarge,
            message: format!("the record has {} bytes, and what it becomes is longer than a topic takes", raw.len()),
        };
        let instead = Instead {
            topic: Topic::DeadLetters(record.feed),
            letter: cut_letter_of(record, &reject, &self.topic_prefix),
            feed: record.feed,
            partition: record.partition,
            offset: record.offset,
        };
        let messages = alone.finish()?.into_iter();
        self.large
            .extend(messages.map(|(topic, message)| (topic, message, Shorter::Reject(Box::new(instead.clone())))));
        Ok(Ok(()))
    }

    /// Puts all that follows from the batch into the outbox; the batch is empty afterwards.
    pub(super) fn finish(&mut self, outbox: &mut Outbox) -> Result<(), RecordError> {
        for (topic, message) in self.rows.finish()? {
            outbox.push(topic, message, Shorter::Rows);
        }
        for (topic, message, shorter) in self.large.drain(..) {
            outbox.push(topic, message, shorter);
        }
        for (feed, letter) in self.dead_letters.drain(..) {
            outbox.push(Topic::DeadLetters(feed), letter, Shorter::Letter);
        }
        (self.records, self.bytes) = (0, 0);
        self.counts.publish();
        Ok(())
    }
}
/// What a file's reader has refused; headers of a Kafka record say nothing of the kind.
fn refused(record: &FeedRecord<'_>) -> Option<Reject> {
    if record.received.is_some() {
        return None;
    }
    let value = |value: &Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    record.headers.iter().find_map(|(name, said)| match *name {
        BAD_ROW_HEADER => Some(Reject { code: RejectCode::BadRow, message: value(said) }),
        TOO_LARGE_HEADER => {
            let length = value(said).split(' ').next().unwrap_or_default().to_owned();
            let message = format!("the record has {length} bytes; at most {RECORD_BYTES_MAX} are allowed");
            Some(Reject { code: RejectCode::TooLarge, message })
        }
        _ => None,
    })
}

/// What is counted, told to the metrics once a batch.
struct Counts {
    records: [u64; FEEDS],
    records_in: [Counter; FEEDS],
    rejects: Vec<(Feed, RejectCode, u64)>,
}

impl Counts {
    fn new() -> Counts {
        Counts {
            records: [0; FEEDS],
            records_in: Feed::ALL.map(|feed| counter!(metric::RECORDS_IN, "feed" => feed.name())),
            rejects: Vec::new(),
        }
    }

    fn reject(&mut self, feed: Feed, code: RejectCode) {
        match self.rejects.iter_mut().find(|(of, with, _)| (*of, *with) == (feed, code)) {
            Some((_, _, count)) => *count += 1,
            None => self.rejects.push((feed, code, 1)),
        }
    }

    fn publish(&mut self) {
        for (count, counter) in self.records.iter_mut().zip(&self.records_in).filter(|(count, _)| **count > 0) {
            counter.increment(std::mem::take(count));
        }
        for (feed, code, count) in self.rejects.drain(..) {
            counter!(metric::RECORDS_REJECTED, "feed" => feed.name(), "code" => code.name()).increment(count);
        }
    }
}
