//! Records that intake has to reject, one way to be wrong each: what sources do send.
//!
//! Owns the bad lines and the code that each must get. Among them is a list without an epidemic basis, after the
//! affair of Zhengzhou in June 2022, where red codes were ordered for bank depositors: such a list cannot be written
//! down.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{Feed, Instant, RejectCode};

use super::Settings;
use super::plan::Plan;
use super::random::{Purpose, Random};

/// A bad record: `$head` stands for owner, id and known_at, `$who` for a person, the rest for instants around
/// known_at.
struct Fault {
    feed: Feed,
    code: RejectCode,
    line: &'static str,
}

const fn fault(feed: Feed, code: RejectCode, line: &'static str) -> Fault {
    Fault { feed, code, line }
}

const LIST_WITHOUT_BASIS: Fault = fault(
    Feed::Listings,
    RejectCode::ListingBasis,
    r#"{$head,$who,"colour":"red","approver":"me","basis":"bank-deposit","document":"a call","starts_at":"$now","expires_at":"$later"}"#,
);

const FAULTS: &[Fault] = &[
    fault(Feed::Tests, RejectCode::BadJson, r#"{$head,$who,"method":"nat","result":"negat"#),
    fault(
        Feed::Tests,
        RejectCode::MissingField,
        r#"{$head,$who,"method":"nat","sampled_at":"$earlier","reported_at":"$now"}"#,
    ),
    fault(
        Feed::Cases,
        RejectCode::BadType,
        r#"{$head,$who,"revision":"2","classification":"confirmed","determined_at":"$earlier"}"#,
    ),
    fault(
        Feed::Tests,
        RejectCode::BadValue,
        r#"{$head,$who,"method":"pcr","result":"negative","sampled_at":"$earlier","reported_at":"$now"}"#,
    ),
    fault(
        Feed::Symptoms,
        RejectCode::BadCheckDigit,
        r#"{$head,"cert_type":"10","cert_number":"990106198001010010","symptom":"fever","onset_at":"$earlier","source":"declared"}"#,
    ),
    fault(
        Feed::Contacts,
        RejectCode::TwoPersons,
        r#"{$head,$who,"cert_type":"20","cert_number":"E1","degree":"close","determined_at":"$now","last_exposure_at":"$earlier"}"#,
    ),
    fault(
        Feed::Tests,
        RejectCode::NoKnownAt,
        r#"{"owner":"lab-330100","id":"$id",$who,"method":"nat","result":"negative","sampled_at":"$earlier","reported_at":"$now"}"#,
    ),
    fault(
        Feed::Travel,
        RejectCode::UnknownRegion,
        r#"{$head,$who,"kind":"stay","region":"990100","arrived_at":"$earlier","source":"checkin"}"#,
    ),
    fault(
        Feed::Listings,
        RejectCode::ListingApprover,
        r#"{$head,$who,"colour":"red","approver":" District ","basis":"venue","document":"1","starts_at":"$now","expires_at":"$later"}"#,
    ),
    LIST_WITHOUT_BASIS,
    fault(
        Feed::Isolations,
        RejectCode::BadOutcome,
        r#"{$head,$who,"stage":"home","basis":"contact","started_at":"$earlier","ended_at":"$now"}"#,
    ),
    fault(
        Feed::Travel,
        RejectCode::EndBeforeStart,
        r#"{$head,$who,"kind":"stay","region":"330102","arrived_at":"$now","left_at":"$earlier","source":"telecom"}"#,
    ),
    fault(Feed::Cases, RejectCode::InFuture, r#"{$head,$who,"classification":"confirmed","determined_at":"$later"}"#),
    fault(
        Feed::Listings,
        RejectCode::ListingTooLong,
        r#"{$head,$who,"colour":"yellow","approver":"office","basis":"venue","document":"2","starts_at":"$now","expires_at":"$year"}"#,
    ),
    fault(
        Feed::Cases,
        RejectCode::IdentityInId,
        r#"{"owner":"district","id":"$id-99000119850615005X","known_at":"$now",$who,"classification":"confirmed","determined_at":"$earlier"}"#,
    ),
    fault(
        Feed::Travel,
        RejectCode::ServiceDate,
        r#"{$head,$who,"kind":"trip","mode":"rail","number":"G7351","service_date":"2019-01-01","boarded_at":"$earlier","alighted_at":"$now"}"#,
    ),
    fault(
        Feed::Bindings,
        RejectCode::BadValue,
        r#"{$head,$who,"phone":"000000","holder":"verified","since":"$earlier"}"#,
    ),
];

/// Adds each fault once for every 50,000 people, the list without a basis only once.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    for round in 0..(settings.people / 50_000).max(1) {
        for (number, fault) in FAULTS.iter().enumerate() {
            if round > 0 && fault.code == RejectCode::ListingBasis {
                continue;
            }
            let mut random = Random::of(settings.seed, Purpose::Faults, u64::from(round) << 8 | number as u64);
            let part = random.unit() * 0.99;
            let known_at = plan.moment(part, &mut random);
            let line = line(plan, fault, &format!("bad-{round}-{number}"), known_at);
            plan.bad_line(fault.feed, known_at, &line, fault.code);
        }
    }
}

fn line(plan: &mut Plan, fault: &Fault, id: &str, known_at: Instant) -> String {
    let person = plan.next_person();
    let mut who = Vec::new();
    // By key: beside a certificate the two would be one person too many wherever that is not the point.
    super::identity::Identities { certificates: 0.0, ..plan.identities }.write(person, &mut who);
    let after = |span: i64| Instant(known_at.0 + span).to_string();
    fault
        .line
        .replace("$head", r#""owner":"district","id":"$id","known_at":"$now""#)
        .replace("$id", id)
        .replace("$who", &String::from_utf8_lossy(&who))
        .replace("$now", &after(0))
        .replace("$earlier", &after(-6 * HOUR_MS))
        .replace("$later", &after(5 * DAY_MS))
        .replace("$year", &after(365 * DAY_MS))
}
