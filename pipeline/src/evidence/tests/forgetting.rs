//! Forgetting: what goes, what stays, and that the rest is as it was.

use fuma_schemas::{Instant, Kind};
use proptest::prelude::*;

use super::cases::stay;
use super::records::{Cell, Record, apply, rows_of_all};
use crate::evidence::{Evidence, Retention};

const DAY: i64 = 86_400_000;
const RETENTION: Retention = Retention([60 * DAY; Kind::PERSONAL.len()]);

pub(super) fn test_record(number: u8, id: &str, at: i64) -> Record {
    let cells = vec![Cell::Code(0), Cell::Code(1), Cell::Code(0), Cell::Instant(at), Cell::Instant(at), Cell::Null];
    Record::new(Kind::Tests, number, id, at, cells)
}

fn closed(mut record: Record, column: usize, at: i64) -> Record {
    record.cells[column] = Cell::Instant(at);
    record
}

fn forgotten(records: &[Record], now: i64) -> u64 {
    let mut evidence = Evidence::default();
    apply(&mut evidence, records);
    forget(&mut evidence, now, &|_| true)
}

fn forget(evidence: &mut Evidence, now: i64, may_forget: &dyn Fn(u32) -> bool) -> u64 {
    let past = evidence.past(0..evidence.people(), Instant(now), &RETENTION, may_forget);
    evidence.forget_past(&past, &mut Vec::new())
}

#[test]
fn what_is_open_stays() {
    let case = |classification| {
        Record::new(
            Kind::Cases,
            1,
            "c",
            DAY,
            vec![Cell::Code(classification), Cell::Instant(DAY), Cell::Null, Cell::Null],
        )
    };
    let isolation = {
        let cells = vec![
            Cell::Code(1),
            Cell::Code(1),
            Cell::Instant(DAY),
            Cell::Instant(2 * DAY),
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ];
        Record::new(Kind::Isolations, 1, "i", DAY, cells)
    };
    let symptom = Record::new(
        Kind::Symptoms,
        1,
        "s",
        DAY,
        vec![Cell::Code(0), Cell::Instant(DAY), Cell::Null, Cell::Null, Cell::Code(0)],
    );
    let code = Record::new(
        Kind::ExternalCodes,
        1,
        "x",
        DAY,
        vec![Cell::Text("50".into()), Cell::Code(0), Cell::Instant(DAY), Cell::Null],
    );
    let checkin = {
        let mut record = stay(1, "v", "330106", DAY);
        record.cells[3] = Cell::Code(1);
        record
    };
    let far = 400 * DAY;
    for open in [case(0), isolation.clone(), symptom.clone(), code.clone(), stay(1, "t", "330106", DAY)] {
        assert_eq!(forgotten(&[open], far), 0);
    }
    assert_eq!(forgotten(&[case(4)], far), 0, "excluded: trace has to drop it first");
    let ended = [
        closed(case(0), 3, DAY),
        closed(isolation, 4, DAY),
        closed(symptom.clone(), 2, DAY),
        closed(symptom, 3, DAY),
        closed(code, 3, DAY),
        closed(stay(1, "t", "330106", DAY), 2, DAY),
        checkin,
        stay(1, "t", "330106", DAY).revision(2).retract(),
    ];
    for over in ended {
        assert_eq!(forgotten(&[over], far), 1);
    }
}

#[test]
fn the_last_instant_and_the_latest_record_both_count() {
    let test = test_record(1, "a", DAY);
    let mut known_later = test.clone();
    known_later.known_at = 30 * DAY;
    assert_eq!(forgotten(std::slice::from_ref(&test), 61 * DAY), 0);
    assert_eq!(forgotten(std::slice::from_ref(&test), 61 * DAY + 1), 1);
    assert_eq!(forgotten(&[test.clone().revision(2), known_later.clone()], 61 * DAY + 1), 0);
    assert_eq!(forgotten(&[test.revision(2), known_later], 90 * DAY + 1), 1);
}

#[test]
fn memory_goes_down_and_who_is_kept_is_as_before() {
    let mut evidence = Evidence::default();
    let records: Vec<Record> = (0..4000)
        .map(|number| test_record((number % 50) as u8, &number.to_string(), i64::from(number % 100) * DAY))
        .collect();
    apply(&mut evidence, &records);
    let may_forget = |number: u32| number.is_multiple_of(2);
    let kept = |evidence: &Evidence| -> Vec<String> {
        let numbers = (0..evidence.people()).filter(|number| !may_forget(*number));
        let slots: Vec<String> =
            numbers.map(|number| format!("tests {}|", super::records::slot_of(evidence, number))).collect();
        rows_of_all(evidence).into_iter().filter(|row| slots.iter().any(|slot| row.starts_with(slot))).collect()
    };
    let (before, kept_before) = (evidence.memory(), kept(&evidence));
    let forgotten = forget(&mut evidence, 100 * DAY, &may_forget);
    assert!(forgotten > 500);
    assert_eq!(evidence.memory().facts, before.facts - forgotten);
    assert_eq!(evidence.compact(), forgotten);
    assert!(evidence.memory().bytes < before.bytes);
    assert_eq!(kept(&evidence), kept_before);
    assert_eq!(evidence.people(), 50);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_was_forgotten_is_as_if_it_had_never_been(
        days in prop::collection::vec((0..3_u8, 0..20_u8, 0..100_i64), 1..40),
        now in 0..200_i64,
        compact in any::<bool>(),
    ) {
        let records: Vec<Record> =
            days.iter().map(|(number, id, day)| test_record(*number, &id.to_string(), day * DAY + 1)).collect();
        let mut evidence = Evidence::default();
        apply(&mut evidence, &records);
        forget(&mut evidence, now * DAY, &|_| true);
        if compact {
            evidence.compact();
        }
        // A fact is kept or forgotten by the latest of its records, whichever won: they tie, so the latest does.
        let latest = |record: &Record| {
            records.iter().filter(|other| other.key() == record.key()).map(|other| other.known_at).max()
        };
        let is_kept = |record: &&Record| latest(record) >= Some((now - 60) * DAY);
        let kept: Vec<Record> = records.iter().filter(is_kept).cloned().collect();
        let mut fresh = Evidence::default();
        apply(&mut fresh, &kept);
        prop_assert_eq!(rows_of_all(&evidence), rows_of_all(&fresh));
        apply(&mut evidence, &records);
        let mut whole = Evidence::default();
        apply(&mut whole, &records);
        prop_assert_eq!(rows_of_all(&evidence), rows_of_all(&whole));
    }
}
