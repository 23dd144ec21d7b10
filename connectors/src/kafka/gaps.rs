//! Offsets that a log skips.
//!
//! A producer with transactions leaves some: markers, and what was aborted. A client that skips records leaves some,
//! too, and then they are lost. Both look alike, until they are read again: so the first gap of a partition is read
//! again, and only a gap that is still there is its producer's.
//!
//! Owns what was seen, for all readers of a process, one after another. Must never end a reader: that partition alone
//! is read again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What is known of the gaps of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// One begins at this offset; it is to be read again.
    Suspected(i64),
    /// Its producer leaves them.
    Sparse,
}

/// What to do about a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    /// Read the partition again from where it begins.
    ReadAgain,
    /// It is its producer's; nothing is missing.
    Believed,
}

/// The gaps of all partitions, by topic and partition.
#[derive(Default)]
pub(super) struct Gaps(Mutex<BTreeMap<(String, i32), Known>>);

impl Gaps {
    /// Notes that a partition goes on somewhere behind `next`.
    pub(super) fn saw(&self, topic: &str, partition: i32, next: i64) -> Seen {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry((topic.to_owned(), partition)).or_insert(Known::Suspected(-1));
        match *known {
            Known::Sparse => Seen::Believed,
            Known::Suspected(before) if before == next => {
                tracing::info!(
                    target: "kafka", topic, partition, offset = next,
                    "offsets without a record: they are its producer's (transactions), nothing is missing"
                );
                *known = Known::Sparse;
                Seen::Believed
            }
            Known::Suspected(_) => {
                tracing::warn!(target: "kafka", topic, partition, offset = next, "no record there: it is read again");
                *known = Known::Suspected(next);
                Seen::ReadAgain
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_read_again_once_and_a_producer_that_leaves_them_is_believed() {
        let gaps = Gaps::default();
        assert_eq!(gaps.saw("tests", 0, 5), Seen::ReadAgain);
        assert_eq!(gaps.saw("tests", 0, 9), Seen::ReadAgain, "the first was the client's: it was not there again");
        assert_eq!(gaps.saw("tests", 0, 9), Seen::Believed);
        assert_eq!(gaps.saw("tests", 0, 40), Seen::Believed, "markers");
        assert_eq!(gaps.saw("tests", 1, 5), Seen::ReadAgain, "of another partition nothing is known");
    }
}
