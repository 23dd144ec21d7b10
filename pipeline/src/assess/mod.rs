//! Reasons -> timeline -> state -> difference to what was announced (docs/feeds.md sections 4 and 5).
//!
//! ```text
//! timeline   the intervals of one person, merged; the state at an instant, its segment, what comes next
//! step       who is judged together, and how many at most
//! joint      one step for the people of several partitions
//! judge      a pack with its plans: what the rules say of a step; on whom a rule fails
//! left_out   who is not judged, and why
//! announced  what was announced, whatever pack it is of
//! invariants I-1, I-4, I-5 as predicates
//! change     a state that differs from the one last announced, as a code change
//! due        who is to be judged again when, without any event
//! partition  the people of one partition: apply, gather, judge, remember what was announced
//! difference whose state a switch changes, and the digest of that
//! look       what a judge says of everybody, announcing nothing
//! shown      what is answered of each person who was judged
//! staged     live: memory that follows the commit, or is taken back
//! audit      whether what was announced is what the evidence says
//! would_be   what other tiers would do to people, before they take effect
//! forgetting what is past is dropped, where no rule would miss it
//! ```
//!
//! Owns the meaning of a state. Pure: clock and evidence are arguments (I-7).

pub mod announced;
mod audit;
pub mod change;
pub mod difference;
pub mod due;
pub mod forgetting;
pub mod invariants;
pub mod joint;
pub mod judge;
mod left_out;
mod look;
pub mod partition;
pub mod shown;
mod staged;
mod step;
#[cfg(test)]
mod tests;
pub mod timeline;
mod would_be;

pub use difference::Differences;
pub use forgetting::{Forgotten, retention, very_late};
pub use judge::{Judge, Judgement};
pub use left_out::{LeftOut, Why};
pub use look::Look;
pub use partition::{AssessError, Partition, Ticks};
pub use step::{Step, StepLimits};
pub use timeline::{Sample, Timeline};
pub use would_be::Concerned;
