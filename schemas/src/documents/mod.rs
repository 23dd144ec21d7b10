//! The documents that other systems build against: a JSON Schema for each feed, for the code change and for the
//! reject line, and the AsyncAPI document of the topics.
//!
//! ```text
//! text         the texts that fields hold: instants, region codes, keys ...        (their patterns)
//! events       what every event carries                                            (docs/feeds.md section 1)
//! fields       the fields of each feed, from the registry                          (docs/feeds.md section 2)
//! answers      the code change and the reject line                                 (docs/feeds.md sections 3 and 4)
//! examples     an event or two of each feed, valid as they stand
//! json_schema  from the types to JSON Schema, draft 2020-12
//! asyncapi     the topics, their messages, headers and keys, AsyncAPI 3.0
//! layout       JSON text in an order for readers, the same wherever it is built
//! ```
//!
//! Owns what is written to `schemas/json/` and `schemas/asyncapi.json`. The types here describe; intake reads records
//! with types of its own that are made for speed, and a test holds the two together. Must never do I/O: who calls
//! writes the files.

pub mod answers;
mod asyncapi;
pub mod events;
mod examples;
mod fields;
mod json_schema;
mod layout;
pub mod text;

use serde_json::Value;

use crate::Feed;

/// Every generated document: its path from the root of the workspace, and its contents.
pub fn all() -> Vec<(String, String)> {
    let mut documents: Vec<(String, String)> = Feed::ALL
        .into_iter()
        .map(|feed| (format!("schemas/json/{}.schema.json", feed.name()), layout::write(&event_schema(feed))))
        .collect();
    documents.push(("schemas/json/code-change.schema.json".to_owned(), layout::write(&code_change_schema())));
    documents.push(("schemas/json/reject.schema.json".to_owned(), layout::write(&reject_schema())));
    documents.push(("schemas/asyncapi.json".to_owned(), layout::write(&asyncapi::document())));
    documents
}

/// A document as it is checked in: in an order for readers, the same wherever it is built.
pub fn written(document: &Value) -> String {
    layout::write(document)
}

/// The JSON Schema of the events of a feed.
pub fn event_schema(feed: Feed) -> Value {
    json_schema::event(feed)
}

/// The JSON Schema of a code change: a line of `changes.ndjson`, or the value of a Kafka record (`#/$defs/value`).
pub fn code_change_schema() -> Value {
    json_schema::code_change()
}

/// The JSON Schema of a line of `rejects.ndjson`.
pub fn reject_schema() -> Value {
    json_schema::reject()
}
