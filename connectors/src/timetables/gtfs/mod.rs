//! GTFS: a folder or a zip of CSV files, to trains.
//!
//! ```text
//! source   the files, a row at a time         calendar   services -> days
//! stations stops and what they are called     trips      routes, trips, frequencies
//! calls    stop_times -> stops of trips       joined     trips on which people stay seated as the train goes on
//! ```
//!
//! Times count from twelve hours before the noon of the service day, in the zone of the agency. Owns the order of
//! reading: stop_times, the great one, last, and only of trips that are wanted. Must never hold a row that no trip
//! needs.

mod calendar;
mod calls;
mod joined;
mod source;
mod stations;
mod trips;

pub(super) use source::Source;

use super::report::{Code, Remark, Report};
use super::train::Train;
use super::trains::numbers;
use super::{Options, TimetableError};

/// Reads all trains.
pub(super) fn read(mut source: Source, options: &Options, report: &mut Report) -> Result<Vec<Train>, TimetableError> {
    let stations = stations::read(&mut source)?;
    let services = calendar::read(&mut source, report)?;
    let mut trips = trips::read(&mut source, options, report)?;
    calls::read(&mut source, &stations, &mut trips, report)?;
    let next = joined::read(&mut source)?;
    let trips = joined::join(trips, &next, report);
    let mut trains = Vec::with_capacity(trips.len());
    for trip in trips {
        let Some(days) = services.get(&trip.service) else {
            let why =
                (Code::UnknownService, "its service_id is in neither calendar.txt nor calendar_dates.txt".to_owned());
            report.pass("trips.txt", trip.row, &trip.id, why);
            continue;
        };
        let (number, mut also) = numbers(&trip.number);
        also.extend(trip.also);
        let train = Train { number, also, zone: trip.zone, days: days.clone(), stops: trip.stops };
        match train.check() {
            Err(why) => report.pass("trips.txt", trip.row, &trip.id, why),
            Ok(()) => {
                if !train.also.is_empty() {
                    report.remark(Remark::ChangesNumber);
                }
                trains.push(train);
            }
        }
    }
    Ok(trains)
}
