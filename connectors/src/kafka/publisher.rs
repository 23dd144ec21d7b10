//! Raw records to the topics of feeds: idempotent, spread over the partitions.
//!
//! Owns the producer, and up to which record everything is acknowledged. Must never look into a record, nor put one
//! into an error.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fuma_schemas::Feed;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};

use super::client::now;
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
    /// When the cluster refused this record or one before it: nothing behind [`Publisher::acknowledged`] is safe.
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

    /// How many records are acknowledged with all before them.
    pub fn acknowledged(&self) -> u64 {
        self.producer.context().progress().acknowledged
    }

    /// Waits, and meanwhile takes acknowledgements.
    ///
    /// # Errors
    /// When the cluster refused a record.
    pub fn serve(&self, wait: Duration) -> Result<(), LogError> {
        self.producer.poll(wait);
        match &self.producer.context().progress().refused {
            Some(error) => Err(self.connection.failed("sending", error)),
            None => Ok(()),
        }
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
            Err((error, _)) => drop(progress.refused.get_or_insert_with(|| error.clone())),
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
    refused: Option<KafkaError>,
}

impl Delivered {
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
}
