//! Reading whole topics without a group: all partitions, from where the caller says, until they are read to the end.
//!
//! Owns one consumer and what is left of each partition. Commits nothing by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::client::{self, now};
use super::connection::{ANSWER_WAIT_MAX, Connection};
use crate::log::LogError;

/// The settings of a consumer that takes partitions by itself, sees the end of each, and only what is committed.
pub(super) fn reader(connection: &Connection, group: &str) -> ClientConfig {
    let mut config = connection.client();
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        // A commit reaches one partition after another: to be answered for each would cost the broker more.
        .set("fetch.min.bytes", "1000000")
        .set("fetch.wait.max.ms", "5");
    config
}

/// How long a topic is waited for: `fuma run --create-topics` may have been started a moment ago.
const TOPIC_WAIT_MAX: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The partitions of a topic, which may just be being made.
///
/// # Errors
/// When the cluster does not answer, or has no such topic.
pub(super) fn partitions<C: ClientContext>(
    connection: &Connection,
    client: &Client<C>,
    topic: &str,
) -> Result<Vec<i32>, LogError> {
    let deadline = now() + TOPIC_WAIT_MAX;
    loop {
        let metadata = client.fetch_metadata(Some(topic), ANSWER_WAIT_MAX);
        let metadata = metadata.map_err(|error| connection.failed(topic, &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        let partitions: Vec<i32> =
            found.map(|found| found.partitions().iter().map(|partition| partition.id()).collect()).unwrap_or_default();
        if !partitions.is_empty() {
            return Ok(partitions);
        }
        if now() >= deadline {
            return Err(LogError::operator(format!(
                "topic {topic} does not exist; create it with `fuma topics create`"
            )));
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

/// What a poll gave.
pub(super) enum Read<'a> {
    /// A record.
    Record(BorrowedMessage<'a>),
    /// A partition has been read to its end, as it was just now.
    End(i32),
    /// Nothing came in time.
    Nothing,
}

/// One step of reading; errors that pass by themselves are nothing.
///
/// # Errors
/// Those that stay.
pub(super) fn poll<'a>(
    connection: &Connection,
    consumer: &'a BaseConsumer,
    wait: Duration,
) -> Result<Read<'a>, LogError> {
    match client::awaited(consumer, wait) {
        None => Ok(Read::Nothing),
        Some(Ok(message)) => Ok(Read::Record(message)),
        Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Read::End(partition)),
        Some(Err(error)) => {
            let error = connection.failed("reading", &error);
            if error.severity() == crate::log::Severity::Transient { Ok(Read::Nothing) } else { Err(error) }
        }
    }
}

/// Takes partitions of a topic from the offsets given.
///
/// # Errors
/// When the client refuses.
pub(super) fn assign(
    connection: &Connection,
    consumer: &BaseConsumer,
    topic: &str,
    offsets: &BTreeMap<i32, Offset>,
) -> Result<(), LogError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    let added =
        offsets.iter().try_for_each(|(partition, offset)| list.add_partition_offset(topic, *partition, *offset));
    added.and_then(|()| consumer.assign(&list)).map_err(|error| connection.failed(topic, &error))
}
