//! Reasons past their due that still hold, and reasons without a due that have held for long.
//!
//! Owns the pages over everybody. Costs the rules once over the population, a page of people at a time.

use fuma_schemas::{Colour, Instant, Person};
use rustc_hash::{FxHashMap, FxHashSet};

use super::evidence::Name;
use super::known::Known;
use super::names::Names;
use crate::assess::timeline::Interval;
use crate::assess::{AssessError, Partition, Timeline};
use crate::evidence::FactKey;
use crate::policy::RuleRow;

/// People of a page: bounds the memory of a step.
const PAGE_PEOPLE: u32 = 16_384;

/// A reason that somebody ought to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overdue<'a> {
    /// Whose reason it is.
    pub person: Person,
    /// The rule, by its place in the pack.
    pub rule: u16,
    /// The colour that the rule gives.
    pub colour: Colour,
    /// Since when it holds.
    pub since: Instant,
    /// When it ought to have been released; none: it has only stood for long.
    pub due: Option<Instant>,
    /// For how long it has been past its due, or has stood without one, in milliseconds.
    pub over_ms: i64,
    /// The evidence that still asserts it.
    pub evidence: Vec<Name<'a>>,
}

/// Lists reasons that hold past their due and, where `open_longer_than_ms` is given, those without a due that have held
/// for longer: the longest first.
///
/// # Errors
/// When a plan cannot be executed.
pub fn overdue<'a>(known: &Known<'a>, open_longer_than_ms: Option<i64>) -> Result<Vec<Overdue<'a>>, AssessError> {
    Ok(with_names(found(known, open_longer_than_ms)?, known.names()))
}

/// As [`overdue`], without the names of the evidence: for [`with_names`], once it is known whose names are needed.
///
/// # Errors
/// When a plan cannot be executed.
pub fn found<'a>(known: &Known<'_>, open_longer_than_ms: Option<i64>) -> Result<Found<'a>, AssessError> {
    let mut all = Vec::new();
    for partition in known.partitions() {
        let found = of_partition(known, partition, open_longer_than_ms)?;
        all.extend(found);
    }
    Ok(Found(all))
}

/// What was found, without the names of the evidence.
pub struct Found<'a>(Vec<(Overdue<'a>, Vec<FactKey>)>);

impl Found<'_> {
    /// Whose names are needed.
    pub fn people(&self) -> FxHashSet<Person> {
        self.0.iter().map(|(overdue, _)| overdue.person).collect()
    }
}

/// The list, longest first, with the names of the evidence.
pub fn with_names<'a>(Found(all): Found<'a>, names: &'a dyn Names) -> Vec<Overdue<'a>> {
    let facts = |(overdue, keys): &(Overdue<'a>, Vec<FactKey>)| {
        let person = overdue.person;
        keys.iter().map(move |key| (person, *key)).collect::<Vec<_>>()
    };
    let wanted: FxHashSet<(Person, FactKey)> = all.iter().flat_map(facts).collect();
    let names = names.of_facts(&wanted);
    let mut all: Vec<Overdue<'a>> = all.into_iter().map(|(overdue, keys)| named(overdue, &keys, &names)).collect();
    all.sort_by_key(|one| (std::cmp::Reverse(one.over_ms), one.person, one.rule));
    all
}

fn named<'a>(overdue: Overdue<'a>, keys: &[FactKey], names: &Named<'a>) -> Overdue<'a> {
    let name = |key: &FactKey| names.get(&(overdue.person, *key)).copied();
    let mut evidence: Vec<Name<'a>> = keys.iter().filter_map(name).collect();
    evidence.sort_unstable();
    evidence.dedup();
    Overdue { evidence, ..overdue }
}

type Named<'a> = FxHashMap<(Person, FactKey), Name<'a>>;

fn of_partition<'a>(
    known: &Known<'_>,
    partition: &Partition,
    open_longer_than_ms: Option<i64>,
) -> Result<Vec<(Overdue<'a>, Vec<FactKey>)>, AssessError> {
    let (mut found, people) = (Vec::new(), partition.evidence().people());
    for first in (0..people).step_by(PAGE_PEOPLE as usize) {
        let page: Vec<(u32, Option<u64>)> =
            (first..people.min(first.saturating_add(PAGE_PEOPLE))).map(|person| (person, None)).collect();
        let mut rows = partition.rules_of(&page);
        for of_person in rows.chunk_by_mut(|one, other| one.slot == other.slot) {
            let Some(token) = of_person.first().and_then(|row| partition.evidence().person(first + row.slot)) else {
                continue;
            };
            let timeline = Timeline::merge(of_person);
            for interval in timeline.intervals().iter().filter(|interval| interval.holds_at(known.at())) {
                if let Some(overdue) = judged(known, token, interval, open_longer_than_ms) {
                    found.push((overdue, causes(partition, of_person, interval, known.at())));
                }
            }
        }
    }
    Ok(found)
}

fn judged<'a>(
    known: &Known<'_>,
    person: Person,
    interval: &Interval,
    open_longer_than_ms: Option<i64>,
) -> Option<Overdue<'a>> {
    let over_ms = match interval.due {
        Some(due) => Some(known.at().0 - due.0).filter(|over| *over > 0),
        None => {
            Some(known.at().0 - interval.since.0).filter(|open| open_longer_than_ms.is_some_and(|than| *open > than))
        }
    }?;
    let colour = known.pack().rules.get(usize::from(interval.rule))?.head.colour;
    let Interval { rule, since, due, .. } = *interval;
    Some(Overdue { person, rule, colour, since, due, over_ms, evidence: Vec::new() })
}

/// The facts that assert an interval at an instant.
fn causes(partition: &Partition, rows: &[RuleRow], interval: &Interval, at: Instant) -> Vec<FactKey> {
    let holds = |row: &&RuleRow| row.since <= at && row.until.is_none_or(|until| at < until);
    let own = rows.iter().filter(|row| row.rule == interval.rule).filter(holds);
    own.filter_map(|row| partition.evidence().describe(row.cause).map(|fact| fact.key)).collect()
}
