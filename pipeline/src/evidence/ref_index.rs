//! A hash index from keys that others hold to numbers of 32 bits.
//!
//! Owns the numbers only: what a number stands for, and so whether it matches, the caller knows. The keys must be uniform in
//! all their bits (a keyed hash, a token). In shards, so that growing moves one part in sixty-four at a time.

use hashbrown::HashTable;

const SHARDS: usize = 64;

/// An index: hash -> number.
#[derive(Debug)]
pub(super) struct RefIndex {
    shards: Vec<HashTable<u32>>,
}

impl Default for RefIndex {
    fn default() -> Self {
        RefIndex { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

/// The table takes its buckets from the low bits of a hash and its tags from the high ones; these lie between.
fn shard(hash: u64) -> usize {
    (hash >> 44) as usize % SHARDS
}

impl RefIndex {
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.shards[shard(hash)].find(hash, |&number| is(number)).copied()
    }

    pub(super) fn find_mut(&mut self, hash: u64, is: impl Fn(u32) -> bool) -> Option<&mut u32> {
        self.shards[shard(hash)].find_mut(hash, |&number| is(number))
    }

    /// Adds a number that is not there yet; `hash_of` gives the hash of any number that is.
    pub(super) fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        self.shards[shard(hash)].insert_unique(hash, number, |&other| hash_of(other));
    }

    pub(super) fn remove(&mut self, hash: u64, is: impl Fn(u32) -> bool) {
        if let Ok(entry) = self.shards[shard(hash)].find_entry(hash, |&number| is(number)) {
            entry.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }

    /// Bytes held, used or not.
    pub(super) fn bytes(&self) -> usize {
        SHARDS * size_of::<HashTable<u32>>() + self.shards.iter().map(HashTable::allocation_size).sum::<usize>()
    }
}
