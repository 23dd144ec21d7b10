//! What there is to do, and for how long there is nothing to do.
//!
//! Owns the waits of a worker's loop. Must never wait longer than a stop may take to be seen.

use std::time::Duration;

use super::Worker;
use super::owned::Owned;

/// The longest wait for something to do: how soon a stop, a region, or the end of a restore is seen.
const IDLE: Duration = Duration::from_millis(100);
/// How soon it is looked whether a restore ended, or a snapshot wants its next page.
const SOON: Duration = Duration::from_millis(5);
/// For how long people who did not fit into a commit are judged before the log is polled again: as long as there are
/// some, nothing new is taken in.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How often a commit that announces nothing may be put off: it only moves offsets.
pub(super) const QUIET: Duration = Duration::from_millis(100);

impl Worker {
    /// Whether those who did not fit into the last commit are judged before the log is polled again.
    pub(super) fn must_catch_up(&self) -> bool {
        let is_behind = || self.owned.values().any(|owned| owned.is_behind() && !owned.must_claim);
        let since_poll = || self.clock.elapsed().saturating_sub(self.polled_at);
        self.is_catching_up && self.alone.is_empty() && is_behind() && since_poll() < CATCH_UP
    }

    pub(super) fn is_time(&self) -> bool {
        let now = self.clock.now();
        let is_held = self.context.words.is_held();
        let is_urgent = self.owned.values().any(|owned| {
            owned.partition.waiting() > 0
                || owned.is_held() != is_held
                || owned.is_sweeping()
                || owned.is_due(now)
                || owned.regions < self.context.references.regions_end()
                || self.context.schedule.due(owned.in_force.number, now).is_some()
        });
        let has_moved = || self.owned.values().any(Owned::has_moved);
        let elapsed = self.clock.elapsed();
        if is_urgent { self.rhythm.is_time(elapsed) } else { self.rhythm.since_commit(elapsed) >= QUIET && has_moved() }
    }

    /// How long the log may be waited for.
    pub(super) fn wait(&self) -> Duration {
        if self.questions.looks_for_leaders() {
            return SOON;
        }
        if !self.alone.is_empty() {
            return Duration::ZERO;
        }
        let now = self.clock.now();
        let elapsed = self.clock.elapsed();
        let has_work =
            self.owned.values().any(|owned| owned.partition.waiting() > 0 || owned.is_sweeping() || owned.is_due(now));
        if has_work {
            return self.rhythm.remaining(elapsed);
        }
        let due = self.owned.values().filter_map(|owned| owned.partition.next_due()).min();
        let until_due = due.map_or(IDLE, |due| Duration::from_millis((due.0 - now.0).clamp(0, 100) as u64));
        let until_trial = self.parking.remaining(elapsed).unwrap_or(IDLE);
        let has_more = !self.takeovers.is_empty() || self.keeper.is_writing() || self.questions.is_waiting();
        let has_more = has_more || self.counting.is_under_way();
        until_due.min(until_trial).min(if has_more { SOON } else { IDLE })
    }
}
