//! GTFS, from a folder and from a zip, with what is wrong in it; zones on the days on which clocks change.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use fuma_schemas::instant::parse_date;
use zip::write::SimpleFileOptions;

use super::*;

/// The files of a timetable that is right.
fn files() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("agency.txt", "\u{feff}agency_id,agency_name,agency_timezone\r\na,Rail,Asia/Shanghai\r\n".to_owned()),
        ("routes.txt", "route_id,agency_id,route_short_name,route_type\nr,a,,2\nr9,a,G9,102\nbus,a,7,3\n".to_owned()),
        (
            "trips.txt",
            "route_id,service_id,trip_id,trip_short_name\nr,daily,t1,K9901\nr9,week,t2,\nbus,daily,t3,7\n".to_owned(),
        ),
        (
            "stops.txt",
            "stop_id,stop_name,parent_station,stop_code\ns1,东站台,p1,\np1,测试东,,TDO\ns2,样例南,,\ns3,\"示例,西\",,\n"
                .to_owned(),
        ),
        (
            "stop_times.txt",
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt1,24:40:00,24:48:00,s2,5\n\
             t1,18:30:00,18:30:00,s1,1\nt1,31:05:00,31:05:00,s3,9\nt2,7:00:00,7:00:00,s1,1\nt2,,,s2,2\n\
             t2,9:20:00,9:20:00,s3,3\nt3,7:00:00,7:00:00,s1,1\n"
                .to_owned(),
        ),
        (
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
             daily,1,1,1,1,1,1,1,20211201,20220331\nweek,1,1,1,1,1,0,0,20211201,20220331\n"
                .to_owned(),
        ),
        (
            "calendar_dates.txt",
            "service_id,date,exception_type\nweek,20220305,1\nweek,20220304,2\ndaily,20220402,1\n".to_owned(),
        ),
    ])
}

fn options() -> Options {
    Options { zone: Zone::Offset(0), days: None, route_types: Vec::new(), number: None }
}

fn read_files(files: &BTreeMap<&str, String>, options: &Options) -> (Result<Vec<Train>, TimetableError>, Report) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut report = Report::default();
    (read(folder.path(), options, &mut report), report)
}

fn zip_of(files: &BTreeMap<&str, String>, path: &Path, inner: &str) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, text) in files {
        zip.start_file(format!("{inner}{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

fn day(text: &str) -> i32 {
    parse_date(text).unwrap()
}

#[test]
fn trains_have_numbers_days_and_stops_in_order() {
    let (trains, report) = read_files(&files(), &options());
    let trains = trains.unwrap();
    let numbers: Vec<&str> = trains.iter().map(|train| train.number.as_str()).collect();
    assert_eq!(numbers, ["K9901", "G9"]);
    let names: Vec<&Vec<String>> = trains[0].stops.iter().map(|stop| &stop.names).collect();
    assert_eq!(
        names,
        [&vec!["东站台".to_owned(), "测试东".to_owned()], &vec!["样例南".to_owned()], &vec!["示例,西".to_owned()]]
    );
    assert_eq!((trains[0].stops[1].arrives, trains[0].stops[1].departs), (Some(88_800), Some(89_280)));
    assert_eq!(trains[0].zone, Zone::parse("Asia/Shanghai").unwrap());
    let runs = |train: &Train, days: &[&str]| days.iter().map(|text| train.days.has(day(text))).collect::<Vec<bool>>();
    let days = ["2021-11-30", "2021-12-01", "2022-03-31", "2022-04-01", "2022-04-02"];
    assert_eq!(runs(&trains[0], &days), [false, true, true, false, true]);
    // A Friday taken out, a Saturday put in, a Sunday.
    assert_eq!(runs(&trains[1], &["2022-03-04", "2022-03-05", "2022-03-06", "2022-03-07"]), [false, true, false, true]);
    assert_eq!(report.counts.get(&Code::OtherRoute), Some(&1));
    assert_eq!(report.remarks.get(&Remark::StopWithoutTime), Some(&1));
}

#[test]
fn a_zip_is_a_folder_wherever_its_files_are() {
    let folder = tempfile::tempdir().unwrap();
    let expected = read_files(&files(), &options()).0.unwrap();
    for inner in ["", "gtfs/2022/"] {
        let path = folder.path().join("gtfs.zip");
        zip_of(&files(), &path, inner);
        assert_eq!(read(&path, &options(), &mut Report::default()).unwrap(), expected);
    }
}

#[test]
fn other_kinds_of_routes_and_other_columns_of_the_number_are_asked_for() {
    let buses = Options { route_types: vec![3], number: Some("trip_id".to_owned()), ..options() };
    let mut with_two = files();
    with_two.get_mut("stop_times.txt").unwrap().push_str("t3,8:00:00,8:00:00,s2,2\n");
    let (trains, _) = read_files(&with_two, &buses);
    assert_eq!(trains.unwrap()[0].number, "t3");
    let none = Options { route_types: vec![4], ..options() };
    assert!(read_files(&files(), &none).0.unwrap_err().to_string().contains("--route-type"));
}

#[test]
fn what_cannot_be_said_is_passed_over_with_its_reason() {
    for (file, from, to, code) in [
        ("stop_times.txt", "t1,24:40:00,24:48:00", "t1,17:40:00,17:48:00", Code::TimesGoBack),
        ("stop_times.txt", "t1,24:40:00,24:48:00", "t1,24:70:00,24:48:00", Code::BadTime),
        ("stop_times.txt", "s2,5", "s9,5", Code::UnknownStop),
        ("stop_times.txt", "s2,5", "s2,1", Code::DuplicateStop),
        ("stop_times.txt", "s2,5", "s2,x", Code::BadRow),
        ("stop_times.txt", "t1,18:30:00,18:30:00", "t1,,", Code::Repeated),
        ("trips.txt", "r,daily", "q,daily", Code::UnknownRoute),
        ("trips.txt", "r,daily", "r,holiday", Code::UnknownService),
        ("trips.txt", "t1,K9901", "t1,", Code::NoNumber),
        ("calendar.txt", "daily,1,1", "daily,1,2", Code::UnknownService),
        ("calendar.txt", "20211201,20220331\nweek", "20221201,20220331\nweek", Code::Repeated),
    ] {
        let mut files = files();
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(from), "{file} {from}");
        *text = text.replacen(from, to, 1);
        let (trains, report) = read_files(&files, &options());
        let trains = trains.unwrap();
        match code {
            // What is left is a train still: of two stops, and of one day.
            Code::Repeated => assert_eq!(trains.len(), 2, "{file} {to}"),
            code => {
                assert!(trains.iter().all(|train| train.number != "K9901"), "{file} {to}");
                assert!(trains.iter().any(|train| train.number == "G9") || code == Code::UnknownService, "{file} {to}");
                assert!(report.counts.contains_key(&code), "{file} {to}: {:?}", report.counts);
            }
        }
    }
    let mut by_interval = files();
    by_interval
        .insert("frequencies.txt", "trip_id,start_time,end_time,headway_secs\nt1,6:00:00,9:00:00,600\n".to_owned());
    let (trains, report) = read_files(&by_interval, &options());
    assert_eq!((trains.unwrap().len(), report.counts.get(&Code::ByFrequency)), (1, Some(&1)));
}

#[test]
fn a_train_that_goes_on_under_another_number_is_one_train() {
    let mut files = files();
    files.get_mut("trips.txt").unwrap().push_str("r,daily,t4,K9904\n");
    files.get_mut("stop_times.txt").unwrap().push_str("t4,31:20:00,31:20:00,s3,1\nt4,33:00:00,33:00:00,s2,2\n");
    files.insert(
        "transfers.txt",
        "from_stop_id,to_stop_id,from_trip_id,to_trip_id,transfer_type\n,,t1,t4,4\n".to_owned(),
    );
    let trains = read_files(&files, &options()).0.unwrap();
    let whole = trains.iter().find(|train| train.number == "K9901").unwrap();
    assert_eq!((whole.also.as_slice(), whole.stops.len(), trains.len()), (["K9904".to_owned()].as_slice(), 4, 2));
    assert_eq!((whole.stops[2].arrives, whole.stops[2].departs), (Some(111_900), Some(112_800)));
    // On other days it does not go on.
    *files.get_mut("trips.txt").unwrap() = files["trips.txt"].replace("daily,t4", "week,t4");
    let (trains, report) = read_files(&files, &options());
    assert_eq!((trains.unwrap().len(), report.counts.get(&Code::BadTransfer)), (3, Some(&1)));
}

#[test]
fn what_is_no_timetable_is_refused_by_name() {
    type Change = fn(&mut BTreeMap<&'static str, String>);
    let changes: [(&str, Change); 5] = [
        ("missing-file: there is no stops.txt", |files| drop(files.remove("stops.txt"))),
        ("missing-file", |files| files.retain(|name, _| !name.starts_with("calendar"))),
        ("missing-column: trips.txt has no column service_id", |files| {
            files.insert("trips.txt", "route_id,trip_id\nr,t\n".to_owned());
        }),
        ("agency.txt, line 2", |files| {
            files.insert("agency.txt", "agency_id,agency_timezone\na,Peking\n".to_owned());
        }),
        ("routes.txt, line 2", |files| {
            files.insert("agency.txt", "agency_id,agency_timezone\nx,UTC\ny,UTC\n".to_owned());
        }),
    ];
    for (says, change) in changes {
        let mut files = files();
        change(&mut files);
        let error = read_files(&files, &options()).0.unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    fs::write(&path, "train,stops\n").unwrap();
    assert!(read(&path, &options(), &mut Report::default()).unwrap_err().to_string().starts_with("not-a-timetable"));
}

#[test]
fn numbers_that_change_on_the_way_are_written_in_two_forms() {
    for (written, first, also) in [
        ("K833", "K833", &[] as &[&str]),
        ("K833/K836", "K833", &["K836"]),
        ("K833/6", "K833", &["K836"]),
        ("1461/1462/3", "1461", &["1462", "1463"]),
        (" / ", "", &[]),
    ] {
        assert_eq!(trains::numbers(written), (first.to_owned(), also.iter().map(ToString::to_string).collect()));
    }
}

#[test]
fn a_service_day_begins_twelve_hours_before_noon() {
    let berlin = Zone::parse("Europe/Berlin").unwrap();
    let hour = fuma_schemas::instant::HOUR_MS;
    let midnight = |text: &str, offset: i64| i64::from(day(text)) * 24 * hour - offset * hour;
    assert_eq!(berlin.begin_of(day("2022-03-26")), Some(midnight("2022-03-26", 1)));
    // Clocks go forward at 2: twelve hours before noon is 23 of the day before.
    assert_eq!(berlin.begin_of(day("2022-03-27")), Some(midnight("2022-03-27", 2)));
    assert_eq!(berlin.begin_of(day("2022-10-30")), Some(midnight("2022-10-30", 1)));
    assert_eq!(berlin.day_of(midnight("2022-03-27", 2)), Some(day("2022-03-26")));
    for (text, shown) in [("+08:00", Some("+08:00")), ("-03:30", Some("-03:30")), ("+8", None), ("Peking", None)] {
        assert_eq!(Zone::parse(text).map(|zone| zone.to_string()).as_deref(), shown, "{text}");
    }
}
