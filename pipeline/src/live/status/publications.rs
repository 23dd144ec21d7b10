//! Publications of tiers that wait: for `fuma status`.
//!
//! Owns the words. Pure: what was decided is an argument.

use serde::Serialize;

use crate::live::decisions::Fold;
use crate::live::decisions::basis::{Publication, Standing};

/// A publication that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaitingTiers {
    /// Its id.
    pub id: String,
    /// The source system.
    pub owner: String,
    /// How many rows.
    pub rows: u64,
    /// held (an official is needed), or waiting (it is being counted).
    pub state: &'static str,
    /// People whose colours it would change, as far as it is counted.
    pub changes: u64,
    /// Of these, who would turn green.
    pub green: u64,
    /// How many partitions have counted.
    pub counted: u32,
    /// Of how many.
    pub partitions: u32,
}

/// The publications that wait, in the order in which they came.
pub fn waiting(fold: &Fold) -> Vec<WaitingTiers> {
    let basis = fold.basis();
    let open = basis.publications().iter().filter(|publication| publication.is_open());
    let one = |publication: &Publication| {
        let size = basis.size_of(publication);
        WaitingTiers {
            id: publication.closed.id.clone(),
            owner: publication.closed.owner.clone(),
            rows: publication.closed.rows,
            state: if publication.standing == Standing::Held { "held" } else { "waiting" },
            changes: size.changes,
            green: size.green,
            counted: size.counted,
            partitions: size.partitions,
        }
    };
    open.map(one).collect()
}
