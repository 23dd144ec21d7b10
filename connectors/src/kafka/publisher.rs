//! Raw records to the topics of feeds: idempotent, spread over the partitions.
//!
//! A record that its topic does not take is told by its number, and counts as answered: those behind it are none the
//! worse for it. A broker refuses a batch as a whole, so what it refuses is sent once more, alone.
//!
//! Owns the producer, and up to which record everything is answered. Must never look into a record, nor put one into an
//! error.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fuma_schemas::Feed;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};

use super::client::{self, now};
use super::connection::Connection;
use super::reading;
use crate::log::{LogError, Topic};

/// Delivery reports are served after this many records.
const SERVE_EVERY: u64 = 256;
/// How long to wait for room in the queue at a time.
const ROOM_WAIT: Duration = Duration::from_millis(5);
/// For how long a record is tried before it is given up; a broker that restarts is waited for.
const DELIVERY_WAIT_MAX: Duration = Duration::from_secs(120);

/// A record of a feed, as it is to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawRecord<'a> {
    /// The key, if any.
    pub key: Option<&'a [u8]>,
    /// The bytes; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Bytes of a record that the client takes: the topic says what it takes.
const RECORD_BYTES_MAX: &str = "4194304";

/// A record that no topic takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedRecord {
    /// How many were sent before it.
    pub number: u64,
    /// Why, with the topic.
    pub why: String,
}

/// Sends raw records.
pub struct Publisher {
    connection: Connection,
    producer: BaseProducer<Reports>,
    topics: Vec<String>,
    sent: u64,
}

impl Publisher {
    /// A client; it connects by itself.
    ///
    /// # Errors
    /// When the settings of the connection are none.
    pub fn new(connection: &Connection) -> Result<Publisher, LogError> {
        let mut config = connection.client();
        config
            .set("enable.idempotence", "true")
            // A broker takes anything from a producer that it does not know: see `begun`. The client chooses the
            // partitions here, so that it cannot be seen which record is a partition's first.
            .set("max.in.flight", "1")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            .set("message.max.bytes", RECORD_BYTES_MAX)
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "131072")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", DELIVERY_WAIT_MAX.as_millis().to_string());
        let producer = config.create_with_context(Reports::default());
        let producer = producer.map_err(|error| connection.failed("client settings", &error))?;
        let topics = Feed::ALL.into_iter().map(|feed| connection.topic(Topic::Feed(feed))).collect();
        Ok(Publisher { connection: connection.clone(), producer, topics, sent: 0 })
    }

    /// Whether the topic of a feed is there; a record for one that is not would only be refused after minutes.
    ///
    /// # Errors
    /// When it is missing, or the cluster does not answer.
    pub fn expect_topic(&self, feed: Feed) -> Result<(), LogError> {
        let topic = self.connection.topic(Topic::Feed(feed));
        reading::partitions(&self.connection, self.producer.client(), &topic).map(drop)
    }

    /// Queues a record, waiting for room where there is none. Its number is how many were sent before it.
    ///
    /// # Errors
    /// When the cluster refused a record for another reason than its length: nothing behind
    /// [`Publisher::acknowledged`] is safe.
    pub fn send(&mut self, feed: Feed, record: RawRecord<'_>) -> Result<(), LogError> {
        if self.sent.is_multiple_of(SERVE_EVERY) {
            self.serve(Duration::ZERO)?;
        }
        let topic = self.topics.get(feed as usize).map(String::as_str).unwrap_or_default();
        let number = usize::try_from(self.sent).unwrap_or(usize::MAX);
        loop {
            let mut queued: BaseRecord<'_, [u8], [u8], usize> = BaseRecord::with_opaque_to(topic, number);
            queued.key = record.key;
            queued.payload = record.value;
            queued.headers = headers(record.headers);
            match self.producer.send(queued) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => self.serve(ROOM_WAIT)?,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    let bytes = record.value.map_or(0, <[u8]>::len);
                    self.producer.context().progress().refuse(self.sent, topic, bytes);
                    break;
                }
                Err((error, _)) => return Err(self.connection.failed(&format!("sending to {topic}"), &error)),
            }
        }
        self.sent += 1;
        Ok(())
    }

    /// How many records were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The records that were refused for their length since the last call.
    pub fn refused(&mut self) -> Vec<RefusedRecord> {
        std::mem::take(&mut self.producer.context().progress().too_large)
    }

    /// How many records are answered with all before them: acknowledged, but those that were refused.
    pub fn acknowledged(&self) -> u64 {
        self.producer.context().progress().acknowledged
    }

    /// Waits, and meanwhile takes acknowledgements.
    ///
    /// # Errors
    /// When the cluster refused a record.
    pub fn serve(&self, wait: Duration) -> Result<(), LogError> {
        match wait.is_zero() {
            true => client::take_reports(&self.producer),
            false => client::rest(&self.producer, wait),
        }
        let again = std::mem::take(&mut self.producer.context().progress().again);
        again.into_iter().try_for_each(|record| self.send_alone(record))?;
        match &self.producer.context().progress().refused {
            Some((error, place)) => Err(self.connection.failed(&format!("sending to {place}"), error)),
            None => Ok(()),
        }
    }

    /// Sends a record when nothing else is under way, and waits for its answer.
    fn send_alone(&self, record: Again) -> Result<(), LogError> {
        self.settle()?;
        let mut sent: BaseRecord<'_, [u8], [u8], usize> = BaseRecord::with_opaque_to(&record.topic, record.number);
        sent.partition = Some(record.partition);
        (sent.key, sent.payload, sent.headers) = (record.key.as_deref(), record.value.as_deref(), record.headers);
        if let Err((error, _)) = self.producer.send(sent) {
            return Err(self.connection.failed(&format!("sending to {}", record.topic), &error));
        }
        self.settle()
    }

    fn settle(&self) -> Result<(), LogError> {
        let begun = now();
        while self.producer.in_flight_count() > 0 {
            client::rest(&self.producer, ROOM_WAIT);
            if begun.elapsed() > DELIVERY_WAIT_MAX + Duration::from_secs(10) {
                return Err(LogError::transient("the last records are not acknowledged: send them again"));
            }
        }
        Ok(())
    }

    /// Waits until every record is acknowledged.
    ///
    /// # Errors
    /// When the cluster refused one, or does not answer in time.
    pub fn flush(&self) -> Result<(), LogError> {
        let begun = now();
        while self.acknowledged() < self.sent {
            self.serve(ROOM_WAIT)?;
            if begun.elapsed() > DELIVERY_WAIT_MAX + Duration::from_secs(10) {
                return Err(LogError::transient("the last records are not acknowledged: send them again"));
            }
        }
        Ok(())
    }
}

fn headers(headers: &[(&str, Option<&[u8]>)]) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let owned = OwnedHeaders::new_with_capacity(headers.len());
    Some(headers.iter().fold(owned, |owned, (key, value)| owned.insert(Header { key, value: *value })))
}

/// Takes the delivery reports.
#[derive(Default)]
struct Reports(Mutex<Delivered>);

impl Reports {
    fn progress(&self) -> MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let mut progress = self.progress();
        match result {
            Ok(_) => progress.acknowledge(number as u64),
            Err((error, message)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                match progress.tried_alone.insert(number as u64) {
                    true => progress.again.push(Again::of(message, number)),
                    false => progress.refuse(number as u64, message.topic(), message.payload().map_or(0, <[u8]>::len)),
                }
            }
            Err((error, message)) => drop(progress.refused.get_or_insert_with(|| {
                (error.clone(), format!("{} partition {}", message.topic(), message.partition()))
            })),
        }
    }
}

/// Which records are acknowledged: partitions answer in an order of their own.
#[derive(Default)]
struct Delivered {
    /// All records before this one are.
    acknowledged: u64,
    /// Whether the records from there on are.
    behind: VecDeque<bool>,
    /// Why and where the cluster refused one for another reason than its length.
    refused: Option<(KafkaError, String)>,
    /// Refused in a batch: to be sent alone.
    again: Vec<Again>,
    tried_alone: BTreeSet<u64>,
    too_large: Vec<RefusedRecord>,
}

/// A record that is to be sent once more.
struct Again {
    number: usize,
    topic: String,
    partition: i32,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Option<OwnedHeaders>,
}

impl Again {
    fn of(message: &BorrowedMessage<'_>, number: usize) -> Again {
        Again {
            number,
            topic: message.topic().to_owned(),
            partition: message.partition(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map(|headers| headers.detach()),
        }
    }
}

impl Delivered {
    /// A record that its topic does not take counts as answered.
    fn refuse(&mut self, number: u64, topic: &str, bytes: usize) {
        self.tried_alone.remove(&number);
        let why = format!("the record has {bytes} bytes, and {topic} takes no record of that length");
        self.too_large.push(RefusedRecord { number, why });
        self.acknowledge(number);
    }

    fn acknowledge(&mut self, number: u64) {
        let Some(at) = number.checked_sub(self.acknowledged).and_then(|at| usize::try_from(at).ok()) else { return };
        if self.behind.len() <= at {
            self.behind.resize(at + 1, false);
        }
        if let Some(slot) = self.behind.get_mut(at) {
            *slot = true;
        }
        while self.behind.front() == Some(&true) {
            self.behind.pop_front();
            self.acknowledged += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_once_all_before_it_are_there() {
        let mut delivered = Delivered::default();
        let mut seen = Vec::new();
        for number in [1, 3, 0, 2, 5, 4] {
            delivered.acknowledge(number);
            seen.push(delivered.acknowledged);
        }
        assert_eq!(seen, [0, 0, 2, 4, 4, 6]);
        assert!(delivered.behind.is_empty());
    }

    #[test]
    fn a_record_that_no_topic_takes_holds_up_nobody() {
        let mut delivered = Delivered::default();
        delivered.acknowledge(0);
        delivered.refuse(1, "fuma.tests.v1", 5);
        delivered.acknowledge(2);
        assert_eq!(delivered.acknowledged, 3);
        let [refused] = &delivered.too_large[..] else { panic!("one") };
        assert!(refused.number == 1 && refused.why.contains("fuma.tests.v1"), "{refused:?}");
    }
}
