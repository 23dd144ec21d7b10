//! Where other processes of the group answer about the people of their partitions, as the status log says.
//!
//! Owns the rhythm. A word that is old says nothing: the process may have ended. Must never be asked for by who waits
//! for an answer.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{Log, LogError, Topic, Watching};
use fuma_schemas::Instant;

use super::Service;
use crate::live::partitions::{ASSESS, State};
use crate::live::status::entry::Entry;

/// How often the status log is read while others hold partitions.
const EVERY: Duration = Duration::from_secs(5);

/// What was read, and when.
#[derive(Default)]
pub(super) struct Owners {
    watching: Option<Box<dyn Watching>>,
    read_at: Option<Duration>,
}

impl Owners {
    /// Reads who holds what, where that is due and anybody may ask.
    pub(super) fn turn(&mut self, service: &Service, log: &dyn Log, (now, elapsed): (Instant, Duration)) {
        let Some((answers, _)) = &service.asked else { return };
        let is_due = self.read_at.is_none_or(|at| elapsed.saturating_sub(at) >= EVERY);
        let held = service.partitions.count(ASSESS, State::Owned) + service.partitions.count(ASSESS, State::Parked);
        if !is_due {
            return;
        }
        self.read_at = Some(elapsed);
        if held == log.partitions() as usize {
            return answers.know_owners(BTreeMap::new());
        }
        match self.read(log, (&service.process, now)) {
            Ok(owners) => answers.know_owners(owners),
            Err(error) => {
                self.watching = None;
                tracing::debug!(%error, "where other processes answer is not known for now");
            }
        }
    }

    fn read(&mut self, log: &dyn Log, (own, now): (&str, Instant)) -> Result<BTreeMap<u32, String>, LogError> {
        let watching = match &mut self.watching {
            Some(watching) => watching,
            none => none.insert(log.watching()?),
        };
        let mut owners = BTreeMap::new();
        for record in watching.read(Topic::Status)? {
            let Some(entry) = Entry::parse(&record.value) else { continue };
            let Some(http) = entry.http.filter(|_| entry.process != own && !Entry::is_stale(record.at, now)) else {
                continue;
            };
            let held = entry.partitions.iter().filter(|held| held.stage == ASSESS && answers(&held.state));
            owners.extend(held.map(|held| (held.partition, http.clone())));
        }
        Ok(owners)
    }
}

/// Whether a process answers about the people of a partition in this state.
fn answers(state: &str) -> bool {
    [State::Owned, State::Parked].iter().any(|answers| answers.name() == state)
}
