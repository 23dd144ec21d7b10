//! Attach as a stage: the log of phones in; evidence of whoever holds them out (docs/recovery.md R-17 to R-22).
//!
//! ```text
//! state     one partition of the log: records, holders, what is attached
//! output    what is said, by partition of people -> messages
//! keep      the state stored, and taken back
//! parking   a partition that cannot go on, and when it is tried again
//! ```
//!
//! A process attaches the phones of those partitions whose people it judges: so the group shares the work out, and no
//! second group is needed. Two processes may read one partition for a while, the old owner and the new one. That does
//! no harm: what is said at an offset is a function of the log up to there, and carries that offset as its version. How
//! far a partition is, its snapshot says; what was said behind it is said again.
//!
//! Owns the loop. Must never say anything that hangs on a clock, or on another log.

mod keep;
mod output;
mod parking;
mod state;

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{Appender, KeyedSource, LogError, LogRecord, Severity};
use fuma_schemas::Instant;
use metrics::gauge;

use self::keep::Keeper;
use self::output::Output;
use self::parking::{Parking, Trouble};
use self::state::State;
use super::metric;
use super::outbox::Outbox;
use super::partitions::{ASSESS, ATTACH, Partitions};
use super::record::Origin;
use super::stop::Stop;
use super::worker::clock::{SystemWall, Wall as _};
use super::worker::snapshots::Snapshots;
use crate::evidence::{Limits, Retention};
use crate::linked::{LinkedCounts, Waiting};

/// A wait for records; the wish to stop, and what happened to the partitions, is looked at in between.
const WAIT: Duration = Duration::from_millis(50);
/// How often gauges are set.
const GAUGES_EVERY: Duration = Duration::from_secs(2);

/// Bytes of rows after which a message is full, unless it is said otherwise.
pub const MESSAGE_BYTES_MAX: usize = 512 << 10;

/// How the stage works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the names of the topics begin with.
    pub topic_prefix: String,
    /// How many partitions people have.
    pub partitions: u32,
    /// Bytes of rows after which a message is full.
    pub message_bytes_max: usize,
    /// Where the state is stored, and how often; nowhere: the log of phones must be whole.
    pub snapshots: Option<Snapshots>,
    /// Whose the messages are.
    pub origin: Origin,
    /// How many records of a kind one phone may have.
    pub facts: Limits,
    /// How long records and bindings are kept.
    pub retention: Retention,
}

/// The partitions of the log of phones that this process reads.
pub struct Stage {
    source: Box<dyn KeyedSource>,
    appender: Box<dyn Appender>,
    partitions: Partitions,
    options: Options,
    states: BTreeMap<u32, State>,
    parking: Parking,
    keeper: Keeper,
    output: Output,
    outbox: Outbox,
    records: Vec<LogRecord>,
    measured: Option<Duration>,
}

impl Stage {
    /// Reads nothing yet. Which partitions it reads, the partitions of `assess` say.
    pub fn new(
        source: Box<dyn KeyedSource>,
        appender: Box<dyn Appender>,
        partitions: Partitions,
        options: Options,
    ) -> Stage {
        Stage {
            source,
            appender,
            states: BTreeMap::new(),
            parking: Parking::new(partitions.clone()),
            partitions,
            keeper: Keeper::new(options.snapshots.clone(), options.origin),
            output: Output::new(options.partitions, options.message_bytes_max, options.origin),
            outbox: Outbox::new(ATTACH, &options.topic_prefix),
            records: Vec::new(),
            measured: None,
            options,
        }
    }

    /// Runs until it is asked to stop.
    ///
    /// # Errors
    /// When the log is of no use any more.
    pub fn run(&mut self, stop: &Stop) -> Result<(), LogError> {
        let wall = SystemWall::default();
        while !stop.is_set() {
            self.turn(WAIT, (wall.now(), wall.elapsed()), stop)?;
        }
        Ok(())
    }

    /// One turn: who came and went, what the log has, what follows from it. Gives how many records were taken in.
    ///
    /// # Errors
    /// When the log is of no use any more.
    pub fn turn(
        &mut self,
        wait: Duration,
        (now, elapsed): (Instant, Duration),
        stop: &Stop,
    ) -> Result<usize, LogError> {
        self.follow_people((now, elapsed))?;
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        if self.outbox.has_room() {
            match self.source.poll(wait, &mut records) {
                Err(error) if error.severity() == Severity::Transient => {
                    tracing::warn!(%error, "the log of phones cannot be read for now");
                }
                polled => polled?,
            }
        } else {
            std::thread::sleep(wait);
        }
        for record in &records {
            self.take(record, (now, elapsed))?;
        }
        let taken = records.len();
        self.records = records;
        self.output.end(&mut self.outbox).map_err(|error| LogError::fatal(error.to_string()))?;
        self.outbox.deliver(self.appender.as_mut(), stop)?;
        if self.outbox.is_empty() {
            // All that was said is safe: so a state that is stored now owes nothing.
            self.keeper.turn(&self.states, (now, elapsed), self.source.as_mut());
        }
        if self.measured.is_none_or(|at| elapsed.saturating_sub(at) >= GAUGES_EVERY) {
            self.measured = Some(elapsed);
            self.measure();
        }
        Ok(taken)
    }

    /// What is attached, and what waits, in all partitions.
    pub fn counts(&self) -> LinkedCounts {
        let mut counts = LinkedCounts::default();
        self.states.values().for_each(|state| state.count(&mut counts));
        counts
    }

    /// Takes on the phones of the partitions that came, and lets go those of the partitions that went.
    fn follow_people(&mut self, (now, elapsed): (Instant, Duration)) -> Result<(), LogError> {
        let all = self.partitions.all();
        let held: Vec<u32> = all.iter().filter(|((stage, _), _)| *stage == ASSESS).map(|((_, id), _)| *id).collect();
        let gone: Vec<u32> = all
            .iter()
            .filter(|((stage, id), _)| *stage == ATTACH && !held.contains(id))
            .map(|((_, id), _)| *id)
            .collect();
        for id in gone {
            self.let_go(id);
            self.parking.forget(id);
            self.partitions.gone(ATTACH, id);
        }
        // One a turn: a state that is taken back may be large, and the others go on meanwhile.
        let next = held.into_iter().find(|id| !self.states.contains_key(id) && self.parking.may_try(*id, elapsed));
        let Some(id) = next else { return Ok(()) };
        self.parking.restoring(id, now);
        match self.begin(id) {
            Ok(state) => {
                self.states.insert(id, state);
                self.parking.owned(id, now);
                Ok(())
            }
            Err(trouble) => {
                self.source.leave(id);
                self.parking.park(id, trouble, (now, elapsed))
            }
        }
    }

    fn begin(&mut self, id: u32) -> Result<State, Trouble> {
        let bounds = self.source.bounds(id)?;
        let state = self.keeper.newest(id, &bounds, &self.options)?;
        if bounds.start > state.next() {
            return Err(Trouble::Gap { begins: bounds.start, next: state.next() });
        }
        self.source.place(id, state.next())?;
        tracing::info!(partition = id, from = state.next(), end = bounds.end, "records of phones are attached");
        Ok(state)
    }

    fn take(&mut self, record: &LogRecord, at: (Instant, Duration)) -> Result<(), LogError> {
        let id = record.partition;
        let Some(state) = self.states.get_mut(&id) else { return Ok(()) };
        let (output, outbox) = (&mut self.output, &mut self.outbox);
        let taken = state.take(record, &self.options, &mut |row| output.say(row, outbox));
        let Err(trouble) = taken else { return Ok(()) };
        // Half a record may be in the tables: the state is not used again.
        self.let_go(id);
        self.parking.park(id, trouble, at)
    }

    fn let_go(&mut self, id: u32) {
        self.source.leave(id);
        self.states.remove(&id);
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn measure(&mut self) {
        let (mut lag, counts) = (0, self.counts());
        for (id, state) in &self.states {
            if let Ok(bounds) = self.source.bounds(*id) {
                lag += bounds.end.saturating_sub(state.next());
            }
        }
        gauge!(metric::LAG_RECORDS, "stage" => ATTACH).set(lag as f64);
        gauge!(metric::PHONE_RECORDS_ATTACHED).set(counts.attached as f64);
        for (reason, count) in Waiting::ALL.iter().zip(counts.waiting) {
            gauge!(metric::PHONE_RECORDS_WAITING, "reason" => reason.code()).set(count as f64);
        }
    }
}
