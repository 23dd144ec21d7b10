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

use std::time::{Duration, Instant};

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
    mut links: Box<dyn LinkSource>,
    appender: Box<dyn Appender>,
    partitions: u32,
    options: &Options,
    stop: &Stop,
) -> Result<(), LogError> {
    let mut stage = Stage {
        keeper: Keeper::new(options.snapshots.clone(), options.origin),
        output: Output::new(partitions, options.message_bytes_max, options.origin),
        outbox: Outbox::new("trace", &options.topic_prefix),
        shown: Shown::new(options.partitions.clone(), options.words.clone()),
        appender,
        state: None,
        taking: None,
        halted: None,
    };
    let mut records = Vec::new();
    let mut measured: Option<Instant> = None;
    // A client that stands still before records that are there is made again.
    let mut stood_at: Option<u64> = None;
    while !stop.is_set() {
        records.clear();
        let event = poll(&mut *links, &mut records)?;
        stage.turn(&mut *links, (event, &records), stop)?;
        let Some(state) = &stage.state else { continue };
        if measured.is_none_or(|at| at.elapsed() >= LAG_EVERY) {
            measured = Some(monotonic::now());
            let is_behind = measure_lag(&mut *links, state) && stage.halted.is_none();
            let stands_at = (is_behind && records.is_empty()).then(|| state.next());
            if stands_at.is_some() && stands_at == stood_at {
                return Err(LogError::fatal(format!("nothing has come from the link log from {} on", state.next())));
            }
            stood_at = stands_at;
        }
    }
    stage.end(&mut *links, stop)
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
}

impl Stage {
    /// One turn: what the group says, what came, and what follows from it.
    fn turn(
        &mut self,
        links: &mut dyn LinkSource,
        (event, records): (LinkEvent, &[LogRecord]),
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
            if let Some(taken) = under_way.turn(links, &self.keeper, &mut self.shown)? {
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
                Err(Halt::Log(error)) => return Err(error),
                Err(Halt::Wanted(wanted)) => {
                    self.shown.parked(&wanted, None);
                    self.halted = Some(wanted);
                }
            },
            // What comes meanwhile is read again.
            Some(wanted) if self.shown.agreed(wanted) => {
                state.pass_over();
                links.seek(state.next())?;
                self.halted = None;
                self.shown.owned();
            }
            Some(wanted) => self.shown.parked(wanted, None),
        }
        deliver(&mut self.outbox, &mut *self.appender, stop)?;
        self.note(links)
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

/// Writes what can be written; waits while too much cannot.
fn deliver(outbox: &mut Outbox, appender: &mut dyn Appender, stop: &Stop) -> Result<(), LogError> {
    outbox.deliver(appender, stop)?;
    while !outbox.has_room() && !stop.is_set() {
        std::thread::sleep(WAIT);
        outbox.deliver(appender, stop)?;
    }
    Ok(())
}

fn poll(links: &mut dyn LinkSource, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError> {
    match links.poll(WAIT, records) {
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

/// Whether records wait, as far as known.
fn measure_lag(links: &mut dyn LinkSource, state: &TraceState) -> bool {
    let Ok(bounds) = links.bounds() else { return false };
    gauge!(metric::LAG_RECORDS, "stage" => "trace").set(bounds.end.saturating_sub(state.next()) as f64);
    bounds.end > state.next()
}
