//! Texts as numbers: each distinct text is kept once.
//!
//! Owns the texts. A sweep frees those that no row names any more: what people were forgotten for must not stay. Must
//! never be given an identity, an owner's id or a token of a person.

use hashbrown::HashTable;

use super::seed::Seed;

/// The number of a text that is absent.
pub(in crate::evidence) const NO_TEXT: u32 = u32::MAX;

/// Distinct texts, numbered from 0.
#[derive(Default, Debug)]
pub(in crate::evidence) struct Interner {
    index: HashTable<u32>,
    texts: Vec<Option<Box<str>>>,
    /// Numbers without a text.
    free: Vec<u32>,
    /// Bytes of all texts.
    bytes: usize,
    /// While a sweep goes on, one bit a number: whether a row names it.
    named: Option<Vec<u64>>,
    seed: Seed,
}

impl Interner {
    pub(in crate::evidence) fn new(seed: Seed) -> Interner {
        Interner { seed, ..Interner::default() }
    }

    /// The text with a number that was given.
    pub(in crate::evidence) fn get(&self, number: u32) -> &str {
        let text = self.texts.get(number as usize).and_then(Option::as_deref);
        crate::invariant::held(text, "I-2", "a row names a text that is kept")
    }

    /// The number of a text, a new one if need be.
    pub(in crate::evidence) fn intern(&mut self, text: &str) -> u32 {
        let (texts, seed) = (&mut self.texts, self.seed);
        let hash = |text: &str| seed.of_bytes(text.as_bytes());
        let is_it = |number: &u32| texts[*number as usize].as_deref() == Some(text);
        let number = match self.index.find(hash(text), is_it) {
            Some(&number) => number,
            None => {
                self.bytes += text.len();
                let number = match self.free.pop() {
                    Some(number) => {
                        texts[number as usize] = Some(text.into());
                        number
                    }
                    // 2^32 - 1 distinct texts are more than the rows of all tables.
                    None => {
                        texts.push(Some(text.into()));
                        (texts.len() - 1) as u32
                    }
                };
                let hash_of = |other: &u32| texts[*other as usize].as_deref().map_or(0, hash);
                self.index.insert_unique(hash(text), number, hash_of);
                number
            }
        };
        self.mark(number);
        number
    }

    /// Begins a sweep: rows are to be marked from now on.
    pub(in crate::evidence) fn begin_sweep(&mut self) {
        self.named = Some(vec![0; self.texts.len() / 64 + 1]);
    }

    /// Notes that a row names a number.
    pub(in crate::evidence) fn mark(&mut self, number: u32) {
        let Some(named) = &mut self.named else { return };
        let word = number as usize / 64;
        if word >= named.len() {
            named.resize(word + 1, 0);
        }
        named[word] |= 1 << (number % 64);
    }

    /// Frees some of the texts that were not marked, from a number on; gives the next number, none behind the last.
    pub(in crate::evidence) fn sweep(&mut self, from: u32, count: u32) -> Option<u32> {
        let named = self.named.as_ref()?;
        let end = (from as usize + count as usize).min(self.texts.len());
        for number in from as usize..end {
            let is_named = named.get(number / 64).is_some_and(|word| word & 1 << (number % 64) != 0);
            if let Some(text) = self.texts[number].take_if(|_| !is_named) {
                let hash = self.seed.of_bytes(text.as_bytes());
                if let Ok(entry) = self.index.find_entry(hash, |other| *other as usize == number) {
                    entry.remove();
                }
                self.bytes -= text.len();
                self.free.push(number as u32);
            }
        }
        if end == self.texts.len() {
            self.named = None;
            return None;
        }
        Some(end as u32)
    }

    /// Bytes held, about: what the allocator adds to a text is not known.
    pub(in crate::evidence) fn bytes(&self) -> usize {
        let texts = self.texts.capacity() * size_of::<Option<Box<str>>>() + self.bytes;
        self.index.allocation_size() + texts + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_a_text() {
        let mut interner = Interner::default();
        let numbers: Vec<u32> = ["330106", "", "城东", "330106", ""].iter().map(|text| interner.intern(text)).collect();
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
        assert_eq!((interner.get(0), interner.get(1), interner.get(2)), ("330106", "", "城东"));
    }

    #[test]
    fn a_sweep_frees_what_nobody_names() {
        let mut interner = Interner::default();
        (0..200).for_each(|number| assert_eq!(interner.intern(&number.to_string()), number));
        interner.begin_sweep();
        (0..200).step_by(2).for_each(|number| interner.mark(number));
        assert_eq!(interner.intern("201"), 200, "what comes meanwhile is named");
        assert_eq!(interner.intern("7"), 7);
        let mut from = Some(0);
        while let Some(next) = from {
            from = interner.sweep(next, 30);
        }
        assert_eq!((interner.get(7), interner.get(8), interner.get(200)), ("7", "8", "201"));
        assert_eq!(interner.intern("300"), 199, "a number that is free");
        assert_eq!(interner.intern("4"), 4);
    }
}
