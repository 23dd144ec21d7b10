//! Asks the brokers for all stages: positions, watermarks, topics.
//!
//! A broker that comes back is left out of the metadata for a moment (it was fenced), and a client that hears of it
//! then forgets the broker: where it was the only one, that client gets no answer any more, for minutes. So a client
//! that gets none is replaced.
//!
//! Owns that client. Must never join a group.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::{self, PlainConsumer};
use super::settings::KafkaSettings;
use crate::log::{Code, LogError};

/// A client lives at least so long: brokers that are away make no difference to a new one.
const LIFE_MIN: Duration = Duration::from_secs(10);

/// Asks questions, reading uncommitted.
pub(super) struct Asker {
    settings: KafkaSettings,
    client: Mutex<(Arc<PlainConsumer>, Instant)>,
}

impl Asker {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Asker, LogError> {
        let client = Mutex::new((made(settings)?, client::now()));
        Ok(Asker { settings: settings.clone(), client })
    }

    /// Asks a question; where no answer comes the next one is asked by another client.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&PlainConsumer) -> Result<T, LogError>) -> Result<T, LogError> {
        let client = Arc::clone(&self.client.lock().unwrap_or_else(PoisonError::into_inner).0);
        client::serve(&client);
        let answer = question(&client);
        if let Err(error) = &answer
            && matches!(error.code(), Code::NoAnswer | Code::NoLeader)
        {
            self.replace(&client);
        }
        answer
    }

    fn replace(&self, silent: &Arc<PlainConsumer>) {
        let mut current = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&current.0, silent) || current.1.elapsed() < LIFE_MIN {
            return;
        }
        match made(&self.settings) {
            Ok(client) => *current = (client, client::now()),
            Err(error) => tracing::debug!(target: "kafka", %error, "the client that asks stays as it is"),
        }
    }
}

fn made(settings: &KafkaSettings) -> Result<Arc<PlainConsumer>, LogError> {
    client::observer(settings, "asker", "read_uncommitted").map(Arc::new)
}
