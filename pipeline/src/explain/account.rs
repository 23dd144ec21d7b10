//! The account of one person: colour, reasons with their evidence, and evidence that does not count.
//!
//! Owns its order: what holds now, what is to come, what is over. Must never show another person.

use fuma_schemas::{Colour, Instant, Person};

use super::effects::{self, Effects};
use super::evidence::{EvidenceLine, Name};
use super::fallen::{fallen, is_winner};
use super::known::Known;
use super::names::NamedRecord;
use super::uncounted::{self, Uncounted, Why};
use crate::assess::timeline::Interval;
use crate::assess::{AssessError, Partition, Timeline, Why as NotJudged};
use crate::evidence::{RuleTables, Version};
use crate::policy::Pack;

/// When an interval holds, seen from the instant of the account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// It holds.
    Active,
    /// It is to come.
    Future,
    /// It is over.
    Past,
}

/// A reason: an interval of a rule with its evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReasonLine<'a> {
    /// Rule, since, until, due.
    pub interval: Interval,
    /// When it holds.
    pub phase: Phase,
    /// For how long it has been past its due and still holds, in milliseconds.
    pub overdue_ms: Option<i64>,
    /// The facts that the rule names.
    pub causes: Vec<EvidenceLine<'a>>,
    /// Other facts without which it would be otherwise, and what would stand in its place.
    pub shaped_by: Vec<(EvidenceLine<'a>, Vec<Interval>)>,
}

/// The account of one person at an instant.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// Whose account it is.
    pub person: Person,
    /// As known when.
    pub at: Instant,
    /// The pack.
    pub pack: &'a Pack,
    /// Whether there is any evidence of the person.
    pub seen: bool,
    /// Why the person is not judged, if so: then nothing is said of colours, and the announced state is kept.
    pub not_judged: Option<NotJudged>,
    /// The colour.
    pub colour: Colour,
    /// Since when; none if it has no beginning.
    pub colour_since: Option<Instant>,
    /// The next change of colour, as known now.
    pub next: Option<(Instant, Colour)>,
    /// Active ones first, most severe first; then those to come, then those that are over, latest first.
    pub reasons: Vec<ReasonLine<'a>>,
    /// Facts that keep reasons away, and the intervals that would be.
    pub prevented: Vec<(EvidenceLine<'a>, Vec<Interval>)>,
    /// What does not count.
    pub uncounted: Vec<Uncounted<'a>>,
    /// Facts of which it was not tried what would be without them: there are very many.
    pub untried: usize,
}

/// The account of a person.
///
/// Costs the rules once over the person's facts for every fact, up to a bound: for a person, not for a population.
///
/// # Errors
/// When a plan cannot be executed.
pub fn account<'a>(known: &Known<'a>, person: Person) -> Result<Account<'a>, AssessError> {
    let (at, pack) = (known.at(), known.pack());
    let mut account = Account {
        person,
        at,
        pack,
        seen: false,
        not_judged: None,
        colour: Colour::Green,
        colour_since: None,
        next: None,
        reasons: Vec::new(),
        prevented: Vec::new(),
        uncounted: Vec::new(),
        untried: 0,
    };
    let Some((partition, number)) = known.find(person) else { return Ok(account) };
    account.seen = true;
    account.not_judged = partition.left_out().why(number).cloned();
    if account.not_judged.is_some() {
        return Ok(account);
    }
    let records = known.names().records(person);
    let facts = facts(known, (partition, number), &records);
    let handles: Vec<(u64, Instant)> =
        facts.iter().map(|fact| (fact.line.handle, fact.record.version.known_at)).collect();
    let effects = Effects::of(partition, number, &handles, effects::PAIRS_MAX)?;
    account.untried = effects.untried;
    account.sample(partition, &effects.timeline);
    account.reasons = reasons(pack, at, &facts, &effects);
    account.prevented = prevented(&facts, &effects);
    account.uncounted = uncounted_facts(known, &account, &facts);
    account.uncounted.extend(superseded(&records, &facts));
    // By feed, the newest first.
    account.uncounted.sort_by_key(|one| {
        let newest = std::cmp::Reverse((one.version.known_at, one.version));
        (one.name.map(|name| name.feed), newest, one.name)
    });
    Ok(account)
}

/// A fact and the record of it that won.
struct Fact<'a> {
    line: EvidenceLine<'a>,
    record: NamedRecord<'a>,
}

/// The facts of a person, each by the record that won.
fn facts<'a>(
    known: &Known<'a>,
    (partition, number): (&'a Partition, u32),
    records: &[NamedRecord<'a>],
) -> Vec<Fact<'a>> {
    let mut facts: Vec<Fact<'a>> = Vec::new();
    for record in records {
        let Some((handle, view)) = partition.evidence().describe_winner(number, record.key) else { continue };
        if is_winner(record, &view) && !facts.iter().any(|fact| fact.line.handle == handle) {
            let line = EvidenceLine::new(known, partition, Some(record.name), handle, view);
            facts.push(Fact { line, record: *record });
        }
    }
    facts.extend(derived(known, (partition, number)));
    let unnamed = unnamed(known, (partition, number), &facts);
    facts.extend(unnamed);
    facts
}

/// The facts of a person of which nobody knows the record any more: the log that had it does not go back so far.
fn unnamed<'a>(known: &Known<'a>, (partition, number): (&'a Partition, u32), facts: &[Fact<'a>]) -> Vec<Fact<'a>> {
    let is_known = |handle: u64| facts.iter().any(|fact| fact.line.handle == handle);
    let standing = partition.evidence().standing(number, RuleTables::ALL).filter(|(handle, _)| !is_known(*handle));
    let unnamed = standing.map(|(handle, view)| {
        let name = Name { feed: view.kind.feed(), owner: "", id: "" };
        let version = Version { revision: view.revision, retracted: false, known_at: view.known_at };
        let record = NamedRecord { name, key: view.key, version, kind: view.kind };
        Fact { line: EvidenceLine::new(known, partition, None, handle, view), record }
    });
    unnamed.collect()
}

/// The facts of a person that no record of the person says: attached evidence of a phone, contacts by conveyance.
fn derived<'a>(known: &Known<'a>, (partition, number): (&'a Partition, u32)) -> Vec<Fact<'a>> {
    let Some(person) = partition.evidence().person(number) else { return Vec::new() };
    let derived = known.names().derived(person);
    if derived.is_empty() {
        return Vec::new();
    }
    let standing = partition.evidence().standing(number, RuleTables::ALL);
    let facts = standing.filter_map(|(handle, view)| {
        let derivation = derived.get(&view.key)?;
        let own = Name { feed: view.kind.feed(), owner: "", id: "" };
        let version = Version { revision: view.revision, retracted: false, known_at: view.known_at };
        let name = derivation.name();
        let record = NamedRecord { name: name.unwrap_or(own), key: view.key, version, kind: view.kind };
        let mut line = EvidenceLine::new(known, partition, name, handle, view);
        line.derived = Some(*derivation);
        Some(Fact { line, record })
    });
    facts.collect()
}

impl Account<'_> {
    fn sample(&mut self, partition: &Partition, timeline: &Timeline) {
        let colour = |rules| partition.palette().colour(rules);
        let sample = timeline.sample(self.at, colour).in_force_since(partition.palette().since());
        self.colour = colour(sample.rules);
        self.colour_since = sample.colour_start;
        self.next = sample.next_colour.map(|next| (next, colour(timeline.rules_at(next))));
    }
}

fn reasons<'a>(pack: &Pack, at: Instant, facts: &[Fact<'a>], effects: &Effects) -> Vec<ReasonLine<'a>> {
    let mut reasons: Vec<ReasonLine<'a>> = Vec::new();
    for interval in effects.timeline.intervals() {
        let phase = match interval {
            Interval { since, .. } if *since > at => Phase::Future,
            interval if interval.holds_at(at) => Phase::Active,
            _ => Phase::Past,
        };
        let named = effects.causes(interval);
        let line = |handle: &u64| facts.iter().find(|fact| fact.line.handle == *handle).map(|fact| fact.line.clone());
        let shaped_by = facts.iter().enumerate().filter(|(_, fact)| !named.contains(&fact.line.handle));
        reasons.push(ReasonLine {
            interval: *interval,
            phase,
            overdue_ms: interval.due.filter(|due| phase == Phase::Active && *due < at).map(|due| at.0 - due.0),
            causes: named.iter().filter_map(line).collect(),
            shaped_by: shaped_by
                .filter_map(|(place, fact)| Some((fact.line.clone(), effects.instead(place, interval)?)))
                .collect(),
        });
    }
    let colour = |rule: u16| pack.rules.get(usize::from(rule)).map(|rule| rule.head.colour);
    reasons.sort_by_key(|reason| {
        let since = reason.interval.since.0;
        let time = if reason.phase == Phase::Past { -since } else { since };
        let severity = if reason.phase == Phase::Active { colour(reason.interval.rule) } else { None };
        (reason.phase, std::cmp::Reverse(severity), time, reason.interval.rule)
    });
    reasons
}

fn prevented<'a>(facts: &[Fact<'a>], effects: &Effects) -> Vec<(EvidenceLine<'a>, Vec<Interval>)> {
    let all = facts.iter().enumerate().map(|(place, fact)| (fact.line.clone(), effects.prevented(place)));
    all.filter(|(_, prevented)| !prevented.is_empty()).collect()
}

fn uncounted_facts<'a>(known: &Known<'a>, account: &Account<'a>, facts: &[Fact<'a>]) -> Vec<Uncounted<'a>> {
    let mut uncounted = Vec::new();
    for Fact { line, record } in facts {
        let why = if line.fact.retracted {
            vec![Why::Retracted]
        } else if !line.fact.counts {
            vec![Why::Withdrawn(fallen(known, account.person, record))]
        } else {
            why(account, line)
        };
        if !why.is_empty() {
            let evidence = Some(line.clone());
            uncounted.push(Uncounted { name: line.name, version: record.version, evidence, why });
        }
    }
    uncounted
}

/// Why a standing fact does not count now; empty if it does.
fn why<'a>(account: &Account<'a>, line: &EvidenceLine<'a>) -> Vec<Why<'a>> {
    let causes = |reason: &&ReasonLine<'a>| reason.causes.iter().any(|cause| cause.handle == line.handle);
    let shapes = |reason: &&ReasonLine<'a>| reason.shaped_by.iter().any(|(shaper, _)| shaper.handle == line.handle);
    let own: Vec<&ReasonLine<'a>> = account.reasons.iter().filter(causes).collect();
    if !own.is_empty() {
        let is_over = own.iter().all(|reason| reason.phase == Phase::Past);
        let ended = own
            .iter()
            .filter_map(|reason| reason.interval.until.map(|until| Why::Ended { rule: reason.interval.rule, until }));
        return if is_over { ended.collect() } else { Vec::new() };
    }
    let shaped: Vec<&ReasonLine<'a>> = account.reasons.iter().filter(shapes).collect();
    let prevents = account.prevented.iter().any(|(shaper, _)| shaper.handle == line.handle);
    if shaped.is_empty() && !prevents {
        return uncounted::why(account.pack, line, &account.reasons);
    }
    // It is history of some reason: as a contact it may be late all the same.
    let mut why: Vec<Why<'a>> = uncounted::late(account.pack, line).into_iter().collect();
    if !prevents && shaped.iter().all(|reason| reason.phase == Phase::Past) {
        let mut rules: Vec<u16> = shaped.iter().map(|reason| reason.interval.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        why.push(Why::Bygone(rules));
    }
    why
}

/// Records that another of their fact replaced.
fn superseded<'a>(records: &[NamedRecord<'a>], facts: &[Fact<'a>]) -> Vec<Uncounted<'a>> {
    let mut superseded = Vec::new();
    for record in records {
        let winner = facts.iter().find(|fact| fact.record.key == record.key);
        if let Some(winner) = winner.filter(|winner| winner.record.version != record.version) {
            superseded.push(Uncounted {
                name: Some(record.name),
                version: record.version,
                evidence: None,
                why: vec![Why::Superseded { by: winner.record.version }],
            });
        }
    }
    superseded
}
