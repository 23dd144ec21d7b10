//! A look at the log from outside: a client that belongs to no group's membership and commits nothing.
//!
//! Owns its questions. A partition without a leader is left out, so that one of them hides none of the others.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Instant;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, ANSWER_WAIT_MAX, PlainConsumer, failed, number};
use super::settings::KafkaSettings;
use crate::log::watching::newest;
use crate::log::{Entry, LogError, Position, Topic, Watching};

/// For how long a log that is read whole may yield nothing.
const READ_WAIT_MAX: Duration = Duration::from_secs(10);
/// For how long the record at an offset is waited for.
const RECORD_WAIT_MAX: Duration = Duration::from_secs(2);
const PIECE: Duration = Duration::from_millis(100);

/// A look from outside.
pub struct KafkaWatching {
    settings: KafkaSettings,
    client: PlainConsumer,
    /// One that sees what is committed alone; made when it is asked first.
    committed: Option<PlainConsumer>,
}

impl KafkaWatching {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn new(settings: KafkaSettings) -> Result<KafkaWatching, LogError> {
        settings.check()?;
        let client = client::observer(&settings, "watching", "read_uncommitted")?;
        Ok(KafkaWatching { settings, client, committed: None })
    }

    /// The partitions of a topic, and whether each has a leader; none where there is no such topic.
    fn led(&self, topic: &str) -> Result<Vec<bool>, LogError> {
        client::serve(&self.client);
        let metadata = self.client.fetch_metadata(Some(topic), ANSWER_WAIT_MAX);
        let metadata = metadata.map_err(|error| failed(&self.settings, topic, &error))?;
        let Some(found) = metadata.topics().first() else { return Ok(Vec::new()) };
        let mut led = vec![false; found.partitions().len()];
        for partition in found.partitions() {
            if let Some(led) = usize::try_from(partition.id()).ok().and_then(|id| led.get_mut(id)) {
                *led = partition.leader() >= 0;
            }
        }
        Ok(led)
    }

    /// One end of partitions of a topic (`Beginning` or `End`), or where what came at or after an instant begins
    /// (`Offset`, in milliseconds); none where nothing did.
    fn ends(&self, topic: &str, led: &[bool], end: Offset) -> Result<Vec<Option<u64>>, LogError> {
        let wrong = |error: &KafkaError| failed(&self.settings, topic, error);
        let mut list = TopicPartitionList::with_capacity(led.len());
        for partition in (0..led.len()).filter(|partition| led.get(*partition) == Some(&true)) {
            let added = list.add_partition_offset(topic, number(partition as u32), end);
            added.map_err(|error| wrong(&error))?;
        }
        let mut ends = vec![None; led.len()];
        if list.count() == 0 {
            return Ok(ends);
        }
        let answered = self.client.offsets_for_times(list, ANSWER_WAIT_MAX).map_err(|error| wrong(&error))?;
        for element in answered.elements() {
            let place = usize::try_from(element.partition()).ok().and_then(|partition| ends.get_mut(partition));
            if let (Some(place), Ok(()), Offset::Offset(offset)) = (place, element.error(), element.offset()) {
                *place = Some(client::offset(offset));
            }
        }
        Ok(ends)
    }

    fn bounds_of(&self, topic: &str) -> Result<Vec<Option<Range<u64>>>, LogError> {
        let led = self.led(topic)?;
        let starts = self.ends(topic, &led, Offset::Beginning)?;
        let ends = self.ends(topic, &led, Offset::End)?;
        Ok(starts.into_iter().zip(ends).map(|(start, end)| Some(start?..end?)).collect())
    }

    /// Reads a partition from an offset on, until `each` has enough.
    fn read_on(
        &self,
        client: &PlainConsumer,
        (topic, partition, from): (&str, u32, u64),
        wait_max: Duration,
        each: &mut dyn FnMut(u64, Entry) -> bool,
    ) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(1);
        let added = list.add_partition_offset(topic, number(partition), Offset::Offset(client::raw(from)));
        added.and_then(|()| client.assign(&list)).map_err(|error| failed(&self.settings, topic, &error))?;
        let outcome = read_assigned(client, topic, wait_max, each);
        drop(client.unassign());
        outcome
    }
}

/// Reads what a client was assigned, until `each` has enough, or the end is reached.
fn read_assigned(
    client: &PlainConsumer,
    topic: &str,
    wait_max: Duration,
    each: &mut dyn FnMut(u64, Entry) -> bool,
) -> Result<(), LogError> {
    let mut deadline = client::now() + wait_max;
    loop {
        match client::awaited(client, PIECE) {
            Some(Ok(message)) => {
                deadline = client::now() + wait_max;
                let entry = Entry {
                    key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
                    value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
                    at: Instant(message.timestamp().to_millis().unwrap_or(0)),
                };
                if !each(client::offset(message.offset()), entry) {
                    return Ok(());
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) => client::problem(topic, &error)?,
            None => {}
        }
        if client::now() >= deadline {
            return Err(LogError::transient(format!("kafka: {topic}: no record came in {} s", wait_max.as_secs())));
        }
    }
}

impl Watching for KafkaWatching {
    fn partitions(&mut self) -> Result<u32, LogError> {
        let topic = self.settings.topic(Topic::Evidence);
        match u32::try_from(self.led(&topic)?.len()).unwrap_or(u32::MAX) {
            0 => Err(LogError::operator(format!(
                "kafka: there is no topic {topic}: is the prefix right (--prefix), and was fuma ever started here?"
            ))),
            partitions => Ok(partitions),
        }
    }

    fn positions(&mut self) -> Result<Vec<Position>, LogError> {
        let topic = self.settings.topic(Topic::Evidence);
        let partitions = self.partitions()?;
        let asked = format!("positions of {topic}");
        let mut list = TopicPartitionList::with_capacity(partitions as usize);
        for partition in 0..partitions {
            list.add_partition(&topic, number(partition));
        }
        let answered = self.client.committed_offsets(list, ANSWER_WAIT_MAX);
        let answered = answered.map_err(|error| failed(&self.settings, &asked, &error))?;
        let mut positions = vec![Position::default(); partitions as usize];
        for element in answered.elements() {
            element.error().map_err(|error| failed(&self.settings, &asked, &error))?;
            let place = usize::try_from(element.partition()).ok().and_then(|partition| positions.get_mut(partition));
            if let (Some(place), Offset::Offset(offset)) = (place, element.offset()) {
                *place = Position { offset: Some(client::offset(offset)), metadata: element.metadata().to_owned() };
            }
        }
        Ok(positions)
    }

    fn bounds(&mut self) -> Result<Vec<Option<Range<u64>>>, LogError> {
        self.bounds_of(&self.settings.topic(Topic::Evidence))
    }

    fn appended_at(&mut self, partition: u32, offset: u64) -> Result<Option<Instant>, LogError> {
        let topic = self.settings.topic(Topic::Evidence);
        let mut at = None;
        let read = self.read_on(&self.client, (&topic, partition, offset), RECORD_WAIT_MAX, &mut |_, entry| {
            at = Some(entry.at);
            false
        });
        // A record that does not come in time is not known; that it is late is told by the records that wait.
        match read {
            Err(error) if error.severity() != crate::log::Severity::Transient => Err(error),
            _ => Ok(at),
        }
    }

    fn waits(&mut self, partition: u32, offsets: Range<u64>) -> Result<bool, LogError> {
        let topic = self.settings.topic(Topic::Evidence);
        let committed = match self.committed.take() {
            Some(client) => client,
            None => client::observer(&self.settings, "watching", "read_committed")?,
        };
        let committed = self.committed.insert(committed);
        let stable = client::bounds_now(committed, &self.settings, &topic, partition)?;
        if stable.end < offsets.end {
            // A transaction is open: what it wrote may be committed yet.
            return Ok(true);
        }
        let mut waits = false;
        let Some(client) = &self.committed else { return Ok(true) };
        let read =
            self.read_on(client, (&topic, partition, offsets.start.max(stable.start)), RECORD_WAIT_MAX, &mut |_, _| {
                waits = true;
                false
            });
        match read {
            // Not known: then it may be a record.
            Err(error) if error.severity() == crate::log::Severity::Transient => Ok(true),
            read => read.map(|()| waits),
        }
    }

    fn read(&mut self, topic: Topic) -> Result<Vec<Entry>, LogError> {
        let name = self.settings.topic(topic);
        let held = self.bounds_of(&name);
        let Some(held) = held?.into_iter().next() else { return Ok(Vec::new()) };
        let held = held.ok_or_else(|| LogError::transient(format!("kafka: {name}: no leader")))?;
        let mut records = Vec::new();
        if held.is_empty() {
            return Ok(records);
        }
        self.read_on(&self.client, (&name, 0, held.start), READ_WAIT_MAX, &mut |offset, entry| {
            records.push(entry);
            offset + 1 < held.end
        })?;
        Ok(newest(records))
    }

    fn read_since(
        &mut self,
        topic: Topic,
        since: Instant,
        each: &mut dyn FnMut(Entry) -> bool,
    ) -> Result<(), LogError> {
        let name = self.settings.topic(topic);
        let Some(held) = self.bounds_of(&name)?.into_iter().next() else { return Ok(()) };
        let held = held.ok_or_else(|| LogError::transient(format!("kafka: {name}: no leader")))?;
        // A log may hold records in another order than that of their timestamps only where a clock was turned back.
        let led = [true];
        let asked = Offset::Offset(since.0.max(0));
        let first = self.ends(&name, &led, asked)?.into_iter().next().flatten().unwrap_or(held.end);
        if first >= held.end {
            return Ok(());
        }
        self.read_on(&self.client, (&name, 0, first.max(held.start)), READ_WAIT_MAX, &mut |offset, entry| {
            each(entry) && offset + 1 < held.end
        })
    }
}
