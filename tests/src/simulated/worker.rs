//! The worker's client: a member of the group, and a producer with an id that a successor can fence.
//!
//! Owns what one client believes. What it believes may be out of date: then the cluster refuses it. A call that breaks
//! the contract of the port (an unanswered event, a transaction without positions) panics: it is a bug of the worker.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use fuma_connectors::log::{
    Code, EndsQuestion, GroupEvent, LogError, LogRecord, Outcome, RestoreLog, Topic, Transaction, WorkerLog,
};
use fuma_schemas::Instant;

use super::SimulatedCluster;
use super::faults::{CommitPlace, Fault};
use super::group::MemberNumber;
use super::left_out::LeftOut;
use super::partition::TransactionNumber;
use super::restore::SimulatedRestore;
use super::state::{ClientNumber, State};

const METADATA_BYTES_MAX: usize = 4096;
/// A record that is not written within this time fails its transaction.
const RECORD_TIMEOUT_MS: u64 = 8_000;

/// The client of one worker thread.
pub(super) struct SimulatedWorker {
    cluster: SimulatedCluster,
    client: ClientNumber,
    owner: String,
    epoch: u64,
    member: Option<MemberNumber>,
    generation: u64,
    held: BTreeSet<u32>,
    to_accept: BTreeSet<u32>,
    to_release: BTreeSet<u32>,
    /// The next offset of each partition that was resumed.
    reading: BTreeMap<u32, u64>,
}

impl SimulatedWorker {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str, slot: usize) -> Result<SimulatedWorker, LogError> {
        let owner = format!("{instance}-{slot}");
        let mut state = cluster.state();
        let epoch = state.initialise_producer(&owner)?;
        let client = state.add_client(&owner, instance);
        drop(state);
        Ok(SimulatedWorker {
            cluster: cluster.clone(),
            client,
            owner,
            epoch,
            member: None,
            generation: 0,
            held: BTreeSet::new(),
            to_accept: BTreeSet::new(),
            to_release: BTreeSet::new(),
            reading: BTreeMap::new(),
        })
    }

    /// What the group has to say, and membership itself.
    fn rebalance(&mut self, state: &mut State) -> Vec<GroupEvent> {
        if self.member.is_some_and(|member| !state.group.has(member)) {
            self.member = None;
            state.clients[self.client].member = None;
            if !self.held.is_empty() {
                let lost: Vec<u32> = self.held.iter().copied().collect();
                self.to_release.extend(&lost);
                return vec![GroupEvent::Lost(lost)];
            }
        }
        let member = *self.member.get_or_insert_with(|| state.group.join(&self.owner));
        state.clients[self.client].member = Some(member);
        self.generation = state.group.generation();
        let (revoked, assigned) = (state.group.to_revoke(member, &self.held), state.group.assign(member));
        self.to_release.extend(&revoked);
        self.to_accept.extend(&assigned);
        let mut events = Vec::new();
        if !revoked.is_empty() {
            events.push(GroupEvent::Revoked(revoked));
        }
        if !assigned.is_empty() {
            events.push(GroupEvent::Assigned(assigned));
        }
        events
    }

    /// Records of resumed partitions that stay: a batch of a size drawn, partition after partition.
    fn read(&mut self, state: &mut State, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        let records_max = state.batch_records();
        let staying = self.reading.iter_mut().filter(|(partition, _)| !self.to_release.contains(partition));
        for (partition, next) in staying {
            if !state.has_leader(Topic::Evidence, *partition) {
                continue;
            }
            let log = state.log(Topic::Evidence, *partition);
            if *next < log.first() || *next > log.end() {
                let (first, end) = (log.first(), log.end());
                let message = format!("simulated: evidence {partition} holds {first}..{end}, not {next}");
                return Err(LogError::new(Code::OutOfRange, message));
            }
            for record in log.committed(*next, log.end()).take(records_max.saturating_sub(records.len())) {
                *next = record.offset + 1;
                records.push(evidence(*partition, record));
            }
        }
        Ok(())
    }

    fn check(&self, transaction: &Transaction<'_>) {
        assert!(!transaction.positions.is_empty(), "R-1: a transaction without positions");
        for (partition, position) in transaction.positions {
            assert!(self.held.contains(partition), "{} commits {partition}, which it does not hold", self.owner);
            assert!(position.offset.is_some(), "{} commits no offset", self.owner);
            let metadata = &position.metadata;
            assert!(metadata.is_ascii() && metadata.len() <= METADATA_BYTES_MAX, "metadata of {}", metadata.len());
        }
        let moved = |partition| transaction.positions.iter().any(|(other, _)| *other == partition);
        let stray = transaction.changes.iter().find(|change| !moved(change.partition));
        assert!(stray.is_none(), "a change of a partition without a position");
        let mut people = BTreeSet::new();
        let twice = transaction.changes.iter().find(|change| !people.insert(&change.key));
        assert!(twice.is_none(), "two changes of a person in one transaction");
    }

    /// What is to happen at a place of a commit; then whether the client may go on.
    fn place(&self, place: CommitPlace, fault: &mut Option<Fault>) -> Result<(), LogError> {
        match fault.take() {
            Some(Fault::Crash(at)) if at == place => self.cluster.state().kill(self.client),
            Some(Fault::Meanwhile(at, run)) if at == place => run(&self.cluster),
            other => *fault = other,
        }
        let state = self.cluster.state();
        state.alive(self.client)?;
        state.check_epoch(&self.owner, self.epoch).or_else(|error| match place {
            // The answer to a commit that was prepared is not refused.
            CommitPlace::Unanswered => Ok(()),
            _ => Err(error),
        })
    }

    fn is_stale(&self, state: &State) -> bool {
        if state.lacks(LeftOut::Generation) {
            return false;
        }
        self.generation != state.group.generation() || !self.member.is_some_and(|member| state.group.has(member))
    }

    fn abort(&self, number: TransactionNumber) -> Result<Outcome, LogError> {
        let mut state = self.cluster.state();
        state.end_transaction(number, false);
        Ok(if state.lacks(LeftOut::Rollback) { Outcome::Committed } else { Outcome::Aborted })
    }
}

fn evidence(partition: u32, record: &super::StoredRecord) -> LogRecord {
    let value = record.value.clone().unwrap_or_default();
    LogRecord { partition, offset: record.offset, timestamp: record.timestamp, value }
}

impl WorkerLog for SimulatedWorker {
    fn owner(&self) -> &str {
        &self.owner
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<Vec<GroupEvent>, LogError> {
        let cluster = self.cluster.clone();
        let mut state = cluster.state();
        state.call(self.client)?;
        assert!(self.to_accept.is_empty(), "{} has not accepted {:?}", self.owner, self.to_accept);
        assert!(self.to_release.is_empty(), "{} has not released {:?}", self.owner, self.to_release);
        let events = self.rebalance(&mut state);
        self.read(&mut state, records)?;
        if events.is_empty() && records.is_empty() {
            state.advance(wait.as_millis() as u64);
            self.read(&mut state, records)?;
        }
        Ok(events)
    }

    fn is_member(&self) -> bool {
        self.member.is_some()
    }

    fn accept(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        self.cluster.state().call(self.client)?;
        for partition in partitions {
            assert!(self.to_accept.remove(partition), "{} accepts {partition} unasked", self.owner);
            self.held.insert(*partition);
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        let cluster = self.cluster.clone();
        let mut state = cluster.state();
        state.call(self.client)?;
        for partition in partitions {
            // Who leaves lets all go unasked.
            let was_held = self.held.remove(partition) | self.to_release.remove(partition);
            assert!(was_held, "{} releases {partition}, which it does not hold", self.owner);
            self.reading.remove(partition);
            if let Some(member) = self.member {
                state.group.release(member, *partition);
            }
        }
        Ok(())
    }

    fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        self.cluster.state().call(self.client)?;
        assert!(self.held.contains(&partition), "{} resumes {partition}, which it does not hold", self.owner);
        self.reading.insert(partition, offset);
        Ok(())
    }

    fn pause(&mut self, partition: u32) -> Result<(), LogError> {
        self.cluster.state().call(self.client)?;
        self.reading.remove(&partition);
        Ok(())
    }

    fn commit(&mut self, transaction: Transaction<'_>) -> Result<Outcome, LogError> {
        self.check(&transaction);
        let mut fault = self.cluster.state().faults.of_commit(&self.owner);
        self.place(CommitPlace::BeforeBegin, &mut fault)?;
        let state = self.cluster.state();
        let offset_of = |partition: u32| state.positions[partition as usize].stable.offset;
        if state.settings.left_out.is_some_and(|rule| rule.swallows(&transaction, offset_of)) {
            return Ok(Outcome::Committed);
        }
        drop(state);
        let number = self.cluster.state().begin_transaction(&self.owner, self.epoch)?;
        let is_lost = |partition| !self.cluster.state().has_leader(Topic::Changes, partition);
        if transaction.changes.iter().any(|change| is_lost(change.partition)) {
            // The records are not answered in time.
            self.cluster.advance(RECORD_TIMEOUT_MS);
            self.place(CommitPlace::AfterSend, &mut fault)?;
            return self.abort(number);
        }
        self.cluster.state().send_changes(number, transaction.changes);
        self.place(CommitPlace::AfterSend, &mut fault)?;
        if self.is_stale(&self.cluster.state()) {
            return self.abort(number);
        }
        self.cluster.state().add_positions(number, transaction.positions);
        self.place(CommitPlace::AfterOffsets, &mut fault)?;
        if matches!(fault, Some(Fault::Abort)) {
            return self.abort(number);
        }
        self.cluster.state().end_transaction(number, true);
        if matches!(fault, Some(Fault::AnswerLost)) {
            let message = "simulated: whether the transaction was committed is not known";
            return Err(LogError::new(Code::Unknown, message));
        }
        self.place(CommitPlace::Unanswered, &mut fault)?;
        Ok(Outcome::Committed)
    }

    fn clock(&mut self) -> Result<Instant, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(Topic::Clock, 0)?;
        Ok(state.broker_clock())
    }

    fn output_end(&mut self, partition: u32) -> Result<u64, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(Topic::Changes, partition)?;
        Ok(state.log(Topic::Changes, partition).end())
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        state.led(Topic::Evidence, partition)?;
        let log = state.log(Topic::Evidence, partition);
        Ok(log.first()..log.end())
    }

    fn ends(&self, partition: u32) -> EndsQuestion {
        let (cluster, client) = (self.cluster.clone(), self.client);
        Box::new(move || {
            let mut state = cluster.state();
            state.call(client)?;
            state.led(Topic::Changes, partition)?;
            state.led(Topic::Evidence, partition)?;
            let output = state.log(Topic::Changes, partition).end();
            let evidence = state.log(Topic::Evidence, partition);
            Ok((output, evidence.first()..evidence.end()))
        })
    }

    fn restorer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        self.cluster.state().call(self.client)?;
        Ok(Box::new(SimulatedRestore::new(&self.cluster, self.client)))
    }
}

impl Drop for SimulatedWorker {
    /// A client that lives leaves the group; a dead one is expelled in time.
    fn drop(&mut self) {
        let mut state = self.cluster.state();
        if state.alive(self.client).is_ok() {
            state.expel(self.client);
        }
    }
}
