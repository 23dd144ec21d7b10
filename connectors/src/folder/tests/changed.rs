//! A watched file is known by what is in it: corrected anywhere, it is read again; half written, its last line waits.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use fuma_schemas::Feed;

use super::super::{FolderLog, FolderOptions, TOO_LARGE_HEADER};
use super::feeds::{Place, QUIET, SETTLED, append, drain, tests};
use crate::files::{RAW_BYTES_MAX, RECORD_BYTES_MAX};
use crate::log::{FeedSource, Log as _};

const ROWS: usize = 100_000;

/// Some megabytes of lines of one length.
fn lines(changed: Option<usize>) -> String {
    (0..ROWS).map(|row| format!("{{\"row\":{row:06},\"v\":\"{}\"}}\n", u8::from(changed == Some(row)))).collect()
}

/// The same as a table.
fn table(changed: Option<usize>) -> String {
    let rows = (0..ROWS).map(|row| format!("{row:06},{},0123456789012345\n", u8::from(changed == Some(row))));
    std::iter::once("id,v,w\n".to_owned()).chain(rows).collect()
}

/// Overwrites some bytes and puts the time of modification back, as some programs do.
fn overwrite(path: &std::path::Path, at: u64, text: &str) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_modified(before).unwrap();
}

/// The length is the same, and so are the first and the last bytes: a daily export in which one row was corrected.
#[test]
fn a_file_that_was_corrected_in_the_middle_is_read_again_as_a_whole() {
    for (name, write) in [("tests.ndjson", lines as fn(Option<usize>) -> String), ("tests.csv", table)] {
        let place = Place::new();
        let path = place.path(name);
        fs::write(&path, write(None)).unwrap();
        let log = place.log();
        let mut feeds = log.feeds(0).unwrap();
        assert_eq!(drain(&mut *feeds, QUIET).len(), ROWS, "{name}");
        feeds.commit().unwrap();
        let middle = write(None).len() as u64 / 2;
        overwrite(&path, middle, "X");
        assert_eq!(drain(&mut *feeds, QUIET).len(), ROWS, "{name}: in place");
        fs::write(place.path(".new"), write(Some(ROWS / 3))).unwrap();
        fs::rename(place.path(".new"), &path).unwrap();
        assert_eq!(drain(&mut *feeds, QUIET).len(), ROWS, "{name}: by a new file");
        feeds.commit().unwrap();
        drop((feeds, log));
        overwrite(&path, middle, "Y");
        let log = place.log();
        let mut feeds = log.feeds(0).unwrap();
        assert_eq!(drain(&mut *feeds, QUIET).len(), ROWS, "{name}: while nothing ran");
        feeds.commit().unwrap();
        drop((feeds, log));
        // Touched, or put there again as it is: nothing comes.
        fs::copy(&path, place.path(".new")).unwrap();
        fs::rename(place.path(".new"), &path).unwrap();
        let log = place.log();
        let mut feeds = log.feeds(0).unwrap();
        assert_eq!(drain(&mut *feeds, QUIET), [], "{name}: the same contents");
        let later = fs::metadata(&path).unwrap().modified().unwrap() + Duration::from_secs(1);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(drain(&mut *feeds, QUIET), [], "{name}: touched");
    }
}

#[test]
fn a_correction_of_a_file_that_goes_on_growing_is_seen() {
    let place = Place::new();
    let path = place.path("tests.ndjson");
    fs::write(&path, lines(None)).unwrap();
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET).len(), ROWS);
    overwrite(&path, 40, "X");
    append(&path, "more\n");
    let came = drain(&mut *feeds, SETTLED);
    assert!(came.len() > ROWS, "{} lines came", came.len());
    assert_eq!(came[0], (Feed::Tests, ROWS as u64 + 1, "more".to_owned()), "what is new does not wait for the check");
    // Longer, and another one from its beginning on.
    fs::write(&path, format!("first\n{}", lines(None))).unwrap();
    append(&path, "more\nlast\n");
    assert_eq!(drain(&mut *feeds, QUIET).len(), ROWS + 3);
}

/// Half a certificate number is another person's.
#[test]
fn half_a_row_is_not_read_before_it_ends_or_settles() {
    let place = Place::new();
    let path = place.path("tests.csv");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    fs::write(&path, "id,cert_n").unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), [], "half the headings");
    append(&path, "umber\n1,E00\n2,E99000");
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, r#"{"id":"1","cert_number":"E00"}"#)]));
    append(&path, "1234\n3,E1\n");
    let rows = [(2, r#"{"id":"2","cert_number":"E990001234"}"#), (3, r#"{"id":"3","cert_number":"E1"}"#)];
    assert_eq!(drain(&mut *feeds, QUIET), tests(&rows), "what was read does not come again");
    append(&path, "4,E5");
    assert_eq!(drain(&mut *feeds, QUIET), []);
    assert_eq!(drain(&mut *feeds, SETTLED), tests(&[(4, r#"{"id":"4","cert_number":"E5"}"#)]), "settled");
    feeds.commit().unwrap();
    drop((feeds, log));
    append(&path, "6\n");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(
        drain(&mut *feeds, QUIET),
        tests(&[(4, r#"{"id":"4","cert_number":"E56"}"#)]),
        "it went on all the same"
    );
    feeds.commit().unwrap();
}

#[test]
fn the_last_line_of_a_packed_file_waits_too() {
    let place = Place::new();
    let gzip = |text: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    };
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    let path = place.path("tests.ndjson.gz");
    fs::write(&path, gzip(b"1\n2\n{\"a\":")).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, "1"), (2, "2")]));
    // A second member goes on in the middle of the line.
    fs::write(&path, [gzip(b"1\n2\n{\"a\":"), gzip(b"3}\n4\n")].concat()).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(3, "{\"a\":3}"), (4, "4")]));
    fs::write(&path, gzip(b"1\n5")).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, "1")]), "another one");
    assert_eq!(drain(&mut *feeds, SETTLED), tests(&[(2, "5")]));
    assert_eq!(drain(&mut *feeds, SETTLED), [], "once");
}

#[test]
fn a_position_of_an_older_version_makes_its_file_be_read_again() {
    let place = Place::new();
    let path = place.path("tests.ndjson");
    append(&path, "1\n2\n");
    fs::create_dir_all(&place.state).unwrap();
    let watched = path.canonicalize().unwrap();
    let old = format!(
        r#"{{"{}":{{"bytes":4,"lines":2,"is_whole":false,"first":3596227959,"last":3596227959}}}}"#,
        watched.display()
    );
    fs::write(place.state.join("feeds.json"), old).unwrap();
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET).len(), 2);
    feeds.commit().unwrap();
    assert_eq!(drain(&mut *log.feeds(0).unwrap(), QUIET), []);
}

/// A line that never ends costs the memory of a record, and is one reject when it settles.
#[test]
fn a_line_that_is_too_large_is_one_record() {
    let place = Place::new();
    let path = place.path("tests.ndjson");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    let came = |feeds: &mut dyn FeedSource, quiet: Duration| {
        let mut all = Vec::new();
        while feeds
            .poll(quiet, 2, &mut |record| {
                let length = record.headers.iter().find(|(name, _)| *name == TOO_LARGE_HEADER).map(|(_, value)| {
                    let value = String::from_utf8(value.unwrap().to_vec()).unwrap();
                    value.split(' ').next().unwrap().parse::<usize>().unwrap()
                });
                all.push((record.offset, record.value.unwrap().len(), length));
            })
            .unwrap()
            > 0
        {}
        all
    };
    append(&path, &format!("1\n{}", "x".repeat(RECORD_BYTES_MAX - 5)));
    assert_eq!(came(&mut *feeds, QUIET), [(1, 1, None)]);
    for _ in 0..3 {
        append(&path, &"y".repeat(RECORD_BYTES_MAX));
        assert_eq!(came(&mut *feeds, QUIET), []);
    }
    feeds.commit().unwrap();
    append(&path, "z\n3\n");
    let length = 4 * RECORD_BYTES_MAX - 4;
    assert_eq!(came(&mut *feeds, QUIET), [(2, RAW_BYTES_MAX, Some(length)), (3, 1, None)]);
    feeds.commit().unwrap();
    append(&path, &format!("{}\n{}\n", "a".repeat(RECORD_BYTES_MAX), "b".repeat(RECORD_BYTES_MAX + 1)));
    let ends = [(4, RECORD_BYTES_MAX, None), (5, RAW_BYTES_MAX, Some(RECORD_BYTES_MAX + 1))];
    assert_eq!(came(&mut *feeds, QUIET), ends);
    append(&path, &"c".repeat(2 * RECORD_BYTES_MAX));
    assert_eq!(came(&mut *feeds, QUIET), []);
    assert_eq!(came(&mut *feeds, SETTLED), [(6, RAW_BYTES_MAX, Some(2 * RECORD_BYTES_MAX))]);
    feeds.commit().unwrap();
    drop((feeds, log));
    append(&path, "\n7\n");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(came(&mut *feeds, QUIET), [(6, RAW_BYTES_MAX, Some(2 * RECORD_BYTES_MAX)), (7, 1, None)]);
}

#[test]
fn a_watched_place_that_is_no_folder_is_refused_at_the_start() {
    let place = Place::new();
    let file = place.path("tests.ndjson");
    append(&file, "1\n");
    for (watched, says) in
        [(file, "is a file, and folders are watched"), (place.path("absent"), "no such folder to watch")]
    {
        let options = FolderOptions { watched: vec![watched], ..FolderOptions::new(&place.state, 1, 1) };
        let error = FolderLog::open(&options).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
