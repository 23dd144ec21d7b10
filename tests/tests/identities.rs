//! I-8: certificate numbers exist only inside intake and in the raw bytes of rejects.
//!
//! A district in which everybody is known by certificate goes through the engine; then no number is found in what comes
//! out or is kept: changes, messages of rejects, batches of the evidence log.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use fuma_pipeline::district::{District, Settings as DistrictSettings};
use fuma_pipeline::intake::{Key, Settings};
use fuma_pipeline::policy::{self, PackSource};
use fuma_pipeline::replay::{self, Bounds, Options, Silent, Source, Tick};

#[test]
fn no_certificate_number_gets_past_intake() {
    fuma_pipeline::invariant::check_all();
    let settings = DistrictSettings { people: 400, days: 10, certificates: 1.0, ..DistrictSettings::demo(3) };
    let feeds = District::new(settings).all_days();
    let mut numbers = BTreeSet::new();
    for line in feeds.iter().flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n')) {
        let record: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        numbers.extend(record["cert_number"].as_str().filter(|number| number.len() > 6).map(ToString::to_string));
    }
    assert!(numbers.len() > 300, "everybody is known by certificate, found {}", numbers.len());
    let key = "5a".repeat(32);
    let options = Options {
        pack: policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap(),
        later: Vec::new(),
        tick: Tick::parse("1h").unwrap(),
        until: None,
        workers: 2,
        intake: Arc::new(Settings::new(Key::from_hex(&key).unwrap())),
        bounds: Bounds::default(),
    };
    let sources: Vec<Source> = feeds
        .into_iter()
        .map(|(feed, bytes)| Source::Bytes { feed, name: format!("{}.ndjson", feed.name()), bytes: bytes.into() })
        .collect();
    let finished = replay::finish(&sources, &options, &Silent).unwrap();
    assert!(finished.outcome.changes.len() > 10 && !finished.outcome.rejects.is_empty());
    let mut kept = Vec::new();
    for change in &finished.outcome.changes {
        change.write_json(&mut kept);
    }
    let mut kept = String::from_utf8(kept).unwrap();
    for rejected in &finished.outcome.rejects {
        kept.push_str(&rejected.message);
    }
    for (_, batch) in finished.batches.iter().flatten() {
        for column in batch.columns() {
            // All of the bytes that a column holds, shown as text and as they are.
            for buffer in column.to_data().buffers() {
                kept.push_str(&String::from_utf8_lossy(buffer.as_slice()));
            }
        }
    }
    kept.push_str(&format!("{:?}", options.intake));
    let leaked = numbers.iter().filter(|number| kept.contains(number.as_str())).count();
    assert_eq!(leaked, 0, "certificate numbers past intake");
    assert!(!kept.contains(&key), "the key past intake");
}
