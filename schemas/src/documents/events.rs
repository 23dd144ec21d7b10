//! What every event of a feed carries, as JSON Schema: the common fields and whom the event is about (docs/feeds.md
//! section
//! 1). The fields of each feed come from the registry.
//!
//! Owns names, optionality and the sentence that explains each common field to a producer. Must never hold a rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{InstantText, NotBlank, Owner, PersonKey, PhoneNumber, RecordId};
use crate::vocabulary::{CertificateType, TravelKind};

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

/// Whom an event is about: either the key that the producer holds, or a certificate, or (in travel and listings) a
/// phone; never more than one.
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
    /// The phone of the person, in travel and listings alone: whose it is is said by bindings.
    pub phone: Option<PhoneNumber>,
}

/// What an event of travel needs even when it is a retraction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TravelHead {
    /// The kind of travel, and with it the other fields. Required in a retraction too; a revision may change it.
    pub kind: TravelKind,
}
