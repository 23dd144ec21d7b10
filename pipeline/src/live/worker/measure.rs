//! What a worker reports: counters a commit, gauges a second.
//!
//! Owns the calls of the metrics library. Must never have a person in a label.

use std::time::Duration;

use fuma_connectors::log::{GroupEvent, Outcome};
use fuma_schemas::{Colour, Instant};

use super::owned::{Owned, Taken};
use crate::live::metric;

/// The counters of a worker.
#[derive(Debug, Default)]
pub(super) struct Measures {
    restores: u64,
}

impl Measures {
    pub(super) fn taken(&self, taken: &Taken) {
        metrics::counter!(metric::EVIDENCE_ROWS).increment(taken.rows);
        if taken.very_late > 0 {
            metrics::counter!(metric::EVIDENCE_VERY_LATE).increment(taken.very_late);
        }
        if taken.damaged > 0 {
            metrics::counter!(metric::EVIDENCE_DAMAGED).increment(taken.damaged);
        }
    }

    pub(super) fn event(&self, event: &GroupEvent) {
        let name = match event {
            GroupEvent::Assigned(_) => "assigned",
            GroupEvent::Revoked(_) => "revoked",
            GroupEvent::Lost(_) => "lost",
        };
        metrics::counter!(metric::REBALANCES, "event" => name).increment(1);
    }

    /// Restores that were taken over.
    pub(super) fn restores(&self) -> u64 {
        self.restores
    }

    pub(super) fn restored(&mut self, seconds: f64) {
        self.restores += 1;
        metrics::histogram!(metric::RESTORE_SECONDS).record(seconds);
    }

    /// Nobody knows what a transaction came to, or another has taken over: the client is given up.
    pub(super) fn fatal(&self) {
        metrics::counter!(metric::TRANSACTIONS, "outcome" => "fatal").increment(1);
    }

    pub(super) fn committed(&self, outcome: Outcome, took: Duration, changes: &[(Colour, Colour)]) {
        let name = if outcome == Outcome::Committed { "commit" } else { "abort" };
        metrics::counter!(metric::TRANSACTIONS, "outcome" => name).increment(1);
        metrics::histogram!(metric::COMMIT_SECONDS).record(took.as_secs_f64());
        if outcome == Outcome::Committed {
            for (from, to) in changes {
                metrics::counter!(metric::CHANGES, "from" => from.name(), "to" => to.name()).increment(1);
            }
        }
    }

    /// The changes of a transaction that is there; each cause is when the log took the record behind one.
    pub(super) fn announced(&self, causes: &[Instant], now: Instant) {
        for cause in causes {
            metrics::histogram!(metric::ANNOUNCE_SECONDS).record((now.0 - cause.0).max(0) as f64 / 1e3);
        }
    }
}

/// The gauges of a partition; for once a second, since memory is added up for it.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub fn gauges(owned: &Owned) {
    of_state(owned);
    let partition = owned.id.to_string();
    let label = || partition.clone();
    let since = owned.committed.saturating_sub(owned.snapshot.unwrap_or(0));
    metrics::gauge!(metric::SNAPSHOT_SINCE, "partition" => label()).set(since as f64);
    for (colour, people) in [Colour::Green, Colour::Yellow, Colour::Red].into_iter().zip(owned.partition.colours()) {
        metrics::gauge!(metric::PEOPLE, "partition" => label(), "colour" => colour.name()).set(people as f64);
    }
    let (crowded, failed) = owned.partition.left_out().counts();
    for (reason, people) in [("crowded", crowded), ("failed", failed)] {
        metrics::gauge!(metric::LEFT_OUT, "partition" => label(), "reason" => reason).set(people as f64);
    }
    let withheld = owned.withheld().map_or(0, |withheld| withheld.people);
    metrics::gauge!(metric::WITHHELD, "partition" => label()).set(withheld as f64);
    metrics::gauge!(metric::PACK_NUMBER, "partition" => label()).set(owned.in_force.number as f64);
    metrics::gauge!(metric::SWITCH_HELD, "partition" => label()).set(f64::from(u8::from(owned.held.is_some())));
    metrics::gauge!(metric::SWEEP_REMAINING, "partition" => label()).set(owned.sweep.remaining() as f64);
}

/// The memory of a parked partition: that of its state where it is kept, and none where it is not.
pub fn parked_gauges(id: u32, owned: Option<&Owned>) {
    match owned {
        Some(owned) => of_state(owned),
        None => set_state(id, (0.0, 0.0)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
fn of_state(owned: &Owned) {
    let memory = owned.partition.evidence().memory();
    let bytes = memory.bytes as u64 + owned.partition.announced_bytes() as u64;
    set_state(owned.id, (memory.facts as f64, bytes as f64));
}

fn set_state(id: u32, (rows, bytes): (f64, f64)) {
    let label = id.to_string();
    metrics::gauge!(metric::STATE_ROWS, "partition" => label.clone()).set(rows);
    metrics::gauge!(metric::STATE_BYTES, "partition" => label).set(bytes);
}
