//! Tables to feed lines: rows a second of one core, from CSV and from Parquet, beside what reading and writing alone
//! cost.
//!
//! The baselines read the same file with the same library and write lines of the same length, without a map, a check or
//! a keyed hash.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fuma_connectors::tables::{self, About, Next, Row, Sink, TableError};
use fuma_pipeline::intake::{Decoder, Key, Settings};
use fuma_pipeline::tables::{Importer, Maker, Map, Out, Regions, Rejected};

const ROWS: usize = 200_000;
const MAP: &str = r#"
feed = "travel"
owner = "telecom-a"
zone = "+08:00"
[constants]
known_at = "2022-03-20T08:00:00+08:00"
kind = "stay"
source = "telecom"
[fields]
phone = "phone"
[fields.id]
made_of = ["phone", "region", "arrived_at"]
[fields.region]
column = "region"
region = "code"
[fields.arrived_at]
column = "first"
formats = ["yyyyMMddHHmmss", "clock-cell"]
[fields.left_at]
column = "last"
formats = ["yyyyMMddHHmmss", "clock-cell"]
"#;

/// Counts bytes: where lines go is not measured.
#[derive(Default)]
struct Bytes(u64);

impl Out for Bytes {
    fn record(&mut self, line: &[u8]) {
        self.0 += line.len() as u64;
    }
    fn reject(&mut self, reject: &Rejected<'_>) {
        panic!("row {}: {}", reject.row, reject.message);
    }
}

struct Reading<'m> {
    map: &'m Map,
    maker: Maker,
    importer: Option<Importer<'m>>,
    bytes: Bytes,
}

impl Sink for Reading<'_> {
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError> {
        self.importer = Some(Importer::begin(self.map, about)?);
        Ok(true)
    }
    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        self.importer.as_mut().unwrap().row(row, &mut self.maker, &mut self.bytes)
    }
    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError> {
        outcome
    }
}

fn import(path: &Path, map: &Map) -> u64 {
    let key = Key::from_hex(&"5a".repeat(32)).unwrap();
    let decoder = Decoder::new(Arc::new(Settings::new(key.clone())));
    let maker = Maker::new(key, decoder, "telecom-a", Regions::default());
    let mut reading = Reading { map, maker, importer: None, bytes: Bytes::default() };
    tables::read(path, &map.options(), &mut reading).unwrap();
    assert_eq!(reading.importer.unwrap().counts.records, ROWS as u64);
    reading.bytes.0
}

fn write_line(line: &mut Vec<u8>, phone: &str, region: &str, first: &str, last: &str) {
    line.clear();
    writeln!(
        line,
        "{{\"owner\":\"telecom-a\",\"id\":\"00000000000000000000000000000000\",\"phone\":\"{phone}\",\
         \"known_at\":\
         \"2022-03-20T08:00:00+08:00\",\"kind\":\"stay\",\"region\":\"{region}\",\"arrived_at\":\"{first}\",\
         \"left_at\":\
         \"{last}\",\"source\":\"telecom\"}}"
    )
    .unwrap();
}

fn baseline_csv(path: &Path) -> u64 {
    let (mut bytes, mut line) = (0, Vec::new());
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).unwrap() {
        write_line(&mut line, &record[0], &record[1], &record[2], &record[3]);
        bytes += line.len() as u64;
    }
    bytes
}

fn baseline_parquet(path: &Path) -> u64 {
    let (mut bytes, mut line) = (0, Vec::new());
    let file = std::fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    for batch in reader.with_batch_size(8192).build().unwrap().map(Result::unwrap) {
        let (phones, regions) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let first = batch.column(2).as_primitive::<arrow::datatypes::TimestampMillisecondType>();
        for row in 0..batch.num_rows() {
            let shown = fuma_schemas::Instant(first.value(row)).to_string();
            write_line(&mut line, phones.value(row), regions.value(row), &shown, &shown);
            bytes += line.len() as u64;
        }
    }
    bytes
}

fn phone(row: usize) -> String {
    format!("1990000{:04}", row % 10_000)
}

fn csv_file(folder: &Path) -> PathBuf {
    let path = folder.join("rows.csv");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    writeln!(out, "phone,region,first,last").unwrap();
    for row in 0..ROWS {
        let (day, hour, minute) = (row % 14 + 1, row % 23, row % 60);
        writeln!(
            out,
            "{},330{}00,202203{day:02}{hour:02}{minute:02}00,202203{day:02}{hour:02}{minute:02}59",
            phone(row),
            row % 9 + 1
        )
        .unwrap();
    }
    path
}

fn parquet_file(folder: &Path) -> PathBuf {
    let path = folder.join("rows.parquet");
    let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new((0..ROWS).map(|row| Some(of(row))).collect::<StringArray>())
    };
    let clock = |plus: i64| -> ArrayRef {
        let at = |row: usize| 1_646_092_800_000 + (row as i64 % 14) * 86_400_000 + row as i64 % 3600 * 1000 + plus;
        Arc::new((0..ROWS).map(|row| Some(at(row))).collect::<TimestampMillisecondArray>())
    };
    let batch = RecordBatch::try_from_iter([
        ("phone", text(&phone)),
        ("region", text(&|row| format!("330{}00", row % 9 + 1))),
        ("first", clock(0)),
        ("last", clock(59_000)),
    ])
    .unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn rows(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let map = Map::parse(Path::new("telecom.toml"), MAP).unwrap();
    let (csv, parquet) = (csv_file(folder.path()), parquet_file(folder.path()));
    let mut group = criterion.benchmark_group("tables");
    group.sample_size(10).throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("csv/import", |bench| bench.iter(|| import(&csv, &map)));
    group.bench_function("csv/baseline", |bench| bench.iter(|| baseline_csv(&csv)));
    group.bench_function("parquet/import", |bench| bench.iter(|| import(&parquet, &map)));
    group.bench_function("parquet/baseline", |bench| bench.iter(|| baseline_parquet(&parquet)));
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
