//! Clients follow the changes of a folder's log: with nothing left out and nothing twice, each what it may see; others
//! try what they may not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::{Log as _, OutputRecord, Position as Committed, Transaction, WorkerLog};
use fuma_schemas::change::{Reason, RuleHead};
use fuma_schemas::{CodeChange, Colour, Instant, Person};
use serde_json::Value;

use crate::http::api::tests::{Port, audited, code, port, send, token_of};
use crate::live::record::Fingerprint;
use crate::live::stop::Stop;
use crate::live::subscriptions;

const INSTALLATION: Fingerprint = Fingerprint([7; 8]);
const AT: Instant = Instant(1_669_852_800_000);
const PARTITIONS: u32 = 2;

/// A port whose changes are those of a folder.
struct Followed {
    port: Port,
    stop: Stop,
    reader: Option<JoinHandle<()>>,
    writer: Box<dyn WorkerLog>,
    said: i64,
    _folder: tempfile::TempDir,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.stop.set();
        drop(self.reader.take().map(JoinHandle::join));
    }
}

fn followed() -> Followed {
    let folder = tempfile::tempdir().unwrap();
    let log = FolderLog::open(&FolderOptions::new(folder.path(), PARTITIONS, 1)).unwrap();
    let (port, stop) = (port(), Stop::default());
    let (subscriptions, of_reader) = (port.answers.subscriptions().clone(), stop.clone());
    let writer = log.worker(0).unwrap();
    let reader = std::thread::spawn(move || subscriptions::follow(&log, INSTALLATION, &of_reader, &subscriptions));
    Followed { port, stop, reader: Some(reader), writer, said: 0, _folder: folder }
}

fn person(number: i64) -> Person {
    let mut bytes = [3; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Person(bytes)
}

impl Followed {
    /// Commits changes: the next so many people become red, or stay so for another reason.
    fn announce_from(&mut self, count: i64, from: Colour) {
        let rule = Arc::new(RuleHead { id: "ZJ-R1".into(), colour: Colour::Red, clause: "clause 1".into() });
        let said = self.said;
        self.said += count;
        let records: Vec<OutputRecord> = (said..said + count)
            .map(|number| {
                let at = Instant(AT.0 + number);
                let reason = Reason { rule: Arc::clone(&rule), since: at, until: None, due: None };
                let change = CodeChange {
                    person: person(number),
                    from,
                    to: Colour::Red,
                    effective_at: at,
                    colour_since: at,
                    decided_at: at,
                    reasons: vec![reason],
                    ended: vec![],
                    next_change_at: None,
                    policy: "p".into(),
                    policy_version: "1".into(),
                };
                let mut value = Vec::new();
                change.write_value(&mut value);
                let partition = u32::try_from(number % i64::from(PARTITIONS)).unwrap();
                OutputRecord { partition, key: person(number).to_string(), value, headers: vec![] }
            })
            .collect();
        let positions = [(0, Committed { offset: Some(0), metadata: String::new() })];
        self.writer.commit(Transaction { changes: &records, positions: &positions }).unwrap();
    }

    fn announce(&mut self, count: i64) {
        self.announce_from(count, Colour::Green);
    }

    fn ask(&self, client: &str, path: &str, headers: &str) -> (u16, Value) {
        let token = token_of(client);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {token}\r\n{headers}Connection: close\r\n\r\n"
        );
        let (status, _, body) = send(&self.port, &request);
        (status, body)
    }

    fn open(&self, client: &str, query: &str, headers: &str) -> Events {
        self.open_at(&format!("/v1/changes{query}"), client, headers)
    }

    fn open_at(&self, path: &str, client: &str, headers: &str) -> Events {
        let mut stream = TcpStream::connect(self.port.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let token = token_of(client);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {token}\r\nFuma-Purpose: \
             test\r\n{headers}\r\n"
        )
        .unwrap();
        let mut events = Events { lines: BufReader::new(stream) };
        let head = events.line();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        while !events.line().is_empty() {}
        events
    }

    /// Waits until the service has seen that nobody follows.
    fn closed(&self) {
        until("nobody follows", || self.port.answers.subscriptions().count() == 0);
    }

    /// Where the log begins.
    fn first() -> String {
        format!("{INSTALLATION}:0:0.0")
    }
}

struct Events {
    lines: BufReader<TcpStream>,
}

struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Events {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event, whatever it is.
    fn any(&mut self) -> Event {
        let mut event = Event { id: String::new(), name: String::new(), data: Value::Null };
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("data", data)) => {
                    event.data = serde_json::from_str(data).unwrap();
                    return event;
                }
                // Lengths of chunks, ends of events.
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Event {
        loop {
            let event = self.any();
            if event.name != "heartbeat" {
                return event;
            }
        }
    }

    fn people(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next().data["person"].as_str().unwrap().to_owned()).collect()
    }
}

fn tokens(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    let mut tokens: Vec<String> = numbers.map(|number| person(number).to_string()).collect();
    tokens.sort();
    tokens
}

fn sorted(mut people: Vec<String>) -> Vec<String> {
    people.sort();
    people
}

#[test]
fn who_comes_back_with_the_last_id_misses_nothing_and_gets_nothing_twice() {
    let mut followed = followed();
    followed.announce(3);
    let mut events = followed.open("auditor", "", "");
    let first = events.any();
    assert_eq!(first.name, "heartbeat", "a position, before anything happens");
    followed.announce(600);
    let mut seen = Vec::new();
    let mut last = first.id.clone();
    for _ in 0..7 {
        let event = events.next();
        seen.push(event.data["person"].as_str().unwrap().to_owned());
        last = event.id;
    }
    drop(events);
    followed.closed();
    followed.announce(10);
    // The address still says where it all began: the header wins.
    let header = format!("Last-Event-ID: {last}\r\n");
    let mut events = followed.open("auditor", &format!("?from={}", Followed::first()), &header);
    seen.extend(events.people(603));
    assert_eq!(sorted(seen), tokens(3..613));
    // From the first position on, and from the beginning of the log.
    drop(events);
    followed.closed();
    let mut events = followed.open("auditor", &format!("?from={}", first.id), "");
    assert_eq!(sorted(events.people(610)), tokens(3..613));
    drop(events);
    followed.closed();
    let mut events = followed.open("auditor", &format!("?from={}", Followed::first()), "");
    assert_eq!(sorted(events.people(613)), tokens(0..613));
    followed.announce(1);
    assert_eq!(events.people(1), tokens(613..614));
    let acts: Vec<_> = audited(&followed.port).into_iter().flat_map(|record| record.lookups).collect();
    assert_eq!(acts.len(), 4);
    assert!(acts.iter().all(|line| (line.act.as_str(), line.person.as_str()) == ("changes", "*")), "{acts:?}");
}

#[test]
fn each_sees_its_projection_under_its_own_tokens() {
    let mut followed = followed();
    followed.announce(1);
    followed.announce_from(1, Colour::Red);
    followed.announce(1);
    let from = format!("?from={}", Followed::first());
    let all = |client: &str, count: usize| -> Vec<Value> {
        let mut events = followed.open(client, &from, "");
        let all = (0..count).map(|_| events.next().data).collect();
        drop(events);
        followed.closed();
        all
    };
    let fields = |value: &Value| sorted(value.as_object().unwrap().keys().cloned().collect());
    let whole = all("auditor", 3);
    assert_eq!(whole[0]["id"], format!("{}-{}", person(0), AT.0));
    assert_eq!(whole[0]["reasons"][0]["since"], AT.to_string());
    let plain = all("plain", 2);
    assert_eq!(fields(&plain[0]), ["from", "id", "person", "time", "to"]);
    assert!(plain.iter().all(|change| change["from"] == "green"), "that reasons changed is not shown: {plain:?}");
    let clause = all("clause", 3);
    assert_eq!(fields(&clause[1]), ["ended", "from", "id", "person", "reasons", "time", "to"]);
    assert_eq!(fields(&clause[1]["reasons"][0]), ["clause", "colour", "rule"]);
    let issuer = all("issuer", 3);
    assert_eq!(fields(&issuer[0]), fields(&whole[0]));
    let people = [&whole[0], &plain[0], &clause[0], &issuer[0]].map(|change| change["person"].as_str().unwrap());
    for (place, token) in people.iter().enumerate() {
        assert!(people[place + 1..].iter().all(|other| other != token), "nobody can join: {people:?}");
    }
    for change in [&plain[0], &clause[0], &issuer[0]] {
        assert!(!change.to_string().contains(people[0]), "also not in the id: {change}");
    }
    // By its own token, and by that of another.
    let mut events = followed.open("issuer", &format!("{from}&person={}", people[3]), "");
    assert_eq!(events.next().data, issuer[0]);
    drop(events);
    followed.announce(1);
    let was_red = issuer.iter().find(|change| change["from"] == "red").unwrap()["person"].as_str().unwrap();
    let last = followed.open("issuer", &format!("{from}&colour=green&rule=ZJ-R1"), "").people(3);
    assert!(!last.contains(&was_red.to_owned()), "red before and after: {last:?}");
}

#[test]
fn what_may_not_be_followed_is_refused_with_its_code() {
    let mut followed = followed();
    followed.announce(2);
    let purpose = "Fuma-Purpose: test\r\n";
    for client in ["official", "operator"] {
        assert_eq!(code(&followed.ask(client, "/v1/changes", purpose)), (403, "forbidden"), "{client}");
    }
    assert_eq!(code(&followed.ask("auditor", "/v1/changes", "")), (400, "purpose-missing"));
    assert_eq!(code(&followed.ask("plain", "/v1/changes?rule=ZJ-R1", "")), (403, "forbidden"), "an oracle");
    let refused = |path: &str, headers: &str| followed.ask("issuer", path, headers);
    for (query, expected) in [
        ("from=x", (400, "bad-position")),
        ("from=", (400, "bad-position")),
        ("from=0707070707070707:0:0.0:0", (400, "bad-position")),
        ("from=0707070707070708:0:0.0", (400, "foreign-position")),
        ("from=0707070707070707:0:0", (400, "foreign-position")),
        ("from=0707070707070707:0:0.0.0", (400, "foreign-position")),
        ("from=0707070707070707:0:0.9999999999999", (410, "position-gone")),
        ("colour=blue", (400, "bad-query")),
        ("person=99000119900101003X", (400, "bad-query")),
        ("colour=red&colour=red", (400, "bad-query")),
        ("x=1", (400, "bad-query")),
    ] {
        assert_eq!(code(&refused(&format!("/v1/changes?{query}"), "")), expected, "{query}");
    }
    for header in ["Last-Event-ID: x\r\n", "Last-Event-ID: \r\n", "Last-Event-ID: a\r\nLast-Event-ID: a\r\n"] {
        assert_eq!(code(&refused("/v1/changes", header)), (400, "bad-position"), "{header}");
    }
    for path in ["/v1/changes/", "/v1/changes/x", "/v1//changes", "/v1/people/../changes"] {
        assert!(matches!(refused(path, "").0, 400 | 403 | 404), "{path}");
    }
    let request = "GET /v1/changes HTTP/1.1\r\nHost: fuma\r\nConnection: close\r\n\r\n";
    assert_eq!(send(&followed.port, request).0, 401);
    assert_eq!(audited(&followed.port), [], "who is refused has seen nobody");
    assert_eq!(followed.port.answers.subscriptions().count(), 0);
}

/// The list and the changes after its position come to what was announced, for each projection.
#[test]
fn who_begins_with_the_list_goes_on_from_its_position() {
    let mut followed = followed();
    let lines = |followed: &Followed, client: &str| -> Vec<Value> {
        let mut events = followed.open_at("/v1/colours", client, "Connection: close\r\n");
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line: &Value| line["position"].is_null()) {
            lines.extend(serde_json::from_str(&events.line()).ok().filter(Value::is_object));
        }
        drop(events);
        followed.closed();
        lines
    };
    let empty = lines(&followed, "auditor");
    assert_eq!(empty.len(), 1, "{empty:?}");
    followed.announce(700);
    let mut listed = lines(&followed, "auditor");
    let end = listed.pop().unwrap();
    assert!(listed.iter().all(|line| line["colour"] == "red" && line["reasons"][0]["rule"] == "ZJ-R1"), "{listed:?}");
    let mut people: Vec<String> = listed.iter().map(|line| line["person"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sorted(people.clone()), tokens(0..700));
    followed.announce(5);
    let position = end["position"].as_str().unwrap();
    people.extend(followed.open("auditor", &format!("?from={position}"), "").people(5));
    assert_eq!(sorted(people), tokens(0..705));
    let plain = lines(&followed, "plain");
    let mut fields: Vec<&String> = plain[0].as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["colour", "person"]);
    let known = tokens(0..705);
    assert!(plain[..705].iter().all(|line| !known.contains(&line["person"].as_str().unwrap().to_owned())));
    for (client, expected) in [("official", 403), ("operator", 403)] {
        assert_eq!(followed.ask(client, "/v1/colours", "Fuma-Purpose: a\r\n").0, expected, "{client}");
    }
    assert_eq!(code(&followed.ask("issuer", "/v1/colours?colour=red", "")), (400, "bad-query"));
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not so after a minute");
}

#[test]
fn there_are_so_many_streams_and_one_that_is_closed_makes_room() {
    let followed = followed();
    let subscriptions = followed.port.answers.subscriptions();
    let one = followed.open("issuer", "", "");
    let other = followed.open("issuer", "", "");
    assert_eq!(code(&followed.ask("issuer", "/v1/changes", "")), (429, "too-many-streams"));
    subscriptions.limit(3);
    let third = followed.open("clause", "", "");
    assert_eq!(code(&followed.ask("auditor", "/v1/changes", "Fuma-Purpose: a\r\n")), (429, "too-many-streams"));
    drop((one, third));
    until("the closed ones are seen", || subscriptions.count() == 1);
    drop(followed.open("issuer", "", ""));
    drop(other);
    followed.closed();
}

/// Who reads nothing is ended, and meanwhile others get all.
#[test]
fn a_slow_reader_is_ended_and_holds_up_nobody() {
    let mut followed = followed();
    let slow = followed.open("issuer", "", "");
    let mut quick = followed.open("clause", "", "");
    for _ in 0..40 {
        followed.announce(1_000);
        assert_eq!(quick.people(1_000).len(), 1_000);
    }
    drop(quick);
    let subscriptions = followed.port.answers.subscriptions();
    until("the slow one is ended", || subscriptions.count() == 0);
    drop(slow);
}
