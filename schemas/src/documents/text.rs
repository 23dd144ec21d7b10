//! The texts that fields hold, each a type of its own with the pattern that the contract gives it (docs/feeds.md
//! section
//! 1).
//!
//! Owns the patterns. They are ECMA 262 without look-around, so that every validator reads them alike. What a pattern
//! can't say (a check digit, 29 February) intake says; a pattern must never refuse what intake accepts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::region::{CODE_LENGTHS, PROVINCES};

/// Years, months and days of the contract's calendar: 1970 to 9999, and the last day of 1969 for instants west of
/// Greenwich.
const DAYS: &str = "(19[7-9][0-9]|[2-9][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])\
    |(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))";
const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";
/// Unicode white space, written out: `\s` means another set in each dialect.
const WHITE: &str = r"\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000";
fn instant_pattern() -> String {
    format!("^(1969-12-31|{DAYS})[Tt]{TIME}(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$")
}

fn output_instant_pattern() -> String {
    format!("^{DAYS}T{TIME}(\\.([0-9]{{2}}[1-9]|[0-9][1-9]0|[1-9]00))?\\+08:00$")
}

fn date_pattern() -> &'static str {
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
}

fn region_pattern() -> String {
    let [province, longer @ ..] = CODE_LENGTHS;
    let more: Vec<String> = longer.iter().map(|length| format!("[0-9]{{{}}}", length - province)).collect();
    format!("^({})({})?$", PROVINCES.join("|"), more.join("|"))
}

/// A text that holds something other than white space.
pub(crate) fn not_blank_pattern() -> String {
    format!("[^{WHITE}]")
}

/// A resident ID, white space anywhere: 17 digits and a check digit, which is not computed here.
pub(crate) fn resident_id_pattern() -> String {
    format!("^[{WHITE}]*([0-9][{WHITE}]*){{17}}[0-9Xx][{WHITE}]*$")
}

/// A phone number: white space, hyphens and brackets anywhere, a plus in front.
fn phone_pattern() -> String {
    format!("^[{WHITE}()-]*[+]?([{WHITE}()-]*[0-9]){{5,24}}[{WHITE}()-]*$")
}

macro_rules! texts {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        $(
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
            $(#[$attribute])*
            #[serde(transparent)]
            pub struct $name(pub String);
        )+
    };
}

texts!(
    /// The source system that owns a record.
    #[schemars(extend("pattern" = "^[a-z0-9-]{1,64}$"))]
    Owner,
    /// The id of a record within owner, feed and person.
    #[schemars(extend("minLength" = 1, "maxLength" = 128))]
    RecordId,
    /// The key of a person that a producer holds: 32 hex digits, lower-cased when read.
    #[schemars(extend("pattern" = "^[0-9A-Fa-f]{32}$"))]
    PersonKey,
    /// The token of a person: 32 lower-case hex digits.
    #[schemars(extend("pattern" = "^[0-9a-f]{32}$"))]
    PersonToken,
    /// A phone number: 5 to 20 digits, not all the same, in one of the usual spellings.
    #[schemars(extend("pattern" = phone_pattern()))]
    PhoneNumber,
    /// An instant in RFC 3339 with an offset.
    #[schemars(extend("format" = "date-time", "pattern" = instant_pattern()))]
    InstantText,
    /// An instant as fuma writes it: +08:00, no fraction when it is zero, else three digits.
    #[schemars(extend("format" = "date-time", "pattern" = output_instant_pattern()))]
    OutputInstant,
    /// A calendar date.
    #[schemars(extend("format" = "date", "pattern" = date_pattern()))]
    DateText,
    /// A GB/T 2260 code of 2, 4, 6, 9 or 12 digits.
    #[schemars(extend("pattern" = region_pattern()))]
    RegionCode,
    /// The two digits of a province.
    #[schemars(extend("enum" = PROVINCES.to_vec()))]
    ProvinceCode,
    /// An ISO 3166 alpha-2 code.
    #[schemars(extend("pattern" = "^[A-Z]{2}$"))]
    CountryCode,
    /// The name of another record, "owner/id", cut at the first slash.
    #[schemars(extend("pattern" = r"^[^/]+/[\s\S]+$"))]
    RecordName,
    /// A text that is not blank.
    #[schemars(extend("pattern" = not_blank_pattern()))]
    NotBlank,
    /// The id of a code change: the person, "-" and decided_at in milliseconds since 1970-01-01T00:00Z.
    #[schemars(extend("pattern" = "^[0-9a-f]{32}-(0|[1-9][0-9]*)$"))]
    ChangeId,
);
