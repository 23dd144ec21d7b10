//! What happens to the partitions of a worker: assigned, restored, parked, tried again, revoked, lost.
//!
//! ```text
//! Assigned -> takeovers -> restored -> owned <-> parked with its state
//!                   ^          `--------------> parked without it
//!                   `------------------------------'
//! ```
//!
//! Owns the answers to the group. Must never commit for a partition that is lost.

use fuma_connectors::log::{Code, GroupEvent, LogError};
use fuma_schemas::Instant;

use super::commit::Whom;
use super::owned::Owned;
use super::parking::Trial;
use super::questions::About;
use super::restore::{RestoreError, Restoring};
use super::trouble::Trouble;
use super::{Turn, Worker, of_client};
use crate::live::decisions::Belonging;
use crate::live::fault;
use crate::live::partitions::{ASSESS, ParkReason};

impl Worker {
    pub(super) fn answer(&mut self, event: GroupEvent, turn: &mut Turn) -> Result<(), LogError> {
        self.measures.event(&event);
        match event {
            GroupEvent::Assigned(partitions) => {
                tracing::info!(?partitions, "assigned");
                self.log.accept(&partitions)?;
                for id in partitions {
                    self.takeovers.add(id, false);
                    self.parking.partitions.restoring(ASSESS, id, self.clock.now());
                }
            }
            GroupEvent::Revoked(partitions) => {
                tracing::info!(?partitions, "revoked");
                self.takeovers.cancel(&partitions);
                fault::place("in-revoke");
                self.commit(Whom::Leaving(&partitions), turn)?;
                self.drop_state(&partitions);
                self.log.release(&partitions)?;
            }
            GroupEvent::Lost(partitions) => {
                tracing::warn!(?partitions, "lost");
                self.takeovers.cancel(&partitions);
                self.drop_state(&partitions);
                self.log.release(&partitions)?;
            }
        }
        Ok(())
    }

    pub(super) fn drop_state(&mut self, partitions: &[u32]) {
        for id in partitions {
            self.owned.remove(id);
            self.parking.leave(*id);
            self.publisher.gone(*id);
        }
        self.alone.retain(|id| !partitions.contains(id));
    }

    /// Sets a partition aside without its state: it is restored again after a pause.
    pub(super) fn park(&mut self, id: u32, trouble: Trouble) -> Result<(), LogError> {
        self.owned.remove(&id);
        self.set_aside(id, trouble, None)
    }

    /// Sets a partition aside with its state, which is still good: nothing of it waits in a transaction.
    pub(super) fn park_with_state(&mut self, id: u32, trouble: Trouble) -> Result<(), LogError> {
        let owned = self.owned.remove(&id);
        self.set_aside(id, trouble, owned)
    }

    fn set_aside(&mut self, id: u32, trouble: Trouble, owned: Option<Owned>) -> Result<(), LogError> {
        self.alone.retain(|other| *other != id);
        // What it would deliver would have to be kept, without bound.
        self.log.pause(id)?;
        let time = (self.clock.now(), self.clock.elapsed());
        self.parking.park(id, (trouble, owned), time);
        Ok(())
    }

    /// Tries parked partitions again whose pause is over, or to whose trouble an operator agreed.
    pub(super) fn try_again(&mut self) -> Result<(), LogError> {
        while let Some((id, trial)) = self.parking.due(self.clock.elapsed()) {
            match trial {
                Trial::Restore => self.takeovers.add(id, true),
                Trial::Ask => self.ask(id, About::Parked),
                Trial::Look(owned, trouble) => {
                    let found = self.look_again(&owned, &trouble)?;
                    self.owned.insert(id, *owned);
                    match found {
                        Some(trouble) => self.park_with_state(id, trouble)?,
                        None => self.go_on(id)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the trouble of a partition whose state is good is there still.
    fn look_again(&mut self, owned: &Owned, trouble: &Trouble) -> Result<Option<Trouble>, LogError> {
        let id = owned.id;
        match trouble {
            Trouble::ClockAhead { .. } | Trouble::ClockUnknown { .. } | Trouble::DecisionsBehind { .. } => {
                self.clock_trouble(owned)
            }
            Trouble::PackMissing { .. } => {
                let clock = self.clock.now().max(owned.last_clock());
                let missing = self.context.schedule.due(owned.in_force.number, clock).and_then(Result::err);
                Ok(missing.map(|missing| Trouble::PackMissing { partition: id, missing }))
            }
            // The log is asked, not this one.
            _ => Ok(None),
        }
    }

    /// A partition with its state is judged and committed from now on.
    pub(super) fn go_on(&mut self, id: u32) -> Result<(), LogError> {
        let Some(owned) = self.owned.get_mut(&id) else { return Ok(()) };
        owned.is_paused = false;
        let next = owned.next;
        match self.log.resume(id, next) {
            Ok(()) => {
                self.parking.goes_on(id, (self.clock.now(), self.clock.elapsed()));
                Ok(())
            }
            Err(error) => {
                let error = of_client(error)?;
                self.park_with_state(id, error.into())
            }
        }
    }

    /// Topics were deleted, made again, or grew while their partitions were owned: what is in memory belongs to logs
    /// that are not there any more. A thread beside the stages compares; a restore compares again before it goes on.
    pub(super) fn park_what_is_not_ours(&mut self) -> Result<(), LogError> {
        let Some(error) = self.context.belongs.as_ref().and_then(Belonging::found_wrong) else { return Ok(()) };
        let partitions: Vec<u32> = self.owned.keys().copied().collect();
        for partition in partitions {
            self.park(partition, RestoreError::NotOurs { partition, error: Box::new(error.clone()) }.into())?;
        }
        Ok(())
    }

    pub(super) fn begin_restores(&mut self) -> Result<(), LogError> {
        if self.takeovers.is_empty() {
            return Ok(());
        }
        let context = Restoring { now: self.clock.now(), ..self.context.clone() };
        for (id, error) in self.takeovers.begin(self.log.as_ref(), &context) {
            let error = of_client(error)?;
            self.park(id, error.into())?;
        }
        Ok(())
    }

    /// Takes over what was restored meanwhile; what was not is parked.
    pub(super) fn install(&mut self) -> Result<(), LogError> {
        for (id, restored, seconds) in self.takeovers.finished() {
            match restored {
                Ok(mut owned) => {
                    self.measures.restored(seconds);
                    self.publisher.take_over(&mut owned);
                    self.owned.insert(id, owned);
                    self.go_on(id)?;
                }
                // Restores use clients of their own: what fails there says nothing of the worker's.
                Err(RestoreError::Log(error)) if error.code() == Code::Stopping => return Err(error),
                Err(error) => self.park(id, error.into())?,
            }
        }
        Ok(())
    }

    /// Records are not where reading goes on, for one of the partitions: which one, the log says when it is asked.
    pub(super) fn poll_failed(&mut self, error: LogError) -> Result<(), LogError> {
        let error = match error.code() {
            Code::OutOfRange => error,
            _ => {
                let error = of_client(error)?;
                tracing::debug!(%error, "nothing came");
                return Ok(());
            }
        };
        self.questions.missing.get_or_insert((error.to_string(), false));
        let all: Vec<u32> = self.owned.keys().copied().collect();
        all.iter().for_each(|id| self.ask(*id, About::Missing));
        if all.is_empty() {
            // Nobody's: the client is wrong.
            return Err(LogError::fatal(error.to_string()));
        }
        self.hear()
    }

    /// Commits all there is, marks the positions released, and lets go.
    pub(super) fn leave(&mut self) -> Result<(), LogError> {
        let mut partitions = self.takeovers.cancel_all();
        partitions.extend(self.owned.keys());
        partitions.extend(self.parking.ids());
        partitions.sort_unstable();
        partitions.dedup();
        let mut turn = Turn::default();
        self.commit(Whom::Leaving(&partitions), &mut turn)?;
        self.drop_state(&partitions);
        self.log.release(&partitions)?;
        Ok(())
    }

    /// Whether an operator agreed that a partition's clock may go on beyond the broker's, from about here.
    pub(super) fn may_be_ahead(&self, id: u32, last: Instant) -> bool {
        self.parking.acts_on_word(ParkReason::ClockAhead, id, &super::commit::digest_of_clock(id, last))
    }
}
