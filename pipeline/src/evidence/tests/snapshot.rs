//! What comes back from a snapshot is what went in, and the log on top of it finds nothing new.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{RecordBatch, UInt32Array};
use fuma_schemas::{Kind, Person};
use proptest::prelude::*;

use super::properties::record;
use super::records::{Record, apply, person, rows_of_all};
use crate::evidence::{Evidence, Export, FactKey, Import, PEOPLE, TableError, Touched};

/// All pages of a state, `page` people each.
pub(super) fn exported(evidence: &Evidence, page: u32, announced: &[u64]) -> Export {
    let mut out = Export::default();
    evidence.export_verdicts(&mut out).unwrap();
    for start in (0..evidence.people()).step_by(page as usize) {
        evidence
            .export(start..start + page, &|person| announced.get(person as usize).copied().unwrap_or(0), &mut out)
            .unwrap();
    }
    out
}

/// A state from pages: people first, else in the order given by `backwards`.
pub(super) fn imported(export: &Export, backwards: bool) -> (Evidence, BTreeMap<Person, u64>) {
    let (mut evidence, mut import, mut announced) =
        (Evidence::default(), Import::default(), BTreeMap::<u32, u64>::new());
    let mut tables: Vec<&(&str, RecordBatch)> = export.tables.iter().collect();
    if backwards {
        tables.reverse();
    }
    tables.sort_by_key(|(table, _)| *table != PEOPLE);
    for (table, batch) in tables {
        let mut announce = |person, mask| assert_eq!(announced.insert(person, mask), None);
        import.take(&mut evidence, table, batch, &mut announce).unwrap();
    }
    let announced = announced.into_iter().map(|(person, mask)| (evidence.person(person).unwrap(), mask)).collect();
    (evidence, announced)
}

fn keys(records: &[Record]) -> BTreeSet<(u8, FactKey)> {
    let of_people = records.iter().filter(|record| record.kind != Kind::Regions);
    of_people.map(|record| (record.person, record.key())).collect()
}

/// All that is known of each fact, but its handle.
fn views(evidence: &Evidence, keys: &BTreeSet<(u8, FactKey)>) -> Vec<String> {
    let winner = |number, key| evidence.describe_winner(evidence.find(person(number))?, key);
    keys.iter().map(|(number, key)| format!("{:?}", winner(*number, *key).map(|(_, view)| view))).collect()
}

fn regions(records: &[Record]) -> Vec<Record> {
    records.iter().filter(|record| record.kind == Kind::Regions).cloned().collect()
}

fn tokens(evidence: &Evidence, touched: &Touched) -> BTreeSet<Person> {
    touched.people().iter().map(|person| evidence.person(*person).unwrap()).collect()
}

fn judge(evidence: &mut Evidence, version: u64, verdicts: &[(u8, u8, bool)]) -> Touched {
    let mut touched = Touched::default();
    for (version, (number, id, counts)) in (version..).zip(verdicts) {
        let key = Record::new(Kind::Contacts, *number, &id.to_string(), 0, vec![]).key();
        evidence.set_counts(person(*number), key, *counts, version, &mut touched);
    }
    touched
}

fn verdicts() -> impl Strategy<Value = Vec<(u8, u8, bool)>> {
    prop::collection::vec((0..3_u8, 0..2_u8, any::<bool>()), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_log_on_top_of_a_snapshot_finds_nothing_new(
        records in prop::collection::vec(record(), 1..40),
        verdicts in verdicts(),
        later in prop::collection::vec(record(), 0..20),
        (page, backwards, compact) in (1..4_u32, any::<bool>(), any::<bool>()),
    ) {
        let mut original = Evidence::default();
        judge(&mut original, 1, &verdicts);
        apply(&mut original, &records);
        if compact {
            original.compact();
        }
        let announced: Vec<u64> = (0..u64::from(original.people())).map(|person| person * 3).collect();
        let (mut restored, masks) = imported(&exported(&original, page, &announced), backwards);
        let by_token = (0..).zip(&announced).map(|(number, mask)| (original.person(number).unwrap(), *mask));
        prop_assert_eq!(masks, by_token.collect());
        prop_assert_eq!(restored.people(), original.people());
        prop_assert_eq!(restored.memory().facts, original.memory().facts);

        apply(&mut restored, &regions(&records));
        let keys = keys(&records);
        prop_assert_eq!(rows_of_all(&restored), rows_of_all(&original));
        prop_assert_eq!(views(&restored, &keys), views(&original, &keys));

        let rows = restored.memory().rows;
        prop_assert!(apply(&mut restored, &records).people().is_empty());
        prop_assert!(judge(&mut restored, 1, &verdicts).people().is_empty());
        prop_assert!(restored.memory().rows == rows);
        prop_assert_eq!(rows_of_all(&restored), rows_of_all(&original));
        prop_assert_eq!(views(&restored, &keys), views(&original, &keys));

        // Whatever comes next does the same to both.
        let (one, other) = (apply(&mut restored, &later), apply(&mut original, &later));
        prop_assert_eq!(tokens(&restored, &one), tokens(&original, &other));
        let turned: Vec<_> = verdicts.iter().map(|(number, id, counts)| (*number, *id, !counts)).collect();
        let (one, other) = (judge(&mut restored, 5, &turned), judge(&mut original, 5, &turned));
        prop_assert_eq!(tokens(&restored, &one), tokens(&original, &other));
        prop_assert_eq!(rows_of_all(&restored), rows_of_all(&original));
        restored.compact();
        prop_assert_eq!(rows_of_all(&restored), rows_of_all(&original));
    }

    /// Pages of different moments: what came since the first page is replayed.
    #[test]
    fn pages_between_records_and_the_log_from_the_first_page(
        records in prop::collection::vec(record(), 2..50),
        before in 0..50_usize,
        pace in 1..8_usize,
    ) {
        let before = before.min(records.len());
        let mut original = Evidence::default();
        apply(&mut original, &records[..before]);
        let mut out = Export::default();
        let (mut at, mut page) = (before, 0);
        while page < original.people() {
            original.export(page..page + 1, &|_| 0, &mut out).unwrap();
            page += 1;
            let next = records.len().min(at + pace);
            apply(&mut original, &records[at..next]);
            at = next;
        }
        original.export_verdicts(&mut out).unwrap();
        apply(&mut original, &records[at..]);

        let (mut restored, _) = imported(&out, false);
        apply(&mut restored, &regions(&records));
        apply(&mut restored, &records[before..]);
        prop_assert_eq!(rows_of_all(&restored), rows_of_all(&original));
        prop_assert_eq!(views(&restored, &keys(&records)), views(&original, &keys(&records)));
    }
}

#[test]
fn what_is_not_of_this_layout_is_refused_by_name() {
    let mut evidence = Evidence::default();
    apply(&mut evidence, &[super::cases::stay(1, "s", "330106", 0)]);
    let export = exported(&evidence, 9, &[]);
    let (_, stays) = export.tables.iter().find(|(table, _)| *table == "stays").unwrap();
    let take = |table: &str, batch: &RecordBatch| {
        Import::default().take(&mut Evidence::default(), table, batch, &mut |_, _| {}).unwrap_err().to_string()
    };
    assert_eq!(
        take("stays", stays),
        "table stays of the snapshot has a row without a person: the snapshot is incomplete"
    );
    assert_eq!(take("trips", stays), "table trips of the snapshot lacks mode: another build wrote it");
    assert_eq!(take("visits", stays), "a snapshot with a table \"visits\": another build wrote it");
    let mut columns = stays.columns().to_vec();
    columns[0] = std::sync::Arc::new(UInt32Array::new_null(1));
    let fields: Vec<_> =
        stays.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let nulls = RecordBatch::try_new(std::sync::Arc::new(arrow::datatypes::Schema::new(fields)), columns).unwrap();
    assert_eq!(take("stays", &nulls), "table stays of the snapshot lacks person: another build wrote it");
    assert!(matches!(
        Import::default().take(&mut Evidence::default(), PEOPLE, stays, &mut |_, _| {}),
        Err(TableError::Column { .. })
    ));
}

#[test]
fn nothing_gives_nothing() {
    let mut out = Export::default();
    Evidence::default().export(0..4096, &|_| 0, &mut out).unwrap();
    assert!(out.tables.is_empty());
}
