//! The wish to stop, shared by all threads.
//!
//! Owns one flag, and when it was set. Whoever sees it finishes what is under way; whoever waits gives up soon.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a wait for a broker may go on after the stop was asked for: several of them fit into the deadline of a
/// shutdown (25 s).
pub const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Whether the process is to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<OnceLock<Instant>>);

impl Stop {
    /// Asks all threads to end.
    #[expect(clippy::disallowed_methods, reason = "a deadline; never an input of a rule")]
    pub fn set(&self) {
        self.0.get_or_init(Instant::now);
    }

    /// Whether it was asked.
    pub fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// Rests, unless it is asked meanwhile: that is seen in pieces of `look`.
    #[expect(clippy::disallowed_methods, reason = "a pause; never an input of a rule")]
    pub fn rest(&self, pause: Duration, look: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < pause && !self.is_set() {
            std::thread::sleep(look.min(pause));
        }
    }

    /// Whether it was asked so long ago that a wait is to be given up.
    pub fn is_urgent(&self) -> bool {
        self.0.get().is_some_and(|at| at.elapsed() >= STOP_PATIENCE)
    }
}
