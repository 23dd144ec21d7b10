//! Where two packs differ, without any data: their texts, and every small person on whom they do.
//!
//! ```text
//! mod      what is compared, in which order, until when; the verdict of each rule and colour
//! texts    parameters, texts and SQL that differ
//! facts    the facts that a person of a small world may have
//! tiers    regions of small worlds, and stays that meet their tiers
//! worlds   small worlds through the engine
//! verdict  equal, narrower, wider, different: by intervals
//! witness  the smallest person of a difference, as feeds and as a case
//! ```
//!
//! A *small world* is one person with up to k facts. All of them are enumerated in batches, the fewest facts first, so
//! the first person that shows a difference is the smallest. "Equal up to k" says just that. Owns the enumeration.

mod facts;
mod texts;
mod tiers;
mod verdict;
mod witness;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fuma_schemas::{Colour, Kind};

use crate::evidence::RuleTable;
use crate::policy::Pack;
use crate::replay::ReplayError;

use facts::{Fact, Words};
pub use texts::{Pair, Texts, texts};
pub use verdict::Verdict;
use verdict::{Relation, Subject};
use witness::Differing;
pub use witness::Witness;

/// Worlds that are judged at once.
const BATCH: usize = 16_384;

/// How far to go.
pub struct Bounds<'a> {
    /// The most facts of a person.
    pub facts_max: usize,
    /// How many threads.
    pub workers: usize,
    /// Whether there is time for another batch.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// What was found.
#[derive(Debug)]
pub struct Comparison {
    /// By rule, the ids of both packs.
    pub rules: BTreeMap<String, Compared>,
    /// By colour.
    pub colours: BTreeMap<&'static str, Compared>,
    /// The smallest person of each difference.
    pub differences: Vec<Found>,
    /// How many worlds were judged.
    pub worlds: u64,
}

/// A rule or a colour under both packs.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What the new pack makes of it.
    pub verdict: Verdict,
    /// Up to how many facts the enumeration was whole.
    pub whole_up_to: usize,
}

/// A difference.
#[derive(Debug)]
pub struct Found {
    /// What the new pack makes of it, on this person.
    pub verdict: Verdict,
    /// The rule; none where a colour is compared.
    pub rule: Option<String>,
    /// The rule's colour, or the colour.
    pub colour: Colour,
    /// The person.
    pub witness: Witness,
}

/// Compares two packs on small worlds.
///
/// # Errors
/// When the engine cannot run.
pub fn compare(packs: [&Arc<Pack>; 2], bounds: &Bounds<'_>) -> Result<Comparison, ReplayError> {
    let words = Words::of([packs[0], packs[1]]);
    let kinds: Vec<(Kind, Vec<Fact>)> = read_by(packs).into_iter().map(|kind| (kind, words.facts(kind))).collect();
    let subjects = verdict::subjects([packs[0], packs[1]]);
    let mut seen: BTreeMap<&Subject, Seen> = BTreeMap::new();
    let mut whole: BTreeSet<Vec<Kind>> = BTreeSet::new();
    let mut worlds = 0;
    'sizes: for size in 1..=bounds.facts_max {
        let mut groups = together(&kinds, packs, size);
        groups.sort_by_key(|group| group.iter().map(|kind| facts_of(&kinds, *kind).len() as u64).product::<u64>());
        for group in groups {
            let mut all = Worlds::new(group.iter().map(|kind| facts_of(&kinds, *kind)).collect());
            loop {
                let batch = all.next_batch();
                if batch.is_empty() {
                    break;
                }
                if !(bounds.goes_on)() {
                    break 'sizes;
                }
                worlds += batch.len() as u64;
                for said in worlds::judged(&batch, packs, bounds.workers)? {
                    let Some(world) = batch.get(said.world) else { continue };
                    for subject in &subjects {
                        if let Some(relation) = subject.relation(&said.timelines, packs) {
                            seen.entry(subject).or_default().see(relation, world);
                        }
                    }
                }
            }
            whole.insert(group);
        }
    }
    let reach = |kinds_read: &BTreeSet<Kind>| whole_up_to(kinds_read, &kinds, &whole, packs, bounds.facts_max);
    Ok(concluded((packs, &subjects), seen, worlds, &reach))
}

/// What was seen of a rule or a colour.
#[derive(Default)]
struct Seen {
    relations: BTreeSet<Relation>,
    /// Of each relation the first worlds: not every difference of intervals is announced.
    firsts: BTreeMap<Relation, Vec<Vec<Fact>>>,
}

/// How many worlds of one difference are tried for a witness.
const TRIED: usize = 24;

impl Seen {
    fn see(&mut self, relation: Relation, world: &[&Fact]) {
        self.relations.insert(relation);
        let firsts = self.firsts.entry(relation).or_default();
        if firsts.len() < TRIED {
            firsts.push(world.iter().map(|fact| (*fact).clone()).collect());
        }
    }
}

fn concluded(
    (packs, subjects): ([&Arc<Pack>; 2], &[Subject]),
    mut seen: BTreeMap<&Subject, Seen>,
    worlds: u64,
    reach: &dyn Fn(&BTreeSet<Kind>) -> usize,
) -> Comparison {
    let mut comparison =
        Comparison { rules: BTreeMap::new(), colours: BTreeMap::new(), differences: Vec::new(), worlds };
    for subject in subjects {
        let Seen { relations, firsts } = seen.remove(subject).unwrap_or_default();
        let compared =
            Compared { verdict: subject.verdict(&relations, packs), whole_up_to: reach(&subject.kinds(packs)) };
        for (relation, worlds) in &firsts {
            let tried = |differing| worlds.iter().find_map(|world| Witness::of(world, packs, differing));
            let witness = tried(Differing::Colour).or_else(|| tried(Differing::Anything));
            if let Some(witness) = witness {
                let (rule, colour) = subject.named(packs);
                let verdict = subject.verdict(&BTreeSet::from([*relation]), packs);
                comparison.differences.push(Found { verdict, rule, colour, witness });
            }
        }
        match subject {
            Subject::Rule(id) => drop(comparison.rules.insert(id.clone(), compared)),
            Subject::Colour(colour) => drop(comparison.colours.insert(colour.name(), compared)),
        }
    }
    comparison
}

/// The kinds that some rule of the packs reads.
fn read_by(packs: [&Arc<Pack>; 2]) -> BTreeSet<Kind> {
    packs.iter().flat_map(|pack| &pack.rules).flat_map(verdict::kinds_of).collect()
}

fn facts_of(kinds: &[(Kind, Vec<Fact>)], kind: Kind) -> &[Fact] {
    kinds.iter().find(|(other, _)| *other == kind).map_or(&[], |(_, facts)| facts)
}

/// The groups of kinds, with repetition, that some rule reads together.
fn together(kinds: &[(Kind, Vec<Fact>)], packs: [&Arc<Pack>; 2], size: usize) -> Vec<Vec<Kind>> {
    let mut groups: BTreeSet<Vec<Kind>> = BTreeSet::new();
    for rule in packs.iter().flat_map(|pack| &pack.rules) {
        let read = verdict::kinds_of(rule);
        let known = kinds.iter().map(|(kind, _)| *kind).filter(|kind| read.contains(kind)).collect::<Vec<_>>();
        let mut of_rule: Vec<Vec<Kind>> = vec![Vec::new()];
        for _ in 0..size {
            let longer = of_rule.iter().flat_map(|group| {
                let least = group.last().copied();
                let next = known.iter().filter(move |kind| least.is_none_or(|least| least <= **kind));
                next.map(move |kind| group.iter().copied().chain([*kind]).collect::<Vec<_>>())
            });
            of_rule = longer.collect();
        }
        groups.extend(of_rule);
    }
    groups.into_iter().collect()
}

/// Up to how many facts all groups of these kinds were judged whole.
fn whole_up_to(
    read: &BTreeSet<Kind>,
    kinds: &[(Kind, Vec<Fact>)],
    whole: &BTreeSet<Vec<Kind>>,
    packs: [&Arc<Pack>; 2],
    most: usize,
) -> usize {
    let is_whole = |size: &usize| {
        let mut groups = together(kinds, packs, *size).into_iter();
        groups.all(|group| !group.iter().all(|kind| read.contains(kind)) || whole.contains(&group))
    };
    (1..=most).take_while(is_whole).count()
}

/// The worlds of a group of kinds, in batches: of several facts at most one is not plain.
struct Worlds<'a> {
    facts: Vec<&'a [Fact]>,
    /// The place of the next world; none after the last.
    at: Option<Vec<usize>>,
}

impl<'a> Worlds<'a> {
    fn new(facts: Vec<&'a [Fact]>) -> Worlds<'a> {
        let at = facts.iter().all(|facts| !facts.is_empty()).then(|| vec![0; facts.len()]);
        Worlds { facts, at }
    }

    fn next_batch(&mut self) -> Vec<Vec<&'a Fact>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(at) = self.at.clone() else { break };
            let world: Vec<&Fact> = self.facts.iter().zip(&at).filter_map(|(facts, at)| facts.get(*at)).collect();
            let varied = world.iter().filter(|fact| !fact.plain).count();
            // Two facts of one kind are a world once.
            let is_first = world.windows(2).zip(at.windows(2)).all(|(pair, places)| match (pair, places) {
                ([one, other], [first, second]) => one.kind != other.kind || first <= second,
                _ => true,
            });
            if varied <= 1 && is_first {
                batch.push(world);
            }
            self.step();
        }
        batch
    }

    fn step(&mut self) {
        let Some(at) = &mut self.at else { return };
        for (place, facts) in at.iter_mut().zip(&self.facts).rev() {
            *place += 1;
            if *place < facts.len() {
                return;
            }
            *place = 0;
        }
        self.at = None;
    }
}

/// Whether a table of a rule holds facts of a kind.
fn kind_of(table: RuleTable) -> Kind {
    match table {
        RuleTable::Kind(kind) => kind,
        RuleTable::TieredStays => Kind::Stays,
    }
}
