//! Writing to a log: all at once, or each record with an answer of its own.
//!
//! Owns the promise of a writer (at least once). Must never call a record safe before the log has acknowledged it.

use std::time::Duration;

use super::{LogError, Outgoing, Topic};

/// What became of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is safe.
    Written,
    /// It is longer than its topic, the broker or the client takes: the same record is refused for ever.
    TooLarge,
    /// It is not written, or that is not known; says where and why. It may be begun again.
    NotYet(String),
}

/// Writes records (at least once). A writer is used in one of two ways: [`Appender::append`] and [`Appender::flush`],
/// or [`Appender::begin`] and [`Appender::answers`].
pub trait Appender: Send {
    /// Queues a record; it is safe only after [`Appender::flush`].
    ///
    /// # Errors
    /// When the log refuses it.
    fn append(&mut self, topic: Topic, record: Outgoing) -> Result<(), LogError>;

    /// Waits until the log has acknowledged (synced) all that was queued.
    ///
    /// # Errors
    /// When any of it was refused: nothing of what was queued since the last flush may be taken for safe.
    fn flush(&mut self) -> Result<(), LogError>;

    /// Begins to write a record. Records of one partition are written in the order in which they are begun.
    ///
    /// # Errors
    /// When the writer is of no use any more. What is wrong with a record or its partition is an answer.
    fn begin(&mut self, ticket: u64, topic: Topic, record: Outgoing) -> Result<(), LogError>;

    /// The answers that came since the last call, by ticket; waits at most `wait` for the first. Partitions answer
    /// independently of one another, so that one that is away holds up nobody else.
    ///
    /// # Errors
    /// When nothing that was begun and not answered can be taken for written: a transient one passes, and all of it is
    /// to be begun again.
    fn answers(&mut self, wait: Duration, each: &mut dyn FnMut(u64, Answer)) -> Result<(), LogError>;
}
