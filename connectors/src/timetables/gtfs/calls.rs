//! stop_times.txt: the stops of the trips that are wanted, in the order of stop_sequence.
//!
//! Owns that order. A stop without a time is left out and counted: its instant would be a guess. A trip with a row that
//! cannot be read is passed over whole.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::TimetableError;
use super::super::report::{Code, Remark, Report};
use super::super::train::{Stop, seconds};
use super::source::{Cells, Source};
use super::stations::Stations;
use super::trips::Trip;

const FILE: &str = "stop_times.txt";
/// So many calls are held.
const CALLS_MAX: usize = 100_000_000;

/// A call: its place in the order of travel, and the stop.
type Call = (u64, Stop);

/// Gives the trips their stops; trips without any, or with a bad row, go.
pub(super) fn read(
    source: &mut Source,
    stations: &Stations,
    trips: &mut Vec<Trip>,
    report: &mut Report,
) -> Result<(), TimetableError> {
    let places: FxHashMap<String, usize> =
        trips.iter().enumerate().map(|(place, trip)| (trip.id.clone(), place)).collect();
    let mut calls: Vec<Vec<Call>> = trips.iter().map(|_| Vec::new()).collect();
    let (mut unusable, mut held) = (FxHashSet::default(), 0_usize);
    let columns = ["trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time"];
    source.needed_rows(FILE, &columns, columns.len(), &mut |cells| {
        let Some(place) = places.get(cells.get(0)).copied() else { return Ok(()) };
        match call(cells, stations) {
            Ok((_, Stop { arrives: None, departs: None, .. })) => report.remark(Remark::StopWithoutTime),
            Ok(call) => {
                held += 1;
                if held > CALLS_MAX {
                    return Err(TimetableError::Beyond(format!("more than {CALLS_MAX} stops of trains")));
                }
                if let Some(calls) = calls.get_mut(place) {
                    calls.push(call);
                }
            }
            // The first bad row of a trip is its reason.
            Err(why) if unusable.insert(place) => report.pass(FILE, cells.row, cells.get(0), why),
            Err(_) => {}
        }
        Ok(())
    })?;
    let mut kept = Vec::with_capacity(trips.len());
    for ((place, mut trip), mut calls) in trips.drain(..).enumerate().zip(calls) {
        calls.sort_by_key(|(sequence, _)| *sequence);
        if unusable.contains(&place) {
            continue;
        }
        if calls.iter().zip(calls.iter().skip(1)).any(|(a, b)| a.0 == b.0) {
            let why = "two of its stops have one stop_sequence: their order is not said".to_owned();
            report.pass(FILE, 0, &trip.id, (Code::DuplicateStop, why));
            continue;
        }
        trip.stops = calls.into_iter().map(|(_, stop)| stop).collect();
        kept.push(trip);
    }
    *trips = kept;
    Ok(())
}

fn call(cells: &Cells<'_>, stations: &Stations) -> Result<Call, (Code, String)> {
    let Ok(sequence) = cells.get(2).parse::<u64>() else {
        return Err((Code::BadRow, "stop_sequence is no number: the trip is passed over".to_owned()));
    };
    let Some(names) = stations.get(cells.get(1)).filter(|names| !names.is_empty()) else {
        let why = "stop_id names no stop of stops.txt that has a name: the trip is passed over";
        return Err((Code::UnknownStop, why.to_owned()));
    };
    let time = |text: &str| match text {
        "" => Ok(None),
        text => seconds(text).map(Some).ok_or_else(|| {
            (Code::BadTime, "a time in another form than 07:05:00 or 24:23:00: the trip is passed over".to_owned())
        }),
    };
    Ok((sequence, Stop { names: names.clone(), arrives: time(cells.get(3))?, departs: time(cells.get(4))? }))
}
