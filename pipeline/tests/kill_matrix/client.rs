//! A client that is not ours reads the changes as the contract says (docs/feeds.md section 4): Kafka's own console
//! consumer.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use fuma_schemas::Instant;
use serde_json::Value;

use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{Installation, ZHEJIANG};

#[test]
fn the_console_consumer_reads_the_changes() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let [first, _] = feeds().halves();
    let process = installation.start("one", ZHEJIANG, None);
    installation.send(&[&first], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    assert!(settled.is_ok(), "{settled:?}\n{}", installation.logs());
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka"))
        .args(["consume", &format!("{}code-changes.v1", installation.prefix), "--timeout-ms", "15000"])
        .args(["--max-messages", &announced.count.to_string()])
        .env("FUMA_BOOTSTRAP", broker.bootstrap())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), announced.count, "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().for_each(|line| check(line, &format!("fuma/{}", installation.prefix.trim_end_matches('.'))));
    assert!(process.end());
}

/// A line: headers, key, value, with tabs between them.
fn check(line: &str, source: &str) {
    let parts: Vec<&str> = line.splitn(3, '\t').collect();
    let [headers, key, value] = parts.as_slice() else { panic!("headers, key and value: {line}") };
    let headers: BTreeMap<&str, &str> = headers.split(',').filter_map(|header| header.split_once(':')).collect();
    let header = |name: &str| *headers.get(name).unwrap_or_else(|| panic!("no {name}: {line}"));
    let value: Value = serde_json::from_str(value).unwrap();
    let text = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name}: {line}"));
    let decided = Instant::parse(text("decided_at")).unwrap();
    assert_eq!(*key, text("person"));
    assert_eq!(header("ce_specversion"), "1.0");
    assert_eq!(header("ce_id"), format!("{key}-{}", decided.0));
    assert_eq!(header("ce_source"), source);
    assert_eq!(header("ce_time"), text("decided_at"));
    assert_eq!(header("content-type"), "application/json");
    let kind = if text("from") == text("to") { "fuma.reasons-changed.v1" } else { "fuma.colour-changed.v1" };
    assert_eq!(header("ce_type"), kind);
    if let Some(cause) = headers.get("ce_causetime") {
        assert!(Instant::parse(cause).is_some(), "{cause}");
    }
    assert!(value.get("id").is_none() && value.get("time").is_none(), "these are headers: {line}");
    for name in ["effective_at", "colour_since", "policy", "policy_version"] {
        text(name);
    }
    assert!(value["reasons"].is_array() && value["ended"].is_array() && value.get("next_change_at").is_some());
}
