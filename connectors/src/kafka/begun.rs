//! First records to a partition.
//!
//! A broker takes any sequence number from a producer of which it knows nothing (KAFKA-14359, KAFKA-15591). When
//! several requests are in flight to a partition, the first is refused (the partition is being made, or moves) and the
//! second is taken, the first can never be written any more; and librdkafka, which concludes from the second that the
//! first was written as well, acknowledges it. So a partition's first record travels alone: once it is answered the
//! broker knows the producer, and refuses what leaves a gap.
//!
//! Owns what is known of each partition of a topic, for one producer. Must never do I/O.

use std::time::{Duration, Instant};

/// A producer that wrote nothing to a partition for so long may be forgotten there; a broker keeps it for a day, unless
/// it is told otherwise (`producer.id.expiration.ms`).
pub(super) const KNOWN_FOR: Duration = Duration::from_hours(1);

/// What the broker knows of the producer in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Nothing,
    /// The first record is on its way.
    Perhaps,
    /// Something was written by then.
    Since(Instant),
}

/// The partitions of a topic to which a producer has begun to write.
#[derive(Debug, Default)]
pub(super) struct Begun {
    partitions: Vec<Known>,
    /// When the records on their way began; none while there are none.
    under_way: Option<Instant>,
}

impl Begun {
    /// Whether a record to the partition has to wait until all that were sent are answered.
    pub(super) fn must_wait(&mut self, partition: u32, now: impl FnOnce() -> Instant) -> bool {
        let now = *self.under_way.get_or_insert_with(now);
        let index = partition as usize;
        if self.partitions.len() <= index {
            self.partitions.resize(index + 1, Known::Nothing);
        }
        let Some(known) = self.partitions.get_mut(index) else { return false };
        *known = match *known {
            Known::Perhaps => return true,
            Known::Since(at) if now.saturating_duration_since(at) < KNOWN_FOR => Known::Since(now),
            Known::Since(_) | Known::Nothing => Known::Perhaps,
        };
        false
    }

    /// Everything that was sent was written.
    pub(super) fn answered(&mut self) {
        let Some(at) = self.under_way.take() else { return };
        for known in self.partitions.iter_mut().filter(|known| **known == Known::Perhaps) {
            *known = Known::Since(at);
        }
    }

    /// What was sent may have been refused.
    pub(super) fn forget(&mut self) {
        *self = Begun::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_record_travels_alone() {
        let begin = crate::kafka::client::now();
        let mut begun = Begun::default();
        let wait =
            |begun: &mut Begun, partition, seconds| begun.must_wait(partition, || begin + Duration::from_secs(seconds));
        assert!(!wait(&mut begun, 1, 0) && !wait(&mut begun, 0, 0), "the first of each");
        assert!(wait(&mut begun, 1, 0) && wait(&mut begun, 0, 0));
        begun.answered();
        assert!(!wait(&mut begun, 1, 1) && !wait(&mut begun, 1, 1), "known by now");
        assert!(!wait(&mut begun, 3, 1) && wait(&mut begun, 3, 1), "another partition is not");
        begun.answered();
        // Partition 0 is silent meanwhile, 1 is not.
        assert!(!wait(&mut begun, 1, 3000) && !wait(&mut begun, 1, 3000));
        begun.answered();
        assert!(!wait(&mut begun, 1, 4000) && !wait(&mut begun, 1, 4000));
        assert!(!wait(&mut begun, 0, 4000) && wait(&mut begun, 0, 4000), "may be forgotten there");
        begun.forget();
        assert!(!wait(&mut begun, 1, 4001) && wait(&mut begun, 1, 4001), "refused: nothing is known");
    }
}
