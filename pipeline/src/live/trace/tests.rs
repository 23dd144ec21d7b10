//! The stage on a log in memory: contacts travel with their verdicts, every flip is said, and what a record costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::time::Instant as Clock;

use fuma_connectors::log::{Severity, Topic};
use fuma_schemas::Kind;

use super::Options;
use crate::live::memory::{MemoryLog, Raw, TAKEN};
use crate::live::record::{self, Section, VerdictRow};
use crate::live::stop::Stop;
use crate::live::tests::{PARTITIONS, case, contact, run_intake, run_trace};
use crate::live::{intake, trace};
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

#[test]
fn what_was_noted_is_not_said_again() {
    let log = links(vec![case(0, 1, 1, false, true), contact(1, 1, 1, false, [Some(1), None])], 1);
    run_trace(&log, &Options::default(), &[]);
    let before = said(&log);
    run_trace(&log, &Options::default(), &[]);
    assert_eq!(said(&log), before);
    assert_eq!(log.links_committed(), Some(2));
}

#[test]
fn a_log_that_lacks_its_beginning_is_refused() {
    let log = links(vec![case(0, 1, 1, false, true)], 1);
    log.set_links_begin(1);
    let stop = Stop::default();
    let error = trace::run(log.links(&stop), log.appender(), PARTITIONS, &Options::default(), &stop).unwrap_err();
    assert_eq!(error.severity(), Severity::Operator);
    assert!(error.to_string().contains("begins at 1"), "{error}");
}

#[test]
fn a_record_that_cannot_be_read_is_refused() {
    let log = links(vec![case(0, 1, 1, false, true)], 1);
    log.append(Topic::Links, fuma_connectors::log::Outgoing { value: b"{}"[..].into(), ..Default::default() });
    let stop = Stop::default();
    let error = trace::run(log.links(&stop), log.appender(), PARTITIONS, &Options::default(), &stop).unwrap_err();
    assert!(error.to_string().contains("record 1 of the link log"), "{error}");
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
