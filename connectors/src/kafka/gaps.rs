//! Offsets that a feed skips.
//!
//! A producer with transactions leaves some: markers, and what was aborted. A client that skips records leaves some,
//! too, and then they are lost. Both look alike, until they are read again: so the first gap of a partition is read
//! again from what is committed, and only a gap that is still there is its producer's.
//!
//! Owns what was seen, for all readers of a process, one after another.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::log::LogError;

/// What is known of the gaps of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// One begins at this offset; it is to be read again.
    Suspected(i64),
    /// Its producer leaves them.
    Sparse,
}

/// The gaps of all partitions, by topic and partition.
#[derive(Default)]
pub(super) struct Gaps(Mutex<BTreeMap<(String, i32), Known>>);

impl Gaps {
    /// Notes that a partition goes on somewhere behind `next`.
    ///
    /// # Errors
    /// Fatal, so that the reader begins anew at what is committed, unless it is known that the gap is its producer's.
    pub(super) fn saw(&self, topic: &str, partition: i32, next: i64) -> Result<(), LogError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry((topic.to_owned(), partition)).or_insert(Known::Suspected(-1));
        match *known {
            Known::Sparse => Ok(()),
            Known::Suspected(before) if before == next => {
                *known = Known::Sparse;
                Ok(())
            }
            Known::Suspected(_) => {
                *known = Known::Suspected(next);
                Err(LogError::fatal(format!(
                    "kafka: {topic} {partition}: no record at offset {next}; reading again from the committed offset"
                )))
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
        assert!(gaps.saw("tests", 0, 5).is_err());
        assert!(gaps.saw("tests", 0, 9).is_err(), "the first was the client's: it was not there again");
        assert!(gaps.saw("tests", 0, 9).is_ok());
        assert!(gaps.saw("tests", 0, 40).is_ok(), "markers");
        assert!(gaps.saw("tests", 1, 5).is_err(), "of another partition nothing is known");
    }
}
