//! Who was aboard with a case: rides of one conveyance become contacts. Key: the conveyance.
//!
//! Owns which trips meet, and what changed in the contacts that follow. What degree a meeting is, the pack says. Only
//! pairs of which one side changed are looked at: a late passenger costs the cases aboard, a new case the passengers.

use std::collections::{BTreeMap, BTreeSet};

use fuma_schemas::{Instant, Kind, Person};

use super::rides::{Conveyance, Infectious, Ride, Trip};
use crate::evidence::{Derived, DerivedBy, DerivedRow, FactKey, OwnedValue, derived_key};

/// The most rows of one conveyance, trips and infectious intervals; beyond them it gives no contacts.
pub const ROWS_MAX: usize = 20_000;
/// The most pairs of trips that it may come to: a train of 2,000 on which everybody is a case.
pub const PAIRS_MAX: usize = 1 << 22;
/// Pairs that are handed to the pack at once.
const PAIRS_TOGETHER: usize = 16_384;

/// One side of a meeting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party {
    /// The number of the person in the stage.
    pub person: u32,
    /// The trip.
    pub trip: FactKey,
}

/// A case and a passenger who met, and how: what stands behind a derived contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// The case's side.
    pub index: Party,
    /// The other side.
    pub passenger: Party,
    /// The case.
    pub case: FactKey,
    /// From when they were aboard together while the case was infectious.
    pub since: Instant,
    /// Until when.
    pub until: Instant,
}

/// Two trips that meet, as `aboard.sql` sees them.
pub(super) struct Pair<'a> {
    pub(super) index: &'a Trip,
    pub(super) passenger: &'a Trip,
    pub(super) case: &'a Infectious,
    pub(super) met: Met,
}

/// A contact as it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Contact {
    met: Met,
    row: DerivedRow,
}

/// What the pack says of pairs: the degree of each that is a contact, by the place of the pair.
pub(super) type Degrees<'a> = dyn FnMut(&Conveyance, &[Pair<'_>]) -> Vec<(u32, Box<str>)> + 'a;

/// A conveyance with those aboard.
pub(super) struct Aboard {
    conveyance: Conveyance,
    riders: BTreeMap<u32, Ride>,
    infectious: BTreeSet<u32>,
    /// Who was infectious at the last call: nobody else is the case of a contact that holds.
    was_infectious: BTreeSet<u32>,
    /// Rows of all riders; trips, and trips of those who are infectious.
    rows: usize,
    trips: usize,
    index_trips: usize,
    is_crowded: bool,
    /// Whose rides changed since the last call.
    changed: BTreeSet<u32>,
    /// By the person whose contact it is.
    contacts: BTreeMap<u32, BTreeMap<FactKey, Contact>>,
}

impl Aboard {
    pub(super) fn new(conveyance: Conveyance) -> Aboard {
        Aboard {
            conveyance,
            riders: BTreeMap::new(),
            infectious: BTreeSet::new(),
            was_infectious: BTreeSet::new(),
            rows: 0,
            trips: 0,
            index_trips: 0,
            is_crowded: false,
            changed: BTreeSet::new(),
            contacts: BTreeMap::new(),
        }
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// Whether a contact may follow, or one is to be taken back.
    pub(super) fn is_of_interest(&self) -> bool {
        !self.infectious.is_empty() || !self.contacts.is_empty()
    }

    /// Takes the whole of what a person says about the conveyance; whether it was the first change since the last call.
    pub(super) fn tell(&mut self, person: u32, ride: Ride) -> bool {
        let size = |ride: &Ride| {
            let index = if ride.infectious.is_empty() { 0 } else { ride.trips.len() * ride.infectious.len() };
            (ride.rows(), ride.trips.len(), index)
        };
        let (rows, trips, index) = size(&ride);
        let is_infectious = !ride.infectious.is_empty();
        let before = if ride.trips.is_empty() { self.riders.remove(&person) } else { self.riders.insert(person, ride) };
        if before.as_ref() == self.riders.get(&person) {
            return false;
        }
        let (rows_before, trips_before, index_before) = before.as_ref().map_or((0, 0, 0), size);
        self.rows = self.rows + rows - rows_before;
        self.trips = self.trips + trips - trips_before;
        self.index_trips = self.index_trips + index - index_before;
        if is_infectious {
            self.infectious.insert(person)
        } else {
            self.infectious.remove(&person)
        };
        let is_first = self.changed.is_empty();
        self.changed.insert(person);
        is_first
    }

    /// Adds what changed in the contacts since the last call. `token` names a person.
    pub(super) fn settle(
        &mut self,
        label: &str,
        token: &dyn Fn(u32) -> Option<Person>,
        degrees: &mut Degrees<'_>,
        changed: &mut Vec<Derived>,
    ) {
        let was_crowded = self.is_crowded;
        self.is_crowded = self.rows > ROWS_MAX || self.index_trips.saturating_mul(self.trips) > PAIRS_MAX;
        let mut touched = std::mem::take(&mut self.changed);
        if was_crowded && !self.is_crowded {
            touched = self.riders.keys().copied().collect();
        }
        if !self.is_of_interest() {
            return self.was_infectious.clear();
        }
        let now = if self.is_crowded { BTreeMap::new() } else { self.contacts_of(label, &touched, degrees) };
        self.replace(now, &touched, token, changed);
        self.was_infectious.clone_from(&self.infectious);
    }

    /// The contacts of all pairs of which one side is touched.
    fn contacts_of(
        &self,
        label: &str,
        touched: &BTreeSet<u32>,
        degrees: &mut Degrees<'_>,
    ) -> BTreeMap<u32, BTreeMap<FactKey, Contact>> {
        let mut contacts: BTreeMap<u32, BTreeMap<FactKey, Contact>> = BTreeMap::new();
        let mut pairs = Vec::new();
        let mut ask = |pairs: &mut Vec<Pair<'_>>| {
            for (at, degree) in degrees(&self.conveyance, pairs) {
                let Some(pair) = pairs.get(at as usize) else { continue };
                let key = contact_key(label, &self.conveyance, pair);
                contacts.entry(pair.met.passenger.person).or_default().insert(key, contact(pair, degree));
            }
            pairs.clear();
        };
        for index in &self.infectious {
            let Some(ride) = self.riders.get(index) else { continue };
            let others: &mut dyn Iterator<Item = (&u32, &Ride)> = match touched.contains(index) {
                true => &mut self.riders.iter(),
                false => &mut touched.iter().filter_map(|person| self.riders.get_key_value(person)),
            };
            for (passenger, other) in others.filter(|(passenger, _)| *passenger != index) {
                meetings((*index, ride), (*passenger, other), &mut pairs);
                if pairs.len() >= PAIRS_TOGETHER {
                    ask(&mut pairs);
                }
            }
        }
        if !pairs.is_empty() {
            ask(&mut pairs);
        }
        contacts
    }

    /// Puts the contacts of the pairs that were looked at in the place of those before.
    fn replace(
        &mut self,
        mut now: BTreeMap<u32, BTreeMap<FactKey, Contact>>,
        touched: &BTreeSet<u32>,
        token: &dyn Fn(u32) -> Option<Person>,
        changed: &mut Vec<Derived>,
    ) {
        let everything = self.is_crowded;
        let mut passengers: BTreeSet<u32> = now.keys().copied().collect();
        let is_looked_at =
            |met: &Met| everything || touched.contains(&met.index.person) || touched.contains(&met.passenger.person);
        // Of a case that is touched all passengers are looked at; else only those who are touched themselves.
        if everything || !self.was_infectious.is_disjoint(touched) {
            passengers.extend(self.contacts.keys());
        } else {
            passengers.extend(touched.iter().filter(|person| self.contacts.contains_key(*person)));
        }
        for passenger in passengers {
            let Some(person) = token(passenger) else { continue };
            let mut say = |key, row| changed.push(Derived { person, key, kind: Kind::Contacts, row });
            let mut fresh = now.remove(&passenger).unwrap_or_default();
            let held = self.contacts.entry(passenger).or_default();
            held.retain(|key, contact| {
                if !is_looked_at(&contact.met) {
                    return true;
                }
                match fresh.remove(key) {
                    Some(new) => {
                        if new.row != contact.row {
                            say(*key, Some(new.row.clone()));
                        }
                        *contact = new;
                        true
                    }
                    None => {
                        say(*key, None);
                        false
                    }
                }
            });
            for (key, new) in fresh {
                say(key, Some(new.row.clone()));
                held.insert(key, new);
            }
            if held.is_empty() {
                self.contacts.remove(&passenger);
            }
        }
    }

    /// What a person said last.
    pub(super) fn ride(&self, person: u32) -> Option<&Ride> {
        self.riders.get(&person)
    }

    /// What everybody said, by person.
    pub(super) fn rides(&self) -> impl Iterator<Item = (u32, &Ride)> {
        self.riders.iter().map(|(person, ride)| (*person, ride))
    }

    /// When the last of those aboard left; none: nobody is aboard.
    pub(super) fn last_alighted(&self) -> Option<i64> {
        self.riders.values().flat_map(|ride| &ride.trips).map(|trip| trip.alighted_at).max()
    }

    /// The conveyance.
    pub(super) fn conveyance(&self) -> &Conveyance {
        &self.conveyance
    }

    /// The contacts that hold, with whose they are.
    pub(super) fn contacts(&self) -> impl Iterator<Item = (u32, FactKey, &Met, &DerivedRow)> {
        self.contacts
            .iter()
            .flat_map(|(person, contacts)| contacts.iter().map(move |(key, one)| (*person, *key, &one.met, &one.row)))
    }

    /// How many trips have no length.
    pub(super) fn without_length(&self) -> usize {
        let trips = self.riders.values().flat_map(|ride| &ride.trips);
        trips.filter(|trip| trip.boarded_at == trip.alighted_at).count()
    }
}

/// The pairs of trips of a case and another person that meet while the case is infectious.
fn meetings<'a>((index, ride): (u32, &'a Ride), (passenger, other): (u32, &'a Ride), pairs: &mut Vec<Pair<'a>>) {
    for case in &ride.infectious {
        for i in &ride.trips {
            for j in &other.trips {
                let since = i.boarded_at.max(j.boarded_at).max(case.since);
                let until = i.alighted_at.min(j.alighted_at).min(case.until);
                if since < until {
                    let met = Met {
                        index: Party { person: index, trip: i.fact },
                        passenger: Party { person: passenger, trip: j.fact },
                        case: case.case,
                        since: Instant(since),
                        until: Instant(until),
                    };
                    pairs.push(Pair { index: i, passenger: j, case, met });
                }
            }
        }
    }
}

/// The key of a contact: label, conveyance, case, both trips; it stays while instants and seats move. Of several
/// intervals of one case each has its own, by when it begins.
fn contact_key(label: &str, conveyance: &Conveyance, pair: &Pair<'_>) -> FactKey {
    let Met { index, passenger, case, .. } = pair.met;
    let mut ground = Vec::with_capacity(128);
    for text in [label, &conveyance.mode, &conveyance.number] {
        ground.extend_from_slice(&(text.len() as u32).to_le_bytes());
        ground.extend_from_slice(text.as_bytes());
    }
    ground.extend_from_slice(&conveyance.service_date.to_le_bytes());
    for key in [case, index.trip, passenger.trip] {
        ground.extend_from_slice(&key.0.to_le_bytes());
    }
    ground.extend_from_slice(&pair.case.ordinal.to_le_bytes());
    derived_key(DerivedBy::Aboard, &ground)
}

fn contact(pair: &Pair<'_>, degree: Box<str>) -> Contact {
    let Pair { index, passenger, case, met } = pair;
    let determined_at = Instant(case.determined_at).max(met.since);
    let known_at = case.known_at.max(index.known_at).max(passenger.known_at);
    let first_known_at = case.first_known_at.max(index.first_known_at).max(passenger.first_known_at);
    let values = vec![OwnedValue::Text(degree), OwnedValue::Instant(determined_at), OwnedValue::Instant(met.until)];
    Contact { met: *met, row: DerivedRow { known_at, first_known_at, owner: None, values } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ride(person: u32, is_case: bool) -> Ride {
        let trip = Trip {
            fact: FactKey(u64::from(person)),
            boarded_at: 0,
            alighted_at: 10,
            carriage: None,
            row: None,
            role: "passenger".into(),
            known_at: Instant(1),
            first_known_at: Instant(1),
        };
        let case = Infectious {
            case: FactKey(7),
            classification: "confirmed".into(),
            determined_at: 5,
            known_at: Instant(1),
            first_known_at: Instant(1),
            ordinal: 0,
            since: 0,
            until: i64::MAX,
        };
        Ride { trips: vec![trip], infectious: if is_case { vec![case] } else { Vec::new() } }
    }

    fn settled(aboard: &mut Aboard) -> (usize, usize) {
        let token = |person: u32| Some(Person(u128::from(person).to_le_bytes()));
        let mut close = |_: &Conveyance, pairs: &[Pair<'_>]| -> Vec<(u32, Box<str>)> {
            (0..pairs.len() as u32).map(|at| (at, "close".into())).collect()
        };
        let mut changed = Vec::new();
        aboard.settle("label", &token, &mut close, &mut changed);
        let said = changed.iter().filter(|derived| derived.row.is_some()).count();
        (said, changed.len() - said)
    }

    /// I-10. Beyond the bound nobody aboard is anybody's contact, and all come back below it.
    #[test]
    fn a_crowded_conveyance_has_no_contacts_until_it_is_below_again() {
        let conveyance = Conveyance { mode: "ship".into(), number: "S1".into(), service_date: 0 };
        let mut aboard = Aboard::new(conveyance);
        // The case is two rows: its trip and its interval.
        aboard.tell(0, ride(0, true));
        let most = ROWS_MAX as u32 - 2;
        for person in 1..=most {
            aboard.tell(person, ride(person, false));
        }
        assert_eq!((settled(&mut aboard), aboard.is_crowded()), ((most as usize, 0), false));
        aboard.tell(most + 1, ride(most + 1, false));
        assert_eq!((settled(&mut aboard), aboard.is_crowded()), ((0, most as usize), true));
        assert_eq!(aboard.contacts().count(), 0);
        aboard.tell(1, Ride::default());
        assert_eq!((settled(&mut aboard), aboard.is_crowded()), ((most as usize, 0), false));
    }

    /// A moved instant is one new row of the same fact: never a retraction and another fact.
    #[test]
    fn a_moved_trip_is_a_revision_of_the_contact() {
        let mut aboard = Aboard::new(Conveyance { mode: "ship".into(), number: "S1".into(), service_date: 0 });
        aboard.tell(0, ride(0, true));
        aboard.tell(1, ride(1, false));
        assert_eq!(settled(&mut aboard), (1, 0));
        let mut moved = ride(1, false);
        moved.trips[0].alighted_at = 8;
        aboard.tell(1, moved.clone());
        assert_eq!(settled(&mut aboard), (1, 0));
        aboard.tell(1, moved);
        assert_eq!(settled(&mut aboard), (0, 0));
        aboard.tell(0, ride(0, false));
        assert_eq!(settled(&mut aboard), (0, 1));
    }
}
