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
//! The client in the group reads nothing: its partitions stay paused, and the fetcher's clients read them. So no
//! rebalance moves what is read, and from where.
//!
//! Owns which partitions deliver. Must never answer a rebalance before it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Instant;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::{self, ANSWER_WAIT_MAX, Common, failed, number, raw};
use super::closing::Closing;
use super::fetcher::Fetcher;
use super::native;
use super::seldom::client_line;
use super::settings::KafkaSettings;
use crate::log::{Code, GroupEvent, LogError, LogRecord, Position};

/// How late a rebalance is noticed while nothing comes.
const EVENT_WAIT_MAX: Duration = Duration::from_millis(100);

/// A member of a group that reads one topic.
pub(super) struct Member {
    consumer: Closing<BaseConsumer<Rebalances>>,
    common: Common,
    topic: String,
    group: String,
    /// What is to be answered before the next poll.
    pending: Option<GroupEvent>,
    fetcher: Fetcher,
}

/// Notes rebalances; they are answered later, on the same thread.
struct Rebalances {
    /// The only topic that it subscribes to.
    topic: String,
    /// Another topic whose partitions it was given: the group is another installation's, too.
    foreign: Mutex<Option<String>>,
    event: Mutex<Option<GroupEvent>>,
    closing: AtomicBool,
    /// The group has said what is the member's, be it nothing.
    is_joined: AtomicBool,
}

impl Rebalances {
    fn event(&self) -> MutexGuard<'_, Option<GroupEvent>> {
        self.event.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the member has to end: it was given what is another's.
    fn refusal(&self, group: &str) -> Option<LogError> {
        let other = self.foreign.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let topic = &self.topic;
        Some(LogError::new(
            Code::Instance,
            format!(
                "kafka: the group {group} gave this process partitions of {other}, and it reads {topic}: another \
                 installation uses the same group and the same kafka.instance. Set another kafka.instance here, one \
                 that no other process of the group has, and start again"
            ),
        ))
    }
}

impl ClientContext for Rebalances {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_line(level, facility, message);
    }
}

impl ConsumerContext for Rebalances {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigned = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if assigned || consumer.assignment_lost() {
            self.is_joined.store(assigned, Ordering::Relaxed);
        }
        // What nobody will answer: the client is being closed, or nothing moves.
        if self.closing.load(Ordering::Relaxed) || list.count() == 0 {
            if let Err(error) = answer(consumer, assigned, list) {
                tracing::warn!(target: "kafka", code = %client::code_of(&error), "rebalance");
            }
            return;
        }
        // A broker gives a static member what the one before it under the same name had, whatever it subscribes to.
        if let Some(other) = list.elements().iter().find(|element| element.topic() != self.topic) {
            let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
            *foreign = Some(other.topic().to_owned());
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
        let context = Rebalances {
            topic: topic.clone(),
            foreign: Mutex::new(None),
            event: Mutex::new(None),
            closing: AtomicBool::new(false),
            is_joined: AtomicBool::new(false),
        };
        let consumer: BaseConsumer<Rebalances> =
            config.create_with_context(context).map_err(|error| failed(settings, name, &error))?;
        consumer.subscribe(&[&topic]).map_err(|error| failed(settings, name, &error))?;
        let fetcher = Fetcher::new(common, name, topic.clone())?;
        Ok(Member {
            consumer: Closing::new(consumer),
            common: Arc::clone(common),
            topic,
            group: group.to_owned(),
            pending: None,
            fetcher,
        })
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
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            // A record: from between an assignment and the pause behind it. The fetcher has it, too.
            polled.map_or_else(|error| client::problem(&self.topic, &error), |_| Ok(()))?;
        }
        if let Some(error) = self.consumer.context().refusal(&self.group) {
            return Err(error);
        }
        self.pending = self.consumer.context().event().take();
        if let Some(GroupEvent::Lost(partitions)) = &self.pending {
            partitions.iter().for_each(|partition| self.fetcher.drop(*partition));
        }
        let wait = if self.pending.is_some() { Duration::ZERO } else { wait.min(EVENT_WAIT_MAX) };
        self.fetcher.poll(wait, records)?;
        Ok(self.pending.clone())
    }

    /// Whether the group has said which partitions are the member's, be it none, and has not lost it since.
    pub(super) fn is_joined(&self) -> bool {
        self.consumer.context().is_joined.load(Ordering::Relaxed)
    }

    /// Answers an assignment: the partitions are the member's, and stand still.
    pub(super) fn accept(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        let Some(GroupEvent::Assigned(assigned)) = &self.pending else {
            let known = partitions.iter().all(|partition| self.fetcher.holds(*partition));
            return if known { Ok(()) } else { Err(LogError::fatal("kafka: accepted what was not assigned")) };
        };
        // From the end: next to nothing is fetched before the pause that follows. The leader is not asked, since one
        // partition without a leader would hold up all that were assigned with it.
        let list = self.list(assigned, Offset::End)?;
        answer(&self.consumer, true, &list).map_err(|error| self.fatal("assign", &error))?;
        self.consumer.pause(&list).map_err(|error| self.fatal("pause", &error))?;
        assigned.iter().for_each(|partition| self.fetcher.hold(*partition));
        self.pending = None;
        Ok(())
    }

    /// Answers a revocation; without one, partitions only stop to deliver.
    pub(super) fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        if let Some(GroupEvent::Revoked(gone) | GroupEvent::Lost(gone)) = &self.pending {
            let list = self.list(gone, Offset::Invalid)?;
            answer(&self.consumer, false, &list).map_err(|error| self.fatal("unassign", &error))?;
            gone.iter().for_each(|partition| self.fetcher.drop(*partition));
            self.pending = None;
            return Ok(());
        }
        partitions.iter().for_each(|partition| self.fetcher.pause(*partition));
        Ok(())
    }

    /// Delivers a partition's records from an offset on, be it paused or not.
    pub(super) fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        match self.fetcher.place(partition, offset) {
            true => Ok(()),
            false => Err(LogError::transient(format!("kafka: {} {partition} is not this member's", self.topic))),
        }
    }

    /// Delivers nothing more of a partition until it is resumed.
    pub(super) fn pause(&mut self, partition: u32) {
        self.fetcher.pause(partition);
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

    /// The group's generation, for a transaction; none once the partitions are lost, or while the client has no place
    /// in the group: a broker takes the offsets of nobody unseen. Asked in this order, since a lost assignment stays
    /// lost until [`Member::release`], and a place that was lost does not come back as the same.
    pub(super) fn generation(&self) -> Option<ConsumerGroupMetadata> {
        let place = native::membership(&self.consumer)?;
        let metadata = self.consumer.group_metadata()?;
        let is_same = native::membership(&self.consumer).is_some_and(|after| after == place);
        (is_same && !self.consumer.assignment_lost()).then_some(metadata)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn who_has_no_place_in_the_group_has_no_generation() {
        let settings = KafkaSettings::new("127.0.0.1:1", "nobody");
        let consumer: client::PlainConsumer =
            client::consumer(&settings, "test", "nobody").create_with_context(client::Plain).unwrap();
        assert!(consumer.group_metadata().is_some(), "the client has metadata all the same");
        assert_eq!(native::membership(&consumer), None);
    }

    /// A static member that is given another installation's topics never works on them, and says whose they are.
    #[test]
    fn partitions_of_another_topic_are_refused_by_name() {
        let settings = KafkaSettings::new("127.0.0.1:1", "shared");
        let context = Rebalances {
            topic: "b.evidence.v1".to_owned(),
            foreign: Mutex::new(None),
            event: Mutex::new(None),
            closing: AtomicBool::new(false),
            is_joined: AtomicBool::new(false),
        };
        let consumer: BaseConsumer<Rebalances> =
            client::consumer(&settings, "test", "shared").create_with_context(context).unwrap();
        let given = |topics: &[&str]| {
            let mut list = TopicPartitionList::new();
            for topic in topics {
                list.add_partition(topic, 3);
            }
            let rebalances = consumer.context();
            rebalances.rebalance(&consumer, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, &mut list);
            (rebalances.event().take(), rebalances.refusal("shared"))
        };
        for topics in [&["a.evidence.v1"][..], &["b.evidence.v1", "a.evidence.v1"]] {
            let (event, refusal) = given(topics);
            assert_eq!(event, None, "nothing of it is accepted");
            let error = refusal.unwrap();
            assert_eq!((error.code(), error.code().scope()), (Code::Instance, crate::log::Scope::Process));
            for part in ["a.evidence.v1", "b.evidence.v1", "group shared", "another kafka.instance"] {
                assert!(error.to_string().contains(part), "{part}: {error}");
            }
        }
        let (event, refusal) = given(&["b.evidence.v1"]);
        assert_eq!((event, refusal.is_none()), (Some(GroupEvent::Assigned(vec![3])), true));
    }
}
