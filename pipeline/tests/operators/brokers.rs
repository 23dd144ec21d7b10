//! A service on a broker: ready when it has what it was given, alive while the broker is away.

use std::time::{Duration, Instant};

use crate::alone;
use crate::broker::Broker;
use crate::process::{Process, feeds, fuma, output};
use crate::scrape::series;

fn sum(text: &str, name: &str, state: &str) -> f64 {
    let of_state = |series: &&crate::scrape::Series| {
        series.name == name && series.labels.get("state").is_none_or(|label| label == state)
    };
    series(text).iter().filter(of_state).map(|series| series.value).sum()
}

#[test]
fn a_service_is_ready_when_it_has_its_partitions_and_alive_while_the_broker_is_away() {
    let _alone = alone();
    if std::env::var_os("FUMA_BOOTSTRAP").is_some() {
        println!("ignored: a broker that is not ours is not killed");
        return;
    }
    let broker = Broker::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(
        folder.path().join("fuma.toml"),
        format!(
            "group = \"o\"\n[kafka]\nprefix = \"o.\"\n[snapshots]\nlocal = true\nurl = \"{}\"\n",
            folder.path().join("s").display()
        ),
    )
    .unwrap();
    let config = folder.path().join("fuma.toml").display().to_string();
    let reach = ["--config", &config, "--bootstrap", broker.bootstrap()];
    let first = [&reach[..], &["--create-topics", "--partitions", "4", "--workers", "1"]].concat();
    let mut service = Process::start(folder.path(), "a", &first);
    let (mut waited, mut at_ready) = (Vec::new(), String::new());
    service.until("it is ready", |service| match service.get("/readyz") {
        (200, _) => {
            at_ready = service.metrics();
            true
        }
        (_, body) => {
            waited.push(body);
            false
        }
    });
    assert_eq!(
        sum(&at_ready, "fuma_partitions", "owned"),
        4.0,
        "ready before it has its partitions\n{waited:?}\n{at_ready}"
    );
    // A process without assess is ready when its stages poll.
    let other = [&reach[..], &["--roles", "intake,trace"]].concat();
    let mut without = Process::start(folder.path(), "b", &other);
    without.until_ready();
    let status = || -> serde_json::Value {
        let mut command = fuma(&["status", "--json"]);
        command.args(reach);
        serde_json::from_str(&output(command)).unwrap()
    };
    let mut held = status();
    without.until("both are heard of", |_| {
        held = status();
        held["processes"].as_array().unwrap().len() == 2
    });
    let owned = held["partitions"].as_array().unwrap().iter().filter(|partition| partition["state"] == "owned").count();
    assert_eq!((owned, &held["partitions"][0]["topic"]), (4, &"o.evidence.v1".into()), "{held}");

    let feeds = feeds(folder.path(), "500");
    let mut send = fuma(&["send"]);
    send.arg(&feeds).args(reach);
    output(send);
    service.until("what was sent is announced, and how long that took is measured", |service| {
        service.metrics().contains("fuma_announce_seconds_bucket{le=\"0.001\"}")
    });

    away(&broker, &service, &without);
    broker.command("restart");
    service.until_ready();
    without.until_ready();
    service.stop();
    service_is_gone(&status());
}

fn service_is_gone(status: &serde_json::Value) {
    let partitions = status["partitions"].as_array().unwrap();
    assert!(partitions.iter().all(|partition| partition["state"] == "unowned"), "{status}");
}

/// The broker is away for longer than any stage may wait: the processes are alive, and not ready.
fn away(broker: &Broker, service: &Process, without: &Process) {
    broker.command("kill");
    let begun = Instant::now();
    let mut not_ready = None;
    while begun.elapsed() < Duration::from_secs(75) {
        for process in [service, without] {
            let (alive, body) = process.get("/livez");
            assert_eq!(alive, 200, "{body} after {:?}\n{}", begun.elapsed(), process.said());
        }
        if service.get("/readyz").0 == 503 {
            not_ready.get_or_insert(begun.elapsed());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(not_ready.is_some_and(|at| at < Duration::from_secs(60)), "ready without a broker: {not_ready:?}");
    let lines = service.said().lines().filter(|line| line.contains("librdkafka")).count();
    assert!(lines < 40, "{lines} lines of the client drown what matters\n{}", service.said());
    assert!(!service.said().lines().any(|line| line.contains("librdkafka") && line.contains("ERROR")));
}
