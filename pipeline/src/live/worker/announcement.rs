//! A change as a record of the output, and back: CloudEvents 1.0 in binary mode (docs/feeds.md section 4).
//!
//! Owns headers and keys. Must never add anything to the value: all of it but `from` is a function of the evidence.

use fuma_connectors::log::{AnnouncedRecord, OutputRecord, READ_BACK};
use fuma_schemas::{CodeChange, Colour, Instant, Person};
use serde::Deserialize;

/// The header with the digest of the pack that decided.
const POLICY_DIGEST: &str = "ce_policydigest";

/// What is behind a change besides the person's evidence: for whoever measures delays and follows traces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cause {
    /// The broker's timestamp of the newest feed record behind the change; none for an expiry.
    pub received: Option<Instant>,
    /// The W3C trace context of that record, if it had one.
    pub traceparent: Option<String>,
}

/// By what a change was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct By<'a> {
    /// The digest of the pack, 64 hex digits.
    pub digest: &'a str,
    /// The number of the switch that made the change, and the state before it; none: no switch did.
    pub switch: Option<(u64, String)>,
}

/// The record that announces a change, for a partition and under a source.
pub fn record(
    change: &CodeChange,
    (partition, source): (u32, &str),
    by: By<'_>,
    cause: Option<&Cause>,
) -> OutputRecord {
    crate::invariant::check(|| crate::assess::invariants::has_reasons(change), "I-5", "a colour has its reasons");
    let mut value = Vec::with_capacity(1024);
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
        (POLICY_DIGEST, by.digest.to_owned()),
    ];
    if let Some((number, before)) = by.switch {
        headers.extend([(READ_BACK[0], number.to_string()), (READ_BACK[1], before)]);
    }
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
    /// The number of the switch that made the change, and the state before it in words, where one did.
    pub switch: Option<(u64, String)>,
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

/// Why an announcement cannot be read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnnouncementError {
    /// The key is no token of a person.
    #[error("its key is no person's: something else writes to the topic; take away its right to do so")]
    Key,
    /// The value is not that of a change.
    #[error("its value is not a change as this build knows it: a newer fuma wrote it, or something else writes there")]
    Value,
    /// A colour that this build does not know.
    #[error("it has a colour that this build does not know: start a build that is at least as new as who wrote it")]
    Colour,
}

/// Reads an announced change back.
///
/// # Errors
/// When it is not one that this build knows.
pub fn read_back(record: &AnnouncedRecord) -> Result<Announced, AnnouncementError> {
    let key = std::str::from_utf8(&record.key).ok().and_then(Person::parse);
    let person = key.ok_or(AnnouncementError::Key)?;
    let Some(value) = &record.value else {
        return Ok(Announced { person, colour: Colour::Green, rules: Vec::new(), decided_at: None, switch: None });
    };
    let value = std::str::from_utf8(value).ok().and_then(|text| serde_json::from_str::<Value<'_>>(text).ok());
    let value = value.ok_or(AnnouncementError::Value)?;
    let decided_at = Instant::parse(value.decided_at).ok_or(AnnouncementError::Value)?;
    let colour = [Colour::Green, Colour::Yellow, Colour::Red].into_iter().find(|colour| colour.name() == value.to);
    let colour = colour.ok_or(AnnouncementError::Colour)?;
    let mut rules: Vec<String> = value.reasons.into_iter().map(|reason| reason.rule.into_owned()).collect();
    rules.dedup();
    Ok(Announced { person, colour, rules, decided_at: Some(decided_at), switch: switch_of(record) })
}

fn switch_of(record: &AnnouncedRecord) -> Option<(u64, String)> {
    let header = |name| record.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value);
    let number = header(READ_BACK[0])?.parse().ok()?;
    Some((number, header(READ_BACK[1])?.clone()))
}
