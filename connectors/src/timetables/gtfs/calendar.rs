//! calendar.txt and calendar_dates.txt: the days of each service.
//!
//! Owns those days. A row that cannot be read makes its service unknown: a train that might run on wrong days is passed
//! over, with the row in the report.

use std::collections::BTreeSet;

use fuma_schemas::instant::date_of_digits;
use rustc_hash::FxHashMap;

use super::super::TimetableError;
use super::super::report::{Code, Report};
use super::super::train::Days;
use super::source::{Cells, Source};

const CALENDAR: &str = "calendar.txt";
const DATES: &str = "calendar_dates.txt";
const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Reads the days of every service.
pub(super) fn read(source: &mut Source, report: &mut Report) -> Result<FxHashMap<String, Days>, TimetableError> {
    let mut services: FxHashMap<String, Days> = FxHashMap::default();
    let mut unusable = BTreeSet::new();
    let columns: Vec<&str> = ["service_id", "start_date", "end_date"].into_iter().chain(WEEK).collect();
    let has_calendar = source.rows(CALENDAR, &columns, columns.len(), &mut |cells| {
        let id = cells.get(0);
        match week_of(cells) {
            Some(days) if !services.contains_key(id) => drop(services.insert(id.to_owned(), days)),
            Some(_) => bad(CALENDAR, cells.row, id, "the service is there twice", &mut unusable, report),
            None => bad(CALENDAR, cells.row, id, "a day of the week or a date is none", &mut unusable, report),
        }
        Ok(())
    })?;
    let columns = ["service_id", "date", "exception_type"];
    let has_dates = source.rows(DATES, &columns, columns.len(), &mut |cells| {
        let id = cells.get(0);
        match (date(cells.get(1)), cells.get(2)) {
            (Some(day), "1") => drop(services.entry(id.to_owned()).or_default().added.insert(day)),
            (Some(day), "2") => drop(services.entry(id.to_owned()).or_default().removed.insert(day)),
            _ => bad(DATES, cells.row, id, "the date or the exception_type is none", &mut unusable, report),
        }
        Ok(())
    })?;
    if !has_calendar && !has_dates {
        let why = format!("there is neither {CALENDAR} nor {DATES}: nothing says on which days trains run");
        return Err(TimetableError::MissingFile(why));
    }
    services.retain(|id, _| !unusable.contains(id));
    Ok(services)
}

fn week_of(cells: &Cells<'_>) -> Option<Days> {
    let mut days = Days { from: Some(date(cells.get(1))?), until: Some(date(cells.get(2))?), ..Days::default() };
    for (place, day) in days.week.iter_mut().enumerate() {
        *day = match cells.get(3 + place) {
            "1" => true,
            "0" => false,
            _ => return None,
        };
    }
    Some(days)
}

fn bad(file: &str, row: u64, id: &str, why: &str, unusable: &mut BTreeSet<String>, report: &mut Report) {
    unusable.insert(id.to_owned());
    report.pass(file, row, id, (Code::BadRow, format!("{why}: trains of this service are passed over")));
}

/// A date of eight digits.
fn date(text: &str) -> Option<i32> {
    date_of_digits(text.as_bytes().try_into().ok()?)
}
