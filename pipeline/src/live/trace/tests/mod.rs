//! The stage on a log in memory: contacts travel with their verdicts, every flip is said, and what a record costs.
//!
//! ```text
//! halted   what it waits for an operator with, and the last graph at an end
//! markers  offsets at which nothing stands
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod halted;
mod markers;

use std::time::Instant as Clock;

use fuma_connectors::log::Topic;
use fuma_schemas::{Feed, Instant, Kind, Person};

use super::Options;
use crate::evidence::{FactKey, Version, fact_key};
use crate::live::intake;
use crate::live::memory::{MemoryLog, Raw, TAKEN};
use crate::live::record::{self, ForgottenRow, RecordWriter, Section, VerdictRow, forgotten_batch, forgotten_rows};
use crate::live::tests::{PARTITIONS, case, contact, run_intake, run_trace};
use crate::trace::version_of;

/// A log whose links have these records, so many a message.
fn links(records: Vec<Raw>, of_message: usize) -> MemoryLog {
    let log = MemoryLog::new(records, &[of_message]);
    let options = intake::Options { batch_records_max: of_message, ..Default::default() };
    run_intake(&log, &options, &[]);
    log
}

/// By message: how many contacts, and the verdicts.
fn said(log: &MemoryLog) -> Vec<(usize, Vec<VerdictRow>)> {
    let mut said = Vec::new();
    for message in (0..PARTITIONS).flat_map(|partition| log.written(Topic::Evidence, partition)) {
        let (mut contacts, mut verdicts) = (0, Vec::new());
        for section in record::read(&message.value).unwrap() {
            match section {
                Section::Rows { kind: Kind::Contacts, batch } => contacts += batch.num_rows(),
                Section::Rows { .. } => {}
                Section::Verdicts(of_message) => {
                    assert_eq!(record::Causes::of(of_message.batch()).cause(0), Some(TAKEN));
                    verdicts.extend(of_message.iter());
                }
                other => panic!("nobody writes it here: {other:?}"),
            }
        }
        if contacts + verdicts.len() > 0 {
            said.push((contacts, verdicts));
        }
    }
    said
}

fn short(verdicts: &[VerdictRow]) -> Vec<(bool, u64)> {
    verdicts.iter().map(|verdict| (verdict.counts, verdict.version)).collect()
}

#[test]
fn a_fallen_contact_travels_with_its_verdict() {
    let again = contact(1, 1, 1, false, [Some(1), None]);
    let log = links(vec![case(0, 1, 1, false, true), again.clone(), again], 1);
    run_trace(&log, &Options { message_bytes_max: 1, ..Default::default() }, &[]);
    let said = said(&log);
    let [first, second] = &said[..] else { panic!("a message for each record of the contact: {said:?}") };
    assert_eq!((first.0, short(&first.1)), (1, vec![(false, version_of(1, 0))]));
    // Nothing flips, but the standing travels with it.
    assert_eq!((second.0, short(&second.1)), (1, vec![(false, version_of(2, 0))]));
}

#[test]
fn a_flip_that_the_same_message_turns_back_is_said() {
    let mut records = vec![contact(1, 1, 1, false, [Some(1), None]), case(0, 1, 1, false, false)];
    records.extend([case(0, 1, 2, false, true), case(0, 1, 3, true, false), case(0, 1, 4, false, false)]);
    let log = links(records, 100);
    assert_eq!(log.written(Topic::Links, 0).len(), 1);
    run_trace(&log, &Options::default(), &[]);
    let said = said(&log);
    let [(contacts, verdicts)] = &said[..] else { panic!("one message: {said:?}") };
    // Cases come first in a message: the contact meets the case as it is at last.
    assert_eq!((*contacts, short(verdicts)), (1, vec![]));
    let mut records = vec![contact(1, 1, 1, false, [Some(1), None])];
    records.extend([case(0, 1, 2, false, true), case(0, 1, 4, false, false), case(0, 1, 3, true, false)]);
    let log = links(records[..1].to_vec(), 100);
    let rest = links(records[1..].to_vec(), 100);
    rest.written(Topic::Links, 0).into_iter().for_each(|link| log.append(Topic::Links, link));
    run_trace(&log, &Options::default(), &[]);
    let said = self::said(&log);
    let [(contacts, verdicts)] = &said[..] else { panic!("one message: {said:?}") };
    assert_eq!((*contacts, short(verdicts)), (1, vec![(false, version_of(1, 0)), (true, version_of(1, 1))]));
}

/// The facts that evidence is told of as dropped, in order.
fn dropped(log: &MemoryLog) -> Vec<FactKey> {
    let messages = (0..PARTITIONS).flat_map(|partition| log.written(Topic::Evidence, partition));
    let sections = messages.flat_map(|message| record::read(&message.value).unwrap());
    let of = |section| if let Section::Forgotten(batch) = section { forgotten_rows(&batch).unwrap() } else { vec![] };
    sections.flat_map(of).map(|row| row.fact).collect()
}

/// People of a fact forgot it, and say so in the link log.
fn forget(log: &MemoryLog, feed: Feed, person: u8, id: &str, version: Version) -> FactKey {
    let person = Person(u128::from(person).to_be_bytes());
    let fact = fact_key(feed, person, "s", id);
    let mut writer = RecordWriter::new();
    writer.add_forgotten(&forgotten_batch(&[ForgottenRow { person, fact, version }]).unwrap()).unwrap();
    let value = writer.finish();
    log.append(Topic::Links, fuma_connectors::log::Outgoing { value, ..Default::default() });
    fact
}

/// Later than any record of these tests.
const LATER: Version = Version { revision: 9, retracted: false, known_at: Instant(i64::MAX) };

#[test]
fn what_people_forgot_is_dropped_and_told_once_nobody_names_it() {
    let log = links(vec![case(0, 1, 1, false, true), contact(1, 1, 1, false, [Some(1), None])], 1);
    let case = forget(&log, Feed::Cases, 0, "n1", LATER);
    run_trace(&log, &Options::default(), &[]);
    assert_eq!(dropped(&log), [], "a contact names it");
    let contact = forget(&log, Feed::Contacts, 1, "p1", LATER);
    run_trace(&log, &Options::default(), &[]);
    let mut told = dropped(&log);
    assert!(told.contains(&case), "{told:?}");
    told.retain(|fact| *fact != case && *fact != contact);
    assert_eq!(told, []);
    // Again the same is the same as once.
    forget(&log, Feed::Cases, 0, "n1", LATER);
    let before = dropped(&log).len();
    run_trace(&log, &Options::default(), &[]);
    assert_eq!(dropped(&log).len(), before);
}

#[test]
fn what_is_newer_than_what_people_forgot_is_kept() {
    let log = links(vec![case(0, 1, 3, false, true)], 1);
    forget(&log, Feed::Cases, 0, "n1", Version { revision: 2, retracted: false, known_at: Instant(0) });
    run_trace(&log, &Options::default(), &[]);
    assert_eq!(dropped(&log), []);
    forget(&log, Feed::Cases, 0, "n1", LATER);
    run_trace(&log, &Options::default(), &[]);
    assert_eq!(dropped(&log).len(), 1);
}

#[test]
fn what_was_noted_is_not_said_again() {
    let log = links(vec![case(0, 1, 1, false, true), contact(1, 1, 1, false, [Some(1), None])], 1);
    run_trace(&log, &Options::default(), &[]);
    let before = said(&log);
    run_trace(&log, &Options::default(), &[]);
    assert_eq!(said(&log), before);
    assert_eq!(log.links_committed(), Some(2));
}

/// `cargo test --release -p fuma-pipeline --lib -- --ignored --nocapture what_trace_costs`
#[test]
#[ignore = "a measurement"]
fn what_trace_costs() {
    for of_message in [1, 100, 5_000] {
        let count = if of_message == 1 { 40_000 } else { 400_000 };
        let records: Vec<Raw> = (0..count)
            .map(|number: u32| {
                let (person, id) = ((number % 251) as u8, (number / 251 % 256) as u8);
                let revision = 1 + number / (251 * 256);
                if number.is_multiple_of(20) {
                    case(person, id, revision, false, number.is_multiple_of(40))
                } else {
                    contact(person, id, revision, false, [Some((number % 200) as u8), None])
                }
            })
            .collect();
        let log = links(records, of_message);
        let messages = log.written(Topic::Links, 0).len();
        log.set_sizes(&[500]);
        let start = Clock::now();
        run_trace(&log, &Options::default(), &[]);
        eprintln!("{count} records in {messages} messages: {:?} a record", start.elapsed() / count);
        let verdicts: usize = said(&log).iter().map(|(_, verdicts)| verdicts.len()).sum();
        eprintln!("  {verdicts} verdicts");
    }
}
