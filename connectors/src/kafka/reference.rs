//! The reference topics, read whole by everybody.
//!
//! Owns a client that belongs to no group. Must never commit.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::{self, Common, Plain, PlainConsumer, failed};
use super::member::record_of;
use crate::log::{LogError, LogRecord, Reference, Topic};

/// At most so many records a poll.
const RECORDS_MAX: usize = 4_096;

/// Reads regions and policies.
pub(super) struct KafkaReference {
    common: Common,
    consumer: PlainConsumer,
    /// Topic, name, next offset.
    topics: [(Topic, String, u64); 2],
}

impl KafkaReference {
    pub(super) fn new(common: Common) -> Result<KafkaReference, LogError> {
        let settings = &common.settings;
        let mut config = client::consumer(settings, "reference", &format!("{}.reference", settings.group));
        config.set("auto.offset.reset", "earliest").set("queued.max.messages.kbytes", "4096");
        let made = config.create_with_context(Plain);
        let consumer: PlainConsumer = made.map_err(|error| failed(settings, "reference", &error))?;
        let topics = [Topic::Regions, Topic::Policies].map(|topic| (topic, settings.topic(topic), 0));
        let mut list = TopicPartitionList::with_capacity(topics.len());
        let placed = topics.iter().try_for_each(|(_, name, _)| list.add_partition_offset(name, 0, Offset::Beginning));
        let assigned = placed.and_then(|()| consumer.assign(&list));
        assigned.map_err(|error| failed(settings, "reference", &error))?;
        Ok(KafkaReference { common, consumer, topics })
    }
}

impl Reference for KafkaReference {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError> {
        let (mut wait, mut count) = (wait, 0);
        while count < RECORDS_MAX {
            let Some(polled) = self.consumer.poll(wait) else { break };
            wait = Duration::ZERO;
            match polled {
                Ok(message) => {
                    let known = self.topics.iter_mut().find(|(_, name, _)| name == message.topic());
                    let Some((topic, _, next)) = known else { continue };
                    let record = record_of(&message);
                    if record.offset >= *next {
                        *next = record.offset + 1;
                        count += 1;
                        each(*topic, record);
                    }
                }
                Err(error) if error.rdkafka_error_code().is_some_and(client::is_operators) => {
                    return Err(failed(&self.common.settings, "reference", &error));
                }
                Err(error) => tracing::debug!(target: "kafka", code = %client::code_of(&error), "reference"),
            }
        }
        Ok(count)
    }

    fn end(&mut self, topic: Topic) -> Result<u64, LogError> {
        Ok(self.common.bounds(&self.common.settings.topic(topic), 0)?.end)
    }
}
