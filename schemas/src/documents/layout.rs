//! JSON text in an order for readers: what a schema is, then its fields as the contract lists them, then the rest by
//! name.
//!
//! Owns line breaks and the order of names, so that a document is the same bytes whatever else is built with it (the
//! order of a JSON map depends on a feature that another crate may switch on). Must never change a value.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::registry;

/// Lines up to here are kept whole.
const LINE_CHARACTERS_MAX: usize = 120;

/// Names in the order in which they are written: these, then the fields of the feeds, then [`ANSWERS`], then others by
/// name.
#[rustfmt::skip]
const SCHEMAS: &[&str] = &[
    // JSON Schema and AsyncAPI
    "asyncapi", "openapi", "$schema", "$id", "$ref", "name", "info", "title", "version", "summary", "description",
    "license", "defaultContentType", "servers", "channels", "operations", "components", "action", "channel", "address",
    "host",
    "protocol", "contentType", "type", "const", "format", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "uniqueItems", "items", "contains", "default", "enum", "properties", "required",
    "additionalProperties", "if", "then", "else", "oneOf", "anyOf", "headers", "payload", "messages", "schemas",
    "bindings", "$defs",
    // the common fields
    "owner", "id", "time", "revision", "retracted", "cert_type", "cert_number", "person", "phone", "known_at", "kind",
];
/// Names of the answers, and what ends a schema.
#[rustfmt::skip]
const ANSWERS: &[&str] = &[
    "rule", "from", "to", "effective_at", "colour_since", "decided_at", "reasons", "clause", "due", "ended",
    "next_change_at", "policy", "policy_version", "feed", "file", "line", "code", "message", "raw", "length", "sha256",
    "examples",
];

/// The place of every name that has one.
static PLACES: LazyLock<BTreeMap<&str, usize>> = LazyLock::new(|| {
    let names = SCHEMAS.iter().copied().chain(fields()).chain(ANSWERS.iter().copied());
    let mut places = BTreeMap::new();
    for (place, name) in names.enumerate() {
        places.entry(name).or_insert(place);
    }
    places
});

/// The names of all fields, so that each kind's are in the contract's order: the next is always the first one before
/// which no kind has another that is still to come.
fn fields() -> Vec<&'static str> {
    let mut kinds: Vec<Vec<&str>> = registry::kinds()
        .map(|kind| kind.columns().iter().chain(kind.links()).rev().map(|column| column.name).collect())
        .collect();
    let mut ordered = Vec::new();
    while let Some(first) = kinds.iter().find_map(|names| names.last().copied()) {
        let is_ready = |name: &str| kinds.iter().all(|names| names.last() == Some(&name) || !names.contains(&name));
        let next = kinds.iter().filter_map(|names| names.last().copied()).find(|name| is_ready(name)).unwrap_or(first);
        kinds.iter_mut().for_each(|names| names.retain(|name| *name != next));
        ordered.push(next);
    }
    ordered
}

/// The document as text that ends in a line end.
pub(super) fn write(document: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, document, 0);
    text.push('\n');
    text
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    let line = on_one_line(value);
    let is_scalar = !(value.is_array() || value.is_object());
    if is_scalar || line.chars().count() + 2 * depth <= LINE_CHARACTERS_MAX {
        text.push_str(&line);
        return;
    }
    match value {
        Value::Array(entries) => {
            text.push('[');
            for (place, entry) in entries.iter().enumerate() {
                begin_line(text, place, depth + 1);
                write_value(text, entry, depth + 1);
            }
            end_line(text, depth, ']');
        }
        Value::Object(map) => {
            text.push('{');
            for (place, (name, entry)) in in_order(map).into_iter().enumerate() {
                begin_line(text, place, depth + 1);
                text.push_str(&format!("{}: ", Value::from(name)));
                write_value(text, entry, depth + 1);
            }
            end_line(text, depth, '}');
        }
        _ => {}
    }
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(entries) => format!("[{}]", entries.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> = in_order(map)
                .into_iter()
                .map(|(name, entry)| format!("{}: {}", Value::from(name), on_one_line(entry)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn in_order(map: &serde_json::Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut entries: Vec<(&str, &Value)> = map.iter().map(|(name, entry)| (name.as_str(), entry)).collect();
    let rank = |name: &str| PLACES.get(name).copied().unwrap_or(usize::MAX);
    entries.sort_by_key(|(name, _)| (rank(name), *name));
    entries
}

fn begin_line(text: &mut String, place: usize, depth: usize) {
    text.push_str(if place == 0 { "\n" } else { ",\n" });
    text.push_str(&"  ".repeat(depth));
}

fn end_line(text: &mut String, depth: usize, bracket: char) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(bracket);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_in_the_order_of_the_contract_and_short_values_on_one_line() {
        let text = write(&json!({"zeta": 1, "alpha": [1, 2], "owner": "a", "title": "t"}));
        assert_eq!(text, "{\"title\": \"t\", \"owner\": \"a\", \"alpha\": [1, 2], \"zeta\": 1}\n");
        let long = "x".repeat(LINE_CHARACTERS_MAX);
        assert_eq!(write(&json!({"id": 1, "title": long})), format!("{{\n  \"title\": \"{long}\",\n  \"id\": 1\n}}\n"));
    }
}
