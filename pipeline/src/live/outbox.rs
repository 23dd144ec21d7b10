//! What a stage wants written, until the log has acknowledged it.
//!
//! Owns the records between two acknowledgements, so that a log that refuses for a while gets them again, all of them
//! and in the same order. Must never give up a record before it is safe.

use std::time::Duration;

use fuma_connectors::log::{Appender, LogError, Outgoing, Severity, Topic};

use super::stop::Stop;

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Records that are not safe yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    records: Vec<(Topic, Outgoing)>,
}

impl Outbox {
    /// Adds a record.
    pub(super) fn push(&mut self, topic: Topic, record: Outgoing) {
        self.records.push((topic, record));
    }

    /// Writes everything and waits until it is safe; tries again for as long as what is wrong passes. False if the
    /// process is to end before that: then nothing may be taken for safe.
    ///
    /// # Errors
    /// When what is wrong does not pass.
    pub(super) fn deliver(&mut self, appender: &mut dyn Appender, stop: &Stop) -> Result<bool, LogError> {
        let mut pause = PAUSE_MIN;
        loop {
            match self.try_deliver(appender) {
                Ok(()) => {
                    self.records.clear();
                    return Ok(true);
                }
                Err(error) if error.severity() == Severity::Transient => {
                    tracing::warn!(%error, records = self.records.len(), "not written yet: trying again");
                }
                Err(error) => return Err(error),
            }
            if stop.is_set() {
                return Ok(false);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn try_deliver(&self, appender: &mut dyn Appender) -> Result<(), LogError> {
        if self.records.is_empty() {
            return Ok(());
        }
        for (topic, record) in &self.records {
            appender.append(*topic, record.clone())?;
        }
        appender.flush()
    }
}
