//! Timetables, and what a manifest with stations comes to by them: instants, or a reject with its column.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuma_connectors::timetables::{self, Code, Options, Remark, Report, Timetable, Zone};
use fuma_pipeline::tables::{Journeys, Map, ready};
use fuma_schemas::Instant;
use serde_json::Value;

use crate::run::{OfRow, run, run_with};
use crate::shared::shared;

pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tables/trains.ndjson")
}

fn options() -> Options {
    Options { zone: Zone::parse("+08:00").unwrap(), days: None, route_types: Vec::new(), number: None }
}

fn read(path: &Path, options: &Options) -> (Timetable, Report) {
    let mut report = Report::default();
    let trains = timetables::read(path, options, &mut report).unwrap_or_else(|error| panic!("{error}"));
    (Timetable::new(trains, &mut report), report)
}

/// The timetable of a file, as it is written and read again.
pub(crate) fn journeys(path: &Path) -> Arc<Journeys> {
    again(&read(path, &options()).0)
}

fn again(timetable: &Timetable) -> Arc<Journeys> {
    let mut bytes = Vec::new();
    timetable.write(&mut bytes).unwrap();
    Journeys::new(Timetable::read(bytes.as_slice()).unwrap())
}

fn map() -> Map {
    let mut map = Map::parse(Path::new("m.toml"), ready::map("railway-journeys").unwrap()).unwrap();
    map.owner = Some("rail-a".to_owned());
    map.set_known_at(Instant::parse("2022-03-20T08:00:00+08:00").unwrap());
    map
}

/// The rows of a manifest: train, date, from, to.
fn ride(journeys: &Arc<Journeys>, map: &Map, rows: &[&str]) -> Vec<OfRow> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "车次,乘车日期,发站,到站,车厢号,席位号,证件类型,证件号码").unwrap();
    for row in rows {
        writeln!(file, "{row},05车,12A,身份证,990203194710205762").unwrap();
    }
    let outcome = run_with(file.path(), map, None, Some(Arc::clone(journeys))).unwrap();
    (2..).zip(rows).map(|(row, _)| outcome.rows.get(&(String::new(), row)).cloned().unwrap_or_default()).collect()
}

fn text<'v>(record: &'v Value, field: &str) -> &'v str {
    record[field].as_str().unwrap_or_default()
}

fn journey(of_row: &OfRow) -> [String; 4] {
    assert!(of_row.rejects.is_empty(), "{of_row:?}");
    ["number", "service_date", "boarded_at", "alighted_at"].map(|field| text(&of_row.records[0], field).to_owned())
}

fn reject(of_row: &OfRow) -> (&str, &str) {
    assert!(of_row.records.is_empty(), "{of_row:?}");
    of_row.rejects.first().map(|(code, column, _)| (code.as_str(), column.as_str())).unwrap()
}

#[test]
fn boarding_and_alighting_come_of_the_timetable() {
    let rows = [
        "G9903,2022-03-05,测试东,示例西",
        // Boards before midnight, alights after it.
        "K9901,2022-03-05,测试东,示例西",
        // Boards after midnight: the same train, and the date of the ticket is the next day.
        "K9901,2022-03-06,示例西站,虚构北",
        // Spelt otherwise; the station with the word that it may have.
        "k-9901次,2022/3/6,示例西 站,假定",
        // The number that the train has later, and the one with which it starts.
        "K9905,2022-03-06,示例西,测试东",
        "K9904,2022-03-05,虚构北,测试东",
    ];
    let made = ride(&journeys(&sample()), &map(), &rows);
    let expected = [
        ["G9903", "2022-03-05", "2022-03-05T07:00:00+08:00", "2022-03-05T09:20:00+08:00"],
        ["K9901", "2022-03-05", "2022-03-05T18:30:00+08:00", "2022-03-06T00:40:00+08:00"],
        ["K9901", "2022-03-05", "2022-03-06T00:48:00+08:00", "2022-03-06T07:05:00+08:00"],
        ["K9901", "2022-03-05", "2022-03-06T00:48:00+08:00", "2022-03-06T04:05:00+08:00"],
        ["K9904", "2022-03-05", "2022-03-06T02:40:00+08:00", "2022-03-06T08:10:00+08:00"],
        ["K9904", "2022-03-05", "2022-03-05T20:00:00+08:00", "2022-03-06T08:10:00+08:00"],
    ];
    for (of_row, expected) in made.iter().zip(expected) {
        assert_eq!(journey(of_row), expected.map(str::to_owned));
    }
}

#[test]
fn what_the_timetable_does_not_have_is_a_reject_in_its_column() {
    let rows = [
        ("G9999,2022-03-05,测试东,示例西", ("unknown-train", "车次")),
        ("临客,2022-03-05,测试东,示例西", ("unknown-train", "车次")),
        ("G9903,2022-03-05,测试西,示例西", ("unknown-station", "发站")),
        // A city is no station.
        ("G9903,2022-03-05,测试东,示例", ("unknown-station", "到站")),
        ("G9903,2022-03-05,示例西,测试东", ("reversed-segment", "到站")),
        ("G9903,2022-03-05,测试东,测试东", ("reversed-segment", "到站")),
        ("G9903,3月5日,测试东,示例西", ("bad-date", "乘车日期")),
        ("G9903,,测试东,示例西", ("missing-field", "乘车日期")),
        ("G9903,2022-03-05,,示例西", ("missing-field", "发站")),
        ("G9903,2022-03-05,测试东,", ("missing-field", "到站")),
        (",2022-03-05,测试东,示例西", ("missing-field", "车次")),
        // Passed over when the table was made: its times go back.
        ("D9907,2022-03-05,测试东,样例南", ("unknown-train", "车次")),
    ];
    let lines: Vec<&str> = rows.iter().map(|(row, _)| *row).collect();
    for (of_row, (row, expected)) in ride(&journeys(&sample()), &map(), &lines).iter().zip(rows) {
        assert_eq!(reject(of_row), expected, "{row}");
        assert!(of_row.rejects.iter().all(|(.., message)| !message.contains("测试")), "{of_row:?}");
    }
}

#[test]
fn a_day_on_which_the_train_does_not_run_is_a_reject() {
    let day = |text: &str| fuma_schemas::instant::parse_date(text).unwrap();
    let options = Options { days: Some((day("2022-03-05"), day("2022-03-06"))), ..options() };
    let journeys = again(&read(&sample(), &options).0);
    let rows = [
        "G9903,2022-03-04,测试东,示例西",
        "G9903,2022-03-07,测试东,示例西",
        // The train of the 6th, which is boarded on the 7th; that of the 4th does not run.
        "K9901,2022-03-07,示例西,虚构北",
        "K9901,2022-03-05,示例西,虚构北",
    ];
    let made = ride(&journeys, &map(), &rows);
    for place in [0, 1, 3] {
        assert_eq!(reject(&made[place]), ("unknown-train", "乘车日期"), "{}", rows[place]);
    }
    assert_eq!(journey(&made[2])[1], "2022-03-06");
}

#[test]
fn the_date_of_a_list_may_be_the_service_day() {
    let of_service = ready::map("railway-journeys").unwrap().replace("from = ", "date_is = \"service\"\nfrom = ");
    let mut map = Map::parse(Path::new("m.toml"), &of_service).unwrap();
    map.owner = Some("rail-a".to_owned());
    map.set_known_at(Instant::parse("2022-03-20T08:00:00+08:00").unwrap());
    let made = ride(&journeys(&sample()), &map, &["K9901,2022-03-05,示例西,虚构北"]);
    assert_eq!(journey(&made[0])[1..3], ["2022-03-05".to_owned(), "2022-03-06T00:48:00+08:00".to_owned()]);
}

#[test]
fn what_is_passed_over_is_said_and_the_table_has_one_order() {
    let (timetable, report) = read(&sample(), &options());
    assert_eq!(timetable.trains.len(), 4);
    let counts: Vec<(Code, u64)> = report.counts.iter().map(|(code, count)| (*code, *count)).collect();
    let expected = [(Code::TooFewStops, 1), (Code::BadTime, 1), (Code::TimesGoBack, 1), (Code::Repeated, 1)];
    assert_eq!(counts, expected);
    assert_eq!(report.remarks.get(&Remark::StartsBeyond), Some(&1));
    let places: Vec<u64> = report.passed.iter().map(|passed| passed.row).collect();
    assert_eq!(places, [5, 6, 7, 0]);
    // Another order of the same lines is the same table.
    let lines = std::fs::read_to_string(sample()).unwrap();
    let mut reversed = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    lines.lines().rev().for_each(|line| writeln!(reversed, "{line}").unwrap());
    assert_eq!(read(reversed.path(), &options()).0.digest, timetable.digest);
}

#[test]
fn a_table_that_was_changed_or_cut_is_refused() {
    let mut bytes = Vec::new();
    read(&sample(), &options()).0.write(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for changed in [
        text.replacen("25200", "25260", 1),
        text.lines().take(3).map(|line| format!("{line}\n")).collect(),
        text.replacen("\"version\":1", "\"version\":2", 1),
        String::new(),
        "{\"train\":\"G1\"}\n".to_owned(),
    ] {
        assert_ne!(changed, text);
        assert!(Timetable::read(changed.as_bytes()).is_err(), "{changed}");
    }
}

/// The manifest of the shared data has the times of the real timetable: without them it must come to the same.
#[test]
fn the_shared_timetable_gives_the_times_of_the_shared_manifest() {
    let table = shared().join("train_stops.ndjson.gz");
    if !table.is_file() {
        return;
    }
    let (timetable, report) = read(&table, &options());
    assert_eq!(timetable.trains.len() as u64 + report.total(), 6795);
    assert_eq!(report.total(), 0, "{:?}", report.counts);
    let file = shared().join("tables/rail_good.xlsx");
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables/maps/rail_good.xlsx.toml");
    let with_times = Map::parse(&maps, &std::fs::read_to_string(&maps).unwrap()).unwrap();
    let mut by_timetable = map();
    by_timetable.owner = with_times.owner.clone();
    let journeys = again(&timetable);
    let (expected, found) =
        (run(&file, &with_times, None).unwrap(), run_with(&file, &by_timetable, None, Some(journeys)));
    let (expected, found) = (expected.rows, found.unwrap().rows);
    assert_eq!(expected.len(), found.len());
    for (row, expected) in &expected {
        let found = &found[row];
        assert!(found.rejects.is_empty(), "{row:?} {:?}", found.rejects);
        for field in ["number", "service_date", "boarded_at", "alighted_at", "carriage", "seat", "cert_number"] {
            assert_eq!(found.records[0][field], expected.records[0][field], "{row:?} {field}");
        }
    }
}
