//! Who is to be judged again when, without any event: the start of each person's next segment.
//!
//! A heap that knows where each person stands in it, so that a new instant takes the place of the old one: at most one
//! entry a person, whatever came between (I-10).
//!
//! Owns the order of time. Must never read a clock.

use fuma_schemas::Instant;

/// Stands for "not in the heap".
const NOWHERE: u32 = u32::MAX;

/// People by the instant at which their next segment begins.
#[derive(Debug, Default)]
pub struct DueIndex {
    /// A binary heap: no entry comes before its parent.
    heap: Vec<(Instant, u32)>,
    /// The place of each person in the heap.
    places: Vec<u32>,
}

impl DueIndex {
    /// From now on a person is due at this instant, and at no other; none: not at all.
    pub fn set(&mut self, person: u32, at: Option<Instant>) {
        let place = self.places.get(person as usize).copied().filter(|place| *place != NOWHERE);
        match (place, at) {
            (None, None) => {}
            (None, Some(at)) => {
                if person as usize >= self.places.len() {
                    self.places.resize(person as usize + 1, NOWHERE);
                }
                self.heap.push((at, person));
                self.rise(self.heap.len() - 1);
            }
            (Some(place), None) => self.remove(place as usize),
            (Some(place), Some(at)) if self.heap[place as usize].0 == at => {}
            (Some(place), Some(at)) => {
                self.heap[place as usize].0 = at;
                let place = self.rise(place as usize);
                self.sink(place);
            }
        }
    }

    /// When a person is due.
    pub fn of(&self, person: u32) -> Option<Instant> {
        let place = *self.places.get(person as usize)?;
        self.heap.get(place as usize).map(|(at, _)| *at)
    }

    /// The earliest instant at which somebody is due.
    pub fn first(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Takes the next person who is due at `clock` or before.
    pub fn pop(&mut self, clock: Instant) -> Option<u32> {
        let &(at, person) = self.heap.first()?;
        if at > clock {
            return None;
        }
        self.remove(0);
        Some(person)
    }

    /// How many people are due before an instant.
    pub fn count_before(&self, instant: Instant) -> usize {
        let (mut places, mut count) = (vec![0], 0);
        while let Some(place) = places.pop() {
            if self.heap.get(place).is_some_and(|(at, _)| *at < instant) {
                count += 1;
                places.extend([2 * place + 1, 2 * place + 2]);
            }
        }
        count
    }

    /// How many people are due some time.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nobody is due, ever.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The bytes it takes.
    pub fn bytes(&self) -> usize {
        self.heap.capacity() * size_of::<(Instant, u32)>() + self.places.capacity() * size_of::<u32>()
    }

    fn remove(&mut self, place: usize) {
        let (_, person) = self.heap.swap_remove(place);
        self.places[person as usize] = NOWHERE;
        if place < self.heap.len() {
            let place = self.rise(place);
            self.sink(place);
        }
    }

    /// Moves an entry up to where it belongs; gives the place.
    fn rise(&mut self, mut place: usize) -> usize {
        let entry = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent] <= entry {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, entry);
        place
    }

    /// Moves an entry down to where it belongs.
    fn sink(&mut self, mut place: usize) {
        let entry = self.heap[place];
        loop {
            let left = 2 * place + 1;
            let Some(earlier) = (left..self.heap.len().min(left + 2)).min_by_key(|child| self.heap[*child]) else {
                break;
            };
            if self.heap[earlier] >= entry {
                break;
            }
            self.put(place, self.heap[earlier]);
            place = earlier;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: (Instant, u32)) {
        self.heap[place] = entry;
        self.places[entry.1 as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_an_ordered_set_with_one_entry_a_person(
            moves in proptest::collection::vec((0_u32..12, proptest::option::of(0_i64..20), 0_i64..4), 0..80),
        ) {
            let mut index = DueIndex::default();
            let mut model: BTreeSet<(Instant, u32)> = BTreeSet::new();
            for (person, at, clock) in moves {
                index.set(person, at.map(Instant));
                model.retain(|(_, other)| *other != person);
                model.extend(at.map(|at| (Instant(at), person)));
                prop_assert_eq!(index.of(person), at.map(Instant));
                let earlier = model.iter().filter(|(at, _)| *at < Instant(clock)).count();
                prop_assert_eq!(index.count_before(Instant(clock)), earlier);
                prop_assert_eq!((index.len(), index.first()), (model.len(), model.first().map(|(at, _)| *at)));
                let first = model.first().copied().filter(|(at, _)| *at <= Instant(clock));
                prop_assert_eq!(index.pop(Instant(clock)), first.map(|(_, person)| person));
                first.map(|first| model.remove(&first));
            }
        }
    }

    /// I-10: somebody whose next instant moves all the time has one entry (trial c1-6: 16 bytes a judgement).
    #[test]
    fn what_evidence_overtook_takes_no_room() {
        let mut index = DueIndex::default();
        for judgement in 0..300_000_u32 {
            index.set(judgement % 2000, Some(Instant(i64::from(judgement))));
        }
        assert_eq!(index.len(), 2000);
        assert!(index.bytes() <= 2 * 2000 * (16 + 4), "{} bytes", index.bytes());
    }
}
