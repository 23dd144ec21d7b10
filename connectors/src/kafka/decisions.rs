//! The log of decisions on Kafka.
//!
//! Owns a reader for as long as there is something to read, and a writer for as long as something is written: both are
//! seldom. Must never say that it read to the end before it has.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use super::append::KafkaAppender;
use super::client::{self, Common, Fetching, PlainConsumer, failed, raw};
use super::member::record_of;
use crate::log::{Appender, Decisions, LogError, LogRecord, Outgoing, Topic};

/// How long a read may go without a record before it is given up.
const PATIENCE: Duration = Duration::from_secs(15);
const PIECE: Duration = Duration::from_millis(100);

/// Reads and writes decisions.
pub(super) struct KafkaDecisions {
    common: Common,
    topic: String,
    next: u64,
}

impl KafkaDecisions {
    pub(super) fn new(common: Common) -> KafkaDecisions {
        let topic = common.settings.topic(Topic::Decisions);
        KafkaDecisions { common, topic, next: 0 }
    }

    fn reader(&self) -> Result<PlainConsumer, LogError> {
        let settings = &self.common.settings;
        let consumer = client::reader(settings, "decisions", Fetching::Quiet)?;
        let mut list = TopicPartitionList::with_capacity(1);
        let placed = list.add_partition_offset(&self.topic, 0, Offset::Offset(raw(self.next)));
        let assigned = placed.and_then(|()| consumer.assign(&list));
        assigned.map_err(|error| failed(settings, &self.topic, &error))?;
        Ok(consumer)
    }
}

impl Decisions for KafkaDecisions {
    fn append(&mut self, value: Bytes) -> Result<(), LogError> {
        let mut appender = KafkaAppender::new(Arc::clone(&self.common), "decisions")?;
        appender.append(Topic::Decisions, Outgoing { value, ..Outgoing::default() })?;
        appender.flush()
    }

    fn read(&mut self, each: &mut dyn FnMut(LogRecord)) -> Result<u64, LogError> {
        let bounds = self.common.bounds(&self.topic, 0)?;
        if bounds.start > 0 || bounds.end < self.next {
            let (topic, next) = (&self.topic, self.next);
            return Err(LogError::operator(format!(
                "kafka: {topic} holds offsets {} to {}, and records 0 to {next} are needed: records were deleted, or \
                 the topic was created again. Decisions are kept always: start a new installation with another prefix \
                 and group, and send the feeds again",
                bounds.start, bounds.end
            )));
        }
        if bounds.end == self.next {
            return Ok(self.next);
        }
        let reader = self.reader()?;
        let mut since = client::now();
        while self.next < bounds.end {
            match client::awaited(&reader, PIECE) {
                Some(Ok(message)) => {
                    let record = record_of(&message);
                    if record.offset > self.next {
                        let (topic, next, found) = (&self.topic, self.next, record.offset);
                        return Err(LogError::transient(format!(
                            "kafka: {topic} goes on at {found}, not at {next}: records were skipped"
                        )));
                    }
                    if record.offset == self.next {
                        self.next += 1;
                        since = client::now();
                        each(record);
                    }
                }
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(client::is_operators) => {
                    return Err(failed(&self.common.settings, &self.topic, &error));
                }
                Some(Err(_)) | None if since.elapsed() > PATIENCE => {
                    let (topic, next, end) = (&self.topic, self.next, bounds.end);
                    return Err(LogError::transient(format!("kafka: {topic}: nothing comes from {next} on ({end})")));
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(self.next)
    }
}
