//! What one execution of a pack's plans costs, by how many people are in the step: microseconds of one thread and
//! allocations, evaluated in one go and streamed by DataFusion, in the same run.
//!
//! ```text
//! cargo bench -p fuma-tests --bench step
//! ```
//!
//! The people are the dense load's (`fuma_tests::load`), those for whom some rule may speak. Never part of a test:
//! machines differ.

#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as Clock};

use fuma_pipeline::assess::Partition;
use fuma_pipeline::evidence::{RuleTables, StepRows};
use fuma_pipeline::policy::Executor;
use fuma_pipeline::replay::{self, Bounds, Options, Silent, Source, Tick};
use fuma_schemas::{Feed, Instant};
use fuma_tests::load::Settings;

const RECORDS: u64 = 200_000;
const TIME: Duration = Duration::from_millis(400);

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: all is handed on to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The state after a part of the dense load.
fn dense(executor: &Executor) -> Partition {
    let until = Instant::parse("2022-04-15T00:00:00+08:00").unwrap();
    let settings = Settings { people: RECORDS / 6, records: RECORDS, ..Settings::dense(until) };
    let mut feeds: BTreeMap<Feed, Vec<u8>> = BTreeMap::new();
    let mut each = |feed: Feed, line: &[u8]| {
        let lines = feeds.entry(feed).or_default();
        lines.extend_from_slice(line);
        lines.push(b'\n');
    };
    settings.regions(&mut each);
    settings.people(0..RECORDS, &mut each);
    let source = |(feed, bytes): (Feed, Vec<u8>)| Source::Bytes {
        feed,
        name: format!("{}.ndjson", feed.name()),
        bytes: bytes.into(),
    };
    let options = Options {
        pack: Arc::clone(executor.pack()),
        later: Vec::new(),
        tick: Tick::parse("1h").unwrap(),
        until: None,
        workers: 1,
        intake: fuma_tests::settings(),
        bounds: Bounds::default(),
    };
    let sources: Vec<Source> = feeds.into_iter().map(source).collect();
    replay::finish(&sources, &options, &Silent).unwrap().partitions.into_iter().next().unwrap()
}

/// Microseconds and allocations of a step of these people: gathered, shown as tables, judged.
fn measure(partition: &Partition, executor: &Executor, people: &[u32], size: usize) -> (f64, f64, f64) {
    let evidence = partition.evidence();
    let mut rows = StepRows::default();
    let (mut steps, mut said) = (0_u32, 0_usize);
    let (begun, before) = (Clock::now(), ALLOCATIONS.load(Ordering::Relaxed));
    for step in people.chunks_exact(size).cycle() {
        rows.clear();
        for (slot, &person) in (0..).zip(step) {
            evidence.gather(person, slot, executor.pack().needs(evidence.kinds(person)), &mut rows);
        }
        said += executor.execute(evidence.materialise(&rows, &executor.pack().wanted)).unwrap().len();
        steps += 1;
        if begun.elapsed() > TIME {
            break;
        }
    }
    let (seconds, count) = (begun.elapsed().as_secs_f64(), f64::from(steps));
    let allocations = (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64;
    black_box(said);
    (1e6 * seconds / count, allocations / count, said as f64 / count)
}

fn main() {
    for pack in fuma_tests::packs() {
        let mut streaming = Executor::new(Arc::clone(pack)).unwrap();
        streaming.stream();
        let executor = Executor::new(Arc::clone(pack)).unwrap();
        let partition = dense(&executor);
        let evidence = partition.evidence();
        let may_speak = |person: &u32| pack.needs(evidence.kinds(*person)) != RuleTables::NONE;
        let people: Vec<u32> = (0..evidence.people()).filter(may_speak).collect();
        println!("{}: {} of {} people may have a reason", pack.id, people.len(), evidence.people());
        for size in [1, 4, 16, 64, 256, 1024, 8192] {
            let (streamed, streamed_allocations, rows) = measure(&partition, &streaming, &people, size);
            let (one_go, allocations, _) = measure(&partition, &executor, &people, size);
            println!(
                "{size:5} people  streamed {streamed:8.1} us {streamed_allocations:7.0} allocations   in one go \
                 {one_go:8.1} us {allocations:7.0} allocations   {rows:.1} rows"
            );
        }
        assert_eq!(executor.streamed(), 0, "a plan was not evaluated in one go");
    }
}
