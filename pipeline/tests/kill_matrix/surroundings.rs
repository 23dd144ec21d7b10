//! What is around a worker is not as it should be: no room for snapshots, poison on every feed, wrong topics.

use std::path::Path;
use std::process::{Command, Stdio};

use fuma_connectors::kafka::{Connection, DeadLetter, DeadLetters};
use fuma_schemas::Feed;

use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{Installation, PARTITIONS, Process, ZHEJIANG};

#[test]
fn without_room_for_snapshots_a_worker_goes_on() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let [first, second] = feeds().halves();
    // No file may grow beyond a kilobyte: what a full disk says, without one. The log goes through a pipe.
    let service = installation.service("one", ZHEJIANG);
    let mut limited = Command::new("bash");
    let script = "trap '' XFSZ; log=$0; exec 2> >(cat >\"$log\"); ulimit -f 1; exec \"$@\"";
    let log = installation.folder.path().join("limited.log");
    limited.arg("-c").arg(script).arg(&log).arg(service.get_program()).args(service.get_args());
    for (name, value) in service.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdin(Stdio::null()).stdout(Stdio::null());
    let process = Process::spawn(limited, installation.folder.path().join("one.log"));
    installation.send(&[&first], "900").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    let is_said = comes(|| std::fs::read_to_string(&log).unwrap_or_default().contains("no snapshot was written"));
    assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", installation.logs());
    assert!(is_said, "{}", std::fs::read_to_string(&log).unwrap());
    // With room again: from the log alone, and snapshots are written.
    let process = installation.start("one", ZHEJIANG, None);
    installation.send(&[&second], "900").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
    let is_written = comes(|| installation.logs().contains("snapshot written"));
    assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", installation.logs());
    assert!(is_written, "{}", installation.logs());
}

/// Whether something comes within half a minute.
pub(crate) fn comes(is_there: impl Fn() -> bool) -> bool {
    let begun = std::time::Instant::now();
    while !is_there() && begun.elapsed() < std::time::Duration::from_secs(30) {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    is_there()
}

#[test]
fn poison_on_every_feed_is_one_dead_letter_each() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let [first, second] = feeds().halves();
    let process = installation.start("one", ZHEJIANG, None);
    installation.send(&[&first], "100000").finish();
    let poison = installation.folder.path().join("poison");
    std::fs::create_dir(&poison).unwrap();
    for feed in Feed::ALL {
        // With its end of line: with a state file the last line of a file waits for it.
        let line = [poison_of(feed), b"\n".to_vec()].concat();
        std::fs::write(poison.join(format!("{}.ndjson", feed.name())), line).unwrap();
    }
    installation.send(&[&poison], "100000").finish();
    installation.send(&[&second], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
    assert!(settled.is_ok(), "{settled:?}\n{}", installation.logs());
    let connection = Connection::new(&installation.bootstrap, &installation.prefix, Vec::new()).unwrap();
    for feed in Feed::ALL {
        let codes = codes_of(&connection, feed);
        assert_eq!(codes, ["bad-json"], "{}", feed.name());
    }
    assert!(process.end(), "{}", installation.logs());
}

/// A line that no reader takes for a record.
fn poison_of(feed: Feed) -> Vec<u8> {
    [b"{\"poison\":\"", feed.name().as_bytes(), b"\xff\x00"].concat()
}

/// All letters of a feed, as they are now.
pub(crate) fn letters_now(connection: &Connection, feed: Feed) -> Vec<DeadLetter> {
    let mut letters = DeadLetters::new(connection, feed, "reader").unwrap();
    std::iter::from_fn(|| letters.next(&|_| true).unwrap()).collect()
}

/// The codes of the letters that hold the poison; waits for the first.
fn codes_of(connection: &Connection, feed: Feed) -> Vec<String> {
    let poison = poison_of(feed);
    let codes = || {
        let letters = letters_now(connection, feed).into_iter();
        letters.filter(|letter| letter.value.as_deref() == Some(&poison)).map(|letter| letter.code).collect()
    };
    comes(|| !Vec::<String>::is_empty(&codes()));
    codes()
}

/// What a start says that must be refused, with an exit code.
fn refusal(installation: &Installation, code: i32) -> String {
    let output = installation.refused("one");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn missing_topics_are_named() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::bare(broker.bootstrap());
    let said = refusal(&installation, 2);
    for topic in ["evidence.v1", "code-changes.v1", "tests.v1", "tests.v1.dlq", "links.v1"] {
        assert!(said.contains(&format!("{}{topic} is missing", installation.prefix)), "{topic}: {said}");
    }
    assert!(said.contains("fuma topics create"), "{said}");
    installation.create_topics(PARTITIONS);
    tool(&broker, &["topics", "--delete", "--topic", &format!("{}links.v1", installation.prefix)]);
    let said = refusal(&installation, 2);
    assert_eq!(said.matches("is missing").count(), 1, "{said}");
}

#[test]
fn a_wrong_number_of_partitions_is_refused() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let changes = format!("{}code-changes.v1", installation.prefix);
    tool(&broker, &["topics", "--alter", "--topic", &changes, "--partitions", "6"]);
    let said = refusal(&installation, 4);
    assert!(said.contains(&format!("{changes} has 6 partitions")), "{said}");
    assert!(said.contains(&format!("was made with {PARTITIONS}")), "{said}");
}

/// Kafka's own tools.
pub(crate) fn tool(broker: &Broker, arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka");
    let output = Command::new(script).args(arguments).env("FUMA_BOOTSTRAP", broker.bootstrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
