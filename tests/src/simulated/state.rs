//! Everything that the cluster holds, and its clock.
//!
//! Time passes only here: to a bound, event by event (a marker arrives, a transaction times out, a dead member is
//! expelled), so that whoever waits sees each step. Owns the order of those events. Must never wait itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use fuma_connectors::log::{Code, LogError, Position, Topic, TopicIdentity, Topics};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::faults::Faults;
use super::group::{Group, MemberNumber};
use super::left_out::LeftOut;
use super::partition::{PartitionLog, TransactionNumber};
use super::transactions::{Producer, Transaction};

/// The number of a client.
pub(super) type ClientNumber = usize;

/// A client of the cluster.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) owner: String,
    pub(super) instance: String,
    pub(super) dead_since_ms: Option<i64>,
    /// Its place in the group of workers, so that a dead one can be expelled.
    pub(super) member: Option<MemberNumber>,
}

/// The committed position of an evidence partition.
#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) stable: Position,
    /// The place in the offsets topic of what is stable: a later one wins.
    pub(super) stable_place: u64,
    /// Of transactions that have not ended here: transaction, place, position.
    pub(super) pending: Vec<(TransactionNumber, u64, Position)>,
}

/// The group of the link log.
#[derive(Debug, Default)]
pub(super) struct LinkGroup {
    pub(super) reader: Option<ClientNumber>,
    pub(super) committed: Option<u64>,
}

/// The cluster.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) now_ms: i64,
    pub(super) shift_ms: i64,
    pub(super) faults: Faults,
    pub(super) topics: HashMap<(Topic, u32), PartitionLog>,
    /// How often a topic was made again, and how many partitions it has where that is not the usual number.
    pub(super) made_again: HashMap<Topic, u32>,
    pub(super) grown: HashMap<Topic, u32>,
    pub(super) deleted: HashSet<Topic>,
    /// Partitions that nobody leads: neither read nor written.
    pub(super) leaderless: HashSet<(Topic, u32)>,
    pub(super) positions: Vec<Committed>,
    pub(super) offsets_end: u64,
    pub(super) producers: BTreeMap<String, Producer>,
    pub(super) transactions: BTreeMap<TransactionNumber, Transaction>,
    pub(super) next_transaction: TransactionNumber,
    pub(super) group: Group,
    pub(super) clients: Vec<Client>,
    pub(super) feed_positions: HashMap<(Feed, u32), u64>,
    pub(super) links: LinkGroup,
}

impl State {
    /// Whether a rule is left out.
    pub(super) fn lacks(&self, rule: LeftOut) -> bool {
        self.settings.left_out.is_some_and(|left_out| left_out.has(rule))
    }

    /// The position of a partition that has its marker, as it is read.
    pub(super) fn stable(&self, partition: u32) -> Position {
        let stable = &self.positions[partition as usize].stable;
        self.settings.left_out.map_or_else(|| stable.clone(), |rule| rule.read(stable))
    }

    pub(super) fn new(settings: Settings) -> State {
        State {
            now_ms: settings.start.0,
            shift_ms: 0,
            faults: Faults::new(settings.seed),
            topics: HashMap::new(),
            made_again: HashMap::new(),
            grown: HashMap::new(),
            deleted: HashSet::new(),
            leaderless: HashSet::new(),
            positions: (0..settings.partitions).map(|_| Committed::default()).collect(),
            offsets_end: 0,
            producers: BTreeMap::new(),
            transactions: BTreeMap::new(),
            next_transaction: 1,
            group: Group::new(settings.partitions),
            clients: Vec::new(),
            feed_positions: HashMap::new(),
            links: LinkGroup::default(),
            settings,
        }
    }

    /// The topics, each with an id that changes when it is made again.
    pub(super) fn topics_now(&self) -> Vec<TopicIdentity> {
        let identity = |topic: Topic| {
            let usual = match topic {
                Topic::Feed(_) | Topic::DeadLetters(_) => self.settings.feed_partitions,
                _ if topic.is_single() => 1,
                _ => self.settings.partitions,
            };
            let (name, turn) = (topic.name("simulated."), self.made_again.get(&topic).copied().unwrap_or(0));
            TopicIdentity {
                topic,
                partitions: self.grown.get(&topic).copied().unwrap_or(usual),
                id: Some(format!("{name}-{turn}")),
                name,
            }
        };
        Topics::all().into_iter().filter(|topic| !self.deleted.contains(topic)).map(identity).collect()
    }

    /// A topic is deleted and made again.
    pub(super) fn make_again(&mut self, topic: Topic) {
        self.topics.retain(|(of, _), _| *of != topic);
        self.deleted.remove(&topic);
        *self.made_again.entry(topic).or_default() += 1;
        match topic {
            Topic::Evidence => self.positions.iter_mut().for_each(|position| *position = Committed::default()),
            Topic::Links => self.links.committed = None,
            Topic::Feed(feed) => self.feed_positions.retain(|(of, _), _| *of != feed),
            _ => {}
        }
    }

    /// The clock of the broker.
    pub(super) fn broker_clock(&self) -> Instant {
        Instant(self.now_ms + self.shift_ms)
    }

    /// How many records the next poll gives: drawn, so that batches are cut everywhere.
    pub(super) fn batch_records(&mut self) -> usize {
        let records_max = self.settings.batch_records_max as u64;
        1 + self.faults.chance.below(records_max) as usize
    }

    pub(super) fn log(&mut self, topic: Topic, partition: u32) -> &mut PartitionLog {
        self.topics.entry((topic, partition)).or_default()
    }

    /// Whether a partition can be read and written.
    pub(super) fn has_leader(&self, topic: Topic, partition: u32) -> bool {
        !self.leaderless.contains(&(topic, partition))
    }

    /// As [`State::has_leader`], as an error.
    pub(super) fn led(&self, topic: Topic, partition: u32) -> Result<(), LogError> {
        let code = if topic == Topic::Clock { Code::NoAnswer } else { Code::NoLeader };
        let message = || format!("simulated: {topic:?} {partition}: no leader");
        if self.has_leader(topic, partition) { Ok(()) } else { Err(LogError::new(code, message())) }
    }

    /// Time passes.
    pub(super) fn advance(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms as i64;
        while let Some(due_ms) = self.next_due_ms().filter(|due_ms| *due_ms <= until_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            self.settle();
        }
        self.now_ms = until_ms;
    }

    /// Lets time pass until something holds; false when it does not within the limit.
    pub(super) fn wait_until(&mut self, limit_ms: u64, holds: impl Fn(&mut State) -> bool) -> bool {
        let until_ms = self.now_ms + limit_ms as i64;
        loop {
            if holds(self) {
                return true;
            }
            let Some(due_ms) = self.next_due_ms().filter(|due_ms| *due_ms <= until_ms) else {
                self.now_ms = until_ms;
                return false;
            };
            self.now_ms = self.now_ms.max(due_ms);
            self.settle();
        }
    }

    /// When the next thing happens by itself.
    fn next_due_ms(&self) -> Option<i64> {
        let timeout_ms = self.settings.transaction_timeout_ms as i64;
        let transactions = self.transactions.values().filter_map(|transaction| transaction.due_ms(timeout_ms));
        transactions.chain(self.expiries().map(|(due_ms, _)| due_ms)).min()
    }

    /// The dead that the group still counts as members, and when it will not.
    fn expiries(&self) -> impl Iterator<Item = (i64, ClientNumber)> {
        let session_ms = self.settings.session_ms as i64;
        self.clients.iter().enumerate().filter_map(move |(number, client)| {
            let is_counted = client.member.is_some() || self.links.reader == Some(number);
            client.dead_since_ms.filter(|_| is_counted).map(|since_ms| (since_ms + session_ms, number))
        })
    }

    /// Everything that is due now happens.
    fn settle(&mut self) {
        self.settle_transactions();
        let expired: Vec<ClientNumber> =
            self.expiries().filter(|(due_ms, _)| *due_ms <= self.now_ms).map(|(_, client)| client).collect();
        expired.into_iter().for_each(|client| self.expel(client));
    }

    /// The groups forget a client.
    pub(super) fn expel(&mut self, client: ClientNumber) {
        if let Some(member) = self.clients[client].member.take() {
            self.group.remove(member);
        }
        if self.links.reader == Some(client) {
            self.links.reader = None;
        }
    }

    pub(super) fn add_client(&mut self, owner: &str, instance: &str) -> ClientNumber {
        let client =
            Client { owner: owner.to_owned(), instance: instance.to_owned(), dead_since_ms: None, member: None };
        self.clients.push(client);
        self.clients.len() - 1
    }

    pub(super) fn kill(&mut self, client: ClientNumber) {
        let now_ms = self.now_ms;
        self.clients[client].dead_since_ms.get_or_insert(now_ms);
    }

    /// A call of a client begins: the dead do nothing any more, and it may die in it.
    pub(super) fn call(&mut self, client: ClientNumber) -> Result<(), LogError> {
        self.alive(client)?;
        if self.faults.dies_in_call() {
            self.kill(client);
        }
        self.alive(client)
    }

    pub(super) fn alive(&self, client: ClientNumber) -> Result<(), LogError> {
        match self.clients[client].dead_since_ms {
            None => Ok(()),
            Some(_) => Err(LogError::fatal(format!("simulated: {} is dead", self.clients[client].owner))),
        }
    }
}
