//! Rejects: the code, and a short text that says which field is wrong, in what, and what is allowed.
//!
//! Owns the texts. They never repeat what the record holds, since identities must not leave intake that way.

use std::fmt;

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
    /// The name of the field; of what is no record at all what is wrong with it.
    pub(super) field: &'static str,
    /// What the field may hold.
    pub(super) want: Want,
}

impl Fault {
    pub(super) fn new(code: RejectCode, field: &'static str) -> Fault {
        Fault { code, field, want: Want::Other }
    }

    /// A value outside its list, pattern or range.
    pub(super) fn bad(field: &'static str, want: Want) -> Fault {
        Fault { code: RejectCode::BadValue, field, want }
    }

    pub(super) fn wanting(self, want: Want) -> Fault {
        Fault { want, ..self }
    }
}

/// What a field may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// The code says all.
    Other,
    OneOf(&'static [&'static str]),
    Range(i64, i64),
    Characters(usize, usize),
    Instant,
    Date,
    Owner,
    PersonKey,
    Phone,
    NoPhone,
    CertificateNumber,
    Country,
    NotBlank,
    RecordName,
    Conveyance,
    Plate,
    Text,
    Integer,
    Boolean,
    /// Not before this field.
    NotBefore(&'static str),
    /// Hours after known_at.
    HoursAhead(i64),
    /// Measured by the clock or the broker.
    Received,
}

impl fmt::Display for Want {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Want::Other => "another value is needed",
            Want::OneOf(names) => return write!(out, "not in the list; allowed: {}", names.join(", ")),
            Want::Range(least, greatest) => return write!(out, "out of range; allowed: {least} to {greatest}"),
            Want::Characters(least, greatest) => {
                return write!(out, "wrong length; allowed: {least} to {greatest} characters");
            }
            Want::Instant => {
                "not an instant; allowed: RFC 3339 with an offset, from 1970 to 9999, like 2021-11-08T09:12:00+08:00"
            }
            Want::Date => "not a calendar date; write it like 2021-11-08",
            Want::Owner => "wrong pattern; allowed: 1 to 64 of a-z, 0-9 and -",
            Want::PersonKey => "wrong pattern; allowed: 32 hex digits",
            Want::Phone => "not a phone number; allowed: 5 to 20 digits, not all the same, and one prefix + or 00",
            Want::NoPhone => "a phone names nobody in this feed; give person, or cert_type and cert_number",
            Want::CertificateNumber => {
                "names nobody; allowed: 4 to 64 characters, one digit at least, not all the same"
            }
            Want::Country => "wrong pattern; allowed: two capital letters (ISO 3166 alpha-2)",
            Want::NotBlank => "blank; write something",
            Want::RecordName => "wrong pattern; allowed: owner/id, both not empty",
            Want::Conveyance => {
                "not a number of a conveyance; allowed: 2 to 16 letters and digits, one digit at least, not all the same"
            }
            Want::Plate => "not the plate of a coach; allowed: 5 to 16 letters and digits, one of each at least",
            Want::Text => "a JSON string is needed",
            Want::Integer => "a JSON integer is needed, like 12 (not 12.0, not \"12\")",
            Want::Boolean => "true or false is needed",
            Want::NotBefore(start) => return write!(out, "before {start}, which it cannot be"),
            Want::HoursAhead(hours) => {
                return write!(out, "too far ahead; allowed: up to {hours} hours after known_at");
            }
            Want::Received => "in the future; allowed: up to 5 minutes after the record was received",
        };
        out.write_str(words)
    }
}

impl From<Fault> for Reject {
    fn from(Fault { code, field, want }: Fault) -> Reject {
        let message = match code {
            RejectCode::TooLarge | RejectCode::BadJson | RejectCode::BadRow => field.to_owned(),
            RejectCode::BadType
            | RejectCode::BadValue
            | RejectCode::EndBeforeStart
            | RejectCode::InFuture
            | RejectCode::ListingBasis => format!("{field}: {want}"),
            RejectCode::MissingField => format!("{field}: required, but absent or null"),
            RejectCode::UnknownOwner => format!("{field}: not in the list of owners of this feed"),
            RejectCode::BadCheckDigit => format!(
                "{field}: not a resident ID; allowed: 18 characters, a date of 1800 to 2099, the right check digit"
            ),
            RejectCode::TwoPersons => {
                format!("{field}: more than one of person, phone, and cert_type with cert_number; give one")
            }
            RejectCode::NoKnownAt => format!("{field}: required here, but absent or null"),
            RejectCode::UnknownRegion => {
                format!("{field}: not a region code (GB/T 2260, 2, 4, 6, 9 or 12 digits), or not in the table of codes")
            }
            RejectCode::ListingApprover => {
                format!("{field}: allowed: another one than the owner, of the owners listed for listings (a-z, 0-9, -)")
            }
            RejectCode::IdentityInId => {
                format!("{field}: contains a certificate or phone number; use another id, and leave the number out")
            }
            RejectCode::BadOutcome => format!(
                "{field}: ended_at and outcome come together or not at all; next_stage only with outcome transferred"
            ),
            RejectCode::ServiceDate => {
                format!("{field}: allowed: the local day of boarded_at, or one of the three days before")
            }
            RejectCode::ListingTooLong => format!("{field}: allowed: up to 30 days of 24 hours after starts_at"),
            RejectCode::TooOld => format!("{field}: before the records that this feed keeps (its retention)"),
        };
        Reject { code, message }
    }
}
