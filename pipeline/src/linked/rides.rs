//! What one person says about conveyances: the trips on each, and while the person is infectious aboard.
//!
//! Owns the reading of trips and of what `infectious.sql` gives. Must never know who else is aboard.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt32Type, UInt64Type};
use fuma_schemas::{Instant, Kind};

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

/// A trip, as far as those aboard matter to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trip {
    pub(super) fact: FactKey,
    pub(super) boarded_at: i64,
    pub(super) alighted_at: i64,
    pub(super) carriage: Option<Box<str>>,
    pub(super) row: Option<i32>,
    pub(super) role: Box<str>,
    pub(super) known_at: Instant,
    pub(super) first_known_at: Instant,
}

/// While a case of the person counts as infectious.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Infectious {
    pub(super) case: FactKey,
    pub(super) classification: Box<str>,
    pub(super) determined_at: i64,
    pub(super) known_at: Instant,
    pub(super) first_known_at: Instant,
    /// Which of the intervals of the case it is, from 0.
    pub(super) ordinal: u32,
    /// No bound: the least number.
    pub(super) since: i64,
    /// Open: the greatest number.
    pub(super) until: i64,
}

impl Infectious {
    /// Whether a trip is an index trip of the case.
    fn is_on(&self, trip: &Trip) -> bool {
        trip.boarded_at < self.until && trip.alighted_at > self.since
    }
}

/// What one person says about one conveyance.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Ride {
    pub(super) trips: Vec<Trip>,
    /// Those of the intervals that give an index trip here.
    pub(super) infectious: Vec<Infectious>,
}

impl Ride {
    /// How many rows of the conveyance it is.
    pub(super) fn rows(&self) -> usize {
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
        // By what it says, so that what was said before can be compared.
        ride.trips.sort_unstable_by_key(|trip| trip.fact);
        let on = infectious.iter().filter(|infectious| ride.trips.iter().any(|trip| infectious.is_on(trip)));
        ride.infectious = on.cloned().collect();
    }
    rides
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
