//! What comes out: the code change and the reject line (docs/feeds.md sections 3 and 4).
//!
//! Owns the shapes that consumers read: every field is always written, and there is no other. [`crate::CodeChange`]
//! is what the engine holds and writes; a test holds the two together.

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::text::{ChangeId, OutputInstant, PersonToken};
use crate::vocabulary::ListingColour as ReasonColour;
use crate::{Colour, Feed, RejectCode};

/// A code change without what travels in the headers of Kafka: the value of a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("additionalProperties" = false))]
pub struct ChangeValue {
    /// Whose code it is.
    pub person: PersonToken,
    /// The colour last announced. Equal to `to` where only the reasons changed; never green to green.
    pub from: Colour,
    /// The colour that holds.
    pub to: Colour,
    /// Since when, as known now, this state (colour and rules) has held. May lie before an earlier change's when
    /// evidence was withdrawn.
    pub effective_at: OutputInstant,
    /// Since when, as known now, this colour has held.
    pub colour_since: OutputInstant,
    /// The clock at which the person was judged.
    pub decided_at: OutputInstant,
    /// The reasons active at decided_at, the most severe first, then by rule. Green has none.
    pub reasons: Vec<ChangeReason>,
    /// The ids of the rules of which a reason ended at effective_at, sorted, also when the colour rises.
    #[schemars(extend("uniqueItems" = true))]
    pub ended: Vec<RuleId>,
    /// When the next stretch of another colour begins, up or down; null where none is known. May move without a
    /// change being announced.
    pub next_change_at: Option<OutputInstant>,
    /// The id of the policy pack.
    #[schemars(length(min = 1))]
    pub policy: String,
    /// The version of the policy pack.
    #[schemars(length(min = 1))]
    pub policy_version: String,
}

/// What a line of `changes.ndjson` has before the fields of the value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeHead {
    /// The id: person, "-", decided_at in milliseconds. A repeat has the same. On Kafka: ce_id.
    pub id: ChangeId,
    /// The same as decided_at. On Kafka: ce_time.
    pub time: OutputInstant,
}

/// The id of a rule of the policy pack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RuleId(#[schemars(length(min = 1))] pub String);

/// An active reason.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("additionalProperties" = false))]
pub struct ChangeReason {
    /// The rule.
    pub rule: RuleId,
    /// The colour that the rule gives.
    pub colour: ReasonColour,
    /// The document and the clause that the rule stands on.
    #[schemars(length(min = 1))]
    pub clause: String,
    /// From when the reason holds.
    pub since: OutputInstant,
    /// Until when, excluded; null while open.
    pub until: Option<OutputInstant>,
    /// When it ought to have been released; null where the rule has no such instant. Past it and still open, it is
    /// overdue.
    pub due: Option<OutputInstant>,
}

/// A record that could not be used: a line of `rejects.ndjson`. Holds identities (raw): a file with mode 0600.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("additionalProperties" = false))]
pub struct Reject {
    /// The feed.
    #[schemars(schema_with = "feed_names")]
    pub feed: String,
    /// The base name of the file.
    #[schemars(length(min = 1))]
    pub file: String,
    /// The line, 1 = the first, empty lines counted; in a table the row, 1 = the first after the header.
    #[schemars(range(min = 1))]
    pub line: u64,
    /// Why: the first that applies, in the order in which a record is checked.
    #[schemars(schema_with = "reject_codes")]
    pub code: String,
    /// The code in words, without anything of the record.
    pub message: String,
    /// The record as it came; of one that is too large its first 4,096 bytes. What is no UTF-8 in it is replaced by
    /// U+FFFD.
    pub raw: String,
    /// Of a record that is too large: how many bytes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1_048_577))]
    pub length: Option<u64>,
    /// Of a record that is too large: SHA-256 over all its bytes, lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}

fn feed_names(_: &mut SchemaGenerator) -> schemars::Schema {
    json_schema!({"type": "string", "enum": Feed::ALL.map(Feed::name)})
}

fn reject_codes(_: &mut SchemaGenerator) -> schemars::Schema {
    let codes: Vec<&str> = RejectCode::ALL.iter().map(|code| code.name()).collect();
    json_schema!({"type": "string", "enum": codes})
}
