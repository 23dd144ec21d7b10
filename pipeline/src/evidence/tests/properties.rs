//! I-2: any order, any repetition, any split into batches, compactions in between: the same tables as the model's.

use std::collections::BTreeMap;

use fuma_schemas::Kind;
use fuma_schemas::evidence::{Column, ColumnType};
use proptest::prelude::*;
use proptest::sample::select;

use super::model::Model;
use super::records::{Cell, Record, apply, person, rows_of_all};
use crate::evidence::{Evidence, RuleTables, StepRows, Touched};

const KINDS: [Kind; 9] = [
    Kind::Bindings,
    Kind::Stays,
    Kind::Trips,
    Kind::Entries,
    Kind::Contacts,
    Kind::Listings,
    Kind::Cases,
    Kind::Isolations,
    Kind::Regions,
];
/// Whole seconds, milliseconds, and what does not fit in four bytes.
const INSTANTS: [i64; 7] = [
    1_636_333_980_000,
    1_636_333_980_001,
    1_636_420_380_000,
    0,
    253_402_271_999_999,
    1_500_000_000_123,
    946_684_800_000,
];
const REGIONS: [&str; 7] = ["33", "3301", "330106", "330106001", "330106001002", "330102", "50"];

fn cell(column: &'static Column) -> BoxedStrategy<Cell> {
    let value = match column.column_type {
        ColumnType::Instant => select(&INSTANTS[..]).prop_map(Cell::Instant).boxed(),
        ColumnType::Code(names) => (0..names.len() as u8).prop_map(Cell::Code).boxed(),
        ColumnType::Region => select(&REGIONS[..]).prop_map(|code| Cell::Text(code.into())).boxed(),
        ColumnType::Text => {
            select(vec!["", "G7512", "省疫情防控办〔2020〕109号"]).prop_map(|text| Cell::Text(text.into())).boxed()
        }
        ColumnType::Date | ColumnType::Integer => select(vec![0, -1, 18_900, i32::MAX]).prop_map(Cell::Number).boxed(),
    };
    if column.optional { prop_oneof![Just(Cell::Null), value].boxed() } else { value }
}

pub(super) fn record() -> impl Strategy<Value = Record> {
    let cells =
        select(&KINDS[..]).prop_flat_map(|kind| (Just(kind), kind.columns().iter().map(cell).collect::<Vec<_>>()));
    (
        cells,
        0..3_u8,
        0..2_u8,
        select(vec![1, 2, 3, 65_534, 65_535, i32::MAX as u32]),
        prop::bool::weighted(0.2),
        select(&INSTANTS[..4]),
    )
        .prop_map(|((kind, cells), person, id, revision, retracted, known_at)| {
            let record = Record::new(kind, person, &id.to_string(), known_at, cells).revision(revision);
            if retracted { record.retract() } else { record }
        })
}

/// Records, what comes in: the places of records, in any order and with repetition, each of them at least once; and
/// compactions.
fn arrivals() -> impl Strategy<Value = (Vec<Record>, Vec<usize>, Vec<bool>)> {
    prop::collection::vec(record(), 1..40).prop_flat_map(|records| {
        let again = prop::collection::vec(0..records.len(), 0..20);
        let places = again.prop_map({
            let count = records.len();
            move |again| (0..count).chain(again).collect::<Vec<_>>()
        });
        let compactions = prop::collection::vec(prop::bool::weighted(0.1), records.len() + 20);
        (Just(records), places.prop_shuffle(), compactions)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_same_set_the_same_state((records, places, compactions) in arrivals()) {
        let model = Model { records: records.clone(), ..Model::default() };
        let mut one_by_one = Evidence::default();
        for (place, compact) in places.iter().zip(&compactions) {
            apply(&mut one_by_one, &records[*place..=*place]);
            if *compact {
                one_by_one.compact();
            }
        }
        prop_assert_eq!(rows_of_all(&one_by_one), model.rows());

        let mut by_kind = Evidence::default();
        let mut sorted: Vec<Record> = places.iter().map(|&place| records[place].clone()).collect();
        sorted.sort_by_key(|record| record.kind);
        apply(&mut by_kind, &sorted);
        prop_assert_eq!(rows_of_all(&by_kind), model.rows());
        by_kind.compact();
        prop_assert_eq!(rows_of_all(&by_kind), model.rows());
        prop_assert_eq!(by_kind.memory().facts, by_kind.memory().rows);
    }

    #[test]
    fn whoever_changes_is_touched_and_repetition_touches_nobody(records in prop::collection::vec(record(), 1..25)) {
        let mut evidence = Evidence::default();
        let mut before = BTreeMap::new();
        for record in &records {
            let touched = apply(&mut evidence, std::slice::from_ref(record));
            let after = rows_by_person(&evidence);
            for (person, rows) in &after {
                prop_assert!(before.get(person) == Some(rows) || rows.is_empty() || touched.contains(*person));
            }
            for (person, rows) in &before {
                prop_assert!(after.get(person) == Some(rows) || touched.contains(*person));
            }
            before = after;
        }
        let rows = evidence.memory().rows;
        prop_assert!(apply(&mut evidence, &records).people().is_empty());
        prop_assert_eq!(evidence.memory().rows, rows);
    }

    #[test]
    fn verdicts_may_come_first_or_last(
        records in prop::collection::vec(record(), 1..20),
        verdicts in prop::collection::vec((0..3_u8, 0..2_u8, any::<bool>(), 0..20_usize), 0..10),
        repeated in prop::collection::vec(0..10_usize, 0..10),
    ) {
        let mut model = Model { records: records.clone(), ..Model::default() };
        let mut evidence = Evidence::default();
        let mut given = Vec::new();
        for at in 0..20 {
            if let Some(record) = records.get(at) {
                apply(&mut evidence, std::slice::from_ref(record));
            }
            for &(number, id, counts, _) in verdicts.iter().filter(|(_, _, _, when)| *when == at) {
                let key = Record::new(Kind::Contacts, number, &id.to_string(), 0, vec![]).key();
                given.push((person(number), key, counts, given.len() as u64));
                model.verdicts.insert((number, key), counts);
            }
            // What is new, and then again some of what was given before.
            let again = repeated.iter().filter_map(|&place| given.get(place));
            for &(token, key, counts, version) in given.iter().chain(again) {
                evidence.set_counts(token, key, counts, version, &mut Touched::default());
            }
        }
        prop_assert_eq!(rows_of_all(&evidence), model.rows());
        evidence.compact();
        prop_assert_eq!(rows_of_all(&evidence), model.rows());
    }

    #[test]
    fn gathering_one_by_one_is_gathering_many(records in prop::collection::vec(record(), 1..40)) {
        let mut evidence = Evidence::default();
        apply(&mut evidence, &records);
        let mut step = StepRows::default();
        for number in 0..evidence.people() {
            evidence.gather(number, super::records::slot_of(&evidence, number), RuleTables::ALL, &mut step);
        }
        prop_assert_eq!(super::records::rows_of(&evidence, &step), rows_of_all(&evidence));
    }
}

fn rows_by_person(evidence: &Evidence) -> BTreeMap<u32, Vec<String>> {
    (0..evidence.people())
        .map(|number| {
            let mut step = StepRows::default();
            evidence.gather(number, 0, RuleTables::ALL, &mut step);
            (number, super::records::rows_of(evidence, &step))
        })
        .collect()
}
