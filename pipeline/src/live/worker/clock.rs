//! The clock of a commit: max(the last commit's + 1 ms, wall), and never far beyond the broker's.
//!
//! Owns the comparison with the broker. Reads wall and monotonic time through a port, so that a simulation can turn
//! them.

use std::time::Duration;

use fuma_connectors::log::{LogError, WorkerLog};
use fuma_schemas::Instant;

use crate::live::monotonic;

/// How far a commit may go beyond the broker's clock.
const AHEAD_MS_MAX: i64 = 5 * 60_000;
/// How often the broker is asked.
const PROBE_EVERY: Duration = Duration::from_secs(60);
/// How far wall and monotonic time may part between two looks before the broker is asked at once.
const PARTING_MS_MAX: i64 = 1_000;

/// The time of this machine.
pub trait Wall: Send {
    /// Milliseconds since 1970.
    fn now(&self) -> Instant;
    /// Time since some fixed point, never turned back.
    fn elapsed(&self) -> Duration;
}

/// The machine's own.
#[derive(Debug)]
pub struct SystemWall {
    start: std::time::Instant,
}

impl Default for SystemWall {
    fn default() -> Self {
        SystemWall { start: monotonic::now() }
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
    probed_at: Duration,
    last_look: (Instant, Duration),
}

impl CommitClock {
    /// A clock that was compared with nothing yet.
    pub fn new(wall: Box<dyn Wall>) -> CommitClock {
        let last_look = (wall.now(), wall.elapsed());
        CommitClock { wall, skew_ms: None, probed_at: Duration::ZERO, last_look }
    }

    /// Wall time.
    pub fn now(&self) -> Instant {
        self.wall.now()
    }

    /// Monotonic time.
    pub fn elapsed(&self) -> Duration {
        self.wall.elapsed()
    }

    /// The clock for a commit after `last`, or none where it would lie more than five minutes beyond the broker's.
    ///
    /// # Errors
    /// When the broker has to be asked and cannot be.
    pub fn next(&mut self, last: Instant, log: &mut dyn WorkerLog) -> Result<Option<Instant>, LogError> {
        let (now, elapsed) = (self.wall.now(), self.wall.elapsed());
        let passed = i64::try_from((elapsed - self.last_look.1.min(elapsed)).as_millis()).unwrap_or(i64::MAX);
        let parting = (now.0 - self.last_look.0.0).saturating_sub(passed).saturating_abs();
        self.last_look = (now, elapsed);
        let is_old = elapsed.saturating_sub(self.probed_at) >= PROBE_EVERY;
        if self.skew_ms.is_none() || is_old || parting > PARTING_MS_MAX {
            self.skew_ms = Some(log.clock()?.0 - self.wall.now().0);
            self.probed_at = elapsed;
        }
        let clock = Instant(now.0.max(last.0.saturating_add(1)));
        let broker = now.0.saturating_add(self.skew_ms.unwrap_or_default());
        Ok((clock.0 <= broker.saturating_add(AHEAD_MS_MAX)).then_some(clock))
    }
}
