//! The OpenAPI document is what is checked in and served, and what a running service answers is valid by it.
//!
//! `FUMA_BLESS=1` writes it. Owns the comparison; must never loosen a schema to fit an answer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use fuma_pipeline::http::api::{Audit, ClientConfig, Clients, Fields, Role, openapi};
use fuma_pipeline::http::{Api, Health, Metrics, Server, Shown};
use fuma_pipeline::intake::Key;
use fuma_pipeline::live::answers::Answers;
use fuma_pipeline::live::partitions::Partitions;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::{EvidenceFeed, Member, Setup};
use fuma_tests::simulated::{Settings, SimulatedCluster};
use serde_json::{Value, json};

const TOKEN: &str = "of-the-test";
/// SHA-256 of it.
const HASH: &str = "423c40dedf27b5b024a1a5f7c51777b4913ba395aa0e61b63898d96430988494";

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("schemas/openapi.json")
}

#[test]
fn the_document_is_what_is_checked_in() {
    let text = openapi::text();
    if std::env::var_os("FUMA_BLESS").is_some() {
        std::fs::write(path(), &text).unwrap();
    }
    let found = std::fs::read_to_string(path()).unwrap_or_default();
    assert_eq!(found, text, "schemas/openapi.json: run with FUMA_BLESS=1 and check in");
}

fn ask(server: &Server, request: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: fuma\r\nAuthorization: Bearer {TOKEN}\r\nFuma-Purpose: test\r\nContent-Type: \
         application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The schema of a response, with the components that it names.
fn schema(document: &Value, path: &str, method: &str, status: u16) -> Option<Value> {
    let response = &document["paths"][path][method]["responses"][status.to_string()];
    let content = response["content"].as_object()?.values().next()?;
    let mut schema = content["schema"].clone();
    schema["components"] = document["components"].clone();
    Some(schema)
}

fn check(document: &Value, (path, method): (&str, &str), (status, answer): &(u16, Value)) {
    let schema = schema(document, path, method, *status);
    let schema = schema.unwrap_or_else(|| panic!("{method} {path}: {status} is not in the document: {answer}"));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema that compiles");
    validator.validate(answer).unwrap_or_else(|error| panic!("{method} {path} {status}: {error} in {answer}"));
}

/// A service with one who is red, one who will be green again, and everybody else.
fn service(fields: Option<Fields>) -> (Server, tempfile::TempDir, Member, Answers) {
    let cluster = SimulatedCluster::new(Settings { partitions: 1, ..Settings::default() });
    let answers = Answers::default();
    answers.know(1);
    let setup = Setup { answers: Some(answers.clone()), ..Setup::of(&fuma_tests::packs()[0]) };
    let member = Member::new(&cluster, "a", setup);
    let mut feed = EvidenceFeed::new(&cluster, 1);
    member.run(300);
    feed.write(&[
        listing(person(1), "l1", "red", cluster.now(), 86_400_000),
        listing(person(2), "l2", "yellow", cluster.now(), 100),
    ]);
    member.run(3_000);
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, "0c".repeat(32)).unwrap();
    let client = ClientConfig {
        name: "test".to_owned(),
        role: if fields.is_some() { Role::Issuer } else { Role::Official },
        token_sha256: HASH.to_owned(),
        key_file: fields.is_some().then_some(key_file),
        fields,
        rate: 1000,
        streams: 2,
    };
    let clients = Clients::load(&[client], false).unwrap();
    let (partitions, key) = (Partitions::default(), Key::from_hex(&"0b".repeat(32)).unwrap());
    let api = Api::new(answers.clone(), partitions.clone(), clients, (Audit::default(), key));
    let shown = Shown::new(Metrics::install().unwrap(), Health::new(), partitions);
    let server = Server::start("127.0.0.1:0".parse().unwrap(), Shown { api: Some(api), ..shown }).unwrap();
    (server, folder, member, answers)
}

#[test]
fn what_is_answered_is_valid_by_the_document() {
    let document = openapi::document();
    assert!(jsonschema::meta::is_valid(&json!({"$defs": document["components"]["schemas"]})));
    let look = ("/v1/people/{token}", "get");
    let look_up = ("/v1/people/lookup", "post");
    for fields in [None, Some(Fields::Colour), Some(Fields::Clause), Some(Fields::Reasons)] {
        let (server, _folder, _member, _answers) = service(fields);
        let (status, served) = ask(&server, "GET /v1/openapi.json", "");
        assert_eq!((status, served), (200, document.clone()));
        for number in 0..4 {
            let answer = ask(&server, &format!("GET /v1/people/{}", person(number)), "");
            assert_eq!(answer.0, 200, "{}", answer.1);
            check(&document, look, &answer);
        }
        let example = &document["paths"][look_up.0]["post"]["requestBody"]["content"]["application/json"]["example"];
        let answer = ask(&server, "POST /v1/people/lookup", &example.to_string());
        assert_eq!(answer.0, 200, "{}", answer.1);
        check(&document, look_up, &answer);
        check(&document, look, &ask(&server, "GET /v1/people/x", ""));
        check(&document, look_up, &ask(&server, "POST /v1/people/lookup", "[]"));
        check(&document, look_up, &ask(&server, "POST /v1/people/lookup", &"x".repeat(2000)));
    }
}

/// A field that is not in the document, or one of another type, is found: else the test above could not fail.
#[test]
fn what_is_not_of_the_document_is_refused_by_it() {
    let document = openapi::document();
    let good = json!({
        "person": "9f".repeat(16), "colour": "red", "as_of": "2022-11-30T10:00:02+08:00", "parked": false,
    });
    let schema = schema(&document, "/v1/people/{token}", "get", 200).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    assert!(validator.is_valid(&good));
    for (field, value) in [("colour", json!("blue")), ("as_of", json!("now")), ("person", json!("9F"))] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
