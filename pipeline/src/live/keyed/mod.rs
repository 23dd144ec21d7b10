//! A keyed stage: one log by a key that is no person (phones, rides); evidence of people out (docs/recovery.md R-17 to
//! R-23).
//!
//! ```text
//! state     one partition of the log: what the stage keeps of it, and up to which record
//! output    what is said, by partition of people -> messages
//! keep      the state stored, and taken back
//! parking   a partition that cannot go on, and when it is tried again
//! ```
//!
//! A process has the keys of those partitions whose people it judges: so the group shares the work out, and no
//! second group is needed. Two processes may read one partition for a while, the old owner and the new one. That does
//! no harm: what is said at an offset is a function of the log up to there, and carries that offset as its version. How
//! far a partition is, its snapshot says; what was said behind it is said again.
//!
//! Owns the loop, for each kind of key the same. Must never say anything that hangs on a clock, or on another log.

mod keep;
mod output;
mod parking;
mod state;

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{Appender, KeyedSource, LogError, LogRecord, Severity};
use fuma_schemas::{Instant, Kind};
use metrics::gauge;

use self::keep::Keeper;
use self::output::Output;
use self::parking::Parking;
pub use self::parking::Trouble;
use self::state::State;
pub(in crate::live) use self::state::{EMPTY_KEPT_MS, Told, refuse_epoch};
pub use self::state::{Keyed, Label, Labels, Place};
use super::metric;
use super::outbox::Outbox;
use super::partitions::{ASSESS, Partitions};
use super::record::Origin;
use super::stop::Stop;
use super::worker::clock::{SystemWall, Wall as _};
use super::worker::snapshots::Snapshots;
use crate::evidence::{Limits, Retention};
use crate::linked::LinkedCounts;

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
    /// Where the state is stored, and how often; nowhere: the log must be whole.
    pub snapshots: Option<Snapshots>,
    /// Whose the messages are.
    pub origin: Origin,
    /// How many records of a kind one key may have.
    pub facts: Limits,
    /// How long what is told is kept.
    pub retention: Retention,
    /// The packs by the switches that made them live.
    pub labels: Labels,
}

impl Options {
    /// What of a kind ended before this instant is past, by the time of the log.
    pub fn kept_from(&self, kind: Kind, clock: Instant) -> i64 {
        let kept = self.retention.0.get(usize::from(kind.code())).copied().unwrap_or(i64::MAX);
        clock.0.saturating_sub(kept)
    }
}

/// The partitions of a keyed log that this process reads.
pub struct Stage<K> {
    source: Box<dyn KeyedSource>,
    appender: Box<dyn Appender>,
    partitions: Partitions,
    options: Options,
    states: BTreeMap<u32, State<K>>,
    parking: Parking,
    keeper: Keeper<K>,
    output: Output,
    outbox: Outbox,
    records: Vec<LogRecord>,
    measured: Option<Duration>,
}

impl<K: Keyed> Stage<K> {
    /// Reads nothing yet. Which partitions it reads, the partitions of `assess` say.
    pub fn new(
        source: Box<dyn KeyedSource>,
        appender: Box<dyn Appender>,
        partitions: &Partitions,
        options: Options,
    ) -> Stage<K> {
        let partitions = partitions.for_another();
        Stage {
            source,
            appender,
            states: BTreeMap::new(),
            parking: Parking::new(K::STAGE, partitions.clone()),
            partitions,
            keeper: Keeper::new(options.snapshots.clone(), options.origin),
            output: Output::new(options.partitions, options.message_bytes_max, options.origin),
            outbox: Outbox::new(K::STAGE, &options.topic_prefix),
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
                    tracing::warn!(stage = K::STAGE, %error, "the log of the stage cannot be read for now");
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

    /// What is derived, what waits and what is left out, in all partitions.
    pub fn counts(&self) -> LinkedCounts {
        let mut counts = LinkedCounts::default();
        self.states.values().for_each(|state| state.count(&mut counts));
        counts
    }

    /// Takes on the keys of the partitions that came, and lets go those of the partitions that went.
    fn follow_people(&mut self, (now, elapsed): (Instant, Duration)) -> Result<(), LogError> {
        let all = self.partitions.all();
        let held: Vec<u32> = all.iter().filter(|((stage, _), _)| *stage == ASSESS).map(|((_, id), _)| *id).collect();
        let gone: Vec<u32> = all
            .iter()
            .filter(|((stage, id), _)| *stage == K::STAGE && !held.contains(id))
            .map(|((_, id), _)| *id)
            .collect();
        for id in gone {
            self.let_go(id);
            self.parking.forget(id);
            self.partitions.gone(K::STAGE, id);
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

    fn begin(&mut self, id: u32) -> Result<State<K>, Trouble> {
        let bounds = self.source.bounds(id)?;
        let state = self.keeper.newest(id, &bounds, &self.options)?;
        if bounds.start > state.next() {
            return Err(Trouble::Gap { log: K::LOG, begins: bounds.start, next: state.next() });
        }
        self.source.place(id, state.next())?;
        let (stage, from, end) = (K::STAGE, state.next(), bounds.end);
        tracing::info!(stage, partition = id, from, end, "a partition of the stage is read on");
        Ok(state)
    }

    fn take(&mut self, record: &LogRecord, at: (Instant, Duration)) -> Result<(), LogError> {
        let id = record.partition;
        let Some(state) = self.states.get_mut(&id) else { return Ok(()) };
        let (output, outbox) = (&mut self.output, &mut self.outbox);
        let taken = state.take(record, &self.options, &mut |by, rows| output.say(by, rows, outbox));
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
        gauge!(metric::LAG_RECORDS, "stage" => K::STAGE).set(lag as f64);
        K::show(&counts);
    }
}
