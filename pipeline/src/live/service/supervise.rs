//! A stage on a thread: made anew when its client is of no more use, given up when somebody has to mend something.
//!
//! Owns the retries. Must never go on with the state of a client that failed.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fuma_connectors::log::Severity;

use crate::live::stop::Stop;

/// How long to wait before a stage is made anew.
const PAUSE: Duration = Duration::from_millis(300);

/// What ended a stage.
#[derive(Debug)]
pub struct Ended {
    /// Whether beginning anew may help.
    pub severity: Severity,
    /// What to tell people.
    pub message: String,
}

/// The first failure that nobody but a person can mend.
#[derive(Clone, Debug, Default)]
pub struct Verdict(Arc<Mutex<Option<String>>>);

impl Verdict {
    /// Notes a failure; the first one stays.
    pub fn give(&self, message: String) {
        if let Ok(mut verdict) = self.0.lock() {
            verdict.get_or_insert(message);
        }
    }

    /// The failure, if there is one.
    pub fn taken(&self) -> Option<String> {
        self.0.lock().ok().and_then(|verdict| verdict.clone())
    }
}

/// Runs a stage on a thread until it ends in order, or asks for a person; then everything stops.
///
/// # Errors
/// When the system has no room for a thread.
pub fn spawn(
    name: String,
    stop: Stop,
    verdict: Verdict,
    mut stage: impl FnMut() -> Result<(), Ended> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.clone()).spawn(move || {
        while !stop.is_set() {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut stage));
            let ended = match outcome {
                Ok(Ok(())) => continue,
                Ok(Err(ended)) => ended,
                // A bug: the state is dropped and made again from what was committed, like after a crash.
                Err(_) => Ended { severity: Severity::Fatal, message: format!("{name} panicked") },
            };
            if ended.severity == Severity::Operator {
                verdict.give(ended.message);
                stop.set();
                return;
            }
            tracing::warn!("restarting stage {name} after: {}", ended.message);
            std::thread::sleep(PAUSE);
        }
    })
}
