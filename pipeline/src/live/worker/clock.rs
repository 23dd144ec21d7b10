//! The clock of a partition's commit: max(its last commit's + 1 ms, wall), and never far beyond the broker's.
//!
//! Owns the comparison with the broker, which may fail for a while. Reads wall and monotonic time through a port, so
//! that a simulation can turn them.

use std::sync::OnceLock;
use std::time::Duration;

use fuma_connectors::log::{Code, LogError, Scope, WorkerLog};
use fuma_schemas::Instant;

use crate::live::monotonic;

/// How far a commit may go beyond the broker's clock.
pub(super) const AHEAD_MS_MAX: i64 = 5 * 60_000;
/// How far a commit may go beyond the broker's time at which the decisions were last read to their end: a switch
/// that is not read yet takes force five minutes after its last record at the earliest.
pub(super) const DECISIONS_MS_MAX: i64 = 4 * 60_000;
const _: () = assert!(DECISIONS_MS_MAX < AHEAD_MS_MAX);
/// How often the broker is asked.
const PROBE_EVERY: Duration = Duration::from_secs(60);
/// How soon it is asked again after no answer.
const PROBE_AGAIN: Duration = Duration::from_secs(5);
/// For how long the last answer serves where no other comes: the clock topic may be without a leader meanwhile.
pub const SKEW_SERVES: Duration = Duration::from_secs(15 * 60);
/// How far wall and monotonic time may part between two looks before the broker is asked at once.
const PARTING_MS_MAX: i64 = 1_000;
/// Partitions whose last commits lie no further beyond wall time than this share one clock.
const CLOSE_MS: i64 = 1_000;

// Several questions may fail before the last answer is too old; and a clock that runs off by one part in a hundred is
// not beyond the limit by then.
const _: () =
    assert!(SKEW_SERVES.as_secs() >= 10 * PROBE_EVERY.as_secs() && PROBE_AGAIN.as_secs() < PROBE_EVERY.as_secs());
const _: () = assert!(SKEW_SERVES.as_millis() / 100 < AHEAD_MS_MAX as u128 && CLOSE_MS < AHEAD_MS_MAX);

/// The time of this machine.
pub trait Wall: Send {
    /// Milliseconds since 1970.
    fn now(&self) -> Instant;
    /// Time since some fixed point, never turned back.
    fn elapsed(&self) -> Duration;
}

/// When this process first looked: all threads count from there.
static START: OnceLock<std::time::Instant> = OnceLock::new();

/// The machine's own.
#[derive(Clone, Copy, Debug)]
pub struct SystemWall {
    start: std::time::Instant,
}

impl Default for SystemWall {
    fn default() -> Self {
        SystemWall { start: *START.get_or_init(monotonic::now) }
    }
}

impl Wall for SystemWall {
    #[expect(clippy::disallowed_methods, reason = "the clock of a commit: announced, and an input of replay")]
    fn now(&self) -> Instant {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Instant(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Wall time, held against the broker's.
pub struct CommitClock {
    wall: Box<dyn Wall>,
    /// The broker's clock less the wall's, in milliseconds.
    skew_ms: Option<i64>,
    /// When the broker answered last.
    answered_at: Duration,
    /// The broker is asked next.
    probe_at: Duration,
    last_look: (Instant, Duration),
}

/// The clock of a partition's next commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// This.
    At(Instant),
    /// None: it would be so many milliseconds beyond the broker's.
    Ahead(i64),
}

impl CommitClock {
    /// A clock that was compared with nothing yet.
    pub fn new(wall: Box<dyn Wall>) -> CommitClock {
        let last_look = (wall.now(), wall.elapsed());
        CommitClock { wall, skew_ms: None, answered_at: Duration::ZERO, probe_at: Duration::ZERO, last_look }
    }

    /// Wall time.
    pub fn now(&self) -> Instant {
        self.wall.now()
    }

    /// Monotonic time.
    pub fn elapsed(&self) -> Duration {
        self.wall.elapsed()
    }

    /// The broker's clock less this machine's, in milliseconds, as far as it is known.
    pub fn skew_ms(&self) -> Option<i64> {
        self.skew_ms
    }

    /// Asks the broker, if it is time. The last answer serves for [`SKEW_SERVES`] where no other comes.
    ///
    /// # Errors
    /// When the broker's clock is not known, or no more; and when the client is of no use.
    pub fn look(&mut self, log: &mut dyn WorkerLog) -> Result<(), LogError> {
        let (now, elapsed) = (self.wall.now(), self.wall.elapsed());
        let passed = i64::try_from((elapsed - self.last_look.1.min(elapsed)).as_millis()).unwrap_or(i64::MAX);
        let parting = (now.0 - self.last_look.0.0).saturating_sub(passed);
        self.last_look = (now, elapsed);
        let has_parted = parting.saturating_abs() > PARTING_MS_MAX;
        if has_parted {
            // Somebody set the wall: the broker's clock is as far from it as before, and that much more.
            self.skew_ms = self.skew_ms.map(|skew_ms| skew_ms.saturating_sub(parting));
        }
        if !has_parted && elapsed < self.probe_at {
            return self.serves(elapsed).then_some(()).ok_or_else(unknown);
        }
        match log.clock() {
            Ok(broker) => {
                self.skew_ms = Some(broker.0 - self.wall.now().0);
                (self.answered_at, self.probe_at) = (elapsed, elapsed + PROBE_EVERY);
                Ok(())
            }
            Err(error) if error.scope() >= Scope::Stage => Err(error),
            Err(error) => {
                self.probe_at = elapsed + PROBE_AGAIN;
                tracing::debug!(%error, "the broker's clock is not known for now");
                if self.serves(elapsed) { Ok(()) } else { Err(error) }
            }
        }
    }

    fn serves(&self, elapsed: Duration) -> bool {
        self.skew_ms.is_some() && elapsed.saturating_sub(self.answered_at) <= SKEW_SERVES
    }

    /// How far a clock lies beyond the broker's time of a look that was taken at this monotonic time.
    pub(super) fn beyond(&self, clock: Instant, looked: Duration) -> i64 {
        let broker = self.wall.now().0.saturating_add(self.skew_ms.unwrap_or_default());
        let age = self.wall.elapsed().saturating_sub(looked).as_millis();
        clock.0.saturating_sub(broker.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)))
    }

    /// The clocks of partitions whose last commits had these: one for all that are near wall time, and for one that is
    /// ahead its own, so that it pulls nobody with it.
    pub(super) fn reach(&self, lasts: &[Instant]) -> Vec<Reach> {
        let now = self.wall.now();
        let next = |last: &Instant| last.0.saturating_add(1);
        let is_near = |last: &&Instant| next(last) <= now.0.saturating_add(CLOSE_MS);
        let common = lasts.iter().filter(is_near).map(next).max().unwrap_or(now.0).max(now.0);
        let broker = now.0.saturating_add(self.skew_ms.unwrap_or_default());
        let of = |last: &Instant| {
            let clock = if is_near(&last) { common } else { next(last) };
            let ahead_ms = clock.saturating_sub(broker);
            if ahead_ms <= AHEAD_MS_MAX { Reach::At(Instant(clock)) } else { Reach::Ahead(ahead_ms) }
        };
        lasts.iter().map(of).collect()
    }
}

fn unknown() -> LogError {
    LogError::new(Code::NoAnswer, "the clock topic does not answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Wall for Still {
        fn now(&self) -> Instant {
            Instant(1_000_000)
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn partitions_near_wall_time_share_a_clock_and_one_that_is_ahead_has_its_own() {
        let clock = CommitClock { skew_ms: Some(0), ..CommitClock::new(Box::new(Still)) };
        let at = |ms: i64| Instant(1_000_000 + ms);
        let reached = clock.reach(&[at(-5_000), at(20), at(240_000), at(AHEAD_MS_MAX), Instant::default()]);
        let common = Reach::At(at(21));
        assert_eq!(reached, [common, common, Reach::At(at(240_001)), Reach::Ahead(AHEAD_MS_MAX + 1), common]);
    }
}
