//! A train of a timetable: its numbers, its stops with the seconds since its service day began, and its days.
//!
//! Owns what a train must be to be of use. Must never hold a stop whose times go back.

use std::collections::BTreeSet;

use fuma_schemas::instant::parse_date;
use serde::{Deserialize, Serialize};

use super::report::Code;
use super::zone::{Zone, shown, weekday};

/// A train that runs for longer than this is none.
const SECONDS_MAX: i64 = 10 * 86_400;
/// Stops of a train.
const STOPS_MAX: usize = 1000;

/// A train.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The number with which it starts.
    pub number: String,
    /// The numbers that it has later on its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The zone of its clocks.
    pub zone: Zone,
    /// When it leaves its first station.
    pub days: Days,
    /// In the order of travel.
    pub stops: Vec<Stop>,
}

/// A stop.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// What the station is called: its name first.
    pub names: Vec<String>,
    /// Seconds since the service day began; may be beyond a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives: Option<i64>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departs: Option<i64>,
}

/// On which days a train runs: of its week within its dates, and on further ones, but not on some.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The first day; none: from always.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "day")]
    pub from: Option<i32>,
    /// The last day; none: without end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "day")]
    pub until: Option<i32>,
    /// From Monday to Sunday.
    pub week: [bool; 7],
    /// Further days.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "several")]
    pub added: BTreeSet<i32>,
    /// Days on which it does not run.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "several")]
    pub removed: BTreeSet<i32>,
}

impl Days {
    /// Every day between two.
    pub fn every(between: Option<(i32, i32)>) -> Days {
        let (from, until) = (between.map(|days| days.0), between.map(|days| days.1));
        Days { from, until, week: [true; 7], ..Days::default() }
    }

    /// Whether the train leaves its first station on a day.
    pub fn has(&self, day: i32) -> bool {
        if self.added.contains(&day) {
            return true;
        }
        let is_within = self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until);
        let is_of_week = || weekday(day).and_then(|weekday| self.week.get(weekday)).copied().unwrap_or(false);
        is_within && !self.removed.contains(&day) && is_of_week()
    }

    /// Whether there is no day.
    pub fn is_never(&self) -> bool {
        let is_over = matches!((self.from, self.until), (Some(from), Some(until)) if until < from);
        self.added.is_empty() && (is_over || self.week == [false; 7])
    }
}

impl Train {
    /// What is wrong with it.
    ///
    /// # Errors
    /// The code, with words.
    pub fn check(&self) -> Result<(), (Code, String)> {
        if self.number.trim().is_empty() {
            return Err((Code::NoNumber, "the train has no number".to_owned()));
        }
        if self.stops.len() < 2 {
            return Err((Code::TooFewStops, format!("it has {} stops, and a journey needs two", self.stops.len())));
        }
        if self.stops.len() > STOPS_MAX {
            return Err((Code::BadTime, format!("it has more than {STOPS_MAX} stops")));
        }
        if self.days.is_never() {
            return Err((Code::NoDays, "it never runs".to_owned()));
        }
        let mut last = 0;
        for (place, stop) in (1..).zip(&self.stops) {
            if stop.names.iter().all(|name| name.trim().is_empty()) {
                return Err((Code::UnknownStop, format!("stop {place} has no name")));
            }
            if stop.arrives.is_none() && stop.departs.is_none() {
                return Err((Code::BadTime, format!("stop {place} has no time")));
            }
            for seconds in [stop.arrives, stop.departs].into_iter().flatten() {
                if !(0..=SECONDS_MAX).contains(&seconds) {
                    return Err((Code::BadTime, format!("stop {place}: a time beyond ten days")));
                }
                if seconds < last {
                    return Err((Code::TimesGoBack, format!("stop {place} is before the one that it follows")));
                }
                last = seconds;
            }
        }
        Ok(())
    }
}

/// Seconds of a time like 07:05, 24:23 or 24:23:30.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let mut number = |digits: std::ops::RangeInclusive<usize>| {
        let part = parts.next()?;
        let is_number = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { part.parse::<i64>().ok() } else { None }
    };
    let (hours, minutes) = (number(1..=3)?, number(2..=2)?);
    let seconds = if text.matches(':').count() == 2 { number(2..=2)? } else { 0 };
    (parts.next().is_none() && minutes < 60 && seconds < 60).then_some((hours * 60 + minutes) * 60 + seconds)
}

/// A day as a date.
mod day {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(day: &Option<i32>, out: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => out.serialize_str(&super::shown(*day)),
            None => out.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Option<i32>, D::Error> {
        let text = String::deserialize(source)?;
        super::parse_date(&text).map(Some).ok_or_else(|| serde::de::Error::custom("no date"))
    }
}

/// Days as dates.
mod several {
    use std::collections::BTreeSet;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(days: &BTreeSet<i32>, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(days.iter().map(|day| super::shown(*day)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<BTreeSet<i32>, D::Error> {
        let texts = Vec::<String>::deserialize(source)?;
        let days: Option<BTreeSet<i32>> = texts.iter().map(|text| super::parse_date(text)).collect();
        days.ok_or_else(|| serde::de::Error::custom("no date"))
    }
}
