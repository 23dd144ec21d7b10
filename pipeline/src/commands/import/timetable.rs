//! `fuma import timetable`: GTFS and train tables to the one table that maps of manifests ask.
//!
//! Owns its files and words: the table, and beside it what was passed over. Nothing is written before everything was
//! read, and nothing over a good table if no train came of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use fuma_connectors::timetables::{self, Options, Report, Timetable, Zone};
use fuma_schemas::instant::parse_date;

use super::super::CommandError;
use super::super::screen::Screen;
use super::whole;

/// Arguments of `fuma import timetable`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TimetableArguments {
    /// Timetables: GTFS, as a zip or a folder; a train table, lines of JSON with train and stops (plain, .gz or .zst)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the table goes. What was passed over goes beside it, to TABLE.passed.ndjson
    #[arg(long, value_name = "TABLE")]
    out: PathBuf,
    /// The zone of a train table, like +08:00 or Asia/Shanghai. GTFS says its own
    #[arg(long, value_name = "ZONE", default_value = "+08:00")]
    zone: String,
    /// The first day on which the trains of a train table run; without it any day. GTFS says its own
    #[arg(long, value_name = "DATE", requires = "until")]
    from: Option<String>,
    /// The last day on which the trains of a train table run
    #[arg(long, value_name = "DATE", requires = "from")]
    until: Option<String>,
    /// The kinds of routes of GTFS that are taken; without it railways: 2, and 100 to 117. May be repeated
    #[arg(long, value_name = "NUMBER")]
    route_type: Vec<u32>,
    /// The column of trips.txt that holds the number of the train; without it trip_short_name, where that is empty
    /// route_short_name
    #[arg(long, value_name = "COLUMN")]
    number: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  fuma import timetable gtfs.zip --out railway.timetable
  fuma import timetable trains.ndjson.gz --from 2021-12-01 --until 2022-03-31 --out railway.timetable
  fuma import table --map railway-journeys --timetable railway.timetable manifest.csv --owner rail-a --out feeds";

/// Reads the timetables, writes the table, and says what came of it.
///
/// # Errors
/// When an argument or a file is unusable, no train came of it, or an output cannot be written: then both files stay
/// as they were.
pub(super) fn run(arguments: &TimetableArguments, screen: &Screen) -> Result<(), CommandError> {
    let options = options(arguments)?;
    let (mut report, mut trains) = (Report::default(), Vec::new());
    for path in &arguments.files {
        let read = timetables::read(path, &options, &mut report);
        trains.extend(read.map_err(|error| CommandError::Input(format!("{}: {error}", path.display())))?);
    }
    let timetable = Timetable::new(trains, &mut report);
    let words = summary(&timetable, &report, arguments);
    if timetable.trains.is_empty() {
        let out = arguments.out.display();
        return Err(CommandError::Input(format!("{words}no train came of it. Nothing is written: {out} is as it was")));
    }
    let cannot = |source| CommandError::Write { path: arguments.out.clone(), source };
    let mut bytes = Vec::new();
    timetable.write(&mut bytes).map_err(cannot)?;
    let mut passed = Vec::new();
    for place in &report.passed {
        serde_json::to_writer(&mut passed, place).map_err(|error| cannot(error.into()))?;
        passed.push(b'\n');
    }
    let beside = beside(arguments);
    let unfinished = [whole::write(&beside, &passed)?, whole::write(&arguments.out, &bytes)?];
    unfinished.into_iter().try_for_each(whole::Unfinished::finish)?;
    screen.remark(&words)
}

/// Where the list of what was passed over goes.
fn beside(arguments: &TimetableArguments) -> PathBuf {
    let mut name = arguments.out.clone().into_os_string();
    name.push(".passed.ndjson");
    PathBuf::from(name)
}

fn options(arguments: &TimetableArguments) -> Result<Options, CommandError> {
    let Some(zone) = Zone::parse(&arguments.zone) else {
        return Err(CommandError::Input("--zone: allowed: an offset like +08:00, or a name like Asia/Shanghai".into()));
    };
    let date = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match parse_date(text) {
            Some(day) => Ok(Some(day)),
            None => Err(CommandError::Input(format!("{name}: allowed: a date like 2022-03-05"))),
        },
    };
    let days = date("--from", &arguments.from)?.zip(date("--until", &arguments.until)?);
    if days.is_some_and(|(from, until)| until < from) {
        return Err(CommandError::Input("--until: the last day is before the first".into()));
    }
    Ok(Options { zone, days, route_types: arguments.route_type.clone(), number: arguments.number.clone() })
}

/// What came of it.
fn summary(timetable: &Timetable, report: &Report, arguments: &TimetableArguments) -> String {
    let trains = &timetable.trains;
    let stops: usize = trains.iter().map(|train| train.stops.len()).sum();
    let mut text = format!("{} trains with {stops} stops, digest {}\n", trains.len(), timetable.digest);
    if trains.iter().any(|train| train.days.from.is_none() && train.days.added.is_empty()) {
        text.push_str("a train table says no days: its trains are taken to run on any day (--from, --until)\n");
    }
    for (remark, count) in &report.remarks {
        let _ = writeln!(text, "{count:>12}  {}", remark.words());
    }
    for (code, count) in &report.counts {
        let _ = writeln!(text, "{count:>12}  passed over: {}", code.name());
    }
    if !report.passed.is_empty() {
        let _ = writeln!(text, "each with its place and the reason: {}", beside(arguments).display());
    }
    text
}
