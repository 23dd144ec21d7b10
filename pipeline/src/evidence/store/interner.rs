//! Texts as numbers: each distinct text is kept once.
//!
//! Owns the texts, for as long as the partition lives. Must never be given an identity, an owner's id or a token.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// The number of a text that is absent.
pub(in crate::evidence) const NO_TEXT: u32 = u32::MAX;

/// Distinct texts, numbered from 0.
#[derive(Default, Debug)]
pub(in crate::evidence) struct Interner {
    index: HashTable<u32>,
    bytes: String,
    /// Where each text ends.
    ends: Vec<usize>,
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

impl Interner {
    /// The text with a number; empty if there is none.
    pub(in crate::evidence) fn get(&self, number: u32) -> &str {
        text_at(&self.bytes, &self.ends, number)
    }

    /// The number of a text, a new one if need be.
    pub(in crate::evidence) fn intern(&mut self, text: &str) -> u32 {
        let (bytes, ends) = (&mut self.bytes, &mut self.ends);
        if let Some(&number) = self.index.find(hash(text), |&number| text_at(bytes, ends, number) == text) {
            return number;
        }
        // 2^32 - 1 distinct texts are more than the rows of all tables.
        let number = ends.len() as u32;
        bytes.push_str(text);
        ends.push(bytes.len());
        self.index.insert_unique(hash(text), number, |&other| hash(text_at(bytes, ends, other)));
        number
    }

    /// Bytes held, used or not.
    pub(in crate::evidence) fn bytes(&self) -> usize {
        self.index.allocation_size() + self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

fn text_at<'a>(bytes: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends.get(number - 1).copied().unwrap_or(0) };
    ends.get(number).and_then(|&end| bytes.get(start..end)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_a_text() {
        let mut interner = Interner::default();
        let numbers: Vec<u32> = ["330106", "", "城东", "330106", ""].iter().map(|text| interner.intern(text)).collect();
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
        assert_eq!((interner.get(0), interner.get(1), interner.get(2), interner.get(3)), ("330106", "", "城东", ""));
        assert_eq!(interner.get(NO_TEXT), "");
    }
}
