//! A hash index from keys that others hold to numbers of 32 bits.
//!
//! ```text
//! shard    6 bits of the hash; growing moves one part in sixty-four at a time
//! slot     32 bits of the hash and the number; the slots of a shard are in the order of those bits, with gaps
//! ```
//!
//! Owns numbers and a part of each hash: what a number stands for, and so whether it matches, the caller knows. The
//! hashes must be uniform in all their bits (a keyed hash, a token). Why not a table of control bytes: there a
//! look-up of what is absent and the insert after it miss the cache twice, here once, and growing reads no key but
//! streams (measured: 9 million facts).

const SHARDS: usize = 64;
/// A slot without a number. No row and no person has this one.
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    number: u32,
}

const GAP: Slot = Slot { tag: u32::MAX, number: EMPTY };

/// Slots in the order of their tags, each at its own place or pushed on from it.
#[derive(Default, Debug)]
struct Shard {
    slots: Vec<Slot>,
    /// The places that a tag may mean: all slots but the spill.
    places: usize,
    numbers: usize,
}

/// An index: hash -> number.
#[derive(Debug)]
pub(in crate::evidence) struct RefIndex {
    shards: Vec<Shard>,
}

impl Default for RefIndex {
    fn default() -> Self {
        RefIndex { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

fn shard(hash: u64) -> usize {
    hash as usize % SHARDS
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Shard {
    fn place(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.places as u64) >> 32) as usize
    }

    fn find(&self, tag: u32, is: impl Fn(u32) -> bool) -> Option<usize> {
        let start = self.place(tag);
        for (at, slot) in self.slots.iter().enumerate().skip(start) {
            if slot.number == EMPTY || slot.tag > tag {
                return None;
            }
            if slot.tag == tag && is(slot.number) {
                return Some(at);
            }
        }
        None
    }

    /// Puts a number in order. Where hashes crowd at the end, the spill grows: no places are added for them.
    fn put(&mut self, new: Slot) {
        let start = self.place(new.tag);
        let after = |slot: &Slot| slot.number == EMPTY || slot.tag > new.tag;
        let ahead = self.slots.iter().skip(start).position(after);
        let at = ahead.map_or(self.slots.len(), |ahead| start + ahead);
        let gap = self
            .slots
            .iter()
            .skip(at)
            .position(|slot| slot.number == EMPTY)
            .map_or(self.slots.len(), |ahead| at + ahead);
        if gap == self.slots.len() {
            self.spill(gap + 1);
        }
        self.slots.copy_within(at..gap, at + 1);
        self.slots[at] = new;
        self.numbers += 1;
    }

    fn spill(&mut self, slots: usize) {
        if slots > self.slots.capacity() {
            self.slots.reserve_exact(slots - self.slots.len() + self.places / 64 + 4);
        }
        self.slots.resize(slots, GAP);
    }

    /// A quarter more places; the order stays, so this is one pass over both.
    fn grow(&mut self) {
        let places = (self.places + self.places / 4).max(4);
        let mut grown = Shard { slots: Vec::new(), places, numbers: self.numbers };
        grown.spill(places);
        let mut free = 0;
        for slot in self.slots.iter().filter(|slot| slot.number != EMPTY) {
            let at = grown.place(slot.tag).max(free);
            if at >= grown.slots.len() {
                grown.spill(at + 1);
            }
            grown.slots[at] = *slot;
            free = at + 1;
        }
        *self = grown;
    }

    /// Takes a slot out, and moves back what it had pushed on.
    fn take_out(&mut self, at: usize) {
        let mut hole = at;
        while let Some(&next) = self.slots.get(hole + 1)
            && next.number != EMPTY
            && self.place(next.tag) <= hole
        {
            self.slots[hole] = next;
            hole += 1;
        }
        self.slots[hole] = GAP;
        self.numbers -= 1;
    }
}

impl RefIndex {
    pub(in crate::evidence) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let shard = &self.shards[shard(hash)];
        shard.find(tag(hash), is).map(|at| shard.slots[at].number)
    }

    pub(in crate::evidence) fn find_mut(&mut self, hash: u64, is: impl Fn(u32) -> bool) -> Option<&mut u32> {
        let shard = &mut self.shards[shard(hash)];
        let at = shard.find(tag(hash), is)?;
        Some(&mut shard.slots[at].number)
    }

    /// Adds a number that is not there yet.
    pub(in crate::evidence) fn insert(&mut self, hash: u64, number: u32) {
        let shard = &mut self.shards[shard(hash)];
        if (shard.numbers + 1) * 8 > shard.places * 7 {
            shard.grow();
        }
        shard.put(Slot { tag: tag(hash), number });
    }

    pub(in crate::evidence) fn remove(&mut self, hash: u64, is: impl Fn(u32) -> bool) {
        let shard = &mut self.shards[shard(hash)];
        if let Some(at) = shard.find(tag(hash), is) {
            shard.take_out(at);
        }
    }

    pub(in crate::evidence) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.numbers).sum()
    }

    /// Bytes held, used or not.
    pub(in crate::evidence) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| size_of::<Shard>() + shard.slots.capacity() * size_of::<Slot>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn as_a_map_even_where_hashes_crowd(
            steps in prop::collection::vec((0..400_u64, any::<bool>()), 1..1200), crowd in 0..3_usize,
        ) {
            // Spread out; all in the last places of one shard; all with the same bits.
            let hash = |key: u64| [key.wrapping_mul(0x9e37_79b9_7f4a_7c15), u64::MAX - (key << 34), 7 << 40][crowd];
            let (mut index, mut map) = (RefIndex::default(), std::collections::BTreeMap::new());
            for (key, insert) in steps {
                let number = key as u32;
                prop_assert_eq!(index.find(hash(key), |other| other == number), map.get(&key).copied());
                match (insert, map.contains_key(&key)) {
                    (true, false) => {
                        index.insert(hash(key), number);
                        map.insert(key, number);
                    }
                    (false, true) => {
                        index.remove(hash(key), |other| other == number);
                        map.remove(&key);
                    }
                    _ => {}
                }
                prop_assert_eq!(index.len(), map.len());
            }
            for key in 0..400 {
                prop_assert_eq!(index.find(hash(key), |other| other == key as u32), map.get(&key).copied());
            }
        }
    }
}
