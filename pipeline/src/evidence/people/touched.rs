//! Who was touched: the set of people whose standing evidence changed.
//!
//! Owns the set, in the order of first touch. Why somebody was touched it does not know.

/// A set of people, by number.
#[derive(Default, Debug)]
pub struct Touched {
    people: Vec<u32>,
    /// One bit a person: whether the list has them.
    marks: Vec<u64>,
}

impl Touched {
    /// Adds a person.
    pub fn touch(&mut self, person: u32) {
        let (word, bit) = (person as usize / 64, 1 << (person % 64));
        if word >= self.marks.len() {
            self.marks.resize((word + 1).next_power_of_two(), 0);
        }
        if self.marks[word] & bit == 0 {
            self.marks[word] |= bit;
            self.people.push(person);
        }
    }

    /// The people, each once, in the order of first touch.
    pub fn people(&self) -> &[u32] {
        &self.people
    }

    /// Takes some people out, at most so many: those who were touched last.
    pub fn take(&mut self, people_max: usize, taken: &mut Vec<u32>) {
        let from = self.people.len().saturating_sub(people_max);
        for person in self.people.drain(from..) {
            self.marks[person as usize / 64] &= !(1 << (person % 64));
            taken.push(person);
        }
    }

    /// Whether nobody is in the set.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Whether a person is in the set.
    pub fn contains(&self, person: u32) -> bool {
        self.marks.get(person as usize / 64).is_some_and(|word| word & 1 << (person % 64) != 0)
    }

    /// Empties the set, at a cost of those in it.
    pub fn clear(&mut self) {
        for person in self.people.drain(..) {
            self.marks[person as usize / 64] = 0;
        }
    }
}
