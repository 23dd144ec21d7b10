//! Clients of each role ask a real server about people; others try what they may not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fuma_schemas::{Colour, Instant, Person};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::audit::AuditRecord;
use super::*;
use crate::assess::Why;
use crate::assess::shown::{Reasons, Shown};
use crate::assess::timeline::Interval;
use crate::http::{Health, Metrics, Server, Shown as OfPort};
use crate::intake::person_token;
use crate::live::answers::Published;
use crate::live::partitions::{ParkReason, Parked};
use crate::policy::{self, Pack, PackSource};

const AT: Instant = Instant(1_669_852_800_000);
const NUMBER: &str = "99000119900101003X";

fn zhejiang() -> &'static Arc<Pack> {
    static PACK: OnceLock<Arc<Pack>> = OnceLock::new();
    PACK.get_or_init(|| policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap())
}

fn key() -> Key {
    Key::from_hex(&"0b".repeat(32)).unwrap()
}

/// Who is red by two rules.
fn anna() -> Person {
    person_token(&key(), "10", NUMBER)
}

pub(super) fn token_of(client: &str) -> String {
    format!("{client}-secret")
}

pub(super) struct Port {
    pub(super) server: Server,
    pub(super) audit: Audit,
    pub(super) answers: Answers,
    partitions: Partitions,
    _keys: tempfile::TempDir,
}

/// A server with a client of each role, two issuers, and one who may ask twice a second.
pub(super) fn port() -> Port {
    port_with(false)
}

fn port_with(open_on_loopback: bool) -> Port {
    let keys = tempfile::tempdir().unwrap();
    let client = |name: &str, role: Role| ClientConfig {
        name: name.to_owned(),
        role,
        token_sha256: Sha256::digest(token_of(name)).iter().map(|byte| format!("{byte:02x}")).collect(),
        key_file: None,
        fields: None,
        rate: 1000,
        streams: 2,
    };
    let issuer = |name: &str, digit: &str, fields: Option<Fields>| {
        let path = keys.path().join(name);
        std::fs::write(&path, digit.repeat(64)).unwrap();
        ClientConfig { key_file: Some(path), fields, ..client(name, Role::Issuer) }
    };
    let clients = [
        issuer("issuer", "a", Some(Fields::Reasons)),
        issuer("plain", "b", None),
        issuer("clause", "c", Some(Fields::Clause)),
        client("official", Role::Official),
        client("auditor", Role::Auditor),
        client("operator", Role::Operator),
        ClientConfig { rate: 2, ..client("slow", Role::Operator) },
    ];
    let answers = Answers::default();
    answers.know(2);
    let partitions = Partitions::default();
    partitions.owned(ASSESS, anna().partition(2) as u32, AT);
    let clients = Clients::load(&clients, open_on_loopback).unwrap();
    let audit = Audit::default();
    let api = Api::new(answers.clone(), partitions.clone(), clients, (audit.clone(), key()));
    let (metrics, health) = (Metrics::install().unwrap(), Health::new());
    let shown = OfPort::new(metrics, health, partitions.clone());
    let server = Server::start("127.0.0.1:0".parse().unwrap(), OfPort { api: Some(api), ..shown }).unwrap();
    answers.hold(anna().partition(2) as u32, published());
    Port { server, audit, answers, partitions, _keys: keys }
}

fn published() -> Published {
    let pack = zhejiang();
    let interval = |id: &str, until: Option<Instant>| {
        let rule = u16::try_from(pack.rule(id).unwrap()).unwrap();
        Interval { rule, since: AT, until, due: until }
    };
    let reasons: Box<[Interval]> = [interval("ZJ-R1", None), interval("ZJ-Y1", Some(Instant(AT.0 + 1)))].into();
    let shown = Shown {
        colour: Colour::Red,
        colour_since: Some(AT),
        next: Some((Instant(AT.0 + 86_400_000), Colour::Yellow)),
        reasons: Reasons::Known(Arc::clone(pack), reasons),
        kept: None,
    };
    let reasons = Reasons::Announced(Box::new(["ZJ-Y1".into(), "OLD-1".into()]));
    let kept = Shown { colour: Colour::Yellow, colour_since: None, next: None, reasons, kept: Some(Why::Crowded) };
    let people = [(anna(), shown), (ben(), kept)].into_iter().collect();
    Published { as_of: Instant(AT.0 + 5), pack: Arc::clone(pack), people }
}

/// Somebody of the same partition who is not judged.
fn ben() -> Person {
    let [.., last] = anna().0;
    Person([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, last])
}

/// Somebody of the other partition.
fn cara() -> Person {
    let [.., last] = anna().0;
    Person([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, last ^ 1])
}

pub(super) fn send(port: &Port, request: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(port.server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn get(port: &Port, client: &str, path: &str) -> (u16, Value) {
    let token = token_of(client);
    let (status, head, body) = send(
        port,
        &format!(
            "GET {path} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {token}\r\nFuma-Purpose: call-7\r\n\
             Connection: close\r\n\r\n"
        ),
    );
    assert!(head.contains("cache-control: no-store"), "{head}");
    (status, body)
}

fn look_up(port: &Port, client: &str, body: &str) -> (u16, Value) {
    let (token, length) = (token_of(client), body.len());
    let (status, _, answer) = send(
        port,
        &format!(
            "POST /v1/people/lookup HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {token}\r\nFuma-Purpose: call-7\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ),
    );
    (status, answer)
}

pub(super) fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

pub(super) fn audited(port: &Port) -> Vec<AuditRecord> {
    let records = port.audit.records("p");
    port.audit.written();
    records
}

#[test]
fn an_official_sees_reasons_with_clause_and_title() {
    let port = port();
    let (status, answer) = get(&port, "official", &format!("/v1/people/{}", anna()));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["person"], anna().to_string());
    assert_eq!(
        (&answer["colour"], &answer["colour_since"], &answer["parked"]),
        (&json!("red"), &json!("2022-12-01T08:00:00+08:00"), &json!(false))
    );
    assert_eq!(answer["next_change"], json!({"at": "2022-12-02T08:00:00+08:00", "colour": "yellow"}));
    assert_eq!(answer["as_of"], "2022-12-01T08:00:00.005+08:00");
    let reasons = answer["reasons"].as_array().unwrap();
    let rules: Vec<&str> = reasons.iter().map(|reason| reason["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["ZJ-R1", "ZJ-Y1"], "the most severe first");
    let rule = &zhejiang().rules[zhejiang().rule("ZJ-R1").unwrap()];
    assert_eq!(reasons[0]["clause"], rule.head.clause);
    assert_eq!(reasons[0]["title"], json!({"zh": rule.title.zh, "en": rule.title.en}));
    assert_eq!((&reasons[0]["until"], &reasons[1]["due"]), (&Value::Null, &json!("2022-12-01T08:00:00.001+08:00")));
    assert_eq!((&answer["policy"], &answer["not_judged"]), (&json!("zhejiang-2020-109"), &Value::Null));
}

#[test]
fn who_is_not_judged_keeps_what_was_announced_and_it_says_so() {
    let port = port();
    let (_, answer) = get(&port, "official", &format!("/v1/people/{}", ben()));
    assert_eq!((&answer["colour"], &answer["not_judged"]), (&json!("yellow"), &json!("crowded")));
    let reasons = answer["reasons"].as_array().unwrap();
    assert_eq!((&reasons[0]["rule"], &reasons[0]["since"]), (&json!("ZJ-Y1"), &Value::Null));
    assert_eq!((&reasons[1]["rule"], &reasons[1]["clause"]), (&json!("OLD-1"), &Value::Null), "of a pack of before");
}

#[test]
fn an_issuer_sees_its_projection_under_its_own_token_and_no_other() {
    let port = port();
    let body = format!(r#"{{"cert_type":"10","cert_number":"{}"}}"#, NUMBER.to_lowercase());
    let (status, looked) = look_up(&port, "issuer", &body);
    assert_eq!((status, &looked["colour"]), (200, &json!("red")), "{looked}");
    let own = looked["person"].as_str().unwrap().to_owned();
    assert_ne!(own, anna().to_string(), "an issuer never learns the token of all others");
    assert_eq!(get(&port, "issuer", &format!("/v1/people/{own}")), (200, looked.clone()));
    let (_, plain) = look_up(&port, "plain", &body);
    assert_ne!(plain["person"], looked["person"], "two issuers cannot join what they hold");
    let names = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
    let sorted = |answer: &Value| {
        let mut names = names(answer);
        names.sort();
        names
    };
    assert_eq!(sorted(&plain), ["as_of", "colour", "parked", "person"]);
    let (_, clause) = look_up(&port, "clause", &body);
    assert_eq!(sorted(&clause), ["as_of", "colour", "parked", "person", "reasons"]);
    assert_eq!(sorted(&clause["reasons"][0]), ["clause", "colour", "rule", "title"]);
    // Another's token, and the token of all others, stand for somebody else here: nobody whom it knows.
    for foreign in [plain["person"].as_str().unwrap(), &anna().to_string()] {
        let (status, answer) = get(&port, "issuer", &format!("/v1/people/{foreign}"));
        assert!(status == 503 || status == 200 && answer["colour"] == "green", "{status} {answer}");
    }
}

#[test]
fn nothing_is_answered_without_a_token_be_it_there_or_not() {
    let port = port();
    for path in ["/v1", "/v1/", "/v1/people/lookup", "/v1/nothing", &format!("/v1/people/{}", anna())] {
        for authorization in
            ["", "Authorization: Bearer \r\n", "Authorization: Bearer official\r\n", "Authorization: Basic b2s=\r\n"]
        {
            let request = format!("GET {path} HTTP/1.1\r\nHost: fuma\r\n{authorization}Connection: close\r\n\r\n");
            let (status, head, body) = send(&port, &request);
            // That one is outside: it is nothing at all.
            assert_eq!(status, if path == "/v1/" { 404 } else { 401 }, "{path}");
            assert!(!body.to_string().contains("red"), "{head}");
        }
    }
    let good = token_of("official");
    for forged in [&good[1..], &good.to_uppercase(), &format!("{good} "), &format!("{good}x"), &"x".repeat(10_000)] {
        let request = format!(
            "GET /v1/people/{} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {forged}\r\nConnection: close\r\n\r\n",
            anna()
        );
        // White space at the end of a header is no part of it.
        let expected = if forged.ends_with(' ') { 400 } else { 401 };
        assert_eq!(send(&port, &request).0, expected, "{forged}");
    }
    let twice = format!(
        "GET /v1/people/{} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n\
         Connection: close\r\n\r\n",
        anna()
    );
    assert_eq!(send(&port, &twice).0, 401);
    assert_eq!(audited(&port), []);
    let (status, _, _) = send(&port, "GET /livez HTTP/1.1\r\nHost: fuma\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 200, "health asks for no token");
}

#[test]
fn each_role_may_ask_what_is_its_own() {
    let port = port();
    let path = format!("/v1/people/{}", anna());
    let body = format!(r#"{{"cert_type":"10","cert_number":"{NUMBER}"}}"#);
    assert_eq!((get(&port, "auditor", &path).0, get(&port, "official", &path).0), (200, 200));
    assert_eq!(code(&get(&port, "operator", &path)), (403, "forbidden"));
    assert_eq!(look_up(&port, "official", &body).0, 200);
    for client in ["auditor", "operator"] {
        assert_eq!(code(&look_up(&port, client, &body)), (403, "forbidden"), "{client}");
    }
}

/// No worker answers here: who asks why is told so, and a parked partition says so at once.
#[test]
fn why_is_for_officials_and_auditors_and_comes_from_a_step_or_not_at_all() {
    let port = port();
    let path = format!("/v1/people/{}/explain", anna());
    for client in ["issuer", "operator"] {
        assert_eq!(code(&get(&port, client, &path)), (403, "forbidden"), "{client}");
    }
    assert_eq!(audited(&port), []);
    let parked = Parked { reason: ParkReason::Gap, what: "x".into(), next_try: None, tries: 1, digest: None };
    port.partitions.parked(ASSESS, anna().partition(2) as u32, AT, parked);
    for client in ["official", "auditor"] {
        assert_eq!(code(&get(&port, client, &path)), (503, "busy"), "{client}");
    }
    let acts: Vec<String> = audited(&port).into_iter().flat_map(|record| record.lookups).map(|line| line.act).collect();
    assert_eq!(acts, ["explain", "explain"]);
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_never_repeated() {
    let port = port();
    let person = anna().to_string();
    for token in [&person[1..], "..", "%2e%2e%2flivez", "99000119900101003X", "é"] {
        let answer = get(&port, "official", &format!("/v1/people/{token}"));
        assert!(matches!(code(&answer), (400, "bad-token") | (404, "not-found") | (400, "")), "{token} {answer:?}");
        assert!(!answer.1.to_string().contains("9900"), "{answer:?}");
    }
    for path in ["/v1/people/", "/v1/people//x", "/v1/people/a/b", "/v1/../metrics", "/v1/people/lookup/x"] {
        assert_eq!(code(&get(&port, "official", path)), (404, "not-found"), "{path}");
    }
    assert_eq!(code(&get(&port, "official", "/v1/people/lookup")), (405, "bad-method"));
    let wrong = [
        ("", "bad-body"),
        ("[]", "bad-body"),
        (r#"{"cert_type":"10"}"#, "bad-body"),
        (r#"{"cert_type":"10","cert_number":"x","x":1}"#, "bad-body"),
        (r#"{"cert_type":"10","cert_number":"990001199001010031"}"#, "bad-certificate"),
        (r#"{"cert_type":"11","cert_number":"E1234567"}"#, "bad-certificate"),
    ];
    for (body, expected) in wrong {
        let answer = look_up(&port, "official", body);
        assert_eq!(code(&answer), (400, expected), "{body}");
        assert!(!answer.1.to_string().contains("9900"), "{answer:?}");
    }
    let huge = format!(r#"{{"cert_type":"10","cert_number":"{}"}}"#, "1".repeat(2000));
    assert_eq!(code(&look_up(&port, "official", &huge)), (413, "body-too-large"));
    let chunked = format!(
        "POST /v1/people/lookup HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {}\r\nFuma-Purpose: a\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n800\r\n{}\r\n0\r\n\
         \r\n",
        token_of("official"),
        "1".repeat(2048)
    );
    assert_eq!(send(&port, &chunked).0, 413);
    assert_eq!(audited(&port), [], "who is refused has seen nobody");
}

#[test]
fn a_person_of_another_process_is_said_to_be_there() {
    let port = port();
    let answer = get(&port, "official", &format!("/v1/people/{}", cara()));
    assert_eq!(code(&answer), (503, "not-held-here"));
    port.answers.know_owners([(cara().partition(2) as u32, "10.0.0.2:9464".to_owned())].into());
    for path in [format!("/v1/people/{}", cara()), format!("/v1/people/{}/explain", cara())] {
        let ask = |path: &str| {
            let token = token_of("auditor");
            let headers = format!("Authorization: Bearer {token}\r\nFuma-Purpose: a\r\nConnection: close\r\n");
            send(&port, &format!("GET {path} HTTP/1.1\r\nHost: fuma\r\n{headers}\r\n"))
        };
        let (status, head, _) = ask(&path);
        let location = format!("location: http://10.0.0.2:9464{path}?sent-on\r\n");
        assert!(status == 307 && head.contains(&location), "{head}");
        assert_eq!(ask(&format!("{path}?sent-on")).0, 503, "who was sent on is not sent on again");
    }
    assert_eq!(code(&get(&port, "operator", &format!("/v1/people/{}", cara()))), (403, "forbidden"));
    let parked = Parked { reason: ParkReason::Gap, what: "x".into(), next_try: None, tries: 1, digest: None };
    port.partitions.parked(ASSESS, anna().partition(2) as u32, AT, parked);
    let (status, answer) = get(&port, "official", &format!("/v1/people/{}", anna()));
    assert_eq!((status, &answer["colour"], &answer["parked"]), (200, &json!("red"), &json!(true)));
}

#[test]
fn every_look_up_is_recorded_with_who_whom_what_for_and_when() {
    let port = port();
    get(&port, "official", &format!("/v1/people/{}", anna()));
    let body = format!(r#"{{"cert_type":"10","cert_number":"{NUMBER}"}}"#);
    look_up(&port, "issuer", &body);
    let records = audited(&port);
    let lines: Vec<_> = records.iter().flat_map(|record| &record.lookups).collect();
    let seen: Vec<_> =
        lines.iter().map(|line| (&*line.client, &*line.role, &*line.act, line.purpose.as_deref())).collect();
    assert_eq!(
        seen,
        [("official", "official", "look", Some("call-7")), ("issuer", "issuer", "lookup", Some("call-7"))]
    );
    assert!(lines.iter().all(|line| line.person == anna().to_string()), "also of an issuer: {lines:?}");
    assert!(!serde_json::to_string(&records).unwrap().contains("9900"));
    port.audit.close();
    let answer = get(&port, "official", &format!("/v1/people/{}", anna()));
    assert_eq!(code(&answer), (503, "audit-unavailable"), "nobody is looked up unseen");
}

#[test]
fn an_official_says_what_for_and_numbers_of_people_do_not_belong_there() {
    let port = port();
    let ask = |purpose: &str| {
        let token = token_of("official");
        let request = format!(
            "GET /v1/people/{} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {token}\r\n{purpose}Connection: \
             close\r\n\r\n",
            anna()
        );
        let (status, _, answer) = send(&port, &request);
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(""), (400, "purpose-missing".to_owned()));
    for purpose in ["13800000001", "990001199001010031", "Call", "a b", "", &"a".repeat(65)] {
        assert_eq!(ask(&format!("Fuma-Purpose: {purpose}\r\n")), (400, "bad-purpose".to_owned()), "{purpose}");
    }
    assert_eq!(ask("Fuma-Purpose: appeal-20221130-12\r\n").0, 200);
}

#[test]
fn who_asks_more_often_than_its_rate_is_told_when_to_ask_again() {
    let port = port();
    let asked: Vec<(u16, Value)> = (0..6).map(|_| get(&port, "slow", "/v1/nothing")).collect();
    assert_eq!(code(&asked[0]), (404, "not-found"));
    assert!(asked.iter().any(|answer| code(answer) == (429, "too-many-requests")), "{asked:?}");
    assert_eq!(code(&get(&port, "official", "/v1/nothing")), (404, "not-found"), "others are not held up");
}

#[test]
fn loopback_asks_for_a_token_unless_it_is_open_and_then_by_its_own_name() {
    let ask = |port: &Port, host: &str| {
        let request = format!(
            "GET /v1/people/{} HTTP/1.1\r\nHost: {host}\r\nFuma-Purpose: a\r\nConnection: close\r\n\r\n",
            anna()
        );
        send(port, &request).0
    };
    assert_eq!(ask(&port(), "localhost"), 401);
    let open = port_with(true);
    assert_eq!((ask(&open, "localhost:9464"), ask(&open, "127.0.0.1")), (200, 200));
    assert_eq!(ask(&open, "fuma.example"), 401, "a page elsewhere whose name leads here");
}

/// A client that sends its head a byte at a time, and one that never sends its body, hold up nobody.
#[test]
fn slow_clients_hold_up_nobody() {
    let port = port();
    let mut slow: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(port.server.address()).unwrap()).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(b"GET /v1/peo").unwrap());
    let body = format!(
        "POST /v1/people/lookup HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {}\r\nFuma-Purpose: a\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{{",
        token_of("official")
    );
    assert_eq!(get(&port, "official", &format!("/v1/people/{}", anna())).0, 200);
    let (status, _, answer) = send(&port, &body);
    assert_eq!(code(&(status, answer)), (408, "body-too-slow"));
}

#[test]
fn lists_of_clients_that_cannot_be_are_refused() {
    let client = |name: &str, role: Role| ClientConfig {
        name: name.to_owned(),
        role,
        token_sha256: "0a".repeat(32),
        key_file: None,
        fields: None,
        rate: 1,
        streams: 2,
    };
    let other = |name: &str| ClientConfig { token_sha256: "0b".repeat(32), ..client(name, Role::Official) };
    let refused = |clients: &[ClientConfig], why: &str| {
        let problem = clients::problem(clients).map(|problem| problem.to_string()).unwrap_or_default();
        assert!(problem.contains(why), "{why}: {problem}");
    };
    refused(&[client("", Role::Official)], "a name is");
    refused(&[client("a", Role::Official), client("b", Role::Official)], "the same token");
    refused(&[other("a"), client("a", Role::Official)], "has this name");
    refused(&[client("a", Role::Issuer)], "needs a key_file");
    refused(&[ClientConfig { fields: Some(Fields::Colour), ..client("a", Role::Auditor) }], "are for issuers");
    refused(&[ClientConfig { rate: 0, ..client("a", Role::Auditor) }], "rate is");
    refused(&[ClientConfig { token_sha256: "0a".into(), ..client("a", Role::Auditor) }], "64 hex digits");
    assert!(clients::problem(&[client("a", Role::Official), other("b")]).is_none());
    let dir = tempfile::tempdir().unwrap();
    let issuer = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let token_sha256 = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
        ClientConfig { token_sha256, key_file: Some(path), ..client(name, Role::Issuer) }
    };
    let same = [issuer("a", &"0a".repeat(32)), issuer("b", &"0A".repeat(32))];
    let error = Clients::load(&same, false).unwrap_err().to_string();
    assert!(error.contains("another issuer has the same key"), "{error}");
    let short = Clients::load(&[issuer("c", "0a")], false).unwrap_err().to_string();
    assert!(short.contains("64 hex digits") && !short.contains("0a\""), "{short}");
}
