//! A real server is scraped and probed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fuma_schemas::Instant;
use metrics::{counter, gauge, histogram};

use super::*;
use crate::live::partitions::{ASSESS, ParkReason, Parked};

fn server(health: &Health) -> Server {
    let metrics = Metrics::install().unwrap();
    let shown = Shown::new(metrics, health.clone(), Partitions::default());
    Server::start("127.0.0.1:0".parse().unwrap(), shown).unwrap()
}

/// Status and body.
fn get(server: &Server, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: fuma\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The names that `live::metric` declares.
fn declared() -> Vec<&'static str> {
    let source = include_str!("../live/metric.rs");
    let lines = source.lines().filter(|line| line.starts_with("pub const ") && line.contains(": &str"));
    lines.map(|line| line.split('"').nth(1).unwrap()).collect()
}

#[test]
fn every_metric_is_described() {
    let described: Vec<&str> = DESCRIBED.iter().map(|(name, ..)| *name).collect();
    assert_eq!(described, declared(), "src/http/described.rs has what src/live/metric.rs declares, in its order");
}

/// Alerts and dashboards that name what nobody sets are silent for ever.
#[test]
fn what_rules_and_dashboard_name_is_described() {
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/deploy");
    for file in ["prometheus-rules.yaml", "grafana.json"] {
        let text = std::fs::read_to_string(format!("{deploy}/{file}")).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.starts_with("fuma_")) {
            let base = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
            assert!(DESCRIBED.iter().any(|(name, ..)| [word, base].contains(name)), "{file} names {word}");
        }
    }
}

/// What is described and nobody sets tells an operator that all is well.
#[test]
fn every_metric_is_set_somewhere() {
    let declared = include_str!("../live/metric.rs");
    let constants = declared.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let mut sources = String::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("http/described.rs") => {}
                false => sources.push_str(&std::fs::read_to_string(path).unwrap_or_default()),
            }
        }
    }
    for constant in constants {
        assert!(sources.contains(&format!("metric::{constant}")), "{constant} is set nowhere");
    }
}

#[test]
fn a_scrape_shows_every_metric_with_its_text() {
    let server = server(&Health::new());
    for (name, kind, ..) in DESCRIBED {
        match kind {
            Kind::Counter => counter!(*name, "test" => "1").increment(1),
            Kind::Gauge => gauge!(*name, "test" => "1").set(1.0),
            Kind::Histogram => histogram!(*name, "test" => "1").record(0.02),
        }
    }
    let (status, text) = get(&server, "/metrics");
    assert_eq!(status, 200);
    for (name, kind, _, words) in DESCRIBED {
        assert!(text.contains(&format!("# HELP {name} {words}\n")), "{name} has no text in\n{text}");
        let kind = format!("{kind:?}").to_lowercase();
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} is no {kind} in\n{text}");
    }
    assert!(text.contains("fuma_commit_seconds_bucket{test=\"1\",le=\"0.025\"} 1"), "buckets in\n{text}");
    assert!(text.contains("fuma_commit_seconds_bucket{test=\"1\",le=\"0.015\"} 0"), "buckets in\n{text}");
    assert!(text.contains("process_resident_memory_bytes"), "the process in\n{text}");
}

#[test]
fn counters_with_known_labels_begin_at_zero() {
    let server = server(&Health::new());
    let (_, text) = get(&server, "/metrics");
    assert!(text.contains("fuma_transactions_total{outcome=\"fatal\"} 0"), "{text}");
    assert!(text.contains("fuma_records_in_total{feed=\"external-codes\"} 0"), "{text}");
}

/// A broker that is away for ten minutes: the stages wait for it and do not turn, and the process is alive.
#[test]
fn alive_is_a_process_whose_supervisor_turns_however_long_its_stages_wait() {
    let time = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&time);
    let health = Health::with_clock(move || clock.load(Ordering::Relaxed));
    let server = server(&health);
    let supervisor = health.supervisor(Duration::from_secs(10));
    let stage = health.register("assess-0", Duration::from_secs(60));
    let part = health.part("assess-0");
    part.set_ready();
    for second in 1..=600 {
        time.store(second * 1000, Ordering::Relaxed);
        supervisor.tick();
        assert_eq!(health.live(), Ok(()), "second {second}");
        assert_eq!(health.ready().is_ok(), second <= 60, "second {second}");
    }
    assert_eq!(get(&server, "/livez"), (200, "ok\n".to_owned()));
    let (status, reason) = get(&server, "/readyz");
    assert_eq!((status, reason.as_str()), (503, "assess-0: no turn for 600000 ms, at most 60000 ms\n"));
    stage.tick();
    assert_eq!(get(&server, "/readyz").0, 200, "the broker is back");
    time.store(611_000, Ordering::Relaxed);
    let (status, reason) = get(&server, "/livez");
    assert_eq!((status, reason.as_str()), (503, "supervisor: no turn for 11000 ms, at most 10000 ms\n"));
    drop(stage);
    drop(supervisor);
    assert_eq!(get(&server, "/livez").0, 200, "a loop that ended in order has no duty");
}

/// Parts come one after the other, and one of them may be ready before the next is there.
#[test]
fn nothing_is_ready_before_every_stage_has_its_part() {
    let health = Health::new();
    health.await_supervisor();
    let first = health.part("log");
    first.set_ready();
    assert_eq!((health.ready(), health.started()), (Err("starting".to_owned()), Err("starting".to_owned())));
    let second = health.part("assess-0");
    let _supervisor = health.supervisor(Duration::from_secs(10));
    assert_eq!(health.ready(), Err("assess-0: starting".to_owned()));
    second.set_ready();
    assert_eq!(health.ready(), Ok(()));
}

/// Parked is no reason to send nobody here; who asks is told.
#[test]
fn what_is_parked_is_in_the_body_of_a_process_that_is_ready() {
    let (health, partitions) = (Health::new(), Partitions::default());
    health.part("assess-0").set_ready();
    let metrics = Metrics::install().unwrap();
    let shown = Shown::new(metrics, health.clone(), partitions.clone());
    let server = Server::start("127.0.0.1:0".parse().unwrap(), shown).unwrap();
    let part = health.part("assess-0");
    part.set_ready();
    let parked = Parked {
        reason: ParkReason::NoLeader,
        what: "evidence 3 has no leader".into(),
        next_try: Some(Instant(60_000)),
        tries: 2,
        digest: None,
    };
    partitions.parked(ASSESS, 3, Instant(0), parked);
    let (status, body) = get(&server, "/readyz");
    assert_eq!(status, 200, "{body}");
    let since = Instant(0);
    assert!(
        body.starts_with(&format!("ok\nassess 3: parked since {since}: no-leader: evidence 3 has no leader; ")),
        "{body}"
    );
    assert!(body.contains("tried again at 1970-"), "{body}");
}

#[test]
fn a_loop_that_panicked_is_not_alive() {
    let health = Health::new();
    let heartbeat = health.register("trace", Duration::from_secs(60));
    let panicked = std::thread::spawn(move || {
        let _kept = heartbeat;
        std::panic::resume_unwind(Box::new("as the test wants"));
    });
    assert!(panicked.join().is_err());
    assert_eq!(health.live(), Err("trace: its thread panicked".to_owned()));
}

#[test]
fn ready_is_when_every_part_is() {
    let health = Health::new();
    let server = server(&health);
    assert_eq!(get(&server, "/readyz"), (503, "starting\n".to_owned()));
    let (first, second) = (health.part("worker 0"), health.part("worker 1"));
    first.set_restoring(0);
    second.set_restoring(3);
    assert_eq!(get(&server, "/readyz"), (503, "worker 1: restoring 3 partitions\n".to_owned()));
    assert_eq!(get(&server, "/startupz").0, 503);
    second.set_restoring(0);
    assert_eq!(get(&server, "/readyz").0, 200);
    first.set_restoring(1);
    assert_eq!(get(&server, "/readyz"), (503, "worker 0: restoring 1 partition\n".to_owned()));
    assert_eq!(get(&server, "/startupz").0, 200, "it has started all the same");
    first.set_ready();
    health.set_stopping();
    assert_eq!(get(&server, "/readyz"), (503, "stopping\n".to_owned()));
    assert_eq!(get(&server, "/livez").0, 200);
}

#[test]
fn a_port_in_use_is_said_with_what_to_do() {
    let health = Health::new();
    let first = server(&health);
    let shown = Shown::new(Metrics::install().unwrap(), health, Partitions::default());
    let error = Server::start(first.address(), shown);
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&first.address().to_string()) && error.contains("--http"), "{error}");
}

#[test]
fn a_closed_port_is_free_again_and_unknown_paths_are_not_found() {
    let health = Health::new();
    let first = server(&health);
    assert_eq!(get(&first, "/people").0, 404);
    assert_eq!(get(&first, "/").0, 200);
    let address = first.address();
    drop(first);
    assert!(TcpStream::connect(address).is_err());
}

/// The table of metrics, from the comments of `live::metric` and what a scrape says.
fn table() -> String {
    let mut text =
        "# Metrics\n\nWhat `/metrics` of a process shows. Made from `pipeline/src/live/metric.rs` by a test \
                    (`FUMA_BLESS=1 cargo test --workspace --lib the_table_of_metrics`).\n\n\
                    A partition is a number. Gauges of a partition are shown by the process that holds it. The alerts \
                    on them are in `scripts/deploy/prometheus-rules.yaml`, and what to do about each in \
                    [operations.md](operations.md).\n\n\
                    | metric | kind | labels | what it says |\n|---|---|---|---|\n"
            .to_owned();
    let mut comment = String::new();
    for line in include_str!("../live/metric.rs").lines() {
        if let Some(words) = line.strip_prefix("///") {
            comment.push_str(words);
        } else if let Some(name) = line.split('"').nth(1).filter(|_| line.starts_with("pub const ")) {
            let (_, kind, ..) = DESCRIBED.iter().find(|(described, ..)| *described == name).unwrap();
            let (said, labels) = comment.split_once("Labels: ").unwrap_or((&comment, ""));
            let kind = format!("{kind:?}").to_lowercase();
            let (said, labels) = (said.trim(), labels.trim().trim_end_matches('.'));
            text.push_str(&format!("| `{name}` | {kind} | {labels} | {said} |\n"));
            comment.clear();
        }
    }
    text
}

#[test]
fn the_table_of_metrics_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    if std::env::var_os("FUMA_BLESS").is_some() {
        std::fs::write(path, table()).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, table(), "docs/metrics.md: run with FUMA_BLESS=1 and check in");
}
