//! Live: memory follows the commit and never leads it (I-3, R-2).
//!
//! Evidence is a set, so facts that were applied may stay when a transaction aborts: the next one commits offsets
//! behind them. What was announced must not: it is taken back, and whoever was judged is judged again.
//!
//! Owns the way back. Must never know why a transaction ended as it did.

use fuma_schemas::{Colour, Instant, Person};

use super::announced::{Announced, State, StateNumber};
use super::difference::Differences;
use super::partition::Partition;

/// What a transaction that is not committed yet made of the memory.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// Of whom something else was announced before, in order.
    pub(super) announced: Vec<(u32, StateNumber)>,
    /// Who was judged.
    pub(super) judged: Vec<u32>,
}

impl Partition {
    /// From now on memory is staged until [`Partition::commit`] or [`Partition::roll_back`].
    pub fn stage(&mut self) {
        self.staged.get_or_insert_default();
    }

    /// The transaction is there: what was staged is what was announced.
    pub fn commit(&mut self) {
        if let Some(staged) = &mut self.staged {
            staged.announced.clear();
            staged.judged.clear();
        }
        if let Some(showing) = &mut self.showing {
            showing.settle();
        }
    }

    /// The transaction is not there: nothing was announced, and whoever was judged is judged again.
    pub fn roll_back(&mut self) {
        if let Some(showing) = &mut self.showing {
            showing.roll_back();
        }
        let Some(mut staged) = self.staged.take() else { return };
        for (person, before) in staged.announced.drain(..).rev() {
            self.announced.set(person, before);
        }
        for person in staged.judged.drain(..) {
            self.touched.touch(person);
        }
        self.staged = Some(staged);
    }

    /// Nothing of what the transaction under way would announce is announced: it is taken back. Gives of everybody who
    /// was judged the number of what would be announced. Who is due again stays as it was judged.
    pub fn take_back(&mut self) -> Vec<(u32, StateNumber)> {
        let Some(staged) = &mut self.staged else { return Vec::new() };
        let judged: Vec<(u32, StateNumber)> =
            staged.judged.iter().map(|person| (*person, self.announced.number(*person))).collect();
        for (person, before) in staged.announced.drain(..).rev() {
            self.announced.set(person, before);
        }
        if let Some(showing) = &mut self.showing {
            // What is answered of them is what was announced; of all others what is known by now.
            showing.keep_but(&judged, &self.announced);
        }
        judged
    }

    /// What the transaction under way would announce: who, and the number of what was announced before.
    pub fn staged_announced(&self) -> impl Iterator<Item = (u32, StateNumber)> {
        self.staged.iter().flat_map(|staged| staged.announced.iter().copied())
    }

    /// Who was judged for the transaction under way.
    pub fn staged_judged(&self) -> impl Iterator<Item = u32> {
        self.staged.iter().flat_map(|staged| staged.judged.iter().copied())
    }

    /// The number of a state that was announced some time, as a line of a digest has it; none of what is no state.
    pub fn number_of_text(&mut self, text: &str) -> Option<StateNumber> {
        State::parse(text).map(|state| self.announced.intern(state))
    }

    /// People with their states before and after, as numbers of what was announced some time.
    pub fn lines(&self, lines: Vec<(Person, StateNumber, StateNumber)>) -> Differences {
        Differences::new(lines, &self.announced)
    }

    /// Takes those who are due at `clock`, at most so many, to be judged with the next step.
    pub fn touch_due(&mut self, clock: Instant, people_max: usize) {
        for _ in 0..people_max {
            match self.due.pop(clock) {
                Some(person) => self.touched.touch(person),
                None => return,
            }
        }
    }

    /// Adds a person to those who are judged with the next step.
    pub fn touch(&mut self, person: u32) {
        self.touched.touch(person);
    }

    /// How many people wait to be judged with the next step.
    pub fn waiting(&self) -> usize {
        self.touched.people().len()
    }

    /// Takes all who wait out, in no order: for a sweep that pages them.
    pub fn take_waiting(&mut self) -> Vec<u32> {
        let people = self.touched.people().to_vec();
        self.touched.clear();
        people
    }

    /// Recalls what was announced of a person, as the output or a snapshot has it: the colour and the rules' ids, of
    /// whatever pack. What the judge's pack does not have under this colour is a difference that the next judgement
    /// announces.
    pub fn recall<'a>(&mut self, token: Person, colour: Colour, rules: impl Iterator<Item = &'a str>) {
        let state = match colour {
            Colour::Green => State::new(colour, std::iter::empty()),
            colour => State::new(colour, rules),
        };
        let number = self.announced.intern(state);
        let person = self.evidence.enrol(token);
        self.announced.set(person, number);
    }

    /// Nobody was announced as anything: for a restore that reads the whole output instead of what it recalled.
    pub fn recall_nobody(&mut self) {
        self.announced = Announced::default();
    }

    /// Whether nothing waits for a transaction: what is announced is committed (I-3).
    pub fn is_settled(&self) -> bool {
        self.staged.as_ref().is_none_or(|staged| staged.announced.is_empty())
    }
}
