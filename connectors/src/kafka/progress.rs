//! How far a partition of a feed is read, and what is behind an offset that is not there.
//!
//! ```text
//! deleted      the log begins later by now (retention): the records are lost, and that is told
//! gap          markers of transactions, or a client that lost its place: read again once (`gaps`)
//! back         reading goes on before where it was: the topic was made again, or its leader lost records
//! ```
//!
//! Owns these decisions, for one partition. Must never ask a broker.

use super::gaps::{Gaps, Seen};
use crate::log::LostRecords;

/// What was handed out of a partition, and what was noted of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    /// What was committed when it came here, 0 where nothing was; none while that is not known.
    pub(super) start: Option<i64>,
    /// One past the last record handed out; none since it came here.
    pub(super) next: Option<i64>,
    pub(super) noted: Option<i64>,
    /// The record that was due at the last look, when one was there and did not come.
    pub(super) waiting: Option<i64>,
    /// Its gaps are its producer's.
    pub(super) is_sparse: bool,
    /// It is to be read again from what is due: what comes before that is not handed out.
    pub(super) reads_again: bool,
    /// For how many looks records have waited that do not come, through no fault of the client.
    pub(super) held_looks: u32,
    /// What was due, and the end, when it was found that there is only a marker between them.
    pub(super) marker: Option<(i64, i64)>,
}

impl Progress {
    /// The offset that is due.
    pub(super) fn due(&self) -> Option<i64> {
        self.next.or(self.start)
    }

    /// The log begins at `low`: whatever was due before is lost. Gives these offsets.
    pub(super) fn begins_at(&mut self, low: i64) -> Option<std::ops::Range<i64>> {
        let due = self.due().filter(|due| *due < low)?;
        if self.next.is_some() {
            self.next = Some(low);
        }
        self.start = Some(low);
        Some(due..low)
    }

    /// Whether a record that came may be handed out, as far as gaps are concerned.
    pub(super) fn accepts(&mut self, gaps: &Gaps, topic: &str, partition: i32, offset: i64) -> bool {
        if self.reads_again {
            return false;
        }
        match self.due() {
            Some(due) if offset > due && !self.is_sparse => match gaps.saw(topic, partition, due) {
                Seen::ReadAgain => {
                    self.reads_again = true;
                    return false;
                }
                Seen::Believed => self.is_sparse = true,
            },
            Some(due) if offset < due => tracing::warn!(
                target: "kafka", topic, partition, offset, due,
                "reading goes on before where it was: the topic was made again, or its leader lost records (unclean \
                 election). What is there now is read; it is evidence once, however often it comes"
            ),
            _ => {}
        }
        self.next = Some(offset + 1);
        true
    }
}

/// Records of a feed that were deleted before they were read.
pub(super) fn lost(
    feed: fuma_schemas::Feed,
    topic: &str,
    partition: i32,
    offsets: std::ops::Range<i64>,
) -> LostRecords {
    let raw = |offset: i64| u64::try_from(offset).unwrap_or(0);
    let place = format!("{topic} partition {partition}");
    LostRecords { feed, place, offsets: raw(offsets.start)..raw(offsets.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: i64) -> Progress {
        Progress { start: Some(start), ..Progress::default() }
    }

    #[test]
    fn what_retention_took_is_told_once_and_is_no_gap() {
        let gaps = Gaps::default();
        let mut progress = at(5);
        assert_eq!(progress.begins_at(15), Some(5..15), "at a start");
        assert_eq!(progress.begins_at(15), None);
        assert!(progress.accepts(&gaps, "tests", 0, 15));
        assert_eq!(progress.begins_at(40), Some(16..40), "and while it runs");
        assert!(progress.accepts(&gaps, "tests", 0, 40) && progress.due() == Some(41));
        assert_eq!(at(9).begins_at(3), None, "nothing that was due is gone");
    }

    #[test]
    fn a_gap_is_read_again_in_its_partition_alone_and_then_believed() {
        let gaps = Gaps::default();
        let (mut one, mut other) = (at(0), at(0));
        assert!(one.accepts(&gaps, "tests", 0, 0) && !one.accepts(&gaps, "tests", 0, 3));
        assert!(one.reads_again && !one.accepts(&gaps, "tests", 0, 4), "what was fetched before it is read again");
        assert!(other.accepts(&gaps, "tests", 1, 0), "others go on");
        one.reads_again = false;
        assert!(one.accepts(&gaps, "tests", 0, 3) && one.is_sparse, "still there");
        assert!(one.accepts(&gaps, "tests", 0, 9));
    }

    #[test]
    fn a_topic_that_was_made_again_goes_on() {
        let gaps = Gaps::default();
        let mut progress = at(50);
        assert!(progress.accepts(&gaps, "tests", 0, 0) && progress.due() == Some(1));
    }
}
