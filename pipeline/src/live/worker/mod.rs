//! The worker: evidence of its partitions in, changes and positions out, in one transaction a commit (ARCHITECTURE.md
//! section 6; docs/recovery.md). One partition's trouble is one partition's: it is parked, and the others go on.
//!
//! ```text
//! position      where a partition stands, as text beside its offset
//! restore       a partition is taken over
//! lease         whether the worker still is who was given a partition
//! takeover      the restores under way, and those that wait for their turn
//! events        what happens to partitions: assigned, restored, revoked, lost
//! questions     what is asked about partitions on threads of their own
//! answers       what the answers mean
//! trouble       why a partition goes no further
//! parking       the partitions that are parked, and when they are tried again
//! owned         a partition: take, judge, announce; then commit or roll back
//! apply         the sections of a record, applied to a partition
//! taking        evidence is taken in, as much as there is room for
//! sweep         who is judged after a change of the basis, page by page
//! announcement  a change as a record, and back
//! clock         the clock of a partition's commit
//! judge         who is judged in a commit
//! commit        one transaction: what is judged, announced and moved
//! budget        how many people a commit judges
//! together      all partitions' people, in one step
//! reference     regions and packs, read whole
//! rhythm        when to commit
//! pace          what there is to do, and how long nothing has to be done
//! stall         a client that skips records, or stands still before them
//! forget        what is past its retention goes
//! switch        another pack takes over in a running worker
//! counting      what publications of tiers would do is counted before they take effect
//! withheld      everything is held: what was judged is counted, and not announced
//! left_out      who cannot be judged is listed
//! telling       what went is told to trace
//! told          what people have to say to phones and conveyances
//! labels        which derived contacts a partition sees
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
pub mod switch;

mod answers;
mod apply;
mod budget;
mod commit;
mod counting;
mod events;
mod forget;
mod judge;
mod labels;
mod lease;
mod left_out;
mod measure;
mod overdue;
mod pace;
mod parking;
mod questions;
mod stall;
mod takeover;
mod taking;
mod telling;
mod together;
mod told;
mod trouble;
mod withheld;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::log::{Appender, LogError, LogRecord, OutputRecord, Scope, WorkerLog};

use self::clock::CommitClock;
use self::commit::Whom;
use self::counting::Counting;
use self::forget::Forgetter;
use self::left_out::LeftOutLists;
use self::measure::Measures;
pub use self::measure::{gauges, parked_gauges};
use self::overdue::Overdue;
use self::owned::{Identity, Owned};
use self::parking::Parking;
use self::questions::Questions;
use self::restore::Restoring;
use self::rhythm::Rhythm;
use self::snapshots::Keeper;
use self::stall::Stalls;
use self::takeover::Takeovers;
pub use self::takeover::{Places, RESTORES_MAX};
use self::taking::UNCOMMITTED_BYTES_MAX;
use self::telling::Telling;
use self::told::Teller;
pub use self::told::Tells;
pub use self::trouble::Trouble;
use crate::live::answers::{Answers, Publisher};
use crate::live::monotonic;
use crate::live::partitions::Partitions;
use crate::live::stop::Stop;

/// The most people judged in one commit of a worker, unless the configuration says otherwise.
const PAGE_PEOPLE: usize = 16_384;

/// A worker.
pub struct Worker {
    log: Box<dyn WorkerLog>,
    /// The partitions that are judged and committed.
    owned: BTreeMap<u32, Owned>,
    /// Those that are not, for a reason.
    parking: Parking,
    questions: Questions,
    takeovers: Takeovers,
    identity: Identity,
    context: Restoring,
    clock: CommitClock,
    rhythm: Rhythm,
    page_people: usize,
    uncommitted_bytes_max: usize,
    polled_at: Duration,
    /// The last commit went through, and had no room for everybody.
    is_catching_up: bool,
    /// Partitions that commit alone next, because a commit with others was refused.
    alone: VecDeque<u32>,
    /// The partition that is judged first in the next commit, so that none starves another.
    first: u32,
    measures: Measures,
    keeper: Keeper,
    forgetter: Forgetter,
    telling: Telling,
    teller: Teller,
    overdue: Overdue,
    counting: Counting,
    left_out: LeftOutLists,
    stalls: Stalls,
    publisher: Publisher,
    records: Vec<LogRecord>,
    output: Vec<OutputRecord>,
    /// When the log took what is behind the changes of the commit under way.
    causes: Vec<fuma_schemas::Instant>,
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
            questions: Questions::default(),
            owned: BTreeMap::new(),
            parking: Parking::new(log.owner(), context.words.clone()),
            page_people: PAGE_PEOPLE,
            uncommitted_bytes_max: UNCOMMITTED_BYTES_MAX,
            polled_at: Duration::ZERO,
            is_catching_up: false,
            alone: VecDeque::new(),
            first: 0,
            measures: Measures::default(),
            keeper: Keeper::default(),
            forgetter: Forgetter::default(),
            telling: Telling::new(None, context.identity.origin),
            teller: Teller::new(context.identity.origin, context.identity.partitions),
            overdue: Overdue::default(),
            counting: Counting::default(),
            left_out: LeftOutLists::default(),
            stalls: Stalls::default(),
            publisher: Publisher::default(),
            records: Vec::new(),
            output: Vec::new(),
            causes: Vec::new(),
            log,
            context,
            clock,
            rhythm,
        }
    }

    /// Shows what becomes of the partitions where others read it, for as long as the worker is there.
    pub fn show_in(&mut self, partitions: &Partitions) {
        self.parking.partitions = partitions.for_another();
    }

    /// Shares the places for restores with the other workers of the process.
    pub fn share_places(&mut self, places: Places) {
        self.takeovers.places = places;
    }

    /// Publishes what is announced behind each commit, for those who ask.
    pub fn answer_in(&mut self, answers: Answers) {
        self.publisher = Publisher::new(answers);
        self.context.shows = true;
    }

    /// Has trace told what people forget, through this appender.
    pub fn tell_trace(&mut self, appender: Box<dyn Appender>) {
        self.telling = Telling::new(Some(appender), self.identity.origin);
    }

    /// Judges at most so many people in one commit.
    pub fn set_page(&mut self, people: usize) {
        self.page_people = people.max(1);
    }

    /// A partition with more bytes of evidence that are not committed is read on only when they are.
    pub fn set_uncommitted_bytes_max(&mut self, bytes: usize) {
        self.uncommitted_bytes_max = bytes.max(1);
    }

    /// Restores on the worker's own thread, for a simulation.
    pub fn restore_inline(&mut self) {
        self.takeovers.is_inline = true;
        self.keeper.is_inline = true;
        self.questions.is_inline = true;
    }

    /// The partitions that are judged and committed.
    pub fn owned(&self) -> impl Iterator<Item = &Owned> {
        self.owned.values()
    }

    /// The partitions that are parked, each with its state where that is kept.
    pub fn parked(&self) -> impl Iterator<Item = (u32, Option<&Owned>)> {
        self.parking.all()
    }

    /// Why a partition is parked, if it is.
    pub fn trouble(&self, partition: u32) -> Option<Arc<Trouble>> {
        self.parking.trouble(partition)
    }

    /// What becomes of the partitions.
    pub fn partitions(&self) -> &Partitions {
        &self.parking.partitions
    }

    /// How many restores it has taken over since it was made.
    pub fn restored(&self) -> u64 {
        self.measures.restores()
    }

    /// Bytes of evidence that wait for their commit, of parked partitions too.
    pub fn held_bytes(&self) -> usize {
        self.owned.values().chain(self.parking.with_state()).map(|owned| owned.uncommitted_bytes).sum()
    }

    /// The id under which it commits.
    pub fn owner(&self) -> &str {
        &self.identity.owner
    }

    /// Monotonic time.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Whether the group has said which partitions are the worker's, be it none.
    pub fn is_member(&self) -> bool {
        self.log.is_member()
    }

    /// The broker's clock less this machine's, in milliseconds, as far as it is known.
    pub fn skew_ms(&self) -> Option<i64> {
        self.clock.skew_ms()
    }

    /// How many partitions are being restored, or wait for it; those that are parked do not count.
    pub fn restoring(&self) -> usize {
        self.takeovers.len()
    }

    /// Works until it is asked to stop; then writes the last snapshots as far as a short time allows, commits, lets its
    /// partitions go, and returns. `tick` is called each turn.
    ///
    /// # Errors
    /// When its client is of no more use; all state is to be dropped then.
    pub fn run(&mut self, stop: &Stop, tick: &mut dyn FnMut(&Worker)) -> Result<(), LogError> {
        while !stop.is_set() {
            self.turn()?;
            tick(self);
        }
        self.write_last(tick)?;
        self.leave()
    }

    /// The last snapshots, while others wait for this worker to leave: so for a short time only.
    fn write_last(&mut self, tick: &mut dyn FnMut(&Worker)) -> Result<(), LogError> {
        let Some(snapshots) = self.context.snapshots.clone() else { return Ok(()) };
        self.keeper.hurry();
        let begun = monotonic::now();
        while begun.elapsed() < snapshots.at_stop && self.keeper.has_work(&snapshots, &self.owned, self.clock.elapsed())
        {
            self.turn()?;
            tick(self);
        }
        Ok(())
    }

    /// One turn: take what the log has, answer what happened to the partitions, commit when it is time.
    ///
    /// # Errors
    /// When its client is of no more use.
    pub fn turn(&mut self) -> Result<Turn, LogError> {
        let mut turn = Turn::default();
        if self.must_catch_up() {
            self.commit(Whom::All, &mut turn)?;
            return Ok(turn);
        }
        self.poll(&mut turn)?;
        self.park_what_is_not_ours()?;
        self.try_again()?;
        self.hear()?;
        self.begin_restores()?;
        self.install()?;
        self.claim(&mut turn)?;
        if !self.questions.looks_for_leaders() {
            match self.alone.pop_front() {
                Some(id) => self.commit(Whom::Alone(id), &mut turn)?,
                None if self.is_time() => self.commit(Whom::All, &mut turn)?,
                None => {}
            }
        }
        self.control_flow()?;
        self.keep_house()?;
        Ok(turn)
    }

    /// What the log has, and what happened to the partitions.
    fn poll(&mut self, turn: &mut Turn) -> Result<(), LogError> {
        let wait = self.wait();
        self.polled_at = self.clock.elapsed();
        let mut records = std::mem::take(&mut self.records);
        let polled = self.log.poll(wait, &mut records);
        let lease = self.takeovers.lease.clone();
        turn.records = records.len();
        // What was taken belongs to the state whether or not the poll failed behind it.
        let taken = self.take(&records);
        records.clear();
        self.records = records;
        taken?;
        match polled {
            Ok(events) => {
                events.into_iter().try_for_each(|event| self.answer(event, turn))?;
                // Noted after the answer: who was told that a partition is gone has given its restore up by now.
                lease.polled();
                Ok(())
            }
            Err(error) => self.poll_failed(error),
        }
    }

    /// Between commits: what is past goes, what is to be counted is counted, and what is to be kept is written.
    fn keep_house(&mut self) -> Result<(), LogError> {
        let time = (self.clock.now(), self.clock.elapsed());
        let forgotten = self.forgetter.turn(&mut self.owned, time);
        self.telling.add(forgotten);
        self.telling.turn()?;
        self.teller.turn(&mut self.owned)?;
        if let Err((id, error)) = self.overdue.turn(&self.owned, time) {
            self.park(id, error.into())?;
        }
        self.keep_switches();
        if let Err((id, error)) = self.counting.turn(&mut self.owned, &self.context, time.0) {
            self.park(id, error.into())?;
        }
        self.publisher.keep_fresh(&mut self.owned, time.1);
        self.publisher.explain(&self.owned);
        self.left_out.turn(&self.owned, &self.context.state, time.1);
        self.look_for_stalls()?;
        if let Some(snapshots) = self.context.snapshots.as_ref().filter(|_| self.telling.is_done()) {
            self.keeper.turn(snapshots, &mut self.owned, self.log.as_mut(), time, &self.identity);
        }
        Ok(())
    }
}

/// Errors that concern the client as a whole are its end; others do not end a worker.
fn of_client(error: LogError) -> Result<LogError, LogError> {
    if error.scope() >= Scope::Stage { Err(error) } else { Ok(error) }
}
