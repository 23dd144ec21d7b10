//! The ports: what the engine sees of a log, be it Apache Kafka or a folder.
//!
//! ```text
//! feeds      FeedSource     raw records of all feeds, by position            intake reads
//! evidence   Appender       evidence and link records, dead letters          intake and trace write
//! links      LinkSource     link records in one order                        trace reads
//! keyed      KeyedSource    partitions of a log by another key                attach reads
//! reference  Reference      regions and policies, whole, from the beginning  everybody reads
//! worker     WorkerLog      evidence of assigned partitions in, one transaction of changes and positions out
//! watching   Watching       a look from outside: positions, bounds, what the processes say of themselves
//! restore    RestoreLog     a client of its own for taking a partition over  (docs/recovery.md R-3, R-5)
//! decisions  Decisions      the installation and every decision, whole       (docs/recovery.md R-24)
//! ```
//!
//! Owns names and promises. Must never know a rule, a kind of evidence or a colour's meaning: values are bytes.

mod announced;
mod append;
mod decisions;
mod error;
mod keyed;
mod link_event;
mod stop;
mod topics;
pub(crate) mod watching;
mod whole;

pub use announced::{AnnouncedRecord, READ_BACK, read_back_headers};
pub use append::{Answer, Appender};
pub use decisions::Decisions;
pub use error::{Code, LogError, Remedy, Scope, Severity};
pub use keyed::KeyedSource;
pub use link_event::LinkEvent;
pub use stop::{STOP_PATIENCE, Stop};
pub use topics::{AUDIT_KEPT_MS, KEPT_MS, Topic, TopicIdentity, Topics};
pub use watching::{Entry, Watching};
pub use whole::Whole;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::{Feed, Instant};

/// A record of a log that the engine wrote itself: evidence, links, reference.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// The partition.
    pub partition: u32,
    /// The place in the partition.
    pub offset: u64,
    /// When the log took it.
    pub timestamp: Instant,
    /// What it holds.
    pub value: Bytes,
}

/// A raw record of a feed, borrowed for as long as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct FeedRecord<'a> {
    /// Which feed.
    pub feed: Feed,
    /// The partition of the feed's topic; the number of the file where files are watched.
    pub partition: u32,
    /// The place in it.
    pub offset: u64,
    /// When the log took it, by its own clock: the default of known_at. None where known_at is required (files,
    /// standard input, and topics that keep the timestamps of producers).
    pub received: Option<Instant>,
    /// The key, for the dead letter.
    pub key: Option<&'a [u8]>,
    /// The bytes; none in a tombstone.
    pub value: Option<&'a [u8]>,
    /// The original headers, of a record that has any.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl FeedRecord<'_> {
    /// The W3C trace context of the record, if its producer gave one.
    pub fn traceparent(&self) -> Option<&str> {
        let value = self.headers.iter().find(|(name, _)| *name == "traceparent").and_then(|(_, value)| *value)?;
        std::str::from_utf8(value).ok()
    }
}

/// A record to be appended.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The partition of the topic.
    pub partition: u32,
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Bytes,
    /// Headers, in order.
    pub headers: Vec<(String, Bytes)>,
}

/// The raw records of all feeds (at least once).
pub trait FeedSource: Send {
    /// Hands out at most `records_max` records, waiting at most `wait` for the first; says how many there were.
    ///
    /// # Errors
    /// A fatal one ends the stage; others pass by themselves and are worth a line in the log.
    fn poll(
        &mut self,
        wait: Duration,
        records_max: usize,
        each: &mut dyn FnMut(FeedRecord<'_>),
    ) -> Result<usize, LogError>;

    /// All that was handed out so far has been acknowledged: the next start goes on behind it.
    ///
    /// # Errors
    /// When it could not be noted; then it comes again.
    fn commit(&mut self) -> Result<(), LogError>;

    /// How many records wait behind what was handed out, as far as known.
    fn lag(&mut self) -> Option<u64>;

    /// What was deleted before it was read (retention), since the last call.
    fn lost(&mut self) -> Vec<LostRecords>;

    /// Whether all there will ever be has been handed out (standard input that ended).
    fn is_over(&self) -> bool {
        false
    }
}

/// Records of a feed that were deleted before they were read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostRecords {
    /// Of which feed.
    pub feed: Feed,
    /// Topic and partition, for people.
    pub place: String,
    /// Their offsets: at most as many records.
    pub offsets: Range<u64>,
}

/// Link records in one order; one reader in a group has them.
pub trait LinkSource: Send {
    /// Records from the position on, waiting at most `wait` for the first; nothing while another reader has the log.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<LinkEvent, LogError>;

    /// Reads on from an offset: the answer to [`LinkEvent::Assigned`].
    ///
    /// # Errors
    /// When the log does not begin at or before it (R-7).
    fn seek(&mut self, offset: u64) -> Result<(), LogError>;

    /// All records before the offset have their verdicts written and acknowledged.
    ///
    /// # Errors
    /// When it could not be noted; then they are judged again, which does no harm.
    fn commit(&mut self, offset: u64) -> Result<(), LogError>;

    /// The offsets that the log holds: first, and one past the last.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn bounds(&mut self) -> Result<Range<u64>, LogError>;

    /// Two snapshots hold everything below the offset: a log that keeps its own books may forget it.
    ///
    /// # Errors
    /// When it cannot be removed; it is asked again.
    fn trim(&mut self, _below: u64) -> Result<(), LogError> {
        Ok(())
    }
}

/// The reference topics, each of one partition, read whole.
pub trait Reference: Send {
    /// New records of a reference topic, in order. The first calls yield what is there already.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError>;

    /// How far a reference topic is read: what is before it was handed out, or is not there (deleted, or no record).
    fn next(&self, topic: Topic) -> u64;

    /// One past the last record of a reference topic, as the log has it now.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn end(&mut self, topic: Topic) -> Result<u64, LogError>;
}

/// What happened to the partitions of a worker. One closed type for every log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupEvent {
    /// These are the worker's from now on. It calls [`WorkerLog::accept`], restores each, then [`WorkerLog::resume`].
    Assigned(Vec<u32>),
    /// These move to another owner, who waits: the worker commits what it has, marks their positions released, and
    /// calls [`WorkerLog::release`], before it polls again.
    Revoked(Vec<u32>),
    /// These are gone already: nothing of them may be committed. [`WorkerLog::release`], too.
    Lost(Vec<u32>),
}

/// Offset and metadata of a partition, as committed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// The offset of the first evidence record that is not in what was announced; none: never committed.
    pub offset: Option<u64>,
    /// What the owner wrote beside it: ASCII, at most 4096 bytes.
    pub metadata: String,
}

/// A change to be announced.
#[derive(Clone, Debug)]
pub struct OutputRecord {
    /// The partition: that of the evidence.
    pub partition: u32,
    /// The person's token as text.
    pub key: String,
    /// The JSON value.
    pub value: Vec<u8>,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
}

/// One transaction: changes, and the new position of every partition that the worker moves.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// The changes, at most one a person.
    pub changes: &'a [OutputRecord],
    /// Partition, offset, metadata. Never empty (R-1): also what only announces expiries sends its offset again.
    pub positions: &'a [(u32, Position)],
}

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything is there.
    Committed,
    /// Nothing is there; the worker may go on with what is still its own.
    Aborted,
}

/// Asks how far a partition's output and its evidence go ([`WorkerLog::ends`]).
pub type EndsQuestion = Box<dyn FnOnce() -> Result<(u64, Range<u64>), LogError> + Send>;

/// Evidence in, changes and positions out, in one transaction; one a worker thread.
pub trait WorkerLog: Send {
    /// The id under which this worker's transactions run, to be fenced by a successor (R-3); ASCII without blanks.
    fn owner(&self) -> &str;

    /// Adds evidence records of partitions that were resumed, waiting at most `wait` for the first, and says what
    /// happened to the partitions. Events are answered before the next poll.
    ///
    /// # Errors
    /// A fatal one: the worker drops all its state and begins anew.
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<Vec<GroupEvent>, LogError>;

    /// Whether the group has said which partitions are the worker's, be it none, and still counts it in.
    fn is_member(&self) -> bool;

    /// Takes partitions on; they deliver nothing before they are resumed.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn accept(&mut self, partitions: &[u32]) -> Result<(), LogError>;

    /// Lets partitions go.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError>;

    /// Delivers a partition's records from an offset on.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError>;

    /// Delivers nothing more of a partition until it is resumed; it stays the worker's.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn pause(&mut self, partition: u32) -> Result<(), LogError>;

    /// Commits a transaction. Blocks for some milliseconds; an outcome that is unknown is asked for again until it is
    /// known, or the error is fatal.
    ///
    /// # Errors
    /// A fatal one: fenced, or the outcome stays unknown. The worker drops all its state and begins anew.
    fn commit(&mut self, transaction: Transaction<'_>) -> Result<Outcome, LogError>;

    /// The clock of the log's host, by a probe record (R-14).
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn clock(&mut self) -> Result<Instant, LogError>;

    /// One past the last record of an output partition, open transactions included.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn output_end(&mut self, partition: u32) -> Result<u64, LogError>;

    /// The offsets that an evidence partition holds: first, and one past the last.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError>;

    /// A question for a thread of its own, since the log may be silent for long: one past the last record of an output
    /// partition, open transactions included, and the offsets that the evidence partition holds.
    fn ends(&self, partition: u32) -> EndsQuestion;

    /// Two snapshots hold everything below the offset: a log that keeps its own books may forget it.
    ///
    /// # Errors
    /// When it cannot be removed; it is asked again.
    fn trim(&mut self, _partition: u32, _below: u64) -> Result<(), LogError> {
        Ok(())
    }

    /// A client of its own for taking partitions over, to be used on another thread.
    ///
    /// # Errors
    /// When it cannot be made.
    fn restorer(&self) -> Result<Box<dyn RestoreLog>, LogError>;
}

/// Takes a partition over: what R-3 and R-5 ask of a log. Used on a thread of its own, so that the worker's loop goes
/// on polling (R-6).
pub trait RestoreLog: Send {
    /// The position as it is now, stable or not (R-3 a).
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn position(&mut self, partition: u32) -> Result<Position, LogError>;

    /// Finishes or aborts what the owner of a position left open (R-3 b).
    ///
    /// # Errors
    /// When it cannot be fenced.
    fn fence(&mut self, owner: &str) -> Result<(), LogError>;

    /// The position once nothing is open on it (R-3 c).
    ///
    /// # Errors
    /// When the log cannot be asked, or a transaction on it does not end.
    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError>;

    /// The offsets that an evidence partition holds.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError>;

    /// Evidence records of a range of offsets, in order. `each` says whether to go on. An end of the partition before
    /// the end of the range is not believed ([`Whole`]).
    ///
    /// # Errors
    /// When the log does not hold the range, or does not yield it in time: a transient one, unless it never will.
    fn read_evidence(
        &mut self,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError>;

    /// Committed changes of an output partition from an offset (or the beginning) up to the high watermark as it is
    /// at the call, which is returned (R-3 d, e; R-5). `each` says whether to go on. An end of the partition before
    /// the high watermark is not believed ([`Whole`]).
    ///
    /// # Errors
    /// When a transaction on the partition does not end in time: says so, loudly, and how to mend it. A transient one
    /// when nobody leads the partition, or it is not yielded in time.
    fn read_output(
        &mut self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError>;

    /// For how long the log keeps the tombstones of the output (`delete.retention.ms`), in milliseconds (R-8).
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError>;

    /// For how long the log keeps every change (`min.compaction.lag.ms`), in milliseconds: of what is older, the last
    /// one of a person alone may be left.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn changes_kept_ms(&mut self) -> Result<i64, LogError> {
        Ok(i64::MAX)
    }
}

/// A log as a whole: makes the clients that the stages of the engine use. Slots tell clients of one kind apart.
pub trait Log: Send + Sync {
    /// How many partitions evidence and changes have.
    fn partitions(&self) -> u32;

    /// Whether every topic is there and as the engine needs it.
    ///
    /// # Errors
    /// Names every topic that is missing or differs, and says what to do.
    fn check(&self) -> Result<(), LogError>;

    /// The raw records of all feeds; several share the work.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn feeds(&self, slot: usize) -> Result<Box<dyn FeedSource>, LogError>;

    /// A writer of evidence, links, reference and dead letters.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn appender(&self, name: &str) -> Result<Box<dyn Appender>, LogError>;

    /// The link log.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn links(&self) -> Result<Box<dyn LinkSource>, LogError>;

    /// A log by key: of phones, or of rides.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn keyed(&self, topic: Topic) -> Result<Box<dyn KeyedSource>, LogError>;

    /// The reference topics.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn reference(&self) -> Result<Box<dyn Reference>, LogError>;

    /// Evidence in, changes out.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn worker(&self, slot: usize) -> Result<Box<dyn WorkerLog>, LogError>;

    /// The log of decisions.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn decisions(&self) -> Result<Box<dyn Decisions>, LogError>;

    /// The topics that are there, as they are now.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn topics(&self) -> Result<Vec<TopicIdentity>, LogError>;

    /// The cluster that holds them; none where there is nothing to be told apart.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn cluster(&self) -> Result<Option<String>, LogError> {
        Ok(None)
    }

    /// Topics that are none of these, in which the group has positions: it is another installation's as well.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn foreign_positions(&self) -> Result<Vec<String>, LogError> {
        Ok(Vec::new())
    }

    /// First and one past the last offset of a partition of any topic, open transactions included.
    ///
    /// # Errors
    /// When the log cannot be asked, or has no such partition.
    fn bounds(&self, topic: Topic, partition: u32) -> Result<Range<u64>, LogError>;

    /// Asks for positions, and reads what is there. Joins no group; nobody may be fenced with it.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn observer(&self) -> Result<Box<dyn RestoreLog>, LogError>;

    /// Whether an older build made it, which knew of no installation, and nothing but one process ever had it: then
    /// all of it belongs together.
    fn is_of_older_build(&self) -> bool {
        false
    }

    /// A look at the log from outside, for measuring.
    ///
    /// # Errors
    /// When the client cannot be made.
    fn watching(&self) -> Result<Box<dyn Watching>, LogError>;
}
