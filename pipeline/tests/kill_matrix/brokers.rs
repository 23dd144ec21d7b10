//! The broker dies and comes back; the broker pauses for longer than sessions and transactions last.

use std::thread;
use std::time::Duration;

use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{Installation, Process, ZHEJIANG};

/// Two processes at work on the first half, then `what` happens to the broker while the second half is sent.
fn happens(what: impl FnOnce(&Broker)) {
    if std::env::var_os("FUMA_BOOTSTRAP").is_some() {
        return eprintln!("skipped: the broker of FUMA_BOOTSTRAP is not ours to kill");
    }
    let broker = Broker::start();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let [first, second] = feeds().halves();
    let processes = ["one", "two"].map(|name| installation.start(name, ZHEJIANG, None));
    installation.send(&[&first], "900").finish();
    let sender = installation.send(&[&second], "300");
    thread::sleep(Duration::from_secs(1));
    what(&broker);
    sender.finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
    if settled.is_err() { debug(&broker, &installation); }
    let all_end = processes.into_iter().all(Process::end);
    assert!(settled.is_ok() && all_end, "{settled:?}, all ended in order: {all_end}\n{}", installation.logs());
}

#[test]
fn a_broker_that_is_killed_and_restarted_is_harmless() {
    happens(|broker| {
        broker.command("kill");
        thread::sleep(Duration::from_secs(1));
        broker.command("restart");
    });
}

#[test]
fn a_broker_that_pauses_for_twenty_seconds_is_harmless() {
    happens(|broker| {
        broker.command("pause");
        thread::sleep(Duration::from_secs(20));
        broker.command("resume");
    });
}

fn debug(broker: &Broker, installation: &Installation) {
    for feed in ["cases","contacts","external-codes","isolations","listings","regions","symptoms","tests","travel"] {
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka");
        let topic = format!("{}{feed}.v1", installation.prefix);
        let out = std::process::Command::new(&script).args(["consume", &topic, "--timeout-ms", "6000"]).env("FUMA_BOOTSTRAP", broker.bootstrap()).output().unwrap();
        std::fs::write(format!("/tmp/kills-debug-{feed}.txt"), &out.stdout).unwrap();
    }
    for what in ["evidence.v1"] {
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka");
        let topic = format!("{}{what}", installation.prefix);
        let out = std::process::Command::new(&script).args(["consume", &topic, "--timeout-ms", "6000", "--formatter-property", "print.offset=true", "--formatter-property", "print.partition=true"]).env("FUMA_BOOTSTRAP", broker.bootstrap()).output().unwrap();
        std::fs::write(format!("/tmp/kills-debug-{what}.txt"), &out.stdout).unwrap();
    }
}
