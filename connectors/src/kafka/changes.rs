//! The announced changes, live: what `fuma tail` shows.
//!
//! Owns one reader of all partitions, without a group: it shares nothing and leaves nothing behind. Sees only what
//! was committed.

use std::time::Duration;

use fuma_schemas::Instant;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use super::connection::Connection;
use super::reading::{self, Read};
use crate::log::{LogError, Topic};

/// An announced change.
#[derive(Clone, Debug, Default)]
pub struct AnnouncedChange {
    /// The partition.
    pub partition: i32,
    /// The place in it.
    pub offset: i64,
    /// The record's timestamp.
    pub timestamp: Option<Instant>,
    /// The person's token as text.
    pub key: String,
    /// The change as JSON; none where a person was erased.
    pub value: Option<Vec<u8>>,
    /// The headers that are text.
    pub headers: Vec<(String, String)>,
}

impl AnnouncedChange {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads the changes.
pub struct ChangeReader {
    connection: Connection,
    consumer: BaseConsumer,
}

impl ChangeReader {
    /// Reads from the first record that is kept, or from now on.
    ///
    /// # Errors
    /// When the cluster does not answer, or has no such topic.
    pub fn new(connection: &Connection, from_beginning: bool) -> Result<ChangeReader, LogError> {
        let topic = connection.topic(Topic::Changes);
        let consumer: BaseConsumer = reading::reader(connection, "fuma-tail")
            .create()
            .map_err(|error| connection.failed("client settings", &error))?;
        let start = if from_beginning { Offset::Beginning } else { Offset::End };
        let partitions = reading::partitions(connection, consumer.client(), &topic)?;
        let offsets = partitions.into_iter().map(|partition| (partition, start)).collect();
        reading::assign(connection, &consumer, &topic, &offsets)?;
        Ok(ChangeReader { connection: connection.clone(), consumer })
    }

    /// The next change, or none in this time.
    ///
    /// # Errors
    /// Those that do not pass by themselves.
    pub fn poll(&self, wait: Duration) -> Result<Option<AnnouncedChange>, LogError> {
        match reading::poll(&self.connection, &self.consumer, wait)? {
            Read::Record(message) => Ok(Some(announced(&message))),
            Read::End(_) | Read::Nothing => Ok(None),
        }
    }
}

fn announced(message: &BorrowedMessage<'_>) -> AnnouncedChange {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    AnnouncedChange {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().map(Instant),
        key: text(message.key().unwrap_or_default()),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default()))).collect(),
    }
}
