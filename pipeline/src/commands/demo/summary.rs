//! What a run's changes come to: people by colour over time, changes by step, reasons by rule, rejects by code.
//!
//! Owns the counting; pure. Everything is drawn from the changes alone, so it shows what an issuer would have seen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fuma_schemas::change::RuleHead;
use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{CodeChange, Colour, Feed, Instant, Person, RejectCode};

use crate::district::Settings;

/// What is known of a run beside its changes.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The district.
    pub settings: Settings,
    /// The pack.
    pub policy: String,
    /// How many threads judged.
    pub workers: usize,
    /// Records read, good and bad.
    pub events: u64,
    /// Facts held at the end.
    pub facts: u64,
    /// People seen.
    pub people: u64,
    /// The feed and code of each reject.
    pub rejects: Vec<(Feed, RejectCode)>,
    /// The rules of the pack.
    pub rules: Vec<RuleText>,
    /// How long the engine ran.
    pub seconds: f64,
    /// The most memory held, where known.
    pub memory_bytes_peak: Option<u64>,
}

/// A rule in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleText {
    /// "ZJ-R4".
    pub id: String,
    /// What it gives.
    pub colour: Colour,
    /// The pack's document, a blank and the clause.
    pub clause: String,
    /// The title in Chinese.
    pub title_zh: String,
    /// The title in English.
    pub title_en: String,
}

/// How often a rule began to hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleCount {
    /// "ZJ-R4".
    pub id: String,
    /// What it gives.
    pub colour: Colour,
    /// The pack's document, a blank and the clause.
    pub clause: String,
    /// How many changes brought it where it was not before.
    pub begun: u64,
}

/// What the changes come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// How many there are.
    pub changes: u64,
    /// People who were ever yellow.
    pub ever_yellow: u64,
    /// People who were ever red.
    pub ever_red: u64,
    /// People yellow and red at the end of each hour of the district.
    pub hours: Vec<[u64; 2]>,
    /// Changes by the colour they leave and the colour they reach.
    pub steps: [[u64; 3]; 3],
    /// The most frequent rule first.
    pub by_rule: Vec<RuleCount>,
    /// Rejects by code, the most frequent first.
    pub by_code: Vec<(&'static str, u64)>,
}

/// What was last announced of a person.
#[derive(Default)]
struct Announced {
    rules: Vec<Arc<RuleHead>>,
    was: [bool; 3],
}

impl Summary {
    /// Counts the changes of a run, which are in order of decided_at.
    pub fn of(changes: &[CodeChange], facts: &Facts) -> Summary {
        let mut steps = [[0; 3]; 3];
        let mut people: HashMap<Person, Announced> = HashMap::new();
        let mut begun: BTreeMap<String, RuleCount> = BTreeMap::new();
        for change in changes {
            steps[change.from as usize][change.to as usize] += 1;
            let announced = people.entry(change.person).or_default();
            announced.was[change.to as usize] = true;
            for reason in
                change.reasons.iter().filter(|reason| !announced.rules.iter().any(|rule| rule.id == reason.rule.id))
            {
                let RuleHead { id, colour, clause } = reason.rule.as_ref();
                let new = || RuleCount { id: id.clone(), colour: *colour, clause: clause.clone(), begun: 0 };
                begun.entry(id.clone()).or_insert_with(new).begun += 1;
            }
            announced.rules.clear();
            announced.rules.extend(change.reasons.iter().map(|reason| reason.rule.clone()));
        }
        let mut by_rule: Vec<RuleCount> = begun.into_values().collect();
        by_rule.sort_by(|a, b| b.begun.cmp(&a.begun).then_with(|| a.id.cmp(&b.id)));
        let ever = |colour: Colour| people.values().filter(|person| person.was[colour as usize]).count() as u64;
        Summary {
            changes: changes.len() as u64,
            ever_yellow: ever(Colour::Yellow),
            ever_red: ever(Colour::Red),
            hours: hours(changes, facts.settings.start, facts.settings.days),
            steps,
            by_rule,
            by_code: by_code(&facts.rejects),
        }
    }

    /// Every step of the colours that occurred, with its number of changes: upwards first.
    pub fn by_step(&self) -> impl Iterator<Item = ((Colour, Colour), u64)> {
        let steps = Colour::ALL.into_iter().flat_map(|from| Colour::ALL.into_iter().map(move |to| (from, to)));
        let mut steps: Vec<_> = steps
            .map(|(from, to)| ((from, to), self.steps[from as usize][to as usize]))
            .filter(|(_, count)| *count > 0)
            .collect();
        steps.sort_by_key(|((from, to), _)| to.cmp(from));
        steps.reverse();
        steps.into_iter()
    }

    /// People yellow and red at the end of a day, counted from 0.
    pub fn day_end(&self, day: u32) -> [u64; 2] {
        self.hours.get(day as usize * 24 + 23).copied().unwrap_or_default()
    }
}

/// People yellow and red at the end of each hour.
fn hours(changes: &[CodeChange], start: Instant, days: u32) -> Vec<[u64; 2]> {
    let hours = i64::from(days) * DAY_MS / HOUR_MS;
    let mut counts = [0_i64; 3];
    let mut rest = changes.iter().peekable();
    (1..=hours)
        .map(|hour| {
            while let Some(change) = rest.next_if(|change| change.decided_at.0 < start.0 + hour * HOUR_MS) {
                counts[change.from as usize] -= 1;
                counts[change.to as usize] += 1;
            }
            let count = |colour: Colour| u64::try_from(counts[colour as usize]).unwrap_or(0);
            [count(Colour::Yellow), count(Colour::Red)]
        })
        .collect()
}

fn by_code(rejects: &[(Feed, RejectCode)]) -> Vec<(&'static str, u64)> {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    rejects.iter().for_each(|(_, code)| *counts.entry(code.name()).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts
}
