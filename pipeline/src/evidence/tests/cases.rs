//! Single cases: what a reader wants to see spelled out.

use fuma_schemas::Kind;
use fuma_schemas::evidence::log_schema;

use super::records::{Cell, Record, apply, batch, person, rows_of, rows_of_all};
use crate::evidence::{Evidence, EvidenceError, RuleTable, RuleTables, StepRows, Touched, Value};

const DAY: i64 = 86_400_000;

pub(super) fn stay(number: u8, id: &str, region: &str, arrived_at: i64) -> Record {
    let cells = vec![Cell::Text(region.into()), Cell::Instant(arrived_at), Cell::Null, Cell::Code(0)];
    Record::new(Kind::Stays, number, id, arrived_at, cells)
}

pub(super) fn region(id: &str, code: &str, since: i64, until: Option<i64>) -> Record {
    let until = until.map_or(Cell::Null, Cell::Instant);
    let cells =
        vec![Cell::Text(code.into()), Cell::Code(1), Cell::Instant(since), until, Cell::Text("办".into()), Cell::Null];
    Record::new(Kind::Regions, 0, id, since, cells)
}

fn contact(number: u8, id: &str, known_at: i64) -> Record {
    Record::new(
        Kind::Contacts,
        number,
        id,
        known_at,
        vec![Cell::Code(0), Cell::Instant(known_at), Cell::Instant(known_at)],
    )
}

#[test]
fn a_revision_of_another_kind_of_travel_replaces() {
    let mut evidence = Evidence::default();
    let entry = vec![Cell::Instant(DAY), Cell::Null, Cell::Text("SG".into()), Cell::Null];
    apply(
        &mut evidence,
        &[stay(1, "t1", "330106", DAY), Record::new(Kind::Entries, 1, "t1", 2 * DAY, entry).revision(2)],
    );
    assert_eq!(rows_of_all(&evidence), ["entries 1|172800000|86400000|86400000|-|SG|-"]);
}

#[test]
fn a_retraction_that_comes_first_holds_back_what_it_withdraws() {
    let mut evidence = Evidence::default();
    let late = stay(1, "t1", "330106", DAY);
    assert!(apply(&mut evidence, &[late.clone().revision(2).retract()]).people().is_empty());
    assert!(apply(&mut evidence, std::slice::from_ref(&late)).people().is_empty());
    assert!(rows_of_all(&evidence).is_empty());
    assert_eq!(apply(&mut evidence, &[late.revision(3)]).people(), [0]);
}

#[test]
fn conflicts_are_counted_and_settled_by_contents() {
    let records = [stay(1, "t1", "330106", DAY), stay(1, "t1", "330102", DAY)];
    for order in [[0, 1], [1, 0]] {
        let mut evidence = Evidence::default();
        for at in order {
            apply(&mut evidence, &records[at..=at]);
        }
        assert_eq!((evidence.conflicts(), rows_of_all(&evidence).len()), (1, 1));
        assert!(rows_of_all(&evidence)[0].contains("330106"));
    }
}

/// docs/feeds.md section 1, "Greater contents": each pair at one version, the greater one second.
#[test]
fn the_greater_contents_win() {
    let cells = |record: &Record, at: usize, cell: Cell| {
        let mut record = record.clone();
        record.cells[at] = cell;
        record
    };
    let case = Record::new(Kind::Cases, 1, "k", DAY, vec![Cell::Code(1), Cell::Instant(DAY), Cell::Null, Cell::Null]);
    let trip = Record::new(
        Kind::Trips,
        1,
        "t1",
        DAY,
        [
            Cell::Code(1),
            Cell::Text("G7512".into()),
            Cell::Number(9),
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Instant(DAY),
            Cell::Instant(DAY),
        ]
        .into_iter()
        .chain(std::iter::repeat(Cell::Null))
        .take(Kind::Trips.columns().len())
        .collect(),
    );
    let entry = Record::new(
        Kind::Entries,
        1,
        "t1",
        DAY,
        vec![Cell::Instant(0), Cell::Null, Cell::Text("SG".into()), Cell::Null],
    );
    let pairs = [
        (case.clone(), cells(&case, 0, Cell::Code(4)), "suspected is before excluded in the list"),
        (case.clone(), cells(&case, 2, Cell::Instant(-9)), "absent is lowest"),
        (cells(&case, 2, Cell::Instant(5)), cells(&case, 1, Cell::Instant(DAY + 1)), "the first column decides"),
        (stay(1, "t1", "50", 9 * DAY), trip.clone(), "a stay is before a trip"),
        (trip.clone(), entry, "a trip is before an entry"),
        (cells(&trip, 1, Cell::Text("G99".into())), cells(&trip, 1, Cell::Text("Z1".into())), "texts by their bytes"),
        (cells(&trip, 4, Cell::Number(9)), cells(&trip, 4, Cell::Number(10)), "integers by number"),
    ];
    for (less, greater, why) in pairs {
        let (less, greater) = (Record { known_at: DAY, ..less }, Record { known_at: DAY, ..greater });
        let mut of_greater = Evidence::default();
        apply(&mut of_greater, std::slice::from_ref(&greater));
        for order in [[&less, &greater], [&greater, &less]] {
            let mut evidence = Evidence::default();
            order.into_iter().for_each(|record| drop(apply(&mut evidence, std::slice::from_ref(record))));
            assert_eq!(rows_of_all(&evidence), rows_of_all(&of_greater), "{why}");
            assert_eq!(evidence.conflicts(), 1, "{why}");
        }
    }
}

#[test]
fn a_contact_raised_or_moved_long_afterwards_became_known_then() {
    let degree = |code, last: i64, known_at, revision| {
        let cells = vec![Cell::Code(code), Cell::Instant(DAY), Cell::Instant(last)];
        Record::new(Kind::Contacts, 1, "k", known_at, cells).revision(revision)
    };
    let first_known = |records: &[Record]| {
        let mut evidence = Evidence::default();
        apply(&mut evidence, records);
        let rows = rows_of_all(&evidence);
        rows[0].split('|').nth(2).unwrap().parse::<i64>().unwrap()
    };
    let raised = [degree(2, DAY, DAY, 1), degree(0, DAY, 60 * DAY, 2)];
    assert_eq!(first_known(&raised), 60 * DAY);
    let moved = [degree(0, DAY, DAY, 1), degree(0, 50 * DAY, 60 * DAY, 2)];
    assert_eq!(first_known(&moved), 60 * DAY);
    let corrected = [degree(0, DAY, DAY, 1), degree(0, 2 * DAY, 60 * DAY, 2)];
    assert_eq!(first_known(&corrected), DAY, "within 24 hours");
    let back = [degree(0, DAY, DAY, 1), degree(2, DAY, 60 * DAY, 2), degree(0, DAY, 61 * DAY, 3)];
    assert_eq!(first_known(&back), DAY);
}

#[test]
fn tiers_touch_those_whose_matches_change() {
    let mut evidence = Evidence::default();
    apply(&mut evidence, &[stay(1, "a", "330106", DAY), stay(2, "b", "330102", DAY), stay(3, "c", "33", DAY)]);
    let touched = apply(&mut evidence, &[region("r1", "330106001", DAY, None)]);
    assert_eq!(touched.people(), [0, 2]);
    assert!(
        rows_of_all(&evidence)
            .iter()
            .filter(|row| row.starts_with("tiered_stays"))
            .all(|row| row.ends_with("high|86400000|-|contains"))
    );
    // A second record of the same tier and time changes no match, and a tier that ends as it begins is none.
    assert!(apply(&mut evidence, &[region("r2", "330106001", DAY, None)]).people().is_empty());
    assert!(apply(&mut evidence, &[region("r3", "330102", DAY, Some(DAY))]).people().is_empty());
    assert!(apply(&mut evidence, &[region("r1", "330106001", DAY, None).revision(2).retract()]).people().is_empty());
    assert_eq!(apply(&mut evidence, &[region("r2", "330106", DAY, Some(2 * DAY)).revision(2)]).people(), [0, 2]);
    assert!(rows_of_all(&evidence).iter().any(|row| row.ends_with("high|86400000|172800000|exact")));
    assert_eq!(evidence.region_facts(), 3);
}

#[test]
fn rows_gathered_stay_right_when_later_ones_win() {
    let mut evidence = Evidence::default();
    apply(&mut evidence, &[contact(1, "k", DAY), stay(1, "a", "330106", DAY), region("r1", "3301", DAY, None)]);
    let mut step = StepRows::default();
    evidence.gather(0, 1, RuleTables::ALL, &mut step);
    let before = rows_of(&evidence, &step);
    evidence.set_counts(person(1), contact(1, "k", DAY).key(), false, 1, &mut Touched::default());
    apply(
        &mut evidence,
        &[contact(1, "k", 0), stay(1, "a", "50", DAY).revision(2), region("r1", "3301", DAY, Some(DAY)).revision(2)],
    );
    assert_eq!(rows_of(&evidence, &step), before);
    assert_ne!(rows_of_all(&evidence), before);
}

#[test]
fn verdicts_touch_once() {
    let mut evidence = Evidence::default();
    let key = contact(1, "k", DAY).key();
    let mut version = 0;
    let mut verdict = |evidence: &mut Evidence, counts| {
        let mut touched = Touched::default();
        version += 1;
        evidence.set_counts(person(1), key, counts, version, &mut touched);
        touched.people().len()
    };
    assert_eq!(verdict(&mut evidence, false), 0);
    apply(&mut evidence, &[contact(1, "k", DAY)]);
    assert_eq!([true, true, false, false].map(|counts| verdict(&mut evidence, counts)), [1, 0, 1, 0]);
    apply(&mut evidence, &[contact(1, "k", DAY).revision(2)]);
    assert!(rows_of_all(&evidence)[0].ends_with("|false|reported"));
}

#[test]
fn a_verdict_that_is_repeated_late_changes_nothing() {
    let mut evidence = Evidence::default();
    let key = contact(1, "k", DAY).key();
    apply(&mut evidence, &[contact(1, "k", DAY)]);
    let mut touched = Touched::default();
    for (counts, version) in [(false, 5), (true, 9), (false, 5), (false, 9)] {
        evidence.set_counts(person(1), key, counts, version, &mut touched);
    }
    assert!(rows_of_all(&evidence)[0].ends_with("|true|reported"));
    evidence.compact();
    evidence.set_counts(person(1), key, false, 5, &mut touched);
    assert!(rows_of_all(&evidence)[0].ends_with("|true|reported"));
    evidence.set_counts(person(1), key, false, 10, &mut touched);
    assert!(rows_of_all(&evidence)[0].ends_with("|false|reported"));
}

#[test]
fn only_what_is_needed_is_gathered() {
    let mut evidence = Evidence::default();
    apply(&mut evidence, &[contact(1, "k", DAY), stay(1, "a", "330106", DAY), region("r1", "3301", DAY, None)]);
    let mut step = StepRows::default();
    evidence.gather(0, 0, RuleTables::of(RuleTable::TieredStays), &mut step);
    assert_eq!((step.rows_in_all(), step.rows(RuleTable::TieredStays)), (1, 1));
    step.clear();
    evidence.gather(0, 0, RuleTables::of(RuleTable::Kind(Kind::Tests)), &mut step);
    assert_eq!(step.rows_in_all(), 0);
    assert!(!evidence.kinds(0).contains(RuleTable::Kind(Kind::Tests)));
}

#[test]
fn a_fact_is_described() {
    let mut evidence = Evidence::default();
    apply(&mut evidence, &[stay(1, "a", "330106", DAY), stay(1, "a", "330102", DAY).revision(2)]);
    let handles = evidence.handles(0);
    let views: Vec<_> = handles.iter().filter_map(|&handle| evidence.describe(handle)).collect();
    assert_eq!(views.iter().map(|view| (view.revision, view.standing)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    assert_eq!(views[0].values[0], ("region", Value::Text("330102")));
    assert_eq!((views[0].key, views[0].kind, views[0].owner), (stay(1, "a", "", DAY).key(), Kind::Stays, None));
    assert_eq!(evidence.describe(handles[0] + 1), None);
}

#[test]
fn a_broken_batch_is_no_panic() {
    let mut evidence = Evidence::default();
    let good = stay(1, "a", "330106", DAY);
    let mut lacking = good.clone();
    lacking.cells[1] = Cell::Null;
    let mut unknown_code = good.clone();
    unknown_code.cells[3] = Cell::Code(200);
    let rows = batch(Kind::Stays, &[&lacking, &unknown_code, &good]);
    let mut touched = Touched::default();
    evidence.apply(Kind::Stays, &rows, &[0, 1, 2, 9], &mut touched).unwrap();
    assert_eq!((evidence.incomplete(), touched.people().len()), (3, 1));
    let error = evidence.apply(Kind::Tests, &rows, &[0], &mut touched).unwrap_err();
    assert!(matches!(error, EvidenceError::Schema { kind: "tests", .. }), "{error}");
    assert_eq!(log_schema(Kind::Stays).fields().len(), rows.num_columns());
}
