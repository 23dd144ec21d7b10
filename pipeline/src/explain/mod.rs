//! Why a person has a colour, what would end it, and which evidence does not count and why; and which reasons are
//! overdue.
//!
//! ```text
//! known      the state at an instant: partitions, and who has the names
//! names      what is asked for names; inputs answers from the inputs of a replay
//! derived    what stands behind a fact that no record of the person says
//! hanging    who hangs on a case, by generation
//! evidence   a fact with its name, for people
//! effects    what each fact changes: the rules once more without it
//! account    a person's reasons and evidence
//! uncounted  why a fact gives no reason
//! fallen     which index of a contact fell, along the chain
//! stays      why a stay misses a tier
//! not_judged who is crowded, and on whom a rule failed
//! overdue    reasons past their due, and reasons that stand too long
//! words      evidence in words for officials
//! text       the account as text
//! ```
//!
//! What is said of a rule is what its plan does. The evidence of a reason is what the rule names as its cause. What
//! else matters is found by executing the rules without it. Hints on top of that (too late, too coarse ...) read the
//! pack's parameters, and say nothing where a pack has none. Pure: state and names in, a structure or a text out.
//! Another person is never shown, not even as a token: an index is shown by its owner and id.

mod account;
mod derived;
mod effects;
mod evidence;
mod fallen;
mod hanging;
mod inputs;
mod json;
mod known;
mod names;
mod not_judged;
mod overdue;
mod stays;
mod text;
mod uncounted;
mod words;

#[cfg(test)]
mod tests;

pub use account::{Account, Phase, ReasonLine, account};
pub use derived::{AboardLine, Derivation, Seat};
pub use evidence::{EvidenceLine, Name, TierLine};
pub use fallen::{Fallen, Ground};
pub use hanging::{Hanging, Isolation, hanging};
pub use inputs::Inputs;
pub use json::{aboard as aboard_json, json};
pub use known::Known;
pub use names::{NamedRecord, Names, RegionRecord};
pub use not_judged::{NotJudged, not_judged, why as why_not_judged};
pub use overdue::{Overdue, found, overdue, with_names};
pub use stays::{Miss, StayMiss};
pub use text::render;
pub use uncounted::{Uncounted, Why};
pub use words::{Language, columns, date, minutes};
