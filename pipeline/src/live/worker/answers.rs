//! What the log's answers about partitions mean: parked, going on, or told again where to read.
//!
//! Owns what follows from each answer. Must never wait for one.

use fuma_connectors::log::{Code, LogError, Scope};

use super::commit::REFUSALS_MAX;
use super::questions::{About, Ends};
use super::trouble::Trouble;
use super::{Worker, of_client};

impl Worker {
    /// Takes the answers that have come.
    pub(super) fn hear(&mut self) -> Result<(), LogError> {
        while let Some((id, about, ends)) = self.questions.answered() {
            match about {
                About::Refused(why) => self.heard_of_refused(id, why, ends)?,
                About::Parked => self.heard_of_parked(id, ends)?,
                About::Missing => self.heard_of_missing(id, ends)?,
                About::Stands => self.heard_of_standing(id, ends)?,
            }
        }
        Ok(())
    }

    /// Asks about a partition, on a thread of its own.
    pub(super) fn ask(&mut self, id: u32, about: About) {
        let question = self.log.ends(id);
        self.questions.ask(id, about, question);
    }

    /// A commit was refused: whoever cannot be written to is parked, so that the others go on; then partitions commit
    /// alone, and who is refused alone, too, is parked.
    fn heard_of_refused(&mut self, id: u32, why: Option<(String, bool)>, ends: Ends) -> Result<(), LogError> {
        let Some(owned) = self.owned.get_mut(&id) else { return Ok(()) };
        match ends {
            Ok(_) => {}
            Err(error) if error.scope() == Scope::Partition => return self.park_with_state(id, error.into()),
            Err(error) => drop(of_client(error)?),
        }
        let Some((why, was_alone)) = why else { return Ok(()) };
        owned.refusals += 1;
        let times = owned.refusals;
        if times >= 2 * REFUSALS_MAX && was_alone {
            owned.refusals = 0;
            return self.park_with_state(id, Trouble::Refused { partition: id, times, why });
        }
        if times >= REFUSALS_MAX && !self.alone.contains(&id) {
            self.alone.push_back(id);
        }
        Ok(())
    }

    /// Whether the trouble of a partition whose state is good is there still.
    fn heard_of_parked(&mut self, id: u32, ends: Ends) -> Result<(), LogError> {
        // Taken away, and perhaps given again, meanwhile.
        let Some(owned) = self.parking.looked(id) else { return Ok(()) };
        let next = owned.next;
        self.owned.insert(id, *owned);
        match ends {
            Ok((_, bounds)) if !(bounds.start..=bounds.end).contains(&next) => {
                let (start, end) = (bounds.start, bounds.end);
                let message = format!("partition {id}: the evidence log holds {start} to {end}, and {next} is wanted");
                self.park_with_state(id, LogError::new(Code::OutOfRange, message).into())
            }
            Ok(_) => self.go_on(id),
            Err(error) => {
                let error = of_client(error)?;
                self.park_with_state(id, error.into())
            }
        }
    }

    /// Records are not where reading goes on, for one of the partitions.
    fn heard_of_missing(&mut self, id: u32, ends: Ends) -> Result<(), LogError> {
        let next = self.owned.get(&id).map(|owned| owned.next);
        let is_missing =
            ends.is_ok_and(|(_, bounds)| next.is_some_and(|next| !(bounds.start..=bounds.end).contains(&next)));
        if is_missing && let Some((why, is_found)) = &mut self.questions.missing {
            *is_found = true;
            let message = format!("partition {id}: {why}");
            self.park(id, LogError::new(Code::OutOfRange, message).into())?;
        }
        if self.questions.looks_for_missing() {
            return Ok(());
        }
        match self.questions.missing.take() {
            // Nobody's: the client is wrong.
            Some((why, false)) => Err(LogError::fatal(why)),
            _ => Ok(()),
        }
    }
}
