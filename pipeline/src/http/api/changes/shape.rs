//! What of a change a client sees: three projections, as of a person.
//!
//! Owns the names of the fields. Fields of v1 are only added. The id of a change holds the person, so an issuer's has
//! the issuer's token. Must never show that reasons changed to who sees colours alone.

use fuma_schemas::documents::text::{OutputInstant, PersonToken};
use fuma_schemas::{Colour, Instant, Person};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::clients::Fields;
use crate::live::subscriptions::{Change, Said};

/// A change of colour, and nothing more: the projection `colour`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ColourChange {
    /// The person, as the client knows it, and the instant of the decision: a repeat is recognised by it.
    pub id: String,
    /// When the person was judged.
    pub time: OutputInstant,
    /// The person, as the client knows it.
    pub person: PersonToken,
    /// The colour that was announced before.
    pub from: Colour,
    /// The colour.
    pub to: Colour,
}

/// A change with the clauses behind it: the projection `clause`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClauseChange {
    /// The change.
    #[serde(flatten)]
    pub colour: ColourChange,
    /// The reasons that hold, the most severe first. Green has none.
    pub reasons: Vec<ChangeClause>,
    /// The rules of which a reason ended.
    pub ended: Vec<String>,
}

/// A rule behind a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeClause {
    /// The id of the rule.
    pub rule: String,
    /// The colour that it gives.
    pub colour: Colour,
    /// The document and the clause.
    pub clause: String,
}

/// All that is announced: the projection `reasons`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WholeChange {
    /// The change.
    #[serde(flatten)]
    pub colour: ColourChange,
    /// Since when, as known then, this state has held.
    pub effective_at: OutputInstant,
    /// Since when, as known then, this colour has held.
    pub colour_since: OutputInstant,
    /// When the person was judged.
    pub decided_at: OutputInstant,
    /// The reasons that hold, the most severe first. Green has none.
    pub reasons: Vec<ChangeReason>,
    /// The rules of which a reason ended.
    pub ended: Vec<String>,
    /// When the next colour begins; null where none is known.
    pub next_change_at: Option<OutputInstant>,
    /// The id of the policy pack.
    pub policy: String,
    /// Its version.
    pub policy_version: String,
}

/// A reason of a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReason {
    /// The rule.
    #[serde(flatten)]
    pub rule: ChangeClause,
    /// From when it holds.
    pub since: OutputInstant,
    /// Until when; null while open.
    pub until: Option<OutputInstant>,
    /// When it ought to have been released; null where the rule has no such instant.
    pub due: Option<OutputInstant>,
}

/// Somebody was erased: forget the person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Erased {
    /// The person, as the client knows it.
    pub person: PersonToken,
}

/// Nothing happened: everything that was announced before has been sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Beat {
    /// Before when.
    pub as_of: OutputInstant,
}

/// A person's colour in a list: the projection `colour`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListedColour {
    /// The person, as the client knows it.
    pub person: PersonToken,
    /// The colour.
    pub colour: Colour,
}

/// A person's colour in a list, with the clauses behind it: the projection `clause`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListedClause {
    /// The colour.
    #[serde(flatten)]
    pub colour: ListedColour,
    /// The reasons that hold, the most severe first. Green has none.
    pub reasons: Vec<ChangeClause>,
}

/// All that was announced of a person last: the projection `reasons`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListedPerson {
    /// The colour.
    #[serde(flatten)]
    pub colour: ListedColour,
    /// When the person was judged; null where the person was erased.
    pub decided_at: Option<OutputInstant>,
    /// Since when, as known then, this colour has held.
    pub colour_since: Option<OutputInstant>,
    /// The reasons that hold, the most severe first. Green has none.
    pub reasons: Vec<ChangeReason>,
    /// When the next colour begins; null where none is known.
    pub next_change_at: Option<OutputInstant>,
}

/// The last line of a list that is whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListEnd {
    /// From where a subscriber goes on: `/v1/changes?from=` this.
    pub position: String,
    /// Every change that was announced before is in the list.
    pub as_of: OutputInstant,
}

/// The line of a change in a list.
pub(super) fn listed(change: &Change, person: Person, fields: Fields) -> Option<Vec<u8>> {
    let said = change.said.as_ref();
    let colour =
        ListedColour { person: PersonToken(person.to_string()), colour: said.map_or(Colour::Green, |said| said.to) };
    let reasons = || said.map(reasons).unwrap_or_default();
    let line = match fields {
        Fields::Colour => serde_json::to_vec(&colour),
        Fields::Clause => {
            let reasons = reasons().into_iter().map(|reason| reason.rule).collect();
            serde_json::to_vec(&ListedClause { colour, reasons })
        }
        Fields::Reasons => serde_json::to_vec(&ListedPerson {
            colour,
            decided_at: said.map(|said| instant(&said.decided_at)),
            colour_since: said.map(|said| instant(&said.colour_since)),
            reasons: reasons(),
            next_change_at: said.and_then(|said| said.next_change_at.as_deref()).map(instant),
        }),
    };
    line.ok()
}

/// The name of an event, and its data; none where the client sees nothing of the change.
pub(super) fn event(change: &Change, person: Person, fields: Fields) -> Option<(&'static str, Vec<u8>)> {
    let Some(said) = &change.said else {
        let erased = Erased { person: PersonToken(person.to_string()) };
        return Some(("erased", serde_json::to_vec(&erased).ok()?));
    };
    let colour = colour(said, person);
    let data = match fields {
        Fields::Colour if said.from == said.to => return None,
        Fields::Colour => serde_json::to_vec(&colour),
        Fields::Clause => {
            let reasons = reasons(said).into_iter().map(|reason| reason.rule).collect();
            serde_json::to_vec(&ClauseChange { colour, reasons, ended: said.ended.clone() })
        }
        Fields::Reasons => serde_json::to_vec(&whole(said, colour)),
    };
    Some(("change", data.ok()?))
}

fn colour(said: &Said, person: Person) -> ColourChange {
    let decided = Instant::parse(&said.decided_at).unwrap_or_default();
    ColourChange {
        id: format!("{person}-{}", decided.0),
        time: instant(&said.decided_at),
        person: PersonToken(person.to_string()),
        from: said.from,
        to: said.to,
    }
}

fn whole(said: &Said, colour: ColourChange) -> WholeChange {
    WholeChange {
        colour,
        effective_at: instant(&said.effective_at),
        colour_since: instant(&said.colour_since),
        decided_at: instant(&said.decided_at),
        reasons: reasons(said),
        ended: said.ended.clone(),
        next_change_at: said.next_change_at.as_deref().map(instant),
        policy: said.policy.clone(),
        policy_version: said.policy_version.clone(),
    }
}

fn reasons(said: &Said) -> Vec<ChangeReason> {
    let reason = |reason: &crate::live::subscriptions::SaidReason| ChangeReason {
        rule: ChangeClause { rule: reason.rule.clone(), colour: reason.colour, clause: reason.clause.clone() },
        since: instant(&reason.since),
        until: reason.until.as_deref().map(instant),
        due: reason.due.as_deref().map(instant),
    };
    said.reasons.iter().map(reason).collect()
}

fn instant(text: &str) -> OutputInstant {
    OutputInstant(text.to_owned())
}
