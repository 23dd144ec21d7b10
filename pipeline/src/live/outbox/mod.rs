//! What a stage wants written, until the log has acknowledged it.
//!
//! ```text
//! lane       the records of one partition, in their order, and what is wrong with it
//! shorter    what becomes of a record that is longer than its topic takes
//! ```
//!
//! A partition that does not answer (it has no leader, its topic refuses its records) holds up its own records and
//! nobody else's: they wait here, and what comes after them waits behind them. So a stage goes on, up to a bound; how
//! far it has read may be noted only once the outbox is empty, and what was written comes again after a crash.
//!
//! Owns the records between two acknowledgements. Must never give up a record before it is safe, nor end a stage
//! because of one record or one partition.

mod lane;
mod shorter;
#[cfg(test)]
mod tests;

use std::time::Duration;

use fuma_connectors::log::{Answer, Appender, LogError, Outgoing, Severity, Topic};
use rustc_hash::FxHashMap;

use self::lane::{Lane, Noticed};
pub(super) use self::shorter::{Instead, Shorter};
use super::monotonic;
use super::stop::Stop;

/// How long a partition may take to answer before nobody waits for it any more. Also what an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A wait for answers.
const PIECE: Duration = Duration::from_millis(1);
/// Bytes of records that wait, above which nothing more is read.
const BYTES_MAX: usize = 64 << 20;

/// Records that are not safe yet.
#[derive(Debug)]
pub(super) struct Outbox {
    stage: &'static str,
    /// What the names of the topics begin with, for people.
    prefix: String,
    lanes: Vec<Lane>,
    places: FxHashMap<(Topic, u32), usize>,
    /// Which lane a ticket is of.
    tickets: FxHashMap<u64, usize>,
    next_ticket: u64,
    bytes_max: usize,
}

impl Outbox {
    pub(super) fn new(stage: &'static str, prefix: &str) -> Outbox {
        Outbox {
            stage,
            prefix: prefix.to_owned(),
            lanes: Vec::new(),
            places: FxHashMap::default(),
            tickets: FxHashMap::default(),
            next_ticket: 0,
            bytes_max: BYTES_MAX,
        }
    }

    /// Adds a record; what becomes of it where its topic does not take its length says `shorter`.
    pub(super) fn push(&mut self, topic: Topic, record: Outgoing, shorter: Shorter) {
        let partition = record.partition;
        let (lanes, stage, prefix) = (&mut self.lanes, self.stage, &self.prefix);
        let place = *self.places.entry((topic, partition)).or_insert_with(|| {
            lanes.push(Lane::new(stage, topic, format!("{} partition {partition}", topic.name(prefix)), partition));
            lanes.len() - 1
        });
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.push(record, shorter);
        }
    }

    /// Whether everything that was pushed is safe.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(Lane::is_empty)
    }

    /// Whether there is room for more.
    pub(super) fn has_room(&self) -> bool {
        self.lanes.iter().map(Lane::bytes).sum::<usize>() < self.bytes_max
    }

    /// Writes, and waits until all is safe but what lies in partitions that do not answer; those are tried again by
    /// later calls.
    ///
    /// # Errors
    /// When the appender is of no use any more.
    pub(super) fn deliver(&mut self, appender: &mut dyn Appender, stop: &Stop) -> Result<(), LogError> {
        let begun = monotonic::now();
        loop {
            self.begin(appender)?;
            let wait = if self.is_waiting() { PIECE } else { Duration::ZERO };
            self.take_answers(appender, wait)?;
            if !self.is_waiting() {
                self.notice();
                return Ok(());
            }
            if begun.elapsed() >= PATIENCE || (stop.is_set() && begun.elapsed() >= PATIENCE / 4) {
                self.lanes.iter_mut().for_each(Lane::lose_patience);
            }
        }
    }

    /// Whether there is a record that is worth waiting for.
    fn is_waiting(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.is_empty() && !lane.is_in_trouble())
    }

    fn begin(&mut self, appender: &mut dyn Appender) -> Result<(), LogError> {
        let now = monotonic::now();
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let (tickets, next) = (&mut self.tickets, &mut self.next_ticket);
            lane.begin(now, &mut |topic, record| {
                *next += 1;
                tickets.insert(*next, place);
                appender.begin(*next, topic, record).map(|()| *next)
            })?;
        }
        Ok(())
    }

    fn take_answers(&mut self, appender: &mut dyn Appender, wait: Duration) -> Result<(), LogError> {
        let (lanes, tickets, prefix) = (&mut self.lanes, &mut self.tickets, &self.prefix);
        let mut instead = Vec::new();
        let answered = appender.answers(wait, &mut |ticket, answer| {
            // One that was begun again since is somebody else's.
            let Some(lane) = tickets.remove(&ticket).and_then(|place| lanes.get_mut(place)) else { return };
            match answer {
                Answer::Written => lane.written(ticket),
                Answer::NotYet(why) => lane.not_yet(ticket, &why),
                Answer::TooLarge => instead.extend(lane.too_large(ticket, prefix)),
            }
        });
        for Instead { topic, letter, .. } in instead {
            self.push(topic, letter, Shorter::Letter);
        }
        match answered {
            Err(error) if error.severity() == Severity::Transient => {
                self.tickets.clear();
                self.lanes.iter_mut().for_each(|lane| lane.all_again(&error.to_string()));
                Ok(())
            }
            answered => answered,
        }
    }

    /// Says what does not answer, and what does again.
    fn notice(&mut self) {
        let now = monotonic::now();
        for lane in &mut self.lanes {
            let place = lane.place().to_owned();
            match lane.notice(now) {
                Noticed::Nothing => {}
                Noticed::Trouble { why, seconds, records, bytes } => tracing::warn!(
                    stage = self.stage,
                    place,
                    why,
                    seconds,
                    records,
                    bytes,
                    "not written yet: these records wait and are tried again, other partitions go on"
                ),
                Noticed::Over { seconds } => {
                    tracing::info!(stage = self.stage, place, seconds, "takes records again: nothing waits any more");
                }
            }
        }
    }
}
