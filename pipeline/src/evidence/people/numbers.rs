//! The people of a partition: token to number, and the head of each one's chain of rows.
//!
//! Owns the numbers, which never change. Knows a person by token alone (I-8).

use fuma_schemas::Person;

use crate::evidence::step::{BaseTable, KindSet};
use crate::evidence::store::{Chunked, RefIndex, RowRef};

/// What is kept of a person: 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::evidence) struct PersonState {
    pub(in crate::evidence) token: Person,
    /// The latest row, whatever its kind; each row names the next.
    pub(in crate::evidence) head: RowRef,
    /// The tables in which the person may have a row: never one too few.
    pub(in crate::evidence) kinds: KindSet,
}

/// The bits of a token, folded: a producer's own keys may be anything but uniform.
fn hash(token: Person) -> u64 {
    let bits = u128::from_le_bytes(token.0);
    let (low, high) = (bits as u64 ^ 0x9e37_79b9_7f4a_7c15, (bits >> 64) as u64 ^ 0xd1b5_4a32_d192_ed03);
    let product = u128::from(low) * u128::from(high);
    product as u64 ^ (product >> 64) as u64
}

/// The people of a partition.
#[derive(Default, Debug)]
pub(in crate::evidence) struct People {
    index: RefIndex,
    states: Chunked<PersonState>,
}

impl People {
    pub(in crate::evidence) fn len(&self) -> u32 {
        self.states.len() as u32
    }

    pub(in crate::evidence) fn get(&self, person: u32) -> Option<&PersonState> {
        self.states.get(person as usize)
    }

    pub(in crate::evidence) fn get_mut(&mut self, person: u32) -> Option<&mut PersonState> {
        self.states.get_mut(person as usize)
    }

    /// Notes that a person may have a row in a table.
    pub(in crate::evidence) fn may_have(&mut self, person: u32, table: BaseTable) {
        if let Some(state) = self.get_mut(person) {
            state.kinds = state.kinds.with(table);
        }
    }

    pub(in crate::evidence) fn find(&self, token: Person) -> Option<u32> {
        self.index
            .find(hash(token), |number| self.states.get(number as usize).is_some_and(|state| state.token == token))
    }

    /// The number of a person, a new one if need be.
    pub(in crate::evidence) fn find_or_add(&mut self, token: Person) -> u32 {
        if let Some(person) = self.find(token) {
            return person;
        }
        // 2^32 people are more than there are tokens to give out.
        let person = self.states.len() as u32;
        self.states.push(PersonState { token, head: RowRef::NONE, kinds: KindSet::NONE });
        self.index.insert(hash(token), person);
        person
    }

    /// Bytes of the index and of the list.
    pub(in crate::evidence) fn bytes(&self) -> (usize, usize) {
        (self.index.bytes(), self.states.bytes())
    }
}
