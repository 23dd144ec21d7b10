//! What officials and operators decided, and what it comes to: which pack is in force from when (docs/recovery.md R-24,
//! R-27), who the officials are, what waits for them, what is held.
//!
//! ```text
//! officials   who may sign, how many it takes, and what they sign
//! records     what the records say
//! void        why a record counts for nothing
//! proposal    a proposal, and what became of it
//! event       a record of the history, and what it changed
//! publication a publication of tiers, its size, and what became of it (R-25)
//! guarded     which publication takes effect
//! fold        all records in order -> what holds
//! rules       what a proposal must be for the schedule that it is to follow
//! ```
//!
//! Owns the fold: the same records give the same schedule in every process. Must never read a clock: the time is when
//! the log took a record. Must never decide: people do.

mod event;
mod fold;
mod guarded;
#[cfg(test)]
mod guarded_tests;
#[cfg(test)]
mod model;
mod officials;
mod proposal;
mod publication;
mod records;
mod rules;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod void;

pub use event::{Event, Hold, Then};
pub use fold::{Basis, SWITCH_NOTICE_MS};
pub use officials::{Official, Officials, Purpose, Quorum, Role, Signed, bytes_of_hex, hex_of, is_digest, is_name};
pub use proposal::{Approval, Proposal, State, Switch};
pub use publication::{Closed, Counted, Limits, Publication, Size, Standing, id_of, publication_of};
pub use records::{Approved, Bootstrap, FirstOfficials, Held, PackName, Proposed, Seen, What, Withdrawn};
pub use rules::is_text;
#[cfg(test)]
pub(crate) use sample::signed_switch;
pub use void::Void;
