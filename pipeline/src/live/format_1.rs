//! What the first build wrote is read for ever: `tests/format-1` holds its state folder, byte for byte.
//!
//! ```text
//! feeds/*-1.ndjson   what came in before the snapshots were written, feeds/*-2.ndjson what came after
//! state/             log (evidence, links, regions, policies, journal with positions), snapshots, feeds.json
//! announced.txt      who was announced as what in the end
//! ```
//!
//! `pipeline/tests/format-1/make` made it with the build of commit 36969c9. It is never made again: a later format
//! gets a folder of its own beside it. Owns the comparison of what is read with what the same feeds give today.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::{LinkEvent, Log, LogRecord, Outgoing};
use fuma_schemas::{Feed, Instant};

use super::memory::Raw;
use super::record::{self, Origin, Section};
use super::snapshot::SnapshotStore;
use super::tests::{PARTITIONS, apply, expected, pictures, settings};
use super::worker::owned::Identity;
use super::worker::position::{Standing, SweepStanding};
use super::worker::reference::References;
use super::worker::restore::{Restoring, restore};
use super::worker::snapshots::Snapshots;
use crate::evidence::Evidence;
use crate::intake::{Decoder, EvidenceBuilders};
use crate::policy::{Pack, PackSource, load};
use crate::trace::Trace;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format-1");

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// The state folder, copied, and the log in it.
fn state(name: &str) -> (PathBuf, FolderLog) {
    let dir = std::env::temp_dir().join(format!("fuma-format-1-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&dir));
    copy(&Path::new(FIXTURE).join("state"), &dir);
    let log = FolderLog::open(&FolderOptions::new(&dir, PARTITIONS, 1)).unwrap();
    (dir, log)
}

fn pack() -> Arc<Pack> {
    load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap()
}

/// The records of the feeds, as they came in.
fn raws() -> Vec<Raw> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(Path::new(FIXTURE).join("feeds")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let feed_of = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Feed::ALL.into_iter().find(|feed| name.starts_with(&format!("{}-", feed.name()))).unwrap()
    };
    let of_file = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines().map(|line| Raw::new(feed_of(&path), line)).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(of_file).collect()
}

fn evidence_records(log: &FolderLog, partition: u32, from: u64) -> Vec<LogRecord> {
    let mut restorer = log.worker(0).unwrap().restorer().unwrap();
    let end = restorer.evidence_bounds(partition).unwrap().end;
    let mut records = Vec::new();
    let read = restorer.read_evidence(partition, from..end, &mut |record| {
        records.push(record);
        true
    });
    read.unwrap();
    records
}

fn references(log: &FolderLog) -> References {
    let references = References::default();
    references.advance(log.reference().unwrap().as_mut(), Duration::ZERO).unwrap();
    references
}

fn outgoing(value: bytes::Bytes) -> Outgoing {
    Outgoing { value, ..Outgoing::default() }
}

fn region_records(log: &FolderLog) -> Vec<Outgoing> {
    references(log)
        .regions(0, u64::MAX)
        .into_iter()
        .map(|region| match region.taken {
            crate::live::guard::Taken::AsItIs(value) => outgoing(value),
            other => panic!("an old log has no guard: {other:?}"),
        })
        .collect()
}

fn link_records(log: &FolderLog) -> Vec<LogRecord> {
    let mut links = log.links().unwrap();
    let mut records = Vec::new();
    assert!(matches!(links.poll(Duration::ZERO, &mut records).unwrap(), LinkEvent::Assigned(Some(_))));
    let start = links.bounds().unwrap().start;
    links.seek(start).unwrap();
    links.poll(Duration::ZERO, &mut records).unwrap();
    records
}

fn snapshots(dir: &Path) -> Snapshots {
    let folder = dir.join("snapshots");
    let place = folder.display().to_string();
    let store = SnapshotStore::folder(&folder).unwrap();
    Snapshots { store, place, every: Duration::MAX, records: u64::MAX, at_stop: Duration::ZERO }
}

#[test]
fn messages_give_what_the_feeds_give() {
    let (_, log) = state("messages");
    let regions = region_records(&log);
    assert!(regions.len() >= 2, "two files of regions");
    let of = |partition| {
        let mut evidence = Evidence::default();
        apply(&mut evidence, &regions);
        let messages: Vec<Outgoing> =
            evidence_records(&log, partition, 0).into_iter().map(|record| outgoing(record.value)).collect();
        apply(&mut evidence, &messages);
        evidence
    };
    let evidence: Vec<Evidence> = (0..PARTITIONS).map(of).collect();
    assert_eq!(pictures(&evidence), pictures(&expected(&raws(), None)));
    assert_eq!(evidence.iter().map(Evidence::people).sum::<u32>(), 13, "twelve tokens and a certificate");
}

/// Judges a link record, and says what follows.
fn follows(mut trace: Trace, raw: &Raw) -> Vec<String> {
    drop(trace.settle());
    let mut decoder = Decoder::new(settings());
    let mut builders = [EvidenceBuilders::new()];
    decoder.decode(raw.feed, raw.value.as_deref().unwrap(), None, &mut builders).unwrap();
    for (kind, batch) in builders[0].finish() {
        trace.apply(kind, &batch, &[0]).unwrap();
    }
    let mut verdicts: Vec<String> = trace.settle().iter().map(|verdict| format!("{verdict:?}")).collect();
    verdicts.sort();
    verdicts
}

fn take_links(trace: &mut Trace, records: &[LogRecord], from: u64) {
    for record in records.iter().filter(|record| record.offset >= from) {
        for section in record::read(&record.value).unwrap() {
            let Section::Rows { kind, batch } = section else { panic!("no verdict is in the link log") };
            let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
            trace.apply(kind, &batch, &rows).unwrap();
        }
    }
}

#[test]
fn a_graph_of_contacts_goes_on() {
    let (dir, log) = state("graph");
    let links = link_records(&log);
    let newest = snapshots(&dir).store.newest("links", &|_| Ok(()), &mut |snapshot| {
        let mut trace = Trace::new();
        snapshot.load(&mut |table, batch, _| trace.import(table, batch))?;
        Ok(trace)
    });
    let (manifest, mut restored) = newest.unwrap().loaded.expect("it was stored");
    assert!(manifest.meta.offset < links.last().unwrap().offset + 1, "links came after it");
    take_links(&mut restored, &links, manifest.meta.offset);
    let mut whole = Trace::new();
    take_links(&mut whole, &links, 0);
    assert_eq!(restored.facts(), whole.facts());
    // The excluded case holds again: both that hang on it count again.
    let again = Raw::new(
        Feed::Cases,
        r#"{"owner":"hc-990001","id":"k2","revision":3,"person":"000000000000000000000000000000b2",
            "known_at":"2026-11-30T10:00:00+08:00","classification":"confirmed",
            "determined_at":"2026-11-20T09:00:00+08:00"}"#,
    );
    let verdicts = follows(restored, &again);
    assert_eq!(verdicts.len(), 2, "{verdicts:?}");
    assert_eq!(verdicts, follows(whole, &again));
}

#[test]
fn a_snapshot_and_the_log_behind_it_are_the_whole() {
    let (dir, log) = state("snapshot");
    let (regions, whole) = (region_records(&log), pictures(&expected(&raws(), None)));
    let (snapshots, pack) = (snapshots(&dir), pack());
    for partition in 0..PARTITIONS {
        let (mut restored, loaded) =
            snapshots.load(partition, &|_| true, &pack).unwrap().loaded.expect("each was written");
        let standing = loaded.standing.expect("a position");
        assert!(loaded.evidence > 0 && standing.regions > 0, "{standing:?}");
        let evidence = restored.evidence_mut();
        apply(evidence, &regions);
        let behind = evidence_records(&log, partition, loaded.evidence);
        apply(evidence, &behind.into_iter().map(|record| outgoing(record.value)).collect::<Vec<_>>());
        assert_eq!(pictures(std::slice::from_ref(evidence)), whole[partition as usize..=partition as usize]);
    }
}

#[test]
fn a_position_says_what_it_said() {
    let (_, log) = state("position");
    let mut restorer = log.worker(0).unwrap().restorer().unwrap();
    for partition in 0..PARTITIONS {
        let position = restorer.position(partition).unwrap();
        let standing = Standing::parse(&position.metadata).unwrap().expect("a position");
        assert_eq!(position.offset, Some(restorer.evidence_bounds(partition).unwrap().end));
        assert_eq!((standing.owner.as_str(), standing.released), ("folder-0", true));
        assert_eq!((standing.pack_order, standing.engine.as_str()), (1, "0.1.0"));
        assert_eq!((standing.regions, standing.sweep), (references(&log).regions_end(), SweepStanding::None));
        assert!(standing.clock > Instant(1_790_000_000_000) && standing.judged_until == standing.clock);
    }
}

/// R-13 under the same pack and engine: what was announced is what the evidence gives today.
#[test]
fn a_takeover_finds_what_was_announced() {
    let (dir, log) = state("takeover");
    let announced = std::fs::read_to_string(Path::new(FIXTURE).join("announced.txt")).unwrap();
    let expected: BTreeMap<&str, &str> = announced.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let mut restorer = log.worker(0).unwrap().restorer().unwrap();
        let standing = Standing::parse(&restorer.position(partition).unwrap().metadata).unwrap().unwrap();
        let identity = Identity {
            owner: "folder-0".to_owned(),
            pack: standing.pack.clone(),
            pack_order: standing.pack_order,
            engine: standing.engine.clone(),
            origin: Origin::default(),
            partitions: PARTITIONS,
            source: String::new(),
        };
        let context = Restoring {
            pack: pack(),
            identity,
            schedule: crate::live::worker::switch::Schedule::default(),
            references: references(&log),
            counts: Default::default(),
            snapshots: Some(snapshots(&dir)),
            facts: crate::evidence::Limits::default(),
            words: crate::live::partitions::Words::default(),
            differences_max: Some(0),
            state: dir.clone(),
            now: standing.clock,
            cancelled: Arc::default(),
            lease: None,
            tells: crate::live::worker::Tells::default(),
            shows: false,
            belongs: None,
        };
        let owned = restore(restorer.as_mut(), partition, &context).unwrap();
        assert!(owned.sweep.is_empty(), "nobody differs");
        let evidence = owned.partition.evidence();
        for person in 0..evidence.people() {
            let state = owned.partition.announced(person);
            let said = format!("{} {}", state.colour.name(), state.rules.join(","));
            found.insert(evidence.person(person).unwrap().to_string(), said.trim_end().to_owned());
        }
    }
    let found: BTreeMap<&str, &str> = found.iter().map(|(person, said)| (person.as_str(), said.as_str())).collect();
    assert_eq!(found, expected);
}
