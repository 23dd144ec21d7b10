//! A batch: raw records become rows by partition, and messages when it is finished.
//!
//! Owns which rows go where. Must never hold what a record holds beyond its rows, but in dead letters.

use std::sync::Arc;

use fuma_connectors::files::{Oversize, RECORD_BYTES_MAX};
use fuma_connectors::folder::{BAD_ROW_HEADER, TOO_LARGE_HEADER};
use fuma_connectors::log::{FeedRecord, Outgoing, Topic};
use fuma_schemas::{Feed, Instant, Kind, RejectCode};
use metrics::{Counter, counter};

use super::Options;
use super::causes::RowCauses;
use super::dead_letter::dead_letter;
use super::messages::Messages;
use crate::intake::{Accepted, Arrival, Decoder, EvidenceBuilders, Reject, Settings};
use crate::live::metric;
use crate::live::outbox::Outbox;
use crate::live::record::RecordError;

const FEEDS: usize = Feed::ALL.len();

/// The records read since the last batch was finished.
pub(super) struct Batch {
    decoder: Decoder,
    /// By partition; what has no person is in the first.
    evidence: Vec<EvidenceBuilders>,
    evidence_causes: Vec<RowCauses>,
    /// Of records of phones, which are in the same builders.
    phone_causes: Vec<RowCauses>,
    /// Cases and contacts of everybody, in the order of arrival.
    links: [EvidenceBuilders; 1],
    links_causes: RowCauses,
    messages: Messages,
    dead_letters: Vec<(Feed, Outgoing)>,
    topic_prefix: String,
    now: Instant,
    records: usize,
    bytes: usize,
    counts: Counts,
}

impl Batch {
    pub(super) fn new(settings: Arc<Settings>, partitions: u32, options: &Options) -> Batch {
        let partitions = partitions.max(1) as usize;
        Batch {
            decoder: Decoder::new(settings),
            evidence: (0..partitions).map(|_| EvidenceBuilders::new()).collect(),
            evidence_causes: (0..partitions).map(|_| RowCauses::default()).collect(),
            phone_causes: (0..partitions).map(|_| RowCauses::default()).collect(),
            links: [EvidenceBuilders::new()],
            links_causes: RowCauses::default(),
            messages: Messages::new(options.message_bytes_max, options.origin),
            dead_letters: Vec::new(),
            topic_prefix: options.topic_prefix.clone(),
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
    pub(super) fn take(&mut self, record: &FeedRecord<'_>) {
        let raw = record.value.unwrap_or_default();
        self.records += 1;
        self.bytes += raw.len();
        self.counts.records[record.feed as usize] += 1;
        // A file's reader has cut what is too long; of a message all is here.
        let oversize = Oversize::of(raw);
        let decoded = match (refused(record), &oversize) {
            (Some(reject), _) => Err(reject),
            (None, Some(oversize)) => Err(Reject { code: RejectCode::TooLarge, message: oversize.message() }),
            (None, None) => self.decode(record, raw),
        };
        if let Err(reject) = decoded {
            self.counts.reject(record.feed, reject.code);
            self.dead_letters.push((record.feed, dead_letter(record, &reject, &self.topic_prefix, oversize.as_ref())));
        }
    }

    fn decode(&mut self, record: &FeedRecord<'_>, raw: &[u8]) -> Result<(), Reject> {
        let feed = record.feed;
        let arrival = record.received.map_or(Arrival::Intake(self.now), Arrival::Broker);
        if feed != Feed::Contacts {
            let Accepted { kind, partition, phone, .. } =
                self.decoder.decode(feed, raw, arrival, &mut self.evidence)?;
            let of = if phone.is_some() { &mut self.phone_causes } else { &mut self.evidence_causes };
            if let Some(causes) = of.get_mut(partition) {
                causes.push(kind, record);
            }
        }
        if matches!(feed, Feed::Cases | Feed::Contacts) {
            // Cases are few: to read one twice costs less than to take its row out of another's builders.
            let Accepted { kind, .. } = self.decoder.decode(feed, raw, arrival, &mut self.links)?;
            self.links_causes.push(kind, record);
        }
        Ok(())
    }

    /// Puts all that follows from the batch into the outbox; the batch is empty afterwards.
    pub(super) fn finish(&mut self, outbox: &mut Outbox) -> Result<(), RecordError> {
        for (partition, (builders, causes)) in self.evidence.iter_mut().zip(&mut self.evidence_causes).enumerate() {
            if builders.rows() == 0 {
                continue;
            }
            let of_phones = builders.finish_phones();
            if let Some(causes) = self.phone_causes.get_mut(partition).filter(|_| !of_phones.is_empty()) {
                for (kind, batch) in of_phones {
                    let live = causes.add_to_phones(kind, &batch)?;
                    counter!(metric::PHONE_RECORDS, "kind" => kind.name()).increment(batch.num_rows() as u64);
                    self.messages.add(kind, &live, Topic::Phones, partition as u32, outbox)?;
                }
                self.messages.end(Topic::Phones, partition as u32, outbox);
            }
            let mut topic = Topic::Evidence;
            for (kind, batch) in builders.finish() {
                let live = causes.add_to(kind, &batch)?;
                // Regions have no person: they are in the first builders, behind all other kinds.
                if kind == Kind::Regions {
                    self.messages.end(topic, partition as u32, outbox);
                    topic = Topic::Regions;
                }
                self.messages.add(kind, &live, topic, partition as u32, outbox)?;
            }
            self.messages.end(topic, partition as u32, outbox);
        }
        if self.links[0].rows() > 0 {
            for (kind, batch) in self.links[0].finish() {
                let live = self.links_causes.add_to(kind, &batch)?;
                self.messages.add(kind, &live, Topic::Links, 0, outbox)?;
            }
            self.messages.end(Topic::Links, 0, outbox);
        }
        for (feed, letter) in self.dead_letters.drain(..) {
            outbox.push(Topic::DeadLetters(feed), letter);
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
