//! A cluster in memory behind the ports of the log, with the traps of Apache Kafka, for simulation from a seed.
//!
//! ```text
//! partition     records and control markers at offsets; last stable offset, compaction, retention
//! transactions  producers and epochs, open and prepared transactions, markers that arrive one by one
//! group         members, generation, cooperative assignment
//! state         all of it, and the clock: what is due happens as time passes, in order
//! faults        what goes wrong, by a script or by chance
//! left_out      a rule of recovery that the cluster makes void, to see that it is missed
//! worker, restore, streams   the ports
//! ```
//!
//! Nothing blocks: a poll that finds nothing lets the cluster's time pass instead, and so does a read that has to wait
//! for a marker. Driven from one thread, the same seed gives the same run.
//!
//! Owns the semantics that the real broker has and docs/recovery.md lists. Must never be kinder than the broker.

mod faults;
mod group;
mod keyed;
mod left_out;
mod partition;
mod restore;
mod state;
mod streams;
#[cfg(test)]
mod tests;
mod transactions;
mod worker;

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fuma_connectors::log::{
    Appender, Decisions, FeedSource, KeyedSource, LinkSource, Log, LogError, Position, Reference, RestoreLog, Topic,
    TopicIdentity, Watching, WorkerLog,
};
use fuma_schemas::{Feed, Instant};

pub use faults::{CommitPlace, Fault, FaultRates, ReadFault};
pub use left_out::LeftOut;
pub use partition::StoredRecord;
pub use transactions::MarkerPlace;

use partition::NewRecord;
use state::State;

/// When the markers of a transaction that was decided reach its partitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkerDelivery {
    /// Before the commit returns.
    AtOnce,
    /// Each on its own, after a time drawn.
    Late {
        /// The longest time, in milliseconds.
        ms_max: u64,
    },
    /// When the test calls [`SimulatedCluster::deliver_marker`]; who waits for one gets a transient error.
    Held,
}

/// How the cluster is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Partitions of evidence and output.
    pub partitions: u32,
    /// Partitions of each feed's topic.
    pub feed_partitions: u32,
    /// How many feed sources share the feeds: slot s has the partitions p with p mod slots = s.
    pub feed_slots: usize,
    /// What chance begins with.
    pub seed: u64,
    /// The clock at the start.
    pub start: Instant,
    /// When markers arrive.
    pub markers: MarkerDelivery,
    /// A poll gives 1 to so many records.
    pub batch_records_max: usize,
    /// An open transaction is aborted after that long.
    pub transaction_timeout_ms: u64,
    /// A dead member is expelled after that long.
    pub session_ms: u64,
    /// Whoever waits gives up after that long.
    pub wait_limit_ms: u64,
    /// `delete.retention.ms` of the output.
    pub tombstones_kept_ms: i64,
    /// A rule that is left out.
    pub left_out: Option<LeftOut>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            partitions: 4,
            feed_partitions: 2,
            feed_slots: 1,
            seed: 1,
            start: Instant(1_636_300_000_000),
            markers: MarkerDelivery::AtOnce,
            batch_records_max: 500,
            transaction_timeout_ms: 10_000,
            session_ms: 6_000,
            wait_limit_ms: 30_000,
            tombstones_kept_ms: 7 * 86_400_000,
            left_out: None,
        }
    }
}

/// The cluster; clones are handles of the same.
#[derive(Clone)]
pub struct SimulatedCluster(Arc<Mutex<State>>);

impl SimulatedCluster {
    /// An empty cluster.
    pub fn new(settings: Settings) -> SimulatedCluster {
        SimulatedCluster(Arc::new(Mutex::new(State::new(settings))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log as a process of that name sees it. Its workers' owners are `<name>-<slot>`: made again, a worker fences
    /// the one before it.
    pub fn process(&self, name: &str) -> SimulatedLog {
        SimulatedLog { cluster: self.clone(), instance: name.to_owned() }
    }

    /// Partitions of evidence and output.
    pub fn partitions(&self) -> u32 {
        self.state().settings.partitions
    }

    /// The clock of the cluster.
    pub fn now(&self) -> Instant {
        self.state().broker_clock()
    }

    /// Time passes: markers arrive, transactions time out, the dead are expelled.
    pub fn advance(&self, ms: u64) {
        self.state().advance(ms);
    }

    /// The broker's clock is put forward or back; no time passes.
    pub fn shift_clock(&self, ms: i64) {
        self.state().shift_ms += ms;
    }

    /// What happens in the owner's next commit that has no fault yet.
    pub fn fail_commit(&self, owner: &str, fault: Fault) {
        self.state().faults.plan(owner, fault);
    }

    /// What the next reading of a partition's past meets that has no fault yet.
    pub fn fail_reading(&self, topic: Topic, partition: u32, fault: ReadFault) {
        self.state().faults.plan_reading(topic, partition, fault);
    }

    /// Records are lost for good.
    pub fn lose(&self, topic: Topic, partition: u32, offsets: Range<u64>) {
        self.state().log(topic, partition).lose(&offsets);
    }

    /// A marker without records takes the next offset.
    pub fn mark(&self, topic: Topic, partition: u32) {
        self.state().log(topic, partition).mark();
    }

    /// A partition is deleted and made anew: it is empty. Positions are another matter.
    pub fn make_anew(&self, topic: Topic, partition: u32) {
        *self.state().log(topic, partition) = partition::PartitionLog::default();
    }

    /// How often what goes wrong by chance from now on.
    pub fn set_fault_rates(&self, rates: FaultRates) {
        self.state().faults.rates = rates;
    }

    /// A number drawn from the seed, below a bound.
    pub fn draw(&self, bound: u64) -> u64 {
        self.state().faults.chance.below(bound)
    }

    /// The client of an owner dies; the group notices after the session, or by [`SimulatedCluster::expire`].
    pub fn crash(&self, owner: &str) {
        self.crash_where(|client| client.owner == owner);
    }

    /// All clients of a process die.
    pub fn crash_process(&self, name: &str) {
        self.crash_where(|client| client.instance == name);
    }

    fn crash_where(&self, wanted: impl Fn(&state::Client) -> bool) {
        let mut state = self.state();
        let dying: Vec<usize> = (0..state.clients.len()).filter(|number| wanted(&state.clients[*number])).collect();
        dying.into_iter().for_each(|client| state.kill(client));
    }

    /// Whether a call of this owner's newest client could still succeed.
    pub fn is_alive(&self, owner: &str) -> bool {
        let state = self.state();
        state.clients.iter().rev().find(|client| client.owner == owner).is_some_and(|it| it.dead_since_ms.is_none())
    }

    /// The session of a worker ends, dead or alive (a pause, a long restore): its partitions are free at once.
    pub fn expire(&self, owner: &str) {
        let mut state = self.state();
        state.group.members_of(owner).into_iter().for_each(|member| state.group.remove(member));
    }

    /// Every partition gets another target: it moves as its holder releases it.
    pub fn rotate(&self) {
        self.state().group.rotate();
    }

    /// The link log is taken from its reader; whoever polls next has it.
    pub fn expire_links(&self) {
        self.state().links.reader = None;
    }

    /// A record arrives on a feed; says where.
    pub fn send(&self, feed: Feed, partition: u32, value: impl Into<Bytes>) -> u64 {
        self.append(Topic::Feed(feed), partition, value)
    }

    /// A record is appended to any topic, committed; says where.
    pub fn append(&self, topic: Topic, partition: u32, value: impl Into<Bytes>) -> u64 {
        let mut state = self.state();
        let at = state.broker_clock();
        let record = NewRecord { value: Some(value.into()), ..NewRecord::default() };
        state.log(topic, partition).append(record, at, None)
    }

    /// A record with key and headers is appended to any topic, committed, by whoever it was.
    pub fn append_keyed(
        &self,
        topic: Topic,
        partition: u32,
        key: Bytes,
        value: Bytes,
        headers: Vec<(String, Bytes)>,
    ) -> u64 {
        let mut state = self.state();
        let at = state.broker_clock();
        state.log(topic, partition).append(NewRecord { key: Some(key), value: Some(value), headers }, at, None)
    }

    /// A tombstone on an output partition: somebody was erased.
    pub fn erase(&self, partition: u32, key: &str) {
        let mut state = self.state();
        let at = state.broker_clock();
        let record = NewRecord { key: Some(key.to_owned().into()), ..NewRecord::default() };
        state.log(Topic::Changes, partition).append(record, at, None);
    }

    /// What anybody who reads committed records gets now.
    pub fn records(&self, topic: Topic, partition: u32) -> Vec<StoredRecord> {
        let mut state = self.state();
        let log = state.log(topic, partition);
        log.committed(log.first(), log.stable_end()).cloned().collect()
    }

    /// The same, with what retention took meanwhile.
    pub fn records_ever(&self, topic: Topic, partition: u32) -> Vec<StoredRecord> {
        let mut state = self.state();
        let log = state.log(topic, partition);
        log.expired().chain(log.committed(log.first(), log.stable_end())).cloned().collect()
    }

    /// One past the last record or marker.
    pub fn end(&self, topic: Topic, partition: u32) -> u64 {
        self.state().log(topic, partition).end()
    }

    /// The committed position of an evidence partition.
    pub fn position(&self, partition: u32) -> Position {
        self.state().positions[partition as usize].stable.clone()
    }

    /// The position expires (`offsets.retention.minutes`).
    pub fn forget_position(&self, partition: u32) {
        self.state().positions[partition as usize] = state::Committed::default();
    }

    /// Retention: the records of a partition below an offset are gone.
    pub fn retain_from(&self, topic: Topic, partition: u32, first: u64) {
        self.state().log(topic, partition).retain_from(first);
    }

    /// A topic is deleted and made again under its name: empty, and the group's positions in it are gone, as on Kafka.
    pub fn make_again(&self, topic: Topic) {
        self.state().make_again(topic);
    }

    /// A topic is deleted, with the group's positions in it.
    pub fn delete(&self, topic: Topic) {
        let mut state = self.state();
        state.make_again(topic);
        state.deleted.insert(topic);
    }

    /// A topic grows to so many partitions.
    pub fn grow(&self, topic: Topic, partitions: u32) {
        self.state().grown.insert(topic, partitions);
    }

    /// Compaction of an output partition: of each key the newest record stays, of the erased nothing.
    pub fn compact(&self, partition: u32) {
        self.state().log(Topic::Changes, partition).compact();
    }

    /// A transaction on an output partition that nobody will ever end.
    pub fn hang(&self, partition: u32) {
        let mut state = self.state();
        let (number, at) = (state.next_transaction, state.broker_clock());
        state.next_transaction += 1;
        state.log(Topic::Changes, partition).append(NewRecord::default(), at, Some(number));
    }

    /// A partition of a topic has nobody who leads it any more, or has one again.
    pub fn set_leader(&self, topic: Topic, partition: u32, is_there: bool) {
        let mut state = self.state();
        match is_there {
            true => state.leaderless.remove(&(topic, partition)),
            false => state.leaderless.insert((topic, partition)),
        };
    }

    /// The markers on their way: transaction, its owner, where to; oldest transaction first.
    pub fn markers(&self) -> Vec<(u64, String, MarkerPlace)> {
        let state = self.state();
        let of = |(number, transaction): (&u64, &transactions::Transaction)| {
            let (number, owner) = (*number, transaction.owner.clone());
            transaction.missing().map(move |place| (number, owner.clone(), place)).collect::<Vec<_>>()
        };
        state.transactions.iter().flat_map(of).collect()
    }

    /// One of [`SimulatedCluster::markers`] arrives.
    pub fn deliver_marker(&self, transaction: u64, place: MarkerPlace) {
        self.state().deliver_marker(transaction, place);
    }

    /// All markers arrive.
    pub fn deliver_markers(&self) {
        for (transaction, _, place) in self.markers() {
            self.deliver_marker(transaction, place);
        }
    }

    /// When markers arrive from now on.
    pub fn set_markers(&self, delivery: MarkerDelivery) {
        self.state().settings.markers = delivery;
    }
}

/// The log as one process sees it.
#[derive(Clone)]
pub struct SimulatedLog {
    cluster: SimulatedCluster,
    instance: String,
}

impl Log for SimulatedLog {
    fn partitions(&self) -> u32 {
        self.cluster.state().settings.partitions
    }

    fn check(&self) -> Result<(), LogError> {
        Ok(())
    }

    fn feeds(&self, slot: usize) -> Result<Box<dyn FeedSource>, LogError> {
        Ok(Box::new(streams::SimulatedFeeds::new(&self.cluster, &self.instance, slot)))
    }

    fn appender(&self, name: &str) -> Result<Box<dyn Appender>, LogError> {
        Ok(Box::new(streams::SimulatedAppender::new(&self.cluster, &self.instance, name)))
    }

    fn links(&self) -> Result<Box<dyn LinkSource>, LogError> {
        Ok(Box::new(streams::SimulatedLinks::new(&self.cluster, &self.instance)))
    }

    fn keyed(&self, topic: Topic) -> Result<Box<dyn KeyedSource>, LogError> {
        Ok(Box::new(keyed::SimulatedKeyed::new(&self.cluster, &self.instance, topic)))
    }

    fn reference(&self) -> Result<Box<dyn Reference>, LogError> {
        Ok(Box::new(streams::SimulatedReference::new(&self.cluster, &self.instance)))
    }

    fn worker(&self, slot: usize) -> Result<Box<dyn WorkerLog>, LogError> {
        Ok(Box::new(worker::SimulatedWorker::new(&self.cluster, &self.instance, slot)?))
    }

    fn decisions(&self) -> Result<Box<dyn Decisions>, LogError> {
        Ok(Box::new(streams::SimulatedDecisions::new(&self.cluster, &self.instance)))
    }

    fn topics(&self) -> Result<Vec<TopicIdentity>, LogError> {
        Ok(self.cluster.state().topics_now())
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Range<u64>, LogError> {
        let mut state = self.cluster.state();
        let log = state.log(topic, partition);
        Ok(log.first()..log.end())
    }

    fn observer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        let client = self.cluster.state().add_client(&format!("{}-observer", self.instance), &self.instance);
        Ok(Box::new(restore::SimulatedRestore::new(&self.cluster, client)))
    }

    fn watching(&self) -> Result<Box<dyn Watching>, LogError> {
        Err(LogError::operator("nobody watches a simulated log from outside"))
    }
}
