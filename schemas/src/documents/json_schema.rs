//! From the types to JSON Schema, draft 2020-12.
//!
//! The types give fields, patterns and closed lists; what holds between fields is added here: a retraction needs the
//! common fields alone, one person a record, the three kinds of travel, how an isolation ends, the colours and
//! reasons of a change. Definitions are written out where they are used and no keyword is newer than draft 7, so the
//! same text serves in the AsyncAPI document.
//!
//! Owns that assembly. Must never name a pattern or a field that the types do not have.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::answers::{ChangeHead, ChangeValue, Reject};
use super::events::{Common, Subject, TravelHead};
use super::text::resident_id_pattern;
use super::{examples, fields};
use crate::Feed;
use crate::registry::Whose;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const EVENT_NOTE: &str = "null is the same as absent; unknown fields are dropped and counted; a known field that \
    occurs twice rejects the record. Instants are from 1970-01-01T00:00Z to 9999-12-31T23:59:59.999+08:00; digits past \
    milliseconds are cut; an instant may be at most 24 hours after known_at where no other limit is named.";

/// The schema of a feed's events.
pub(super) fn event(feed: Feed) -> Value {
    let mut schema =
        header(&format!("urn:fuma:feed:{}:v1", feed.name()), &format!("fuma {}: an event of the feed", feed.name()));
    let mut always = object_of::<Common>();
    let whose = feed.spec().whose;
    if whose != Whose::Nobody {
        merge(&mut always, object_of::<Subject>());
        if let (Whose::PersonAndPhone, Some(Value::Object(properties))) = (whose, always.get_mut("properties")) {
            // A field of the feed there; of a retraction it is not looked at.
            properties.remove("phone");
        }
        schema.insert("oneOf".into(), one_person(whose));
    }
    if feed == Feed::Travel {
        merge(&mut always, object_of::<TravelHead>());
    }
    let (about, assertion) = assertion(feed);
    schema.insert("description".into(), json!(format!("{about} {EVENT_NOTE}")));
    schema.append(&mut always);
    schema.insert("if".into(), json!({"properties": {"retracted": {"const": true}}, "required": ["retracted"]}));
    schema.insert("else".into(), Value::Object(assertion));
    schema.insert("examples".into(), Value::Array(examples::events(feed)));
    Value::Object(schema)
}

/// What a feed is about, and what an event needs that is no retraction.
fn assertion(feed: Feed) -> (String, Map<String, Value>) {
    let mut own = match feed.kinds() {
        [kind] => fields::of_kind(*kind),
        kinds => fields::travel(kinds),
    };
    if feed == Feed::Isolations {
        own.insert("anyOf".into(), isolation_ends());
    }
    let about = own.remove("description").and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
    (about, own)
}

/// A key, a certificate or a phone, never more than one; a resident ID has 18 characters. A phone alone names
/// somebody in travel and listings; in bindings it stands beside the person.
fn one_person(whose: Whose) -> Value {
    let absent = |names: &[&str]| -> Map<String, Value> {
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "null"}))).collect()
    };
    let without_phone: &[&str] = if whose == Whose::PersonAndPhone { &[] } else { &["phone"] };
    let mut of_certificate = absent(&[&["person"], without_phone].concat());
    of_certificate.insert("cert_type".into(), json!({"type": "string"}));
    of_certificate.insert("cert_number".into(), json!({"type": "string"}));
    let certificate = json!({
        "if": {"properties": {"cert_type": {"const": "10"}}},
        "then": {"properties": {"cert_number": {"pattern": resident_id_pattern()}}},
        "properties": of_certificate,
        "required": ["cert_type", "cert_number"],
    });
    let mut of_key = absent(&[&["cert_type", "cert_number"], without_phone].concat());
    of_key.insert("person".into(), json!({"type": "string"}));
    let key = json!({"properties": of_key, "required": ["person"]});
    if whose != Whose::PersonOrPhone {
        return json!([key, certificate]);
    }
    let mut of_phone = absent(&["cert_type", "cert_number", "person"]);
    of_phone.insert("phone".into(), json!({"type": "string"}));
    json!([key, certificate, {"properties": of_phone, "required": ["phone"]}])
}

/// Open; ended; or handed on to a next stage.
fn isolation_ends() -> Value {
    json!([
        {"properties": {"ended_at": {"type": "null"}, "outcome": {"type": "null"}, "next_stage": {"type": "null"}}},
        {
            "properties": {
                "ended_at": {"type": "string"},
                "outcome": {"enum": ["released", "cancelled"]},
                "next_stage": {"type": "null"},
            },
            "required": ["ended_at", "outcome"],
        },
        {
            "properties": {
                "ended_at": {"type": "string"}, "outcome": {"const": "transferred"}, "next_stage": {"type": "string"},
            },
            "required": ["ended_at", "outcome", "next_stage"],
        },
    ])
}

/// The schema of a code change in both of its forms.
pub(super) fn code_change() -> Value {
    let mut schema = header("urn:fuma:code-change:v1", "fuma code change");
    let about = "A person's state (the colour and the set of rules with an active reason) differs from the state last \
        announced.";
    schema.insert(
        "description".into(),
        json!(format!("{about} A line of changes.ndjson, or the value of a Kafka record.")),
    );
    schema.insert("oneOf".into(), json!([{"$ref": "#/$defs/line"}, {"$ref": "#/$defs/value"}]));
    schema.insert("$defs".into(), json!({"line": change_line(), "value": change_value()}));
    schema.insert("examples".into(), Value::Array(vec![examples::change_line(), examples::change_value()]));
    Value::Object(schema)
}

/// A line of `changes.ndjson`.
fn change_line() -> Value {
    let mut line = generate_written::<ChangeHead>();
    line.remove("description");
    merge(&mut line, object(change_value()));
    line.insert("description".into(), json!("A line of changes.ndjson."));
    Value::Object(line)
}

/// The value of a Kafka record: id and time travel in its headers.
pub(super) fn change_value() -> Value {
    let mut value = generate_written::<ChangeValue>();
    value.insert("description".into(), json!("The value of a Kafka record: id and time travel as ce_id and ce_time."));
    value.insert("oneOf".into(), colours());
    Value::Object(value)
}

/// How colours and reasons fit: green has no reason and was not green; another colour is that of its most severe
/// reason.
fn colours() -> Value {
    let reason = |colours: &[&str]| json!({"properties": {"colour": {"enum": colours}}});
    json!([
        {"properties": {"to": {"const": "green"}, "from": {"enum": ["yellow", "red"]}, "reasons": {"maxItems": 0}}},
        {"properties": {"to": {"const": "yellow"}, "reasons": {"minItems": 1, "items": reason(&["yellow"])}}},
        {"properties": {"to": {"const": "red"}, "reasons": {"minItems": 1, "contains": reason(&["red"])}}},
    ])
}

/// The schema of a line of `rejects.ndjson`.
pub(super) fn reject() -> Value {
    let mut schema = header("urn:fuma:reject:v1", "fuma reject");
    schema.append(&mut generate_written::<Reject>());
    schema.insert("examples".into(), Value::Array(vec![examples::reject()]));
    Value::Object(schema)
}

fn header(id: &str, title: &str) -> Map<String, Value> {
    object(json!({"$schema": DRAFT, "$id": id, "title": title}))
}

/// The schema of a type without its description: to be merged into a larger one.
fn object_of<T: JsonSchema>() -> Map<String, Value> {
    let mut schema = generate::<T>();
    schema.remove("description");
    schema
}

/// What a record read may hold: what is optional may be absent or null.
pub(super) fn generate<T: JsonSchema>() -> Map<String, Value> {
    generate_with::<T>(SchemaSettings::draft2020_12())
}

/// What a record written holds: every field, null where there is nothing.
fn generate_written<T: JsonSchema>() -> Map<String, Value> {
    generate_with::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn generate_with<T: JsonSchema>(mut settings: SchemaSettings) -> Map<String, Value> {
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    let mut schema = object(schema);
    schema.remove("title");
    schema
}

/// Adds the properties and required names of `more`; what both have, `more` says.
fn merge(schema: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (schema.get_mut(&name), value) {
            (Some(Value::Object(present)), Value::Object(added)) => present.extend(added),
            (Some(Value::Array(present)), Value::Array(added)) => present.extend(added),
            (_, value) => {
                schema.insert(name, value);
            }
        }
    }
}

/// Writes what the generator says in many words in few: a closed list as `enum`, a nullable one as one schema, texts
/// on one line.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(entries) => entries.iter_mut().for_each(simplify),
        Value::Object(keywords) => {
            keywords.values_mut().for_each(simplify);
            if keywords.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                keywords.remove("format");
            }
            if let Some(Value::String(text)) = keywords.get_mut("description") {
                *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            list_names(keywords);
            allow_null(keywords);
        }
        _ => {}
    }
}

/// `oneOf` of constants: the `enum` of their names.
fn list_names(keywords: &mut Map<String, Value>) {
    let constants =
        |entries: &Vec<Value>| entries.iter().map(|entry| entry.get("const").cloned()).collect::<Option<Vec<_>>>();
    if let Some(names) = keywords.get("oneOf").and_then(Value::as_array).and_then(constants) {
        keywords.remove("oneOf");
        keywords.insert("type".into(), json!("string"));
        keywords.insert("enum".into(), Value::Array(names));
    }
}

/// `anyOf` of a schema and null: the schema, with null among its types and names.
fn allow_null(keywords: &mut Map<String, Value>) {
    let Some(Value::Array(entries)) = keywords.get("anyOf") else { return };
    let [Value::Object(entry), null] = entries.as_slice() else { return };
    if *null != json!({"type": "null"}) {
        return;
    }
    let mut entry = entry.clone();
    keywords.remove("anyOf");
    if let Some(only) = entry.remove("type") {
        entry.insert("type".into(), json!([only, "null"]));
    }
    if let Some(Value::Array(names)) = entry.get_mut("enum") {
        names.push(Value::Null);
    }
    for (name, value) in entry {
        keywords.entry(name).or_insert(value);
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
