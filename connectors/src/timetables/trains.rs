//! A train table: lines of JSON, one a train, with the stops in order of travel.
//!
//! ```text
//! {"train": "K833", "origin": "上海南", "terminus": "贵阳", "stops": [["上海", "上海南", null, "07:07"], ...]}
//! ```
//!
//! A stop is [city, station, arrival, departure]; times count from midnight of the first day and run past 24. Owns this
//! form. Must never call a station by its city.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::report::{Code, Remark, Report};
use super::train::{Days, Stop, Train, seconds};
use super::{Options, TRAINS_MAX, TimetableError, head_of};
use crate::files::{gzip, zstd};
use crate::tables::{Content, content_of};

/// The most bytes of a line.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// More than this between two stops is odd.
const LONG_LEG_S: i64 = 12 * 3600;

/// A stop of a line: city, station, arrival, departure.
type Call = (Option<String>, String, Option<String>, Option<String>);

/// A line.
#[derive(Deserialize)]
struct Line {
    train: String,
    origin: Option<String>,
    terminus: Option<String>,
    stops: Vec<Call>,
}

/// Reads a table.
pub(super) fn read(path: &Path, options: &Options, report: &mut Report) -> Result<Vec<Train>, TimetableError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = File::open(path).map_err(TimetableError::Read)?;
    let source: Box<dyn Read> = match content_of(&head_of(path)?) {
        Content::Gzip => Box::new(gzip(file)),
        Content::Zstd => Box::new(zstd(file)?),
        _ => Box::new(file),
    };
    let mut lines = BufReader::new(source);
    let (mut trains, mut line, mut row) = (Vec::new(), Vec::new(), 0);
    loop {
        line.clear();
        if lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        row += 1;
        if line.len() as u64 == LINE_BYTES_MAX {
            return Err(TimetableError::Beyond(format!("line {row} has more than 1 MiB")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Line>(&line) {
            Ok(line) => take(line, (&name, row), options, report, &mut trains),
            Err(_) if trains.is_empty() && row == 1 => return Err(no_table()),
            Err(error) => report.pass(&name, row, "", (Code::BadRow, in_words(&error))),
        }
        if trains.len() > TRAINS_MAX {
            return Err(TimetableError::Beyond(format!("more than {TRAINS_MAX} trains")));
        }
    }
    Ok(trains)
}

fn no_table() -> TimetableError {
    TimetableError::NotATimetable(
        "its first line is no train. A train table has lines of JSON with train and stops, each stop as \
         [city, station, arrival, departure]"
            .to_owned(),
    )
}

/// What is wrong with a line, without what is in it.
fn in_words(error: &serde_json::Error) -> String {
    let words = match error.classify() {
        serde_json::error::Category::Data => "it has no train and stops as they must be",
        _ => "it is no JSON",
    };
    words.to_owned()
}

fn take(line: Line, (file, row): (&str, u64), options: &Options, report: &mut Report, trains: &mut Vec<Train>) {
    let written = line.train.trim().to_owned();
    let mut stops = Vec::with_capacity(line.stops.len());
    for (_, station, arrival, departure) in &line.stops {
        let time = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => seconds(text).map(Some).ok_or(()),
        };
        let (Ok(arrives), Ok(departs)) = (time(arrival), time(departure)) else {
            let message = format!("stop {}: a time in another form than 07:05 or 24:23", stops.len() + 1);
            return report.pass(file, row, &written, (Code::BadTime, message));
        };
        stops.push(Stop { names: vec![station.trim().to_owned()], arrives, departs });
    }
    let (number, also) = numbers(&written);
    let train = Train { number, also, zone: options.zone, days: Days::every(options.days), stops };
    if let Err(why) = train.check() {
        return report.pass(file, row, &written, why);
    }
    remark(&train, line.origin.as_deref(), line.terminus.as_deref(), report);
    trains.push(train);
}

fn remark(train: &Train, origin: Option<&str>, terminus: Option<&str>, report: &mut Report) {
    let name = |stop: Option<&Stop>| stop.and_then(|stop| stop.names.first()).cloned();
    if origin.is_some_and(|origin| name(train.stops.first()).as_deref() != Some(origin.trim())) {
        report.remark(Remark::StartsBeyond);
    }
    if terminus.is_some_and(|terminus| name(train.stops.last()).as_deref() != Some(terminus.trim())) {
        report.remark(Remark::EndsBeyond);
    }
    let legs = train.stops.iter().zip(train.stops.iter().skip(1));
    let is_long = |(from, to): (&Stop, &Stop)| {
        let (departs, arrives) = (from.departs.or(from.arrives), to.arrives.or(to.departs));
        matches!((departs, arrives), (Some(departs), Some(arrives)) if arrives - departs > LONG_LEG_S)
    };
    if legs.into_iter().any(is_long) {
        report.remark(Remark::LongLeg);
    }
    if !train.also.is_empty() {
        report.remark(Remark::ChangesNumber);
    }
}

/// The numbers of a train that changes its own on the way: `K833/K836`, or `K833/6` with the end that is another.
pub(super) fn numbers(written: &str) -> (String, Vec<String>) {
    let mut parts = written.split('/').map(str::trim).filter(|part| !part.is_empty());
    let Some(first) = parts.next() else { return (String::new(), Vec::new()) };
    let whole = |part: &str| {
        let is_end = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() < first.len();
        let kept = first.len() - part.len().min(first.len());
        match first.get(..kept) {
            Some(kept) if is_end => format!("{kept}{part}"),
            _ => part.to_owned(),
        }
    };
    (first.to_owned(), parts.map(whole).collect())
}
