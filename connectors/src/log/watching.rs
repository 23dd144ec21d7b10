//! What anybody may see of a log from outside: how far it is committed, how far it goes, what its processes say.
//!
//! Owns the port of measuring and of `fuma status`. It joins no group, takes no lock and fences nobody, so that who
//! looks changes nothing.

use std::ops::Range;

use bytes::Bytes;
use fuma_schemas::Instant;

use super::{LogError, Position, Topic};

/// A record of a log of one partition, as it is read whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key; empty where it has none.
    pub key: String,
    /// What it holds.
    pub value: Bytes,
    /// When the log took it.
    pub at: Instant,
}

/// A look from outside.
pub trait Watching: Send {
    /// How many partitions the evidence has.
    ///
    /// # Errors
    /// When the log cannot be asked, or there is none.
    fn partitions(&mut self) -> Result<u32, LogError>;

    /// The position of every partition, by number, open transactions or not.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn positions(&mut self) -> Result<Vec<Position>, LogError>;

    /// The offsets that each partition of the evidence holds, by number; none of one that does not answer now.
    ///
    /// # Errors
    /// When none of them can be asked.
    fn bounds(&mut self) -> Result<Vec<Option<Range<u64>>>, LogError>;

    /// When the log took the evidence record at an offset; none where there is no such record.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn appended_at(&mut self, partition: u32, offset: u64) -> Result<Option<Instant>, LogError>;

    /// Whether a record of the evidence stands, or may come to stand, at one of these offsets, of which the last is the
    /// last of the partition: the ends of transactions have offsets, and what was aborted has.
    ///
    /// # Errors
    /// When the log cannot be asked.
    fn waits(&mut self, partition: u32, offsets: Range<u64>) -> Result<bool, LogError>;

    /// All that a log of one partition holds, in order; of records with keys the newest of each. Nothing of a log that
    /// an older build did not make.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn read(&mut self, topic: Topic) -> Result<Vec<Entry>, LogError>;

    /// The records of a log of one partition that it took at or after an instant, in order; `each` says whether to go
    /// on. Ends at the end that the log has now.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn read_since(
        &mut self,
        topic: Topic,
        since: Instant,
        each: &mut dyn FnMut(Entry) -> bool,
    ) -> Result<(), LogError> {
        let entries = self.read(topic)?.into_iter().filter(|entry| entry.at >= since);
        for entry in entries {
            if !each(entry) {
                break;
            }
        }
        Ok(())
    }
}

/// Of records with keys the newest of each, without those that were erased; the others as they are.
pub(crate) fn newest(records: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    for record in records {
        if !record.key.is_empty() {
            kept.retain(|earlier| earlier.key != record.key);
            if record.value.is_empty() {
                continue;
            }
        }
        kept.push(record);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_key_the_newest_is_kept_and_an_erased_one_is_gone() {
        let entry = |key: &str, value: &'static str| Entry {
            key: key.to_owned(),
            value: Bytes::from_static(value.as_bytes()),
            at: Instant(1),
        };
        let kept =
            newest([entry("a", "1"), entry("", "x"), entry("b", "1"), entry("a", "2"), entry("b", ""), entry("", "x")]);
        assert_eq!(kept, [entry("", "x"), entry("a", "2"), entry("", "x")]);
    }
}
