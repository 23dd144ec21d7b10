//! Some of those who change, with what both packs say of them.
//!
//! Of each kind of change, the most frequent first, one after the other: so rare ones are seen too. Owns the choice: it
//! is by the changes and the tokens alone.

use std::collections::BTreeMap;

use fuma_schemas::{Instant, Person};

use super::people::Seen;
use crate::assess::timeline::{Interval, Timeline};
use crate::assess::{Judge, Partition};

/// How many people are shown.
pub(super) const SAMPLES: usize = 20;

/// A person under two packs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The token.
    pub person: Person,
    /// Under the pack in force.
    pub before: Side,
    /// Under the candidate.
    pub after: Side,
}

/// A person under one pack.
#[derive(Clone, Debug)]
pub struct Side {
    /// The state, as in a line of the digest.
    pub state: String,
    /// The merged intervals of the rules that end after the clock, by rule id.
    pub reasons: Vec<(String, Interval)>,
}

/// A kind of change: the states before and after, in words.
type Change<'a> = (&'a str, &'a str);

/// Somebody who changes: the token, the partition and the number there.
type Changed = (Person, usize, u32);

/// Those of a part of the people, and how many change so.
pub(super) type Chosen = (Vec<Sample>, BTreeMap<(String, String), u64>);

/// Chooses from what was chosen of each part.
pub(super) fn of_parts(parts: Vec<Chosen>) -> Vec<Sample> {
    let mut kinds: BTreeMap<(String, String), (u64, Vec<Sample>)> = BTreeMap::new();
    for (samples, counts) in parts {
        counts.into_iter().for_each(|(change, count)| kinds.entry(change).or_default().0 += count);
        for sample in samples {
            let change = (sample.before.state.clone(), sample.after.state.clone());
            kinds.entry(change).or_default().1.push(sample);
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.iter_mut().for_each(|(_, (_, samples))| samples.sort_by_key(|sample| sample.person));
    kinds.sort_by(|(one, (count, _)), (other, (more, _))| more.cmp(count).then(one.cmp(other)));
    let rounds = (0..SAMPLES).flat_map(|round| kinds.iter().filter_map(move |(_, (_, samples))| samples.get(round)));
    rounds.take(SAMPLES).cloned().collect()
}

/// Chooses the samples of a partition.
pub(super) fn of_partition(partition: &Partition, seen: &Seen, judges: (&Judge, &Judge), clock: Instant) -> Chosen {
    let states = partition.all_announced().states();
    let text = |number: u32| states.get(number as usize).map_or_else(String::new, |state| state.text());
    let counts = seen.firsts.iter().map(|((old, new), (count, _))| ((text(*old), text(*new)), *count)).collect();
    (choose(std::slice::from_ref(partition), std::slice::from_ref(seen), judges, clock), counts)
}

/// Chooses the samples.
pub(super) fn choose(partitions: &[Partition], seen: &[Seen], judges: (&Judge, &Judge), clock: Instant) -> Vec<Sample> {
    let texts: Vec<Vec<String>> = partitions
        .iter()
        .map(|partition| partition.all_announced().states().iter().map(|state| state.text()).collect())
        .collect();
    let mut changes: BTreeMap<Change<'_>, (u64, Vec<Changed>)> = BTreeMap::new();
    for (place, (partition, part)) in partitions.iter().zip(seen).enumerate() {
        let text =
            |number: u32| texts.get(place).and_then(|texts| texts.get(number as usize)).map_or("", String::as_str);
        for ((old, new), (count, firsts)) in &part.firsts {
            let (all, people) = changes.entry((text(*old), text(*new))).or_default();
            *all += count;
            people.extend(
                firsts.iter().filter_map(|number| Some((partition.evidence().person(*number)?, place, *number))),
            );
        }
    }
    let mut kinds: Vec<_> = changes.into_iter().collect();
    kinds.iter_mut().for_each(|(_, (_, people))| people.sort_unstable());
    kinds.sort_by(|(one, (count, _)), (other, (more, _))| more.cmp(count).then(one.cmp(other)));
    let rounds = (0..SAMPLES)
        .flat_map(|round| kinds.iter().filter_map(move |(change, (_, people))| Some((change, people.get(round)?))));
    let sample = |((old, new), (person, place, number)): (&Change<'_>, &Changed)| {
        let partition = partitions.get(*place)?;
        let side = |judge: &Judge, state: &str| Side {
            state: state.to_owned(),
            reasons: reasons(partition, judge, *number, clock),
        };
        Some(Sample { person: *person, before: side(judges.0, old), after: side(judges.1, new) })
    };
    rounds.take(SAMPLES).filter_map(sample).collect()
}

fn reasons(partition: &Partition, judge: &Judge, person: u32, clock: Instant) -> Vec<(String, Interval)> {
    let timeline = Timeline::merge(&mut partition.rules_by(judge, &[(person, None)]));
    let lasting = timeline.intervals().iter().filter(|interval| interval.until.is_none_or(|until| until > clock));
    let id = |rule: u16| judge.pack().rules.get(usize::from(rule)).map(|rule| rule.head.id.clone());
    lasting.filter_map(|interval| Some((id(interval.rule)?, *interval))).collect()
}
