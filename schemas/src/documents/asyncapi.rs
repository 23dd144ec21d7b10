//! The AsyncAPI 3.0 document: the topics of fuma, what they carry, and how they are set up.
//!
//! ```text
//! fuma.<feed>.v1         in   JSON events of the feed, any key
//! fuma.<feed>.v1.dlq     out  records that could not be used, as they came, with why in headers
//! fuma.code-changes.v1   out  code changes, key = person token, compacted, CloudEvents in binary mode
//! ```
//!
//! Owns names, headers and settings of topics. Must never repeat a field of an event: those come from the schemas.

use serde_json::{Map, Value, json};

use super::{event_schema, examples, json_schema};
use crate::{Feed, RejectCode};

const BINDING: &str = "0.5.0";
const CHANGES: &str = "code-changes";
const DAY_MS: u64 = 86_400_000;
/// How long events and dead letters stay: days, since the erasure of one person must become true.
const RETENTION_MS: u64 = 7 * DAY_MS;
/// How long every single change stays readable before only the newest of a person is kept.
const COMPACTION_LAG_MS: u64 = 7 * DAY_MS;

/// The document.
pub(super) fn document() -> Value {
    let (mut channels, mut operations, mut messages, mut schemas) = (Map::new(), Map::new(), Map::new(), Map::new());
    for feed in Feed::ALL {
        let (name, dead) = (feed.name(), format!("{}-dead-letters", feed.name()));
        channels.insert(name.to_owned(), feed_channel(feed));
        channels.insert(dead.clone(), dead_letter_channel(feed));
        operations.insert(format!("receive-{name}"), operation("receive", name, &format!("Takes events of {name}.")));
        operations.insert(
            format!("send-{dead}"),
            operation("send", &dead, &format!("Puts aside what of {name} could not be used.")),
        );
        messages.insert(name.to_owned(), feed_message(feed));
        schemas.insert(name.to_owned(), embedded(event_schema(feed)));
    }
    channels.insert(CHANGES.to_owned(), change_channel());
    operations.insert(
        format!("send-{CHANGES}"),
        operation("send", CHANGES, "Announces each change of a person's state once."),
    );
    messages.insert(CHANGES.to_owned(), change_message());
    messages.insert("dead-letter".to_owned(), dead_letter());
    schemas.insert(CHANGES.to_owned(), json_schema::change_value());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "fuma",
            "version": "1.0.0",
            "description": "Evidence about people in, changes of their colour out, each with its rule and clause.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {
            "host": "{bootstrap}", "protocol": "kafka", "description": "The Kafka cluster of the province.",
            "variables": {"bootstrap": {"default": "localhost:9092", "description": "Host and port of a broker."}},
        }},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

/// A schema inside the document: it has no dialect or name of its own.
fn embedded(mut schema: Value) -> Value {
    if let Some(keywords) = schema.as_object_mut() {
        for keyword in ["$schema", "$id", "examples"] {
            keywords.remove(keyword);
        }
    }
    schema
}

fn channel(address: &str, description: &str, message: &str, settings: &Value) -> Value {
    json!({
        "address": address,
        "description": description,
        "messages": {message: {"$ref": format!("#/components/messages/{message}")}},
        "bindings": {"kafka": {"topic": address, "topicConfiguration": settings, "bindingVersion": BINDING}},
    })
}

fn feed_channel(feed: Feed) -> Value {
    let description = format!(
        "Events of {}. Any key: a fact is told by feed, person, owner and id. Order and repetition do not matter: \
         the highest revision wins.",
        feed.name()
    );
    let settings =
        json!({"cleanup.policy": ["delete"], "retention.ms": RETENTION_MS, "message.timestamp.type": "LogAppendTime"});
    channel(&feed.topic(), &description, feed.name(), &settings)
}

fn dead_letter_channel(feed: Feed) -> Value {
    let description = format!(
        "Records of {} that could not be used. They hold identities: a topic with access of its own and a short \
         retention. At least once: topic, partition and offset tell a repeat.",
        feed.topic()
    );
    let settings = json!({"cleanup.policy": ["delete"], "retention.ms": RETENTION_MS});
    channel(&format!("{}.dlq", feed.topic()), &description, "dead-letter", &settings)
}

fn change_channel() -> Value {
    let description = "Code changes. The tail is the stream of changes; the compacted head is everyone's present \
        state (a person never seen is green). Read with isolation.level=read_committed.";
    let settings = json!({
        "cleanup.policy": ["compact"], "min.compaction.lag.ms": COMPACTION_LAG_MS, "delete.retention.ms": RETENTION_MS,
    });
    channel(&format!("fuma.{CHANGES}.v1"), description, CHANGES, &settings)
}

fn operation(action: &str, channel: &str, summary: &str) -> Value {
    json!({"action": action, "channel": {"$ref": format!("#/channels/{channel}")}, "summary": summary})
}

fn feed_message(feed: Feed) -> Value {
    let examples: Vec<Value> = examples::events(feed).into_iter().map(|payload| json!({"payload": payload})).collect();
    json!({
        "name": format!("fuma.{}.v1", feed.name()),
        "title": format!("An event of {}", feed.name()),
        "contentType": "application/json",
        "headers": {"type": "object", "properties": {"traceparent": traceparent()}},
        "payload": {"$ref": format!("#/components/schemas/{}", feed.name())},
        "bindings": {"kafka": {"bindingVersion": BINDING}},
        "examples": examples,
    })
}

fn change_message() -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    let instant = |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    let token = json!({"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The person token."});
    let types = json!({
        "type": "string", "enum": ["fuma.colour-changed.v1", "fuma.reasons-changed.v1"],
        "description": "Whether the colour changed, or the reasons under the same colour.",
    });
    let headers = json!({
        "ce_id": text("Person, \"-\", decided_at in milliseconds: a repeat has the same."),
        "ce_source": {
            "type": "string", "format": "uri-reference", "minLength": 1,
            "description": "The installation that decided.",
        },
        "ce_type": types,
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_time": instant("decided_at."),
        "ce_subject": token,
        "ce_causetime": instant(
            "The broker's timestamp of the newest feed record that caused the change; absent when time caused it (an \
             expiry).",
        ),
        "traceparent": traceparent(),
        "content-type": {"type": "string", "const": "application/json"},
        "ce_policydigest": {
            "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The digest of the policy pack that decided.",
        },
        "ce_switch": {
            "type": "string", "pattern": "^[1-9][0-9]*$",
            "description": "The number of the switch of policy packs that made the change; absent when none did.",
        },
        "ce_before": {
            "type": "string", "pattern": "^(green|(yellow|red):.+)$",
            "description": "With ce_switch: the state before, the colour and the rules as in the digest of an outcome.",
        },
    });
    json!({
        "name": format!("fuma.{CHANGES}.v1"),
        "title": "A code change",
        "summary": "CloudEvents 1.0 in binary mode.",
        "contentType": "application/json",
        "headers": {
            "type": "object", "properties": headers,
            "required": [
                "ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "ce_subject", "content-type",
                "ce_policydigest",
            ],
        },
        "payload": {"$ref": format!("#/components/schemas/{CHANGES}")},
        "bindings": {"kafka": {"key": token, "bindingVersion": BINDING}},
        "examples": [{"headers": examples::change_headers(), "payload": examples::change_value()}],
    })
}

fn dead_letter() -> Value {
    let codes: Vec<&str> = RejectCode::ALL.iter().map(|code| code.name()).collect();
    let count = |description: &str| json!({"type": "string", "pattern": "^[0-9]+$", "description": description});
    json!({
        "name": "fuma.dead-letter",
        "title": "A record that could not be used",
        "summary": "Key, value and headers as they came; why is in headers of our own.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                "__fuma.errors.attempt": count("How often it has been sent to its feed again; absent: never."),
                "__fuma.errors.code": {"type": "string", "enum": codes, "description": "Why: the first that applies."},
                "__fuma.errors.message": {
                    "type": "string", "description": "The code in words, without anything of the record.",
                },
                "__fuma.errors.topic": {"type": "string", "description": "The topic that it came from."},
                "__fuma.errors.partition": count("Its partition."),
                "__fuma.errors.offset": count("Its offset."),
                "__fuma.errors.length": count(
                    "Of a letter that holds the first bytes of its record alone, which is too large: its length.",
                ),
                "__fuma.errors.sha256": {
                    "type": "string", "pattern": "^[0-9a-f]{64}$",
                    "description": "Of such a letter: the SHA-256 of the whole record.",
                },
            },
            "required": [
                "__fuma.errors.code", "__fuma.errors.topic", "__fuma.errors.partition", "__fuma.errors.offset",
            ],
        },
        "payload": {
            "type": "string", "format": "binary",
            "description": "The bytes of the record; nothing is promised of them.",
        },
        "bindings": {"kafka": {"bindingVersion": BINDING}},
    })
}

fn traceparent() -> Value {
    json!({
        "type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "description": "W3C trace context, when the producer of the cause set it.",
    })
}
