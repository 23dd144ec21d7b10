//! One commit: judge, announce, and move the positions, in one transaction; or claim what was restored.
//!
//! Owns the order, and the budget of people. Memory follows the commit and never leads it (I-3).

use fuma_connectors::log::{LogError, Outcome, Position, Transaction};
use fuma_schemas::{CodeChange, Instant};

use super::budget::Budget;
use super::owned::{ApplyError, Owned};
use super::position::Standing;
use super::{IDLE, QUIET, Turn, Worker, WorkerError};

/// Stays that are walked in one commit, for each person whom it may judge, to find who stayed where a tier changed.
const STAYS_A_PERSON: usize = 8;

impl Worker {
    /// The first transaction after an assignment commits only the position, under the new owner's id.
    pub(super) fn claim(&mut self, turn: &mut Turn) -> Result<(), WorkerError> {
        let identity = &self.identity;
        let claims: Vec<(u32, Standing)> = self
            .owned
            .values()
            .filter(|owned| owned.must_claim)
            .map(|owned| {
                let at = owned.standing_at(owned.standing.clock, identity, false);
                // Nobody was judged: the clock, and up to when, are the predecessor's.
                (owned.id, Standing { judged_until: owned.standing.judged_until, ..at })
            })
            .collect();
        if claims.is_empty() {
            return Ok(());
        }
        let positions: Vec<(u32, Position)> =
            claims.iter().filter_map(|(id, standing)| Some(self.owned.get(id)?.claim(standing))).collect();
        match self.log.commit(Transaction { changes: &[], positions: &positions })? {
            Outcome::Committed => {
                for (id, standing) in claims {
                    if let Some(owned) = self.owned.get_mut(&id) {
                        owned.standing = standing;
                        owned.must_claim = false;
                    }
                }
            }
            Outcome::Aborted => turn.aborts += 1,
        }
        Ok(())
    }

    /// Judges, and commits what there is to say and where things stand. `leaving`: only these partitions, for the last
    /// time; their positions are marked released.
    pub(super) fn commit(&mut self, leaving: Option<&[u32]>, turn: &mut Turn) -> Result<(), WorkerError> {
        let attempts = if leaving.is_some() { 3 } else { 1 };
        for _ in 0..attempts {
            let last = self.owned.values().map(|owned| owned.standing.clock).max().unwrap_or_default();
            let Some(clock) = self.next_clock(last.max(self.last_clock))? else { return Ok(()) };
            if self.try_commit(clock, leaving, turn)? == Outcome::Committed {
                return Ok(());
            }
        }
        Ok(())
    }

    fn next_clock(&mut self, last: Instant) -> Result<Option<Instant>, LogError> {
        let clock = self.clock.next(last, self.log.as_mut())?;
        if clock.is_none() {
            if self.accepts_clock_ahead {
                return Ok(Some(Instant(last.0 + 1)));
            }
            self.measures.clock_is_ahead();
            self.held_until = self.clock.elapsed() + IDLE;
        }
        Ok(clock)
    }

    fn try_commit(&mut self, clock: Instant, leaving: Option<&[u32]>, turn: &mut Turn) -> Result<Outcome, WorkerError> {
        let begun = self.clock.elapsed();
        self.last_clock = clock;
        self.output.clear();
        let mut standings: Vec<(u32, Standing)> = Vec::new();
        let mut counts = Vec::new();
        let concerned = |id: &u32| leaving.is_none_or(|leaving| leaving.contains(id));
        let changed = self.judge(clock, leaving)?;
        for (id, changes) in &changed {
            let Some(owned) = self.owned.get(id) else { continue };
            owned.announce(changes, &self.identity.source, &mut self.output);
            counts.extend(changes.iter().map(|change| (change.from, change.to)));
            if leaving.is_some() || !changes.is_empty() || owned.has_moved() {
                standings.push((*id, owned.standing_at(clock, &self.identity, leaving.is_some())));
            }
        }
        // Offsets and the cursor of a sweep that says nothing go along with a later commit: they are progress.
        let is_silent = self.output.is_empty() && leaving.is_none();
        if standings.is_empty() || is_silent && self.rhythm.since_commit(begun) < QUIET {
            self.owned.values_mut().filter(|owned| concerned(&owned.id)).for_each(Owned::settle);
            self.rhythm.stepped(self.clock.elapsed());
            return Ok(Outcome::Committed);
        }
        let positions: Vec<(u32, Position)> =
            standings.iter().filter_map(|(id, standing)| Some(self.owned.get(id)?.position(standing))).collect();
        let outcome = self.log.commit(Transaction { changes: &self.output, positions: &positions })?;
        self.is_catching_up = true;
        self.conclude(outcome, standings, leaving, turn);
        let elapsed = self.clock.elapsed();
        let took = elapsed.saturating_sub(begun);
        self.rhythm.committed(elapsed, took);
        self.measures.committed(outcome, took, &counts);
        Ok(outcome)
    }

    /// Judges at one clock whom the budget of a commit allows: all partitions' live evidence, then who is due or swept.
    fn judge(&mut self, clock: Instant, leaving: Option<&[u32]>) -> Result<Vec<(u32, Vec<CodeChange>)>, WorkerError> {
        let concerned = |owned: &Owned| !owned.must_claim && leaving.is_none_or(|leaving| leaving.contains(&owned.id));
        let mut budget = Budget::new(self.page_people);
        let stays_max = self.page_people.saturating_mul(STAYS_A_PERSON);
        let mut changed = Vec::new();
        for owned in self.owned.values_mut().filter(|owned| concerned(owned)) {
            let id = owned.id;
            owned.follow_regions(&self.context.references, self.identity.origin, stays_max).map_err(
                |error| match error {
                    ApplyError::Assess(error) => WorkerError::Assess(error),
                    ApplyError::Record(error) => WorkerError::Regions { partition: id, error },
                },
            )?;
            let mut changes = Vec::new();
            let people = budget.take_live(owned.partition.waiting());
            if people > 0 {
                owned.judge_live(clock, people, &mut changes);
            }
            changed.push((id, changes));
        }
        let may_wish = |owned: &Owned| concerned(owned) && !owned.is_behind();
        let wishes = |owned: &Owned| may_wish(owned) && (owned.is_due(clock) || !owned.sweep.is_empty());
        let share = budget.share(self.owned.values().filter(|owned| wishes(owned)).count());
        for (id, changes) in changed.iter_mut().filter(|_| share > 0) {
            let Some(owned) = self.owned.get_mut(id).filter(|owned| wishes(owned)) else { continue };
            owned.judge_background(clock, share, changes);
        }
        Ok(changed)
    }

    /// Memory follows the commit (I-3).
    fn conclude(
        &mut self,
        outcome: Outcome,
        standings: Vec<(u32, Standing)>,
        leaving: Option<&[u32]>,
        turn: &mut Turn,
    ) {
        match outcome {
            Outcome::Committed => {
                turn.changes += self.output.len();
                for owned in self.owned.values_mut().filter(|owned| leaving.is_none_or(|ids| ids.contains(&owned.id))) {
                    owned.settle();
                }
                for (id, standing) in standings {
                    if let Some(owned) = self.owned.get_mut(&id) {
                        owned.commit(standing);
                    }
                }
            }
            Outcome::Aborted => {
                turn.aborts += 1;
                self.is_catching_up = false;
                self.owned.values_mut().for_each(Owned::roll_back);
            }
        }
    }
}
