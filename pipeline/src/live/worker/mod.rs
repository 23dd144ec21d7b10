//! The worker: evidence of its partitions in, changes and positions out, in one transaction a commit (DESIGN.md
//! section 6; RECOVERY.md).
//!
//! ```text
//! position      where a partition stands, as text beside its offset
//! restore       a partition is taken over
//! owned         a partition: take, judge, announce; then commit or roll back
//! sweep         who is judged after a change of the basis, page by page
//! announcement  a change as a record, and back
//! clock         the clock of a commit
//! reference     regions and packs, read whole
//! rhythm        when to commit
//! stall         a client that skips records, or stands still before them
//! forget        what is past its retention goes
//! snapshots     a partition's state, written between commits, read at a takeover
//! ```
//!
//! Owns one thread, one consumer, one producer. Must never announce outside a transaction, nor let memory lead it.

pub mod announcement;
pub mod clock;
pub mod owned;
pub mod position;
pub mod reference;
pub mod restore;
pub mod rhythm;
pub mod snapshots;
pub mod sweep;

mod forget;
mod measure;
mod stall;
mod takeover;

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{GroupEvent, LogError, LogRecord, Outcome, OutputRecord, Position, Transaction, WorkerLog};
use fuma_schemas::{CodeChange, Instant};

use self::clock::CommitClock;
use self::forget::Forgetter;
use self::measure::Measures;
pub use self::measure::gauges;
use self::owned::{Identity, Owned};
use self::position::Standing;
use self::restore::{RestoreError, Restoring};
use self::rhythm::Rhythm;
use self::snapshots::Keeper;
use self::stall::{Stalls, skipped};
use self::takeover::Takeovers;
use crate::assess::AssessError;
use crate::live::fault;
use crate::live::stop::Stop;

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The log. A fatal one: begin anew.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The engine: a bug, or a pack that cannot be executed.
    #[error(transparent)]
    Assess(#[from] AssessError),
    /// A partition cannot be judged soundly: somebody has to look.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// The longest wait for something to do: how soon a stop, a region, or the end of a restore is seen.
const IDLE: Duration = Duration::from_millis(100);
/// The most people judged for being due or swept, in one commit of a worker.
const PAGE_PEOPLE: usize = 8192;
/// How often a commit that announces nothing may be put off: it only moves offsets.
const QUIET: Duration = Duration::from_millis(100);

/// A worker.
pub struct Worker {
    log: Box<dyn WorkerLog>,
    owned: BTreeMap<u32, Owned>,
    takeovers: Takeovers,
    identity: Identity,
    context: Restoring,
    clock: CommitClock,
    rhythm: Rhythm,
    accepts_clock_ahead: bool,
    last_clock: Instant,
    /// Nothing is committed before: the clock ran ahead, and is looked at again then.
    held_until: Duration,
    measures: Measures,
    keeper: Keeper,
    forgetter: Forgetter,
    stalls: Stalls,
    records: Vec<LogRecord>,
    changes: Vec<CodeChange>,
    output: Vec<OutputRecord>,
}

/// What one turn of the loop came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    /// Records taken in.
    pub records: usize,
    /// Changes committed.
    pub changes: usize,
    /// Transactions that did not commit.
    pub aborts: usize,
}

impl Worker {
    /// A worker on a log. `context` names pack, references and snapshots; the owner in it is the log's.
    pub fn new(log: Box<dyn WorkerLog>, mut context: Restoring, clock: CommitClock, rhythm: Rhythm) -> Worker {
        context.identity.owner = log.owner().to_owned();
        Worker {
            identity: context.identity.clone(),
            takeovers: Takeovers::default(),
            owned: BTreeMap::new(),
            accepts_clock_ahead: false,
            last_clock: Instant::default(),
            held_until: Duration::ZERO,
            measures: Measures::default(),
            keeper: Keeper::default(),
            forgetter: Forgetter::default(),
            stalls: Stalls::default(),
            records: Vec::new(),
            changes: Vec::new(),
            output: Vec::new(),
            log,
            context,
            clock,
            rhythm,
        }
    }

    /// Lets commits go on beyond the broker's clock: an operator's way out of a clock that ran ahead (R-14).
    pub fn accept_clock_ahead(&mut self) {
        self.accepts_clock_ahead = true;
    }

    /// Restores on the worker's own thread, for a simulation.
    pub fn restore_inline(&mut self) {
        self.takeovers.is_inline = true;
    }

    /// The partitions that were restored.
    pub fn owned(&self) -> impl Iterator<Item = &Owned> {
        self.owned.values()
    }

    /// The id under which it commits.
    pub fn owner(&self) -> &str {
        &self.identity.owner
    }

    /// Monotonic time.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// How many partitions are being restored.
    pub fn restoring(&self) -> usize {
        self.takeovers.len()
    }

    /// Works until it is asked to stop; then commits, lets its partitions go, and returns. `tick` is called each turn.
    ///
    /// # Errors
    /// See [`WorkerError`]; all state is to be dropped then.
    pub fn run(&mut self, stop: &Stop, tick: &mut dyn FnMut(&Worker)) -> Result<(), WorkerError> {
        while !stop.is_set() {
            self.turn()?;
            tick(self);
        }
        self.leave()
    }

    /// One turn: take what the log has, answer what happened to the partitions, commit when it is time.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub fn turn(&mut self) -> Result<Turn, WorkerError> {
        let wait = self.wait();
        let mut records = std::mem::take(&mut self.records);
        let polled = self.log.poll(wait, &mut records);
        let mut turn = Turn { records: records.len(), ..Turn::default() };
        let taken = self.take(&records);
        records.clear();
        self.records = records;
        // What was taken belongs to the state whether or not the poll failed behind it.
        taken?;
        for event in polled? {
            self.answer(event, &mut turn)?;
        }
        self.install()?;
        self.claim(&mut turn)?;
        if self.is_time() {
            self.commit(None, &mut turn)?;
        }
        let time = (self.clock.now(), self.clock.elapsed());
        self.forgetter.turn(&mut self.owned, time)?;
        if turn.records == 0 {
            self.stalls.turn(&self.owned, self.log.as_mut(), time.1)?;
        }
        if let Some(snapshots) = &self.context.snapshots {
            self.keeper.turn(snapshots, &self.owned, self.log.as_mut(), time);
        }
        Ok(turn)
    }

    fn take(&mut self, records: &[LogRecord]) -> Result<(), WorkerError> {
        for record in records {
            if let Some(owned) = self.owned.get_mut(&record.partition) {
                if record.offset > owned.next {
                    return Err(skipped(record.partition, owned.next, record.offset).into());
                }
                let taken = owned.take(record)?;
                self.measures.taken(&taken);
                self.rhythm.took(record.value.len(), self.clock.now().0 - record.timestamp.0);
                if taken.damaged > 0 {
                    tracing::error!(
                        partition = record.partition,
                        offset = record.offset,
                        "an evidence record is damaged: passed over"
                    );
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, event: GroupEvent, turn: &mut Turn) -> Result<(), WorkerError> {
        self.measures.event(&event);
        match event {
            GroupEvent::Assigned(partitions) => {
                tracing::info!(?partitions, "assigned");
                self.log.accept(&partitions)?;
                for partition in partitions {
                    let context = Restoring { now: self.clock.now(), ..self.context.clone() };
                    self.takeovers.begin(partition, self.log.as_ref(), context)?;
                }
            }
            GroupEvent::Revoked(partitions) => {
                tracing::info!(?partitions, "revoked");
                self.takeovers.cancel(&partitions);
                fault::place("in-revoke");
                self.commit(Some(&partitions), turn)?;
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

    fn drop_state(&mut self, partitions: &[u32]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.measures.forget(*partition);
        }
    }

    /// Takes over what was restored meanwhile.
    fn install(&mut self) -> Result<(), WorkerError> {
        for (restored, seconds) in self.takeovers.finished() {
            let owned = restored?;
            self.measures.restored(seconds);
            self.log.resume(owned.id, owned.next)?;
            self.owned.insert(owned.id, owned);
        }
        Ok(())
    }

    /// The first transaction after an assignment commits only the position, under the new owner's id (R-4).
    fn claim(&mut self, turn: &mut Turn) -> Result<(), WorkerError> {
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

    fn is_time(&mut self) -> bool {
        if self.clock.elapsed() < self.held_until {
            return false;
        }
        let now = self.clock.now();
        let is_urgent = self.owned.values().any(|owned| {
            owned.partition.waiting() > 0
                || !owned.sweep.is_empty()
                || owned.is_due(now)
                || owned.regions < self.context.references.regions_end()
        });
        let has_moved = || self.owned.values().any(|owned| owned.has_moved());
        let elapsed = self.clock.elapsed();
        if is_urgent { self.rhythm.is_time(elapsed) } else { self.rhythm.since_commit(elapsed) >= QUIET && has_moved() }
    }

    /// How long the log may be waited for.
    fn wait(&self) -> Duration {
        let now = self.clock.now();
        let elapsed = self.clock.elapsed();
        if elapsed < self.held_until {
            return self.held_until - elapsed;
        }
        let has_work = self
            .owned
            .values()
            .any(|owned| owned.partition.waiting() > 0 || !owned.sweep.is_empty() || owned.is_due(now));
        if has_work {
            return self.rhythm.remaining(elapsed);
        }
        let due = self.owned.values().filter_map(|owned| owned.partition.next_due()).min();
        let until_due = due.map_or(IDLE, |due| Duration::from_millis((due.0 - now.0).clamp(0, 100) as u64));
        let has_more = !self.takeovers.is_empty() || self.keeper.is_writing();
        if has_more { until_due.min(Duration::from_millis(5)) } else { until_due.min(IDLE) }
    }

    /// Judges, and commits what there is to say and where things stand. `leaving`: only these partitions, for the last
    /// time; their positions are marked released.
    fn commit(&mut self, leaving: Option<&[u32]>, turn: &mut Turn) -> Result<(), WorkerError> {
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
        let sweeping = self.owned.values().filter(|owned| !owned.sweep.is_empty()).count().max(1);
        for owned in self.owned.values_mut().filter(|owned| concerned(&owned.id) && !owned.must_claim) {
            self.changes.clear();
            owned.follow_regions(&self.context.references)?;
            if owned.has_work(clock) {
                owned.judge(clock, (PAGE_PEOPLE / sweeping).max(256), &mut self.changes)?;
            }
            owned.announce(&self.changes, &self.identity.source, &mut self.output);
            counts.extend(self.changes.iter().map(|change| (change.from, change.to)));
            if leaving.is_some() || !self.changes.is_empty() || owned.has_moved() {
                standings.push((owned.id, owned.standing_at(clock, &self.identity, leaving.is_some())));
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
        self.conclude(outcome, standings, leaving, turn);
        let elapsed = self.clock.elapsed();
        let took = elapsed.saturating_sub(begun);
        self.rhythm.committed(elapsed, took);
        self.measures.committed(outcome, took, &counts);
        Ok(outcome)
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
                self.owned.values_mut().for_each(Owned::roll_back);
            }
        }
    }

    /// Commits all there is, marks the positions released, and lets go.
    fn leave(&mut self) -> Result<(), WorkerError> {
        let mut partitions = self.takeovers.cancel_all();
        partitions.extend(self.owned.keys());
        let mut turn = Turn::default();
        let mine: Vec<u32> = self.owned.keys().copied().collect();
        if !mine.is_empty() {
            self.commit(Some(&mine), &mut turn)?;
        }
        self.drop_state(&mine);
        self.log.release(&partitions)?;
        Ok(())
    }
}
