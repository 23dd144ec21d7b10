//! The feeds, and the codes with which a record is rejected (docs/feeds.md sections 1 and 2).
//!
//! Owns the names and their order. What makes a record good is intake's.

use crate::Kind;
use crate::registry::{FEEDS, FeedSpec};

/// A feed, in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Feed {
    /// Whose a phone number is.
    Bindings,
    /// Diagnoses of the health commission.
    Cases,
    /// Contacts determined by the CDC.
    Contacts,
    /// Codes given by other provinces.
    ExternalCodes,
    /// Orders of isolation.
    Isolations,
    /// Approved lists of people.
    Listings,
    /// Risk tiers of regions: reference data without a person.
    Regions,
    /// Symptoms.
    Symptoms,
    /// Laboratory tests.
    Tests,
    /// Stays, trips and entries.
    Travel,
}

impl Feed {
    /// Every feed, by name.
    pub const ALL: [Feed; 10] = [
        Feed::Bindings,
        Feed::Cases,
        Feed::Contacts,
        Feed::ExternalCodes,
        Feed::Isolations,
        Feed::Listings,
        Feed::Regions,
        Feed::Symptoms,
        Feed::Tests,
        Feed::Travel,
    ];

    /// What is known of it.
    pub const fn spec(self) -> &'static FeedSpec {
        &FEEDS[self as usize]
    }

    /// The name: the stem of a file, and the middle of the topic `fuma.<name>.v1`.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The kinds that it brings; those of travel in the order of the codes of `TravelKind`.
    pub const fn kinds(self) -> &'static [Kind] {
        self.spec().kinds
    }

    /// The feed with this name.
    pub fn parse(name: &str) -> Option<Feed> {
        Feed::ALL.into_iter().find(|feed| feed.name() == name)
    }

    /// The topic of the feed.
    pub fn topic(self) -> String {
        format!("fuma.{}.v1", self.name())
    }
}

pub use crate::registry::{FieldType, field_type};

macro_rules! reject_codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal),+ $(,)?) => {
        /// Why a record was rejected.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum RejectCode {
            $($(#[$doc])* $code),+
        }

        impl RejectCode {
            /// Every code.
            pub const ALL: &'static [RejectCode] = &[$(RejectCode::$code),+];

            /// The code in dead letters.
            pub fn name(self) -> &'static str {
                match self {
                    $(RejectCode::$code => $name),+
                }
            }
        }
    };
}

reject_codes!(
    /// The record is longer than 1,048,576 bytes.
    TooLarge = "too-large",
    /// The record is no JSON object, or one that cannot be trusted: a known field twice, bytes that are no UTF-8 ...
    BadJson = "bad-json",
    /// A row of a table that is none.
    BadRow = "bad-row",
    /// A required field is absent.
    MissingField = "missing-field",
    /// A field has another JSON type.
    BadType = "bad-type",
    /// A value outside its closed list, pattern or range.
    BadValue = "bad-value",
    /// The configuration does not list the owner.
    UnknownOwner = "unknown-owner",
    /// A resident ID whose length, date of birth or check digit is wrong.
    BadCheckDigit = "bad-check-digit",
    /// More than one of person, phone and certificate.
    TwoPersons = "two-persons",
    /// No known_at where one is required.
    NoKnownAt = "no-known-at",
    /// A region or province that is no code.
    UnknownRegion = "unknown-region",
    /// A listing whose approver is its owner, is not listed, or has not the pattern of an owner.
    ListingApprover = "listing-approver",
    /// A listing on no epidemic basis.
    ListingBasis = "listing-basis",
    /// A text of the record contains an identity: its own certificate number or phone, or any resident ID.
    IdentityInId = "identity-in-id",
    /// ended_at, outcome and next_stage do not fit.
    BadOutcome = "bad-outcome",
    /// A service date that is neither the local day of boarded_at nor one of the three before.
    ServiceDate = "service-date",
    /// An end before its start.
    EndBeforeStart = "end-before-start",
    /// An instant too far after known_at.
    InFuture = "in-future",
    /// A listing for more than 30 days.
    ListingTooLong = "listing-too-long",
    /// Known longer ago than the feed's retention (live only).
    TooOld = "too-old",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_are_in_the_order_of_their_names() {
        assert!(Feed::ALL.windows(2).all(|pair| pair[0].name() < pair[1].name() && pair[0] < pair[1]));
        assert!(Feed::ALL.into_iter().all(|feed| Feed::parse(feed.name()) == Some(feed)));
    }
}
