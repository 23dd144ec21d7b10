//! The checks over the whole record, once every field is right: identities in texts, outcome, service date, ends and
//! starts, the future, the length of a listing.
//!
//! Owns their order. Looks at values and the spelt numbers; of a text only whether an identity stands in it.

use fuma_schemas::instant::{DAY_MS, HOUR_MS, local_midnight};
use fuma_schemas::registry::{Ahead, Pattern};
use fuma_schemas::vocabulary::{ClosedList, Outcome};
use fuma_schemas::{Instant, Kind, RejectCode};

use super::check::Value;
use super::fields::KindRules;
use super::identity;
use super::reject::{Fault, Want};
use super::who::Spelt;

/// The longest that a listing may hold.
const LISTING_MS_MAX: i64 = 30 * DAY_MS;
/// How many days before boarding a vehicle may leave its first stop.
const SERVICE_DAYS_MAX: i64 = 3;

/// That nobody's identity stands in the id: the record's own numbers, and any resident ID.
pub(super) fn check_id(id: &str, spelt: &Spelt) -> Result<(), Fault> {
    let is_identity = identity::contains_number(id, &spelt.certificate)
        || identity::contains_number(id, &spelt.phone)
        || identity::contains_resident_id(id);
    if is_identity { Err(Fault::new(RejectCode::IdentityInId, "id")) } else { Ok(()) }
}

/// Checks the values of a kind, in the order of its fields.
pub(super) fn check(rules: &KindRules, values: &[Value<'_>], spelt: &Spelt, known_at: Instant) -> Result<(), Fault> {
    check_texts(rules, values, spelt)?;
    if rules.kind == Kind::Isolations && !outcome_fits(rules, values) {
        return Err(Fault::new(RejectCode::BadOutcome, "outcome"));
    }
    if rules.kind == Kind::Trips && !service_date_fits(rules, values) {
        return Err(Fault::new(RejectCode::ServiceDate, "service_date"));
    }
    for (start, end) in &rules.pairs {
        if let (Some(Value::Instant(from)), Some(Value::Instant(to))) = (values.get(*start), values.get(*end))
            && to < from
        {
            let want = Want::NotBefore(name(rules, *start));
            return Err(Fault::new(RejectCode::EndBeforeStart, name(rules, *end)).wanting(want));
        }
    }
    check_ahead(rules, values, known_at)?;
    if rules.kind == Kind::Listings
        && let (Value::Instant(starts), Value::Instant(expires)) =
            (value(rules, values, "starts_at"), value(rules, values, "expires_at"))
        && expires.0 - starts.0 > LISTING_MS_MAX
    {
        return Err(Fault::new(RejectCode::ListingTooLong, "expires_at"));
    }
    Ok(())
}

fn check_texts(rules: &KindRules, values: &[Value<'_>], spelt: &Spelt) -> Result<(), Fault> {
    for (field, value) in rules.fields.iter().zip(values) {
        let Value::Text(text) = value else { continue };
        if !field.column.is_free_text {
            continue;
        }
        // The name of another record may not contain the record's own numbers; a text is looked at for any ID.
        let own = field.column.pattern == Pattern::RecordName
            && (identity::contains_number(text, &spelt.certificate) || identity::contains_number(text, &spelt.phone));
        if own || identity::contains_resident_id(text) {
            return Err(Fault::new(RejectCode::IdentityInId, field.column.name));
        }
    }
    Ok(())
}

fn check_ahead(rules: &KindRules, values: &[Value<'_>], known_at: Instant) -> Result<(), Fault> {
    for (field, value) in rules.fields.iter().zip(values) {
        let (Ahead::Hours(hours), Value::Instant(instant)) = (field.column.ahead, value) else { continue };
        if instant.0 > known_at.0 + hours * HOUR_MS {
            return Err(Fault::new(RejectCode::InFuture, field.column.name).wanting(Want::HoursAhead(hours)));
        }
    }
    Ok(())
}

/// ended_at and outcome together or not at all; next_stage with `transferred` and only then.
fn outcome_fits(rules: &KindRules, values: &[Value<'_>]) -> bool {
    let is_there = |name| *value(rules, values, name) != Value::Null;
    let transferred = *value(rules, values, "outcome") == Value::Code(Outcome::Transferred.code());
    is_there("ended_at") == is_there("outcome") && transferred == is_there("next_stage")
}

/// The local day of boarded_at, or one of the three before.
fn service_date_fits(rules: &KindRules, values: &[Value<'_>]) -> bool {
    let (Value::Date(date), Value::Instant(boarded)) =
        (value(rules, values, "service_date"), value(rules, values, "boarded_at"))
    else {
        return false;
    };
    let days = (boarded.day().0 - local_midnight(*date).0) / DAY_MS;
    (0..=SERVICE_DAYS_MAX).contains(&days)
}

fn value<'v, 'a>(rules: &KindRules, values: &'v [Value<'a>], name: &str) -> &'v Value<'a> {
    rules.place(name).and_then(|at| values.get(at)).unwrap_or(&Value::Null)
}

fn name(rules: &KindRules, place: usize) -> &'static str {
    rules.fields.get(place).map_or("", |field| field.column.name)
}
