//! What was announced: read back up to the end that the output has (R-3 d, e).
//!
//! Owns what is believed of it. Must never pass over a record that it does not understand: somebody was told something
//! that the memory would not know of.

use std::sync::atomic::Ordering;

use fuma_connectors::log::RestoreLog;
use fuma_schemas::Instant;

use super::{RestoreError, Restoring};
use crate::assess::Partition;
use crate::assess::announced::State;
use crate::live::metric;
use crate::live::worker::announcement;
use crate::live::worker::switch::{Line, UnderWay};

/// What was read.
#[derive(Default)]
pub(super) struct Recalled {
    /// Announcements.
    pub(super) records: u64,
    /// The newest clock.
    pub(super) newest: Instant,
    /// The end of the output.
    pub(super) end: u64,
    /// What the switch under way announced, in order.
    pub(super) lines: Vec<Line>,
}

/// Announcements from an offset on into the partition.
pub(super) fn read_output(
    log: &mut dyn RestoreLog,
    id: u32,
    (from, switch): (u64, Option<UnderWay>),
    context: &Restoring,
    partition: &mut Partition,
) -> Result<Recalled, RestoreError> {
    let (mut recalled, mut strange) = (Recalled::default(), None);
    let end = log.read_output(id, from, &mut |record| {
        match announcement::read_back(&record) {
            Ok(announced) => {
                recalled.records += 1;
                recalled.newest = recalled.newest.max(announced.decided_at.unwrap_or_default());
                let rules = announced.rules.iter().map(String::as_str);
                partition.recall(announced.person, announced.colour, rules.clone());
                let by_switch = announced.switch.filter(|(number, _)| switch.is_some_and(|it| it.number == *number));
                if let Some((_, before)) = by_switch {
                    let after = State::new(announced.colour, rules).text();
                    recalled.lines.push((announced.person, before, after));
                }
            }
            Err(why) => strange = Some((record.offset, why)),
        }
        strange.is_none() && !context.cancelled.load(Ordering::Acquire)
    })?;
    context.go_on()?;
    if let Some((offset, why)) = strange {
        metrics::counter!(metric::ANNOUNCEMENTS_STRANGE).increment(1);
        return Err(RestoreError::Announcement { partition: id, offset, why });
    }
    if end < from {
        return Err(RestoreError::OutputShorter { partition: id, ends: end, read_up_to: from });
    }
    recalled.end = end;
    Ok(recalled)
}
