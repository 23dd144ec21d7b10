//! What stands behind a fact that no record of the person says: a record of a phone, or a case aboard.
//!
//! Owns the chain of a derived fact. Shows names of records, conveyances and seats, and never a person: a case is shown
//! by its owner and id.

use arrow::array::RecordBatch;
use fuma_schemas::{Instant, Kind, Person, Phone};
use rustc_hash::FxHashMap;

use super::evidence::Name;
use super::inputs::Inputs;
use crate::evidence::{FactKey, FactView, fact_key};
use crate::linked::{Conveyance, Linked, Met, attached_key};

/// Where a derived fact comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Derivation<'a> {
    /// A record of a phone that the person held at its own instant.
    Phone {
        /// The record.
        record: Name<'a>,
    },
    /// A trip of the person beside that of a case.
    Aboard(AboardLine<'a>),
}

impl<'a> Derivation<'a> {
    /// The record that stands behind it.
    pub fn name(&self) -> Option<Name<'a>> {
        match self {
            Derivation::Phone { record } => Some(*record),
            Derivation::Aboard(aboard) => aboard.case,
        }
    }
}

/// How somebody was aboard with a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AboardLine<'a> {
    /// The record of the case; none if the inputs no longer have it.
    pub case: Option<Name<'a>>,
    /// The conveyance.
    pub conveyance: &'a Conveyance,
    /// Where the person was.
    pub own: Seat<'a>,
    /// Where the case was.
    pub of_case: Seat<'a>,
    /// From when they were aboard together while the case was infectious.
    pub since: Instant,
    /// Until when.
    pub until: Instant,
}

/// Where somebody was aboard.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seat<'a> {
    /// The carriage or cabin.
    pub carriage: Option<&'a str>,
    /// The row.
    pub row: Option<i32>,
    /// The seat.
    pub seat: Option<&'a str>,
    /// Passenger or crew.
    pub role: Option<&'a str>,
}

impl<'a> Seat<'a> {
    fn of(trip: Option<&FactView<'a>>) -> Seat<'a> {
        let text = |column| trip.and_then(|trip| trip.text(column));
        let row = trip.and_then(|trip| trip.number("row"));
        Seat { carriage: text("carriage"), row, seat: text("seat"), role: text("role") }
    }
}

impl<'a> Inputs<'a> {
    /// With the stages that derived facts, and the records of phones, so that derived facts can be told.
    #[must_use]
    pub fn with_linked(mut self, linked: Option<&'a Linked>, phones: &'a [(Kind, RecordBatch)]) -> Inputs<'a> {
        (self.linked, self.phones) = (linked, phones);
        self
    }

    /// What stands behind the derived facts of some people.
    pub(super) fn derivations(
        &self,
        is_wanted: &dyn Fn(Person) -> bool,
    ) -> FxHashMap<(Person, FactKey), Derivation<'a>> {
        let mut derivations = FxHashMap::default();
        let Some(linked) = self.linked else { return derivations };
        for (person, key, conveyance, met, _) in linked.contacts().filter(|(person, ..)| is_wanted(*person)) {
            derivations.insert((person, key), Derivation::Aboard(self.aboard(linked, conveyance, met)));
        }
        for row in self.phone_rows() {
            let (Some(Person(phone)), record) = (row.person(), row.name()) else { continue };
            let of_phone = fact_key(record.feed, Person(phone), record.owner, record.id);
            let key = attached_key(Phone(phone), of_phone);
            let holder = linked.holder(Phone(phone), of_phone).filter(|holder| is_wanted(*holder));
            if let Some(holder) = holder {
                derivations.insert((holder, key), Derivation::Phone { record });
            }
        }
        derivations
    }

    fn aboard(&self, linked: &'a Linked, conveyance: &'a Conveyance, met: &Met) -> AboardLine<'a> {
        let of_case = linked.people().person(met.index.person);
        let case = of_case.and_then(|person| self.name_of(person, met.case));
        let trip = |party: &crate::linked::Party| {
            linked.people().describe_winner(party.person, party.trip).map(|(_, trip)| trip)
        };
        let (own, other) = (trip(&met.passenger), trip(&met.index));
        let (own, of_case) = (Seat::of(own.as_ref()), Seat::of(other.as_ref()));
        AboardLine { case, conveyance, own, of_case, since: met.since, until: met.until }
    }
}
