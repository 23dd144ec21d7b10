//! Says once that the service is ready: every part has what it needs.
//!
//! Owns the line of the log; the answer is `http`'s.

use std::io;
use std::time::{Duration, Instant};

use crate::http::Health;
use crate::live::stop::Stop;

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is said what is still missing.
const REMIND: Duration = Duration::from_secs(30);

/// Looks on a thread that ends once the service was ready, or stops.
pub(super) fn tell(stop: Stop, health: Health) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "how long a start takes")]
    let begun = Instant::now();
    let look = move || {
        let mut reminded = Duration::ZERO;
        while !stop.is_set() {
            let elapsed = begun.elapsed();
            match health.started() {
                Ok(()) => {
                    tracing::info!(seconds = elapsed.as_millis() as f64 / 1000.0, "ready");
                    return;
                }
                Err(missing) if elapsed.saturating_sub(reminded) >= REMIND => {
                    reminded = elapsed;
                    let missing = missing.replace('\n', "; ");
                    tracing::warn!(seconds = elapsed.as_secs(), missing, "not ready yet");
                }
                Err(_) => {}
            }
            std::thread::sleep(LOOK);
        }
    };
    std::thread::Builder::new().name("readiness".to_owned()).spawn(look).map(drop)
}
