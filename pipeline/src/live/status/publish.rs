//! Says what a process holds: when it changes, and each 10 s.
//!
//! Owns the rhythm, and the way back after a log that was away: what could not be said is said at the next turn. Must
//! never stop what it speaks of; whoever reads takes silence for an end.

use std::time::Duration;

use fuma_connectors::log::{Appender, Log, LogError, Outgoing, Topic};
use fuma_schemas::Instant;

use super::entry::{Entry, Holding};
use crate::live::partitions::Withheld;

/// How often it is said again: thrice before it is stale.
pub const EVERY: Duration = Duration::from_secs(10);
/// How often it is said again while the counts of what is held back change all the time.
const EVERY_COUNTS: Duration = Duration::from_secs(2);
/// For how long the words of ended processes are kept.
const KEPT_MS: i64 = 3_600_000;
const _: () = assert!(EVERY.as_millis() as i64 * 3 <= super::entry::STALE_AFTER_MS);

/// Whether nothing but counts of what is held back is another; that something is held back at all is no count.
fn is_same_but_counts(one: &[Holding], other: &[Holding]) -> bool {
    let bare = |it: &Holding| Holding { withheld: it.withheld.as_ref().map(|_| Withheld::default()), ..it.clone() };
    one.iter().map(bare).eq(other.iter().map(bare))
}

/// Says what a process holds.
pub struct Publisher {
    entry: Entry,
    appender: Option<Box<dyn Appender>>,
    said_at: Option<Duration>,
    is_silent: bool,
}

impl Publisher {
    /// Of a process, by what does not change while it runs.
    pub fn new(entry: Entry) -> Publisher {
        Publisher { entry, appender: None, said_at: None, is_silent: false }
    }

    /// Says it, where that is due: something is another than before, or 10 s have passed.
    pub fn turn(&mut self, log: &dyn Log, held: Vec<Holding>, (now, elapsed): (Instant, Duration)) {
        let since = self.said_at.map(|at| elapsed.saturating_sub(at));
        let every = if is_same_but_counts(&held, &self.entry.partitions) { EVERY } else { Duration::ZERO };
        let every = if held == self.entry.partitions { EVERY } else { every.min(EVERY_COUNTS) };
        if since.is_some_and(|since| since < every) {
            return;
        }
        self.entry.partitions = held;
        self.entry.at = now.to_string();
        let value = self.entry.to_json();
        let is_first = self.said_at.is_none();
        self.said_at = Some(elapsed);
        let key = self.entry.process.clone();
        let said = self.say(log, vec![(key, value)]).and_then(|()| match is_first {
            true => self.forget_others(log, now),
            false => Ok(()),
        });
        if let Err(error) = said {
            // A client that failed is of no more use; the next turn makes another.
            self.appender = None;
            if !std::mem::replace(&mut self.is_silent, true) {
                tracing::warn!(%error, "what this process holds cannot be written to the status log; tried again");
            }
        } else if std::mem::take(&mut self.is_silent) {
            tracing::info!("what this process holds is written to the status log again");
        }
    }

    /// The process ends in order: it holds nothing more.
    pub fn end(&mut self, log: &dyn Log) {
        let key = self.entry.process.clone();
        if let Err(error) = self.say(log, vec![(key, Vec::new())]) {
            tracing::debug!(%error, "the end of this process is not in the status log");
        }
    }

    /// Takes away the words of processes that ended without a word, long ago.
    fn forget_others(&mut self, log: &dyn Log, now: Instant) -> Result<(), LogError> {
        let entries = log.watching()?.read(Topic::Status)?;
        let old = entries.into_iter().filter(|entry| now.0.saturating_sub(entry.at.0) > KEPT_MS);
        let others = old.filter(|entry| entry.key != self.entry.process);
        self.say(log, others.map(|entry| (entry.key, Vec::new())).collect())
    }

    fn say(&mut self, log: &dyn Log, records: Vec<(String, Vec<u8>)>) -> Result<(), LogError> {
        let appender = match &mut self.appender {
            Some(appender) => appender,
            none => none.insert(log.appender("status")?),
        };
        for (key, value) in records {
            let record = Outgoing { key: Some(key.into()), value: value.into(), ..Outgoing::default() };
            appender.append(Topic::Status, record)?;
        }
        appender.flush()
    }
}
