//! The account of a person as JSON, for programs.
//!
//! Owns the names of its fields. Says what the text says: reasons, evidence, and what does not count and why, in both
//! languages.

use fuma_schemas::Instant;
use serde_json::{Map, Value, json};

use super::account::{Account, Phase, ReasonLine};
use super::derived::{AboardLine, Derivation, Seat};
use super::evidence::{EvidenceLine, Name};
use super::text::why_lines;
use super::uncounted::Uncounted;
use super::words::Language;
use crate::assess::timeline::Interval;
use crate::evidence;
use crate::policy::{Pack, Text};

/// The account as one JSON object.
pub fn json(account: &Account<'_>) -> Value {
    let pack = account.pack;
    let next = account.next.map(|(at, colour)| json!({ "at": at.to_string(), "colour": colour.name() }));
    json!({
        "person": account.person.to_string(),
        "known": account.seen,
        "at": account.at.to_string(),
        "policy": &*pack.id,
        "policy_version": &*pack.version,
        "document": pack.manifest.document,
        "colour": (account.seen && account.not_judged.is_none()).then(|| account.colour.name()),
        "not_judged": account.not_judged.as_ref().map(|why| super::why_not_judged(Language::English, why)),
        "colour_since": instant(account.colour_since),
        "next": next,
        "reasons": account.reasons.iter().map(|one| reason(pack, one)).collect::<Vec<_>>(),
        "kept_away": changed_by(pack, &account.prevented),
        "facts_not_tried": account.untried,
        "not_counted": account.uncounted.iter().map(|one| uncounted(account, one)).collect::<Vec<_>>(),
    })
}

fn instant(instant: Option<Instant>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}

fn both(text: &Text) -> Value {
    json!({ "zh": text.zh, "en": text.en })
}

fn reason(pack: &Pack, reason: &ReasonLine<'_>) -> Value {
    let rule = pack.rules.get(usize::from(reason.interval.rule));
    let phase = match reason.phase {
        Phase::Active => "active",
        Phase::Future => "future",
        Phase::Past => "past",
    };
    let mut fields = of_interval(pack, &reason.interval);
    fields.extend(object(json!({
        "colour": rule.map(|rule| rule.head.colour.name()),
        "clause": rule.map(|rule| rule.head.clause.clone()),
        "title": rule.map(|rule| both(&rule.title)),
        "ends": rule.map(|rule| both(&rule.ends)),
        "phase": phase,
        "overdue_ms": reason.overdue_ms,
        "because": reason.causes.iter().map(fact).collect::<Vec<_>>(),
        "also": changed_by(pack, &reason.shaped_by),
    })));
    Value::Object(fields)
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

fn of_interval(pack: &Pack, interval: &Interval) -> Map<String, Value> {
    let rule = pack.rules.get(usize::from(interval.rule)).map(|rule| rule.head.id.clone());
    let Interval { since, until, due, .. } = *interval;
    object(json!({ "rule": rule, "since": since.to_string(), "until": instant(until), "due": instant(due) }))
}

/// Facts, and the intervals that there would be without each.
fn changed_by(pack: &Pack, facts: &[(EvidenceLine<'_>, Vec<Interval>)]) -> Vec<Value> {
    let one = |(line, without): &(EvidenceLine<'_>, Vec<Interval>)| {
        let without: Vec<Value> = without.iter().map(|one| Value::Object(of_interval(pack, one))).collect();
        json!({ "evidence": fact(line), "without_it": without })
    };
    facts.iter().map(one).collect()
}

fn name(name: Option<Name<'_>>) -> Value {
    name.map_or(Value::Null, |name| json!({ "feed": name.feed.name(), "owner": name.owner, "id": name.id }))
}

fn fact(line: &EvidenceLine<'_>) -> Value {
    let values: Map<String, Value> = line
        .fact
        .values
        .iter()
        .filter_map(|(column, value)| {
            let value = match value {
                evidence::Value::Null => return None,
                evidence::Value::Instant(instant) => json!(instant.to_string()),
                evidence::Value::Text(text) => json!(text),
                evidence::Value::Date(days) => json!(super::words::date(*days)),
                evidence::Value::Integer(number) => json!(number),
            };
            Some(((*column).to_owned(), value))
        })
        .collect();
    let tiers = line.tiers.iter().map(|one| {
        json!({
            "tier": one.tier.tier,
            "match": one.tier.matched,
            "since": one.tier.since.to_string(),
            "until": instant(one.tier.until),
            "records": one.names.iter().map(|one| name(Some(*one))).collect::<Vec<_>>(),
        })
    });
    json!({
        "record": name(line.name),
        "kind": line.fact.kind.name(),
        "revision": line.fact.revision,
        "retracted": line.fact.retracted,
        "known_at": line.fact.known_at.to_string(),
        "first_known_at": line.fact.first_known_at.to_string(),
        "values": values,
        "tiers": tiers.collect::<Vec<_>>(),
        "derived": line.derived.as_ref().map(derivation),
    })
}

/// What stands behind a derived fact; null of a record of the person.
fn derivation(derivation: &Derivation<'_>) -> Value {
    match derivation {
        Derivation::Phone { record } => json!({ "by": "phone", "record": name(Some(*record)) }),
        Derivation::Aboard(line) => json!({ "by": "conveyance", "aboard": aboard(line) }),
    }
}

/// How somebody was aboard with a case.
pub fn aboard(line: &AboardLine<'_>) -> Value {
    let seat =
        |seat: &Seat<'_>| json!({ "carriage": seat.carriage, "row": seat.row, "seat": seat.seat, "role": seat.role });
    json!({
        "case": name(line.case),
        "mode": line.conveyance.mode,
        "number": line.conveyance.number,
        "service_date": super::words::date(line.conveyance.service_date),
        "met_since": line.since.to_string(),
        "met_until": line.until.to_string(),
        "seat": seat(&line.own),
        "seat_of_case": seat(&line.of_case),
    })
}

fn uncounted(account: &Account<'_>, one: &Uncounted<'_>) -> Value {
    let why = |language| why_lines(account.pack, language, one).join("\n");
    json!({
        "record": name(one.name),
        "revision": one.version.revision,
        "known_at": one.version.known_at.to_string(),
        "evidence": one.evidence.as_ref().map(fact),
        "why": { "zh": why(Language::Chinese), "en": why(Language::English) },
    })
}
