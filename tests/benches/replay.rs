//! The end-to-end bench: a synthetic district from NDJSON in memory to changes, in one process.
//!
//! ```text
//! cargo bench -p fuma-tests --bench replay -- [--people 1000000] [--workers 1,2] [--policy PACK] [--tick 1h]
//! ```
//!
//! Prints wall and CPU seconds of each part, against a baseline in the same run: reading the same bytes and finding
//! their line ends, and parsing each line into a `serde_json::Value`. Never part of a test: machines differ.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss)]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::sync::Arc;
use std::time::Instant as WallClock;

use fuma_pipeline::district::{District, Settings as DistrictSettings};
use fuma_pipeline::intake::{Key, Settings};
use fuma_pipeline::policy::{self, PackSource};
use fuma_pipeline::replay::{self, Bounds, Options, Silent, Source, Tick};
use fuma_schemas::Feed;

fn main() {
    let people = argument("--people").map_or(1_000_000, |text| text.parse().unwrap());
    let workers = argument("--workers").unwrap_or_else(|| "1,2".to_string());
    let policy = argument("--policy").unwrap_or_else(|| "zhejiang-2020-109".to_string());
    let tick = Tick::parse(&argument("--tick").unwrap_or_else(|| "1h".to_string())).unwrap();
    let settings = DistrictSettings { people, ..DistrictSettings::benchmark(1) };
    let feeds = District::new(settings).all_days();
    let bytes: usize = feeds.iter().map(|(_, bytes)| bytes.len()).sum();
    let records: usize = feeds.iter().map(|(_, bytes)| memchr::memchr_iter(b'\n', bytes).count()).sum();
    println!("{records} records, {:.2} GB, {people} people, {policy}, tick {tick:?}", bytes as f64 / 1e9);
    baseline(&feeds, records);
    let pack = policy::load(&PackSource::find(&policy).unwrap()).unwrap();
    let sources: Vec<Source> = feeds.into_iter().map(source).collect();
    for workers in workers.split(',').map(|text| text.parse().unwrap()) {
        let intake = Arc::new(Settings::new(Key::from_hex(&"5a".repeat(32)).unwrap()));
        let all_in_memory = Bounds { evidence_bytes: usize::MAX, ..Bounds::default() };
        let options = Options {
            pack: Arc::clone(&pack),
            later: Vec::new(),
            tick,
            until: None,
            workers,
            intake,
            bounds: all_in_memory,
        };
        let on_disk = Options { bounds: Bounds { evidence_bytes: 0, ..Bounds::default() }, ..options.clone() };
        let timer = Timer::start();
        let mut spooled = replay::spooled(&sources, &on_disk, &Silent).unwrap();
        spooled.write_changes(&mut std::io::sink()).unwrap();
        timer.stop(&format!("replay, {workers} workers, evidence and changes on disk"), records);
        drop(spooled);
        let timer = Timer::start();
        let outcome = replay::run(&sources, &options, &Silent).unwrap();
        timer.stop(&format!("replay, {workers} workers"), records);
        let counts = &outcome.counts;
        let state: u64 = counts.memory.iter().map(|memory| memory.bytes as u64).sum::<u64>() + counts.announced_bytes;
        println!(
            "  {} changes, {} rejects, {} people, {} facts, {:.0} bytes a person",
            outcome.changes.len(),
            outcome.rejects.len(),
            counts.people,
            counts.facts,
            state as f64 / counts.people as f64
        );
    }
}

fn source((feed, bytes): (Feed, Vec<u8>)) -> Source {
    Source::Bytes { feed, name: format!("{}.ndjson", feed.name()), bytes: bytes.into() }
}

fn baseline(feeds: &[(Feed, Vec<u8>)], records: usize) {
    let timer = Timer::start();
    let lines: usize = feeds.iter().map(|(_, bytes)| memchr::memchr_iter(b'\n', bytes).count()).sum();
    timer.stop("baseline: line ends", lines);
    let timer = Timer::start();
    let mut parsed = 0;
    for line in feeds.iter().flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n')).step_by(10) {
        parsed += usize::from(serde_json::from_slice::<serde_json::Value>(line).is_ok());
    }
    timer.stop("baseline: serde_json::Value, every tenth record", parsed);
    assert!(parsed * 11 > records, "most lines must parse");
}

struct Timer {
    wall: WallClock,
    cpu: f64,
}

impl Timer {
    fn start() -> Timer {
        Timer { wall: WallClock::now(), cpu: cpu_seconds() }
    }

    fn stop(self, what: &str, records: usize) {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        let rate = records as f64 / wall;
        println!(
            "{what:<50} {wall:8.2} s wall {cpu:8.2} s cpu {:8.0} ns cpu/record {rate:12.0} records/s",
            cpu * 1e9 / records as f64
        );
    }
}

/// User and system seconds of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    // Clock ticks are a hundredth of a second on every Linux that Rust supports.
    (fields.get(11).unwrap_or(&0.0) + fields.get(12).unwrap_or(&0.0)) / 100.0
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}
