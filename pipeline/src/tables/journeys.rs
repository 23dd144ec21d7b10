//! Journeys of a manifest that names a train, a date and two stations: the instants, by a timetable.
//!
//! ```text
//! number (any of its numbers), date of boarding, from, to   ->   first number, service date, boarding, alighting
//! ```
//!
//! The date of a ticket is that of boarding: who boards after midnight sits in the train of the day before. Owns this
//! look-up. Must never choose between two trains, nor take a city for a station.

use std::sync::Arc;

use fuma_connectors::timetables::{Stop, Timetable, Train};
use fuma_schemas::Instant;
use fuma_schemas::vocabulary::Mode;
use icu_normalizer::ComposingNormalizerBorrowed;
use rustc_hash::FxHashMap;

use crate::intake::row::spell_conveyance;

const DAY_S: i64 = 86_400;
/// What a station may be called with or without.
const STATION: char = '站';

/// A timetable, ready to be asked.
pub struct Journeys {
    timetable: Timetable,
    /// Trains by each of their numbers, as these are spelt.
    by_number: FxHashMap<String, Vec<usize>>,
}

/// What the date of a manifest is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DateIs {
    /// That of boarding, as on a ticket.
    Boarding,
    /// The day on which the train leaves its first station.
    Service,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) number: &'a str,
    /// Days since 1970-01-01.
    pub(super) date: i32,
    pub(super) date_is: DateIs,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

/// A journey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Journey {
    pub(super) number: String,
    pub(super) service_date: i32,
    pub(super) boarded_at: Instant,
    pub(super) alighted_at: Instant,
}

/// Why there is no journey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unknown {
    Train,
    Day,
    From,
    To,
    Reversed,
    /// More than one, and they differ.
    Several,
}

impl Journeys {
    /// Of a timetable.
    pub fn new(mut timetable: Timetable) -> Arc<Journeys> {
        for name in timetable.trains.iter_mut().flat_map(|train| &mut train.stops).flat_map(|stop| &mut stop.names) {
            *name = station(name);
        }
        let mut by_number: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (place, train) in timetable.trains.iter().enumerate() {
            for number in std::iter::once(&train.number).chain(&train.also) {
                let places = by_number.entry(spelt(number)).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
        Arc::new(Journeys { timetable, by_number })
    }

    /// What the timetable is known by.
    pub fn digest(&self) -> &str {
        &self.timetable.digest
    }

    /// The one journey that is asked for.
    pub(super) fn find(&self, asked: &Asked<'_>) -> Result<Journey, Unknown> {
        let places = self.by_number.get(&spelt(asked.number)).ok_or(Unknown::Train)?;
        let trains: Vec<&Train> = places.iter().filter_map(|place| self.timetable.trains.get(*place)).collect();
        let (from, to) = (station(asked.from), station(asked.to));
        let calls = |train: &Train, name: &str| train.stops.iter().any(|stop| is_called(stop, name));
        if !trains.iter().any(|train| calls(train, &from)) {
            return Err(Unknown::From);
        }
        if !trains.iter().any(|train| calls(train, &to)) {
            return Err(Unknown::To);
        }
        let (mut is_reversed, mut found) = (true, Vec::new());
        for train in trains {
            for (place, first) in train.stops.iter().enumerate().filter(|(_, stop)| is_called(stop, &from)) {
                let later = train.stops.get(place + 1..).unwrap_or_default();
                for last in later.iter().filter(|stop| is_called(stop, &to)) {
                    is_reversed = false;
                    for journey in journeys(train, first, last, asked) {
                        if !found.contains(&journey) {
                            found.push(journey);
                        }
                    }
                }
            }
        }
        match (found.len(), is_reversed) {
            (1, _) => found.pop().ok_or(Unknown::Day),
            (0, true) => Err(Unknown::Reversed),
            (0, false) => Err(Unknown::Day),
            _ => Err(Unknown::Several),
        }
    }
}

/// The journeys of one train between two of its stops on the day that is asked for: one, but where clocks change.
fn journeys(train: &Train, first: &Stop, last: &Stop, asked: &Asked<'_>) -> Vec<Journey> {
    let (Some(departs), Some(arrives)) = (first.departs.or(first.arrives), last.arrives.or(last.departs)) else {
        return Vec::new();
    };
    let journey = |service_date: i32| {
        let begin = train.zone.begin_of(service_date)?;
        let (boarded, alighted) = (begin + departs * 1000, begin + arrives * 1000);
        let is_asked = match asked.date_is {
            DateIs::Service => service_date == asked.date,
            DateIs::Boarding => train.zone.day_of(boarded) == Some(asked.date),
        };
        (is_asked && train.days.has(service_date)).then(|| Journey {
            number: spelt(&train.number),
            service_date,
            boarded_at: Instant(boarded),
            alighted_at: Instant(alighted),
        })
    };
    let before = match asked.date_is {
        DateIs::Service => 0,
        DateIs::Boarding => i32::try_from(departs.div_euclid(DAY_S)).unwrap_or(i32::MAX),
    };
    let nearest = asked.date.saturating_sub(before);
    (-1..=1).filter_map(|by| journey(nearest.checked_add(by)?)).collect()
}

/// A number in its one spelling; a mark that is none stays as it is.
fn spelt(number: &str) -> String {
    let number = number.trim().trim_end_matches('次');
    spell_conveyance(number, Some(Mode::Rail)).map_or_else(|| number.to_owned(), |spelt| spelt.into_owned())
}

/// The name of a station as it is compared: NFKC, without blanks, without 站 at its end, small letters.
fn station(name: &str) -> String {
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(name);
    let plain: String = normal.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect();
    match plain.strip_suffix(STATION) {
        Some(kept) if !kept.is_empty() => kept.to_owned(),
        _ => plain,
    }
}

fn is_called(stop: &Stop, name: &str) -> bool {
    stop.names.iter().any(|other| other == name)
}
