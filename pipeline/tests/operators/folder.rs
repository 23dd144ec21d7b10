//! A service on a folder, as an operator sees it.

use std::net::TcpListener;
use std::time::Duration;

use fuma_connectors::folder::{FolderLog, FolderOptions, FolderWatching};
use fuma_connectors::log::{Log as _, Outgoing, Topic, Watching as _};
use fuma_pipeline::http::DESCRIBED;

use crate::process::{Process, feeds, fuma, output, refused};
use crate::scrape::series;
use crate::{alerts, alone, dropped};

/// Written only where something special happened, or on a broker.
const SELDOM: [&str; 5] = [
    "fuma_phone_records_total",
    "fuma_unwritten_records",
    "fuma_parked_seconds",
    "fuma_stage_restarts_total",
    "fuma_announce_seconds",
];

#[test]
fn what_a_service_says_of_itself_is_true_and_its_alerts_can_fire() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let feeds = feeds(folder.path(), "2000");
    let config = folder.path().join("fuma.toml");
    let imports = dropped::configured(folder.path());
    std::fs::write(&config, format!("{imports}[snapshots]\nevery = \"1s\"\nrecords = 20\n")).unwrap();
    dropped::dropped(folder.path(), "results.csv", &dropped::today());
    let arguments = ["--watch", feeds.to_str().unwrap(), "--workers", "1", "--config", config.to_str().unwrap()];
    let mut service = Process::start(folder.path(), "state", &arguments);
    service.until_ready();
    // One line tells both: other lines speak of things that are ready, too.
    let reads = format!("files in {}", feeds.display());
    let told = |service: &Process| service.said().lines().any(|line| line.contains(" ready ") && line.contains(&reads));
    service.until("that it is ready, and what it reads, is told", |service| told(service));
    let value = |text: &str, name: &str| -> f64 {
        series(text).iter().filter(|series| series.name == name).map(|series| series.value).sum()
    };
    let has_all = |text: &str| {
        let missing = DESCRIBED.iter().map(|(name, ..)| *name).filter(|name| {
            let written = |series: &crate::scrape::Series| {
                series.name == *name || series.name == format!("{name}_bucket") || series.name == format!("{name}_sum")
            };
            !SELDOM.contains(name) && !series(text).iter().any(written)
        });
        missing.map(str::to_owned).collect::<Vec<String>>()
    };
    service.until("all is judged and every metric is written", |service| {
        let text = service.metrics();
        value(&text, "fuma_changes_total") > 0.0
            && value(&text, "fuma_committed_offset") > 0.0
            && value(&text, "fuma_lag_seconds") == 0.0
            && has_all(&text).is_empty()
    });
    let text = service.metrics();
    assert_eq!(has_all(&text), Vec::<String>::new(), "{text}");
    assert_eq!(value(&text, "fuma_partitions"), value(&text, "fuma_partitions_expected"));
    // Without a list of owners nobody may send listings: that feed is closed, and the others are open.
    for (feed, is_open) in [("listings", 0), ("cases", 1)] {
        let line = format!("fuma_feeds_open_to_everyone{{feed=\"{feed}\"}} {is_open}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    let is_number = |series: &crate::scrape::Series| {
        series.labels.get("partition").is_none_or(|label| label == "links" || label.parse::<u32>().is_ok())
    };
    assert!(series(&text).iter().all(is_number), "one form of partition labels\n{text}");
    alerts::every_expression_finds_series(&text);
    alerts::every_alert_fires_and_does_not(&text, folder.path());

    let state = folder.path().join("state");
    let status = || {
        output({
            let mut command = fuma(&["status", "--json", "--state"]);
            command.arg(&state);
            command
        })
    };
    let held: serde_json::Value = serde_json::from_str(&status()).unwrap();
    assert!(held["installation"]["id"].is_string(), "{held}");
    assert_eq!(held["policy"]["id"], "zhejiang-2020-109");
    for partition in held["partitions"].as_array().unwrap() {
        assert_eq!((&partition["state"], &partition["lag_records"]), (&"owned".into(), &0.into()), "{held}");
        assert!(partition["owner"].is_string() && partition["lag_seconds"] == 0.0, "{held}");
    }
    assert_eq!(held["parked"], serde_json::json!([]));
    service.stop();
    let after: serde_json::Value = serde_json::from_str(&status()).unwrap();
    assert!(after["partitions"].as_array().unwrap().iter().all(|partition| partition["state"] == "unowned"), "{after}");
    assert_eq!(after["processes"], serde_json::json!([]));
}

#[test]
fn a_port_in_use_ends_a_start_at_once_and_without_http_it_is_not_asked_for() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (output, took) = refused(folder.path(), &["--http", &address]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("--http off"), "{said}");
    assert!(output.status.code() == Some(2) && took < Duration::from_secs(30), "{took:?} {:?}", output.status);
}

#[test]
fn a_refused_connection_is_told_at_once() {
    let _alone = alone();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let begun = std::time::Instant::now();
    let output = fuma(&["status", "--bootstrap", &closed]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Connection refused"), "{said}");
    assert!(output.status.code() == Some(2) && begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let begun = std::time::Instant::now();
    let mut service = Process::start(folder.path(), "state", &["--bootstrap", &closed, "--local-snapshots"]);
    service.until("why it waits is told", |service| service.said().contains("Connection refused"));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// A record of the link log that nobody can read. What one sees, and what one does, as the message says.
#[test]
fn a_link_log_that_cannot_be_judged_goes_on_with_the_word_that_its_message_names() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let feeds = feeds(folder.path(), "300");
    let state = folder.path().join("state");
    let start = || Process::start(folder.path(), "state", &["--watch", feeds.to_str().unwrap(), "--workers", "1"]);
    let mut service = start();
    service.until("it judges", |service| service.metrics().contains("fuma_changes_total{"));
    service.stop();
    let partitions = FolderWatching::open(&state).unwrap().partitions().unwrap();
    let log = FolderLog::open(&FolderOptions::new(&state, partitions, 1)).unwrap();
    let mut appender = log.appender("test").unwrap();
    appender.append(Topic::Links, Outgoing { value: "not a message".into(), ..Outgoing::default() }).unwrap();
    appender.flush().unwrap();
    drop((appender, log));

    let mut service = start();
    service.until("trace is parked", |service| service.get("/readyz").1.contains("link-not-judged"));
    service.until("everything else is ready", |service| service.get("/readyz").0 == 200);
    let is_shown = |service: &mut Process| service.metrics().contains("fuma_parked_seconds{partition=\"links\"");
    service.until("the metric says so", is_shown);
    let status = |json: bool| {
        let mut command = fuma(if json { &["status", "--json", "--state"] } else { &["status", "--state"] });
        command.arg(&state);
        output(command)
    };
    service.until("status names it", |_| status(false).contains("the link log (trace) is parked"));
    let shown: serde_json::Value = serde_json::from_str(&status(true)).unwrap();
    assert_eq!(
        (&shown["parked"][0]["stage"], &shown["parked"][0]["reason"]),
        (&"trace".into(), &"link-not-judged".into())
    );
    let body = service.get("/readyz").1;
    let command = body.split("to go on: fuma ").nth(1).unwrap().lines().next().unwrap();
    let mut words = fuma(&command.split_whitespace().collect::<Vec<_>>());
    words.arg("--state").arg(&state);
    assert!(output(words).contains("accepted link-not-judged"));
    service.until("it goes on", |service| service.get("/readyz").1.trim() == "ok");
    assert!(!service.metrics().contains("fuma_parked_seconds{partition=\"links\""));
    service.until("status says so", |_| !status(false).contains("is parked"));
    service.until("the word is used up", |service| service.said().contains("word is used up"));
    service.stop();
}
