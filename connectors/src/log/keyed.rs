//! Reading a log that is keyed by something else than people: partitions at will, each from where the reader says.
//!
//! Owns the promise of its port. It joins no group: who reads a partition is for the stage to say, and two who read one
//! say the same of it (docs/recovery.md R-17).

use std::ops::Range;
use std::time::Duration;

use super::{LogError, LogRecord};

/// Reads partitions of one log. Records are never compacted, and no transaction is ever open on it.
pub trait KeyedSource: Send {
    /// Reads a partition from an offset on.
    ///
    /// # Errors
    /// When the partition does not hold the offset.
    fn place(&mut self, partition: u32, offset: u64) -> Result<(), LogError>;

    /// Stops to read a partition.
    fn leave(&mut self, partition: u32);

    /// Records of the partitions that are read, in the order of each, waiting at most `wait` for the first.
    ///
    /// # Errors
    /// See [`LogError::severity`].
    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<(), LogError>;

    /// The offsets that a partition holds: first, and one past the last.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError>;

    /// Two snapshots hold everything below the offset: a log that keeps its own books may forget it.
    ///
    /// # Errors
    /// When it cannot be removed; it is asked again.
    fn trim(&mut self, _partition: u32, _below: u64) -> Result<(), LogError> {
        Ok(())
    }
}
