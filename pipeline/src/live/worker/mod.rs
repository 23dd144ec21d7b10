//! The worker: evidence of its partitions in, changes and positions out, in one transaction a commit (ARCHITECTURE.md
//! section 6; docs/recovery.md).
//!
//! ```text
//! position      where a partition stands, as text beside its offset
//! restore       a partition is taken over
//! owned         a partition: take, judge, announce; then commit or roll back
//! sweep         who is judged after a change of the basis, page by page
//! announcement  a change as a record, and back
//! clock         the clock of a commit
//! commit        one transaction: what is judged, announced and moved
//! budget        how many people a commit judges
//! reference     regions and packs, read whole
//! rhythm        when to commit
//! stall         a client that skips records, or stands still before them
//! forget        what is past its retention goes
//! left_out      who cannot be judged is listed
//! telling       what went is told to trace
//! overdue       how many reasons are past their due
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

mod budget;
mod commit;
mod forget;
mod left_out;
mod measure;
mod overdue;
mod stall;
mod takeover;
mod telling;

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{Appender, GroupEvent, LogError, LogRecord, OutputRecord, WorkerLog};
use fuma_schemas::Instant;

use self::clock::CommitClock;
use self::forget::Forgetter;
use self::left_out::LeftOutLists;
use self::measure::Measures;
pub use self::measure::gauges;
use self::overdue::Overdue;
use self::owned::{ApplyError, Identity, Owned};
use self::restore::{RestoreError, Restoring};
use self::rhythm::Rhythm;
use self::snapshots::Keeper;
use self::stall::{Stalls, skipped};
use self::takeover::Takeovers;
use self::telling::Telling;
use crate::assess::AssessError;
use crate::live::fault;
use crate::live::record::RecordError;
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
    /// A record is not understood: nothing past it may be committed.
    #[error("partition {partition}: record {offset} of the evidence log is not read: {error}")]
    Record {
        /// The partition.
        partition: u32,
        /// Where.
        offset: u64,
        /// Why.
        error: RecordError,
    },
    /// A record of the regions is not understood.
    #[error("partition {partition}: a record of the regions is not read: {error}")]
    Regions {
        /// The partition.
        partition: u32,
        /// Why.
        error: RecordError,
    },
    /// A partition cannot be judged soundly: somebody has to look.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// The longest wait for something to do: how soon a stop, a region, or the end of a restore is seen.
const IDLE: Duration = Duration::from_millis(100);
/// The most people judged in one commit of a worker, unless the configuration says otherwise.
const PAGE_PEOPLE: usize = 16_384;
/// For how long people who did not fit into a commit are judged before the log is polled again: as long as there are
/// some, nothing new is taken in.
const CATCH_UP: Duration = Duration::from_secs(1);
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
    page_people: usize,
    polled_at: Duration,
    /// The last commit went through, and had no room for everybody.
    is_catching_up: bool,
    last_clock: Instant,
    /// Nothing is committed before: the clock ran ahead, and is looked at again then.
    held_until: Duration,
    measures: Measures,
    keeper: Keeper,
    forgetter: Forgetter,
    telling: Telling,
    overdue: Overdue,
    left_out: LeftOutLists,
    stalls: Stalls,
    records: Vec<LogRecord>,
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
            page_people: PAGE_PEOPLE,
            polled_at: Duration::ZERO,
            is_catching_up: false,
            last_clock: Instant::default(),
            held_until: Duration::ZERO,
            measures: Measures::default(),
            keeper: Keeper::default(),
            forgetter: Forgetter::default(),
            telling: Telling::new(None, context.identity.origin),
            overdue: Overdue::default(),
            left_out: LeftOutLists::default(),
            stalls: Stalls::default(),
            records: Vec::new(),
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

    /// Has trace told what people forget, through this appender.
    pub fn tell_trace(&mut self, appender: Box<dyn Appender>) {
        self.telling = Telling::new(Some(appender), self.identity.origin);
    }

    /// Judges at most so many people in one commit.
    pub fn set_page(&mut self, people: usize) {
        self.page_people = people.max(1);
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
        if self.is_catching_up && self.is_behind() && self.clock.elapsed().saturating_sub(self.polled_at) < CATCH_UP {
            let mut turn = Turn::default();
            self.commit(None, &mut turn)?;
            return Ok(turn);
        }
        let wait = self.wait();
        self.polled_at = self.clock.elapsed();
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
        let forgotten = self.forgetter.turn(&mut self.owned, time);
        self.telling.add(forgotten);
        self.telling.turn()?;
        self.overdue.turn(&self.owned, time)?;
        self.left_out.turn(&self.owned, &self.context.state, time.1);
        if turn.records == 0 {
            self.stalls.turn(&self.owned, self.log.as_mut(), time.1)?;
        }
        if let Some(snapshots) = self.context.snapshots.as_ref().filter(|_| self.telling.is_done()) {
            self.keeper.turn(snapshots, &self.owned, self.log.as_mut(), time, &self.identity);
        }
        Ok(turn)
    }

    fn take(&mut self, records: &[LogRecord]) -> Result<(), WorkerError> {
        for record in records {
            if let Some(owned) = self.owned.get_mut(&record.partition) {
                if record.offset > owned.next {
                    return Err(skipped(record.partition, owned.next, record.offset).into());
                }
                let taken = owned.take(record, self.identity.origin).map_err(|error| match error {
                    ApplyError::Assess(error) => WorkerError::Assess(error),
                    ApplyError::Record(error) => {
                        WorkerError::Record { partition: record.partition, offset: record.offset, error }
                    }
                })?;
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

    /// Whether people wait who did not fit into the last commit, and nothing keeps them from being judged now.
    fn is_behind(&self) -> bool {
        let is_held = self.clock.elapsed() < self.held_until;
        !is_held && self.owned.values().any(|owned| owned.is_behind() && !owned.must_claim)
    }

    fn is_time(&mut self) -> bool {
        if self.clock.elapsed() < self.held_until {
            return false;
        }
        let now = self.clock.now();
        let is_urgent = self.owned.values().any(|owned| {
            owned.partition.waiting() > 0
                || owned.is_sweeping()
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
        let has_work =
            self.owned.values().any(|owned| owned.partition.waiting() > 0 || owned.is_sweeping() || owned.is_due(now));
        if has_work {
            return self.rhythm.remaining(elapsed);
        }
        let due = self.owned.values().filter_map(|owned| owned.partition.next_due()).min();
        let until_due = due.map_or(IDLE, |due| Duration::from_millis((due.0 - now.0).clamp(0, 100) as u64));
        let has_more = !self.takeovers.is_empty() || self.keeper.is_writing();
        if has_more { until_due.min(Duration::from_millis(5)) } else { until_due.min(IDLE) }
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
