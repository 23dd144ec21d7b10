//! Records a second.
//!
//! Owns when the next record is due. Takes the time as an argument.

use std::time::Duration;

/// What is behind by more than this is not made up for: the log was away, and a burst helps nobody.
const BEHIND_MAX: Duration = Duration::from_millis(500);

/// What is due within this goes at once: to sleep for each record would cost more than to send it, and a broker feels
/// requests, not records.
const SLICE: Duration = Duration::from_millis(15);

/// A rate that is kept smoothly.
pub(super) struct Pace {
    apart: Option<Duration>,
    due: Duration,
}

impl Pace {
    /// So many records a second; without a number as fast as they go.
    pub(super) fn new(rate: Option<f64>) -> Pace {
        Pace { apart: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)), due: Duration::ZERO }
    }

    /// How long the next record has to wait, at this time since the start.
    pub(super) fn wait(&self, elapsed: Duration) -> Duration {
        let wait = self.due.saturating_sub(elapsed);
        if self.apart.is_none() || wait < SLICE { Duration::ZERO } else { wait }
    }

    /// A record went, at this time since the start.
    pub(super) fn went(&mut self, elapsed: Duration) {
        let Some(apart) = self.apart else { return };
        self.due = self.due.max(elapsed.saturating_sub(BEHIND_MAX)) + apart;
    }

    /// Whether there is a rate at all.
    pub(super) fn is_limited(&self) -> bool {
        self.apart.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_and_a_stall_is_no_debt() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(Some(20.0));
        assert_eq!(pace.wait(ms(0)), ms(0));
        pace.went(ms(0));
        assert_eq!(pace.wait(ms(0)), ms(50));
        assert_eq!(pace.wait(ms(4)), ms(46));
        assert_eq!(pace.wait(ms(36)), ms(0));
        // A minute later: what is made up for is half a second, no more.
        let mut burst = 0;
        while pace.wait(ms(60_000)).is_zero() {
            pace.went(ms(60_000));
            burst += 1;
        }
        assert!((10..=11).contains(&burst), "{burst}");
        assert!(Pace::new(None).wait(ms(0)).is_zero());
    }
}
