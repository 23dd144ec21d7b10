//! One record, one partition, records that were deleted: nobody else notices, and it is said which.

use fuma_connectors::kafka::{Connection, DeadLetter, Publisher, RawRecord};
use fuma_schemas::Feed;

use crate::broker::Broker;
use crate::feeds::feeds;
use crate::installation::{Installation, ZHEJIANG};
use crate::surroundings::{comes, letters_now, tool};

fn connection(installation: &Installation) -> Connection {
    Connection::new(&installation.bootstrap, &installation.prefix, Vec::new()).unwrap()
}

/// Sends raw records; they travel packed.
fn send(installation: &Installation, records: &[(Feed, Vec<u8>)]) {
    let mut publisher = Publisher::new(&connection(installation)).unwrap();
    for (feed, value) in records {
        publisher.send(*feed, RawRecord { value: Some(value), ..RawRecord::default() }).unwrap();
    }
    publisher.flush().unwrap();
    assert_eq!(publisher.refused(), []);
}

fn letters(installation: &Installation, feed: Feed, count: usize) -> Vec<DeadLetter> {
    let connection = connection(installation);
    let read = || letters_now(&connection, feed);
    assert!(comes(|| read().len() >= count), "{} letters of {}\n{}", read().len(), feed.name(), installation.logs());
    read()
}

/// Packed they are small, and the feed's topic takes them: each becomes a letter that says how long it was.
#[test]
fn records_that_no_topic_takes_stop_nobody() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let [first, second] = feeds().halves();
    let process = installation.start("one", ZHEJIANG, None);
    installation.send(&[&first], "100000").finish();
    // Garbage, an entry with a port, a region with a document, each far longer than a record may be; and two that are
    // just allowed.
    let long = "p".repeat(3 << 20);
    let region = |document: &str| {
        format!(
            r#"{{"owner":"src-990001","id":"r","region":"330106","tier":"low","authority":"a","document":"{document}",
                "since":"2022-04-01T08:00:00+08:00"}}"#
        )
    };
    send(
        &installation,
        &[
            (Feed::Tests, vec![b'x'; 3 << 20]),
            (Feed::Travel, format!(r#"{{"owner":"src-990001","id":"e","port":"{long}"}}"#).into_bytes()),
            (Feed::Regions, region(&long).into_bytes()),
            (Feed::Symptoms, vec![b'y'; 1_048_400]),
            (Feed::Regions, region(&"d".repeat(1_000_000)).into_bytes()),
        ],
    );
    installation.send(&[&second], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, true));
    assert!(settled.is_ok(), "{settled:?}\n{}", installation.logs());
    for feed in [Feed::Tests, Feed::Travel, Feed::Regions] {
        let letters = letters(&installation, feed, 1);
        let large = letters.iter().find(|letter| letter.code == "too-large").unwrap();
        assert!(large.is_cut && large.value.as_ref().unwrap().len() == 4096, "{}", feed.name());
    }
    let allowed = letters(&installation, Feed::Symptoms, 1);
    assert!(allowed.iter().any(|letter| letter.value.as_ref().is_some_and(|value| value.len() == 1_048_400)));
    assert!(process.end(), "{}", installation.logs());
    assert!(!installation.logs().contains("restarting stage"), "{}", installation.logs());
}

/// A feed gets partitions while it is read; its letters have fewer.
#[test]
fn a_feed_that_grows_is_read_and_its_letters_have_a_place() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let tests = format!("{}tests.v1", installation.prefix);
    tool(&broker, &["topics", "--alter", "--topic", &tests, "--partitions", "5"]);
    let process = installation.start("one", ZHEJIANG, None);
    process.wait_until_it_says("restored");
    // They are spread over all partitions.
    let poison = b"poison on a new partition".to_vec();
    send(&installation, &vec![(Feed::Tests, poison.clone()); 60]);
    let [first, _] = feeds().halves();
    installation.send(&[&first], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    assert!(settled.is_ok(), "{settled:?}\n{}", installation.logs());
    let letters = letters(&installation, Feed::Tests, 60);
    assert_eq!(letters.iter().filter(|letter| letter.value.as_ref() == Some(&poison)).count(), 60);
    assert!(process.end(), "{}", installation.logs());
}

/// What retention took is said and counted; a topic that is made again goes on.
#[test]
fn records_that_were_deleted_unread_are_named() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let mut announced = installation.announced();
    let symptoms = format!("{}symptoms.v1", installation.prefix);
    // Its only partition: a quarter of the evidence's.
    send(&installation, &vec![(Feed::Symptoms, b"never read".to_vec()); 20]);
    let offsets = installation.folder.path().join("offsets.json");
    let plan = format!(r#"{{"version":1,"partitions":[{{"topic":"{symptoms}","partition":0,"offset":15}}]}}"#);
    std::fs::write(&offsets, plan).unwrap();
    tool(&broker, &["tool", "DeleteRecordsCommand", "--offset-json-file", offsets.to_str().unwrap()]);
    let process = installation.start("one", ZHEJIANG, None);
    process.wait_until_it_says("records were deleted before they were read");
    let logs = installation.logs();
    assert!(logs.contains("records=15") && logs.contains(&format!("{symptoms} partition 0")), "{logs}");
    let [first, _] = feeds().halves();
    installation.send(&[&first], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", installation.logs());
}

/// Lines that no topic takes are named; all others are sent, and the next run does not try them again.
#[test]
fn a_line_that_is_too_large_is_named_and_all_others_are_sent() {
    let _alone = crate::alone();
    let broker = Broker::shared();
    let installation = Installation::new(broker.bootstrap());
    let file = installation.folder.path().join("tests.ndjson");
    // A record may be so long, but this topic takes less, and the line does not pack.
    let topic = format!("{}tests.v1", installation.prefix);
    let entity = ["configs", "--alter", "--entity-type", "topics", "--entity-name", &topic];
    tool(&broker, &[&entity[..], &["--add-config", "max.message.bytes=500000"]].concat());
    let mut state = 1_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'#' + (state >> 32) as u8 % 64)
    };
    let noise: String = (0..1_000_000).map(|_| noise()).collect();
    let lines = ["{\"id\":\"1\"}", "", noise.as_str(), "{\"id\":\"2\"}", "{\"id\":\"3\"}"];
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let state = installation.folder.path().join("sent");
    let run = || installation.command(&["send"]).arg("--resume").arg(&state).arg(&file).output().unwrap();
    let sent = run();
    let said = String::from_utf8_lossy(&sent.stderr).into_owned();
    assert_eq!(sent.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("tests.ndjson, line 3: the record has 1000000 bytes, and {topic} takes no")),
        "{said}"
    );
    let again = run();
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success() && said.contains("all of it was sent before"), "{said}");
}
