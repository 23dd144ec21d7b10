//! What a person, a fact and a row cost: `cargo test --release -p fuma-pipeline --lib evidence::tests::measure --
//! --ignored --nocapture`. The bound on memory is a test like others; times are for reading.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt8Array, UInt32Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use fuma_schemas::evidence::log_schema;
use fuma_schemas::{Kind, Person};

use crate::evidence::{Evidence, Memory, RuleTables, StepRows, Touched, Wanted};

const START: i64 = 1_636_300_800_000;

fn mixed(number: u64) -> u64 {
    let mut value = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn token(number: u64) -> Person {
    Person((u128::from(mixed(number)) << 64 | u128::from(mixed(!number))).to_le_bytes())
}

/// A batch of one fact each of people in no order; `fraction` gives instants milliseconds, as a log stamps them.
fn batch(kind: Kind, first: u64, rows: u64, people: u64, fraction: bool) -> RecordBatch {
    let numbers = || first..first + rows;
    let known_at = |number: u64| START + number as i64 / 3 * if fraction { 7 } else { 1000 };
    let tokens: Vec<u8> = numbers().flat_map(|number| token(mixed(number) % people).0).collect();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(tokens), None)),
        Arc::new(StringArray::from_iter_values(numbers().map(|_| "lab-330100"))),
        Arc::new(StringArray::from_iter_values(numbers().map(|number| format!("{}-{number:012}", kind.name())))),
        Arc::new(UInt32Array::from_iter_values(numbers().map(|_| 1))),
        Arc::new(BooleanArray::from_iter(numbers().map(|_| Some(false)))),
        Arc::new(TimestampMillisecondArray::from_iter_values(numbers().map(known_at))),
    ];
    for field in log_schema(kind).fields().iter().skip(columns.len()) {
        let of = |modulus: u64| numbers().map(move |number| mixed(number) % modulus);
        columns.push(match field.data_type() {
            DataType::UInt8 => Arc::new(UInt8Array::from_iter_values(of(2).map(|code| code as u8))),
            DataType::Utf8 => {
                Arc::new(StringArray::from_iter_values(of(3000).map(|place| format!("{}", 330_100 + place))))
            }
            DataType::Int32 => Arc::new(Int32Array::from_iter_values(of(99).map(|number| number as i32))),
            DataType::Date32 => {
                Arc::new(arrow::array::Date32Array::from_iter_values(of(99).map(|number| number as i32)))
            }
            _ => Arc::new(TimestampMillisecondArray::from_iter_values(
                numbers().map(|number| known_at(number) - 3_600_000),
            )),
        });
    }
    RecordBatch::try_new(log_schema(kind), columns).unwrap()
}

/// Nanoseconds that this thread has had a core: the machine may be shared. 0 where the system does not say.
pub(super) fn core_ns() -> f64 {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    account.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}

/// Some facts a person in batches of 4,000; gives the state and the nanoseconds a fact took.
pub(super) fn filled(people: u64, kinds: &[Kind; 9], fraction: bool, facts: u64) -> (Evidence, f64) {
    const ROWS: u64 = 4000;
    let (mut evidence, mut touched) = (Evidence::default(), Touched::default());
    let all: Vec<u32> = (0..ROWS as u32).collect();
    let mut nanoseconds = 0.0;
    for (at, first) in (0..people * facts).step_by(ROWS as usize).enumerate() {
        let kind = kinds[at % 9];
        let batch = batch(kind, first, ROWS, people, fraction);
        let start = core_ns();
        evidence.apply(kind, &batch, &all, &mut touched).unwrap();
        touched.clear();
        nanoseconds += core_ns() - start;
    }
    (evidence, nanoseconds / (people * facts) as f64)
}

const T: Kind = Kind::Tests;
const TESTS: [Kind; 9] = [T, T, T, T, T, T, T, T, Kind::Stays];
const MIXED: [Kind; 9] =
    [T, T, T, Kind::Stays, Kind::Stays, Kind::Stays, Kind::Trips, Kind::Isolations, Kind::Contacts];

fn report(name: &str, memory: &Memory) {
    eprintln!(
        "{name}: {:.0} B a person, {:.1} B a fact, and 8 B announced",
        memory.bytes_per_person(),
        memory.bytes_per_fact()
    );
    for part in memory.parts.iter().filter(|part| part.bytes > 1 << 20) {
        eprintln!("    {:24} {:6.1} B a person", part.name, part.bytes as f64 / memory.people as f64);
    }
}

#[test]
fn five_hundred_bytes_a_person_are_enough() {
    for (kinds, fraction) in [(TESTS, false), (MIXED, true)] {
        let (evidence, _) = filled(120_000, &kinds, fraction, 9);
        report(if fraction { "mixed" } else { "tests" }, &evidence.memory());
        assert!(evidence.memory().bytes_per_person() + 8.0 <= 500.0, "{:?}", evidence.memory());
    }
}

#[test]
#[ignore = "a measurement of a million people"]
fn costs() {
    const PEOPLE: u64 = 1_000_000;
    for (name, kinds, fraction) in [("tests", TESTS, false), ("mixed, with fractions", MIXED, true)] {
        let (mut evidence, nanoseconds) = filled(PEOPLE, &kinds, fraction, 9);
        eprintln!("{name}: {nanoseconds:.0} ns a fact applied");
        report(name, &evidence.memory());
        gather(&evidence);
        let start = core_ns();
        evidence.compact();
        eprintln!("  compacted: {:.0} ns a row", (core_ns() - start) / (PEOPLE * 9) as f64);
        report(name, &evidence.memory());
        gather(&evidence);
    }
}

fn gather(evidence: &Evidence) {
    let wanted = Wanted::all();
    for people in [2000_u64, 20_000] {
        let (mut step, mut rows, mut gathering, mut showing) = (StepRows::default(), 0, 0.0, 0.0);
        for round in 0..200_000 / people {
            step.clear();
            let start = core_ns();
            let chosen =
                (0..people).map(|at| ((mixed(round * people + at) % u64::from(evidence.people())) as u32, at as u32));
            evidence.gather_many(chosen, RuleTables::ALL, usize::MAX, &mut step);
            let gathered = core_ns();
            black_box(evidence.materialise(&step, &wanted));
            gathering += gathered - start;
            showing += core_ns() - gathered;
            rows += step.rows_in_all();
        }
        let each = |nanoseconds: f64| nanoseconds / rows as f64;
        eprintln!("  {people} people a step: {:.0} ns a row gathered, {:.0} ns shown", each(gathering), each(showing));
    }
}
