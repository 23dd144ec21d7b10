//! The people of a partition: token to number, and the head of each one's chain of rows.
//!
//! Owns the numbers, which never change. Knows a person by token alone (I-8).

use fuma_schemas::Person;

use crate::evidence::step::{RuleTable, RuleTables};
use crate::evidence::store::{Chunked, RefIndex, RowRef, Seed};
use crate::invariant;

/// What is kept of a person: 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::evidence) struct PersonState {
    pub(in crate::evidence) token: Person,
    /// The latest row, whatever its kind; each row names the next.
    pub(in crate::evidence) head: RowRef,
    /// The tables in which the person may have a row: never one too few.
    pub(in crate::evidence) kinds: RuleTables,
    /// Rows of the chain; all ones where they are counted apart (`busy`).
    pub(in crate::evidence) rows: u16,
}

const _: () = assert!(size_of::<PersonState>() == 24, "24 bytes a person are in the budget of 500");

/// The people of a partition.
#[derive(Default, Debug)]
pub(in crate::evidence) struct People {
    index: RefIndex,
    states: Chunked<PersonState>,
    /// Tokens may be a producer's own, and anything but uniform.
    seed: Seed,
}

impl People {
    pub(in crate::evidence) fn new(seed: Seed) -> People {
        People { seed, ..People::default() }
    }

    fn hash(&self, token: Person) -> u64 {
        self.seed.of_token(&token.0)
    }

    pub(in crate::evidence) fn len(&self) -> u32 {
        self.states.len() as u32
    }

    pub(in crate::evidence) fn get(&self, person: u32) -> Option<&PersonState> {
        self.states.get(person as usize)
    }

    /// The state of a person whose number was given.
    pub(in crate::evidence) fn state_mut(&mut self, person: u32) -> &mut PersonState {
        invariant::held(self.states.get_mut(person as usize), "I-2", "a person's number stays good")
    }

    /// The head of a person's chain; none of a number that was not given.
    pub(in crate::evidence) fn head(&self, person: u32) -> RowRef {
        self.get(person).map_or(RowRef::NONE, |state| state.head)
    }

    /// Notes that a person may have a row in a table.
    pub(in crate::evidence) fn may_have(&mut self, person: u32, table: RuleTable) {
        let state = self.state_mut(person);
        state.kinds = state.kinds.with(table);
    }

    pub(in crate::evidence) fn find(&self, token: Person) -> Option<u32> {
        self.index
            .find(self.hash(token), |number| self.states.get(number as usize).is_some_and(|state| state.token == token))
    }

    /// The number of a person, a new one if need be.
    pub(in crate::evidence) fn find_or_add(&mut self, token: Person) -> u32 {
        if let Some(person) = self.find(token) {
            return person;
        }
        // 2^32 people are more than there are tokens to give out.
        let person = self.states.len() as u32;
        self.states.push(PersonState { token, head: RowRef::NONE, kinds: RuleTables::NONE, rows: 0 });
        self.index.insert(self.hash(token), person);
        person
    }

    /// Bytes of the index and of the list.
    pub(in crate::evidence) fn bytes(&self) -> (usize, usize) {
        (self.index.bytes(), self.states.bytes())
    }
}
