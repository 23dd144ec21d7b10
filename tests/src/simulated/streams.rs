//! The simple ports: raw records of the feeds, the appender, the link log, the reference topics.
//!
//! Owns the positions of their readers. Whoever reads anew begins at what was committed.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use fuma_connectors::log::{
    Answer, Appender, Decisions, FeedRecord, FeedSource, LinkEvent, LinkSource, LogError, LogRecord, LostRecords,
    Outgoing, Reference, Topic,
};
use fuma_schemas::Feed;

use super::partition::NewRecord;
use super::state::{ClientNumber, State};
use super::{SimulatedCluster, StoredRecord};

/// All feeds, of each the partitions that fall to a slot.
pub(super) struct SimulatedFeeds {
    cluster: SimulatedCluster,
    client: ClientNumber,
    reading: Vec<(Feed, u32, u64)>,
}

impl SimulatedFeeds {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str, slot: usize) -> SimulatedFeeds {
        let mut state = cluster.state();
        let client = state.add_client(&format!("{instance}-feeds-{slot}"), instance);
        let slots = state.settings.feed_slots as u32;
        let partitions = (0..state.settings.feed_partitions).filter(|partition| partition % slots == slot as u32);
        let places = Feed::ALL.into_iter().flat_map(|feed| partitions.clone().map(move |partition| (feed, partition)));
        let next = |(feed, partition)| {
            (feed, partition, state.feed_positions.get(&(feed, partition)).copied().unwrap_or_default())
        };
        let reading = places.map(next).collect();
        SimulatedFeeds { cluster: cluster.clone(), client, reading }
    }

    fn take(&mut self, state: &mut State, records_max: usize) -> Vec<(Feed, u32, StoredRecord)> {
        let mut taken = Vec::new();
        for (feed, partition, next) in &mut self.reading {
            let log = state.log(Topic::Feed(*feed), *partition);
            for record in log.committed(*next, log.end()).take(records_max - taken.len()) {
                *next = record.offset + 1;
                taken.push((*feed, *partition, record.clone()));
            }
        }
        taken
    }
}

impl FeedSource for SimulatedFeeds {
    fn poll(
        &mut self,
        wait: Duration,
        records_max: usize,
        each: &mut dyn FnMut(FeedRecord<'_>),
    ) -> Result<usize, LogError> {
        let cluster = self.cluster.clone();
        let mut state = cluster.state();
        state.call(self.client)?;
        let mut taken = self.take(&mut state, records_max);
        if taken.is_empty() {
            state.advance(wait.as_millis() as u64);
            taken = self.take(&mut state, records_max);
        }
        drop(state);
        for (feed, partition, record) in &taken {
            let headers: Vec<(&str, Option<&[u8]>)> =
                record.headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_ref()))).collect();
            each(FeedRecord {
                feed: *feed,
                partition: *partition,
                offset: record.offset,
                received: Some(record.timestamp),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
            });
        }
        Ok(taken.len())
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        for (feed, partition, next) in &self.reading {
            state.feed_positions.insert((*feed, *partition), *next);
        }
        Ok(())
    }

    fn lag(&mut self) -> Option<u64> {
        let mut state = self.cluster.state();
        let behind =
            |(feed, partition, next): &(Feed, u32, u64)| state.log(Topic::Feed(*feed), *partition).end() - next;
        Some(self.reading.iter().map(behind).sum())
    }

    fn lost(&mut self) -> Vec<LostRecords> {
        Vec::new()
    }
}

/// Queues until it is flushed; a crash in between writes some of it.
pub(super) struct SimulatedAppender {
    cluster: SimulatedCluster,
    client: ClientNumber,
    queued: Vec<(Topic, Outgoing)>,
    tickets: Vec<u64>,
}

impl SimulatedAppender {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str, name: &str) -> SimulatedAppender {
        let client = cluster.state().add_client(&format!("{instance}-{name}"), instance);
        SimulatedAppender { cluster: cluster.clone(), client, queued: Vec::new(), tickets: Vec::new() }
    }
}

impl Appender for SimulatedAppender {
    fn append(&mut self, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        self.cluster.state().alive(self.client)?;
        self.queued.push((topic, record));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.alive(self.client)?;
        let outcome = state.call(self.client);
        let queued = self.queued.len() as u64;
        let written = if outcome.is_ok() { queued } else { state.faults.chance.below(queued + 1) };
        let at = state.broker_clock();
        for (topic, Outgoing { partition, key, value, headers }) in self.queued.drain(..).take(written as usize) {
            let record = NewRecord { key, value: Some(value), headers };
            state.log(topic, partition).append(record, at, None);
        }
        outcome
    }

    fn begin(&mut self, ticket: u64, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        self.append(topic, record)?;
        self.tickets.push(ticket);
        Ok(())
    }

    fn answers(&mut self, _: Duration, each: &mut dyn FnMut(u64, Answer)) -> Result<(), LogError> {
        let mut led = Vec::new();
        for (ticket, (topic, record)) in std::mem::take(&mut self.tickets).into_iter().zip(self.queued.drain(..)) {
            match self.cluster.state().has_leader(topic, record.partition) {
                true => led.push((ticket, (topic, record))),
                false => each(ticket, Answer::NotYet("no leader".to_owned())),
            }
        }
        let (tickets, queued): (Vec<u64>, Vec<(Topic, Outgoing)>) = led.into_iter().unzip();
        self.queued = queued;
        if !tickets.is_empty() {
            self.flush()?;
        }
        tickets.into_iter().for_each(|ticket| each(ticket, Answer::Written));
        Ok(())
    }
}

/// The link log: whoever polls first has it until it leaves, dies or is expelled.
pub(super) struct SimulatedLinks {
    cluster: SimulatedCluster,
    client: ClientNumber,
    has_it: bool,
    next: Option<u64>,
}

impl SimulatedLinks {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str) -> SimulatedLinks {
        let client = cluster.state().add_client(&format!("{instance}-links"), instance);
        SimulatedLinks { cluster: cluster.clone(), client, has_it: false, next: None }
    }
}

impl LinkSource for SimulatedLinks {
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        if self.has_it && state.links.reader != Some(self.client) {
            (self.has_it, self.next) = (false, None);
            return Ok(LinkEvent::Revoked);
        }
        if state.links.reader.is_none() {
            state.links.reader = Some(self.client);
            self.has_it = true;
            return Ok(LinkEvent::Assigned(state.links.committed));
        }
        let records_max = state.batch_records();
        let held = records.len();
        if let Some(next) = &mut self.next {
            let log = state.log(Topic::Links, 0);
            for record in log.committed(*next, log.end()).take(records_max) {
                *next = record.offset + 1;
                records.push(plain(record));
            }
        }
        if records.len() == held {
            state.advance(wait.as_millis() as u64);
        }
        Ok(LinkEvent::None)
    }

    fn seek(&mut self, offset: u64) -> Result<(), LogError> {
        let Range { start, end } = self.bounds()?;
        if offset < start || offset > end {
            return Err(LogError::operator(format!("simulated: the link log holds {start}..{end}, not {offset}")));
        }
        self.next = Some(offset);
        Ok(())
    }

    fn commit(&mut self, offset: u64) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        if state.links.reader != Some(self.client) {
            return Err(LogError::transient("simulated: the link log is another's"));
        }
        state.links.committed = Some(offset);
        Ok(())
    }

    fn bounds(&mut self) -> Result<Range<u64>, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        let log = state.log(Topic::Links, 0);
        Ok(log.first()..log.end())
    }
}

impl Drop for SimulatedLinks {
    fn drop(&mut self) {
        let mut state = self.cluster.state();
        if state.alive(self.client).is_ok() {
            state.expel(self.client);
        }
    }
}

fn plain(record: &StoredRecord) -> LogRecord {
    let value = record.value.clone().unwrap_or_default();
    LogRecord { partition: 0, offset: record.offset, timestamp: record.timestamp, value }
}

/// The reference topics.
pub(super) struct SimulatedReference {
    cluster: SimulatedCluster,
    client: ClientNumber,
    next: HashMap<Topic, u64>,
}

impl SimulatedReference {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str) -> SimulatedReference {
        let client = cluster.state().add_client(&format!("{instance}-reference"), instance);
        SimulatedReference { cluster: cluster.clone(), client, next: HashMap::new() }
    }

    fn take(&mut self, state: &mut State) -> Vec<(Topic, LogRecord)> {
        let mut taken = Vec::new();
        for topic in [Topic::Regions, Topic::Policies] {
            let log = state.log(topic, 0);
            let next = self.next.entry(topic).or_default();
            taken.extend(log.committed(*next, log.end()).map(|record| (topic, plain(record))));
            *next = log.end();
        }
        taken
    }
}

impl Reference for SimulatedReference {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError> {
        let cluster = self.cluster.clone();
        let mut state = cluster.state();
        state.call(self.client)?;
        let mut taken = self.take(&mut state);
        if taken.is_empty() {
            state.advance(wait.as_millis() as u64);
            taken = self.take(&mut state);
        }
        drop(state);
        let count = taken.len();
        taken.into_iter().for_each(|(topic, record)| each(topic, record));
        Ok(count)
    }

    fn next(&self, topic: Topic) -> u64 {
        self.next.get(&topic).copied().unwrap_or_default()
    }

    fn end(&mut self, topic: Topic) -> Result<u64, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        Ok(state.log(topic, 0).end())
    }
}

/// The log of decisions.
pub(super) struct SimulatedDecisions {
    cluster: SimulatedCluster,
    client: ClientNumber,
    next: u64,
}

impl SimulatedDecisions {
    pub(super) fn new(cluster: &SimulatedCluster, instance: &str) -> SimulatedDecisions {
        let client = cluster.state().add_client(&format!("{instance}-decisions"), instance);
        SimulatedDecisions { cluster: cluster.clone(), client, next: 0 }
    }
}

impl Decisions for SimulatedDecisions {
    /// A client that dies in the call has written the record, or has not.
    fn append(&mut self, value: Bytes) -> Result<(), LogError> {
        let mut state = self.cluster.state();
        state.alive(self.client)?;
        let outcome = state.call(self.client);
        if outcome.is_ok() || state.faults.chance.below(2) == 1 {
            let at = state.broker_clock();
            let record = NewRecord { value: Some(value), ..NewRecord::default() };
            state.log(Topic::Decisions, 0).append(record, at, None);
        }
        outcome
    }

    fn read(&mut self, each: &mut dyn FnMut(LogRecord)) -> Result<u64, LogError> {
        let mut state = self.cluster.state();
        state.call(self.client)?;
        let log = state.log(Topic::Decisions, 0);
        if log.first() > 0 || log.end() < self.next {
            return Err(LogError::operator("simulated: records of the log of decisions are missing"));
        }
        let records: Vec<LogRecord> = log.committed(self.next, log.end()).map(plain).collect();
        self.next = log.end();
        drop(state);
        records.into_iter().for_each(each);
        Ok(self.next)
    }
}
