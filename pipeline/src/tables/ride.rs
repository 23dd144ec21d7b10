//! The fields of a trip that a timetable fills: number, service date, boarding and alighting.
//!
//! Owns the words for journeys that there are not. Must never name a station or a date of a row.

use std::borrow::Cow;

use fuma_connectors::tables::Cell;
use fuma_schemas::RejectCode;
use fuma_schemas::instant::{local_midnight, parse_date};

use super::codes::ImportCode;
use super::journeys::{Asked, Journeys, Unknown};
use super::map::{JourneyRules, Kind};
use super::record::{Cells, Worst, keep_worst};
use super::values::{Fault, Val, clean, instants, is_empty, plain};

/// The fields, in the order of what is asked: date, from, to.
struct Places {
    number: usize,
    date: usize,
    from: usize,
    to: usize,
}

/// Fills the fields of a row, or says what is wrong with it.
pub(super) fn fill<'r>(
    rules: &JourneyRules,
    journeys: &Journeys,
    cells: &Cells<'r>,
    made: &mut [Val<'r>],
    worst: &mut Option<Worst>,
) {
    let place = |name: &str| cells.map.fields.iter().position(|field| field.name == name);
    let (Some(number), Some(date), Some(from), Some(to)) =
        (place("number"), place("service_date"), place("boarded_at"), place("alighted_at"))
    else {
        return;
    };
    let places = Places { number, date, from, to };
    // Something is said of a row that lacks a part even where another part is missing too.
    let day = date_of(cells, date).unwrap_or_else(|fault| {
        keep_worst(worst, fault, date, 0);
        None
    });
    let stations = [station(cells, from), station(cells, to)];
    for (place, name) in [(from, &stations[0]), (to, &stations[1])] {
        if name.is_none() {
            keep_worst(worst, missing(), place, 0);
        }
    }
    // A row is refused for the part that is missing, not for what would have come of it.
    let is_there = [true, stations[0].is_some(), stations[1].is_some()];
    for (place, _) in [date, from, to].into_iter().zip(is_there).filter(|(_, is_there)| *is_there) {
        let text = day.map(|day| if place == date { shown(day) } else { local_midnight(day).to_string() });
        if let Some(slot) = made.get_mut(place) {
            *slot = text.map_or(Val::Absent, |text| Val::Text(Cow::Owned(text)));
        }
    }
    let (Some(day), [Some(from_name), Some(to_name)]) = (day, &stations) else { return };
    let asked_number = match made.get(number) {
        Some(Val::Text(text)) => text.clone().into_owned(),
        _ => return,
    };
    let asked = Asked { number: &asked_number, date: day, date_is: rules.date_is, from: from_name, to: to_name };
    match journeys.find(&asked) {
        Err(unknown) => refuse(unknown, &places, worst),
        Ok(journey) => {
            for (place, text) in [
                (number, journey.number),
                (date, shown(journey.service_date)),
                (from, journey.boarded_at.to_string()),
                (to, journey.alighted_at.to_string()),
            ] {
                if let Some(slot) = made.get_mut(place) {
                    *slot = Val::Text(Cow::Owned(text));
                }
            }
        }
    }
}

/// The day of a row; none where the cell is empty.
fn date_of(cells: &Cells<'_>, place: usize) -> Result<Option<i32>, Fault> {
    let (Some(field), cell) = (cells.map.fields.get(place), cells.cell(place, 0).unwrap_or(Cell::Empty)) else {
        return Ok(None);
    };
    let Kind::Date(rules) = &field.kind else { return Ok(None) };
    if is_empty(&cell, &field.text) {
        return Ok(None);
    }
    instants::value(rules, &cell, &field.text, true).map(|text| parse_date(&text))
}

fn station<'r>(cells: &Cells<'r>, place: usize) -> Option<Cow<'r, str>> {
    let field = cells.map.fields.get(place)?;
    clean(plain(&cells.cell(place, 0)?), &field.text)
}

fn shown(day: i32) -> String {
    let (year, month, day) = local_midnight(day).local_date();
    format!("{year:04}-{month:02}-{day:02}")
}

fn missing() -> Fault {
    let message = "the station is not there, and without it the timetable cannot be asked".to_owned();
    Fault { code: ImportCode::Feed(RejectCode::MissingField), message }
}

fn refuse(unknown: Unknown, places: &Places, worst: &mut Option<Worst>) {
    let (code, place, message) = match unknown {
        Unknown::Train => (
            ImportCode::UnknownTrain,
            places.number,
            "the timetable has no train of this number: correct it, or import a timetable that has it",
        ),
        Unknown::Day => (
            ImportCode::UnknownTrain,
            places.date,
            "the train does not run between these stations on this day: is it the date of boarding, and the timetable \
             of that time?",
        ),
        Unknown::Several => (
            ImportCode::UnknownTrain,
            places.number,
            "the timetable has several trains of this number on this day, or the train calls there twice, at other \
             times: nothing says which it was",
        ),
        Unknown::From => (
            ImportCode::UnknownStation,
            places.from,
            "the train does not call there by the timetable: the name of a station is needed, not that of its city",
        ),
        Unknown::To => (
            ImportCode::UnknownStation,
            places.to,
            "the train does not call there by the timetable: the name of a station is needed, not that of its city",
        ),
        Unknown::Reversed => (
            ImportCode::ReversedSegment,
            places.to,
            "the train does not go from the first station to the second: are they exchanged, or is it the train back?",
        ),
    };
    keep_worst(worst, Fault { code, message: message.to_owned() }, place, 0);
}
