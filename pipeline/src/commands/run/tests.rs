//! Signals end a process as they should: a child of the test, which is the test again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;

use super::*;

/// Tells the child what to do.
const VARIABLE: &str = "FUMA_TEST_SHUTDOWN";

/// What the child does: listens, says so, and then ends when asked to, or never.
#[test]
#[ignore = "the child of the tests below"]
fn child() {
    let Ok(how) = std::env::var(VARIABLE) else { return };
    let (stop, deadline) = (Stop::default(), if how == "deadline" { 300 } else { 60_000 });
    shutdown::listen(stop.clone(), Health::new(), Duration::from_millis(deadline)).unwrap();
    println!("listening");
    while how != "graceful" || !stop.is_set() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(how: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "commands::run::tests::child", "--nocapture"])
        .env(VARIABLE, how)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line.contains("listening")));
    // Goes on reading, so that the child can go on writing.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn ended(mut child: Child) -> ExitStatus {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("the child did not end");
}

#[test]
fn the_first_signal_asks_and_the_process_ends_in_order() {
    for name in ["-TERM", "-INT"] {
        let child = start("graceful");
        signal(&child, name);
        assert_eq!(ended(child).code(), Some(0), "{name}");
    }
}

#[test]
fn the_second_signal_ends_the_process_at_once() {
    for name in ["-TERM", "-INT"] {
        let child = start("never");
        signal(&child, name);
        std::thread::sleep(Duration::from_millis(200));
        signal(&child, name);
        assert_eq!(ended(child).code(), Some(130), "{name}");
    }
}

#[test]
fn the_deadline_ends_the_process() {
    let child = start("deadline");
    signal(&child, "-TERM");
    assert_eq!(ended(child).code(), Some(1));
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    run: RunArguments,
}

#[test]
fn every_flag_reaches_its_setting() {
    let line = "fuma --policy p --key-file k --state s --group g --bootstrap b:1 --partitions 4 --workers 2 \
                --roles intake,trace --http off --owners o --create-topics --local-snapshots";
    let arguments = Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string()).unwrap().run;
    assert!(arguments.create_topics);
    let (config, _) = Config::load(None, &[], arguments.settings.flags()).unwrap();
    assert_eq!(config.policy.as_deref(), Some("p"));
    assert_eq!((config.key_file, config.owners_file), (Some("k".into()), Some("o".into())));
    assert_eq!((config.state, config.group.as_str()), ("s".into(), "g"));
    assert_eq!((config.kafka.bootstrap.as_deref(), config.kafka.partitions, config.workers), (Some("b:1"), 4, 2));
    assert!(config.roles.intake && config.roles.trace && !config.roles.assess);
    assert_eq!((config.http.listen, config.snapshots.local), (Listen::Off, true));
    let watched = Cli::try_parse_from(["fuma", "--watch", "a", "--watch", "b", "--stdin", "travel"]);
    let watched = watched.map_err(|error| error.to_string()).unwrap().run;
    let (config, _) = Config::load(None, &[], watched.settings.flags()).unwrap();
    assert_eq!(config.watch.folders, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(watched.stdin, Some(Feed::Travel));
    assert!(Cli::try_parse_from(["fuma", "--stdin", "people"]).is_err());
}
