//! Trace as a stage: the link log in; contacts and the verdicts on them out, into the evidence of their people.
//!
//! ```text
//! taking    the graph taken back after an assignment, and a store that is away
//! state     the graph, and up to where of the link log it goes
//! halt      why it goes no further, and an operator's word
//! keep      the graph stored, and taken back
//! output    contacts and verdicts by partition -> messages
//! ```
//!
//! Owns the loop: judge records one by one (R-15), write what follows, wait until it is safe, and only then note how
//! far the log is judged. One reader in a group has the link log; whoever gets it rebuilds the graph by reading the
//! log from its beginning, and says again what was judged but not noted. That does no harm: verdicts are versioned,
//! and evidence is a set. A zombie's say is the same as its successor's.

mod halt;
mod keep;
mod output;
mod state;
mod taking;
#[cfg(test)]
mod tests;

use std::time::Duration;

use fuma_connectors::log::{Appender, LinkEvent, LinkSource, LogError, LogRecord, Severity};
use metrics::gauge;

use self::halt::{Halt, Shown, Wanted};
use self::keep::Keeper;
use self::output::Output;
use self::state::TraceState;
use self::taking::Taking;
use super::metric;
use super::monotonic;
use super::outbox::Outbox;
use super::partitions::{Partitions, Words};
use super::record::Origin;
use super::stop::Stop;
use super::worker::clock::{SystemWall, Wall as _};
use super::worker::snapshots::Snapshots;

/// A wait for records; the wish to stop is looked at in between.
const WAIT: Duration = Duration::from_millis(100);
/// How often the lag is measured.
const LAG_EVERY: Duration = Duration::from_secs(5);
/// At so many looks a client that gives nothing was told where to go on, before what does not come is missing.
const TOLD_MAX: u32 = 4;

/// How the stage works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the names of the topics begin with.
    pub topic_prefix: String,
    /// Bytes of rows after which a message is full.
    pub message_bytes_max: usize,
    /// Where the graph is stored, and how often; nowhere: the link log must be kept for ever.
    pub snapshots: Option<Snapshots>,
    /// Whose the messages are.
    pub origin: Origin,
    /// Where the stage shows what its one partition is.
    pub partitions: Partitions,
    /// What operators agreed to.
    pub words: Words,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            topic_prefix: "fuma.".to_owned(),
            message_bytes_max: 512 << 10,
            snapshots: None,
            origin: Origin::default(),
            partitions: Partitions::default(),
            words: Words::default(),
        }
    }
}

/// Runs until it is asked to stop; then stores the graph once more, as far as a short time allows.
///
/// # Errors
/// When the log is of no use any more. Where it does not hold what the graph needs (R-7), or holds a record that cannot
/// be read, the stage is parked, and waits for a repair or an operator's word.
pub fn run(
    links: Box<dyn LinkSource>,
    appender: Box<dyn Appender>,
    partitions: u32,
    options: &Options,
    stop: &Stop,
) -> Result<(), LogError> {
    let mut tracer = Tracer::new((links, appender), partitions, options);
    let begun = monotonic::now();
    while !stop.is_set() {
        tracer.turn(WAIT, begun.elapsed(), stop)?;
    }
    tracer.stage.end(&mut *tracer.links, stop)
}

/// The stage and its reader.
pub struct Tracer {
    links: Box<dyn LinkSource>,
    stage: Stage,
    records: Vec<LogRecord>,
    measured: Option<Duration>,
}

impl Tracer {
    /// A stage that has no log yet.
    pub fn new(
        (links, appender): (Box<dyn LinkSource>, Box<dyn Appender>),
        partitions: u32,
        options: &Options,
    ) -> Tracer {
        let stage = Stage {
            keeper: Keeper::new(options.snapshots.clone(), options.origin),
            output: Output::new(partitions, options.message_bytes_max, options.origin),
            outbox: Outbox::new("trace", &options.topic_prefix),
            shown: Shown::new(options.partitions.clone(), options.words.clone()),
            appender,
            state: None,
            taking: None,
            halted: None,
            stands: (0, 0),
        };
        Tracer { links, stage, records: Vec::new(), measured: None }
    }

    /// Reads and writes graphs on the caller's thread, for a simulation.
    pub fn keep_inline(&mut self) {
        self.stage.keeper.is_inline = true;
    }

    /// Whether it has the link log, and up to where that is judged.
    pub fn judged(&self) -> Option<u64> {
        self.stage.state.as_ref().map(TraceState::next)
    }

    /// One turn: what the group says, what came within `wait`, and what follows from it.
    ///
    /// # Errors
    /// When the log is of no use any more.
    pub fn turn(&mut self, wait: Duration, elapsed: Duration, stop: &Stop) -> Result<(), LogError> {
        self.records.clear();
        let event = poll(&mut *self.links, wait, &mut self.records)?;
        self.stage.turn(&mut *self.links, (event, &self.records), elapsed, stop)?;
        let is_due = self.measured.is_none_or(|at| elapsed.saturating_sub(at) >= LAG_EVERY);
        if is_due && self.stage.state.is_some() {
            self.measured = Some(elapsed);
            self.stage.look(&mut *self.links, self.records.is_empty())?;
        }
        Ok(())
    }
}

/// What the stage holds.
struct Stage {
    keeper: Keeper,
    output: Output,
    outbox: Outbox,
    shown: Shown,
    appender: Box<dyn Appender>,
    state: Option<TraceState>,
    taking: Option<Taking>,
    /// The record at which judging stopped; nothing goes on before somebody agrees to pass over it.
    halted: Option<Wanted>,
    /// Where nothing came though records wait, and at how many looks in a row.
    stands: (u64, u32),
}

impl Stage {
    /// One turn: what the group says, what came, and what follows from it.
    fn turn(
        &mut self,
        links: &mut dyn LinkSource,
        (event, records): (LinkEvent, &[LogRecord]),
        elapsed: Duration,
        stop: &Stop,
    ) -> Result<(), LogError> {
        match event {
            LinkEvent::Assigned(committed) => {
                (self.state, self.halted) = (None, None);
                self.taking.get_or_insert_with(|| Taking::new(committed)).assigned(committed);
                self.shown.restoring();
            }
            LinkEvent::Revoked => {
                (self.state, self.taking, self.halted) = (None, None, None);
                self.shown.gone();
                return Ok(());
            }
            LinkEvent::None => {}
        }
        if let Some(under_way) = &mut self.taking {
            if let Some(taken) = under_way.turn(links, &self.keeper, &mut self.shown, elapsed)? {
                (self.state, self.taking) = (Some(taken), None);
                self.shown.owned();
            }
            return Ok(());
        }
        let Some(state) = &mut self.state else { return Ok(()) };
        match &self.halted {
            None if records.is_empty() => {}
            None => match state.judge(records, (&mut self.output, &mut self.outbox), self.shown.words()) {
                Ok(()) => {}
                Err(halt) => self.halted = halted(halt, links, state, &mut self.shown)?,
            },
            // What comes meanwhile is read again.
            Some(wanted) if self.shown.agreed(wanted) => {
                state.pass_over(wanted);
                links.seek(state.next())?;
                self.halted = None;
                self.shown.owned();
            }
            // It was not lost: the client gives it after all.
            Some(wanted) if wanted.is_hole() && records.iter().any(|record| record.offset == state.next()) => {
                links.seek(state.next())?;
                self.halted = None;
                self.shown.owned();
            }
            Some(wanted) => self.shown.parked(wanted, None),
        }
        deliver(&mut self.outbox, &mut *self.appender, stop)?;
        self.note(links)
    }

    /// Measures the lag. Where nothing comes though records wait, the client is told again where to go on.
    fn look(&mut self, links: &mut dyn LinkSource, is_still: bool) -> Result<(), LogError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let Some(end) = measure_lag(links, state) else { return Ok(()) };
        let next = state.next();
        if let Some(wanted) = &self.halted {
            // They may come after all.
            return if wanted.is_hole() { links.seek(next) } else { Ok(()) };
        }
        if !is_still || end <= next || state.ends_in_marker(end) {
            return Ok(());
        }
        self.stands = if self.stands.0 == next { (next, self.stands.1 + 1) } else { (next, 1) };
        match self.stands.1 {
            1 => Ok(()),
            2..=TOLD_MAX => {
                tracing::warn!(next, end, "links wait that do not come: the client is told again where to go on");
                links.seek(next)
            }
            _ => {
                let stands = state.stands_before(end, self.shown.words());
                self.halted = stands.map_or_else(|halt| halted(halt, links, state, &mut self.shown), |()| Ok(None))?;
                Ok(())
            }
        }
    }

    /// Notes how far the log is judged, once all that follows is written, and stores the graph when it is time.
    fn note(&mut self, links: &mut dyn LinkSource) -> Result<(), LogError> {
        let Some(state) = self.state.as_mut().filter(|_| self.outbox.is_empty()) else { return Ok(()) };
        commit(links, state)?;
        self.keeper.turn(state.trace(), state.next(), SystemWall::default().now(), links);
        Ok(())
    }

    /// The stage ends in order.
    fn end(mut self, links: &mut dyn LinkSource, stop: &Stop) -> Result<(), LogError> {
        self.outbox.deliver(&mut *self.appender, stop)?;
        if self.outbox.is_empty()
            && let Some(state) = &mut self.state
        {
            commit(links, state)?;
            self.keeper.write_last(state.trace(), state.next(), SystemWall::default().now(), links);
        }
        self.shown.gone();
        Ok(())
    }
}

/// What becomes of a halt: parked, read again, or the end of the stage.
fn halted(
    halt: Halt,
    links: &mut dyn LinkSource,
    state: &TraceState,
    shown: &mut Shown,
) -> Result<Option<Wanted>, LogError> {
    match halt {
        Halt::Log(error) => Err(error),
        Halt::ReadAgain => links.seek(state.next()).map(|()| None),
        Halt::Wanted(wanted) => {
            shown.parked(&wanted, None);
            Ok(Some(wanted))
        }
    }
}

/// Writes what can be written; waits while too much cannot.
fn deliver(outbox: &mut Outbox, appender: &mut dyn Appender, stop: &Stop) -> Result<(), LogError> {
    outbox.deliver(appender, stop)?;
    while !outbox.has_room() && !stop.is_set() {
        std::thread::sleep(WAIT);
        outbox.deliver(appender, stop)?;
    }
    Ok(())
}

fn poll(links: &mut dyn LinkSource, wait: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
    match links.poll(wait, records) {
        Err(error) if error.severity() == Severity::Transient => {
            tracing::warn!(%error, "the link log cannot be read for now");
            Ok(LinkEvent::None)
        }
        polled => polled,
    }
}

/// Notes how far the log is judged, once that is further than it was noted before.
fn commit(links: &mut dyn LinkSource, state: &mut TraceState) -> Result<(), LogError> {
    let Some(offset) = state.uncommitted() else { return Ok(()) };
    match links.commit(offset) {
        Ok(()) => state.committed(offset),
        Err(error) if error.severity() == Severity::Transient => {
            tracing::warn!(%error, "how far the link log is judged could not be noted yet");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Where the log ends, as far as known; shows how many records wait.
fn measure_lag(links: &mut dyn LinkSource, state: &TraceState) -> Option<u64> {
    let end = links.bounds().ok()?.end;
    let waiting = if state.ends_in_marker(end) { 0 } else { end.saturating_sub(state.next()) };
    gauge!(metric::LAG_RECORDS, "stage" => "trace").set(waiting as f64);
    Some(end)
}
