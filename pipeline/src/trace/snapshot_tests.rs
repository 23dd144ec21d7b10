//! A graph that went through a snapshot does whatever the original does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use fuma_schemas::Kind;
use proptest::collection::vec;
use proptest::prelude::*;

use super::properties::row;
use super::tests::{Row, batch};
use super::{LINKS, Trace, Verdict};
use crate::evidence::{Export, TableError};
use crate::live::snapshot::tests::seconds;

fn apply(trace: &mut Trace, rows: &[Row]) {
    for kind in [Kind::Contacts, Kind::Cases] {
        let places: Vec<u32> = (0..rows.len()).filter(|&n| rows[n].kind == kind).map(|n| n as u32).collect();
        if !places.is_empty() {
            trace.apply(kind, &batch(kind, rows), &places).unwrap();
        }
    }
}

fn settled(trace: &mut Trace) -> BTreeSet<Verdict> {
    trace.settle().into_iter().collect()
}

fn restored(trace: &Trace, page: u32) -> Trace {
    let (mut out, mut restored) = (Export::default(), Trace::new());
    for start in (0..trace.facts()).step_by(page as usize) {
        trace.export(start..start + page, &mut out).unwrap();
    }
    for (table, batch) in &out.tables {
        restored.import(table, batch).unwrap();
    }
    restored
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_same_verdicts_on_whatever_comes(
        before in vec(row(), 0..60),
        later in vec(row(), 1..60),
        (page, size, settles) in (1..9_u32, 1..6_usize, any::<bool>()),
    ) {
        let mut original = Trace::new();
        for rows in before.chunks(size) {
            apply(&mut original, rows);
            original.settle();
        }
        if !settles {
            apply(&mut original, &later[..1]);
        }
        let mut copy = restored(&original, page);
        prop_assert_eq!(copy.facts(), original.facts());
        prop_assert_eq!(settled(&mut copy), settled(&mut original));
        // The log from any earlier place, and what is new.
        apply(&mut copy, &before);
        prop_assert_eq!(copy.settle(), vec![]);
        for rows in later.chunks(size) {
            apply(&mut original, rows);
            apply(&mut copy, rows);
            prop_assert_eq!(settled(&mut copy), settled(&mut original));
        }
        prop_assert_eq!(copy.facts(), original.facts());
    }
}

#[test]
fn another_table_is_refused() {
    let mut trace = Trace::new();
    let rows = [Row {
        kind: Kind::Cases,
        person: 1,
        id: "n".into(),
        revision: 1,
        retracted: false,
        known_at: 0,
        code: 0,
        links: [None, None],
    }];
    apply(&mut trace, &rows);
    let mut out = Export::default();
    trace.export(0..9, &mut out).unwrap();
    let (_, page) = &out.tables[0];
    assert!(matches!(trace.import("people", page), Err(TableError::Table { .. })));
    assert!(matches!(trace.import(LINKS, &page.project(&[0, 1]).unwrap()), Err(TableError::Column { .. })));
    let mut nothing = Export::default();
    trace.export(1..9, &mut nothing).unwrap();
    assert!(nothing.tables.is_empty());
}

/// `cargo test --release -p fuma-pipeline --lib trace::snapshot_tests -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of a million contacts"]
fn costs() {
    let mut trace = Trace::new();
    let row = |n: u32| Row {
        kind: Kind::Contacts,
        person: n as u8,
        id: format!("p{n}"),
        revision: 1,
        retracted: false,
        known_at: i64::from(n),
        code: 1,
        links: [None, (n > 0).then(|| format!("s/p{}", n / 3))],
    };
    for first in (0..1_000_000).step_by(10_000) {
        apply(&mut trace, &(first..first + 10_000).map(row).collect::<Vec<_>>());
        trace.settle();
    }
    let start = seconds();
    let mut out = Export::default();
    for first in (0..trace.facts()).step_by(4096) {
        trace.export(first..first + 4096, &mut out).unwrap();
    }
    eprintln!("exported: {:.3} s", seconds() - start);
    let start = seconds();
    let mut restored = Trace::new();
    restored.reserve(trace.facts());
    for (table, batch) in &out.tables {
        restored.import(table, batch).unwrap();
    }
    eprintln!("imported: {:.3} s", seconds() - start);
}
