//! What one person says about conveyances: the trips on each, and while the person is infectious aboard.
//!
//! Owns the reading of trips and of what `infectious.sql` gives. Must never know who else is aboard.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt32Type, UInt64Type};
use fuma_schemas::{Instant, Kind};
use siphasher::sip::SipHasher13;

use crate::evidence::{Evidence, FactKey, FactView, RuleTable, RuleTables};

/// A conveyance: mode, spelt number, and the day on which it leaves its first stop.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Conveyance {
    /// The mode.
    pub mode: Box<str>,
    /// The number, in its one spelling.
    pub number: Box<str>,
    /// The date of service, days since 1970-01-01.
    pub service_date: i32,
}

impl Conveyance {
    /// The partition of the log of rides that it is of. It stands in logs, and never changes.
    pub fn partition(&self, partitions: usize) -> usize {
        let mut bytes = Vec::with_capacity(32);
        for text in [&self.mode, &self.number] {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.service_date.to_le_bytes());
        let hash = SipHasher13::new_with_key(PARTITION_SEED).hash(&bytes);
        (hash % partitions.max(1) as u64) as usize
    }
}

/// The key of the hash by which conveyances are shared out; it is no secret, and never changes.
const PARTITION_SEED: &[u8; 16] = b"fuma.conveyance1";

/// A trip, as far as those aboard matter to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trip {
    /// The fact.
    pub fact: FactKey,
    /// From when on, in milliseconds UTC.
    pub boarded_at: i64,
    /// Until when.
    pub alighted_at: i64,
    /// The carriage or cabin.
    pub carriage: Option<Box<str>>,
    /// The row of the seat.
    pub row: Option<i32>,
    /// Passenger or crew.
    pub role: Box<str>,
    /// The known_at of its record.
    pub known_at: Instant,
    /// When it was first known.
    pub first_known_at: Instant,
}

/// While a case of the person counts as infectious.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Infectious {
    /// The fact of the case.
    pub case: FactKey,
    /// Its classification.
    pub classification: Box<str>,
    /// When it was determined.
    pub determined_at: i64,
    /// The known_at of its record.
    pub known_at: Instant,
    /// When it was first known.
    pub first_known_at: Instant,
    /// Which of the intervals of the case it is, from 0.
    pub ordinal: u32,
    /// No bound: the least number.
    pub since: i64,
    /// Open: the greatest number.
    pub until: i64,
}

impl Infectious {
    /// Whether a trip is an index trip of the case.
    fn is_on(&self, trip: &Trip) -> bool {
        trip.boarded_at < self.until && trip.alighted_at > self.since
    }
}

/// What one person says about one conveyance.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ride {
    /// The trips on it.
    pub trips: Vec<Trip>,
    /// Those of the intervals that give an index trip here.
    pub infectious: Vec<Infectious>,
}

/// From when on trips and cases are kept, by the time of a log.
#[derive(Clone, Copy, Debug)]
pub struct KeptFrom {
    /// A trip that ended before is past.
    pub trips: i64,
    /// An infectious interval that ended before is past.
    pub cases: i64,
}

impl Ride {
    /// What is past neither comes nor goes: people may have forgotten it, and that withdraws nothing; and a conveyance
    /// that is past takes no ride.
    pub fn settle_past(&mut self, before: &Ride, kept_from: KeptFrom) {
        let is_past = |trip: &Trip| trip.alighted_at < kept_from.trips;
        self.trips.retain(|trip| !is_past(trip) || before.trips.iter().any(|was| was.fact == trip.fact));
        for was in before.trips.iter().filter(|was| is_past(was)) {
            if !self.trips.iter().any(|trip| trip.fact == was.fact) {
                self.trips.push(was.clone());
            }
        }
        for was in before.infectious.iter().filter(|was| was.until < kept_from.cases) {
            if !self.infectious.iter().any(|one| one.case == was.case) {
                self.infectious.push(was.clone());
            }
        }
        self.order();
        let trips = &self.trips;
        self.infectious.retain(|infectious| trips.iter().any(|trip| infectious.is_on(trip)));
    }

    /// By what it says, so that what was said before can be compared.
    fn order(&mut self) {
        self.trips.sort_unstable_by_key(|trip| trip.fact);
        self.infectious.sort_unstable_by_key(|one| (one.case, one.ordinal));
    }

    /// How many rows of the conveyance it is.
    pub fn rows(&self) -> usize {
        self.trips.len() + self.infectious.len()
    }
}

const TRIPS: RuleTables = RuleTables::one(RuleTable::Kind(Kind::Trips));

/// The rides of a person, by conveyance.
pub(super) fn rides(evidence: &Evidence, person: u32, infectious: &[Infectious]) -> BTreeMap<Conveyance, Ride> {
    let mut rides: BTreeMap<Conveyance, Ride> = BTreeMap::new();
    for (_, fact) in evidence.standing(person, TRIPS) {
        if let Some((conveyance, trip)) = trip(&fact) {
            rides.entry(conveyance).or_default().trips.push(trip);
        }
    }
    for ride in rides.values_mut() {
        let on = infectious.iter().filter(|infectious| ride.trips.iter().any(|trip| infectious.is_on(trip)));
        ride.infectious = on.cloned().collect();
        ride.order();
    }
    rides
}

/// The conveyances that a person has trips on.
pub fn conveyances(evidence: &Evidence, person: u32) -> BTreeSet<Conveyance> {
    if !evidence.kinds(person).meets(TRIPS) {
        return BTreeSet::new();
    }
    evidence.standing(person, TRIPS).filter_map(|(_, fact)| Some(trip(&fact)?.0)).collect()
}

fn trip(fact: &FactView<'_>) -> Option<(Conveyance, Trip)> {
    let conveyance = Conveyance {
        mode: fact.text("mode")?.into(),
        number: fact.text("number")?.into(),
        service_date: fact.number("service_date")?,
    };
    let trip = Trip {
        fact: fact.key,
        boarded_at: fact.instant("boarded_at")?.0,
        alighted_at: fact.instant("alighted_at")?.0,
        carriage: fact.text("carriage").map(Into::into),
        row: fact.number("row"),
        role: fact.text("role")?.into(),
        known_at: fact.known_at,
        first_known_at: fact.first_known_at,
    };
    Some((conveyance, trip))
}

/// What `infectious.sql` gave, by slot: intervals that overlap or touch are one, and what is empty is none.
pub(super) fn intervals(evidence: &Evidence, batches: &[RecordBatch]) -> BTreeMap<u32, Vec<Infectious>> {
    let mut by_slot: BTreeMap<u32, Vec<Infectious>> = BTreeMap::new();
    for batch in batches {
        for (slot, interval) in (0..batch.num_rows()).filter_map(|row| interval(evidence, batch, row)) {
            by_slot.entry(slot).or_default().push(interval);
        }
    }
    for of_slot in by_slot.values_mut() {
        of_slot.sort_unstable_by_key(|one| (one.case, one.since, one.until));
        of_slot.dedup_by(|next, last| {
            let goes_on = next.case == last.case && next.since <= last.until;
            if goes_on {
                last.until = last.until.max(next.until);
            }
            goes_on
        });
        for at in 1..of_slot.len() {
            let last = &of_slot[at - 1];
            of_slot[at].ordinal = if last.case == of_slot[at].case { last.ordinal + 1 } else { 0 };
        }
    }
    by_slot
}

fn interval(evidence: &Evidence, batch: &RecordBatch, row: usize) -> Option<(u32, Infectious)> {
    let column = |name| batch.column_by_name(name);
    let slots = column("person")?.as_primitive_opt::<UInt32Type>()?;
    let facts = column("fact")?.as_primitive_opt::<UInt64Type>()?;
    let instant = |name| {
        let instants = column(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
        instants.is_valid(row).then(|| instants.value(row))
    };
    if slots.is_null(row) || facts.is_null(row) {
        return None;
    }
    // No beginning is no interval; one beyond the calendar is no bound, and so is an end.
    let since = instant("since").map(|since| if Instant(since).in_calendar() { since } else { i64::MIN })?;
    let until = instant("until").filter(|until| Instant(*until).in_calendar()).unwrap_or(i64::MAX);
    let case = evidence.describe(facts.value(row)).filter(|fact| fact.kind == Kind::Cases)?;
    let infectious = Infectious {
        case: case.key,
        classification: case.text("classification")?.into(),
        determined_at: case.instant("determined_at")?.0,
        known_at: case.known_at,
        first_known_at: case.first_known_at,
        ordinal: 0,
        since,
        until,
    };
    (since < until).then_some((slots.value(row), infectious))
}
