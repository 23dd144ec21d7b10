//! The state of one partition: who there is, what is known of them, and how it is handed to the rules.
//!
//! ```text
//! winners   log batch -> rows appended, winners of facts settled, people touched
//! tiers     records of regions -> who stayed there is touched
//! step      person -> chain of rows -> rows of the step -> Arrow columns as rules see them
//! pages     people, page by page -> tables of a snapshot, and back; facts past their retention -> dropped
//! people    token -> number, the head of each person's chain, who was touched
//! store     the bytes underneath: one table a kind, append-only rows of a fixed width
//! ```
//!
//! Each room has one door, its `mod.rs`: what is not named there is nobody else's.
//!
//! Evidence is a set (I-2): records in any order, with any repetition, give the same state. What is standing may be
//! gathered in any order too, for rules treat it as a set. Pure: no I/O, no clock, no randomness. Owner, id and
//! identities never stay here, but for the owner of a listing, which rules see.

mod pages;
mod people;
mod state;
mod step;
mod store;
mod tiers;
mod winners;

#[cfg(test)]
mod tests;

pub use pages::{
    DERIVED, Export, ForgottenLink, Import, Memory, PEOPLE, Part, Past, Retention, TableError, Tidy, VERDICTS,
};
pub use people::{Crowded, Limits, Touched};
pub use state::Evidence;
pub use step::{
    FactView, Mark, RuleTable, RuleTables, StepPart, StepRows, StepTable, TierView, Wanted, WantedTiers, materialise,
};
pub use store::Seed;
pub use tiers::WouldBe;
pub use winners::{
    Contender, Contents, Derived, DerivedBy, DerivedRow, EvidenceError, FactKey, LinksRank, NameKey, OwnedValue,
    Ranked, Said, Value, Version, compare_rows, derived_key, fact_key, link_key, name_key, version,
};
