//! A fact with its name, as a person may read it.
//!
//! Owns the view of one fact. The tiers that a stay meets belong to it, with the names of their records.

use std::fmt;

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt8Type};
use fuma_schemas::evidence::log;
use fuma_schemas::vocabulary::{ClosedList as _, Tier};
use fuma_schemas::{Feed, Instant, Kind};

use super::known::Known;
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
        EvidenceLine { name, handle, fact, tiers }
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
    let mut names: Vec<Name<'a>> = known
        .region_rows()
        .filter(|(_, batch, row)| says(batch, *row, region, tier))
        .map(|(name, _, _)| name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn says(batch: &RecordBatch, row: usize, region: &str, tier: TierView) -> bool {
    let column = |at: usize| batch.column(log::FIRST_OF_KIND + at);
    let instant = |at: usize| {
        let column = column(at).as_primitive::<TimestampMillisecondType>();
        column.is_valid(row).then(|| Instant(column.value(row)))
    };
    let [regions, tiers] = [column(0), column(1)];
    if regions.is_null(row) || tiers.is_null(row) {
        return false;
    }
    let code = regions.as_string::<i32>().value(row);
    let meets = match tier.matched {
        "exact" => code == region,
        "within" => code != region && region.starts_with(code),
        _ => code != region && code.starts_with(region),
    };
    let name = Tier::NAMES.get(usize::from(tiers.as_primitive::<UInt8Type>().value(row)));
    meets && name == Some(&tier.tier) && instant(2) == Some(tier.since) && instant(3) == tier.until
}
