//! Trace as a stage: the link log in; contacts and the verdicts on them out, into the evidence of their people.
//!
//! ```text
//! taking    the graph taken back after an assignment, and a store that is away
//! state     the graph, and up to where of the link log it goes
//! keep      the graph stored, and taken back
//! output    contacts and verdicts by partition -> messages
//! ```
//!
//! Owns the loop: judge records one by one (R-15), write what follows, wait until it is safe, and only then note how
//! far the log is judged. One reader in a group has the link log; whoever gets it rebuilds the graph by reading the
//! log from its beginning, and says again what was judged but not noted. That does no harm: verdicts are versioned,
//! and evidence is a set. A zombie's say is the same as its successor's.

mod keep;
mod output;
mod state;
mod taking;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use fuma_connectors::log::{Appender, LinkEvent, LinkSource, LogError, Severity};
use metrics::gauge;

use self::keep::Keeper;
use self::output::Output;
use self::state::TraceState;
use self::taking::Taking;
use super::metric;
use super::monotonic;
use super::outbox::Outbox;
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
}

impl Default for Options {
    fn default() -> Self {
        Options {
            topic_prefix: "fuma.".to_owned(),
            message_bytes_max: 512 << 10,
            snapshots: None,
            origin: Origin::default(),
        }
    }
}

/// Runs until it is asked to stop.
///
/// # Errors
/// When the log is of no use any more, does not hold what the graph needs (R-7), or holds a record that cannot be
/// read: to pass over one would let contacts count that do not.
pub fn run(
    mut links: Box<dyn LinkSource>,
    mut appender: Box<dyn Appender>,
    partitions: u32,
    options: &Options,
    stop: &Stop,
) -> Result<(), LogError> {
    let mut keeper = Keeper::new(options.snapshots.clone(), options.origin);
    let mut output = Output::new(partitions, options.message_bytes_max, options.origin);
    let mut outbox = Outbox::new("trace", &options.topic_prefix);
    let mut records = Vec::new();
    let mut state: Option<TraceState> = None;
    let mut taking: Option<Taking> = None;
    let mut measured: Option<Instant> = None;
    // A client that stands still before records that are there is made anew.
    let mut stood_at: Option<u64> = None;
    while !stop.is_set() {
        records.clear();
        match poll(&mut *links, &mut records)? {
            LinkEvent::Assigned(committed) => {
                state = None;
                taking.get_or_insert_with(|| Taking::new(committed)).assigned(committed);
            }
            LinkEvent::Revoked => {
                (state, taking) = (None, None);
                continue;
            }
            LinkEvent::None => {}
        }
        if let Some(under_way) = &mut taking {
            if let Some(taken) = under_way.turn(&mut *links, &keeper)? {
                (state, taking) = (Some(taken), None);
            }
            continue;
        }
        let Some(state) = &mut state else { continue };
        if !records.is_empty() {
            state.judge(&records, &mut output, &mut outbox)?;
        }
        deliver(&mut outbox, &mut *appender, stop)?;
        if outbox.is_empty() {
            commit(&mut *links, state)?;
            keeper.turn(state.trace(), state.next(), SystemWall::default().now(), &mut *links);
        }
        if measured.is_none_or(|at| at.elapsed() >= LAG_EVERY) {
            measured = Some(monotonic::now());
            let is_behind = measure_lag(&mut *links, state);
            let stands_at = (is_behind && records.is_empty()).then(|| state.next());
            if stands_at.is_some() && stands_at == stood_at {
                return Err(LogError::fatal(format!("nothing has come from the link log from {} on", state.next())));
            }
            stood_at = stands_at;
        }
    }
    Ok(())
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

fn poll(links: &mut dyn LinkSource, records: &mut Vec<fuma_connectors::log::LogRecord>) -> Result<LinkEvent, LogError> {
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
