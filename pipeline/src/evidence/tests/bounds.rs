//! I-10: what one person, one region or one compaction can cost, counted in rows.

use std::collections::BTreeMap;

use fuma_schemas::{Instant, Kind};
use proptest::prelude::*;

use super::cases::{region, stay};
use super::forgetting::test_record;
use super::model::Model;
use super::properties::record;
use super::records::{Record, apply, batch, person, rows_of_all};
use crate::evidence::{Crowded, Evidence, Limits, Retention, RuleTable, RuleTables, StepRows, Touched};

/// Rows that a gathering of a person walks over.
fn walked(evidence: &Evidence, person: u32) -> usize {
    let (mut at, mut rows) = (evidence.people.head(person), 0);
    while !at.is_none() {
        at = evidence.table(at).next(at.row());
        rows += 1;
    }
    rows
}

#[test]
fn a_record_revised_without_end_is_a_short_walk() {
    let mut evidence = Evidence::default();
    for revision in 1..=5000 {
        apply(&mut evidence, &[stay(1, "a", "330106", i64::from(revision)).revision(revision)]);
        assert!(walked(&evidence, 0) <= 300, "after {revision} revisions");
    }
    assert_eq!(rows_of_all(&evidence).len(), 1);
    assert_eq!(evidence.compact(), 4999);
}

#[test]
fn retractions_are_no_part_of_the_walk() {
    let mut evidence = Evidence::default();
    for id in 0..2000 {
        apply(&mut evidence, &[stay(1, &id.to_string(), "330106", 5)]);
        if id > 9 {
            apply(&mut evidence, &[stay(1, &id.to_string(), "330106", 5).revision(2).retract()]);
        }
    }
    assert!(walked(&evidence, 0) <= 300, "{} rows", walked(&evidence, 0));
    assert_eq!(evidence.chain(0).filter(|at| evidence.table(*at).marks(at.row()) & 2 == 0).count(), 2000);
    assert_eq!(rows_of_all(&evidence).len(), 10);
    assert!(!evidence.crowded(0));
}

/// Nobody pays for the retractions of a person with each revision of something else: they lie apart until half of them
/// lost.
#[test]
fn many_retractions_are_not_walked_over_with_each_revision() {
    let mut evidence = Evidence::default();
    let retracted = |revision| -> Vec<Record> {
        (0..4000).map(|id| stay(1, &id.to_string(), "330106", 5).revision(revision).retract()).collect()
    };
    apply(&mut evidence, &retracted(2));
    let before = evidence.counters.rechained;
    let revised: Vec<Record> = (1..=4000).map(|revision| stay(1, "a", "330106", 5).revision(revision)).collect();
    apply(&mut evidence, &revised);
    let walked = evidence.counters.rechained - before;
    assert!(walked <= 3 * 4000, "{walked} rows for 4,000 records");
    // Retractions that lose to others are taken out in time, too.
    let before = evidence.counters.rechained;
    for revision in 3..6 {
        apply(&mut evidence, &retracted(revision));
    }
    let walked = evidence.counters.rechained - before;
    assert!(walked <= 5 * 12_000, "{walked} rows for 12,000 records");
    assert!(evidence.chain(0).count() <= 4001 + 2000 + 2 * 512, "{} rows", evidence.chain(0).count());
    assert_eq!(rows_of_all(&evidence).len(), 1);
    evidence.compact();
    assert_eq!(evidence.chain(0).count(), 4001);
}

/// The limits may be set when there are people already: those with many rows are counted from then on.
#[test]
fn limits_that_come_later_hold_for_everybody() {
    let mut evidence = Evidence::default();
    apply(&mut evidence, &(0..9).map(|id| test_record(1, &id.to_string(), 5)).collect::<Vec<_>>());
    apply(&mut evidence, &[test_record(2, "a", 5)]);
    evidence.set_limits(Limits::default().with(Kind::Tests, 8));
    assert!(evidence.crowded(0) && !evidence.crowded(1));
    evidence.set_limits(Limits::default());
    assert!(!evidence.crowded(0));
}

#[test]
fn beyond_a_limit_a_person_is_crowded_and_below_it_no_more() {
    let mut evidence = Evidence::default();
    evidence.set_limits(Limits::default().with(Kind::Tests, 5).with(Kind::Stays, 0));
    let tests: Vec<Record> = (0..6).map(|id| test_record(1, &id.to_string(), 5)).collect();
    apply(&mut evidence, &tests[..5]);
    assert!(!evidence.crowded(0));
    apply(&mut evidence, &[stay(2, "a", "330106", 5), stay(2, "b", "330106", 5)]);
    apply(&mut evidence, &tests[5..]);
    assert!(evidence.crowded(0) && !evidence.crowded(1));
    let beyond = Crowded { person: 0, kind: Kind::Tests, facts: 6, facts_max: 5 };
    assert_eq!(evidence.crowded_people(), [beyond]);
    evidence.compact();
    assert!(evidence.crowded(0));
    apply(&mut evidence, &[tests[2].clone().revision(2).retract()]);
    assert!(!evidence.crowded(0) && evidence.crowded_people().is_empty());
}

#[test]
fn the_limits_are_those_of_the_decisions() {
    let limits = Limits::default();
    let of = [Kind::Stays, Kind::Tests, Kind::Trips, Kind::Cases].map(|kind| limits.of(kind));
    assert_eq!(of, [10_000, 2000, 2000, 500]);
    let mut evidence = Evidence::default();
    let records: Vec<Record> = (0..2001).map(|id| test_record(1, &id.to_string(), 5)).collect();
    apply(&mut evidence, &records[..2000]);
    assert!(!evidence.crowded(0));
    apply(&mut evidence, &records);
    assert!(evidence.crowded(0));
    let retention = Retention([0; Kind::PERSONAL.len()]);
    let past = evidence.past(0..1, Instant(6), &retention, &|_| true);
    assert_eq!(evidence.forget_past(&past[..1], &mut Vec::new()), 1);
    assert!(!evidence.crowded(0), "forgetting goes on");
}

#[test]
fn a_tier_touches_its_stays_in_pages() {
    let mut evidence = Evidence::default();
    let stays: Vec<Record> = (0..250).map(|id| stay((id % 5) as u8, &id.to_string(), "330106", 5)).collect();
    apply(&mut evidence, &stays);
    let tier = region("r1", "3301", 5, None);
    evidence.note_regions(&batch(Kind::Regions, &[&tier]), &[0]).unwrap();
    let (mut touched, mut pages) = (Touched::default(), 1);
    // Whoever is judged before their turn meets the tier already.
    let mut step = StepRows::default();
    evidence.gather(0, 0, RuleTables::of(RuleTable::TieredStays), &mut step);
    assert_eq!(step.rows(RuleTable::TieredStays), 50);
    while !evidence.touch_stays(100, &mut touched) {
        pages += 1;
        let late = stay(9, &format!("late {pages}"), "330106", 5);
        apply(&mut evidence, &[late]);
        evidence.compact();
    }
    assert_eq!((pages, touched.people().len()), (3, 5));
    assert_eq!(rows_of_all(&evidence).iter().filter(|row| row.starts_with("tiered_stays")).count(), 252);
}

#[test]
fn texts_go_with_those_who_were_forgotten() {
    let mut evidence = Evidence::default();
    let mut listing = |id: i64| {
        let cells = vec![
            super::records::Cell::Code(0),
            super::records::Cell::Text("hc-330101".into()),
            super::records::Cell::Code(0),
            super::records::Cell::Text(format!("{id:0200}")),
            super::records::Cell::Instant(id),
            super::records::Cell::Instant(id + 1),
        ];
        apply(&mut evidence, &[Record::new(Kind::Listings, (id % 7) as u8, &id.to_string(), id, cells)]);
    };
    (0..1000).for_each(&mut listing);
    let before = evidence.memory();
    let retention = Retention([0; Kind::PERSONAL.len()]);
    let past = evidence.past(0..9, Instant(901), &retention, &|_| true);
    assert_eq!(evidence.forget_past(&past, &mut Vec::new()), 900);
    assert_eq!(evidence.compact(), 900);
    let texts = |memory: &crate::evidence::Memory| memory.parts.iter().find(|part| part.name == "texts").unwrap().bytes;
    assert!(texts(&before) - texts(&evidence.memory()) > 900 * 200 - 8 * 1000);
    assert_eq!(rows_of_all(&evidence).len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_compaction_in_pages_with_records_between_them_changes_nothing(
        records in prop::collection::vec(record(), 1..60),
        (page, facts_max) in (1..12_usize, 1..3_u32),
    ) {
        let mut evidence = Evidence::default();
        let limits = Kind::PERSONAL.into_iter().fold(Limits::default(), |limits, kind| limits.with(kind, facts_max));
        evidence.set_limits(limits);
        let mut tidy = evidence.begin_tidy();
        for record in &records {
            apply(&mut evidence, std::slice::from_ref(record));
            if evidence.tidy(&mut tidy, page) {
                tidy = evidence.begin_tidy();
            }
        }
        let model = Model { records: records.clone(), ..Model::default() };
        prop_assert_eq!(rows_of_all(&evidence), model.rows());
        let counted = counted(&model);
        let crowded: BTreeMap<(u8, Kind), u32> = evidence
            .crowded_people()
            .into_iter()
            .map(|one| ((super::records::slot_of(&evidence, one.person) as u8, one.kind), one.facts))
            .collect();
        prop_assert_eq!(&crowded, &counted.into_iter().filter(|(_, facts)| *facts > facts_max).collect());
        let of = |number: u8| evidence.find(person(number)).is_some_and(|number| evidence.crowded(number));
        prop_assert!((0..3).all(|number| of(number) == crowded.keys().any(|(other, _)| *other == number)));
        evidence.compact();
        prop_assert_eq!(rows_of_all(&evidence), model.rows());
        prop_assert_eq!(evidence.memory().rows, evidence.memory().facts);
    }
}

/// Standing facts by person and kind.
fn counted(model: &Model) -> BTreeMap<(u8, Kind), u32> {
    let mut facts = BTreeMap::new();
    for line in model.rows() {
        let (table, row) = line.split_once(' ').unwrap();
        if let Some(kind) = Kind::parse(table) {
            let number = row.split('|').next().unwrap().parse().unwrap();
            *facts.entry((number, kind)).or_insert(0) += 1;
        }
    }
    facts
}
