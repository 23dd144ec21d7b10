//! Messages there and back, damaged ones, and what a message costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Instant as Clock;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt8Array};
use arrow::datatypes::DataType;
use bytes::Bytes;
use fuma_schemas::{Feed, Instant, Kind, Person};
use proptest::prelude::*;

use super::*;
use crate::evidence::{Evidence, FactKey, Touched, Version};
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
    assert_eq!(with(1, 9), RecordError::Newer("format", 9));
    assert_eq!(with(40, whole[40] ^ 1), RecordError::Checksum);
    assert_eq!(read(&Bytes::new()).unwrap_err().code(), "record-foreign");
}

/// A message with a byte changed and the checksum made to fit: what a newer build might write.
fn sealed(mut bytes: Vec<u8>, at: usize, byte: u8) -> Bytes {
    bytes[at] = byte;
    let sum = checksum(&bytes).to_le_bytes();
    bytes[CHECKSUM_AT..CHECKSUM_END].copy_from_slice(&sum);
    Bytes::from(bytes)
}

#[test]
fn what_a_newer_build_wrote_is_named_and_is_no_damage() {
    let whole = message(1, 0).to_vec();
    let first = HEAD_BYTES;
    for (at, byte, what) in [
        (1, 3, RecordError::Newer("format", 3)),
        (2, 1, RecordError::Newer("flags", 1)),
        (SECTIONS_AT + 4, 1, RecordError::Newer("field at the head", 1)),
        (first, 77, RecordError::Newer("section", 77)),
        (first + 1, 4, RecordError::Newer("marks of a section", 4)),
        (first + 2, 250, RecordError::Newer("list of columns", 250)),
    ] {
        let error = read(&sealed(whole.clone(), at, byte)).unwrap_err();
        assert_eq!((error, error.is_damage()), (what, false));
        assert!(error.to_string().contains("at least as new"), "{error}");
    }
    assert!(RecordError::Foreign.is_damage() && RecordError::Checksum.is_damage());
    assert!(!RecordError::Layout(0).is_damage() && !RecordError::Value.is_damage());
}

#[test]
fn a_value_beyond_its_closed_list_is_an_error() {
    let [(kind, batch), ..] = &batches(1)[..] else { panic!("a batch") };
    let at = batch.schema().fields().iter().position(|field| *field.data_type() == DataType::UInt8).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(UInt8Array::from(vec![200]));
    let mut writer = RecordWriter::new();
    writer.add(*kind, &RecordBatch::try_new(live_schema(*kind), columns).unwrap()).unwrap();
    let error = read(&writer.finish()).unwrap_err();
    assert_eq!((error, error.is_damage()), (RecordError::Value, false));
}

#[test]
fn whose_a_message_is_stands_at_its_beginning() {
    let of = |installation, key| Origin { installation: Fingerprint([installation; 8]), key: Fingerprint([key; 8]) };
    let mut writer = RecordWriter::of(of(0, 7));
    let [(kind, batch), ..] = &batches(1)[..] else { panic!("a batch") };
    writer.add(*kind, batch).unwrap();
    let message = writer.finish();
    assert_eq!(message[KEY_AT..KEY_AT + 8], [7; 8]);
    for own in [of(0, 0), of(0, 7), of(9, 7)] {
        assert_eq!(read_as(&message, own).unwrap().len(), 1);
    }
    let error = read_as(&message, of(0, 8)).unwrap_err();
    assert!(matches!(error, RecordError::OtherKey { .. }) && !error.is_damage());
    assert!(error.to_string().contains("0707070707070707"), "{error}");
    let mut writer = RecordWriter::of(of(5, 7));
    let other = read_as(&writer.finish(), of(6, 7)).unwrap_err();
    assert!(matches!(other, RecordError::OtherInstallation { .. }));
}

#[test]
fn control_phones_and_what_was_forgotten_are_there_and_back() {
    let mut writer = RecordWriter::new();
    let derived = Derived { stage: Stage::TRACE, epoch: 3 };
    let controls = [
        Control::Epoch(derived),
        Control::Closing(derived),
        Control::Marker(1 << 40),
        Control::Guarded,
        Control::Admitted { publication: 1 << 60, end: 7 },
    ];
    controls.iter().for_each(|control| writer.add_control(*control));
    let [(kind, batch), ..] = &batches(2)[..] else { panic!("a batch") };
    let of_phone = RecordBatch::try_new(phone_live_schema(*kind), batch.columns().to_vec()).unwrap();
    assert!(writer.try_add(*kind, &of_phone, usize::MAX).unwrap());
    let version = Version { revision: 3, retracted: true, known_at: AT };
    let gone = [7, 9].map(|byte| ForgottenRow { person: Person([byte; 16]), fact: FactKey(u64::MAX), version });
    writer.add_forgotten(&forgotten_batch(&gone).unwrap()).unwrap();
    let sections = read(&writer.finish()).unwrap();
    let (said, rest) = sections.split_at(controls.len());
    let [Section::Phones { kind: read_kind, batch: read }, Section::Forgotten(forgotten)] = rest else {
        panic!("{sections:?}")
    };
    for (section, control) in said.iter().zip(controls) {
        assert!(matches!(section, Section::Control(found) if *found == control) && section.rows() == 0);
    }
    assert_eq!((read_kind, read), (kind, &of_phone));
    assert_eq!(forgotten_rows(forgotten).unwrap(), gone);
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
            bytes[CHECKSUM_AT..CHECKSUM_END].copy_from_slice(&checksum);
            let _ = read(&Bytes::from(bytes));
        }
    }
    let mut bytes = whole.to_vec();
    bytes.extend([0; 8]);
    let checksum = checksum(&bytes).to_le_bytes();
    bytes[CHECKSUM_AT..CHECKSUM_END].copy_from_slice(&checksum);
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

/// I-8: intake lets none out, and no message holds one.
#[test]
#[should_panic(expected = "I-8 is broken: no resident ID is written to a log")]
fn a_number_in_an_id_is_not_written() {
    let (kind, batch) = batches(1).remove(0);
    let id = batch.schema().index_of("id").unwrap();
    let mut columns = batch.columns().to_vec();
    columns[id] = Arc::new(StringArray::from(vec!["990001198506150025"]));
    let _ = RecordWriter::new().add(kind, &RecordBatch::try_new(batch.schema(), columns).unwrap());
}
