//! Tables that are dropped into a folder of a running service: each is taken once, with a report beside it.
//!
//! Owns the folder, a map and a table. The numbers in it name nobody (division 99xxxx).

use std::fs;
use std::path::Path;

use fuma_schemas::Instant;
use serde_json::Value;

use crate::alone;
use crate::process::Process;

const MAP: &str = r#"
feed = "tests"
zone = "+08:00"
[constants]
cert_type = "10"
method = "nat"
[fields]
cert_number = "number"
[fields.id]
made_of = ["cert_number", "sampled_at"]
[fields.result]
column = "result"
values = { "pos" = "positive" }
[fields.sampled_at]
column = "sampled"
formats = ["yyyy-MM-dd HH:mm"]
[fields.reported_at]
column = "sampled"
formats = ["yyyy-MM-dd HH:mm"]
"#;

/// Makes the folder and the map; gives the lines of the configuration.
pub(crate) fn configured(folder: &Path) -> String {
    let (drop, map) = (folder.join("drop"), folder.join("laboratory.toml"));
    fs::create_dir(&drop).unwrap();
    fs::write(&map, MAP).unwrap();
    format!("[imports]\nlab = {{ folder = {drop:?}, maps = [{map:?}], owner = \"lab-990100\", settle = \"100ms\" }}\n")
}

/// Drops a table of two rows; the second has a result that the map does not know.
pub(crate) fn dropped(folder: &Path, name: &str, day: &str) {
    let (unfinished, whole) = (folder.join("drop").join(format!(".{name}")), folder.join("drop").join(name));
    let rows = format!("990101199003070015,{day} 00:00,pos\n990101199003070015,{day} 00:00,maybe\n");
    fs::write(&unfinished, format!("number,sampled,result\n{rows}")).unwrap();
    fs::rename(unfinished, whole).unwrap();
}

/// The report of a table that was taken.
pub(crate) fn report(folder: &Path, name: &str) -> Option<Value> {
    let text = fs::read(folder.join("drop/done").join(format!("{name}.report.json"))).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

/// The day of an instant, in UTC.
pub(crate) fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant(i64::try_from(since.as_millis()).unwrap()).to_string()[..10].to_owned()
}

#[test]
fn a_table_that_is_dropped_is_imported_once_also_after_a_kill() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (config, feeds) = (folder.path().join("fuma.toml"), folder.path().join("feeds"));
    fs::create_dir(&feeds).unwrap();
    fs::write(&config, configured(folder.path())).unwrap();
    let arguments = ["--watch", feeds.to_str().unwrap(), "--workers", "1", "--config", config.to_str().unwrap()];
    let day = today();
    let mut service = Process::start(folder.path(), "state", &arguments);
    dropped(folder.path(), "one.csv", &day);
    service.until("the table is taken", |_| report(folder.path(), "one.csv").is_some());
    service.kill();
    let taken = report(folder.path(), "one.csv").unwrap();
    assert_eq!(
        (&taken["outcome"], &taken["rows"], &taken["records"]),
        (&"done".into(), &2.into(), &1.into()),
        "{taken}"
    );
    // Nothing of what the rows hold is in the report.
    assert!(!taken.to_string().contains("9901011990"), "{taken}");
    // The same contents under another name, to the next process: nothing changes.
    dropped(folder.path(), "two.csv", &day);
    let mut service = Process::start(folder.path(), "state", &arguments);
    service.until("the repetition is seen", |_| report(folder.path(), "two.csv").is_some());
    assert_eq!(report(folder.path(), "two.csv").unwrap()["outcome"], "repeated");
    let value = |text: &str, name: &str| -> f64 {
        crate::scrape::series(text).iter().filter(|series| series.name == name).map(|series| series.value).sum()
    };
    service.until("the record is evidence, and judged", |service| {
        let text = service.metrics();
        value(&text, "fuma_log_end_offset") > 0.0 && value(&text, "fuma_lag_seconds") == 0.0
    });
    for name in ["one.csv", "two.csv"] {
        let (drop, done) = (folder.path().join("drop").join(name), folder.path().join("drop/done").join(name));
        assert!(!drop.exists() && done.exists(), "{name} is moved");
    }
    service.stop();
}
