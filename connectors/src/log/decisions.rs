//! The log of decisions: one partition, kept always, read whole (docs/recovery.md R-24).
//!
//! Owns the promise of its port. Must never know what a record means: that is the fold's.

use bytes::Bytes;

use super::{LogError, LogRecord};

/// Reads and writes the log of decisions. Nothing in it is ever changed or taken away.
pub trait Decisions: Send {
    /// Writes a record, and returns once it is safe. After an error it may be there or not: who tries again writes a
    /// record that says the same, and the first of them counts.
    ///
    /// # Errors
    /// When the log does not take it.
    fn append(&mut self, value: Bytes) -> Result<(), LogError>;

    /// All records that were not read yet, in order, up to the end that the log has at the call; gives the offset one
    /// past the last. The first call begins at the beginning, and a caller that follows the log calls it again.
    ///
    /// # Errors
    /// When the log cannot be read to that end, or no longer begins at its first record. What was handed out stays
    /// read.
    fn read(&mut self, each: &mut dyn FnMut(LogRecord)) -> Result<u64, LogError>;
}
