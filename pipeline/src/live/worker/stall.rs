//! A client that skips evidence, or stands still before it: evidence has an offset for each record, so both can be
//! seen.
//!
//! After a broker that was killed a client may go on from another place than it was told to. It is told again; nothing
//! that came from the wrong place is taken. What is left out for good is a marker, or lost (`live::marker`).
//!
//! Owns the look at where the log ends: each few seconds at one partition, however much comes of the
//! others. Never reads a clock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use fuma_connectors::log::{Code, LogError, Scope};

use super::owned::Owned;
use super::questions::Ends;
use crate::live::marker::is_marker;

/// Between two looks, at one partition each.
const EVERY: Duration = Duration::from_secs(5);

/// What is said of records that were left out.
pub(super) fn skipped(partition: u32, expected: u64, found: u64) -> LogError {
    let message =
        format!("partition {partition}: evidence goes on at {found}, not at {expected}: records were skipped");
    LogError::new(Code::Skipped, message)
}

/// What is wrong with a partition.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) id: u32,
    pub(super) error: LogError,
    /// It has no leader; otherwise the client stands still before it.
    pub(super) is_away: bool,
}

/// What a look saw, that has to be seen twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    /// Records beyond this offset.
    Behind(u64),
    /// No leader.
    Away,
}

/// Looks, in turn, whether a partition has records that do not come.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    looked_at: Duration,
    /// The partition looked at last.
    last: Option<u32>,
    seen: Option<(u32, Seen)>,
    /// How often the client was told to go on with a partition at this offset.
    told: BTreeMap<u32, (u64, u32)>,
    /// Where a partition's last reading left something out.
    holes: BTreeMap<u32, Range<u64>>,
}

impl Stalls {
    /// Notes that the client is told to go on with a partition at an offset; gives how often it was.
    pub(super) fn replaced(&mut self, id: u32, next: u64) -> u32 {
        let told = self.told.entry(id).or_insert((next, 0));
        *told = if told.0 == next { (next, told.1 + 1) } else { (next, 1) };
        told.1
    }

    /// A reading goes on behind a hole: whether that is a marker. A hole that was not there before is noted.
    pub(super) fn passes(&mut self, id: u32, hole: &Range<u64>) -> bool {
        let before = self.holes.insert(id, hole.clone());
        is_marker(before.as_ref(), hole)
    }

    /// A log that ends in what may be a marker: nothing came of it, though the client was told again.
    fn ends_in_marker(&mut self, id: u32, hole: &Range<u64>) -> bool {
        let is_told = self.told.get(&id).is_some_and(|(next, _)| *next == hole.start);
        let is_marker = is_told && is_marker(Some(hole), hole);
        if is_marker {
            self.holes.insert(id, hole.clone());
        }
        is_marker
    }

    /// The partition that is looked at next, when it is time.
    pub(super) fn turn(&mut self, owned: &BTreeMap<u32, Owned>, elapsed: Duration) -> Option<u32> {
        if elapsed.saturating_sub(self.looked_at) < EVERY {
            return None;
        }
        self.looked_at = elapsed;
        self.told.retain(|id, _| owned.contains_key(id));
        self.holes.retain(|id, _| owned.contains_key(id));
        let next_in_turn = || {
            let after = self.last.map_or(0, |last| last + 1);
            owned.range(after..).next().or_else(|| owned.iter().next()).map(|(id, _)| *id)
        };
        let id = self.seen.map(|(id, _)| id).filter(|id| owned.contains_key(id)).or_else(next_in_turn)?;
        self.last = Some(id);
        Some(id)
    }

    /// What the log says of a partition of which everything before `next` came; none where it is not read on.
    ///
    /// # Errors
    /// When the client is of no use.
    pub(super) fn heard(&mut self, id: u32, next: Option<u64>, ends: Ends) -> Result<Option<Finding>, LogError> {
        let seen = self.seen.take();
        let Some(next) = next else { return Ok(None) };
        let (now, error) = match ends {
            Ok((_, bounds)) if bounds.end <= next => return Ok(None),
            // Nothing is taken for it before something comes behind it.
            Ok((_, bounds)) if self.ends_in_marker(id, &(next..bounds.end)) => return Ok(None),
            Ok((_, bounds)) => {
                let end = bounds.end;
                let message =
                    format!("partition {id}: the evidence log ends at {end}, and nothing has come from {next} on");
                (Seen::Behind(next), LogError::new(Code::Skipped, message))
            }
            Err(error) if error.code() == Code::NoLeader => (Seen::Away, error),
            Err(error) if error.scope() >= Scope::Stage => return Err(error),
            // A log that does not answer says nothing about who stands still.
            Err(_) => return Ok(None),
        };
        if seen == Some((id, now)) {
            return Ok(Some(Finding { id, error, is_away: now == Seen::Away }));
        }
        self.seen = Some((id, now));
        Ok(None)
    }
}
