//! transfers.txt: trips on which people stay seated while the train goes on under another number (transfer_type 4).
//!
//! Owns the joining: the train has the first number, and knows the others. Must never join what does not follow at the
//! same station on the same days; blocks (block_id) say where the carriages go, not the people.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::TimetableError;
use super::super::report::{Code, Report};
use super::source::Source;
use super::trips::Trip;

/// People stay seated.
const STAY_SEATED: &str = "4";

/// The trip that each goes on as.
pub(super) fn read(source: &mut Source) -> Result<FxHashMap<String, String>, TimetableError> {
    let mut next: FxHashMap<String, String> = FxHashMap::default();
    let mut divided = FxHashSet::default();
    source.rows("transfers.txt", &["transfer_type", "from_trip_id", "to_trip_id"], 1, &mut |cells| {
        let (from, to) = (cells.get(1), cells.get(2));
        if cells.get(0) == STAY_SEATED && !from.is_empty() && !to.is_empty() {
            match next.insert(from.to_owned(), to.to_owned()) {
                // A train that is divided: nobody says who sits in which part.
                Some(other) if other != to => drop(divided.insert(from.to_owned())),
                _ => {}
            }
        }
        Ok(())
    })?;
    next.retain(|from, _| !divided.contains(from));
    Ok(next)
}

/// Joins what goes on.
pub(super) fn join(trips: Vec<Trip>, next: &FxHashMap<String, String>, report: &mut Report) -> Vec<Trip> {
    if next.is_empty() {
        return trips;
    }
    let places: FxHashMap<String, usize> =
        trips.iter().enumerate().map(|(place, trip)| (trip.id.clone(), place)).collect();
    let mut trips: Vec<Option<Trip>> = trips.into_iter().map(Some).collect();
    let order: Vec<String> = trips.iter().flatten().map(|trip| trip.id.clone()).collect();
    let followers: FxHashSet<&String> = next.values().collect();
    for id in order.iter().filter(|id| next.contains_key(*id) && !followers.contains(id)) {
        let Some(mut whole) = places.get(id).and_then(|place| trips.get_mut(*place)).and_then(Option::take) else {
            continue;
        };
        let mut last = id.clone();
        while let Some(place) = next.get(&last).and_then(|id| places.get(id)) {
            let Some(slot) = trips.get_mut(*place) else { break };
            let Some(follower) = slot.take() else { break };
            if !goes_on(&whole, &follower) {
                let why =
                    "the trip that it goes on as does not follow at its last station on the same days: not joined";
                report.pass("transfers.txt", 0, &last, (Code::BadTransfer, why.to_owned()));
                *slot = Some(follower);
                break;
            }
            last.clone_from(&follower.id);
            append(&mut whole, follower);
        }
        if let Some(slot) = places.get(id).and_then(|place| trips.get_mut(*place)) {
            *slot = Some(whole);
        }
    }
    trips.into_iter().flatten().collect()
}

fn goes_on(trip: &Trip, follower: &Trip) -> bool {
    let (Some(last), Some(first)) = (trip.stops.last(), follower.stops.first()) else { return false };
    let arrives = last.arrives.or(last.departs);
    let departs = first.departs.or(first.arrives);
    trip.service == follower.service
        && trip.zone == follower.zone
        && last.names.first() == first.names.first()
        && matches!((arrives, departs), (Some(arrives), Some(departs)) if arrives <= departs)
}

fn append(trip: &mut Trip, follower: Trip) {
    if follower.number != trip.number && !trip.also.contains(&follower.number) {
        trip.also.push(follower.number);
    }
    let mut stops = follower.stops.into_iter();
    if let (Some(last), Some(first)) = (trip.stops.last_mut(), stops.next()) {
        last.arrives = last.arrives.or(last.departs);
        last.departs = first.departs.or(first.arrives);
    }
    trip.stops.extend(stops);
}
