//! A case through the engine, and what differs.
//!
//! Owns the comparison. The engine is a function from feeds to an answer, so that this stays pure and the engine
//! stays the real one.

use std::collections::BTreeMap;

use fuma_schemas::{CodeChange, Feed, Instant, Person, RejectCode};

use super::{Case, Expected, ExpectedReason, letter_of};

/// What the engine is given.
#[derive(Debug)]
pub struct Scenario {
    /// The lines of each feed.
    pub feeds: BTreeMap<Feed, String>,
    /// How often people are judged, in milliseconds.
    pub tick_ms: i64,
    /// Until when.
    pub until: Instant,
}

/// What the engine answers.
#[derive(Debug, Default)]
pub struct Answer {
    /// The changes, in order.
    pub changes: Vec<CodeChange>,
    /// The rejects.
    pub rejects: Vec<Refusal>,
}

/// A record that the engine rejects.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its feed.
    pub feed: Feed,
    /// Its line in the feed, from 1.
    pub line: u64,
    /// The code.
    pub code: RejectCode,
    /// What the engine says of it: the field, and what is wrong with it.
    pub message: String,
}

/// Something that is otherwise than the case says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The line of the case file.
    pub line: usize,
    /// What was expected, and what came.
    pub text: String,
}

/// Runs a case; it holds when nothing differs.
///
/// # Errors
/// What the engine says when it cannot run at all.
pub fn check<E>(case: &Case, engine: impl FnOnce(&Scenario) -> Result<Answer, E>) -> Result<Vec<Difference>, E> {
    let mut feeds: BTreeMap<Feed, String> = BTreeMap::new();
    for record in &case.records {
        let lines = feeds.entry(record.feed).or_default();
        lines.push_str(&record.json);
        lines.push('\n');
    }
    let answer = engine(&Scenario { feeds, tick_ms: case.tick_ms, until: case.until })?;
    let mut differences = rejects(case, &answer);
    let people: std::collections::BTreeSet<Person> = case
        .expected
        .iter()
        .map(|change| change.person)
        .chain(answer.changes.iter().map(|change| change.person))
        .collect();
    for person in people {
        let expected: Vec<&Expected> = case.expected.iter().filter(|change| change.person == person).collect();
        let got: Vec<&CodeChange> = answer.changes.iter().filter(|change| change.person == person).collect();
        differences.extend(changes(case, &expected, &got));
    }
    differences.sort_by_key(|difference| difference.line);
    Ok(differences)
}

/// The first difference of one person: what follows it is seldom worth reading.
fn changes(case: &Case, expected: &[&Expected], got: &[&CodeChange]) -> Option<Difference> {
    for at in 0..expected.len().max(got.len()) {
        let (want, have) = (expected.get(at), got.get(at));
        if want.zip(have).is_some_and(|(want, have)| matches(want, have)) {
            continue;
        }
        let line = want.map_or(case.line, |want| want.line);
        let before = got.get(at.wrapping_sub(1));
        let want = want.map_or_else(|| "no more change".to_string(), |want| said(want));
        let have = have.map_or_else(|| stayed(before.copied()), |have| shown(have));
        return Some(Difference { line, text: format!("expected {want}; got {have}") });
    }
    None
}

fn matches(want: &Expected, have: &CodeChange) -> bool {
    let mut reasons: Vec<_> = have.reasons.iter().collect();
    reasons.sort_by(|one, other| one.rule.id.cmp(&other.rule.id));
    want.decided_at == have.decided_at
        && want.colour == have.to
        && want.reasons.len() == reasons.len()
        && want.reasons.iter().zip(reasons).all(|(want, have)| {
            want.rule == have.rule.id
                && want.since.is_none_or(|since| since == have.since)
                && want.until.is_none_or(|until| until == have.until)
                && want.due.is_none_or(|due| due == have.due)
        })
}

fn rejects(case: &Case, answer: &Answer) -> Vec<Difference> {
    let mut awaited: Vec<_> = case.refused.iter().collect();
    let mut differences = Vec::new();
    for Refusal { feed, line, code, message } in &answer.rejects {
        let place = usize::try_from(*line).unwrap_or(0).saturating_sub(1);
        let Some(record) = case.records.iter().filter(|record| record.feed == *feed).nth(place) else { continue };
        match awaited.iter().position(|refused| refused.name == record.name && refused.code == *code) {
            Some(at) => drop(awaited.swap_remove(at)),
            None => {
                let (name, code) = (&record.name, code.name());
                let text =
                    format!("{name} was refused: {code}: {message} (if that is meant, say `refused {name}: {code}`)");
                differences.push(Difference { line: record.line, text });
            }
        }
    }
    let missing = |refused: &&super::Refused| Difference {
        line: refused.line,
        text: format!("expected {} to be refused with {}; it was not", refused.name, refused.code.name()),
    };
    differences.extend(awaited.iter().map(missing));
    differences
}

/// A local time as cases write it.
fn local(instant: Instant) -> String {
    let text = instant.to_string().replace('T', " ").replace("+08:00", "");
    text.strip_suffix(":00").map_or(text.clone(), ToString::to_string)
}

fn said(want: &Expected) -> String {
    let reasons = want.reasons.iter().map(|ExpectedReason { rule, since, until, due }| {
        let since = since.map(|since| format!(" since {}", local(since)));
        let until = until.map(|until| format!(" until {}", until.map_or("open".to_string(), local)));
        let due = due.map(|due| format!(" due {}", due.map_or("none".to_string(), local)));
        let parts = [since, until, due].map(Option::unwrap_or_default).concat();
        format!("{rule}{parts}")
    });
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    format!("{} {} {} {reasons}", letter_of(want.person), local(want.decided_at), want.colour).trim_end().to_string()
}

/// What a person has when no more is announced.
fn stayed(last: Option<&CodeChange>) -> String {
    match last {
        None => "no change: the person stays green".to_string(),
        Some(last) => format!("no more change: it stays {}", shown(last)),
    }
}

fn shown(have: &CodeChange) -> String {
    let reasons = have.reasons.iter().map(|reason| {
        let until = reason.until.map_or("open".to_string(), local);
        let due = reason.due.map_or("none".to_string(), local);
        format!("{} since {} until {until} due {due}", reason.rule.id, local(reason.since))
    });
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    format!("{} {} {} {reasons}", letter_of(have.person), local(have.decided_at), have.to).trim_end().to_string()
}
