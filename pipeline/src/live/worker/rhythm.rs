//! When to commit: soon when there is little, later when there is much (RECOVERY.md, "Commit rhythm").
//!
//! Owns the intervals. Time is an argument.

use std::time::Duration;

/// A record that waited longer than this in the log is part of a backlog.
const BACKLOG_MS: i64 = 200;

/// The intervals between commits.
#[derive(Clone, Debug)]
pub struct Rhythm {
    live: Duration,
    backlog: Duration,
    bytes_max: usize,
    /// Bytes taken since the last commit.
    bytes: usize,
    is_behind: bool,
    stepped_at: Duration,
    committed_at: Duration,
    /// What the last commit took.
    took: Duration,
}

impl Rhythm {
    /// Commits `live` (5 to 20 ms) after the last commit, or half of what that took; up to `backlog` (100 ms) apart
    /// when behind, and never with more than so many bytes of evidence (I-10).
    pub fn new(live: Duration, backlog: Duration, bytes_max: usize) -> Rhythm {
        Rhythm {
            live,
            backlog,
            bytes_max,
            bytes: 0,
            is_behind: false,
            stepped_at: Duration::ZERO,
            committed_at: Duration::ZERO,
            took: Duration::ZERO,
        }
    }

    /// A record was taken in.
    pub fn took(&mut self, bytes: usize, age_ms: i64) {
        self.bytes += bytes;
        self.is_behind = age_ms > BACKLOG_MS;
    }

    /// Whether it is time to commit what there is.
    pub fn is_time(&self, elapsed: Duration) -> bool {
        self.bytes >= self.bytes_max || self.remaining(elapsed).is_zero()
    }

    /// How long until it is time.
    pub fn remaining(&self, elapsed: Duration) -> Duration {
        // A broker that takes its time has more than enough to do: it would take longer still.
        let live = self.live.max((self.took / 2).min(self.backlog));
        let interval = if self.is_behind { self.backlog } else { live };
        interval.saturating_sub(elapsed.saturating_sub(self.stepped_at))
    }

    /// People were judged, and there is nothing to say.
    pub fn stepped(&mut self, elapsed: Duration) {
        self.bytes = 0;
        self.stepped_at = elapsed;
        self.is_behind = false;
    }

    /// How long ago the last commit was.
    pub fn since_commit(&self, elapsed: Duration) -> Duration {
        elapsed.saturating_sub(self.committed_at)
    }

    /// A transaction ended, this long after it began.
    pub fn committed(&mut self, elapsed: Duration, took: Duration) {
        self.stepped(elapsed);
        self.committed_at = elapsed;
        self.took = took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_what_a_commit_takes_and_with_a_backlog() {
        let ms = Duration::from_millis;
        let mut rhythm = Rhythm::new(ms(5), ms(100), 1_000);
        rhythm.committed(ms(50), ms(8));
        assert_eq!(rhythm.remaining(ms(50)), ms(5));
        assert!(!rhythm.is_time(ms(54)) && rhythm.is_time(ms(55)));
        rhythm.committed(ms(100), ms(30));
        assert_eq!(rhythm.remaining(ms(105)), ms(10));
        rhythm.committed(ms(9_000), ms(8_000));
        assert_eq!(rhythm.remaining(ms(9_000)), ms(100), "a broker that was away");
        rhythm.committed(ms(9_100), ms(8));
        rhythm.took(100, 5_000);
        assert_eq!(rhythm.remaining(ms(9_100)), ms(100), "a backlog");
        rhythm.took(1_000, 5_000);
        assert!(rhythm.is_time(ms(9_100)), "much evidence (I-10)");
    }
}
