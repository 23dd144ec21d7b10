//! What trace cannot go on with by itself: shown, and released by an operator's word for that state alone; and what it
//! leaves behind when it is asked to end.

use std::time::Duration;

use fuma_connectors::log::{LogError, Outgoing, Topic};

use super::*;
use crate::live::partitions::{LINKS, ParkReason, Parked, Partitions, State, TRACE, Words};
use crate::live::snapshot::SnapshotStore;
use crate::live::stop::Stop;
use crate::live::trace;
use crate::live::worker::snapshots::Snapshots;

/// A stage on a thread, and what it shows.
struct Running {
    partitions: Partitions,
    words: Words,
    stop: Stop,
    thread: std::thread::JoinHandle<Result<(), LogError>>,
}

fn start(log: &MemoryLog, words: Words) -> Running {
    let (partitions, stop) = (Partitions::default(), Stop::default());
    let options = Options { partitions: partitions.clone(), words: words.clone(), ..Options::default() };
    let (own, stops) = (log.clone(), stop.clone());
    // The log would end the stage once all is read: it ends something else here.
    let run = move || trace::run(own.links(&Stop::default()), own.appender(), PARTITIONS, &options, &stops);
    Running { partitions, words, stop, thread: std::thread::spawn(run) }
}

impl Running {
    fn until<T>(&self, what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
        let begun = Clock::now();
        loop {
            if let Some(found) = is_so() {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", self.partitions.all());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn parked(&self) -> Parked {
        self.until("parked", || self.partitions.of(TRACE, LINKS).and_then(|holding| holding.parked))
    }

    fn until_owned(&self) {
        let state = || self.partitions.of(TRACE, LINKS).map(|holding| holding.state);
        self.until("owned", || state().filter(|state| *state == State::Owned));
    }

    /// The word as the command of the message says it.
    fn follow_advice(&self) {
        let command = self.parked().command(LINKS).unwrap();
        let parts: Vec<&str> = command.split_whitespace().collect();
        let ["fuma", "accept", reason, partition, digest] = parts[..] else { panic!("{command}") };
        let reason = ParkReason::parse(reason).filter(|reason| reason.is_acceptable()).unwrap();
        self.words.accept(reason, partition.parse().unwrap(), digest);
    }

    fn end(self) {
        self.stop.set();
        self.thread.join().unwrap().unwrap();
        assert_eq!(self.partitions.all(), []);
    }
}

fn garbage(log: &MemoryLog, bytes: &'static [u8]) {
    log.append(Topic::Links, Outgoing { value: bytes.into(), ..Default::default() });
}

/// A case; what cannot be read; a contact of that case.
fn damaged() -> MemoryLog {
    let whole = links(vec![case(0, 1, 1, false, true), contact(1, 1, 1, false, [Some(1), None])], 1);
    let records = whole.written(Topic::Links, 0);
    let log = MemoryLog::new(Vec::new(), &[]);
    log.append(Topic::Links, records[0].clone());
    garbage(&log, b"{}");
    log.append(Topic::Links, records[1].clone());
    log
}

#[test]
fn a_record_that_cannot_be_judged_waits_for_a_word_for_this_record() {
    let log = damaged();
    let running = start(&log, Words::default());
    let parked = running.parked();
    assert_eq!((parked.reason, parked.next_try), (ParkReason::LinkNotJudged, None));
    assert!(parked.what.starts_with("record 1 of the link log cannot be judged"), "{}", parked.what);
    running.until("what came before is noted", || log.links_committed().filter(|offset| *offset == 1));
    // Words for something else: another reason, another record, another partition.
    let digest = parked.digest.clone().unwrap();
    running.words.accept(ParkReason::LinksMissing, LINKS, digest.clone());
    running.words.accept(ParkReason::LinkNotJudged, LINKS, "0123456789abcdef");
    running.words.accept(ParkReason::LinkNotJudged, 1, digest);
    std::thread::sleep(Duration::from_millis(50));
    assert!(running.parked().reason == ParkReason::LinkNotJudged && log.links_committed() == Some(1));
    running.follow_advice();
    running.until("all is noted", || log.links_committed().filter(|offset| *offset == 3));
    running.until_owned();
    let used = running.words.take_used();
    assert_eq!(used, [(ParkReason::LinkNotJudged, LINKS, parked.digest.unwrap())]);
    let words = running.words.clone();
    running.end();
    let said = said(&log);
    assert!(matches!(&said[..], [(1, verdicts)] if short(verdicts) == [(false, version_of(2, 0))]), "{said:?}");

    // From the beginning, with the word: it is passed over without a stop, and the next one is not.
    garbage(&log, b"[]");
    let again = start(&log, words);
    let parked = again.parked();
    assert!(parked.what.starts_with("record 3 "), "{}", parked.what);
    again.end();
    let without = start(&log, Words::default());
    assert!(without.parked().what.starts_with("record 1 "));
    without.end();
}

#[test]
fn a_log_that_lacks_its_beginning_waits_for_a_graph_or_a_word() {
    let log = links(vec![case(0, 1, 1, false, true), contact(1, 1, 1, false, [Some(1), None])], 1);
    log.set_links_begin(1);
    let running = start(&log, Words::default());
    let parked = running.parked();
    assert_eq!(parked.reason, ParkReason::LinksMissing);
    assert!(parked.what.contains("begins at 1") && parked.next_try.is_some(), "{}", parked.what);
    assert_eq!(log.links_committed(), None);
    running.follow_advice();
    running.until("all is noted", || log.links_committed().filter(|offset| *offset == 2));
    running.until_owned();
    running.end();
    assert_eq!(said(&log).len(), 1, "the contact, as the graph knows it");
}

#[test]
fn a_log_that_ends_early_has_no_word() {
    let log = links(vec![case(0, 1, 1, false, true)], 1);
    run_trace(&log, &Options::default(), &[]);
    let shorter = MemoryLog::new(Vec::new(), &[]);
    shorter.note_links(1);
    let running = start(&shorter, Words::default());
    let error = running.thread.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("put it back as it was"), "{error}");
}

/// Whoever comes next reads little of the log: as with people, the graph is stored once more at an end.
#[test]
fn the_graph_is_stored_once_more_at_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let store = SnapshotStore::at(&place).unwrap();
    // Due after 300 records or an hour; at an end 3 are enough.
    let (every, at_stop) = (Duration::from_secs(3600), Duration::from_secs(30));
    let snapshots = Snapshots { store, place, every, records: 300, at_stop };
    let options = Options { snapshots: Some(snapshots.clone()), ..Options::default() };
    let stored = || {
        let found = std::fs::read_dir(folder.path().join("links"));
        found.map_or(0, |found| found.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count())
    };
    // A stage sees the first records of a log before it counts what passes.
    let records: Vec<Raw> = (0..8).map(|person| case(person, 1, 1, false, false)).collect();
    let log = links(records, 1);
    log.set_sizes(&[2]);
    run_trace(&log, &options, &[]);
    assert_eq!(stored(), 1);
    log.set_links_begin(4);
    run_trace(&log, &Options { snapshots: Some(snapshots), ..Options::default() }, &[]);
    assert_eq!(log.links_committed(), Some(8), "it is whole, and is used");
}
