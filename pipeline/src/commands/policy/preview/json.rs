//! A preview for programs: one JSON object.
//!
//! Owns the names of its fields.

use serde_json::{Map, Value, json};

use super::Shown;
use crate::policy::Pack;
use crate::preview::{Cause, Sample, Side, There};

/// The object, with a line end.
pub(super) fn json(shown: &Shown<'_>) -> String {
    let preview = shown.preview;
    let lengths = &preview.lengths;
    let moves =
        preview.moves.iter().map(|((before, after), count)| json!({ "from": before, "to": after, "people": count }));
    let districts = preview.districts.shown.iter().map(|district| {
        json!({ "district": district.code, "changes": district.changes, "after": district.after.map(colours) })
    });
    let object = json!({
        "digest": Some(&preview.digest).filter(|digest| !digest.is_empty()),
        "changes": preview.changes,
        "before": colours(preview.before),
        "after": colours(preview.after),
        "rules": rules(shown),
        "moves": moves.collect::<Vec<_>>(),
        "coloured": {
            "as_long": lengths.same,
            "longer_by_days": lengths.by_days.iter().map(|(days, count)| (days.to_string(), json!(count)))
                .collect::<Map<_, _>>(),
            "open_afterwards": lengths.opened,
            "no_longer_open": lengths.closed,
        },
        "districts": {
            "shown": districts.collect::<Vec<_>>(),
            "hidden": preview.districts.hidden,
            "hidden_changes": preview.districts.hidden_changes,
        },
        "samples": preview.samples.iter().map(sample).collect::<Vec<_>>(),
        "green_by_hour": preview.by_hour,
        "partial": preview.digest.is_empty(),
        "partitions": preview.partitions.iter().map(partition).collect::<Vec<_>>(),
        "people": preview.people,
        "left_out": preview.left_out,
        "at": shown.at.to_string(),
        "tick": preview.tick.to_string(),
        "current": named(shown.current),
        "candidate": named(shown.candidate),
        "records": shown.records,
    });
    format!("{object}\n")
}

/// A partition of an installation: where it was seen, and how many may differ from the outcome.
fn partition(there: &There) -> Value {
    if let Some(why) = &there.missing {
        return json!({ "partition": there.partition, "missing": why });
    }
    json!({
        "partition": there.partition,
        "offset": there.offset,
        "clock": there.clock.to_string(),
        "snapshot": there.snapshot,
        "records": there.records,
        "people": there.people,
        "changes": there.changes,
        "digest": there.digest,
        "sweeping": there.is_sweeping,
        "regions_behind": there.regions_behind,
        "touched": there.count(Cause::Touched),
        "due": there.count(Cause::Due),
        "crowded": there.count(Cause::Crowded),
        "failed": there.count(Cause::Failed),
    })
}

fn colours([green, yellow, red]: [u64; 3]) -> Value {
    json!({ "green": green, "yellow": yellow, "red": red })
}

fn rules(shown: &Shown<'_>) -> Map<String, Value> {
    let rules = shown.preview.rules.iter();
    rules.map(|(rule, [begun, ended])| (rule.clone(), json!({ "begun": begun, "ended": ended }))).collect()
}

fn named(pack: &Pack) -> Value {
    json!({ "policy": &*pack.id, "policy_version": &*pack.version, "digest": &*pack.digest })
}

fn sample(sample: &Sample) -> Value {
    json!({ "person": sample.person.to_string(), "before": side(&sample.before), "after": side(&sample.after) })
}

fn side(side: &Side) -> Value {
    let reasons = side.reasons.iter().map(|(rule, interval)| {
        json!({
            "rule": rule,
            "since": interval.since.to_string(),
            "until": interval.until.map(|until| until.to_string()),
            "due": interval.due.map(|due| due.to_string()),
        })
    });
    json!({ "state": side.state, "reasons": reasons.collect::<Vec<_>>() })
}
