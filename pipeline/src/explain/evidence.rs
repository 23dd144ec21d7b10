//! A fact with its name, as a person may read it.
//!
//! Owns the view of one fact. The tiers that a stay meets belong to it, with the names of their records.

use std::fmt;

use fuma_schemas::{Feed, Instant, Kind};

use super::derived::Derivation;
use super::known::Known;
use super::names::RegionRecord;
use crate::assess::Partition;
use crate::evidence::{FactView, TierView, Value};

/// The name of a record: what a person asks its owner for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name<'a> {
    /// The feed.
    pub feed: Feed,
    /// The source system.
    pub owner: &'a str,
    /// The id there.
    pub id: &'a str,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}/{}", self.feed.name(), self.owner, self.id)
    }
}

/// A tier that a stay meets, with the records of regions that say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TierLine<'a> {
    /// The tier.
    pub tier: TierView,
    /// The region records with this tier and time.
    pub names: Vec<Name<'a>>,
}

/// A fact: its name, the record that won, and its contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvidenceLine<'a> {
    /// The name; none if the inputs no longer have it.
    pub name: Option<Name<'a>>,
    /// The handle that rules saw.
    pub handle: u64,
    /// The record that won.
    pub fact: FactView<'a>,
    /// The tiers that a stay meets.
    pub tiers: Vec<TierLine<'a>>,
    /// What stands behind it, where no record of the person says it.
    pub derived: Option<Derivation<'a>>,
}

impl<'a> EvidenceLine<'a> {
    pub(super) fn new(
        known: &Known<'a>,
        partition: &'a Partition,
        name: Option<Name<'a>>,
        handle: u64,
        fact: FactView<'a>,
    ) -> EvidenceLine<'a> {
        let tiers = match (fact.kind, text(&fact, "region")) {
            (Kind::Stays, Some(region)) => {
                let met = partition.evidence().tiers_met(handle);
                met.into_iter().map(|tier| TierLine { tier, names: tier_names(known, region, tier) }).collect()
            }
            _ => Vec::new(),
        };
        EvidenceLine { name, handle, fact, tiers, derived: None }
    }

    /// The text of a column.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        text(&self.fact, column)
    }

    /// The instant of a column.
    pub fn instant(&self, column: &str) -> Option<Instant> {
        self.fact.values.iter().find_map(|(name, value)| match value {
            Value::Instant(instant) if *name == column => Some(*instant),
            _ => None,
        })
    }
}

fn text<'a>(fact: &FactView<'a>, column: &str) -> Option<&'a str> {
    fact.values.iter().find_map(|(name, value)| match value {
        Value::Text(text) if *name == column => Some(*text),
        _ => None,
    })
}

/// The region records that say this tier of a region that meets the stay's in this way.
fn tier_names<'a>(known: &Known<'a>, region: &str, tier: TierView) -> Vec<Name<'a>> {
    let says = known.names().regions().iter().filter(|record| says(record, region, tier));
    let mut names: Vec<Name<'a>> = says.map(|record| record.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn says(record: &RegionRecord<'_>, region: &str, tier: TierView) -> bool {
    let code = record.region;
    let meets = match tier.matched {
        "exact" => code == region,
        "within" => code != region && region.starts_with(code),
        _ => code != region && code.starts_with(region),
    };
    meets && record.tier == tier.tier && record.since == Some(tier.since) && record.until == tier.until
}
