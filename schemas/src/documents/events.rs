//! The events of the feeds, field by field (FEEDS.md sections 1 and 2).
//!
//! An event is [`Common`], a [`Subject`] (not in regions) and the struct of its feed, in one JSON object. A
//! retraction (`retracted: true`) needs the first two alone, and in travel the kind. `Option` is what may be absent
//! or null.
//!
//! Owns names, optionality and the sentence that explains each field to a producer. Must never hold a rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{
    CountryCode, DateText, InstantText, NotBlank, Owner, PersonKey, ProvinceCode, RecordId, RecordName, RegionCode,
};
use crate::vocabulary::{
    Classification, Degree, ExternalColour, IsolationBasis, ListingBasis, ListingColour, Method, Mode, Outcome, Stage,
    StaySource, SymptomName, SymptomSource, TestResult, Tier, TravelKind, Tube,
};

/// What every event carries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// The source system that owns the record, as configured for the feed.
    pub owner: Owner,
    /// The id of the record, unique within owner, feed and person.
    pub id: RecordId,
    /// The highest revision wins. At equal revision a retraction beats an assertion, then the later known_at wins.
    /// A JSON integer literal: 1.0 is none.
    #[schemars(range(min = 1, max = 2_147_483_647), extend("default" = 1))]
    pub revision: Option<u32>,
    /// True: the fact does not hold and never did. Then only owner, id, revision, the person and known_at are looked
    /// at (in travel the kind too).
    #[schemars(extend("default" = false))]
    pub retracted: Option<bool>,
    /// When the record became known. On Kafka the record's timestamp where it is absent; required in files and on
    /// standard input.
    pub known_at: Option<InstantText>,
}

/// Whom an event is about: either the key that the producer holds, or a certificate; never both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The type of the certificate: 10 resident ID, 14 Hong Kong or Macao permit, 15 Taiwan permit, 20 passport,
    /// 34 foreign permanent resident, 99 other.
    pub cert_type: Option<CertificateType>,
    /// The number of the certificate; white space and the case of letters do not matter. A resident ID has 18
    /// characters, the last by ISO 7064 MOD 11-2.
    pub cert_number: Option<NotBlank>,
    /// The key of the person, where the producer holds it.
    pub person: Option<PersonKey>,
}

/// The types of certificates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum CertificateType {
    /// A resident ID.
    #[serde(rename = "10")]
    ResidentId,
    /// A permit of Hong Kong or Macao residents.
    #[serde(rename = "14")]
    HongKongMacaoPermit,
    /// A permit of Taiwan residents.
    #[serde(rename = "15")]
    TaiwanPermit,
    /// A passport.
    #[serde(rename = "20")]
    Passport,
    /// An ID of a foreign permanent resident.
    #[serde(rename = "34")]
    ForeignPermanentResident,
    /// Another certificate.
    #[serde(rename = "99")]
    Other,
}

/// A person is, or was thought to be, infected. From the health commission.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// What the person is; excluded: the suspicion did not hold.
    pub classification: Classification,
    /// When this was determined.
    pub determined_at: InstantText,
    /// When symptoms began.
    pub onset_at: Option<InstantText>,
    /// When the person left hospital; not before determined_at.
    pub discharged_at: Option<InstantText>,
}

/// A person was near an infected person or place. From the CDC.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// How close the contact was.
    pub degree: Degree,
    /// When it was determined.
    pub determined_at: InstantText,
    /// When the person was exposed last.
    pub last_exposure_at: InstantText,
    /// The case record that the contact hangs on, "owner/id": the contact counts while that case counts.
    pub index_case: Option<RecordName>,
    /// The contact record that the contact hangs on, "owner/id".
    pub index_contact: Option<RecordName>,
}

/// A person was in a region.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stay {
    /// The region, as finely as the source knows it.
    pub region: RegionCode,
    /// When the person came.
    pub arrived_at: InstantText,
    /// When the person left, not before arrived_at; absent while there.
    pub left_at: Option<InstantText>,
    /// Where the stay is known from.
    pub source: StaySource,
}

/// A person was aboard a conveyance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Trip {
    /// The means of transport.
    pub mode: Mode,
    /// The number of the flight, train, coach or ship.
    pub number: String,
    /// The date under which the service runs.
    pub service_date: DateText,
    /// The carriage.
    pub carriage: Option<String>,
    /// The row. A JSON integer literal.
    #[schemars(range(min = 1, max = 9999))]
    pub row: Option<u16>,
    /// The seat.
    pub seat: Option<String>,
    /// When the person boarded.
    pub boarded_at: InstantText,
    /// When the person alighted, not before boarded_at.
    pub alighted_at: InstantText,
    /// Where the person boarded.
    pub from_region: Option<RegionCode>,
    /// Where the person alighted.
    pub to_region: Option<RegionCode>,
}

/// A person entered the country. From border inspection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// When the person entered.
    pub entered_at: InstantText,
    /// When the person was last overseas.
    pub last_overseas_at: Option<InstantText>,
    /// The country that the person came from.
    pub country: CountryCode,
    /// The port of entry.
    pub port: Option<String>,
}

/// An event of travel: one of three kinds. The kind is no part of the fact's identity: a revision may change it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Travel {
    /// A stay in a region.
    Stay(Stay),
    /// A trip aboard a conveyance.
    Trip(Trip),
    /// An entry into the country.
    Entry(Entry),
}

/// What an event of travel needs even when it is a retraction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TravelHead {
    /// The kind of travel, and with it the other fields. Required in a retraction too; a revision may change it.
    pub kind: TravelKind,
}

/// A sample of a person was tested. From laboratories.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    /// How it was tested.
    pub method: Method,
    /// What the test said.
    pub result: TestResult,
    /// Whether the tube held one sample or several.
    #[schemars(extend("default" = "single"))]
    pub tube: Option<Tube>,
    /// When the sample was taken.
    pub sampled_at: InstantText,
    /// When the result was reported, not before sampled_at.
    pub reported_at: InstantText,
    /// Where the laboratory is.
    pub issuer_region: Option<RegionCode>,
}

/// A person has, or reports, a symptom. From fever clinics and declarations.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Symptom {
    /// The symptom.
    pub symptom: SymptomName,
    /// When it began.
    pub onset_at: InstantText,
    /// When it was over, not before onset_at.
    pub resolved_at: Option<InstantText>,
    /// When the investigation was closed, not before onset_at.
    pub cleared_at: Option<InstantText>,
    /// Who reported it.
    pub source: SymptomSource,
}

/// An order of isolation and how it ended. ended_at and outcome come together or not at all; next_stage with an
/// outcome of transferred, and only then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Isolation {
    /// Where the person is isolated.
    pub stage: Stage,
    /// Why.
    pub basis: IsolationBasis,
    /// When it began.
    pub started_at: InstantText,
    /// When it is to end, not before started_at; may lie in the future.
    pub due_at: Option<InstantText>,
    /// When it ended, not before started_at.
    pub ended_at: Option<InstantText>,
    /// How it ended; cancelled: the order should not have been, and releases nobody.
    pub outcome: Option<Outcome>,
    /// The stage that follows a transfer.
    pub next_stage: Option<Stage>,
}

/// An approved list asks for a colour, on one of the grounds that the law knows, for at most 30 days of 24 hours.
/// Ending early is a revision of expires_at; a retraction says that it never held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// The colour asked for.
    pub colour: ListingColour,
    /// Who approved: another than the owner (both trimmed and lower-cased).
    pub approver: NotBlank,
    /// The ground on which the list stands; there is no other.
    pub basis: ListingBasis,
    /// The document.
    pub document: NotBlank,
    /// From when; at most 7 days of 24 hours after known_at.
    pub starts_at: InstantText,
    /// Until when: not before starts_at, at most 30 days of 24 hours after it.
    pub expires_at: InstantText,
}

/// Another province's code of a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExternalCode {
    /// The province that gave it.
    pub province: ProvinceCode,
    /// The colour.
    pub colour: ExternalColour,
    /// When it was given.
    pub assigned_at: InstantText,
    /// When it was taken back, not before assigned_at.
    pub released_at: Option<InstantText>,
}

/// The risk tier of a region: reference data, about no person. A change of tier is `until` on the old record and a
/// new record; a revision of region or tier is a correction and holds for all time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// The region.
    pub region: RegionCode,
    /// Its tier.
    pub tier: Tier,
    /// From when; at most 7 days of 24 hours after known_at.
    pub since: InstantText,
    /// Until when, not before since; may lie in the future; absent while it holds.
    pub until: Option<InstantText>,
    /// Who decided.
    pub authority: String,
    /// The document.
    pub document: Option<String>,
}
