//! Every decoder of bytes that come from outside, with what must hold for any bytes at all.
//!
//! A fuzz target (`tests/fuzz`) and the run of the committed corpus (`tests/tests/corpus.rs`) call the same function:
//! it panics when something does not hold. Owns those invariants.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMillisecondType;
use fuma_connectors::files::{Block, read_bytes};
use fuma_connectors::regions;
use fuma_pipeline::evidence::{Evidence, RuleTables, StepRows, Touched, Wanted};
use fuma_pipeline::intake::{Decoder, EvidenceBuilders};
use fuma_pipeline::policy::sql_file::SqlFile;
use fuma_pipeline::policy::{PackError, PackSource, cases, manifest, tables};
use fuma_schemas::evidence::log;
use fuma_schemas::instant::parse_date;
use fuma_schemas::{Feed, Instant, Kind, RejectCode};

/// A decoder under test.
pub type Target = fn(&[u8]);

/// The targets by name: the name of the fuzz target, and of its folder in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, Target); 12] = [
    ("intake", intake),
    ("files_lines", |bytes| files("travel.ndjson", bytes)),
    ("files_gzip", |bytes| files("cases.ndjson.gz", bytes)),
    ("files_zstd", |bytes| files("tests.ndjson.zst", bytes)),
    ("files_csv", |bytes| files("cases.csv", bytes)),
    ("files_parquet", |bytes| files("travel.parquet", bytes)),
    ("pack_manifest", |bytes| pack(bytes, |text| manifest::parse(text).map(drop))),
    ("pack_sql", |bytes| pack(bytes, pack_sql)),
    ("pack_table", |bytes| pack(bytes, pack_table)),
    ("pack_case", |bytes| pack(bytes, pack_case)),
    ("regions_import", regions_import),
    ("instant", instant),
];

/// Runs a target by name.
pub fn run(target: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of this name");
    target(bytes);
}

/// The first byte names the feed, the others are a record: accepted, it is one row; rejected, it leaves no trace.
fn intake(bytes: &[u8]) {
    let Some((first, raw)) = bytes.split_first() else { return };
    // Bindings came last to the corpus, and are first by name.
    let feed = Feed::ALL[(usize::from(first.wrapping_sub(b'0')) + 1) % Feed::ALL.len()];
    for received in [None, Instant::parse("2021-11-20T12:00:00+08:00")] {
        let mut decoder = Decoder::new(crate::settings());
        let mut builders = [EvidenceBuilders::new(), EvidenceBuilders::new()];
        let decoded = decoder.decode(feed, raw, received, &mut builders);
        assert_eq!(
            decoder.decode(feed, raw, received, &mut [EvidenceBuilders::new(), EvidenceBuilders::new()]),
            decoded
        );
        let rows: usize = builders.iter().map(EvidenceBuilders::rows).sum();
        match decoded {
            Err(reject) => {
                assert_eq!(rows, 0, "a reject leaves no trace");
                assert!(!reject.message.is_empty() && reject.message.len() < 200);
            }
            Ok(accepted) => {
                assert_eq!(rows, 1);
                if accepted.phone.is_some() {
                    let phones = builders[accepted.partition].finish_phones();
                    assert!(accepted.person.is_none() && phones.len() == 1 && phones[0].1.num_rows() == 1);
                    continue;
                }
                let batches = builders[accepted.partition].finish();
                let [(kind, batch)] = batches.as_slice() else { panic!("one record, one batch") };
                assert_eq!((*kind, batch.num_rows()), (accepted.kind, 1));
                let known_at = batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().value(0);
                assert_eq!(known_at, accepted.known_at.0);
                into_evidence(*kind, batch);
            }
        }
    }
}

/// What intake accepts, evidence takes and shows.
fn into_evidence(kind: Kind, batch: &arrow::array::RecordBatch) {
    let (mut evidence, mut touched) = (Evidence::default(), Touched::default());
    if kind == Kind::Regions {
        return evidence.apply_regions(batch, &[0], &mut touched).expect("a region that intake accepts");
    }
    evidence.apply(kind, batch, &[0], &mut touched).expect("a record that intake accepts");
    assert_eq!((evidence.people(), evidence.incomplete(), evidence.memory().facts), (1, 0, 1));
    let mut rows = StepRows::default();
    evidence.gather(0, 0, RuleTables::ALL, &mut rows);
    evidence.materialise(&rows, &Wanted::all());
}

/// The lines of a file do not hang on the size of blocks, and each is a record or a reject.
fn files(name: &str, bytes: &[u8]) {
    let read = |block_bytes| {
        let (mut lines, mut bad): (BTreeMap<u64, Vec<u8>>, Vec<_>) = (BTreeMap::new(), Vec::new());
        let outcome = read_bytes(name, bytes, block_bytes, &mut |block: Block| {
            for (line, raw) in (block.first_line..).zip(block.bytes.split(|byte| *byte == b'\n')) {
                if !raw.is_empty() {
                    assert!(lines.insert(line, raw.to_vec()).is_none(), "line {line} comes once");
                }
            }
            bad.extend(block.refused);
        });
        (outcome.map_err(|error| error.to_string()), lines, bad)
    };
    let (outcome, lines, bad) = read(1 << 20);
    let (small_outcome, small_lines, small_bad) = read(100);
    assert_eq!(outcome.is_ok(), small_outcome.is_ok());
    if outcome.is_ok() {
        assert_eq!((&lines, &bad), (&small_lines, &small_bad));
    }
    let (feed, _) = fuma_connectors::files::feed_of(name).expect("the name of a feed");
    for raw in lines.into_values() {
        let number = (feed as usize + Feed::ALL.len() - 1) % Feed::ALL.len();
        intake(&[&[b'0' + number as u8][..], raw.as_slice()].concat());
    }
}

/// A text of a pack is taken, or refused with a reason at a line that it has.
fn pack(bytes: &[u8], parse: fn(&str) -> Result<(), PackError>) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = parse(text) {
        assert!(!error.reason.is_empty() && !error.file.is_empty());
        assert!(error.line <= text.lines().count() + 1, "{error}");
    }
}

fn pack_sql(text: &str) -> Result<(), PackError> {
    let parameters = BTreeMap::from([
        ("contact_days".to_owned(), manifest::Parameter::Integer(14)),
        ("home_province".to_owned(), manifest::Parameter::Text("33".to_owned())),
    ]);
    let known =
        ["id", "colour", "clause", "title.zh", "title.en", "ends.zh", "ends.en", "view", "about.zh", "about.en"];
    let file = SqlFile::parse("rules/T-R1.sql", text, &known, &parameters)?;
    assert!(file.facts.values().all(|(_, line)| (1..=text.lines().count()).contains(line)));
    assert_eq!(file.sql.lines().count(), text.lines().count(), "lines stay where they are");
    Ok(())
}

/// A table of the columns that entrants have.
fn pack_table(text: &str) -> Result<(), PackError> {
    static DECLARED: OnceLock<tables::TableDeclaration> = OnceLock::new();
    let declared = DECLARED.get_or_init(|| {
        let pack = PackSource::built_in("chongqing-2021-24").expect("a pack of the binary");
        let manifest = manifest::parse(&pack.files[manifest::FILE]).expect("its policy.toml");
        manifest.tables["entrants"].clone()
    });
    let table = tables::parse("tables/entrants.csv", text, declared)?;
    assert!(table.batch.num_rows() == table.cells.len() && table.batch.num_columns() == declared.columns.len());
    Ok(())
}

/// What a case writes down is JSON, so that only what it says can be refused.
fn pack_case(text: &str) -> Result<(), PackError> {
    for case in cases::parse("cases/rules.case", text)? {
        for record in &case.records {
            let mut builders = [EvidenceBuilders::new()];
            let decoded =
                Decoder::new(crate::settings()).decode(record.feed, record.json.as_bytes(), None, &mut builders);
            assert!(decoded.map_or_else(|reject| reject.code != RejectCode::BadJson, |_| true), "{}", record.json);
        }
    }
    Ok(())
}

/// The list, the codes and the aliases, with a line of `%%` between them: every event is a record that intake
/// accepts, and every row is an event, a repetition, or up for review.
fn regions_import(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split("%%\n");
    let mut part = || parts.next().unwrap_or_default().as_bytes();
    let (snapshots, codes, aliases) = (part(), part(), part());
    let input = regions::Input { snapshots, codes, aliases, owner: regions::OWNER, authority: regions::AUTHORITY };
    let Ok(import) = regions::import(&input) else { return };
    for event in import.events.split(|byte| *byte == b'\n').filter(|event| !event.is_empty()) {
        let decoded =
            Decoder::new(crate::settings()).decode(Feed::Regions, event, None, &mut [EvidenceBuilders::new()]);
        assert!(decoded.is_ok(), "{decoded:?}: {}", String::from_utf8_lossy(event));
    }
    let again = regions::import(&input).expect("what could be imported once");
    assert_eq!(again, import);
}

/// What is read as an instant is written as one that is read the same.
fn instant(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(days) = parse_date(text) {
        let midnight = fuma_schemas::instant::local_midnight(days);
        assert_eq!(midnight.day(), midnight);
    }
    let Some(instant) = Instant::parse(text) else { return };
    assert!(instant.in_calendar());
    assert!(instant.day() <= instant && instant.day_end(0).is_none_or(|end| end > instant));
    let mut written = Vec::new();
    instant.write_to(&mut written);
    assert_eq!(Instant::parse(std::str::from_utf8(&written).expect("ASCII")), Some(instant));
}
