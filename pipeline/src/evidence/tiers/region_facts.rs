//! The risk tiers of regions: facts like others, but of no person, and kept whole in every partition.
//!
//! Owns the records that win, and which tiers a stay's region code meets. Regions are never forgotten.

use std::collections::BTreeMap;
use std::ops::Bound;

use fuma_schemas::vocabulary::{ClosedList, Match};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::evidence::winners::{FactKey, Version};

/// The lengths of region codes (FEEDS.md section 2).
const CODE_LENGTHS: [usize; 5] = [2, 4, 6, 9, 12];

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

/// What a record of a region says; nothing when it withdraws one.
pub(in crate::evidence) type Contents = Option<(Box<str>, TierSpan)>;

/// The facts about regions.
#[derive(Default, Debug)]
pub(in crate::evidence) struct RegionFacts {
    winners: HashMap<FactKey, (Version, Contents), FxBuildHasher>,
    /// The tiers that hold, by region. One may be there twice, by two facts.
    standing: BTreeMap<Box<str>, Vec<TierSpan>>,
}

impl RegionFacts {
    pub(in crate::evidence) fn len(&self) -> usize {
        self.winners.len()
    }

    /// Takes a record; adds the regions of which a tier comes or goes to `changed`. Whether the contents were in
    /// conflict.
    pub(in crate::evidence) fn apply(
        &mut self,
        key: FactKey,
        version: Version,
        contents: Contents,
        changed: &mut Vec<Box<str>>,
    ) -> bool {
        let mut conflict = false;
        if let Some((its_version, its)) = self.winners.get(&key) {
            conflict =
                version.revision == its_version.revision && contents.is_some() && its.is_some() && contents != *its;
            if (version, &contents) <= (*its_version, its) {
                return conflict;
            }
        }
        if let Some((region, span)) = &contents
            && span.until > span.since
        {
            self.standing.entry(region.clone()).or_default().push(*span);
            changed.push(region.clone());
        }
        if let Some((_, Some((region, span)))) = self.winners.insert(key, (version, contents)) {
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
