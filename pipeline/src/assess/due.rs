//! Who is to be judged again when, without any event: the start of each person's next segment.
//!
//! An entry that evidence has overtaken is left where it is: whoever is judged twice is not announced twice.
//!
//! Owns the order of time. Must never read a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fuma_schemas::Instant;

/// People by the instant at which their next segment begins.
#[derive(Debug, Default)]
pub struct DueIndex {
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
}

impl DueIndex {
    /// Adds a person.
    pub fn push(&mut self, at: Instant, person: u32) {
        self.heap.push(Reverse((at, person)));
    }

    /// The earliest instant at which somebody is due.
    pub fn first(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next person who is due at `clock` or before.
    pub fn pop(&mut self, clock: Instant) -> Option<u32> {
        if self.first()? > clock {
            return None;
        }
        self.heap.pop().map(|Reverse((_, person))| person)
    }

    /// Everybody with an entry, overtaken ones too, in no order; some more than once.
    pub fn people(&self) -> impl Iterator<Item = u32> + '_ {
        self.heap.iter().map(|Reverse((_, person))| *person)
    }

    /// How many entries there are, overtaken ones too.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nobody is due, ever.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The bytes it takes.
    pub fn bytes(&self) -> usize {
        self.heap.capacity() * size_of::<(Instant, u32)>()
    }
}
