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
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Instant;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, ANSWER_WAIT_MAX, Common, Plain, PlainConsumer, failed, number, raw};
use super::member::committed;
use super::native::{Batch, Record, RecordQueue};
use super::transact::begin_as;
use crate::log::{
    AnnouncedRecord, Code, LogError, LogRecord, Position, RestoreLog, Severity, Topic, Whole, read_back_headers,
};

/// How long between two questions whether a transaction ended.
const ASK_AGAIN: Duration = Duration::from_millis(10);
const READ_PIECE: Duration = Duration::from_millis(100);
/// Records taken from the client in one call.
const RECORDS_MAX: usize = 4_096;

/// Takes partitions over.
pub(super) struct KafkaRestoreLog {
    common: Common,
    /// Where the reader's records come, and the ends of partitions with their offsets.
    queue: RecordQueue<Plain>,
    /// Reads committed records in the group's name, and never joins it.
    reader: Arc<PlainConsumer>,
    /// The worker's own id: what it did is finished.
    own: String,
}

impl KafkaRestoreLog {
    pub(super) fn new(common: Common, own: String) -> Result<KafkaRestoreLog, LogError> {
        let reader = Arc::new(client::observer(&common.settings, "restore", "read_committed")?);
        let queue = RecordQueue::new(&reader).ok_or_else(|| LogError::fatal("kafka: no queue for a restore"))?;
        Ok(KafkaRestoreLog { common, queue, reader, own })
    }

    fn evidence(&self) -> String {
        self.common.settings.topic(Topic::Evidence)
    }

    /// A setting of the topic of changes that is a number.
    fn changes_setting(&self, name: &str) -> Result<i64, LogError> {
        let settings = &self.common.settings;
        let topic = settings.topic(Topic::Changes);
        let unknown = |why: &str| LogError::transient(format!("kafka: {name} of {topic}: {why}"));
        let admin: AdminClient<DefaultClientContext> =
            client::asking(settings).create().map_err(|error| failed(settings, name, &error))?;
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WAIT_MAX));
        let answers = block_on(admin.describe_configs([&ResourceSpecifier::Topic(&topic)], &options));
        let mut answers = answers.map_err(|error| failed(settings, name, &error))?;
        let resource = answers.pop().ok_or_else(|| unknown("no answer"))?;
        let resource = resource.map_err(|code| match client::is_operators(code) {
            true => LogError::operator(format!("kafka: {name} of {topic}: {code:?}")),
            false => unknown(&format!("{code:?}")),
        })?;
        let value = resource.get(name).and_then(|entry| entry.value.as_deref()?.parse().ok());
        value.ok_or_else(|| unknown("not a number"))
    }

    /// Waits until no transaction is open before an offset.
    fn wait_stable(&self, topic: &str, partition: u32, end: u64) -> Result<(), LogError> {
        let patience = self.common.settings.patience();
        let begun = client::now();
        // Only who answers, and says the same for as long, says that something hangs.
        let (mut reached, mut stands_since, mut answered_at) = (0, begun, begun);
        loop {
            match client::bounds(&self.reader, &self.common.settings, topic, partition) {
                Ok(bounds) if bounds.end >= end => return Ok(()),
                Ok(bounds) => {
                    let was_away = answered_at.elapsed() > ASK_AGAIN * 100;
                    answered_at = client::now();
                    if bounds.end > reached || was_away {
                        (reached, stands_since) = (bounds.end, answered_at);
                    } else if stands_since.elapsed() > patience {
                        return Err(self.stands(topic, partition, reached, end));
                    }
                }
                Err(error) if error.severity() == Severity::Transient && answered_at.elapsed() <= patience => {
                    tracing::debug!(%error, "restore");
                }
                Err(error) => return Err(error),
            }
            self.go_on()?;
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Nobody waits for a broker in a process that is about to end.
    fn go_on(&self) -> Result<(), LogError> {
        match self.common.settings.stop.is_urgent() {
            true => Err(LogError::new(Code::Stopping, "kafka: the process ends: a restore is given up")),
            false => Ok(()),
        }
    }

    /// Why a partition is not read on from an offset: the broker says.
    fn stands(&self, topic: &str, partition: u32, reached: u64, end: u64) -> LogError {
        let patience = self.common.settings.patience();
        let settings = &self.common.settings;
        let held = match self.common.bounds(topic, partition) {
            Ok(held) => held.end,
            Err(error) => return error,
        };
        match client::bounds(&self.reader, settings, topic, partition) {
            Err(error) => error,
            Ok(stable) if stable.end >= end => LogError::new(
                Code::Skipped,
                format!(
                    "kafka: {topic} {partition} holds offsets up to {end}, and for {} s nothing came from {reached} on",
                    patience.as_secs()
                ),
            ),
            Ok(_) if held < end => behind(topic, partition, held, end),
            Ok(stable) => hanging(topic, partition, stable.end, patience),
        }
    }

    /// Reads a range whole. `each` says whether to go on.
    fn read(
        &self,
        topic: &str,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(&Record<'_>) -> bool,
    ) -> Result<(), LogError> {
        if offsets.is_empty() {
            return Ok(());
        }
        if !self.queue.forward(topic, number(partition)) {
            return Err(LogError::transient(format!("kafka: {topic} {partition}: no queue of its own")));
        }
        let mut list = TopicPartitionList::with_capacity(1);
        let placed = list.add_partition_offset(topic, number(partition), Offset::Offset(raw(offsets.start)));
        let assigned = placed.and_then(|()| self.reader.assign(&list));
        assigned.map_err(|error| failed(&self.common.settings, topic, &error))?;
        let outcome = self.read_assigned(topic, partition, offsets, each);
        let left = self.reader.unassign().map_err(|error| failed(&self.common.settings, topic, &error));
        outcome.and(left)
    }

    /// Commit markers take places, too: so the end of the partition ends the reading as well, where it is not said
    /// before the end that is wanted.
    fn read_assigned(
        &self,
        topic: &str,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(&Record<'_>) -> bool,
    ) -> Result<(), LogError> {
        let patience = self.common.settings.patience();
        let end = offsets.end;
        let mut whole = Whole::new(offsets);
        let mut batch = Batch::new();
        let mut since = client::now();
        while !whole.is_over() {
            self.go_on()?;
            client::serve(&self.reader);
            let (before, mut refused) = (whole.next(), None);
            batch.take(&self.queue, READ_PIECE, RECORDS_MAX, &mut |taken| match taken {
                Ok(record) if record.partition() == number(partition) => {
                    if whole.takes(client::offset(record.offset())) && !each(&record) {
                        whole.stop();
                    }
                }
                // One partition is read at a time, and what an earlier reading left behind does not come.
                Err(fault) if fault.code == RDKafkaErrorCode::PartitionEOF && fault.topic.is_some() => {
                    whole.ends_at(client::offset(fault.offset));
                }
                Err(fault) if client::is_operators(fault.code) => refused = Some(fault.code),
                Ok(_) | Err(_) => {}
            });
            if let Some(code) = refused {
                return Err(LogError::operator(format!("kafka: {topic} {partition}: {code:?}")));
            }
            if whole.next() > before {
                since = client::now();
            }
            if since.elapsed() > patience && !whole.is_over() {
                return Err(self.stands(topic, partition, whole.next(), end));
            }
        }
        Ok(())
    }
}

/// What does not end by itself, and how to mend it.
fn hanging(topic: &str, partition: u32, reached: u64, patience: Duration) -> LogError {
    let seconds = patience.as_secs();
    LogError::new(
        Code::Hanging,
        format!(
            "kafka: {topic} {partition} cannot be read past {reached}: for {seconds} s a transaction has not ended. \
         Find it with `kafka-transactions.sh find-hanging --broker-id <leader>` and end it with `kafka-transactions.sh \
         abort --topic {topic} --partition {partition} --start-offset <offset>`"
        ),
    )
}

/// The leader lacks what was acknowledged.
fn behind(topic: &str, partition: u32, held: u64, end: u64) -> LogError {
    let message = format!(
        "kafka: {topic} {partition} ends at offset {held}, though it had offsets up to {end}: its leader is behind, \
         or records were lost (an unclean election, a topic that was created again)"
    );
    LogError::new(Code::Skipped, message)
}

/// A record that the engine wrote itself.
fn evidence_of(record: &Record<'_>) -> LogRecord {
    LogRecord {
        partition: client::partition(record.partition()),
        offset: client::offset(record.offset()),
        timestamp: Instant(record.timestamp()),
        value: Bytes::copy_from_slice(record.value().unwrap_or_default()),
    }
}

impl RestoreLog for KafkaRestoreLog {
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        let (settings, evidence) = (&self.common.settings, self.evidence());
        self.common.asker.ask(|asker| committed(asker, settings, &evidence, partition, ANSWER_WAIT_MAX))
    }

    fn fence(&mut self, owner: &str) -> Result<(), LogError> {
        // Fencing oneself would end the worker; what it began it has ended.
        if owner == self.own {
            return Ok(());
        }
        begin_as(&self.common.settings, "fence", owner).map(drop)
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        let patience = self.common.settings.patience();
        let (topic, since) = (self.evidence(), client::now());
        loop {
            client::serve(&self.reader);
            match committed(&self.reader, &self.common.settings, &topic, partition, patience) {
                Err(error) if error.severity() == Severity::Transient && since.elapsed() < patience => {
                    self.go_on()?;
                    std::thread::sleep(ASK_AGAIN);
                }
                Err(error) if error.severity() == Severity::Transient => {
                    return Err(LogError::new(Code::NoAnswer, format!("{error}; or a transaction on it does not end")));
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
        if offsets.start < held.start {
            return Err(LogError::new(
                Code::OutOfRange,
                format!(
                    "kafka: {topic} {partition} holds offsets {} to {}, not {} to {}",
                    held.start, held.end, offsets.start, offsets.end
                ),
            ));
        }
        if offsets.end > held.end {
            return Err(behind(&topic, partition, held.end, offsets.end));
        }
        self.wait_stable(&topic, partition, offsets.end)?;
        self.read(&topic, partition, offsets, &mut |record| each(evidence_of(record)))
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
        self.read(&topic, partition, offsets, &mut |record| {
            let mut headers = Vec::new();
            record.headers(&mut headers);
            let named = headers.iter().map(|(name, value)| (name.as_bytes(), value.unwrap_or_default()));
            let headers = read_back_headers(named);
            each(AnnouncedRecord {
                offset: client::offset(record.offset()),
                key: Bytes::copy_from_slice(record.key().unwrap_or_default()),
                value: record.value().map(Bytes::copy_from_slice),
                headers,
            })
        })?;
        Ok(held.end)
    }

    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        self.changes_setting("delete.retention.ms")
    }

    fn changes_kept_ms(&mut self) -> Result<i64, LogError> {
        self.changes_setting("min.compaction.lag.ms")
    }
}
