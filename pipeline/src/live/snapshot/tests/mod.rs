//! Snapshots in a folder: written, listed, read, damaged in every file, pruned, and given up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::UInt64Type;
use serde_json::json;

mod full;

use super::*;
use crate::evidence::Export;

/// Seconds since the first call, for measurements.
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub(crate) fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("fuma-snapshots-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    fn store(&self) -> SnapshotStore {
        SnapshotStore::at(self.0.to_str().unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn meta(offset: u64) -> Meta {
    Meta {
        offset,
        clock_ms: 1_785_412_345_678,
        owner: "fuma-p3-7".to_owned(),
        output_offset: Some(9),
        written_at_ms: 1_785_412_345_000,
        rules: vec!["r1".to_owned(), "r2".to_owned()],
        position: json!({ "pack": "zhejiang-2020-109", "reference": [1, 2] }),
        since_2: Since2::default(),
    }
}

fn numbers(range: std::ops::Range<u64>) -> RecordBatch {
    let texts = StringArray::from_iter(range.clone().map(|n| (n % 3 != 0).then(|| format!("号{}", n % 100))));
    let columns: [(&str, Arc<dyn Array>); 2] =
        [("fact", Arc::new(UInt64Array::from_iter_values(range))), ("text", Arc::new(texts))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn page(first: u64) -> Export {
    Export { tables: vec![("people", numbers(first..first + 10)), ("tests", numbers(first * 2..first * 2 + 20))] }
}

fn write(store: &SnapshotStore, offset: u64) -> Written {
    let mut writer = store.begin("p0003", meta(offset)).unwrap();
    for first in [0, 10, 20] {
        assert!(writer.page(page(first)));
    }
    writer.wait().unwrap()
}

fn read(snapshot: &Snapshot) -> Result<Vec<(String, u64)>, SnapshotError> {
    let mut rows = Vec::new();
    snapshot.load(&mut |table, batch, progress| {
        let facts = batch.column(0).as_primitive::<UInt64Type>();
        rows.extend(facts.values().iter().map(|fact| (table.to_owned(), *fact)));
        assert_eq!((progress.rows, progress.rows_in_all), (rows.len() as u64, 90));
        Ok(())
    })?;
    Ok(rows)
}

fn offsets(store: &SnapshotStore) -> Vec<u64> {
    store.list("p0003").unwrap().iter().map(|found| store.open(found).unwrap().manifest().meta.offset).collect()
}

fn folder_of(root: &Folder, name: &str) -> PathBuf {
    root.0.join("p0003").join(name)
}

fn files(folder: &FilePath) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_was_written_is_read() {
    let root = Folder::new("read");
    let store = root.store();
    assert_eq!(store.list("p0003").unwrap(), vec![]);
    let written = write(&store, 5);
    let found = store.list("p0003").unwrap();
    assert_eq!(found.iter().map(|found| &found.name).collect::<Vec<_>>(), [&written.name]);
    assert!(written.name.starts_with("00000000000000000005-0001785412345678-"), "{}", written.name);
    let snapshot = store.open(&found[0]).unwrap();
    assert_eq!(snapshot.manifest(), &written.manifest);
    assert_eq!(snapshot.manifest().meta, meta(5));
    let rows = read(&snapshot).unwrap();
    let of = |table: &str, to: u64| (0..to).map(|n| (table.to_owned(), n)).collect::<Vec<_>>();
    assert_eq!(rows, [of("people", 30), of("tests", 60)].concat());
    assert_eq!(rules_in(0b110, &snapshot.manifest().meta.rules).collect::<Vec<_>>(), ["r2"]);
}

#[test]
fn large_tables_are_cut_into_files() {
    let root = Folder::new("large");
    let store = root.store();
    let mut writer = store.begin("links", meta(1)).unwrap();
    for first in (0..3_000_000).step_by(200_000) {
        assert!(writer.page(Export { tables: vec![("links", numbers(first..first + 200_000))] }));
    }
    let manifest = writer.wait().unwrap().manifest;
    assert!(manifest.files.len() > 1 && manifest.files.iter().all(|file| file.bytes < 12 << 20), "{manifest:?}");
    let snapshot = store.open(&store.list("links").unwrap()[0]).unwrap();
    let mut next = 0;
    let mut check = |_: &str, batch: &RecordBatch, _: Progress| {
        for fact in batch.column(0).as_primitive::<UInt64Type>().values() {
            assert_eq!(*fact, next);
            next += 1;
        }
        Ok(())
    };
    snapshot.load(&mut check).unwrap();
    assert_eq!(next, 3_000_000);
}

/// Rewrites the manifest of a snapshot, with a seal that fits: what another build might write.
fn rewrite(root: &Folder, name: &str, from: &str, to: &str) {
    let file = folder_of(root, name).join(manifest::FILE);
    let sealed: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let text = sealed["manifest"].to_string();
    assert!(text.contains(from), "{text}");
    let text = text.replace(from, to);
    let crc32 = crc32fast::hash(text.as_bytes());
    std::fs::write(file, format!("{{\"crc32\":\"{crc32:08x}\",\"manifest\":{text}}}\n")).unwrap();
}

#[test]
fn one_of_a_newer_build_is_refused_and_never_passed_over() {
    for (from, to, what) in
        [("\"format\":2", "\"format\":3", "format 3"), ("\"needs\":[]", "\"needs\":[\"rides\"]", "rides")]
    {
        let root = Folder::new("newer");
        let store = root.store();
        write(&store, 5);
        let name = write(&store, 6).name;
        rewrite(&root, &name, from, to);
        let error = store.newest("p0003", &|_| Ok(()), &mut |snapshot| read(snapshot)).unwrap_err();
        assert!(error.is_not_understood() && error.to_string().contains(what), "{error}");
        assert!(error.to_string().contains("at least as new"), "{error}");
    }
}

#[test]
fn what_a_later_build_adds_and_need_not_be_understood_is_passed_over() {
    let root = Folder::new("added");
    let store = root.store();
    let name = write(&store, 6).name;
    rewrite(&root, &name, "\"needs\":[]", "\"needs\":[],\"switches\":{\"a\":1}");
    let newest = store.newest("p0003", &|_| Ok(()), &mut |snapshot| read(snapshot)).unwrap();
    assert_eq!(newest.loaded.unwrap().1.len(), 90);
}

/// Opens and reads; the first error's text.
fn fate(store: &SnapshotStore) -> String {
    let found = store.list("p0003").unwrap();
    let newest = found.first().unwrap();
    store
        .open(newest)
        .and_then(|snapshot| read(&snapshot).map(|_| ()))
        .map_or_else(|error| error.to_string(), |()| "good".to_owned())
}

#[test]
fn damage_in_any_file_is_named_and_the_older_is_good() {
    let root = Folder::new("damage");
    let store = root.store();
    write(&store, 5);
    let name = write(&store, 6).name;
    let all = files(&folder_of(&root, &name));
    assert_eq!(all.len(), 3);
    for file in &all {
        let good = std::fs::read(file).unwrap();
        let short = file.file_name().unwrap().to_str().unwrap();
        for at in (0..good.len()).step_by((good.len() / 97).max(1)) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x20;
            std::fs::write(file, &bytes).unwrap();
            let fate = fate(&store);
            assert!(fate.contains(short) || fate == "good" && at + 1 == good.len(), "{short} at {at}: {fate}");
        }
        std::fs::write(file, &good[..good.len() - 1 - good.len() / 3]).unwrap();
        assert!(fate(&store).contains(short), "{}", fate(&store));
        std::fs::remove_file(file).unwrap();
        let missing = fate(&store);
        // Without its manifest it does not exist, and the older is the newest.
        assert!(missing.contains(short) || short == "manifest.json" && missing == "good", "{missing}");
        std::fs::write(file, &good).unwrap();
        assert_eq!(fate(&store), "good");
    }
    assert_eq!(offsets(&store), [6, 5]);
}

#[test]
fn the_newest_that_is_of_use() {
    let root = Folder::new("newest");
    let store = root.store();
    let names = [5, 6, 7, 8].map(|offset| write(&store, offset).name);
    assert_eq!(store.list("p0003").unwrap()[0].offset(), Some(8));
    let damaged = folder_of(&root, &names[2]).join("tests-0000.parquet");
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let within = |end: u64| {
        move |manifest: &Manifest| if manifest.meta.offset < end { Ok(()) } else { Err("not in the log".to_owned()) }
    };
    let newest = store.newest("p0003", &within(8), &mut read).unwrap();
    assert_eq!(newest.loaded.map(|(manifest, rows)| (manifest.meta.offset, rows.len())), Some((6, 90)));
    let passed: Vec<&str> = newest.passed_over.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(passed, [names[3].as_str(), names[2].as_str()]);
    assert!(newest.passed_over[1].1.contains("tests-0000.parquet of a snapshot is damaged: its checksum is another"));
    assert!(store.newest("p0003", &within(5), &mut read).unwrap().loaded.is_none());
    assert_eq!(store.newest("p0004", &within(5), &mut read).unwrap(), Newest { loaded: None, passed_over: vec![] });
}

/// `FUMA_TEST_SNAPSHOTS=s3://bucket/prefix AWS_ENDPOINT=... cargo test ... the_same_in_a_bucket -- --ignored`
#[test]
#[ignore = "needs a bucket"]
fn the_same_in_a_bucket() {
    let store = SnapshotStore::at(&std::env::var("FUMA_TEST_SNAPSHOTS").unwrap()).unwrap();
    for offset in 1..=3 {
        write(&store, offset);
    }
    assert_eq!(offsets(&store), [3, 2, 1]);
    assert_eq!(store.prune("p0003").unwrap(), 1);
    assert_eq!(offsets(&store), [3, 2]);
    assert_eq!(read(&store.open(&store.list("p0003").unwrap()[0]).unwrap()).unwrap().len(), 90);
}

#[test]
fn pruning_keeps_two_and_whatever_is_newer() {
    let root = Folder::new("prune");
    let store = root.store();
    write(&store, 1);
    assert_eq!(store.prune("p0003").unwrap(), 0);
    write(&store, 3);
    write(&store, 4);
    let late = store.list("p0003").unwrap();
    for unfinished in ["00000000000000000002-x", "00000000000000000009-x"] {
        std::fs::create_dir_all(folder_of(&root, unfinished)).unwrap();
        std::fs::write(folder_of(&root, unfinished).join("tests-0000.parquet#1"), "half").unwrap();
    }
    assert_eq!(store.prune("p0003").unwrap(), 2);
    assert_eq!(offsets(&store), [4, 3]);
    assert_eq!(late.len(), 3);
    assert!(
        folder_of(&root, "00000000000000000009-x").exists() && !folder_of(&root, "00000000000000000002-x").exists()
    );
    // A damaged manifest does not count as one of the two.
    let name = write(&store, 8).name;
    std::fs::write(folder_of(&root, &name).join("manifest.json"), "{}").unwrap();
    assert_eq!(store.prune("p0003").unwrap(), 0);
    // One that wakes late and finishes an old one deletes nothing newer; its own goes with the next pruning.
    write(&store, 2);
    assert_eq!(store.prune("p0003").unwrap(), 1);
    assert_eq!(store.list("p0003").unwrap().len(), 3);
}

#[test]
fn given_up_leaves_nothing() {
    let root = Folder::new("given-up");
    let store = root.store();
    let mut writer = store.begin("p0003", meta(1)).unwrap();
    assert!(writer.page(Export { tables: vec![("links", numbers(0..3_000_000))] }));
    drop(writer);
    let gone = || std::fs::read_dir(root.0.join("p0003")).map_or(true, |mut folders| folders.next().is_none());
    let end = (0..200).find(|_| {
        std::thread::sleep(Duration::from_millis(20));
        gone()
    });
    assert!(end.is_some() && store.list("p0003").unwrap().is_empty());
}

#[test]
fn a_full_store_ends_the_snapshot_and_nothing_else() {
    let full = Arc::new(full::Full::default());
    let store = SnapshotStore::over(Arc::clone(&full) as Arc<dyn object_store::ObjectStore>, "prefix/of");
    write(&store, 1);
    let each = full.taken();
    write(&store, 2);
    // Wherever the room ends: in a table's file, in the manifest.
    for room in (0..each).step_by(each as usize / 40) {
        full.set_room(room);
        let mut writer = store.begin("p0003", meta(3)).unwrap();
        // Pages may be refused from the moment that it failed; the worker goes on.
        [0, 10, 20].into_iter().take_while(|&first| writer.page(page(first))).for_each(drop);
        let error = writer.wait().unwrap_err().to_string();
        assert!(error.starts_with("cannot write prefix/of/p0003/00000000000000000003-"), "{error}");
        assert_eq!(offsets(&store), [2, 1]);
    }
    full.set_room(u64::MAX);
    assert_eq!(full.files(), 6);
    write(&store, 3);
    assert_eq!(store.prune("p0003").unwrap(), 1);
    assert_eq!((offsets(&store), full.files()), (vec![3, 2], 6));
    assert_eq!(read(&store.open(&store.list("p0003").unwrap()[0]).unwrap()).unwrap().len(), 90);
}

#[test]
fn a_folder_that_cannot_be_written() {
    let root = Folder::new("blocked");
    let store = root.store();
    std::fs::write(root.0.join("p0003"), "in the way").unwrap();
    let mut writer = store.begin("p0003", meta(3)).unwrap();
    assert!(writer.has_room() && writer.page(page(0)));
    let error = writer.wait().unwrap_err().to_string();
    assert!(error.starts_with("cannot write p0003/00000000000000000003-"), "{error}");
}

#[test]
fn places_that_no_store_serves() {
    let error = SnapshotStore::at("gs://bucket/prefix?secret=1").unwrap_err().to_string();
    assert_eq!(error, "snapshots cannot be kept at \"gs://...\": gs is not served; use a folder or s3://bucket/prefix");
}
