//! Intake as a stage: raw records of all feeds in; evidence, links, reference and dead letters out, at least once.
//!
//! ```text
//! batch         raw records -> rows or dead letters; a large record travels alone
//! rows          records -> rows by partition, each with what caused it -> messages
//! causes        the live columns, beside the rows
//! freshness     when each owner's last record of each feed came
//! dead_letter   a record that could not be used, as it came, and why
//! messages      rows -> messages that are not too long
//! ```
//!
//! ```text
//! evidence, by person   everything but contacts: whether those count is trace's to say
//! links, one partition  cases and contacts, in the order of arrival within each
//! phones, by phone      records of a phone, whose person attach finds
//! regions               risk tiers
//! ```
//!
//! Owns the loop: read a batch, write it, wait until it is safe, and only then note how far the feeds are read. After
//! a crash records come again; evidence is a set (I-2), and a dead letter says where its record was, so that does no
//! harm. Never waits for more records when it has some: batches grow by themselves under load.
//!
//! A partition that cannot be written to holds up its own messages alone (`outbox`): reading goes on, and how far is
//! not noted until they are safe. When too much waits nothing more is read.

mod batch;
mod causes;
mod dead_letter;
mod freshness;
mod messages;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fuma_connectors::log::{Appender, FeedSource, LogError, LostRecords, Severity};
use metrics::{counter, gauge};

use self::batch::Batch;
pub(in crate::live) use self::dead_letter::cut_letter;
use super::metric;
use super::monotonic;
use super::outbox::Outbox;
use super::record::Origin;
use super::stop::Stop;
use super::worker::clock::{SystemWall, Wall as _};
use crate::intake::Settings;

/// Records that are asked of the feeds at once.
const RECORDS_ASKED_MAX: usize = 2_000;
/// A wait for records; the wish to stop is looked at in between.
const WAIT: Duration = Duration::from_millis(100);
/// How often it is noted how far the feeds are read. What was not noted comes again after a crash, and does no harm.
const NOTE_EVERY: Duration = WAIT;
/// Bytes of a message; only a single row may make a longer one.
const MESSAGE_BYTES_MAX: usize = 960 << 10;
/// How often the lag is measured.
const LAG_EVERY: Duration = Duration::from_secs(5);

/// How the stage works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the names of the topics begin with, for dead letters.
    pub topic_prefix: String,
    /// Records after which a batch is written, whatever else waits.
    pub batch_records_max: usize,
    /// Bytes of records after which it is.
    pub batch_bytes_max: usize,
    /// Bytes of a message; only a single row may make a longer one.
    pub message_bytes_max: usize,
    /// Whose the messages are.
    pub origin: Origin,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            topic_prefix: "fuma.".to_owned(),
            batch_records_max: 20_000,
            batch_bytes_max: 4 << 20,
            message_bytes_max: MESSAGE_BYTES_MAX,
            origin: Origin::default(),
        }
    }
}

/// Runs until it is asked to stop, or the feeds are over.
///
/// # Errors
/// When the log is of no use any more, or somebody has to mend it ([`LogError::severity`]). What was not safe comes
/// again at the next start.
pub fn run(
    mut feeds: Box<dyn FeedSource>,
    mut appender: Box<dyn Appender>,
    settings: Arc<Settings>,
    partitions: u32,
    options: &Options,
    stop: &Stop,
) -> Result<(), LogError> {
    let mut batch = Batch::new(settings, partitions, options);
    let mut outbox = Outbox::new("intake", &options.topic_prefix);
    let mut lag = Lag::default();
    let mut progress = Progress::default();
    while !stop.is_set() {
        if outbox.has_room() {
            fill(&mut *feeds, &mut batch, options)?;
        } else {
            stay(&mut *feeds)?;
        }
        feeds.lost().iter().for_each(tell_lost);
        if batch.records() > 0 {
            batch.finish(&mut outbox).map_err(|error| LogError::fatal(error.to_string()))?;
            progress.is_unnoted = true;
        }
        outbox.deliver(&mut *appender, stop)?;
        if outbox.is_empty() {
            progress.note(&mut *feeds, NOTE_EVERY)?;
            if feeds.is_over() {
                break;
            }
        }
        lag.measure(&mut *feeds);
    }
    match outbox.is_empty() {
        true => progress.note(&mut *feeds, Duration::ZERO),
        // What is not safe comes again at the next start.
        false => Ok(()),
    }
}

/// Says which records nobody will ever read, and counts them.
fn tell_lost(lost: &LostRecords) {
    let LostRecords { feed, place, offsets } = lost;
    let records = offsets.end - offsets.start;
    counter!(metric::FEED_LOST, "feed" => feed.name()).increment(records);
    tracing::error!(
        feed = feed.name(),
        place,
        first = offsets.start,
        last = offsets.end.saturating_sub(1),
        records,
        "records were deleted before they were read (retention): they are no evidence. Send them again from their \
         source, and keep the feed for longer than fuma may stand still (retention.ms)"
    );
}

/// Stays a member of its group without a record: too many wait to be written.
fn stay(feeds: &mut dyn FeedSource) -> Result<(), LogError> {
    let polled = feeds.poll(WAIT, 0, &mut |_| {});
    match polled {
        Err(error) if error.severity() != Severity::Transient => Err(error),
        _ => Ok(()),
    }
}

/// Waits for a first record, then takes what is there already, up to the size of a batch.
fn fill(feeds: &mut dyn FeedSource, batch: &mut Batch, options: &Options) -> Result<(), LogError> {
    let mut wait = WAIT;
    while batch.records() < options.batch_records_max && batch.bytes() < options.batch_bytes_max {
        batch.set_clock(SystemWall::default().now());
        let asked = RECORDS_ASKED_MAX.min(options.batch_records_max - batch.records());
        let mut taken = Ok(());
        let polled = feeds.poll(wait, asked, &mut |record| {
            if taken.is_ok() {
                taken = batch.take(&record);
            }
        });
        taken.map_err(|error| LogError::fatal(error.to_string()))?;
        match polled {
            Ok(0) => break,
            Ok(_) => wait = Duration::ZERO,
            Err(error) if error.severity() == Severity::Transient => {
                tracing::warn!(%error, "the feeds cannot be read for now");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether what is safe was noted, and when that was done last.
#[derive(Default)]
struct Progress {
    is_unnoted: bool,
    noted: Option<Instant>,
}

impl Progress {
    /// Notes how far the feeds are read, when that is due.
    fn note(&mut self, feeds: &mut dyn FeedSource, every: Duration) -> Result<(), LogError> {
        if !self.is_unnoted || self.noted.is_some_and(|at| at.elapsed() < every) {
            return Ok(());
        }
        self.noted = Some(monotonic::now());
        match feeds.commit() {
            Err(error) if error.severity() == Severity::Transient => {
                tracing::warn!(%error, "how far the feeds are read could not be noted: it is tried again");
                Ok(())
            }
            noted => {
                self.is_unnoted = false;
                noted
            }
        }
    }
}

/// The lag of this thread, measured now and then. Several threads read feeds, each its own partitions: the gauge is the
/// sum of their shares, so a share goes in as the difference to what it was, and goes out with its thread.
#[derive(Default)]
struct Lag {
    measured: Option<Instant>,
    share: f64,
}

impl Lag {
    fn measure(&mut self, feeds: &mut dyn FeedSource) {
        if self.measured.is_some_and(|at| at.elapsed() < LAG_EVERY) {
            return;
        }
        self.measured = Some(monotonic::now());
        if let Some(records) = feeds.lag() {
            self.set(records as f64);
        }
    }

    fn set(&mut self, records: f64) {
        gauge!(metric::LAG_RECORDS, "stage" => "intake").increment(records - self.share);
        self.share = records;
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.set(0.0);
    }
}
