//! The conveyances of a running service, by what people told each: key = conveyance, one log (docs/recovery.md R-17).
//!
//! Owns the people aboard by their tokens. What follows is a function of what was told. Must never read a clock.

use std::sync::Arc;

use fuma_schemas::Person;
use hashbrown::HashMap;

use super::aboard::Aboard;
use super::conveyances::Conveyances;
use super::counts::LinkedCounts;
use super::rides::{Conveyance, Ride};
use crate::assess::AssessError;
use crate::evidence::{Derived, Seed};
use crate::policy::Pack;

/// What people told conveyances, and the contacts that follow.
pub struct Journeys {
    conveyances: Conveyances,
    people: Vec<Person>,
    numbers: HashMap<Person, u32, Seed>,
}

impl Journeys {
    /// Without anybody aboard; none where the pack does not trace. The label stands in the key of each contact.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn new(pack: &Arc<Pack>, label: &str, seed: Seed) -> Result<Option<Journeys>, AssessError> {
        let conveyances = Conveyances::new(pack, label, seed)?;
        let numbers = HashMap::with_hasher(seed);
        Ok(conveyances.map(|conveyances| Journeys { conveyances, people: Vec::new(), numbers }))
    }

    /// What a person told a conveyance last.
    pub fn said(&self, conveyance: &Conveyance, person: Person) -> Option<&Ride> {
        self.conveyances.find(conveyance)?.ride(*self.numbers.get(&person)?)
    }

    /// Takes the whole of what a person says about a conveyance; empty: the person is not aboard.
    pub fn tell(&mut self, conveyance: &Conveyance, person: Person, ride: Ride) {
        if ride.trips.is_empty() && self.said(conveyance, person).is_none() {
            return;
        }
        let people = &mut self.people;
        let number = *self.numbers.entry(person).or_insert_with(|| {
            people.push(person);
            people.len() as u32 - 1
        });
        let conveyance = self.conveyances.number(conveyance.clone());
        self.conveyances.tell(conveyance, number, ride);
    }

    /// Adds what changed in the contacts since the last call.
    pub fn settle(&mut self, changed: &mut Vec<Derived>) {
        let people = &self.people;
        self.conveyances.settle(&|number| people.get(number as usize).copied(), changed);
    }

    /// Forgets conveyances that everybody left before an instant, and says nothing of it. Gives how many went.
    pub fn forget(&mut self, kept_from: i64) -> usize {
        let gone = self.conveyances.forget(&|aboard: &Aboard| aboard.last_alighted().is_none_or(|at| at < kept_from));
        if gone > 0 {
            // The others keep their numbers; who is nowhere aboard any more is dropped when the state is read back.
            tracing::debug!(gone, "conveyances are forgotten");
        }
        gone
    }

    /// All that was told and holds.
    pub fn rides(&self) -> impl Iterator<Item = (&Conveyance, Person, &Ride)> {
        self.conveyances.all().iter().flat_map(|aboard| {
            let rides = aboard.rides();
            rides.filter_map(|(number, ride)| Some((aboard.conveyance(), *self.people.get(number as usize)?, ride)))
        })
    }

    /// How many conveyances are crowded.
    pub fn crowded(&self) -> usize {
        self.conveyances.crowded()
    }

    /// Counts contacts, and what is left out.
    pub fn count(&self, counts: &mut LinkedCounts) {
        self.conveyances.count(counts);
    }
}
