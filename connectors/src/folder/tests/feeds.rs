//! Files that grow, are cut, replaced, packed or broken; what a change in them does is in `changed`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fuma_schemas::Feed;

use super::super::{BAD_ROW_HEADER, FolderLog, FolderOptions};
use crate::log::{FeedSource, Log, Outgoing, Topic};

/// A state folder, a watched one.
pub(super) struct Place {
    _held: tempfile::TempDir,
    pub(super) state: PathBuf,
    pub(super) watched: PathBuf,
}

impl Place {
    pub(super) fn new() -> Place {
        let held = tempfile::tempdir().unwrap();
        let (state, watched) = (held.path().join("state"), held.path().join("in"));
        fs::create_dir(&watched).unwrap();
        Place { _held: held, state, watched }
    }

    pub(super) fn log(&self) -> FolderLog {
        let options = FolderOptions::new(&self.state, 1, 1);
        FolderLog::open(&FolderOptions { watched: vec![self.watched.clone()], settle: SETTLE, ..options }).unwrap()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.watched.join(name)
    }
}

pub(super) fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// All that comes until nothing does for `quiet`: feed, line, value; a bad row has a `!` in front.
pub(super) fn drain(feeds: &mut dyn FeedSource, quiet: Duration) -> Vec<(Feed, u64, String)> {
    let mut all = Vec::new();
    while feeds
        .poll(quiet, 3, &mut |record| {
            assert!(record.received.is_none() && record.key.is_none());
            let mark = if record.headers.iter().any(|(name, _)| *name == BAD_ROW_HEADER) { "!" } else { "" };
            let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
            all.push((record.feed, record.offset, format!("{mark}{value}")));
        })
        .unwrap()
        > 0
    {}
    all
}

pub(super) const QUIET: Duration = Duration::from_millis(900);
/// A last line without an end is taken after that long.
pub(super) const SETTLE: Duration = Duration::from_millis(2500);
pub(super) const SETTLED: Duration = Duration::from_millis(4000);

pub(super) fn tests(lines: &[(u64, &str)]) -> Vec<(Feed, u64, String)> {
    lines.iter().map(|(line, value)| (Feed::Tests, *line, (*value).to_owned())).collect()
}

#[test]
fn a_growing_file_is_followed_by_whole_lines() {
    let place = Place::new();
    let path = place.path("tests-a.ndjson");
    append(&path, "1\n\n 2\r\n3");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, "1"), (3, " 2\r")]));
    assert_eq!(feeds.lag(), Some(0));
    append(&path, "3\n4\n");
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(4, "33"), (5, "4")]));
    append(&place.path("cases.b.ndjson"), "c\n");
    append(&place.path("nothing.ndjson"), "x\n");
    assert_eq!(drain(&mut *feeds, QUIET), [(Feed::Cases, 1, "c".to_owned())]);
    append(&path, "{\"a\":1");
    assert_eq!(drain(&mut *feeds, QUIET), [], "it may still be written");
    assert_eq!(drain(&mut *feeds, SETTLED), tests(&[(6, "{\"a\":1")]), "it stands still");
    assert_eq!(drain(&mut *feeds, SETTLED), [], "once");
    append(&path, "}\n7\n");
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(6, "{\"a\":1}"), (7, "7")]), "as it is now");
}

#[test]
fn a_restart_goes_on_behind_what_was_committed() {
    let place = Place::new();
    let path = place.path("tests.ndjson");
    append(&path, "1\n2\n3\n4\n5\n");
    {
        let log = place.log();
        let mut feeds = log.feeds(0).unwrap();
        assert_eq!(feeds.poll(QUIET, 2, &mut |_| ()).unwrap(), 2);
        feeds.commit().unwrap();
        assert_eq!(feeds.poll(QUIET, 2, &mut |_| ()).unwrap(), 2, "not committed");
    }
    append(&path, "6\n");
    // Another device: the same file under the same name.
    let copy = place.watched.parent().unwrap().join("copy");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&copy, &path).unwrap();
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(3, "3"), (4, "4"), (5, "5"), (6, "6")]));
    feeds.commit().unwrap();
    assert_eq!(log.feeds(0).unwrap().poll(QUIET, 9, &mut |_| ()).unwrap(), 0);
}

#[test]
fn a_file_that_was_cut_or_replaced_is_read_anew() {
    let place = Place::new();
    let path = place.path("tests.ndjson");
    append(&path, "1\n2\n3\n");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET).len(), 3);
    fs::write(&path, "9\n").unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, "9")]), "cut");
    fs::write(place.watched.join(".new"), "7\n8\n").unwrap();
    fs::rename(place.watched.join(".new"), &path).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, "7"), (2, "8")]), "replaced");
    feeds.commit().unwrap();
    drop((feeds, log));
    fs::write(&path, "5\n6\n4\n").unwrap();
    assert_eq!(drain(&mut *place.log().feeds(0).unwrap(), QUIET).len(), 3, "while nothing ran");
}

#[test]
fn packed_and_tabular_files_are_read_once() {
    let place = Place::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a\nb\nc\nd\n").unwrap();
    let packed = gzip.finish().unwrap();
    fs::write(place.path("tests.ndjson.gz"), &packed).unwrap();
    {
        let log = place.log();
        let mut feeds = log.feeds(0).unwrap();
        assert_eq!(drain(&mut *feeds, QUIET), tests(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")]));
        feeds.commit().unwrap();
    }
    fs::write(place.path("tests-2.csv"), "owner,id\no,\"1\"\nx\ny,2\n").unwrap();
    fs::write(place.path("tests-3.ndjson.gz"), &packed[..packed.len() - 9]).unwrap();
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    let table = [(1, "{\"owner\":\"o\",\"id\":\"1\"}"), (2, "!x"), (3, "{\"owner\":\"y\",\"id\":\"2\"}")];
    assert_eq!(drain(&mut *feeds, QUIET)[..3], tests(&table), "what was read is not read again");
    fs::write(place.path("tests-3.ndjson.gz"), &packed).unwrap();
    assert_eq!(drain(&mut *feeds, QUIET).len(), 4, "tried again when it changed");
}

#[test]
fn a_dead_letter_names_its_file() {
    let place = Place::new();
    append(&place.path("tests-x.ndjson"), "1\n2\n");
    let log = place.log();
    let mut feeds = log.feeds(0).unwrap();
    let mut letters = Vec::new();
    feeds
        .poll(QUIET, 9, &mut |record| {
            let headers = vec![("__fuma.errors.offset".to_owned(), record.offset.to_string().into())];
            letters.push(Outgoing { partition: record.partition, headers, ..Outgoing::default() });
        })
        .unwrap();
    let mut appender = log.appender("intake").unwrap();
    letters.into_iter().for_each(|letter| appender.append(Topic::DeadLetters(Feed::Tests), letter).unwrap());
    appender.flush().unwrap();
    let lines = fs::read_to_string(place.state.join("rejects/tests.ndjson")).unwrap();
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["file"], &last["line"]), (&"tests-x.ndjson".into(), &2.into()));
}
