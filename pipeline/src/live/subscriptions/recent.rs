//! The changes of the last moments, for subscribers who are not behind: read once from the log, whoever asks.
//!
//! Owns a bounded number of them. Must never wait, or know who asks.

use std::collections::VecDeque;
use std::sync::Arc;

use fuma_schemas::Instant;

use super::change::Change;
use super::position::Position;
use crate::live::record::Fingerprint;

/// The most changes that are kept, and the most bytes of their values.
const CHANGES_MAX: usize = 10_000;
const BYTES_MAX: usize = 16 << 20;
/// The most changes that a subscriber is handed at once.
pub(super) const PAGE: usize = 256;

/// The changes of the last moments.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Whose they are; none before the log is open.
    pub(super) installation: Option<Fingerprint>,
    /// Whether the log is being followed.
    pub(super) is_begun: bool,
    /// From where on all changes of a partition are here, and up to where it is read.
    starts: Vec<u64>,
    ends: Vec<u64>,
    /// All that was announced before is read.
    read_at: Instant,
    /// The number of the first change here, of all that ever were.
    first: u64,
    changes: VecDeque<Arc<Change>>,
    bytes: usize,
}

/// What there is for a subscriber.
pub(super) enum Found {
    /// The log is not followed yet.
    NotYet,
    /// The changes from its position on are not here any more: they are read from the log.
    Behind,
    /// The next ones.
    Changes(Vec<Arc<Change>>),
    /// It has them all.
    All,
}

impl Recent {
    /// The log is followed from these offsets on.
    pub(super) fn begin(&mut self, offsets: Vec<u64>, read_at: Instant) {
        // Whoever was here before asks for what came between.
        self.first += 1;
        self.starts.clone_from(&offsets);
        (self.ends, self.read_at, self.is_begun) = (offsets, read_at, true);
    }

    /// Nobody follows: nothing is kept.
    pub(super) fn end(&mut self) {
        self.first += self.changes.len() as u64;
        self.changes.clear();
        (self.bytes, self.is_begun) = (0, false);
    }

    /// How many partitions there are, once the log is followed.
    pub(super) fn ends(&self) -> &[u64] {
        &self.ends
    }

    /// Where a subscriber stands who wants nothing of the past.
    pub(super) fn now(&self) -> Option<Position> {
        let installation = self.installation.filter(|_| self.is_begun)?;
        Some(Position { installation, read_at: self.read_at, offsets: self.ends.clone() })
    }

    /// A partition was read up to an offset.
    pub(super) fn add(&mut self, partition: u32, changes: Vec<Change>, end: u64) {
        for change in changes {
            self.bytes += change.bytes;
            self.changes.push_back(Arc::new(change));
        }
        while self.changes.len() > CHANGES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.first += 1;
            self.bytes -= oldest.bytes;
            if let Some(start) = self.starts.get_mut(oldest.partition as usize) {
                *start = oldest.offset + 1;
            }
        }
        if let Some(at) = self.ends.get_mut(partition as usize) {
            *at = end.max(*at);
        }
    }

    /// All that was announced before an instant is read.
    pub(super) fn read(&mut self, at: Instant) {
        self.read_at = at.max(self.read_at);
    }

    /// What comes after a position. `seen` is the number of the next change, of one who was here before.
    pub(super) fn after(&self, position: &mut Position, seen: &mut Option<u64>) -> Found {
        if !self.is_begun {
            return Found::NotYet;
        }
        let is_here = || position.offsets.iter().zip(&self.starts).all(|(at, start)| at >= start);
        let from = match *seen {
            Some(next) if next >= self.first => next,
            _ if is_here() => self.first,
            _ => return Found::Behind,
        };
        let after = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let mut next = from;
        let mut found = Vec::new();
        for change in self.changes.iter().skip(after) {
            if found.len() == PAGE {
                break;
            }
            next += 1;
            if position.is_before(change.partition, change.offset) {
                found.push(Arc::clone(change));
            }
        }
        *seen = Some(next);
        if !found.is_empty() {
            return Found::Changes(found);
        }
        for (partition, end) in (0..).zip(&self.ends) {
            position.reach(partition, *end);
        }
        position.read_at = position.read_at.max(self.read_at);
        Found::All
    }
}

#[cfg(test)]
mod tests {
    use fuma_schemas::Person;

    use super::*;

    fn change(partition: u32, offset: u64) -> Change {
        Change { partition, offset, person: Person([1; 16]), said: None, bytes: 1 }
    }

    fn places(found: Found) -> Option<Vec<(u32, u64)>> {
        match found {
            Found::Changes(changes) => Some(changes.iter().map(|change| (change.partition, change.offset)).collect()),
            Found::All => Some(Vec::new()),
            Found::NotYet | Found::Behind => None,
        }
    }

    fn at(offsets: &[u64]) -> Position {
        Position { offsets: offsets.to_vec(), ..Position::default() }
    }

    #[test]
    fn each_gets_what_is_after_its_position_once_and_who_is_behind_is_told() {
        let mut recent = Recent::default();
        assert!(matches!(recent.after(&mut at(&[0, 0]), &mut None), Found::NotYet));
        recent.begin(vec![10, 20], Instant(1));
        recent.add(0, vec![change(0, 10), change(0, 12)], 13);
        recent.add(1, vec![change(1, 20)], 25);
        recent.read(Instant(5));
        assert!(matches!(recent.after(&mut at(&[9, 20]), &mut None), Found::Behind));
        let (mut position, mut seen) = (at(&[11, 20]), None);
        assert_eq!(places(recent.after(&mut position, &mut seen)), Some(vec![(0, 12), (1, 20)]));
        for (partition, offset) in [(0, 13), (1, 21)] {
            position.reach(partition, offset);
        }
        assert_eq!(position.read_at, Instant::default(), "not before all is handed out");
        assert_eq!(places(recent.after(&mut position, &mut seen)), Some(Vec::new()));
        assert_eq!(position, Position { read_at: Instant(5), ..at(&[13, 25]) });
        // One who read on from the log is ahead of what is here.
        let (mut ahead, mut seen) = (at(&[40, 40]), None);
        assert_eq!(places(recent.after(&mut ahead, &mut seen)), Some(Vec::new()));
        recent.add(0, vec![change(0, 39), change(0, 41)], 42);
        assert_eq!(places(recent.after(&mut ahead, &mut seen)), Some(vec![(0, 41)]));
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut recent = Recent::default();
        recent.begin(vec![0], Instant(1));
        let count = CHANGES_MAX as u64 + 5;
        recent.add(0, (0..count).map(|offset| change(0, offset)).collect(), count);
        assert_eq!(recent.changes.len(), CHANGES_MAX);
        assert!(matches!(recent.after(&mut at(&[4]), &mut Some(4)), Found::Behind));
        assert_eq!(places(recent.after(&mut at(&[5]), &mut None)).map(|found| found.len()), Some(PAGE));
        recent.end();
        assert_eq!((recent.changes.len(), recent.bytes), (0, 0));
        recent.begin(vec![0], Instant(2));
        recent.add(0, vec![Change { bytes: BYTES_MAX + 1, ..change(0, 0) }], 1);
        assert!(recent.changes.is_empty(), "one that is too large is read from the log");
        assert!(matches!(recent.after(&mut at(&[0]), &mut None), Found::Behind));
    }
}
