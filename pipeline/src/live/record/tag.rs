//! The tags: what a section of a message holds.
//!
//! Owns their numbers, which are fixed for good: they stand in every log that was ever written. A tag that is not here
//! is of a newer build. Must never be taken from the order of an enum.

use fuma_schemas::Kind;

/// Verdicts of trace on contacts.
pub(super) const VERDICTS: u8 = 11;
/// Facts that people forgot (in the link log), or that trace dropped (in the evidence log).
pub(super) const FORGOTTEN: u8 = 13;
/// What people told to phones (in the log of phones).
pub(super) const TOLD: u8 = 14;
/// What people told to conveyances (in the log of rides).
pub(super) const RIDES: u8 = 15;
/// A control section: no rows, but what a stage says about its own say.
pub(super) const CONTROL: u8 = 255;

/// The tag of a kind.
pub(super) fn tag_of(kind: Kind) -> u8 {
    match kind {
        Kind::Cases => 0,
        Kind::Contacts => 1,
        Kind::Entries => 2,
        Kind::ExternalCodes => 3,
        Kind::Isolations => 4,
        Kind::Listings => 5,
        Kind::Stays => 6,
        Kind::Symptoms => 7,
        Kind::Tests => 8,
        Kind::Trips => 9,
        Kind::Regions => 10,
        Kind::Bindings => 12,
    }
}

/// The kind with a tag.
pub(super) fn kind_of(tag: u8) -> Option<Kind> {
    Kind::PERSONAL.into_iter().chain([Kind::Regions]).find(|kind| tag_of(*kind) == tag)
}
