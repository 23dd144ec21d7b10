//! The shapes of answers about a person: three projections, each a list of fields and no more.
//!
//! Owns the names of the fields, and what each projection shows. Fields of v1 are only added. Must never show evidence,
//! its owners, a place, or another person.

use fuma_schemas::documents::text::{OutputInstant, PersonToken};
use fuma_schemas::{Colour, Instant, Person};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clients::Fields;
use crate::assess::Why;
use crate::assess::shown::Reasons;
use crate::assess::timeline::Interval;
use crate::live::answers::Answer;
use crate::live::answers::explain::Explained;
use crate::policy::Pack;

/// A person's colour, and nothing more: the projection `colour`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ColourAnswer {
    /// The person, as the client knows it.
    pub person: PersonToken,
    /// The colour that was announced last; green of whoever nothing was announced.
    pub colour: Colour,
    /// How fresh it is: the clock of the last commit of the person's partition.
    pub as_of: OutputInstant,
    /// Whether the partition stands still for now: then `as_of` does, too.
    pub parked: bool,
}

/// A person's colour with the clauses behind it: the projection `clause`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClauseAnswer {
    /// The colour.
    #[serde(flatten)]
    pub colour: ColourAnswer,
    /// The rules that give it, the most severe first, then by rule. Green has none.
    pub reasons: Vec<ClauseLine>,
}

/// A rule behind a colour.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClauseLine {
    /// The id of the rule.
    pub rule: String,
    /// The colour that the rule gives; null of a rule of a pack that is in force no more.
    pub colour: Option<Colour>,
    /// The document and the clause that the rule stands on.
    pub clause: Option<String>,
    /// The name of the rule.
    pub title: Option<Title>,
}

/// A text in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// All that is answered of a person: the projection `reasons`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PersonAnswer {
    /// The colour.
    #[serde(flatten)]
    pub colour: ColourAnswer,
    /// Since when the colour holds; null where it has no beginning, or is not known.
    pub colour_since: Option<OutputInstant>,
    /// The next change of colour, as known now; null where none is known.
    pub next_change: Option<NextChange>,
    /// Why, the most severe first, then by rule. Green has none.
    pub reasons: Vec<ReasonLine>,
    /// The id of the policy pack by which the person was judged last.
    pub policy: String,
    /// Its version.
    pub policy_version: String,
    /// Why the person is not judged now and keeps what was announced; null of everybody else.
    pub not_judged: Option<NotJudged>,
}

/// A change of colour that is to come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NextChange {
    /// When.
    pub at: OutputInstant,
    /// The colour then.
    pub colour: Colour,
}

/// A reason that holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReasonLine {
    /// The rule.
    #[serde(flatten)]
    pub rule: ClauseLine,
    /// From when it holds; null where only the announcement is known, until the person is judged again.
    pub since: Option<OutputInstant>,
    /// Until when, excluded; null while open.
    pub until: Option<OutputInstant>,
    /// When it ought to have been released; null where the rule has no such instant.
    pub due: Option<OutputInstant>,
}

/// Why somebody is not judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotJudged {
    /// More records than one person can have: several people may share a number.
    Crowded,
    /// A rule failed on the person.
    RuleFailed,
}

/// Why a person has a colour.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainAnswer {
    /// The person.
    pub person: PersonToken,
    /// The clock of the commit that it is of.
    pub as_of: OutputInstant,
    /// The account as `fuma explain --json` prints it: reasons with their evidence, what does not count and why.
    pub account: Map<String, Value>,
    /// The changes that were announced, oldest first, as far as the log has them: at most the last 100.
    pub announced: Vec<Map<String, Value>>,
    /// Whether the log was read to its end: else names of evidence, and announcements, may be missing.
    pub is_whole: bool,
}

impl ExplainAnswer {
    pub(super) fn of(person: Person, explained: Explained) -> ExplainAnswer {
        let object = |value| if let Value::Object(fields) = value { fields } else { Map::new() };
        ExplainAnswer {
            person: PersonToken(person.to_string()),
            as_of: instant(explained.as_of),
            account: object(explained.account),
            announced: explained.announced.into_iter().map(object).collect(),
            is_whole: explained.is_whole,
        }
    }
}

/// Whom a look-up by certificate names. Read and hashed; never shown.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpBody {
    /// The type of the certificate: 10 resident ID, 14, 15, 20, 34, 99.
    pub(super) cert_type: String,
    /// Its number, in any spelling.
    pub(super) cert_number: String,
}

/// The answer in a projection, as JSON.
pub(super) fn json(answer: &Answer, (person, parked): (Person, bool), fields: Fields) -> Vec<u8> {
    let colour = ColourAnswer {
        person: PersonToken(person.to_string()),
        colour: answer.shown.colour,
        as_of: instant(answer.as_of),
        parked,
    };
    let written = match fields {
        Fields::Colour => serde_json::to_vec(&colour),
        Fields::Clause => {
            let reasons = reasons(answer).into_iter().map(|reason| reason.rule).collect();
            serde_json::to_vec(&ClauseAnswer { colour, reasons })
        }
        Fields::Reasons => serde_json::to_vec(&whole(answer, colour)),
    };
    written.unwrap_or_default()
}

fn whole(answer: &Answer, colour: ColourAnswer) -> PersonAnswer {
    let shown = &answer.shown;
    PersonAnswer {
        colour,
        colour_since: shown.colour_since.map(instant),
        next_change: shown.next.map(|(at, colour)| NextChange { at: instant(at), colour }),
        reasons: reasons(answer),
        policy: answer.pack.id.to_string(),
        policy_version: answer.pack.version.to_string(),
        not_judged: shown.kept.as_ref().map(|why| match why {
            Why::Crowded => NotJudged::Crowded,
            Why::Failed { .. } => NotJudged::RuleFailed,
        }),
    }
}

fn reasons(answer: &Answer) -> Vec<ReasonLine> {
    let mut reasons: Vec<ReasonLine> = match &answer.shown.reasons {
        Reasons::Known(pack, intervals) => {
            intervals.iter().filter_map(|interval| of_interval(pack, interval)).collect()
        }
        Reasons::Announced(rules) => rules.iter().map(|id| announced(&answer.pack, id)).collect(),
    };
    // They come by rule, and stay so among those of one colour.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rule.colour));
    reasons
}

fn of_interval(pack: &Pack, interval: &Interval) -> Option<ReasonLine> {
    let rule = pack.rules.get(usize::from(interval.rule))?;
    Some(ReasonLine {
        rule: clause(pack, &rule.head.id),
        since: Some(instant(interval.since)),
        until: interval.until.map(instant),
        due: interval.due.map(instant),
    })
}

fn announced(pack: &Pack, id: &str) -> ReasonLine {
    ReasonLine { rule: clause(pack, id), since: None, until: None, due: None }
}

fn clause(pack: &Pack, id: &str) -> ClauseLine {
    let rule = pack.rule(id).and_then(|place| pack.rules.get(place));
    ClauseLine {
        rule: id.to_owned(),
        colour: rule.map(|rule| rule.head.colour),
        clause: rule.map(|rule| rule.head.clause.clone()),
        title: rule.map(|rule| Title { zh: rule.title.zh.clone(), en: rule.title.en.clone() }),
    }
}

fn instant(instant: Instant) -> OutputInstant {
    OutputInstant(instant.to_string())
}
