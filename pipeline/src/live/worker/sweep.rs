//! A sweep: people whom a change of the basis concerns, judged in the order of tokens, a page a commit.
//!
//! Progress, not correctness: who is judged twice is not announced twice. A further change only adds people.
//!
//! Owns who is still to be judged, and the cursor. Must never judge.

use fuma_schemas::{Instant, Person};

/// The people still to be judged; those behind the cursor come last, in a second round.
#[derive(Debug, Default)]
pub struct Sweep {
    /// The next comes last.
    waiting: Vec<(Person, u32)>,
    cursor: Option<Person>,
    /// The cursor before the last page.
    before: Option<Person>,
    /// The broker's timestamp of the newest record that moved the basis; none for a restore.
    cause: Option<Instant>,
}

impl Sweep {
    /// Adds people. `cause` is when the record behind it reached the log, if one did.
    pub fn add(&mut self, people: impl Iterator<Item = (Person, u32)>, cause: Option<Instant>) {
        self.cause = self.cause.max(cause);
        self.waiting.extend(people);
        let cursor = self.cursor;
        // Descending, so that pages are taken off the end: first what lies after the cursor, then the rest.
        self.waiting
            .sort_unstable_by_key(|&(token, _)| std::cmp::Reverse((cursor.is_some_and(|at| token <= at), token)));
        self.waiting.dedup();
    }

    /// Goes on where a predecessor stood.
    pub fn go_on_after(&mut self, cursor: Option<Person>) {
        self.cursor = cursor;
        self.add(std::iter::empty(), None);
    }

    /// The next page.
    pub fn page(&mut self, people_max: usize) -> Vec<u32> {
        let page = self.waiting.split_off(self.waiting.len().saturating_sub(people_max));
        if let Some((token, _)) = page.first() {
            self.before = self.cursor;
            self.cursor = Some(*token);
        }
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        page.into_iter().map(|(_, person)| person).collect()
    }

    /// The last page was not committed: it comes again.
    pub fn give_back(&mut self, page: impl Iterator<Item = (Person, u32)>) {
        let waiting = self.waiting.len();
        self.waiting.extend(page);
        if self.waiting.len() > waiting {
            self.cursor = self.before;
        }
    }

    /// Ends the sweep: all pages were judged and committed.
    pub fn end(&mut self) {
        *self = Sweep::default();
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many people wait.
    pub fn remaining(&self) -> usize {
        self.waiting.len()
    }

    /// The last person of the last page.
    pub fn cursor(&self) -> Option<Person> {
        self.cursor
    }

    /// The broker's timestamp of the newest record that moved the basis.
    pub fn cause(&self) -> Option<Instant> {
        self.cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(byte: u8) -> Person {
        Person([byte; 16])
    }

    fn people(bytes: &[u8]) -> impl Iterator<Item = (Person, u32)> + '_ {
        bytes.iter().map(|&byte| (person(byte), u32::from(byte)))
    }

    #[test]
    fn pages_go_in_the_order_of_tokens() {
        let mut sweep = Sweep::default();
        sweep.add(people(&[5, 1, 3, 2, 4]), None);
        assert_eq!((sweep.page(2), sweep.cursor()), (vec![2, 1], Some(person(2))));
        assert_eq!((sweep.page(2), sweep.cursor()), (vec![4, 3], Some(person(4))));
        assert_eq!((sweep.page(2), sweep.remaining()), (vec![5], 0));
    }

    #[test]
    fn a_further_change_only_adds_people() {
        let mut sweep = Sweep::default();
        sweep.add(people(&[1, 4, 6]), Some(Instant(7)));
        assert_eq!(sweep.page(2), [4, 1]);
        sweep.add(people(&[2, 5, 6]), Some(Instant(5)));
        assert_eq!(sweep.page(2), [6, 5], "first what lies after the cursor");
        assert_eq!(sweep.page(2), [2], "then who lies behind it");
        assert_eq!(sweep.cause(), Some(Instant(7)));
    }

    #[test]
    fn a_page_that_was_not_committed_comes_again() {
        let mut sweep = Sweep::default();
        sweep.add(people(&[1, 2, 3, 4, 5]), None);
        sweep.page(2);
        let page = sweep.page(2);
        sweep.give_back(page.iter().map(|number| (person(*number as u8), *number)));
        assert_eq!((sweep.cursor(), sweep.remaining()), (Some(person(2)), 3));
        assert_eq!((sweep.page(2), sweep.page(2)), (page, vec![5]));
        sweep.give_back(std::iter::empty());
        assert_eq!(sweep.cursor(), Some(person(5)));
    }

    #[test]
    fn a_successor_goes_on_after_the_cursor() {
        let mut sweep = Sweep::default();
        sweep.add(people(&[1, 2, 3, 4]), None);
        sweep.go_on_after(Some(person(2)));
        assert_eq!(sweep.page(3), [1, 4, 3]);
        assert_eq!(sweep.page(3), [2]);
    }
}
