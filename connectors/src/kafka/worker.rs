//! Evidence in, changes and positions out.
//!
//! Owns a membership and a transactional id, both of one thread. Must never decide what becomes of a partition.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fuma_schemas::Instant;

use super::client::Common;
use super::clock::Clock;
use super::member::Member;
use super::restore::KafkaRestoreLog;
use super::transact::Transactor;
use crate::log::{EndsQuestion, GroupEvent, LogError, LogRecord, Outcome, RestoreLog, Topic, Transaction, WorkerLog};

/// A worker's log.
pub(super) struct KafkaWorkerLog {
    common: Common,
    clock: Arc<Clock>,
    // Before the producer: a member that left the group commits nothing more.
    member: Member,
    transactor: Transactor,
}

impl KafkaWorkerLog {
    /// Joins the group and fences who had the id before.
    pub(super) fn new(common: Common, clock: Arc<Clock>, slot: usize, id: String) -> Result<KafkaWorkerLog, LogError> {
        let settings = &common.settings;
        let (evidence, changes) = (settings.topic(Topic::Evidence), settings.topic(Topic::Changes));
        let transactor = Transactor::new(settings, id, (evidence.clone(), changes))?;
        let member = Member::join(&common, &format!("assess-{slot}"), &settings.group, evidence, slot)?;
        Ok(KafkaWorkerLog { common, clock, member, transactor })
    }
}

impl WorkerLog for KafkaWorkerLog {
    fn owner(&self) -> &str {
        self.transactor.id()
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<Vec<GroupEvent>, LogError> {
        Ok(self.member.poll(wait, records)?.into_iter().collect())
    }

    fn is_member(&self) -> bool {
        self.member.is_joined()
    }

    fn accept(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        self.member.accept(partitions)
    }

    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        self.member.release(partitions)
    }

    fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        self.member.resume(partition, offset)
    }

    fn pause(&mut self, partition: u32) -> Result<(), LogError> {
        self.member.pause(partition);
        Ok(())
    }

    fn commit(&mut self, transaction: Transaction<'_>) -> Result<Outcome, LogError> {
        self.transactor.commit(transaction, &self.member)
    }

    fn clock(&mut self) -> Result<Instant, LogError> {
        self.clock.ask(&self.common.settings)
    }

    fn output_end(&mut self, partition: u32) -> Result<u64, LogError> {
        Ok(self.common.bounds_now(&self.common.settings.topic(Topic::Changes), partition)?.end)
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        self.common.bounds_now(&self.common.settings.topic(Topic::Evidence), partition)
    }

    fn ends(&self, partition: u32) -> EndsQuestion {
        let common = Arc::clone(&self.common);
        let topics = (common.settings.topic(Topic::Changes), common.settings.topic(Topic::Evidence));
        Box::new(move || Ok((common.bounds_now(&topics.0, partition)?.end, common.bounds_now(&topics.1, partition)?)))
    }

    fn restorer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        Ok(Box::new(KafkaRestoreLog::new(Arc::clone(&self.common), self.transactor.id().to_owned())?))
    }
}
