//! Messages there and back, damaged ones, and what a message costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Instant as Clock;

use arrow::array::{ArrayRef, StringArray, TimestampMillisecondArray};
use bytes::Bytes;
use fuma_schemas::{Feed, Instant, Kind, Person};
use proptest::prelude::*;

use super::*;
use crate::evidence::{Evidence, FactKey, Touched};
use crate::intake::{Decoder, EvidenceBuilders, Key, Settings};

const AT: Instant = Instant(1_650_000_000_000);
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn test_event(number: usize) -> String {
    format!(
        r#"{{"owner":"lab-1","id":"t{number}","revision":1,"person":"{number:032x}","method":"nat",
            "result":"negative","tube":"single","sampled_at":"2022-04-01T08:00:00+08:00",
            "reported_at":"2022-04-01T18:00:00+08:00"}}"#
    )
}

fn stay_event(number: usize) -> String {
    format!(
        r#"{{"owner":"net-1","id":"s{number}","revision":1,"person":"{number:032x}","kind":"stay",
            "region":"330106","arrived_at":"2022-04-01T08:00:00+08:00","source":"checkin"}}"#
    )
}

/// Live batches of so many tests and half as many stays.
fn batches(rows: usize) -> Vec<(Kind, arrow::array::RecordBatch)> {
    let mut decoder = Decoder::new(Arc::new(Settings::new(Key::from_hex(&"07".repeat(32)).unwrap())));
    let mut builders = [EvidenceBuilders::new()];
    for number in 0..rows {
        decoder.decode(Feed::Tests, test_event(number).as_bytes(), Some(AT), &mut builders).unwrap();
        if number % 2 == 1 {
            decoder.decode(Feed::Travel, stay_event(number).as_bytes(), Some(AT), &mut builders).unwrap();
        }
    }
    let live = |(kind, batch): (Kind, arrow::array::RecordBatch)| {
        let rows = batch.num_rows();
        let cause: ArrayRef =
            Arc::new(TimestampMillisecondArray::from_iter((0..rows).map(|row| Some(AT.0 + row as i64))));
        let traceparent = (0..rows).map(|row| (row % 3 == 0).then_some(TRACEPARENT));
        let traceparent: ArrayRef = Arc::new(StringArray::from_iter(traceparent));
        (kind, with_causes(kind, &batch, cause, traceparent).unwrap())
    };
    builders[0].finish().into_iter().map(live).collect()
}

fn verdict(number: u64) -> VerdictRow {
    VerdictRow {
        person: Person([7; 16]),
        fact: FactKey(number),
        counts: number.is_multiple_of(2),
        version: number << 16,
    }
}

fn message(rows: usize, verdicts: u64) -> Bytes {
    let mut writer = RecordWriter::new();
    for (kind, batch) in batches(rows) {
        writer.add(kind, &batch).unwrap();
    }
    let mut of_verdicts = VerdictRows::default();
    (0..verdicts).for_each(|number| of_verdicts.push(verdict(number), Some(AT), None));
    if verdicts > 0 {
        writer.add_verdicts(&of_verdicts.finish().unwrap()).unwrap();
    }
    writer.finish()
}

#[test]
fn there_and_back() {
    let sections = read(&message(5, 3)).unwrap();
    let [tests, stays, verdicts] = &sections[..] else { panic!("three sections") };
    let expected = batches(5);
    for section in [tests, stays] {
        let Section::Rows { kind, batch } = section else { panic!("rows") };
        assert!(expected.contains(&(*kind, batch.clone())));
    }
    let rows_of_tests = sections.iter().find(|section| section.rows() == 5).unwrap();
    assert_eq!(rows_of_tests.causes().cause(2), Some(Instant(AT.0 + 2)));
    assert_eq!(rows_of_tests.causes().traceparent(3), Some(TRACEPARENT));
    assert_eq!((rows_of_tests.causes().traceparent(4), rows_of_tests.causes().cause(5)), (None, None));
    let Section::Verdicts(verdicts) = verdicts else { panic!("verdicts") };
    assert_eq!(verdicts.iter().collect::<Vec<_>>(), (0..3).map(verdict).collect::<Vec<_>>());
}

#[test]
fn the_engine_takes_rows_as_they_are() {
    let (mut evidence, mut touched) = (Evidence::default(), Touched::default());
    for section in read(&message(6, 0)).unwrap() {
        let Section::Rows { kind, batch } = section else { panic!("rows") };
        let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
        evidence.apply(kind, &batch, &rows, &mut touched).unwrap();
    }
    assert_eq!((evidence.people(), touched.people().len()), (6, 6));
    assert_eq!((evidence.memory().facts, evidence.incomplete()), (9, 0));
}

#[test]
fn a_message_without_sections_and_one_after_the_other() {
    let mut writer = RecordWriter::new();
    assert!(writer.is_empty());
    assert!(read(&writer.finish()).unwrap().is_empty());
    for _ in 0..2 {
        let [(kind, batch), ..] = &batches(1)[..] else { panic!("a batch") };
        writer.add(*kind, batch).unwrap();
        assert_eq!(read(&writer.finish()).unwrap().len(), 1);
    }
    let [(kind, batch), ..] = &batches(1)[..] else { panic!("a batch") };
    assert_ne!(*kind, Kind::Trips);
    assert_eq!(writer.add(Kind::Trips, batch), Err(RecordError::Rows));
    assert!(writer.is_empty());
}

#[test]
fn what_another_wrote_is_named() {
    let whole = message(1, 0);
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.to_vec();
        bytes[at] = byte;
        read(&Bytes::from(bytes)).unwrap_err()
    };
    assert_eq!(with(0, b'{'), RecordError::Foreign);
    assert_eq!(with(1, 9), RecordError::SchemaVersion(9));
    assert_eq!(with(40, whole[40] ^ 1), RecordError::Checksum);
    assert_eq!(read(&Bytes::new()).unwrap_err().code(), "record-foreign");
}

/// Damage behind a checksum that fits: only an error of a build makes it, and not even that may end the process.
#[test]
fn sections_that_do_not_fit_are_errors() {
    let whole = message(2, 2);
    for at in HEAD_BYTES..whole.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[at] = byte;
            let checksum = checksum(&bytes).to_le_bytes();
            bytes[CHECKSUM_AT..HEAD_BYTES].copy_from_slice(&checksum);
            let _ = read(&Bytes::from(bytes));
        }
    }
    let mut bytes = whole.to_vec();
    bytes.extend([0; 8]);
    let checksum = checksum(&bytes).to_le_bytes();
    bytes[CHECKSUM_AT..HEAD_BYTES].copy_from_slice(&checksum);
    assert!(matches!(read(&Bytes::from(bytes)), Err(RecordError::Layout(_))));
}

proptest! {
    #[test]
    fn a_damaged_message_is_an_error(
        rows in 1..20_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let whole = message(rows, 2);
        let mut bytes = whole.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let is_whole = bytes == whole;
        prop_assert_eq!(read(&Bytes::from(bytes)).is_ok(), is_whole);
    }
}

/// `cargo test --release -p fuma-pipeline --lib -- --ignored --nocapture what_a_message_costs`
#[test]
#[ignore = "a measurement"]
fn what_a_message_costs() {
    for (rows, times) in [(1, 20_000_u32), (10, 10_000), (1000, 1_000)] {
        let batches = batches(rows);
        let count: usize = batches.iter().map(|(_, batch)| batch.num_rows()).sum();
        let mut writer = RecordWriter::new();
        let mut write = || {
            for (kind, batch) in &batches {
                writer.add(*kind, batch).unwrap();
            }
            writer.finish()
        };
        let message = write();
        let start = Clock::now();
        for _ in 0..times {
            std::hint::black_box(write());
        }
        let written = start.elapsed() / times;
        let start = Clock::now();
        for _ in 0..times {
            std::hint::black_box(read(&message).unwrap());
        }
        let read = start.elapsed() / times;
        eprintln!(
            "{count} rows in {} sections: {} bytes, written in {written:?}, read in {read:?}",
            batches.len(),
            message.len()
        );
    }
}
