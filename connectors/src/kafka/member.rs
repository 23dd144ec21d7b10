//! A member of a group whose rebalances are answered step by step.
//!
//! ```text
//! poll -> Assigned -> accept (assigned, but paused) -> restore -> resume (at an offset)
//! poll -> Revoked  -> commit what there is          -> release
//! poll -> Lost     -> drop what there is            -> release
//! ```
//!
//! librdkafka waits for the answer with the group's next generation (its join state is "wait-(un)assign-call"), goes on
//! with heartbeats, and pauses what is assigned: so a commit before `release` still is of the old generation. An event
//! that is destroyed unanswered only frees its list of partitions.
//!
//! Owns which partitions deliver, and from which offset. Must never answer a rebalance before it is told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Instant;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::{self, ANSWER_WAIT_MAX, Common, failed, number, raw};
use super::settings::KafkaSettings;
use crate::log::{GroupEvent, LogError, LogRecord, Position};

/// Bounds of a poll: what came by then is handed out.
const RECORDS_MAX: usize = 4_096;
const BYTES_MAX: usize = 16 << 20;
/// For how long a partition that was just taken on may not yet be ready to be placed.
const SEEK_WAIT_MAX: Duration = Duration::from_secs(10);

/// A member of a group that reads one topic.
pub(super) struct Member {
    consumer: BaseConsumer<Rebalances>,
    common: Common,
    topic: String,
    /// What is to be answered before the next poll.
    pending: Option<GroupEvent>,
    /// The next offset of each partition that was accepted; none while it is paused.
    held: BTreeMap<u32, Option<u64>>,
}

/// Notes rebalances; they are answered later, on the same thread.
struct Rebalances {
    event: Mutex<Option<GroupEvent>>,
    closing: AtomicBool,
}

impl Rebalances {
    fn event(&self) -> MutexGuard<'_, Option<GroupEvent>> {
        self.event.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Rebalances {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }
}

impl ConsumerContext for Rebalances {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigned = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        // What nobody will answer: the client is being closed, or nothing moves.
        if self.closing.load(Ordering::Relaxed) || list.count() == 0 {
            if let Err(error) = answer(consumer, assigned, list) {
                tracing::warn!(target: "kafka", code = %client::code_of(&error), "rebalance");
            }
            return;
        }
        let partitions = list.elements().iter().map(|element| client::partition(element.partition())).collect();
        *self.event() = Some(match assigned {
            true => GroupEvent::Assigned(partitions),
            false if consumer.assignment_lost() => GroupEvent::Lost(partitions),
            false => GroupEvent::Revoked(partitions),
        });
    }
}

fn answer(consumer: &BaseConsumer<Rebalances>, assigned: bool, list: &TopicPartitionList) -> KafkaResult<()> {
    match (consumer.rebalance_protocol(), assigned) {
        (RebalanceProtocol::Cooperative, true) => consumer.incremental_assign(list),
        (RebalanceProtocol::Cooperative, false) => consumer.incremental_unassign(list),
        (_, true) => consumer.assign(list),
        (_, false) => consumer.unassign(),
    }
}

impl Member {
    /// Joins a group to read one topic; it is in the group once it was polled for a while.
    pub(super) fn join(
        common: &Common,
        name: &str,
        group: &str,
        topic: String,
        slot: usize,
    ) -> Result<Member, LogError> {
        let settings = &common.settings;
        let mut config = client::consumer(settings, name, group);
        config.set("auto.offset.reset", "error");
        if let Some(instance) = &settings.instance {
            config.set("group.instance.id", format!("{instance}-{slot}"));
        }
        let context = Rebalances { event: Mutex::new(None), closing: AtomicBool::new(false) };
        let consumer: BaseConsumer<Rebalances> =
            config.create_with_context(context).map_err(|error| failed(settings, name, &error))?;
        consumer.subscribe(&[&topic]).map_err(|error| failed(settings, name, &error))?;
        Ok(Member { consumer, common: Arc::clone(common), topic, pending: None, held: BTreeMap::new() })
    }

    /// Adds records of resumed partitions, and says what happened to the partitions.
    pub(super) fn poll(
        &mut self,
        wait: Duration,
        records: &mut Vec<LogRecord>,
    ) -> Result<Option<GroupEvent>, LogError> {
        if self.pending.is_some() {
            return Err(LogError::fatal("kafka: a rebalance was not answered before the next poll"));
        }
        let (mut wait, mut count, mut bytes) = (wait, 0, 0);
        while count < RECORDS_MAX && bytes < BYTES_MAX {
            let Some(polled) = self.consumer.poll(wait) else { break };
            wait = Duration::ZERO;
            match polled {
                Ok(message) => {
                    if let Some(record) = take(&mut self.held, &message) {
                        count += 1;
                        bytes += record.value.len();
                        records.push(record);
                    }
                }
                Err(error) => self.problem(&error)?,
            }
        }
        self.pending = self.consumer.context().event().take();
        if let Some(GroupEvent::Lost(partitions)) = &self.pending {
            self.held.retain(|partition, _| !partitions.contains(partition));
        }
        Ok(self.pending.clone())
    }

    /// Brokers come back, and the client finds them: only what does not pass is an error.
    fn problem(&self, error: &KafkaError) -> Result<(), LogError> {
        use RDKafkaErrorCode as Code;
        let code = client::code_of(error);
        let topic = &self.topic;
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(LogError::fatal(format!("kafka: {topic}: {code}"))),
            KafkaError::MessageConsumption(Code::AutoOffsetReset | Code::OffsetOutOfRange) => Err(LogError::operator(
                format!("kafka: {topic} does not hold the records where reading goes on: were they deleted? ({code})"),
            )),
            KafkaError::MessageConsumption(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                tracing::warn!(target: "kafka", topic, code, "the topic is not there, or not yet");
                Ok(())
            }
            error if error.rdkafka_error_code().is_some_and(client::is_operators) => {
                Err(LogError::operator(format!("kafka: {topic}: {code}")))
            }
            _ => {
                tracing::debug!(target: "kafka", topic, code, "kafka client");
                Ok(())
            }
        }
    }

    /// Answers an assignment: the partitions are the member's, and stand still.
    pub(super) fn accept(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        let Some(GroupEvent::Assigned(assigned)) = &self.pending else {
            let known = partitions.iter().all(|partition| self.held.contains_key(partition));
            return if known { Ok(()) } else { Err(LogError::fatal("kafka: accepted what was not assigned")) };
        };
        // From the high watermark, by its number: next to nothing is fetched before the pause that follows. By its name
        // (Offset::End) the client would look it up meanwhile, and the answer would undo the seek of `resume`.
        let mut list = TopicPartitionList::with_capacity(assigned.len());
        for partition in assigned {
            let end = self.common.bounds(&self.topic, *partition)?.end;
            let added = list.add_partition_offset(&self.topic, number(*partition), Offset::Offset(raw(end)));
            added.map_err(|error| self.fatal("partitions", &error))?;
        }
        answer(&self.consumer, true, &list).map_err(|error| self.fatal("assign", &error))?;
        self.consumer.pause(&list).map_err(|error| self.fatal("pause", &error))?;
        self.held.extend(assigned.iter().map(|partition| (*partition, None)));
        self.pending = None;
        Ok(())
    }

    /// Answers a revocation; without one, partitions only stop to deliver.
    pub(super) fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        if let Some(GroupEvent::Revoked(gone) | GroupEvent::Lost(gone)) = &self.pending {
            let list = self.list(gone, Offset::Invalid)?;
            answer(&self.consumer, false, &list).map_err(|error| self.fatal("unassign", &error))?;
            self.held.retain(|partition, _| !gone.contains(partition));
            self.pending = None;
            return Ok(());
        }
        let held: Vec<u32> = partitions.iter().copied().filter(|partition| self.held.contains_key(partition)).collect();
        if !held.is_empty() {
            let list = self.list(&held, Offset::Invalid)?;
            self.consumer.pause(&list).map_err(|error| self.fatal("pause", &error))?;
            self.held.extend(held.into_iter().map(|partition| (partition, None)));
        }
        Ok(())
    }

    /// Delivers a partition's records from an offset on, be it paused or not.
    pub(super) fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        let Some(held) = self.held.get(&partition).copied() else {
            return Err(LogError::transient(format!("kafka: {} {partition} is not this member's", self.topic)));
        };
        self.seek(partition, offset)?;
        if held.is_none() {
            let list = self.list(&[partition], Offset::Invalid)?;
            self.consumer.resume(&list).map_err(|error| self.fatal("resume", &error))?;
        }
        self.held.insert(partition, Some(offset));
        Ok(())
    }

    fn seek(&self, partition: u32, offset: u64) -> Result<(), LogError> {
        let deadline = client::now() + SEEK_WAIT_MAX;
        loop {
            let list = self.list(&[partition], Offset::Offset(raw(offset)))?;
            let sought = self.consumer.seek_partitions(list, SEEK_WAIT_MAX);
            let sought = sought.and_then(|list| list.elements().iter().try_for_each(|element| element.error()));
            let Err(error) = sought else { return Ok(()) };
            if client::now() >= deadline {
                return Err(failed(&self.common.settings, "seek", &error));
            }
            // Just assigned: the client has not yet begun with it.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What the broker knows of a partition's position, once nothing is open on it.
    pub(super) fn committed(&self, partition: u32) -> Result<Position, LogError> {
        committed(&self.consumer, &self.common.settings, &self.topic, partition, ANSWER_WAIT_MAX)
    }

    /// Commits an offset outside transactions.
    pub(super) fn commit(&self, partition: u32, offset: u64) -> Result<(), LogError> {
        let list = self.list(&[partition], Offset::Offset(raw(offset)))?;
        let done = self.consumer.commit(&list, CommitMode::Sync);
        done.map_err(|error| LogError::transient(format!("kafka: commit: {}", client::code_of(&error))))
    }

    /// The group's generation, for a transaction; none once the partitions are lost. Asked in this order, since a lost
    /// assignment stays lost until [`Member::release`].
    pub(super) fn generation(&self) -> Option<ConsumerGroupMetadata> {
        let metadata = self.consumer.group_metadata()?;
        (!self.consumer.assignment_lost()).then_some(metadata)
    }

    fn list(&self, partitions: &[u32], offset: Offset) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let added = list.add_partition_offset(&self.topic, number(*partition), offset);
            added.map_err(|error| self.fatal("partitions", &error))?;
        }
        Ok(list)
    }

    fn fatal(&self, asked: &str, error: &KafkaError) -> LogError {
        LogError::fatal(format!("kafka: {asked} of {}: {error}", self.topic))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.consumer.context().closing.store(true, Ordering::Relaxed);
        let unanswered = match self.pending.take() {
            None => Ok(()),
            Some(GroupEvent::Assigned(partitions)) => self
                .list(&partitions, Offset::End)
                .map(|list| (true, list))
                .map(|(assigned, list)| drop(answer(&self.consumer, assigned, &list))),
            Some(GroupEvent::Revoked(partitions) | GroupEvent::Lost(partitions)) => {
                self.list(&partitions, Offset::Invalid).map(|list| drop(answer(&self.consumer, false, &list)))
            }
        };
        if let Err(error) = unanswered {
            tracing::warn!(target: "kafka", %error, "leaving the group");
        }
    }
}

/// The record, if its partition delivers and it is not from before the last placing.
fn take(held: &mut BTreeMap<u32, Option<u64>>, message: &BorrowedMessage<'_>) -> Option<LogRecord> {
    let next = held.get_mut(&client::partition(message.partition()))?;
    let offset = client::offset(message.offset());
    if offset < (*next)? {
        return None;
    }
    *next = Some(offset + 1);
    Some(record_of(message))
}

/// A record that the engine wrote itself.
pub(super) fn record_of(message: &BorrowedMessage<'_>) -> LogRecord {
    LogRecord {
        partition: client::partition(message.partition()),
        offset: client::offset(message.offset()),
        timestamp: Instant(message.timestamp().to_millis().unwrap_or(0)),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
    }
}

/// A position, stable if the client reads committed records.
pub(super) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
    wait: Duration,
) -> Result<Position, LogError> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(topic, number(partition));
    let answered = consumer.committed_offsets(list, wait).and_then(|list| {
        let elements = list.elements();
        let Some(element) = elements.first() else { return Ok(Position::default()) };
        element.error()?;
        let offset = match element.offset() {
            Offset::Offset(offset) => Some(client::offset(offset)),
            _ => None,
        };
        Ok(Position { offset, metadata: element.metadata().to_owned() })
    });
    answered.map_err(|error| failed(settings, &format!("position of {topic} {partition}"), &error))
}
