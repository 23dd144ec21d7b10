//! A range of a log that is read whole, or not at all.
//!
//! The end of a partition is what one replica says, at one moment: it may be behind, or a new leader that does not know
//! yet how far the log was acknowledged. So an end is believed only at, or behind, the offset that was asked for;
//! before it the reading goes on, until somebody loses patience and says how far it came.
//!
//! Owns that rule, for every port. Must never read a log or a clock.

use std::ops::Range;

/// How far a range was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whole {
    next: u64,
    end: u64,
    is_over: bool,
}

impl Whole {
    /// Nothing was read yet.
    pub fn new(offsets: Range<u64>) -> Whole {
        Whole { next: offsets.start, end: offsets.end, is_over: offsets.is_empty() }
    }

    /// The first offset of which nothing is known.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether nothing more is wanted.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// A record stands at an offset: whether it is to be handed over. One that came before is not, nor one beyond.
    pub fn takes(&mut self, offset: u64) -> bool {
        if self.is_over || offset < self.next {
            return false;
        }
        self.is_over = offset + 1 >= self.end;
        self.next = (offset + 1).min(self.end);
        offset < self.end
    }

    /// Whoever takes the records wants no more of them.
    pub fn stop(&mut self) {
        self.is_over = true;
    }

    /// A replica says that the partition ends at an offset. Control markers stand before it as well as records do.
    pub fn ends_at(&mut self, offset: u64) {
        self.next = self.next.max(offset.min(self.end));
        self.is_over |= offset >= self.end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_believed_only_where_it_was_asked_for() {
        let mut whole = Whole::new(3..10);
        assert!(whole.takes(3) && whole.takes(5), "markers take places");
        assert!(!whole.takes(4), "read again");
        whole.ends_at(6);
        assert!(!whole.is_over() && whole.next() == 6, "a replica that is behind");
        assert!(whole.takes(8));
        whole.ends_at(10);
        assert!(whole.is_over() && whole.next() == 10, "what is left are markers");
        assert!(!whole.takes(11));
    }

    #[test]
    fn the_last_record_ends_it_and_so_does_one_beyond() {
        let mut whole = Whole::new(0..2);
        assert!(whole.takes(0) && !whole.is_over() && whole.takes(1) && whole.is_over());
        let mut compacted = Whole::new(0..2);
        assert!(!compacted.takes(7) && compacted.is_over() && compacted.next() == 2);
        assert!(Whole::new(4..4).is_over());
        let mut stopped = Whole::new(0..5);
        stopped.stop();
        assert!(stopped.is_over() && !stopped.takes(1));
    }
}
