//! The risk tiers of regions: facts like others, but of no person, and kept whole in every partition.
//!
//! Owns the records that win, and which tiers a stay's region code meets. Regions are never forgotten.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use fuma_schemas::Kind;
use fuma_schemas::region::CODE_LENGTHS;
use fuma_schemas::vocabulary::{ClosedList, Match};
use hashbrown::HashMap;

use crate::evidence::store::Seed;
use crate::evidence::winners::{Contender, Contents, LinksRank, NameKey, Ranked, Version};

/// An `until` that is open.
pub(in crate::evidence) const OPEN: i64 = i64::MAX;

/// A tier and the time it holds, in milliseconds UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::evidence) struct TierSpan {
    pub(in crate::evidence) tier: u8,
    pub(in crate::evidence) since: i64,
    pub(in crate::evidence) until: i64,
}

/// A tier that a stay's region meets, and how.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::evidence) struct MatchedTier {
    pub(in crate::evidence) span: TierSpan,
    pub(in crate::evidence) matched: u8,
}

/// What a record of a region says.
#[derive(Clone, Debug)]
pub(in crate::evidence) struct RegionContents {
    pub(in crate::evidence) region: Box<str>,
    pub(in crate::evidence) span: TierSpan,
    pub(in crate::evidence) authority: Option<Box<str>>,
    pub(in crate::evidence) document: Option<Box<str>>,
}

impl Contents for RegionContents {
    fn kind(&self) -> Kind {
        Kind::Regions
    }

    fn ranked(&self, column: usize) -> Ranked<'_> {
        match column {
            0 => Ranked::Text(&self.region),
            1 => Ranked::Number(i64::from(self.span.tier)),
            2 => Ranked::Number(self.span.since),
            3 if self.span.until != OPEN => Ranked::Number(self.span.until),
            4 => self.authority.as_deref().map_or(Ranked::Absent, Ranked::Text),
            5 => self.document.as_deref().map_or(Ranked::Absent, Ranked::Text),
            _ => Ranked::Absent,
        }
    }

    fn links(&self) -> LinksRank {
        LinksRank::NONE
    }
}

/// A retraction: of it nothing is looked at.
struct Withdrawn;

impl Contents for Withdrawn {
    fn kind(&self) -> Kind {
        Kind::Regions
    }

    fn ranked(&self, _column: usize) -> Ranked<'_> {
        Ranked::Absent
    }

    fn links(&self) -> LinksRank {
        LinksRank::NONE
    }
}

/// The facts about regions.
#[derive(Clone, Debug)]
pub(in crate::evidence) struct RegionFacts {
    /// By the name of the record: 128 bits, for there is no person to compare.
    winners: HashMap<NameKey, (Version, Option<RegionContents>), Seed>,
    /// The tiers that hold, by region. One may be there twice, by two facts.
    standing: BTreeMap<Box<str>, Vec<TierSpan>>,
}

/// The order of two records of one fact, and whether they are in conflict.
fn compared(mine: (Version, &impl Contents), its: (Version, &impl Contents)) -> (Ordering, bool) {
    let mine = Contender { version: mine.0, contents: mine.1 };
    let its = Contender { version: its.0, contents: its.1 };
    (mine.against(&its), mine.conflicts_with(&its))
}

impl RegionFacts {
    pub(in crate::evidence) fn new(seed: Seed) -> RegionFacts {
        RegionFacts { winners: HashMap::with_hasher(seed), standing: BTreeMap::new() }
    }

    pub(in crate::evidence) fn len(&self) -> usize {
        self.winners.len()
    }

    /// Takes a record, one without contents to withdraw; adds the regions of which a tier comes or goes to `changed`.
    /// Whether the contents were in conflict.
    pub(in crate::evidence) fn apply(
        &mut self,
        key: NameKey,
        version: Version,
        contents: Option<RegionContents>,
        changed: &mut Vec<Box<str>>,
    ) -> bool {
        let mut conflict = false;
        if let Some((its_version, its)) = self.winners.get(&key) {
            let order;
            (order, conflict) = match (&contents, its) {
                (Some(mine), Some(its)) => compared((version, mine), (*its_version, its)),
                (Some(mine), None) => compared((version, mine), (*its_version, &Withdrawn)),
                (None, Some(its)) => compared((version, &Withdrawn), (*its_version, its)),
                (None, None) => compared((version, &Withdrawn), (*its_version, &Withdrawn)),
            };
            if order != Ordering::Greater {
                return conflict;
            }
        }
        if let Some(RegionContents { region, span, .. }) = &contents
            && span.until > span.since
        {
            self.standing.entry(region.clone()).or_default().push(*span);
            changed.push(region.clone());
        }
        if let Some((_, Some(RegionContents { region, span, .. }))) = self.winners.insert(key, (version, contents)) {
            self.remove(&region, span);
            changed.push(region);
        }
        conflict
    }

    fn remove(&mut self, region: &str, span: TierSpan) {
        let Some(spans) = self.standing.get_mut(region) else { return };
        if let Some(at) = spans.iter().position(|other| *other == span) {
            spans.swap_remove(at);
        }
        if spans.is_empty() {
            self.standing.remove(region);
        }
    }

    /// The distinct tiers that a stay with this code meets, in their order.
    pub(in crate::evidence) fn matches(&self, code: &str) -> Box<[MatchedTier]> {
        let mut found = Vec::new();
        let mut add = |spans: &[TierSpan], how: Match| {
            found.extend(spans.iter().map(|&span| MatchedTier { span, matched: how.code() }));
        };
        for (region, how) in prefixes(code).map(|region| (region, Match::Within)).chain([(code, Match::Exact)]) {
            add(self.standing.get(region).map_or(&[], Vec::as_slice), how);
        }
        for (_, spans) in beginning_with(&self.standing, code) {
            add(spans, Match::Contains);
        }
        found.sort_unstable();
        found.dedup();
        found.into_boxed_slice()
    }

    /// Bytes held, about: a tree does not say what it holds.
    pub(in crate::evidence) fn bytes(&self) -> usize {
        let spans: usize = self
            .standing
            .iter()
            .map(|(region, spans)| region.len() + 40 + spans.capacity() * size_of::<TierSpan>())
            .sum();
        self.winners.allocation_size() + self.winners.len() * 12 + spans
    }
}

/// The codes of the regions that hold a code, without itself.
pub(in crate::evidence) fn prefixes(code: &str) -> impl Iterator<Item = &str> {
    CODE_LENGTHS.into_iter().filter(|&length| length < code.len()).filter_map(|length| code.get(..length))
}

/// The entries whose code begins with a code, without that of the code itself.
pub(in crate::evidence) fn beginning_with<'a, V>(
    map: &'a BTreeMap<Box<str>, V>,
    code: &'a str,
) -> impl Iterator<Item = (&'a str, &'a V)> {
    map.range::<str, _>((Bound::Excluded(code), Bound::Unbounded))
        .map(|(other, value)| (other.as_ref(), value))
        .take_while(move |(other, _)| other.starts_with(code))
}
