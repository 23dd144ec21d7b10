//! Evidence is taken in, as much as there is room for; where the client skips or stands still it is told again where to
//! go on.
//!
//! ```text
//! uncommitted bytes  above the limit  -> the partition is not read on
//!                    at half of it    -> it is
//! ```
//!
//! Owns the bound on what is held in memory for the sake of the next commit (I-10).

use fuma_connectors::log::{LogError, LogRecord};

use super::owned::Owned;
use super::questions::{About, Ends};
use super::stall::{Finding, skipped};
use super::trouble::Trouble;
use super::{Worker, of_client};
use crate::live::marker;

/// Bytes of evidence of a partition that may wait for their commit, unless the configuration says otherwise. A commit
/// takes eight mebibytes: this much waits only where commits do not go through.
pub(super) const UNCOMMITTED_BYTES_MAX: usize = 64 << 20;

/// How often a client that stands still is told where to go on, before it is made anew.
const STANDS_MAX: u32 = 5;

impl Worker {
    pub(super) fn take(&mut self, records: &[LogRecord]) -> Result<(), LogError> {
        let mut skipping = Vec::new();
        for record in records {
            let Some(owned) = self.owned.get_mut(&record.partition) else { continue };
            if owned.is_paused || skipping.contains(&owned.id) {
                continue;
            }
            // What comes behind a gap is not taken, until what was left out has come, or is known to be none.
            if record.offset > owned.next {
                let (id, hole) = (owned.id, owned.next..record.offset);
                if !self.stalls.passes(id, &hole) {
                    skipping.push(id);
                    self.replace(id, skipped(id, hole.start, hole.end))?;
                    continue;
                }
                marker::tell("evidence", id, hole.start);
                owned.next = hole.end;
            }
            match owned.take(record, self.identity.origin) {
                Ok(taken) => {
                    self.measures.taken(&taken);
                    self.rhythm.took(record.value.len(), self.clock.now().0 - record.timestamp.0);
                    if taken.damaged > 0 {
                        let (partition, offset) = (record.partition, record.offset);
                        tracing::error!(partition, offset, "an evidence record is damaged: passed over");
                    }
                    let (bytes, id) = (owned.uncommitted_bytes, owned.id);
                    if bytes > self.uncommitted_bytes_max {
                        owned.is_paused = true;
                        tracing::debug!(partition = id, bytes, "not read on until it is committed");
                        self.log.pause(id)?;
                    }
                }
                // Half a record may be in the tables: the state is not used again.
                Err(error) => {
                    self.park(record.partition, Trouble::of_record(record.partition, record.offset, error))?
                }
            }
        }
        Ok(())
    }

    /// Reads on where there is room again.
    pub(super) fn control_flow(&mut self) -> Result<(), LogError> {
        let room = self.uncommitted_bytes_max / 2;
        let has_room = |owned: &&Owned| owned.is_paused && owned.uncommitted_bytes <= room;
        let ready: Vec<(u32, u64)> = self.owned.values().filter(has_room).map(|owned| (owned.id, owned.next)).collect();
        for (id, next) in ready {
            match self.log.resume(id, next) {
                Ok(()) => self.owned.get_mut(&id).into_iter().for_each(|owned| owned.is_paused = false),
                Err(error) => {
                    let error = of_client(error)?;
                    self.park_with_state(id, error.into())?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn look_for_stalls(&mut self) -> Result<(), LogError> {
        if let Some(id) = self.stalls.turn(&self.owned, self.clock.elapsed()) {
            self.ask(id, About::Stands);
        }
        self.hear()
    }

    /// How far the log of a partition goes: whether the client stands still before it.
    pub(super) fn heard_of_standing(&mut self, id: u32, ends: Ends) -> Result<(), LogError> {
        let next = self.owned.get(&id).filter(|owned| !owned.is_paused).map(|owned| owned.next);
        match self.stalls.heard(id, next, ends)? {
            None => Ok(()),
            Some(Finding { id, error, is_away: true }) => self.park_with_state(id, error.into()),
            Some(Finding { id, error, is_away: false }) => match self.replace(id, error)? {
                // Told again and again, it gives nothing: only another client may help.
                STANDS_MAX.. => Err(LogError::fatal(format!("partition {id}: the client stands still"))),
                _ => Ok(()),
            },
        }
    }

    /// The client is told again where to go on with a partition; where that did not help, the partition is parked
    /// first. Gives how often it was told at this place.
    fn replace(&mut self, id: u32, error: LogError) -> Result<u32, LogError> {
        let Some(owned) = self.owned.get(&id) else { return Ok(0) };
        let next = owned.next;
        let times = self.stalls.replaced(id, next);
        if times > 1 {
            self.park_with_state(id, error.into())?;
            return Ok(times);
        }
        tracing::warn!(partition = id, offset = next, "the client is told again where to go on: {error}");
        if let Err(error) = self.log.resume(id, next) {
            let error = of_client(error)?;
            self.park_with_state(id, error.into())?;
        }
        Ok(times)
    }
}
