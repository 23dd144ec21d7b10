//! The parts of the engine by themselves: decoding a record, the rules over everybody, a timeline.
//!
//! ```text
//! cargo bench -p fuma-tests --bench parts
//! ```
//!
//! Each beside a baseline of the same run: decoding beside a parse into `serde_json::Value`, and beside the exact
//! reader, which reads what the fast one gives up (a record with an array in a field that is not known); the rules with
//! what each person needs beside the rules with everything gathered. Never part of a test: machines differ.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fuma_pipeline::assess::{Partition, Timeline};
use fuma_pipeline::district::{District, Settings as DistrictSettings};
use fuma_pipeline::evidence::{RuleTables, StepRows};
use fuma_pipeline::intake::{Decoder, EvidenceBuilders, Key, Settings};
use fuma_pipeline::policy::{self, Executor, PackSource, RuleRow};
use fuma_pipeline::replay::{self, Bounds, Options, Silent, Source, Tick};
use fuma_schemas::{Feed, Instant};

const PEOPLE: u32 = 50_000;
/// People whom one execution judges.
const STEP_PEOPLE: u32 = 16_384;

fn feeds() -> Vec<(Feed, Vec<u8>)> {
    District::new(DistrictSettings { people: PEOPLE, ..DistrictSettings::benchmark(7) }).all_days()
}

fn intake() -> Arc<Settings> {
    Arc::new(Settings::new(Key::from_hex(&"5a".repeat(32)).unwrap()))
}

fn decoding(criterion: &mut Criterion) {
    let (feed, bytes) = feeds().into_iter().find(|(feed, _)| *feed == Feed::Tests).unwrap();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(10_000).collect();
    let mut group = criterion.benchmark_group("a record of tests");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("baseline: serde_json::Value", |bencher| {
        bencher.iter(|| lines.iter().filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok()).count());
    });
    let exact: Vec<Vec<u8>> = lines.iter().map(|line| [b"{\"x\":[],", &line[1..]].concat()).collect();
    let exact: Vec<&[u8]> = exact.iter().map(Vec::as_slice).collect();
    for (name, lines) in [("baseline: to evidence by the exact reader", &exact), ("decoded to evidence", &lines)] {
        group.bench_function(name, |bencher| {
            let mut decoder = Decoder::new(intake());
            let mut into = [EvidenceBuilders::new()];
            bencher.iter(|| {
                let good = lines.iter().filter(|line| decoder.decode(feed, line, None, &mut into).is_ok()).count();
                black_box(into[0].finish());
                good
            });
        });
    }
    group.finish();
}

/// The state after a whole district, and an executor of the same pack.
fn district(id: &str) -> (Partition, Executor) {
    let pack = policy::load(&PackSource::find(id).unwrap()).unwrap();
    let sources: Vec<Source> = feeds()
        .into_iter()
        .map(|(feed, bytes)| Source::Bytes { feed, name: format!("{}.ndjson", feed.name()), bytes: bytes.into() })
        .collect();
    let tick = Tick::parse("1d").unwrap();
    let options = Options {
        pack: Arc::clone(&pack),
        later: Vec::new(),
        tick,
        until: None,
        workers: 1,
        intake: intake(),
        bounds: Bounds::default(),
    };
    let finished = replay::finish(&sources, &options, &Silent).unwrap();
    (finished.partitions.into_iter().next().unwrap(), Executor::new(pack).unwrap())
}

/// What the rules say of everybody; `need` says what to gather of whom.
fn everybody(partition: &Partition, executor: &Executor, need: impl Fn(u32) -> RuleTables) -> usize {
    let evidence = partition.evidence();
    let (mut rows, mut said) = (StepRows::default(), 0);
    let people: Vec<u32> = (0..evidence.people()).collect();
    for page in people.chunks(STEP_PEOPLE as usize) {
        rows.clear();
        for (slot, &person) in (0..).zip(page) {
            evidence.gather(person, slot, need(person), &mut rows);
        }
        let tables = evidence.materialise(&rows, &executor.pack().wanted);
        said += executor.execute(tables).unwrap().len();
    }
    said
}

fn rules(criterion: &mut Criterion) {
    for id in PackSource::built_in_ids() {
        let (partition, executor) = district(&id);
        let people = u64::from(partition.evidence().people());
        let mut group = criterion.benchmark_group(format!("the rules over everybody, {id}"));
        group.sample_size(20).throughput(Throughput::Elements(people));
        group.bench_function("baseline: everything gathered", |bencher| {
            bencher.iter(|| everybody(&partition, &executor, |_| RuleTables::ALL));
        });
        group.bench_function("what each person needs", |bencher| {
            let need = |person| executor.pack().needs(partition.evidence().kinds(person));
            bencher.iter(|| everybody(&partition, &executor, need));
        });
        group.finish();
    }
}

fn timelines(criterion: &mut Criterion) {
    let hour = |hours: i64| Instant(hours * 3_600_000);
    let row = |rule: u16, since: i64| RuleRow {
        slot: 0,
        rule,
        since: hour(since),
        until: Some(hour(since + 30)),
        due: None,
        cause: 0,
    };
    let rows: Vec<RuleRow> = (0..4).map(|at| row(at % 3, i64::from(at) * 20)).collect();
    criterion.bench_function("a timeline of four intervals, merged and asked", |bencher| {
        bencher.iter(|| {
            let timeline = Timeline::merge(&mut rows.clone());
            (timeline.rules_at(hour(50)), timeline.next_segment(hour(50)))
        });
    });
}

criterion_group!(benches, decoding, rules, timelines);
criterion_main!(benches);
