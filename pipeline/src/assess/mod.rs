//! Reasons -> timeline -> state -> difference to what was announced (FEEDS.md sections 4 and 5).
//!
//! ```text
//! timeline   the intervals of one person, merged; the state at an instant, its segment, what comes next
//! change     a state that differs from the one last announced, as a code change
//! due        who is to be judged again when, without any event
//! partition  the people of one partition: apply, gather, judge, remember what was announced
//! staged     live: memory that follows the commit, or is taken back
//! audit      whether what was announced is what the evidence says
//! forgetting what is past is dropped, where no rule would miss it
//! ```
//!
//! Owns the meaning of a state. Pure: clock and evidence are arguments (I-7).

mod audit;
pub mod change;
pub mod due;
pub mod forgetting;
pub mod partition;
mod staged;
pub mod timeline;

pub use forgetting::{Forgotten, very_late};
pub use partition::{AssessError, Partition, Step, Ticks};
pub use timeline::{Sample, Timeline};
