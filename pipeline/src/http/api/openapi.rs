//! The OpenAPI 3.1 document of `/v1`: the schemas are those of the types that are written, the codes those that are
//! answered.
//!
//! Owns the paths and their words. Must never name a field that no type has.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::BODY_BYTES_MAX;
use super::answer::{ClauseAnswer, ColourAnswer, ExplainAnswer, LookUpBody, PersonAnswer};
use super::changes::shape::{
    Beat, ClauseChange, ColourChange, Erased, ListEnd, ListedClause, ListedColour, ListedPerson, WholeChange,
};
use super::problem::{Code, Problem};

/// Codes that any request may meet.
const OF_ALL: [Code; 5] = [Code::Unauthorized, Code::Forbidden, Code::TooManyRequests, Code::NotFound, Code::BadMethod];
/// Codes of whoever looks somebody up.
const OF_LOOK_UP: [Code; 5] =
    [Code::PurposeMissing, Code::BadPurpose, Code::Starting, Code::NotHeldHere, Code::AuditUnavailable];

/// The document as it is checked in and served.
pub fn text() -> String {
    fuma_schemas::documents::written(&document())
}

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let settings = settings.for_serialize().with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let paths = json!({
        "/v1/changes": {"get": changes(&mut generator)},
        "/v1/colours": {"get": colours(&mut generator)},
        "/v1/people/{token}": {"get": look(&mut generator)},
        "/v1/people/{token}/explain": {"get": explain(&mut generator)},
        "/v1/people/lookup": {"post": look_up(&mut generator)},
        "/v1/openapi.json": {"get": {
            "operationId": "openapi",
            "summary": "This document.",
            "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {}}}},
        }},
    });
    let schemas: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "fuma",
            "version": "1.0.0",
            "description": "The colour of a person's code, with the rules and clauses behind it. Fields are only added \
                in v1: pass over those that you do not know.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"client": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"client": {
                "type": "http", "scheme": "bearer", "description": "The token of a client of the configuration.",
            }},
            "schemas": schemas,
        },
    })
}

fn look(generator: &mut SchemaGenerator) -> Value {
    json!({
        "operationId": "look",
        "summary": "A person's colour, by token.",
        "description": "For issuers (by their own tokens), officials and auditors. Whoever is not known is green.",
        "parameters": [{
            "name": "token", "in": "path", "required": true,
            "description": "The person as the client knows it: of an issuer its own token, else that of the changes.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "example": "9f0c4b2a9f0c4b2a9f0c4b2a9f0c4b2a",
        }, purpose()],
        "responses": responses(generator, &[Code::BadToken]),
    })
}

fn changes(generator: &mut SchemaGenerator) -> Value {
    let shapes = [
        generator.subschema_for::<WholeChange>(),
        generator.subschema_for::<ClauseChange>(),
        generator.subschema_for::<ColourChange>(),
        generator.subschema_for::<Erased>(),
        generator.subschema_for::<Beat>(),
    ];
    let parameter = |name: &str, place: &str, text: &str, example: &str| {
        json!({
            "name": name, "in": place, "required": false, "description": text, "schema": {"type": "string"},
            "example": example,
        })
    };
    let position = "0707070707070707:1669852800000:12.7.31";
    let of_changes = [
        Code::BadQuery,
        Code::BadPosition,
        Code::ForeignPosition,
        Code::PositionGone,
        Code::TooManyStreams,
        Code::ChangesUnavailable,
        Code::PurposeMissing,
        Code::BadPurpose,
        Code::AuditUnavailable,
    ];
    let mut responses = problems(generator, &of_changes);
    let ok = json!({
        "description": "Server-sent events: `change`, `erased` (somebody was erased), `heartbeat` (nothing happened; \
            every 10 s), each with the position as its id; `problem` as the last one where what comes next is not kept \
            any more. The order is that of the log for each person.",
        "content": {"text/event-stream": {"schema": {
            "type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": shapes},
        }}},
    });
    responses.insert("200".to_owned(), ok);
    json!({
        "operationId": "changes",
        "summary": "The changes as they are committed.",
        "description": "For issuers (under their own tokens, what their projection shows) and auditors. Goes on from \
            Last-Event-ID, or else from `from`, with nothing left out and nothing twice; without both with \
            what is next.",
        "parameters": [
            parameter("Last-Event-ID", "header", "The id of the last event that was taken.", position),
            parameter("from", "query", "A position, for who cannot send the header.", position),
            parameter("colour", "query", "Changes from or to these colours, with commas between them.", "red,yellow"),
            parameter("rule", "query", "With these rules, active or ended; not for the projection colour.", "ZJ-R4"),
            parameter("person", "query", "Changes of these people, by the client's tokens; at most 200.",
                "9f0c4b2a9f0c4b2a9f0c4b2a9f0c4b2a"),
            purpose(),
        ],
        "responses": responses,
    })
}

fn colours(generator: &mut SchemaGenerator) -> Value {
    let shapes = [
        generator.subschema_for::<ListedPerson>(),
        generator.subschema_for::<ListedClause>(),
        generator.subschema_for::<ListedColour>(),
        generator.subschema_for::<ListEnd>(),
    ];
    let of_list = [
        Code::BadQuery,
        Code::TooManyStreams,
        Code::ChangesUnavailable,
        Code::PurposeMissing,
        Code::BadPurpose,
        Code::AuditUnavailable,
    ];
    let mut responses = problems(generator, &of_list);
    let ok = json!({
        "description": "Lines of JSON. A person may stand there several times: the last line counts. Who is not there \
            is green. The last line of all has the position; a list without it is not whole.",
        "content": {"application/x-ndjson": {"schema": {
            "type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": shapes},
        }}},
    });
    responses.insert("200".to_owned(), ok);
    json!({
        "operationId": "colours",
        "summary": "The present colours of everybody.",
        "description": "For issuers (under their own tokens, what their projection shows) and auditors, who go on with \
            `/v1/changes?from=` the position of the last line.",
        "parameters": [purpose()],
        "responses": responses,
    })
}

fn explain(generator: &mut SchemaGenerator) -> Value {
    let mut operation = look(generator);
    operation["operationId"] = json!("explain");
    operation["summary"] = json!("Why a person has a colour.");
    operation["description"] = json!(
        "For officials and auditors. Waits for a step of the service. The account is what `fuma explain --json` prints."
    );
    let mut responses = responses(generator, &[Code::BadToken, Code::Busy]);
    responses["200"]["content"]["application/json"]["schema"] = generator.subschema_for::<ExplainAnswer>().to_value();
    operation["responses"] = Value::Object(responses);
    operation
}

fn look_up(generator: &mut SchemaGenerator) -> Value {
    let body = generator.subschema_for::<LookUpBody>();
    let of_body = [Code::BadBody, Code::BadCertificate, Code::BodyTooLarge, Code::BodyTooSlow];
    json!({
        "operationId": "lookUp",
        "summary": "A person's colour, by certificate.",
        "description": "For issuers and officials. The number is hashed at once and kept nowhere.",
        "parameters": [purpose()],
        "requestBody": {
            "required": true,
            "description": format!("At most {BODY_BYTES_MAX} bytes."),
            "content": {"application/json": {
                "schema": body, "example": {"cert_type": "10", "cert_number": "99000119900101003X"},
            }},
        },
        "responses": responses(generator, &of_body),
    })
}

fn purpose() -> Value {
    json!({
        "name": "Fuma-Purpose", "in": "header", "required": false,
        "description": "What the look-up is for; issuers alone may leave it out. No numbers of people.",
        "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
        "example": "call-4711",
    })
}

/// The answer in each projection, and every problem by its status.
fn responses(generator: &mut SchemaGenerator, own: &[Code]) -> Map<String, Value> {
    let answers = [
        generator.subschema_for::<PersonAnswer>(),
        generator.subschema_for::<ClauseAnswer>(),
        generator.subschema_for::<ColourAnswer>(),
    ];
    let ok = json!({
        "description": "What was announced last; as much of it as the client may see.",
        "content": {"application/json": {"schema": {"anyOf": answers}}},
    });
    let codes: Vec<Code> = own.iter().chain(&OF_LOOK_UP).copied().collect();
    let mut responses = problems(generator, &codes);
    responses.insert("200".to_owned(), ok);
    let elsewhere = json!({
        "description": "Another process of the group answers about this person: ask there, with the token again.",
        "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
    });
    responses.insert("307".to_owned(), elsewhere);
    responses
}

/// Every problem that a request may meet, by its status.
fn problems(generator: &mut SchemaGenerator, own: &[Code]) -> Map<String, Value> {
    let problem = generator.subschema_for::<Problem>();
    let mut responses = Map::new();
    let mut codes: Vec<Code> = own.iter().chain(&OF_ALL).copied().collect();
    codes.sort_by_key(|code| code.status());
    for alike in codes.chunk_by(|one, other| one.status() == other.status()) {
        let Some(first) = alike.first() else { continue };
        let words: Vec<String> = alike.iter().map(|code| format!("`{}`: {}.", code.name(), code.words())).collect();
        let response = json!({
            "description": words.join(" "),
            "content": {"application/problem+json": {"schema": problem}},
        });
        responses.insert(first.status().as_u16().to_string(), response);
    }
    responses
}
