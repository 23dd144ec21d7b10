//! The checks over the whole record, once every field is right: outcome, ends and starts, the future, the length of a
//! listing.
//!
//! Owns their order. Looks at values alone; the text of the record is no longer needed.

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::vocabulary::{ClosedList, Outcome};
use fuma_schemas::{Instant, Kind, RejectCode};

use super::check::Value;
use super::fields::{Ahead, Check, KindRules};
use super::reject::Fault;

/// The longest that a listing may hold.
const LISTING_MS_MAX: i64 = 30 * DAY_MS;

/// Checks the values of a kind, in the order of its fields.
pub(super) fn check(rules: &KindRules, values: &[Value<'_>], known_at: Instant) -> Result<(), Fault> {
    if rules.kind == Kind::Isolations && !outcome_fits(rules, values) {
        return Err(Fault::new(RejectCode::BadOutcome, "outcome"));
    }
    for (start, end) in &rules.pairs {
        if let (Some(Value::Instant(from)), Some(Value::Instant(to))) = (values.get(*start), values.get(*end))
            && to < from
        {
            return Err(fault(rules, *end, RejectCode::EndBeforeStart));
        }
    }
    for (place, (field, value)) in rules.fields.iter().zip(values).enumerate() {
        let (Check::Instant(ahead), Value::Instant(instant)) = (field.check, value) else { continue };
        let latest = match ahead {
            Ahead::Day => known_at.0 + DAY_MS,
            Ahead::Week => known_at.0 + 7 * DAY_MS,
            Ahead::Free => continue,
        };
        if instant.0 > latest {
            return Err(fault(rules, place, RejectCode::InFuture));
        }
    }
    if rules.kind == Kind::Listings {
        let instant = |name| place(rules, name).and_then(|at| values.get(at));
        if let (Some(Value::Instant(starts)), Some(Value::Instant(expires))) =
            (instant("starts_at"), instant("expires_at"))
            && expires.0 - starts.0 > LISTING_MS_MAX
        {
            return Err(Fault::new(RejectCode::ListingTooLong, "expires_at"));
        }
    }
    Ok(())
}

/// ended_at and outcome together or not at all; next_stage with `transferred` and only then.
fn outcome_fits(rules: &KindRules, values: &[Value<'_>]) -> bool {
    let value = |name| place(rules, name).and_then(|at| values.get(at)).copied().unwrap_or(Value::Null);
    let (ended, outcome, next) =
        (value("ended_at") != Value::Null, value("outcome"), value("next_stage") != Value::Null);
    let transferred = outcome == Value::Code(Outcome::Transferred.code());
    ended == (outcome != Value::Null) && transferred == next
}

fn place(rules: &KindRules, name: &str) -> Option<usize> {
    rules.fields.iter().position(|field| field.name == name)
}

fn fault(rules: &KindRules, place: usize, code: RejectCode) -> Fault {
    Fault::new(code, rules.fields.get(place).map_or("", |field| field.name))
}
