//! Why a stay misses the tiers that its region meets.
//!
//! Owns the hints. They read the pack's names and its look-back; where a pack says nothing of the kind, neither do
//! they.

use fuma_schemas::Instant;
use fuma_schemas::vocabulary::{ClosedList as _, Granularity};

use super::evidence::{EvidenceLine, TierLine};
use super::uncounted::names_value;
use crate::policy::{Pack, days};

/// A tier that a stay meets by region, and why it gives no reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StayMiss<'a> {
    /// The tier.
    pub tier: TierLine<'a>,
    /// Why it gives no reason.
    pub miss: Miss,
}

/// Why a tier gives a stay no reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Miss {
    /// No rule names the tier.
    Tier,
    /// The stay is located too coarsely: its granularity.
    Coarse(&'static str),
    /// The person came when the tier had ended.
    Lifted,
    /// The person had left more than so many days before the day of designation.
    LookBack(i64),
    /// The rules give none, and no hint applies.
    Unknown,
}

/// Why each tier that a stay meets gives no reason.
pub(super) fn misses<'a>(pack: &Pack, stay: &EvidenceLine<'a>) -> Vec<StayMiss<'a>> {
    let miss = |tier: &TierLine<'a>| StayMiss { tier: tier.clone(), miss: miss(pack, stay, tier) };
    stay.tiers.iter().map(miss).collect()
}

fn miss(pack: &Pack, stay: &EvidenceLine<'_>, TierLine { tier, .. }: &TierLine<'_>) -> Miss {
    if !names_value(pack, tier.tier) {
        return Miss::Tier;
    }
    let granularity = stay.text("region").and_then(Granularity::of_code).map(|granularity| granularity.name());
    if let Some(granularity) = granularity.filter(|name| tier.matched == "contains" && !names_value(pack, name)) {
        return Miss::Coarse(granularity);
    }
    let (arrived, left) = (stay.instant("arrived_at"), left_at(stay));
    if arrived.zip(tier.until).is_some_and(|(arrived, until)| arrived >= until) {
        return Miss::Lifted;
    }
    match left.zip(pack.look_back(tier.since)) {
        Some((left, (days, opens))) if left <= opens => Miss::LookBack(days),
        _ => Miss::Unknown,
    }
}

/// When a person left.
pub(super) fn left_at(stay: &EvidenceLine<'_>) -> Option<Instant> {
    days::left_at(stay.instant("arrived_at"), stay.instant("left_at"), stay.text("source"))
}
