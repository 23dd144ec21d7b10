//! The risk tiers of regions, and the stays that meet them.
//!
//! Owns the facts about regions and what stays make of them. Must never compare instants: those are the rules' to
//! compare.

mod meeting;
mod region_facts;
mod stay_codes;
mod would_be;

pub(in crate::evidence) use meeting::{STAY_REGION, Tiers};
pub(in crate::evidence) use region_facts::{MatchedTier, OPEN};
pub(in crate::evidence) use stay_codes::NO_STAY;
pub use would_be::WouldBe;
