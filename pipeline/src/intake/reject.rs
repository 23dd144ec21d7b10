//! Rejects: the code and a short text that says which field is wrong.
//!
//! Owns the texts. They never repeat what the record holds, since identities must not leave intake that way.

use fuma_schemas::RejectCode;

/// Why a record is not evidence. Its position and its raw bytes are the caller's to add.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// The first code of the contract that applies.
    pub code: RejectCode,
    /// Which field, and what is expected of it; never what was found.
    pub message: String,
}

/// The same before it is put into words: no allocation while a record is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) code: RejectCode,
    /// The name of the field; for bad JSON what is wrong with it.
    pub(super) field: &'static str,
}

impl Fault {
    pub(super) fn new(code: RejectCode, field: &'static str) -> Fault {
        Fault { code, field }
    }
}

impl From<Fault> for Reject {
    fn from(Fault { code, field }: Fault) -> Reject {
        let message = match code {
            RejectCode::BadJson | RejectCode::BadRow => field.to_string(),
            RejectCode::MissingField => format!("{field}: required, but absent or null"),
            RejectCode::BadType => format!("{field}: another json type than the field has"),
            RejectCode::BadValue => format!("{field}: not a value of the field (list, pattern, range or instant)"),
            RejectCode::UnknownOwner => format!("{field}: not listed for the feed"),
            RejectCode::BadCheckDigit => format!("{field}: no resident id of 18 characters with its check digit"),
            RejectCode::TwoPersons => format!("{field}: beside cert_type or cert_number; give one of the two"),
            RejectCode::NoKnownAt => format!("{field}: required here, but absent or null"),
            RejectCode::UnknownRegion => format!("{field}: no region code, or none of the table"),
            RejectCode::ListingApprover => format!("{field}: blank, or the owner itself"),
            RejectCode::ListingBasis => format!("{field}: no epidemic basis"),
            RejectCode::BadOutcome => format!("{field}: ended_at, outcome and next_stage do not fit together"),
            RejectCode::EndBeforeStart => format!("{field}: before the start that it ends"),
            RejectCode::InFuture => {
                format!("{field}: too far after known_at, or known_at after the record was received")
            }
            RejectCode::ListingTooLong => format!("{field}: more than 30 days after starts_at"),
            RejectCode::TooOld => format!("{field}: longer ago than the feed is kept"),
        };
        Reject { code, message }
    }
}
