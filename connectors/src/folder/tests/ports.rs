//! The ports as the engine uses them, and across a restart.

use std::time::Duration;

use bytes::Bytes;
use fuma_schemas::Feed;

use super::super::{FolderLog, FolderOptions, FolderTail};
use super::{SOON, begin, commit, output};
use crate::log::{LinkEvent, Log, LogRecord, Outgoing, Severity, Topic};

fn open(dir: &std::path::Path) -> FolderLog {
    FolderLog::open(&FolderOptions { segment_bytes: 2000, ..FolderOptions::new(dir, 3, 2) }).unwrap()
}

fn record(partition: u32, value: &'static str) -> Outgoing {
    Outgoing { partition, value: Bytes::from_static(value.as_bytes()), ..Outgoing::default() }
}

#[test]
fn a_second_one_is_refused_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let error = FolderLog::open(&FolderOptions::new(dir.path(), 3, 2)).unwrap_err();
    assert_eq!(error.severity(), Severity::Operator);
    let text = error.to_string();
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    drop(log);
    let error = FolderLog::open(&FolderOptions::new(dir.path(), 4, 2)).unwrap_err();
    assert!(error.to_string().contains("made with 3 partitions, and 4 are wanted"), "{error}");
    open(dir.path());
}

/// Days of records of phones went, as they do on Kafka; nobody's snapshot says from where on they are needed.
#[test]
fn the_phones_log_keeps_days_and_not_all() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let now = super::super::store::now();
    let folder = dir.path().join("log/phones-0001");
    let segments = super::super::segments::Segments::open(&folder, 1, 2000).unwrap();
    for (days, count) in [(30, 40), (8, 40), (6, 40), (0, 1)] {
        for _ in 0..count {
            segments
                .write(fuma_schemas::Instant(now.0 - days * 24 * 3_600_000), [&[7_u8; 200][..]].into_iter())
                .unwrap();
        }
        segments.sync().unwrap();
    }
    assert_eq!(segments.bounds(), 0..121);
    drop(segments);
    let log = open(dir.path());
    let mut appender = log.appender("intake").unwrap();
    appender.append(Topic::Evidence, record(1, "evidence")).unwrap();
    appender.flush().unwrap();
    let begins = || log.0.log(Topic::Phones, 1).unwrap().bounds().start;
    assert_eq!(begins(), 0, "only whoever writes there trims it");
    appender.append(Topic::Phones, record(1, "phone")).unwrap();
    appender.flush().unwrap();
    // Eight records a segment: the last before the seventh day stays, for the one behind it says where it ends.
    assert_eq!(begins(), 72);
    let begins_before = begins();
    appender.append(Topic::Phones, record(1, "phone")).unwrap();
    appender.flush().unwrap();
    assert_eq!(begins(), begins_before);
}

#[test]
fn evidence_comes_to_the_worker_of_its_partition_once_it_is_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (mut first, mut second) = (log.worker(0).unwrap(), log.worker(1).unwrap());
    assert_eq!((begin(&mut *first), begin(&mut *second)), (vec![0, 2], vec![1]));
    let mut appender = log.appender("intake").unwrap();
    for (partition, value) in [(2, "a"), (1, "b"), (2, "c"), (0, "d")] {
        appender.append(Topic::Evidence, record(partition, value)).unwrap();
    }
    let mut records = Vec::new();
    assert!(first.poll(SOON, &mut records).unwrap().is_empty() && records.is_empty(), "not flushed");
    let waiting = std::thread::spawn(move || {
        let mut records = Vec::new();
        second.poll(Duration::from_secs(20), &mut records).unwrap();
        records.len()
    });
    appender.flush().unwrap();
    assert_eq!(waiting.join().unwrap(), 1, "woken by the flush");
    first.poll(SOON, &mut records).unwrap();
    let mut found: Vec<(u32, u64, &[u8])> = records
        .iter()
        .map(|LogRecord { partition, offset, value, .. }| (*partition, *offset, value.as_ref()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [(0, 0, b"d".as_slice()), (2, 0, b"a"), (2, 1, b"c")]);
    assert_eq!(first.evidence_bounds(2).unwrap(), 0..2);
    let mut offsets = Vec::new();
    let mut restorer = first.restorer().unwrap();
    restorer
        .read_evidence(2, 1..2, &mut |record| {
            offsets.push(record.offset);
            true
        })
        .unwrap();
    assert_eq!(offsets, [1]);
    assert!(restorer.read_evidence(2, 1..3, &mut |_| true).is_err());
}

#[test]
fn positions_and_changes_survive_restarts_and_rolls() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4_u64 {
        let log = open(dir.path());
        let mut worker = log.worker(0).unwrap();
        drop(log.worker(0).unwrap());
        assert_eq!(worker.poll(SOON, &mut Vec::new()).unwrap_err().severity(), Severity::Fatal, "made again");
        worker = log.worker(0).unwrap();
        worker.poll(SOON, &mut Vec::new()).unwrap();
        worker.accept(&[0, 2]).unwrap();
        let mut restorer = worker.restorer().unwrap();
        assert_eq!(restorer.position(2).unwrap().offset, (round > 0).then_some(round * 20 - 1));
        assert_eq!(restorer.position(0).unwrap().offset, (round > 0).then_some(0), "kept by checkpoints alone");
        if round == 0 {
            commit(&mut *worker, &[0], 0, "once").unwrap();
        }
        for n in round * 20..round * 20 + 20 {
            commit(&mut *worker, &[2], n, &format!("{n}")).unwrap();
        }
        let (changes, end) = output(&*worker, 2, 0);
        let values: Vec<String> = changes.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(values, (0..round * 20 + 20).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(worker.output_end(2).unwrap(), end);
        let (later, _) = output(&*worker, 2, changes[7].0);
        assert_eq!(later, changes[7..]);
        assert_eq!(output(&*worker, 2, end).0, []);
    }
    assert!(std::fs::read_dir(dir.path().join("log/journal")).unwrap().count() > 1, "it has rolled");
}

#[test]
fn links_go_on_behind_what_was_judged() {
    let dir = tempfile::tempdir().unwrap();
    let append = |log: &FolderLog, value| {
        let mut appender = log.appender("intake").unwrap();
        appender.append(Topic::Links, record(0, value)).unwrap();
        appender.append(Topic::Regions, record(0, value)).unwrap();
        appender.flush().unwrap();
    };
    let mut records = Vec::new();
    {
        let log = open(dir.path());
        append(&log, "a");
        append(&log, "b");
        let mut links = log.links().unwrap();
        assert_eq!(links.poll(SOON, &mut records).unwrap(), LinkEvent::Assigned(None));
        assert_eq!(log.links().unwrap().poll(SOON, &mut records).unwrap(), LinkEvent::None, "one reader");
        links.seek(0).unwrap();
        assert!(links.seek(3).is_err());
        links.poll(SOON, &mut records).unwrap();
        assert_eq!(records.len(), 2);
        links.commit(1).unwrap();
    }
    let log = open(dir.path());
    let mut links = log.links().unwrap();
    assert_eq!(links.poll(SOON, &mut records).unwrap(), LinkEvent::Assigned(Some(1)));
    assert_eq!(links.bounds().unwrap(), 0..2);
    let mut reference = log.reference().unwrap();
    let mut values = Vec::new();
    reference.poll(SOON, &mut |topic, record| values.push((topic, record.offset))).unwrap();
    assert_eq!(values, [(Topic::Regions, 0), (Topic::Regions, 1)]);
    assert_eq!((reference.end(Topic::Regions).unwrap(), reference.end(Topic::Policies).unwrap()), (2, 0));
}

#[test]
fn another_process_sees_changes_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    assert!(FolderTail::open(dir.path(), true).unwrap_err().to_string().contains("no log here"));
    let log = open(dir.path());
    let mut worker = log.worker(0).unwrap();
    begin(&mut *worker);
    commit(&mut *worker, &[0, 2], 1, "a").unwrap();
    let (mut all, mut new) =
        (FolderTail::open(dir.path(), true).unwrap(), FolderTail::open(dir.path(), false).unwrap());
    let value = |tail: &mut FolderTail| tail.poll(SOON).unwrap().map(|change| (change.partition, change.value));
    assert_eq!(value(&mut all), Some((0, "a".into())));
    assert_eq!(value(&mut all), Some((2, "a".into())));
    assert_eq!((value(&mut all), value(&mut new)), (None, None));
    for n in 0..100 {
        commit(&mut *worker, &[2], 2 + n, &n.to_string()).unwrap();
        let change = new.poll(SOON).unwrap().unwrap();
        assert_eq!((change.value.as_ref(), change.key.as_ref()), (n.to_string().as_bytes(), b"p2".as_slice()));
        assert_eq!(change.headers, [(Bytes::from("ce_id"), Bytes::from(format!("p2-{n}")))]);
    }
    let rest: Vec<_> = std::iter::from_fn(|| value(&mut all)).collect();
    assert_eq!(rest.len(), 100, "over all segments");
}

/// `fuma tail` beside a service that makes its log at this moment: the folder is there, and nothing in it.
#[test]
fn a_log_that_is_being_made_has_no_change_yet() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("log/journal");
    std::fs::create_dir_all(&journal).unwrap();
    let mut tails = [true, false].map(|all| FolderTail::open(dir.path(), all).unwrap());
    for tail in &mut tails {
        assert_eq!(tail.poll(Duration::ZERO).unwrap(), None);
    }
    std::fs::remove_dir(&journal).unwrap();
    let log = open(dir.path());
    let mut worker = log.worker(0).unwrap();
    begin(&mut *worker);
    commit(&mut *worker, &[0], 1, "a").unwrap();
    for tail in &mut tails {
        assert_eq!(tail.poll(SOON).unwrap().map(|change| change.value), Some("a".into()));
    }
}

#[test]
fn dead_letters_become_lines_for_the_owners_eyes() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut appender = log.appender("intake").unwrap();
    let header =
        |name: &str, value: &'static str| (format!("__fuma.errors.{name}"), Bytes::from_static(value.as_bytes()));
    let headers = vec![header("code", "bad-json"), header("message", "no object"), header("offset", "12")];
    let letter = Outgoing { partition: 0, value: Bytes::from_static(b"\xffx"), headers, ..Outgoing::default() };
    appender.append(Topic::DeadLetters(Feed::Tests), letter).unwrap();
    appender.flush().unwrap();
    let path = dir.path().join("rejects/tests.ndjson");
    let line: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let expected = serde_json::json!({
        "feed": "tests", "file": "0", "line": 12, "code": "bad-json", "message": "no object", "raw": "\u{fffd}x",
    });
    assert_eq!(line, expected);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
