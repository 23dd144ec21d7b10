//! Reads partitions from given offsets on, with the one of two clients that suits the traffic.
//!
//! ```text
//! quiet   its question waits at the broker for the first record: nothing to do while nothing comes
//! busy    its question waits some milliseconds, and the answer has all that came meanwhile
//! ```
//!
//! With each record that is appended, a broker answers whoever waits for one. Where they come all the time, answers and
//! the questions after them cost more than the records do; a question that collects costs as much while nothing comes.
//! librdkafka has one way to ask for the life of a client: so there are two, and the partitions move between them. And
//! it has one question at a broker at a time: what is placed anew waits for the answer to the last one, which takes the
//! quiet client half a second. So what is placed begins with the busy one.
//!
//! Owns the next offset of each partition. Must never hand out a record twice, nor one of a partition that is paused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::{self, Common, Fetching, PlainConsumer, number, raw};
use super::member::record_of;
use crate::log::{LogError, LogRecord};

/// Bounds of a poll: what came by then is handed out.
const RECORDS_MAX: usize = 4_096;
const BYTES_MAX: usize = 16 << 20;
/// Without an answer by then it is asked with the next partition.
const WARM_WAIT_MAX: Duration = Duration::from_millis(500);

/// Reads partitions of one topic.
pub(super) struct Fetcher {
    topic: String,
    quiet: PlainConsumer,
    busy: PlainConsumer,
    tempo: Tempo,
    /// The next offset of each partition; none while it is paused.
    next: BTreeMap<u32, Option<u64>>,
    /// What the client in charge reads is not what it should.
    is_stale: bool,
    is_warm: bool,
}

impl Fetcher {
    /// Reads nothing yet.
    pub(super) fn new(common: &Common, name: &str, topic: String) -> Result<Fetcher, LogError> {
        let settings = &common.settings;
        let client = |name: String, fetching| client::reader(settings, &name, fetching);
        Ok(Fetcher {
            topic,
            quiet: client(name.to_owned(), Fetching::Quiet)?,
            busy: client(format!("{name}-busy"), Fetching::Busy)?,
            tempo: Tempo::new(client::now()),
            next: BTreeMap::new(),
            is_stale: false,
            is_warm: false,
        })
    }

    /// Takes a partition on, paused.
    pub(super) fn hold(&mut self, partition: u32) {
        if !self.is_warm {
            self.warm(partition);
        }
        if self.next.insert(partition, None).flatten().is_some() {
            self.moved();
        }
    }

    /// Has both clients find the topic and its broker by a question. One that never spoke to it takes almost half a
    /// second until its first record: too long in the middle of the traffic that calls for it.
    fn warm(&mut self, partition: u32) {
        self.is_warm = [&self.quiet, &self.busy]
            .into_iter()
            .all(|client| client.fetch_watermarks(&self.topic, number(partition), WARM_WAIT_MAX).is_ok());
    }

    /// Whether a partition was taken on.
    pub(super) fn holds(&self, partition: u32) -> bool {
        self.next.contains_key(&partition)
    }

    /// Reads a partition from an offset on. False if it was not taken on.
    pub(super) fn place(&mut self, partition: u32, offset: u64) -> bool {
        let Some(next) = self.next.get_mut(&partition) else { return false };
        *next = Some(offset);
        self.moved();
        true
    }

    /// Stops to read a partition.
    pub(super) fn pause(&mut self, partition: u32) {
        if self.next.get_mut(&partition).is_some_and(|next| next.take().is_some()) {
            self.moved();
        }
    }

    /// Lets a partition go.
    pub(super) fn drop(&mut self, partition: u32) {
        if self.next.remove(&partition).flatten().is_some() {
            self.moved();
        }
    }

    /// What is read is another: for all that is, the busy client begins.
    fn moved(&mut self) {
        self.is_stale = true;
        self.tempo = Tempo::new(client::now());
    }

    /// Adds what came, waiting for the first record.
    pub(super) fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<(), LogError> {
        if self.is_stale {
            self.assign()?;
        }
        let (mut wait, mut count, mut bytes) = (wait, 0, 0);
        let client = if self.tempo.is_busy { &self.busy } else { &self.quiet };
        while count < RECORDS_MAX && bytes < BYTES_MAX {
            let Some(polled) = client::awaited(client, wait) else { break };
            // Behind an error nothing is waited for, either: the group wants to be polled.
            wait = Duration::ZERO;
            match polled {
                Ok(message) => {
                    if let Some(record) = take(&mut self.next, &message) {
                        count += 1;
                        bytes += record.value.len();
                        records.push(record);
                    }
                }
                Err(error) => client::problem(&self.topic, &error)?,
            }
        }
        self.is_stale |= self.tempo.polled(client::now(), count > 0);
        Ok(())
    }

    /// Gives the client in charge what is to be read, from where it is to be read, and the other one nothing.
    fn assign(&mut self) -> Result<(), LogError> {
        let (client, other) = if self.tempo.is_busy { (&self.busy, &self.quiet) } else { (&self.quiet, &self.busy) };
        let wrong = |error: &KafkaError| LogError::fatal(format!("kafka: partitions of {}: {error}", self.topic));
        let mut list = TopicPartitionList::with_capacity(self.next.len());
        for (partition, next) in &self.next {
            let Some(next) = next else { continue };
            let added = list.add_partition_offset(&self.topic, number(*partition), Offset::Offset(raw(*next)));
            added.map_err(|error| wrong(&error))?;
        }
        other.unassign().map_err(|error| wrong(&error))?;
        // Errors and logs of a client that is not in charge wait here.
        client::serve(other);
        client.assign(&list).map_err(|error| wrong(&error))?;
        self.is_stale = false;
        Ok(())
    }
}

/// The record, if its partition is not paused and it is not from before the last placing.
fn take(next: &mut BTreeMap<u32, Option<u64>>, message: &BorrowedMessage<'_>) -> Option<LogRecord> {
    let next = next.get_mut(&client::partition(message.partition()))?;
    let offset = client::offset(message.offset());
    if offset < (*next)? {
        return None;
    }
    *next = Some(offset + 1);
    Some(record_of(message))
}

/// Whether records come all the time.
struct Tempo {
    is_busy: bool,
    since: Instant,
    /// Polls that gave something, since then.
    fruitful: u32,
}

impl Tempo {
    /// How long is looked at before something changes.
    const SPAN: Duration = Duration::from_millis(500);
    /// Fruitful polls in a span from which on it is busy, and up to which it is quiet again. Far apart: to change costs
    /// some milliseconds.
    const BUSY_FROM: u32 = 20;
    const QUIET_UP_TO: u32 = 3;

    /// Busy, until it is seen that it is not.
    fn new(now: Instant) -> Tempo {
        Tempo { is_busy: true, since: now, fruitful: 0 }
    }

    /// Notes a poll; true when the other client is to take over.
    fn polled(&mut self, now: Instant, is_fruitful: bool) -> bool {
        self.fruitful += u32::from(is_fruitful);
        if now.saturating_duration_since(self.since) < Tempo::SPAN {
            return false;
        }
        let was_busy = self.is_busy;
        self.is_busy = if was_busy { self.fruitful > Tempo::QUIET_UP_TO } else { self.fruitful >= Tempo::BUSY_FROM };
        (self.since, self.fruitful) = (now, 0);
        self.is_busy != was_busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_when_records_come_all_the_time_and_quiet_again_when_hardly_any_come() {
        let begun = client::now();
        let mut tempo = Tempo::new(begun);
        let mut at = 0;
        let mut changes_after = |apart: u64, polls: u64, tempo: &mut Tempo| {
            (0..polls).any(|_| {
                at += apart;
                tempo.polled(begun + Duration::from_millis(at), true)
            })
        };
        assert!(changes_after(400, 2, &mut tempo) && !tempo.is_busy, "it begins busy");
        assert!(!changes_after(50, 100, &mut tempo), "20 a second are nothing");
        assert!(changes_after(10, 120, &mut tempo) && tempo.is_busy);
        assert!(!changes_after(50, 100, &mut tempo) && tempo.is_busy, "a change back waits for less");
        assert!(changes_after(400, 10, &mut tempo) && !tempo.is_busy);
    }
}
