//! What was passed over when a timetable was read, and what is odd in what was taken.
//!
//! Owns the codes. Counts are whole; of the places the first are kept. Must never drop a train in silence.

use std::collections::BTreeMap;

use serde::Serialize;

/// So many places are kept.
const PLACES_MAX: usize = 100_000;

/// Why a train, or a row, is passed over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The row cannot be read.
    BadRow,
    /// Its route is of a kind that is not asked for.
    OtherRoute,
    /// Its route is not there.
    UnknownRoute,
    /// Its days are not there.
    UnknownService,
    /// The station is not there, or has no name.
    UnknownStop,
    /// It has no number.
    NoNumber,
    /// It has no day.
    NoDays,
    /// It has fewer than two stops with a time.
    TooFewStops,
    /// A time is none, or is not there.
    BadTime,
    /// A time is before the one that it follows.
    TimesGoBack,
    /// Two stops have one number in the order of travel.
    DuplicateStop,
    /// It goes by an interval, not by a clock.
    ByFrequency,
    /// A train that goes on as another does not fit to it.
    BadTransfer,
    /// It is there already.
    Repeated,
}

/// What is odd in a train that is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Remark {
    /// It comes from a station that the table does not have: its service day is that of the first station it has.
    StartsBeyond,
    /// It goes on to a station that the table does not have.
    EndsBeyond,
    /// More than twelve hours between two stops.
    LongLeg,
    /// A stop without a time is left out.
    StopWithoutTime,
    /// It changes its number on its way.
    ChangesNumber,
}

impl Code {
    /// The code as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Code::BadRow => "bad-row",
            Code::OtherRoute => "other-route",
            Code::UnknownRoute => "unknown-route",
            Code::UnknownService => "unknown-service",
            Code::UnknownStop => "unknown-stop",
            Code::NoNumber => "no-number",
            Code::NoDays => "no-days",
            Code::TooFewStops => "too-few-stops",
            Code::BadTime => "bad-time",
            Code::TimesGoBack => "times-go-back",
            Code::DuplicateStop => "duplicate-stop",
            Code::ByFrequency => "by-frequency",
            Code::BadTransfer => "bad-transfer",
            Code::Repeated => "repeated",
        }
    }
}

impl Remark {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Remark::StartsBeyond => {
                "trains come from a station that the table lacks: their service date is that of the first one it has"
            }
            Remark::EndsBeyond => "trains go on to a station that the table lacks",
            Remark::LongLeg => "trains with more than twelve hours between two stops",
            Remark::StopWithoutTime => "stops without a time are left out",
            Remark::ChangesNumber => "trains change their number on the way",
        }
    }
}

/// Something that is passed over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Passed {
    /// The file, or the file of GTFS.
    pub file: String,
    /// Its line.
    pub row: u64,
    /// The number of the train, or what names it in the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub train: String,
    /// Why.
    pub code: Code,
    /// In words.
    pub message: String,
}

/// What came of the reading.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// What is passed over, in the order of reading; the first of them.
    pub passed: Vec<Passed>,
    /// How many, by code.
    pub counts: BTreeMap<Code, u64>,
    /// What is odd, and how often.
    pub remarks: BTreeMap<Remark, u64>,
}

impl Report {
    pub(super) fn pass(&mut self, file: &str, row: u64, train: &str, (code, message): (Code, String)) {
        *self.counts.entry(code).or_default() += 1;
        // Routes of other kinds are the rest of a city's traffic: counted, and no places.
        if code != Code::OtherRoute && self.passed.len() < PLACES_MAX {
            self.passed.push(Passed { file: file.to_owned(), row, train: train.to_owned(), code, message });
        }
    }

    pub(super) fn remark(&mut self, remark: Remark) {
        *self.remarks.entry(remark).or_default() += 1;
    }

    /// How many are passed over.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}
