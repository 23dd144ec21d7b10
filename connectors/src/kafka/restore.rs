//! Taking a partition over.
//!
//! ```text
//! position            by the asker, without waiting for stability     R-3 a
//! fence               producers under both ids of the last owner      R-3 b
//! stable_position     by the reader                                   R-3 c
//! read_output         high watermark by the asker (d); wait until nothing before it is open; read to the end (e)
//! ```
//!
//! Owns clients of its own. Must never wait for ever: a hanging transaction never ends by itself.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::{self, ANSWER_WAIT_MAX, Common, PlainConsumer, failed, number, raw};
use super::member::{committed, record_of};
use super::transact::begin_as;
use crate::log::{AnnouncedRecord, Code, LogError, LogRecord, Position, RestoreLog, Severity, Topic};

/// How long between two questions whether a transaction ended.
const ASK_AGAIN: Duration = Duration::from_millis(10);
const READ_PIECE: Duration = Duration::from_millis(100);

/// Takes partitions over.
pub(super) struct KafkaRestoreLog {
    common: Common,
    /// Reads committed records in the group's name, and never joins it.
    reader: PlainConsumer,
    /// The worker's own id: what it did is finished.
    own: String,
}

impl KafkaRestoreLog {
    pub(super) fn new(common: Common, own: String) -> Result<KafkaRestoreLog, LogError> {
        let reader = client::observer(&common.settings, "restore", "read_committed")?;
        Ok(KafkaRestoreLog { common, reader, own })
    }

    fn evidence(&self) -> String {
        self.common.settings.topic(Topic::Evidence)
    }

    /// Waits until no transaction is open before an offset.
    fn wait_stable(&self, topic: &str, partition: u32, end: u64) -> Result<(), LogError> {
        let patience = self.common.settings.patience;
        let (mut reached, mut since) = (0, client::now());
        loop {
            match client::bounds(&self.reader, &self.common.settings, topic, partition) {
                Ok(bounds) if bounds.end >= end => return Ok(()),
                Ok(bounds) if bounds.end > reached => (reached, since) = (bounds.end, client::now()),
                Ok(_) => {}
                Err(error) if error.severity() == Severity::Transient => tracing::debug!(%error, "restore"),
                Err(error) => return Err(error),
            }
            if since.elapsed() > patience {
                return Err(hanging(topic, partition, reached, patience));
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Reads from an offset to an end that is known to be reachable: commit markers take places, too, so the end of
    /// the partition ends the reading as well. `each` says whether to go on.
    fn read(
        &self,
        topic: &str,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<(), LogError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(1);
        let placed = list.add_partition_offset(topic, number(partition), Offset::Offset(raw(offsets.start)));
        let assigned = placed.and_then(|()| self.reader.assign(&list));
        assigned.map_err(|error| failed(&self.common.settings, topic, &error))?;
        let outcome = self.read_assigned(topic, partition, offsets, each);
        let left = self.reader.unassign().map_err(|error| failed(&self.common.settings, topic, &error));
        outcome.and(left)
    }

    fn read_assigned(
        &self,
        topic: &str,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<(), LogError> {
        let patience = self.common.settings.patience;
        let mut next = offsets.start;
        let mut since = client::now();
        loop {
            match self.reader.poll(READ_PIECE) {
                Some(Ok(message)) if message.partition() == number(partition) && message.topic() == topic => {
                    let offset = client::offset(message.offset());
                    if offset < next {
                        continue;
                    }
                    (next, since) = (offset + 1, client::now());
                    if offset >= offsets.end || !each(&message) || next == offsets.end {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(end))) if end == number(partition) => return Ok(()),
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(client::is_operators) => {
                    return Err(failed(&self.common.settings, topic, &error));
                }
                Some(_) | None => {}
            }
            if since.elapsed() > patience {
                return Err(hanging(topic, partition, next, patience));
            }
        }
    }
}

/// What does not end by itself, and how to mend it.
fn hanging(topic: &str, partition: u32, reached: u64, patience: Duration) -> LogError {
    let seconds = patience.as_secs();
    LogError::new(
        Code::Hanging,
        format!(
            "kafka: {topic} {partition} cannot be read past offset {reached}: for {seconds} s a transaction has not ended. \
         Find it with `kafka-transactions.sh find-hanging --broker-id <leader>` and end it with `kafka-transactions.sh \
         abort --topic {topic} --partition {partition} --start-offset <offset>`"
        ),
    )
}

impl RestoreLog for KafkaRestoreLog {
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        client::serve(&self.common.asker);
        committed(&self.common.asker, &self.common.settings, &self.evidence(), partition, ANSWER_WAIT_MAX)
    }

    fn fence(&mut self, owner: &str) -> Result<(), LogError> {
        // Fencing oneself would end the worker; what it began it has ended.
        if owner == self.own {
            return Ok(());
        }
        begin_as(&self.common.settings, "fence", owner).map(drop)
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        let patience = self.common.settings.patience;
        let (topic, since) = (self.evidence(), client::now());
        loop {
            client::serve(&self.reader);
            match committed(&self.reader, &self.common.settings, &topic, partition, patience) {
                Err(error) if error.severity() == Severity::Transient && since.elapsed() < patience => {
                    std::thread::sleep(ASK_AGAIN);
                }
                Err(error) if error.severity() == Severity::Transient => {
                    return Err(LogError::new(Code::Hanging, format!("{error}; or a transaction on it does not end")));
                }
                answer => return answer,
            }
        }
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        self.common.bounds(&self.evidence(), partition)
    }

    fn read_evidence(
        &mut self,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError> {
        let topic = self.evidence();
        if offsets.is_empty() {
            return Ok(());
        }
        let held = self.common.bounds(&topic, partition)?;
        if offsets.start < held.start || offsets.end > held.end {
            return Err(LogError::new(
                Code::OutOfRange,
                format!(
                    "kafka: {topic} {partition} holds offsets {} to {}, not {} to {}",
                    held.start, held.end, offsets.start, offsets.end
                ),
            ));
        }
        self.wait_stable(&topic, partition, offsets.end)?;
        self.read(&topic, partition, offsets, &mut |message| each(record_of(message)))
    }

    fn read_output(
        &mut self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError> {
        let topic = self.common.settings.topic(Topic::Changes);
        let held = self.common.bounds(&topic, partition)?;
        self.wait_stable(&topic, partition, held.end)?;
        let offsets = from.max(held.start)..held.end;
        self.read(&topic, partition, offsets, &mut |message| {
            each(AnnouncedRecord {
                offset: client::offset(message.offset()),
                key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
                value: message.payload().map(Bytes::copy_from_slice),
            })
        })?;
        Ok(held.end)
    }

    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        const NAME: &str = "delete.retention.ms";
        let settings = &self.common.settings;
        let topic = settings.topic(Topic::Changes);
        let unknown = |why: &str| LogError::transient(format!("kafka: {NAME} of {topic}: {why}"));
        let admin: AdminClient<DefaultClientContext> =
            client::asking(settings).create().map_err(|error| failed(settings, NAME, &error))?;
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WAIT_MAX));
        let answers = block_on(admin.describe_configs([&ResourceSpecifier::Topic(&topic)], &options));
        let mut answers = answers.map_err(|error| failed(settings, NAME, &error))?;
        let resource = answers.pop().ok_or_else(|| unknown("no answer"))?;
        let resource = resource.map_err(|code| LogError::operator(format!("kafka: {topic}: {code:?}")))?;
        let value = resource.get(NAME).and_then(|entry| entry.value.as_deref()?.parse().ok());
        value.ok_or_else(|| unknown("not a number"))
    }
}
