//! Whether this worker still is the one to whom a partition was given: asked before another owner is fenced.
//!
//! A process that was stopped for longer than a session wakes in the middle of a restore, and its group has given the
//! partition to somebody else. The restore's thread does not know; the worker's does, as soon as it has polled for a
//! moment. So nobody is fenced unless the worker has polled without a long gap.
//!
//! Owns the wait. Must never fence for a partition that was taken away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant as Moment};

use fuma_connectors::log::LogError;

use super::restore::RestoreError;
use crate::live::monotonic;

/// A longer time without a poll: the process stood still, or the worker did.
const GAP: Duration = Duration::from_secs(2);
/// For how long polls have to come again before they are believed: a client looks after its session each second.
const SETTLED: Duration = Duration::from_millis(1_500);
/// For how long the worker is waited for.
const WAIT_MAX: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// When a worker polled; copies share it.
#[derive(Clone, Debug)]
pub struct Lease {
    begun: Moment,
    /// The last poll, in milliseconds.
    polled: Arc<AtomicU64>,
    /// Since when there was no gap; 0: never one.
    since: Arc<AtomicU64>,
}

impl Default for Lease {
    fn default() -> Lease {
        Lease { begun: monotonic::now(), polled: Arc::default(), since: Arc::default() }
    }
}

impl Lease {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The worker polled.
    pub(super) fn polled(&self) {
        self.polled_at(self.now());
    }

    fn polled_at(&self, now: u64) {
        if now.saturating_sub(self.polled.load(Ordering::Acquire)) > millis(GAP) {
            self.since.store(now, Ordering::Release);
        }
        self.polled.store(now, Ordering::Release);
    }

    fn is_sure(&self, now: u64) -> bool {
        let (polled, since) = (self.polled.load(Ordering::Acquire), self.since.load(Ordering::Acquire));
        let is_fresh = now.saturating_sub(polled) <= millis(GAP);
        is_fresh && (since == 0 || polled.saturating_sub(since) >= millis(SETTLED))
    }

    /// Waits until it is sure, unless the partition is taken away.
    ///
    /// # Errors
    /// When it was taken away, or the worker does not poll.
    pub(super) fn wait(&self, cancelled: &AtomicBool) -> Result<(), RestoreError> {
        let begun = monotonic::now();
        loop {
            let is_sure = self.is_sure(self.now());
            // Looked at last: what is taken away is taken away before the next poll is noted.
            if cancelled.load(Ordering::Acquire) {
                return Err(RestoreError::Cancelled);
            }
            if is_sure {
                return Ok(());
            }
            if begun.elapsed() > WAIT_MAX {
                let message = "the worker does not poll: whose the partition is, is not known";
                return Err(LogError::transient(message).into());
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stood_still_is_not_sure_before_it_polled_for_a_while() {
        let lease = Lease::default();
        (0..50).for_each(|turn| lease.polled_at(turn * 100));
        assert!(lease.is_sure(5_000), "it never stood still");
        assert!(!lease.is_sure(60_000), "it woke, and has not polled");
        lease.polled_at(60_010);
        assert!(!lease.is_sure(60_020), "a poll may be too early to hear of it");
        (0..16).for_each(|turn| lease.polled_at(60_010 + turn * 100));
        assert!(lease.is_sure(61_600));
    }
}
