//! agency.txt, routes.txt, trips.txt and frequencies.txt: the trips that are wanted, with number, service and zone.
//!
//! Owns which trips are trains. A trip that goes by an interval has no clock, and is passed over.

use rustc_hash::FxHashMap;

use super::super::report::{Code, Report};
use super::super::train::Stop;
use super::super::zone::Zone;
use super::super::{Options, TRAINS_MAX, TimetableError};
use super::source::Source;

/// Kinds of routes that are railways: 2, and 100 to 117 of the extended ones.
const RAILWAYS: std::ops::RangeInclusive<u32> = 100..=117;
const RAILWAY: u32 = 2;

/// A trip.
pub(super) struct Trip {
    pub(super) id: String,
    /// Its line in trips.txt.
    pub(super) row: u64,
    pub(super) number: String,
    /// Numbers of the trips that it goes on as.
    pub(super) also: Vec<String>,
    pub(super) service: String,
    pub(super) zone: Zone,
    pub(super) stops: Vec<Stop>,
}

struct Route {
    zone: Zone,
    short_name: String,
    is_wanted: bool,
}

/// Reads the trips, in the order of their file.
pub(super) fn read(source: &mut Source, options: &Options, report: &mut Report) -> Result<Vec<Trip>, TimetableError> {
    let zones = zones(source)?;
    let routes = routes(source, options, &zones)?;
    let by_interval = by_interval(source)?;
    let mut trips = Vec::new();
    let number = options.number.as_deref().unwrap_or("trip_short_name");
    let columns = ["trip_id", "route_id", "service_id", number];
    let needed = if options.number.is_some() { 4 } else { 3 };
    source.needed_rows("trips.txt", &columns, needed, &mut |cells| {
        let (id, row) = (cells.get(0), cells.row);
        let mut pass = |code, why: &str| report.pass("trips.txt", row, id, (code, why.to_owned()));
        let Some(route) = routes.get(cells.get(1)) else {
            pass(Code::UnknownRoute, "its route_id is not in routes.txt");
            return Ok(());
        };
        if !route.is_wanted {
            pass(Code::OtherRoute, "");
            return Ok(());
        }
        if by_interval.contains_key(id) {
            pass(Code::ByFrequency, "frequencies.txt: it goes by an interval, so no instant can be said");
            return Ok(());
        }
        let of_trip = cells.get(3);
        let of_route = || if options.number.is_none() { route.short_name.as_str() } else { "" };
        let number = if of_trip.is_empty() { of_route() } else { of_trip };
        trips.push(Trip {
            id: id.to_owned(),
            row,
            number: number.to_owned(),
            also: Vec::new(),
            service: cells.get(2).to_owned(),
            zone: route.zone,
            stops: Vec::new(),
        });
        if trips.len() > TRAINS_MAX {
            return Err(TimetableError::Beyond(format!("more than {TRAINS_MAX} trips")));
        }
        Ok(())
    })?;
    if trips.is_empty() && report.counts.contains_key(&Code::OtherRoute) {
        let kinds = "no route is a railway (route_type 2, or 100 to 117). Name the kinds with --route-type";
        return Err(TimetableError::NotATimetable(kinds.to_owned()));
    }
    Ok(trips)
}

/// The zones of the agencies; an agency without id is the only one.
fn zones(source: &mut Source) -> Result<FxHashMap<String, Zone>, TimetableError> {
    let mut zones = FxHashMap::default();
    source.needed_rows("agency.txt", &["agency_timezone", "agency_id"], 1, &mut |cells| {
        let Some(zone) = Zone::parse(cells.get(0)) else {
            let row = cells.row;
            let why = "agency_timezone is no zone, like Asia/Shanghai: without it no instant can be said";
            return Err(TimetableError::NotATimetable(format!("agency.txt, line {row}: {why}")));
        };
        zones.insert(cells.get(1).to_owned(), zone);
        Ok(())
    })?;
    if zones.is_empty() {
        return Err(TimetableError::NotATimetable("agency.txt has no agency, and so no zone of time".to_owned()));
    }
    Ok(zones)
}

fn routes(
    source: &mut Source,
    options: &Options,
    zones: &FxHashMap<String, Zone>,
) -> Result<FxHashMap<String, Route>, TimetableError> {
    let mut routes = FxHashMap::default();
    let only = zones.values().next().filter(|_| zones.len() == 1).copied();
    source.needed_rows(
        "routes.txt",
        &["route_id", "route_type", "route_short_name", "agency_id"],
        2,
        &mut |cells| {
            let Some(zone) = zones.get(cells.get(3)).copied().or(only) else {
                let row = cells.row;
                let why = "agency_id names none of the agencies, and so no zone of time";
                return Err(TimetableError::NotATimetable(format!("routes.txt, line {row}: {why}")));
            };
            let kind = cells.get(1).parse::<u32>().ok();
            let is_wanted = kind.is_some_and(|kind| match options.route_types.as_slice() {
                [] => kind == RAILWAY || RAILWAYS.contains(&kind),
                kinds => kinds.contains(&kind),
            });
            routes.insert(cells.get(0).to_owned(), Route { zone, short_name: cells.get(2).to_owned(), is_wanted });
            Ok(())
        },
    )?;
    Ok(routes)
}

fn by_interval(source: &mut Source) -> Result<FxHashMap<String, ()>, TimetableError> {
    let mut trips = FxHashMap::default();
    source.rows("frequencies.txt", &["trip_id"], 1, &mut |cells| {
        trips.insert(cells.get(0).to_owned(), ());
        Ok(())
    })?;
    Ok(trips)
}
