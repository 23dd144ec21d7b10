//! A client that skips evidence, or stands still before it: the log has no gaps, so both can be seen, and neither may
//! be believed.
//!
//! After a broker that was killed a client may go on from another place than it was told to. Whoever sees that drops
//! everything and begins anew at the committed position.
//!
//! Owns the look at where the log ends. Never reads a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_connectors::log::{LogError, WorkerLog};

use super::owned::Owned;

/// Between two looks, at one partition each, while nothing comes.
const EVERY: Duration = Duration::from_secs(5);

/// What is said of records that were left out.
pub(super) fn skipped(partition: u32, expected: u64, found: u64) -> LogError {
    LogError::fatal(format!(
        "partition {partition}: evidence goes on at {found}, not at {expected}: records were skipped"
    ))
}

/// Looks, in turn, whether a partition has records that do not come.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    looked_at: Duration,
    /// The partition looked at last.
    last: Option<u32>,
    /// The partition that had records beyond this offset at the last look.
    behind: Option<(u32, u64)>,
}

impl Stalls {
    /// Looks at the next partition when it is time. Call it when a poll gave nothing.
    pub(super) fn turn(
        &mut self,
        owned: &BTreeMap<u32, Owned>,
        log: &mut dyn WorkerLog,
        elapsed: Duration,
    ) -> Result<(), LogError> {
        if elapsed.saturating_sub(self.looked_at) < EVERY {
            return Ok(());
        }
        self.looked_at = elapsed;
        let behind = self.behind.take();
        let next_in_turn = || {
            let after = self.last.map_or(0, |last| last + 1);
            owned.range(after..).next().or_else(|| owned.iter().next()).map(|(id, _)| *id)
        };
        let Some(id) = behind.map(|(id, _)| id).or_else(next_in_turn) else { return Ok(()) };
        let Some(owned) = owned.get(&id) else { return Ok(()) };
        self.last = Some(id);
        // A log that does not answer says nothing about who stands still.
        let Ok(bounds) = log.evidence_bounds(id) else { return Ok(()) };
        if bounds.end <= owned.next {
            return Ok(());
        }
        if behind == Some((id, owned.next)) {
            let next = owned.next;
            return Err(LogError::fatal(format!(
                "partition {id}: the evidence log ends at {}, and nothing has come from {next} on",
                bounds.end
            )));
        }
        self.behind = Some((id, owned.next));
        Ok(())
    }
}
