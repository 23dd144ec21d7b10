//! What a snapshot costs: `cargo test --release -p fuma-pipeline --lib evidence::tests::snapshot_measure -- --ignored
//! --nocapture`. A million people with five facts each; never a bound, for machines differ.

use std::hint::black_box;

use fuma_schemas::Kind;

use super::measure::{core_ns, filled};
use crate::evidence::{Evidence, Export, Import};
use crate::live::snapshot::tests::seconds;
use crate::live::snapshot::{Meta, SnapshotStore};

const PEOPLE: u64 = 1_000_000;
const FACTS: u64 = 5 * PEOPLE;
const PAGE: u32 = 4096;

/// Five facts a person: nine kinds of batches over five ninths as many people as measured elsewhere.
fn state() -> Evidence {
    use Kind::{Contacts, Isolations, Stays, Tests, Trips};
    filled(PEOPLE, &[Tests, Tests, Tests, Stays, Stays, Stays, Trips, Isolations, Contacts], true, 5).0
}

#[test]
#[ignore = "a measurement of a million people"]
fn costs() {
    let mut evidence = state();
    let of = |_: u32| 0;
    for compacted in ["as applied", "compacted"] {
        let start = core_ns();
        for first in (0..evidence.people()).step_by(PAGE as usize) {
            let mut page = Export::default();
            evidence.export(first..first + PAGE, &of, &mut page).unwrap();
            black_box(&page);
        }
        eprintln!("{compacted}: {:.0} ns a fact exported", (core_ns() - start) / FACTS as f64);
        evidence.compact();
    }

    let folder = std::env::temp_dir().join(format!("fuma-snapshot-{}", std::process::id()));
    let store = SnapshotStore::folder(&folder).unwrap();
    let start = seconds();
    let mut writer = store.begin("p0000", Meta::default()).unwrap();
    let mut pages = Vec::new();
    for first in (0..evidence.people()).step_by(PAGE as usize) {
        let mut page = Export::default();
        let page_start = seconds();
        evidence.export(first..first + PAGE, &of, &mut page).unwrap();
        pages.push(((seconds() - page_start) * 1e6) as u64);
        assert!(writer.page(page));
    }
    let written = writer.wait().unwrap();
    let took = seconds() - start;
    let megabytes = written.manifest.bytes() as f64 / 1e6;
    pages.sort_unstable();
    eprintln!(
        "written: {took:.2} s, {:.2} M facts/s, {megabytes:.0} MB, {:.1} B a fact, {} files; a page takes \
         the worker {} us (median), {} us (most)",
        FACTS as f64 / took / 1e6,
        megabytes * 1e6 / FACTS as f64,
        written.manifest.files.len(),
        pages[pages.len() / 2],
        pages[pages.len() - 1]
    );
    for kind in ["people", "tests", "stays", "trips", "isolations", "contacts"] {
        let files = || written.manifest.files.iter().filter(|file| file.table == kind);
        let (bytes, rows) = (files().map(|file| file.bytes).sum::<u64>(), files().map(|file| file.rows).sum::<u64>());
        eprintln!("    {kind:12} {:5.1} B a row", bytes as f64 / rows as f64);
    }

    let found = store.list("p0000").unwrap();
    let snapshot = store.open(&found[0]).unwrap();
    let start = seconds();
    snapshot
        .load(&mut |_, batch, _| {
            black_box(batch);
            Ok(())
        })
        .unwrap();
    eprintln!("read: {:.2} M rows/s", snapshot.manifest().rows_in_all() as f64 / (seconds() - start) / 1e6);
    let (mut restored, mut import) = (Evidence::default(), Import::default());
    let (start, core) = (seconds(), core_ns());
    snapshot.load(&mut |table, batch, _| import.take(&mut restored, table, batch, &mut |_, _| {})).unwrap();
    let took = seconds() - start;
    eprintln!(
        "loaded: {took:.2} s, {:.2} M facts/s; imported alone: {:.0} ns a fact",
        FACTS as f64 / took / 1e6,
        (core_ns() - core) / FACTS as f64
    );
    assert_eq!(restored.memory().facts, evidence.memory().facts);
    std::fs::remove_dir_all(folder).unwrap();
}
