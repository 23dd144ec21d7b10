//! A switch between two packs that trace under different labels waits for an operator's word (docs/recovery.md R-23,
//!
//!
//! The contacts by conveyance of the old label are not seen from the switch on, and those of the new one are told from
//! then on: who hangs on one could turn green, and some seconds later red again. A switch may need a record that all
//! was traced before; there is none yet, so the partition goes on by the old pack, and says so until somebody agrees or
//! the pack before is published again.
//!
//! Owns that hold. Must never be silent about it.

use std::time::Duration;

use super::super::owned::Owned;
use super::InForce;
use crate::live::partitions::{ParkReason, Words, digest_of};

/// How often it is said.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// A switch that is held.
#[derive(Clone, Copy, Debug)]
pub(in crate::live::worker) struct Held {
    number: u64,
    said_at: Duration,
}

/// What an operator agrees to.
fn digest(partition: u32, due: &InForce) -> String {
    digest_of([ParkReason::Retraces.code().to_owned(), partition.to_string(), due.number.to_string(), due.hash.clone()])
}

/// Whether a partition goes on by its pack although another is due.
pub(super) fn is_held(owned: &mut Owned, due: &InForce, elapsed: Duration, words: &Words) -> bool {
    let both_trace = owned.in_force.pack.tracing.is_some() && due.pack.tracing.is_some();
    if !both_trace || owned.in_force.label == due.label {
        owned.held = None;
        return false;
    }
    let digest = digest(owned.id, due);
    if words.act_on(ParkReason::Retraces, owned.id, &digest) {
        tracing::warn!(partition = owned.id, switch = due.number, "an operator agreed: tracing begins again");
        owned.held = None;
        return false;
    }
    let is_new = owned.held.is_none_or(|held| held.number != due.number);
    if is_new || owned.held.is_some_and(|held| elapsed.saturating_sub(held.said_at) >= SAY_EVERY) {
        owned.held = Some(Held { number: due.number, said_at: elapsed });
        let (partition, switch, reason) = (owned.id, due.number, ParkReason::Retraces);
        let (old, new) = (&owned.in_force.pack, &due.pack);
        tracing::error!(
            partition,
            switch,
            reason = reason.code(),
            "{} {} is due and traces conveyances under another label than {} {}: it goes on by the old pack. {}; \
             to go on: fuma accept {} {partition} {digest}",
            new.id,
            new.version,
            old.id,
            old.version,
            reason.advice(),
            reason.code(),
        );
    }
    true
}
