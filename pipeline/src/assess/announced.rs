//! What was announced of everybody: a colour and the ids of rules, whatever pack they are of.
//!
//! Few states occur, so each is kept once and a person has its number: four bytes. A judge's rules are bits; which bits
//! a state is under a pack, and which state some bits are, is worked out once and kept.
//!
//! Owns the states and how many people have each colour. Must never know what holds now.

use std::collections::HashMap;
use std::sync::Arc;

use fuma_schemas::Colour;
use rustc_hash::FxBuildHasher;

use super::timeline::Rules;
use crate::policy::Pack;

/// The number of a state; 0 is green, without a rule.
pub type StateNumber = u32;
/// The number of the state that everybody has of whom nothing was announced.
pub const GREEN: StateNumber = 0;

/// A state that was announced.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The colour.
    pub colour: Colour,
    /// The ids of the rules, sorted.
    pub rules: Box<[Arc<str>]>,
}

impl State {
    /// A state; of rules in any order.
    pub fn new<'a>(colour: Colour, rules: impl Iterator<Item = &'a str>) -> State {
        let mut rules: Vec<Arc<str>> = rules.map(Arc::from).collect();
        rules.sort_unstable();
        rules.dedup();
        State { colour, rules: rules.into() }
    }

    /// The state in a line of a digest: the colour, and when it is not green the rules (docs/feeds.md section 6).
    pub fn text(&self) -> String {
        match self.colour {
            Colour::Green => self.colour.to_string(),
            colour => format!("{colour}:{}", self.rules.join(",")),
        }
    }

    /// Reads the state of a line of a digest; none of what is none.
    pub fn parse(text: &str) -> Option<State> {
        let (colour, rules) = text.split_once(':').unwrap_or((text, ""));
        let colour = Colour::parse(colour)?;
        Some(State::new(colour, rules.split(',').filter(|rule| !rule.is_empty())))
    }

    /// The rules of the state under a pack; none where the pack does not have them, or under another colour.
    fn rules_under(&self, pack: &Pack, colour: &impl Fn(Rules) -> Colour) -> Option<Rules> {
        let mut bits = self.rules.iter().map(|id| pack.rule(id).map(|bit| 1 << bit));
        let bits = bits.try_fold(0, |all: Rules, bit: Option<Rules>| Some(all | bit?));
        bits.filter(|bits| colour(*bits) == self.colour)
    }
}

/// What was announced of the people of a partition.
#[derive(Debug)]
pub struct Announced {
    by_person: Vec<StateNumber>,
    states: Vec<State>,
    numbers: HashMap<State, StateNumber, FxBuildHasher>,
    /// How many people were announced yellow and red, by the number of the colour.
    colours: [u64; 3],
    translations: Vec<Translation>,
}

/// The states under one pack.
#[derive(Debug)]
struct Translation {
    pack: Arc<Pack>,
    /// The rules of each state; none where the pack does not have them, or under another colour.
    rules: Vec<Option<Rules>>,
    numbers: HashMap<Rules, StateNumber, FxBuildHasher>,
}

/// Packs of which translations are kept; the one used longest ago goes.
const PACKS_MAX: usize = 4;

impl Default for Announced {
    fn default() -> Announced {
        let green = State::new(Colour::Green, std::iter::empty());
        let numbers = std::iter::once((green.clone(), GREEN)).collect();
        Announced { by_person: Vec::new(), states: vec![green], numbers, colours: [0; 3], translations: Vec::new() }
    }
}

impl Announced {
    /// The states, by number.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The number of what was announced of a person.
    pub fn number(&self, person: u32) -> StateNumber {
        self.by_person.get(person as usize).copied().unwrap_or(GREEN)
    }

    /// The numbers of everybody; those who came since have none.
    pub fn numbers(&self) -> &[StateNumber] {
        &self.by_person
    }

    /// What was announced of a person.
    pub fn state(&self, person: u32) -> &State {
        &self.states[self.number(person) as usize]
    }

    /// How many people were announced yellow, and how many red.
    pub fn yellow_and_red(&self) -> (u64, u64) {
        (self.colours[Colour::Yellow as usize], self.colours[Colour::Red as usize])
    }

    /// The bytes of what was announced of everybody; the states themselves are few.
    pub fn bytes(&self) -> usize {
        self.by_person.capacity() * size_of::<StateNumber>()
    }

    /// The number of a state, a new one if need be.
    pub fn intern(&mut self, state: State) -> StateNumber {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.states.len() as StateNumber;
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }

    /// From now on this was announced of a person; gives the number of what was before.
    pub fn set(&mut self, person: u32, number: StateNumber) -> StateNumber {
        if person as usize >= self.by_person.len() {
            self.by_person.resize(person as usize + 1, GREEN);
        }
        let before = std::mem::replace(&mut self.by_person[person as usize], number);
        self.colours[self.states[before as usize].colour as usize] -= u64::from(before != GREEN);
        self.colours[self.states[number as usize].colour as usize] += u64::from(number != GREEN);
        before
    }

    /// Whether what was announced of a person is these rules of a pack, under their colour.
    pub fn is(&mut self, person: u32, rules: Rules, pack: &Arc<Pack>, colour: impl Fn(Rules) -> Colour) -> bool {
        let number = self.number(person);
        if number == GREEN || rules == 0 {
            return number == GREEN && rules == 0;
        }
        let at = self.translation(pack);
        let known = self.translations[at].rules.get(number as usize).copied();
        let announced = known.unwrap_or_else(|| self.translate(at, number, colour));
        announced == Some(rules)
    }

    /// The number of the state that some rules of a pack are.
    pub fn number_of(&mut self, rules: Rules, pack: &Arc<Pack>, colour: impl Fn(Rules) -> Colour) -> StateNumber {
        if rules == 0 {
            return GREEN;
        }
        let at = self.translation(pack);
        if let Some(number) = self.translations[at].numbers.get(&rules) {
            return *number;
        }
        let ids = pack.rules.iter().enumerate().filter(|(bit, _)| rules >> bit & 1 == 1);
        let state = State::new(colour(rules), ids.map(|(_, rule)| rule.head.id.as_str()));
        let number = self.intern(state);
        self.translations[at].numbers.insert(rules, number);
        number
    }

    /// The place of a pack's translation, a new one if need be.
    fn translation(&mut self, pack: &Arc<Pack>) -> usize {
        if let Some(at) = self.translations.iter().position(|known| Arc::ptr_eq(&known.pack, pack)) {
            return at;
        }
        if self.translations.len() >= PACKS_MAX {
            self.translations.remove(0);
        }
        let translation = Translation { pack: Arc::clone(pack), rules: Vec::new(), numbers: HashMap::default() };
        self.translations.push(translation);
        self.translations.len() - 1
    }

    /// The rules of a state under a pack; works it out for all states up to this one.
    fn translate(&mut self, at: usize, number: StateNumber, colour: impl Fn(Rules) -> Colour) -> Option<Rules> {
        let Translation { pack, rules, .. } = &mut self.translations[at];
        for state in &self.states[rules.len()..=number as usize] {
            rules.push(state.rules_under(pack, &colour));
        }
        rules.get(number as usize).copied().flatten()
    }
}
