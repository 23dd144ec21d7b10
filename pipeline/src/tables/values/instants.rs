//! The instants and dates of a record, from cells and the forms that the map declares.
//!
//! Owns when a date without a time begins or ends, and the floor below which no date is believed. Must never take a
//! number for a date that the map does not declare as one.

use std::borrow::Cow;

use fuma_connectors::tables::Cell;
use fuma_schemas::Instant;
use fuma_schemas::instant::{DAY_MS, local_midnight};

use super::super::codes::ImportCode;
use super::super::map::{DateRules, DayIs, Forms, TextRules};
use super::dates::{Clock, of_serial, time_of_serial};
use super::{Fault, clean, fault};

/// The instant or the date of a cell, as it is written in a record.
pub(in crate::tables) fn value(
    rules: &DateRules,
    cell: &Cell<'_>,
    text: &TextRules,
    is_date: bool,
) -> Result<String, Fault> {
    if let (Cell::Instant(millis), true, false) = (cell, rules.forms.is_cell || rules.forms.is_clock_cell, is_date) {
        return believed(rules, Instant(*millis)).map_or_else(|| bad(cell), |instant| Ok(instant.to_string()));
    }
    let Some(clock) = clock(&rules.forms, cell, text) else { return bad(cell) };
    if is_date {
        return date(rules, clock).map_or_else(|| bad(cell), Ok);
    }
    let time_ms = match (clock.time_ms, rules.day) {
        (Some(time_ms), _) => time_ms,
        (None, DayIs::Start) => 0,
        (None, DayIs::End) => DAY_MS,
        (None, DayIs::Refused) => {
            return fault(ImportCode::BadDate, cell, "a date without a time, which the map refuses");
        }
    };
    instant(rules, clock, time_ms).map_or_else(|| bad(cell), |instant| Ok(instant.to_string()))
}

/// The instant of a date in one cell and a time in another.
pub(in crate::tables) fn of_two(
    rules: &DateRules,
    times: &Forms,
    date: &Cell<'_>,
    time: &Cell<'_>,
    text: &TextRules,
) -> Result<String, (Fault, usize)> {
    let bad = |cell, column| bad(cell).map_err(|fault| (fault, column));
    let Some(clock) = clock(&rules.forms, date, text).filter(|clock| clock.time_ms.is_none_or(|ms| ms == 0)) else {
        return bad(date, 0);
    };
    let time_ms = match time {
        Cell::Serial(value) if times.is_cell => time_of_serial(*value),
        Cell::Text(_) => {
            text_of(time, text).and_then(|text| times.forms.iter().find_map(|form| form.read(&text)?.time_ms))
        }
        _ => None,
    };
    let Some(time_ms) = time_ms else { return bad(time, 1) };
    instant(rules, clock, time_ms).map_or_else(|| bad(date, 0), |instant| Ok(instant.to_string()))
}

fn bad<T>(cell: &Cell<'_>) -> Result<T, Fault> {
    let advice = "in none of the forms that the map declares, no day that there is, or one that is not believed: \
                  correct it, or add its form to `formats`";
    fault(ImportCode::BadDate, cell, advice)
}

fn text_of<'a>(cell: &Cell<'a>, rules: &TextRules) -> Option<Cow<'a, str>> {
    match cell {
        Cell::Text(text) => clean(Cow::Borrowed(text.trim()), rules),
        _ => None,
    }
}

/// What a cell says in the forms that are declared.
fn clock(forms: &Forms, cell: &Cell<'_>, rules: &TextRules) -> Option<Clock> {
    match cell {
        Cell::Text(_) => of_text(forms, &text_of(cell, rules)?),
        Cell::Integer(value) => of_text(forms, &value.to_string()),
        Cell::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => of_text(forms, &format!("{value:.0}")),
        Cell::Number(value) if forms.is_serial => of_serial(*value, false),
        Cell::Serial(value) if forms.is_clock_cell => {
            of_serial(*value, false).map(|clock| Clock { time_ms: Some(clock.time_ms.unwrap_or(0)), ..clock })
        }
        Cell::Serial(value) if forms.is_cell => of_serial(*value, false),
        Cell::Wall(millis) if forms.is_cell || forms.is_clock_cell => {
            Some(Clock { days: millis.div_euclid(DAY_MS), time_ms: Some(millis.rem_euclid(DAY_MS)), offset_ms: None })
        }
        Cell::Date(days) if forms.is_cell => Some(Clock { days: *days, time_ms: None, offset_ms: None }),
        _ => None,
    }
}

fn of_text(forms: &Forms, text: &str) -> Option<Clock> {
    if let Some(clock) = forms.forms.iter().find_map(|form| form.read(text)) {
        return Some(clock);
    }
    if forms.is_rfc3339
        && let Some(instant) = Instant::parse(text)
    {
        let (days, time_ms) = (instant.0.div_euclid(DAY_MS), instant.0.rem_euclid(DAY_MS));
        return Some(Clock { days, time_ms: Some(time_ms), offset_ms: Some(0) });
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.is_empty();
    if forms.is_serial && is_number { of_serial(text.parse().ok()?, false) } else { None }
}

fn instant(rules: &DateRules, clock: Clock, time_ms: i64) -> Option<Instant> {
    let offset_ms = clock.offset_ms.or(rules.offset_ms)?;
    let millis = clock.days.checked_mul(DAY_MS)?.checked_add(time_ms)?.checked_sub(offset_ms)?;
    believed(rules, Instant(millis))
}

fn believed(rules: &DateRules, instant: Instant) -> Option<Instant> {
    (instant.in_calendar() && rules.earliest.is_none_or(|earliest| instant.0 >= earliest)).then_some(instant)
}

/// A date: a clock at midnight, or one of which the time is left away.
fn date(rules: &DateRules, clock: Clock) -> Option<String> {
    let midnight = local_midnight(i32::try_from(clock.days).ok()?);
    let is_day = clock.time_ms.is_none_or(|time_ms| time_ms == 0);
    let midnight = believed(rules, midnight).filter(|_| is_day)?;
    let (year, month, day) = midnight.local_date();
    Some(format!("{year:04}-{month:02}-{day:02}"))
}
