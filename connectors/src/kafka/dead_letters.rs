//! Dead letters, to be sent again once their cause is mended.
//!
//! What was sent again is remembered in the offsets of a consumer group: all letters before the offset, and behind it,
//! in the metadata, for each code up to which offset ("unknown-owner=120,bad-json=80"). So one code can be sent again
//! while others wait.
//!
//! Owns that memory. Must never look into the value of a letter.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_schemas::Feed;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::client::now;
use super::connection::{ANSWER_WAIT_MAX, Connection};
use super::reading::{self, Read};
use crate::log::{LogError, Topic};

/// What the names of the headers that say why begin with.
pub const ERROR_HEADERS: &str = "__fuma.errors.";
/// How often a record has been sent again: the one of those headers that a record carries back to its feed.
pub const ATTEMPT_HEADER: &str = "__fuma.errors.attempt";
const CODE_HEADER: &str = "__fuma.errors.code";
const LENGTH_HEADER: &str = "__fuma.errors.length";

/// A partition that holds letters and gives none for so long has no leader.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A letter.
#[derive(Clone, Debug, Default)]
pub struct DeadLetter {
    /// Why the record could not be used; empty where the letter does not say.
    pub code: String,
    /// How often it has been sent again.
    pub attempt: u32,
    /// The key of the record.
    pub key: Option<Vec<u8>>,
    /// Its bytes.
    pub value: Option<Vec<u8>>,
    /// Whether the letter holds the beginning of the record alone.
    pub is_cut: bool,
    /// Its own headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// The letters of a feed.
pub struct DeadLetters {
    connection: Connection,
    consumer: BaseConsumer,
    topic: String,
    partitions: BTreeMap<i32, Memory>,
}

impl DeadLetters {
    /// A reader that goes on behind what the group remembers as sent.
    ///
    /// # Errors
    /// When the cluster does not answer, or has no such topic.
    pub fn new(connection: &Connection, feed: Feed, group: &str) -> Result<DeadLetters, LogError> {
        let topic = connection.topic(Topic::DeadLetters(feed));
        let failed = |error| connection.failed(&topic, &error);
        let group = format!("{group}.dead-letters");
        let consumer: BaseConsumer = reading::reader(connection, &group).create().map_err(failed)?;
        let mut list = TopicPartitionList::new();
        for partition in reading::partitions(connection, consumer.client(), &topic)? {
            list.add_partition(&topic, partition);
        }
        let committed = consumer.committed_offsets(list, ANSWER_WAIT_MAX).map_err(failed)?;
        let mut partitions = BTreeMap::new();
        for element in committed.elements() {
            let bounds = consumer.fetch_watermarks(&topic, element.partition(), ANSWER_WAIT_MAX);
            let (first, end) = bounds.map_err(failed)?;
            let offset = if let Offset::Offset(offset) = element.offset() { offset.max(first) } else { first };
            if offset < end {
                partitions.insert(element.partition(), Memory::new(offset, end, element.metadata()));
            }
        }
        let offsets = partitions.iter().map(|(partition, memory)| (*partition, Offset::Offset(memory.offset)));
        reading::assign(connection, &consumer, &topic, &offsets.collect())?;
        Ok(DeadLetters { connection: connection.clone(), consumer, topic, partitions })
    }

    /// The next letter that `wanted` (by its code) says to send again and that was not yet; none once all that was
    /// there at the start has been looked at.
    ///
    /// # Errors
    /// Those that do not pass by themselves.
    pub fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Result<Option<DeadLetter>, LogError> {
        let mut quiet_since = now();
        while self.partitions.values().any(|memory| memory.next < memory.end) {
            if quiet_since.elapsed() > SILENCE_MAX {
                let partitions: Vec<String> = self
                    .partitions
                    .iter()
                    .filter(|(_, memory)| memory.next < memory.end)
                    .map(|(partition, _)| partition.to_string())
                    .collect();
                let (topic, partitions) = (&self.topic, partitions.join(", "));
                return Err(LogError::transient(format!(
                    "{topic}: nothing comes from partition {partitions} although there are letters: has it a leader?"
                )));
            }
            match reading::poll(&self.connection, &self.consumer, Duration::from_secs(1))? {
                Read::Record(message) => {
                    let Some(memory) = self.partitions.get_mut(&message.partition()) else { continue };
                    let letter = letter(&message);
                    quiet_since = now();
                    if message.offset() < memory.end && memory.take(message.offset(), &letter.code, wanted) {
                        return Ok(Some(letter));
                    }
                }
                Read::End(partition) => {
                    quiet_since = now();
                    self.partitions.get_mut(&partition).into_iter().for_each(|memory| memory.next = memory.end);
                }
                Read::Nothing => {}
            }
        }
        Ok(None)
    }

    /// All letters handed out so far have been sent: they do not come again.
    ///
    /// # Errors
    /// When it could not be noted; then they come again, which does no harm.
    pub fn commit(&self) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(self.partitions.len());
        for (partition, memory) in &self.partitions {
            let (offset, metadata) = memory.position();
            let mut element = list.add_partition(&self.topic, *partition);
            let set = element.set_offset(Offset::Offset(offset));
            set.map_err(|error| self.connection.failed(&self.topic, &error))?;
            if !metadata.is_empty() {
                element.set_metadata(metadata);
            }
        }
        if self.partitions.is_empty() {
            return Ok(());
        }
        let committed = self.consumer.commit(&list, CommitMode::Sync);
        committed.map_err(|error| self.connection.failed(&format!("{}: what was sent", self.topic), &error))
    }
}

fn letter(message: &BorrowedMessage<'_>) -> DeadLetter {
    let mut letter = DeadLetter {
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        ..DeadLetter::default()
    };
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        let text = || String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
        match header.key {
            CODE_HEADER => letter.code = text(),
            ATTEMPT_HEADER => letter.attempt = text().parse().unwrap_or(0),
            LENGTH_HEADER => letter.is_cut = true,
            name if name.starts_with(ERROR_HEADERS) => {}
            name => letter.headers.push((name.to_owned(), header.value.map(<[u8]>::to_vec))),
        }
    }
    letter
}

/// What of a partition has been sent again.
struct Memory {
    /// All letters before it.
    offset: i64,
    /// Behind it, the letters of a code before this offset.
    codes: BTreeMap<String, i64>,
    /// The first letter that still waits.
    waiting: Option<i64>,
    /// The next letter to be looked at.
    next: i64,
    /// Where the partition ended at the start.
    end: i64,
}

impl Memory {
    fn new(offset: i64, end: i64, metadata: &str) -> Memory {
        let codes = metadata.split(',').filter_map(|part| part.split_once('='));
        let codes = codes.filter_map(|(code, until)| Some((code.to_owned(), until.parse().ok()?))).collect();
        Memory { offset, codes, waiting: None, next: offset, end }
    }

    /// Whether the letter is to be sent.
    fn take(&mut self, offset: i64, code: &str, wanted: &dyn Fn(&str) -> bool) -> bool {
        self.next = offset + 1;
        if self.codes.get(code).is_some_and(|until| offset < *until) {
            return false;
        }
        if wanted(code) {
            self.codes.insert(code.to_owned(), offset + 1);
            return true;
        }
        self.waiting.get_or_insert(offset);
        false
    }

    /// The offset before which all are sent, and what is beyond it by code.
    fn position(&self) -> (i64, String) {
        let offset = self.waiting.unwrap_or(self.next);
        let beyond = self.codes.iter().filter(|(code, until)| **until > offset && is_plain(code));
        let parts: Vec<String> = beyond.map(|(code, until)| format!("{code}={until}")).collect();
        (offset, parts.join(","))
    }
}

/// Whether a code can stand in the metadata, which a foreign writer's might not.
fn is_plain(code: &str) -> bool {
    code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through all letters; gives the offsets taken, and what is remembered.
    fn pass(letters: &[&str], from: (i64, String), wanted: &str) -> (Vec<i64>, (i64, String)) {
        let end = letters.len() as i64;
        let mut memory = Memory::new(from.0, end, &from.1);
        let wanted = |code: &str| wanted == "all" || code == wanted;
        let taken = (from.0..end).filter(|offset| memory.take(*offset, letters[*offset as usize], &wanted)).collect();
        (taken, memory.position())
    }

    #[test]
    fn each_letter_is_sent_once_whatever_the_order_of_the_codes() {
        let letters = ["too-old", "bad-json", "too-old", "bad-type", "bad-json"];
        let (taken, memory) = pass(&letters, (0, String::new()), "bad-json");
        assert_eq!((taken, memory.0, memory.1.as_str()), (vec![1, 4], 0, "bad-json=5"));
        let (taken, memory) = pass(&letters, (0, "bad-json=5".to_owned()), "too-old");
        assert_eq!((taken, memory.0, memory.1.as_str()), (vec![0, 2], 3, "bad-json=5"));
        let (taken, memory) = pass(&letters, memory, "all");
        assert_eq!((taken, memory.0, memory.1.as_str()), (vec![3], 5, ""));
    }

    #[test]
    fn letters_that_came_later_are_sent_too() {
        let first = ["too-old", "bad-json"];
        let (_, memory) = pass(&first, (0, String::new()), "bad-json");
        let later = ["too-old", "bad-json", "bad-json"];
        assert_eq!(pass(&later, memory, "bad-json").0, vec![2]);
    }
}
