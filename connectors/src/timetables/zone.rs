//! Zones of time: an offset from UTC, or a name of the zone database, with its summer times.
//!
//! A service day begins twelve hours before its local noon (GTFS): on the day of a change of clocks that is not
//! midnight, and the times of trains still count on evenly. Owns that rule. Must never take the zone of this machine.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone as _};
use chrono_tz::Tz;
use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use serde::{Deserialize, Serialize};

/// A zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Zone {
    /// Milliseconds east of UTC.
    Offset(i64),
    /// A zone of the database.
    Named(Tz),
}

impl Zone {
    /// Reads `+08:00` or `Asia/Shanghai`.
    pub fn parse(text: &str) -> Option<Zone> {
        let text = text.trim();
        let Some(digits) = text.strip_prefix(['+', '-']) else { return Tz::from_str(text).ok().map(Zone::Named) };
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let (hours, minutes) = digits.split_once(':')?;
        let two = |text: &str| match text.as_bytes() {
            [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => Some(i64::from((a - b'0') * 10 + (b - b'0'))),
            _ => None,
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(Zone::Offset(sign * (hours * 60 + minutes) * 60_000))
    }

    /// The instant from which the times of a service day count; none outside of the calendar.
    pub fn begin_of(self, day: i32) -> Option<i64> {
        match self {
            Zone::Offset(offset_ms) => Some(i64::from(day) * DAY_MS - offset_ms),
            Zone::Named(zone) => {
                let noon = date(day)?.and_hms_opt(12, 0, 0)?;
                let noon = zone.from_local_datetime(&noon).earliest()?;
                Some(noon.timestamp_millis() - 12 * HOUR_MS)
            }
        }
    }

    /// The local day of an instant.
    pub fn day_of(self, millis: i64) -> Option<i32> {
        let offset_ms = match self {
            Zone::Offset(offset_ms) => offset_ms,
            Zone::Named(zone) => {
                let utc = DateTime::from_timestamp_millis(millis)?.naive_utc();
                i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
            }
        };
        i32::try_from((millis + offset_ms).div_euclid(DAY_MS)).ok()
    }
}

fn date(day: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(day)
}

/// The day of the week of a date, Monday is 0.
pub(super) fn weekday(day: i32) -> Option<usize> {
    usize::try_from(date(day)?.weekday().num_days_from_monday()).ok()
}

/// A date as it is written.
pub(super) fn shown(day: i32) -> String {
    date(day).map(|date| date.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

impl fmt::Display for Zone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Offset(offset_ms) => {
                let (sign, minutes) = (if *offset_ms < 0 { '-' } else { '+' }, offset_ms.abs() / 60_000);
                write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Zone::Named(zone) => out.write_str(zone.name()),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.to_string()
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(text: String) -> Result<Zone, String> {
        Zone::parse(&text).ok_or_else(|| format!("{text} is no zone"))
    }
}
