//! A change as a record of the output, and back: CloudEvents 1.0 in binary mode (docs/feeds.md section 4).
//!
//! Owns headers and keys. Must never add anything to the value: all of it but `from` is a function of the evidence.

use fuma_connectors::log::{AnnouncedRecord, OutputRecord};
use fuma_schemas::{CodeChange, Colour, Instant, Person};
use serde::Deserialize;

/// What is behind a change besides the person's evidence: for whoever measures delays and follows traces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cause {
    /// The broker's timestamp of the newest feed record behind the change; none for an expiry.
    pub received: Option<Instant>,
    /// The W3C trace context of that record, if it had one.
    pub traceparent: Option<String>,
}

/// The record that announces a change.
pub fn record(change: &CodeChange, partition: u32, source: &str, cause: Option<&Cause>) -> OutputRecord {
    crate::invariant::check(|| crate::assess::invariants::has_reasons(change), "I-5", "a colour has its reasons");
    let mut value = Vec::with_capacity(512);
    change.write_value(&mut value);
    let key = change.person.to_string();
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", change.id()),
        ("ce_source", source.to_owned()),
        ("ce_type", change.event_type().to_owned()),
        ("ce_subject", key.clone()),
        ("ce_time", change.decided_at.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    if let Some(received) = cause.and_then(|cause| cause.received) {
        headers.push(("ce_causetime", received.to_string()));
    }
    if let Some(traceparent) = cause.and_then(|cause| cause.traceparent.as_deref()) {
        headers.push(("traceparent", traceparent.to_owned()));
    }
    OutputRecord { partition, key, value, headers }
}

/// What a record of the output says of a person's announced state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// Whose.
    pub person: Person,
    /// The colour; green where the person was erased.
    pub colour: Colour,
    /// The ids of the active rules.
    pub rules: Vec<String>,
    /// The clock of the commit; none where the person was erased.
    pub decided_at: Option<Instant>,
}

#[derive(Deserialize)]
struct Value<'a> {
    to: &'a str,
    decided_at: &'a str,
    #[serde(borrow)]
    reasons: Vec<ValueReason<'a>>,
}

#[derive(Deserialize)]
struct ValueReason<'a> {
    #[serde(borrow)]
    rule: std::borrow::Cow<'a, str>,
}

/// Reads an announced change back; none if it is not one of ours.
pub fn read_back(record: &AnnouncedRecord) -> Option<Announced> {
    let person = Person::parse(std::str::from_utf8(&record.key).ok()?)?;
    let Some(value) = &record.value else {
        return Some(Announced { person, colour: Colour::Green, rules: Vec::new(), decided_at: None });
    };
    let value: Value<'_> = serde_json::from_str(std::str::from_utf8(value).ok()?).ok()?;
    let colour = [Colour::Green, Colour::Yellow, Colour::Red].into_iter().find(|colour| colour.name() == value.to)?;
    let mut rules: Vec<String> = value.reasons.into_iter().map(|reason| reason.rule.into_owned()).collect();
    rules.dedup();
    Some(Announced { person, colour, rules, decided_at: Some(Instant::parse(value.decided_at)?) })
}
