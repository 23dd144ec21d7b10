//! The region codes of stays: the tiers each meets, and the chain of its stays.
//!
//! Owns the cache of matches: once a code, not once a stay. Must be told of every change of a tier.

use std::collections::BTreeMap;

use super::region_facts::{MatchedTier, RegionFacts, beginning_with, prefixes};

/// The end of a chain of stays.
pub(in crate::evidence) const NO_STAY: u32 = u32::MAX;

#[derive(Debug)]
struct StayCode {
    /// The latest stay with the code; each names the next.
    head: u32,
    matches: Box<[MatchedTier]>,
}

/// The codes of stays, by the number of the region.
#[derive(Default, Debug)]
pub(in crate::evidence) struct StayCodes {
    by_text: BTreeMap<Box<str>, u32>,
    codes: Vec<Option<StayCode>>,
}

impl StayCodes {
    /// Puts a stay at the head of its code's chain; gives the one that was.
    pub(in crate::evidence) fn link(&mut self, region: u32, text: &str, stay: u32, facts: &RegionFacts) -> u32 {
        let at = region as usize;
        if at >= self.codes.len() {
            self.codes.resize_with((at + 1).next_power_of_two(), || None);
        }
        let code = self.codes[at].get_or_insert_with(|| {
            self.by_text.insert(text.into(), region);
            StayCode { head: NO_STAY, matches: facts.matches(text) }
        });
        std::mem::replace(&mut code.head, stay)
    }

    /// The tiers that a region's stays meet.
    pub(in crate::evidence) fn matches(&self, region: u32) -> &[MatchedTier] {
        self.codes.get(region as usize).and_then(Option::as_ref).map_or(&[], |code| &code.matches)
    }

    /// How many numbers of regions there are.
    pub(in crate::evidence) fn len(&self) -> u32 {
        self.codes.len() as u32
    }

    /// The latest stay with a region's code; none without any.
    pub(in crate::evidence) fn head(&self, region: u32) -> Option<u32> {
        self.codes.get(region as usize).and_then(Option::as_ref).map(|code| code.head)
    }

    pub(in crate::evidence) fn set_head(&mut self, region: u32, stay: u32) {
        if let Some(code) = self.codes.get_mut(region as usize).and_then(Option::as_mut) {
            code.head = stay;
        }
    }

    /// Finds the matches of the codes anew that meet the regions given; the numbers of those that changed, and the
    /// heads of their chains.
    pub(in crate::evidence) fn renew(&mut self, regions: &[Box<str>], facts: &RegionFacts) -> Vec<(u32, u32)> {
        let mut heads = Vec::new();
        for (at, matches) in self.would_meet(regions, facts) {
            if let Some(code) = self.codes.get_mut(at as usize).and_then(Option::as_mut) {
                code.matches = matches;
                heads.push((at, code.head));
            }
        }
        heads
    }

    /// What the codes that meet the regions given would meet by these facts, where it is something else.
    pub(in crate::evidence) fn would_meet(
        &self,
        regions: &[Box<str>],
        facts: &RegionFacts,
    ) -> Vec<(u32, Box<[MatchedTier]>)> {
        let mut met: Vec<(&str, u32)> = Vec::new();
        for region in regions {
            let holding = prefixes(region).chain([region.as_ref()]);
            met.extend(
                holding.filter_map(|code| self.by_text.get_key_value(code)).map(|(code, &at)| (code.as_ref(), at)),
            );
            met.extend(beginning_with(&self.by_text, region).map(|(code, &at)| (code, at)));
        }
        met.sort_unstable();
        met.dedup();
        let others = met.into_iter().filter_map(|(text, at)| {
            let (matches, code) = (facts.matches(text), self.codes.get(at as usize)?.as_ref()?);
            (code.matches != matches).then_some((at, matches))
        });
        others.collect()
    }

    /// Exchanges what a code meets.
    pub(in crate::evidence) fn exchange(&mut self, region: u32, matches: &mut Box<[MatchedTier]>) {
        if let Some(code) = self.codes.get_mut(region as usize).and_then(Option::as_mut) {
            std::mem::swap(&mut code.matches, matches);
        }
    }

    /// Bytes held, about: a tree does not say what it holds.
    pub(in crate::evidence) fn bytes(&self) -> usize {
        let matches: usize =
            self.codes.iter().flatten().map(|code| code.matches.len() * size_of::<MatchedTier>()).sum();
        self.codes.capacity() * size_of::<Option<StayCode>>() + self.by_text.len() * 48 + matches
    }
}
