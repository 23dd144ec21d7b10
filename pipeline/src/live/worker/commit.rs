//! One commit: judge, announce, and move the positions, in one transaction; or claim what was restored.
//!
//! ```text
//! refused -> whoever has no leader is parked -> refused again: each partition commits alone -> parked
//! leaving -> refused three times -> only the positions, as they are, marked released
//! ```
//!
//! Owns the order, and what becomes of a commit that was refused. Memory follows the commit and never leads it (I-3).

use std::collections::BTreeMap;

use fuma_connectors::log::{LogError, Outcome, Position, Transaction};
use fuma_schemas::Instant;

use super::clock::{DECISIONS_MS_MAX, Reach};
use super::judge::Changed;
use super::owned::Owned;
use super::pace::QUIET;
use super::position::Standing;
use super::questions::About;
use super::trouble::Trouble;
use super::{Turn, Worker, of_client};
use crate::live::partitions::{ParkReason, digest_of};

/// From which colour, and to which.
type Move = (fuma_schemas::Colour, fuma_schemas::Colour);

/// How often a commit is tried before partitions are let go.
const LEAVING_TRIES: u32 = 3;
/// After so many refusals in a row partitions commit alone, and after twice as many one is parked.
pub(super) const REFUSALS_MAX: u32 = 2;
/// A word that lets a clock go on beyond the broker's holds for about that long.
const WORD_MS: i64 = 3_600_000;

/// Whom a commit concerns.
#[derive(Clone, Copy)]
pub(super) enum Whom<'a> {
    /// All partitions.
    All,
    /// One, since a commit of it with others was refused.
    Alone(u32),
    /// These, for the last time; their positions are marked released.
    Leaving(&'a [u32]),
}

impl Whom<'_> {
    fn has(&self, owned: &Owned) -> bool {
        match self {
            Whom::All => true,
            Whom::Alone(id) => owned.id == *id,
            Whom::Leaving(partitions) => partitions.contains(&owned.id),
        }
    }

    fn is_leaving(&self) -> bool {
        matches!(self, Whom::Leaving(_))
    }
}

/// The clock of a partition's next commit.
enum Next {
    At(Instant),
    /// Beyond the broker's, as an operator agreed.
    Agreed(Instant),
    /// None.
    Kept(Trouble),
}

/// What an operator agrees to who lets a partition's clock go on from about `last`.
pub(super) fn digest_of_clock(id: u32, last: Instant) -> String {
    digest_of([ParkReason::ClockAhead.code().to_owned(), id.to_string(), last.0.div_euclid(WORD_MS).to_string()])
}

impl Worker {
    /// The first transaction after an assignment commits only the position, under the new owner's id (R-4).
    pub(super) fn claim(&mut self, turn: &mut Turn) -> Result<(), LogError> {
        let claims: Vec<(u32, Standing)> = self
            .owned
            .values()
            .filter(|owned| owned.must_claim)
            .map(|owned| {
                let at = owned.standing_at(owned.standing.clock, &self.identity, false);
                // Nobody was judged: the clock, and up to when, are the predecessor's.
                let (told, rides) = (owned.standing.told, owned.standing.rides);
                (owned.id, Standing { judged_until: owned.standing.judged_until, told, rides, ..at })
            })
            .collect();
        if claims.is_empty() {
            return Ok(());
        }
        let positions: Vec<(u32, Position)> =
            claims.iter().filter_map(|(id, standing)| Some(self.owned.get(id)?.claim(standing))).collect();
        match self.send(&[], &positions)? {
            (Outcome::Committed, _) => {
                for (id, standing) in claims {
                    if let Some(owned) = self.owned.get_mut(&id) {
                        owned.standing = standing;
                        owned.must_claim = false;
                    }
                }
            }
            (Outcome::Aborted, _) => turn.aborts += 1,
        }
        Ok(())
    }

    /// A transaction. What the log refuses without the client being wrong is an abort, with what was said.
    fn send(
        &mut self,
        changes: &[fuma_connectors::log::OutputRecord],
        positions: &[(u32, Position)],
    ) -> Result<(Outcome, String), LogError> {
        match self.log.commit(Transaction { changes, positions }) {
            Ok(outcome) => Ok((outcome, String::new())),
            Err(error) => {
                let refused = of_client(error).inspect_err(|_| self.measures.fatal())?;
                Ok((Outcome::Aborted, format!(": {refused}")))
            }
        }
    }

    /// Judges, and commits what there is to say and where things stand.
    pub(super) fn commit(&mut self, whom: Whom<'_>, turn: &mut Turn) -> Result<(), LogError> {
        let Whom::Leaving(partitions) = whom else { return self.try_commit(whom, turn).map(drop) };
        for _ in 0..LEAVING_TRIES {
            if self.try_commit(whom, turn)? == Outcome::Committed {
                break;
            }
        }
        self.release_positions(partitions)
    }

    /// Marks positions released, as they were committed last: of those partitions whose last commit did not go through,
    /// or that are parked. Otherwise the next owner would fence this one, who has other partitions still.
    fn release_positions(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        let all = self.owned.values().chain(self.parking.with_state());
        let is_mine = |owned: &&Owned| !owned.must_claim && !owned.standing.released && partitions.contains(&owned.id);
        let positions: Vec<(u32, Position)> = all
            .filter(is_mine)
            .map(|owned| owned.claim(&Standing { released: true, ..owned.standing.clone() }))
            .collect();
        if positions.is_empty() {
            return Ok(());
        }
        let (outcome, why) = self.send(&[], &positions)?;
        if outcome == Outcome::Aborted {
            tracing::warn!(?partitions, "positions are not marked released: the next owner fences this one{why}");
        }
        Ok(())
    }

    /// The clocks of the partitions that may commit; those that may not are parked.
    fn clocks(&mut self, whom: Whom<'_>) -> Result<BTreeMap<u32, Instant>, LogError> {
        let takes_part = |owned: &&Owned| whom.has(owned) && !owned.must_claim;
        let asked: Vec<(u32, Instant)> =
            self.owned.values().filter(takes_part).map(|owned| (owned.id, owned.last_clock())).collect();
        let mut clocks = BTreeMap::new();
        for (id, next) in self.next_clocks(&asked)? {
            match next {
                Next::At(clock) | Next::Agreed(clock) => drop(clocks.insert(id, clock)),
                Next::Kept(_) if whom.is_leaving() => {}
                Next::Kept(trouble) => self.park_with_state(id, trouble)?,
            }
        }
        Ok(clocks)
    }

    /// Whether the clock of a parked partition is in the way still.
    pub(super) fn clock_trouble(&mut self, owned: &Owned) -> Result<Option<Trouble>, LogError> {
        let next = self.next_clocks(&[(owned.id, owned.last_clock())])?.pop();
        Ok(match next {
            Some((_, Next::Kept(trouble))) => Some(trouble),
            Some((partition, Next::Agreed(_))) => {
                tracing::warn!(partition, "an operator agreed: commits go on ahead of the broker's clock");
                None
            }
            Some((_, Next::At(_))) | None => None,
        })
    }

    /// What the clocks of partitions are after their last ones.
    fn next_clocks(&mut self, asked: &[(u32, Instant)]) -> Result<Vec<(u32, Next)>, LogError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        if let Err(error) = self.clock.look(self.log.as_mut()) {
            let why = of_client(error)?.to_string();
            let unknown = |id| Next::Kept(Trouble::ClockUnknown { partition: id, why: why.clone() });
            return Ok(asked.iter().map(|(id, _)| (*id, unknown(*id))).collect());
        }
        let lasts: Vec<Instant> = asked.iter().map(|(_, last)| *last).collect();
        let reached = asked.iter().zip(self.clock.reach(&lasts));
        let read_at = self.context.schedule.read_at();
        let behind = |clock| read_at.map(|at| self.clock.beyond(clock, at)).filter(|ms| *ms > DECISIONS_MS_MAX);
        let next = |(id, last): (u32, Instant), reach| match reach {
            Reach::At(clock) if let Some(behind_ms) = behind(clock) => {
                Next::Kept(Trouble::DecisionsBehind { partition: id, behind_ms })
            }
            Reach::At(clock) => Next::At(clock),
            Reach::Ahead(_) if self.may_be_ahead(id, last) => Next::Agreed(Instant(last.0 + 1)),
            Reach::Ahead(ahead_ms) => {
                Next::Kept(Trouble::ClockAhead { partition: id, ahead_ms, digest: digest_of_clock(id, last) })
            }
        };
        Ok(reached.map(|(asked, reach)| (asked.0, next(*asked, reach))).collect())
    }

    fn try_commit(&mut self, whom: Whom<'_>, turn: &mut Turn) -> Result<Outcome, LogError> {
        let begun = self.clock.elapsed();
        let clocks = self.clocks(whom)?;
        for (id, clock) in &clocks {
            self.owned.get_mut(id).into_iter().for_each(|owned| owned.attempted = *clock);
        }
        let is_held = self.hold(&clocks);
        let mut changed = self.judge(&clocks)?;
        if is_held {
            self.take_back(&mut changed);
        }
        let (standings, counts) = self.announce(&changed, &clocks, whom);
        // Offsets and the cursor of a sweep that says nothing go along with a later commit: they are progress.
        let is_silent = self.output.is_empty() && !whom.is_leaving();
        if standings.is_empty() || is_silent && self.rhythm.since_commit(begun) < QUIET {
            self.owned.values_mut().filter(|owned| clocks.contains_key(&owned.id)).for_each(Owned::settle);
            self.rhythm.stepped(self.clock.elapsed());
            return Ok(Outcome::Committed);
        }
        let positions: Vec<(u32, Position)> =
            standings.iter().filter_map(|(id, standing)| Some(self.owned.get(id)?.position(standing))).collect();
        let output = std::mem::take(&mut self.output);
        let sent = self.send(&output, &positions);
        let announced = output.len();
        self.output = output;
        let (outcome, why) = sent?;
        let elapsed = self.clock.elapsed();
        let took = elapsed.saturating_sub(begun);
        self.rhythm.committed(elapsed, took);
        self.measures.committed(outcome, took, &counts);
        if outcome == Outcome::Committed {
            self.measures.announced(&self.causes, self.clock.now());
        }
        self.is_catching_up = outcome == Outcome::Committed;
        match outcome {
            Outcome::Committed => {
                turn.changes += announced;
                self.follow(&clocks, standings);
            }
            Outcome::Aborted => {
                turn.aborts += 1;
                self.refused(&changed, whom, &why)?;
            }
        }
        Ok(outcome)
    }

    /// The changes as records, and where the partitions stand then.
    fn announce(
        &mut self,
        changed: &Changed,
        clocks: &BTreeMap<u32, Instant>,
        whom: Whom<'_>,
    ) -> (Vec<(u32, Standing)>, Vec<Move>) {
        self.output.clear();
        self.causes.clear();
        let (mut standings, mut counts) = (Vec::new(), Vec::new());
        for (id, changes) in changed {
            let Some((owned, clock)) = self.owned.get(id).zip(clocks.get(id)) else { continue };
            owned.announce(changes, &self.identity.source, &mut self.output, &mut self.causes);
            counts.extend(changes.iter().map(|change| (change.from, change.to)));
            if whom.is_leaving() || !changes.is_empty() || owned.has_moved() {
                standings.push((*id, owned.standing_at(*clock, &self.identity, whom.is_leaving())));
            }
        }
        (standings, counts)
    }

    /// Memory follows the commit (I-3).
    fn follow(&mut self, clocks: &BTreeMap<u32, Instant>, standings: Vec<(u32, Standing)>) {
        self.owned.values_mut().filter(|owned| clocks.contains_key(&owned.id)).for_each(Owned::settle);
        for (id, standing) in standings {
            if let Some(owned) = self.owned.get_mut(&id) {
                owned.commit(standing);
                self.publisher.publish(owned, self.clock.elapsed());
            }
        }
    }

    /// The transaction is not there. It is asked who can be written to; nothing is committed until that is known.
    fn refused(&mut self, changed: &Changed, whom: Whom<'_>, why: &str) -> Result<(), LogError> {
        self.owned.values_mut().for_each(Owned::roll_back);
        if whom.is_leaving() {
            return Ok(());
        }
        // Of all: the broker that does not lead one of them does not lead others either.
        let was_alone = matches!(whom, Whom::Alone(_));
        let concerned = |id: &u32| changed.iter().any(|(other, changes)| other == id && !changes.is_empty());
        for id in self.owned.keys().copied().collect::<Vec<u32>>() {
            let why = concerned(&id).then(|| (why.to_owned(), was_alone));
            self.ask(id, About::Refused(why));
        }
        self.hear()
    }
}
