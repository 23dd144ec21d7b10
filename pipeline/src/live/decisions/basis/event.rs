//! A record of the history, with what it changed; and a hold.
//!
//! Owns what others read of the history. Must never change by itself.

use super::proposal::{Approval, Switch};
use super::publication::Size;
use super::records::Held;
use super::void::Void;
use crate::live::decisions::record::Record;

/// What a record changed besides itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// A proposal is in the schedule.
    Scheduled(Switch),
    /// A switch is taken out of the schedule.
    Unscheduled {
        /// Its number.
        number: u64,
        /// Of which proposal.
        proposal: String,
    },
    /// A proposal will never be applied.
    Voided {
        /// Which.
        proposal: String,
        /// Why.
        void: Void,
    },
    /// There are other officials from here on.
    Officials {
        /// By which proposal.
        proposal: String,
    },
    /// A publication of tiers is beyond the limits, or not counted whole: it waits for officials.
    HeldBack {
        /// Which.
        publication: String,
        /// What it would do.
        size: Size,
    },
    /// A publication of tiers takes effect.
    Admitted {
        /// Which.
        publication: String,
        /// What it does.
        size: Size,
        /// Who approved it; nobody: it was within the limits.
        signed: Vec<String>,
    },
    /// A hold is released.
    Released {
        /// Which.
        hold: String,
    },
}

/// A record of the history.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Where.
    pub offset: u64,
    /// When the log took it, in milliseconds UTC.
    pub at_ms: i64,
    /// What it says.
    pub record: Record,
    /// Why it counts for nothing, if it does.
    pub void: Option<Void>,
    /// What it changed besides.
    pub then: Vec<Then>,
}

/// An emergency stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The offset of its record.
    pub offset: u64,
    /// What it says.
    pub held: Held,
    /// Who agreed to its release.
    pub approvals: Vec<Approval>,
    /// Whether it is released.
    pub is_released: bool,
}
