//! When to commit: soon when there is little, later when there is much (docs/recovery.md, "Commit rhythm").
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
    /// When the last commit began, or the last judgement that had nothing to say.
    begun_at: Duration,
    /// The broker is given a rest until then.
    rest_until: Duration,
    committed_at: Duration,
}

impl Rhythm {
    /// Commits begin `live` (5 to 20 ms) apart, up to `backlog` (100 ms) when behind, and never with more than so many
    /// bytes of evidence (I-10). After each there is a rest of a third of what it took: a broker that takes its time
    /// has more than enough to do, and would take longer still.
    pub fn new(live: Duration, backlog: Duration, bytes_max: usize) -> Rhythm {
        Rhythm {
            live,
            backlog,
            bytes_max,
            bytes: 0,
            is_behind: false,
            begun_at: Duration::ZERO,
            rest_until: Duration::ZERO,
            committed_at: Duration::ZERO,
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
        let interval = if self.is_behind { self.backlog } else { self.live };
        (self.begun_at + interval).max(self.rest_until).saturating_sub(elapsed)
    }

    /// People were judged, and there is nothing to say.
    pub fn stepped(&mut self, elapsed: Duration) {
        self.bytes = 0;
        self.begun_at = elapsed;
        self.is_behind = false;
    }

    /// How long ago the last commit was.
    pub fn since_commit(&self, elapsed: Duration) -> Duration {
        elapsed.saturating_sub(self.committed_at)
    }

    /// A transaction ended, this long after it began.
    pub fn committed(&mut self, elapsed: Duration, took: Duration) {
        self.stepped(elapsed.saturating_sub(took));
        self.rest_until = elapsed + (took / 3).min(self.backlog);
        self.committed_at = elapsed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_further_apart_when_they_take_long_and_with_a_backlog() {
        let ms = Duration::from_millis;
        let mut rhythm = Rhythm::new(ms(5), ms(100), 1_000);
        rhythm.committed(ms(50), ms(3));
        assert_eq!(rhythm.remaining(ms(50)), ms(2), "5 ms from one beginning to the next");
        assert!(!rhythm.is_time(ms(51)) && rhythm.is_time(ms(52)));
        rhythm.committed(ms(100), ms(30));
        assert_eq!(rhythm.remaining(ms(104)), ms(6), "a rest of a third");
        rhythm.committed(ms(9_000), ms(8_000));
        assert_eq!(rhythm.remaining(ms(9_000)), ms(100), "a broker that was away");
        rhythm.committed(ms(9_100), ms(8));
        rhythm.took(100, 5_000);
        assert_eq!(rhythm.remaining(ms(9_100)), ms(92), "a backlog");
        rhythm.took(1_000, 5_000);
        assert!(rhythm.is_time(ms(9_100)), "much evidence (I-10)");
    }
}
