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
    // A process that does not find the broker when it starts ends after a while, and rightly so.
    processes.iter().for_each(|process| process.wait_until_it_says("restored"));
    installation.send(&[&first], "900").finish();
    let sender = installation.send(&[&second], "300");
    thread::sleep(Duration::from_secs(1));
    what(&broker);
    sender.finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
    let all_end = processes.into_iter().all(Process::end);
    assert!(settled.is_ok() && all_end, "{settled:?}, all ended in order: {all_end}\n{}", installation.logs());
}

#[test]
fn a_broker_that_is_killed_and_restarted_is_harmless() {
    let _alone = crate::alone();
    happens(|broker| {
        broker.command("kill");
        thread::sleep(Duration::from_secs(1));
        broker.command("restart");
    });
}

#[test]
fn a_broker_that_pauses_for_twenty_seconds_is_harmless() {
    let _alone = crate::alone();
    happens(|broker| {
        broker.command("pause");
        thread::sleep(Duration::from_secs(20));
        broker.command("resume");
    });
}
