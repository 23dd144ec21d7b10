//! SIGTERM and Ctrl-C: the first asks, the second ends at once, and so does the deadline.
//!
//! Owns the signals and their exit codes: 0 in order, 1 after the deadline, 130 after a second one. Must
//! never end what is under way before that.

use std::io;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::commands::INTERRUPTED;
use crate::http::Health;
use crate::live::stop::Stop;

/// How often a second signal is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// Listens for signals from now on, on a thread that ends with the process.
pub(super) fn listen(stop: Stop, health: Health, deadline: Duration) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listening = move || {
        if signals.forever().next().is_none() {
            return;
        }
        let seconds = deadline.as_secs();
        tracing::info!(
            "shutting down (at most {seconds} s); press Ctrl-C again, or send the signal again, to stop now"
        );
        health.set_stopping();
        stop.set();
        watch(&mut signals, deadline);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listening).map(drop)
}

/// Ends the process with the second signal or the deadline, whichever comes first.
#[expect(clippy::disallowed_methods, reason = "the deadline is one of the wall")]
fn watch(signals: &mut Signals, deadline: Duration) {
    let asked = Instant::now();
    while asked.elapsed() < deadline {
        if signals.pending().next().is_some() {
            // Without destructors: who asks twice does not want to wait. What is open is aborted by its timeout, or by
            // the next owner.
            low_level::exit(INTERRUPTED.into());
        }
        std::thread::sleep(LOOK);
    }
    tracing::error!(deadline_seconds = deadline.as_secs(), "did not stop within the deadline: ending the process now");
    low_level::exit(1);
}
