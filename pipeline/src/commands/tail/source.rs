//! Where the changes come from: a topic, or the journal of a state folder.
//!
//! Owns the choice; a change looks the same from both.

use std::path::Path;
use std::time::Duration;

use fuma_connectors::folder::FolderTail;
use fuma_connectors::kafka::{AnnouncedChange, ChangeReader, Connection};
use fuma_connectors::log::LogError;

/// How long a log that is not there yet is waited for.
const LOG_WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Changes as they are announced.
pub(super) enum Changes {
    Kafka(ChangeReader),
    Folder(FolderTail),
}

impl Changes {
    pub(super) fn of_kafka(connection: &Connection, from_beginning: bool) -> Result<Changes, LogError> {
        Ok(Changes::Kafka(ChangeReader::new(connection, from_beginning)?))
    }

    pub(super) fn of_folder(dir: &Path, from_beginning: bool) -> Result<Changes, LogError> {
        // A service that has just been started makes its log in a moment.
        let tries = LOG_WAIT.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..tries {
            if dir.join("log").is_dir() && FolderTail::open(dir, true).is_ok() {
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(Changes::Folder(FolderTail::open(dir, from_beginning)?))
    }

    /// The next change, waiting so long for it.
    pub(super) fn poll(&mut self, wait: Duration) -> Result<Option<AnnouncedChange>, LogError> {
        let tail = match self {
            Changes::Kafka(reader) => return reader.poll(wait),
            Changes::Folder(tail) => tail,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(tail.poll(wait)?.map(|change| AnnouncedChange {
            partition: i32::try_from(change.partition).unwrap_or(i32::MAX),
            timestamp: Some(change.timestamp),
            key: text(&change.key),
            value: Some(change.value.to_vec()),
            headers: change.headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
            ..AnnouncedChange::default()
        }))
    }
}
