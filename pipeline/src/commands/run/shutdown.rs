//! SIGTERM and Ctrl-C: the first asks, the second ends at once, and so does the deadline.
//!
//! Owns the signals and their exit codes: 0 in order, 1 after the deadline, 128 + the signal after a second one. Must
//! never end what is under way before that.

use std::io;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

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
        tracing::info!(deadline_seconds = deadline.as_secs(), "stopping: a second signal ends the process at once");
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
        if let Some(signal) = signals.pending().next() {
            // Without destructors: whoever asks twice wants no more waiting. What is open is aborted by its timeout,
            // or by the next owner.
            low_level::exit(128 + signal);
        }
        std::thread::sleep(LOOK);
    }
    tracing::error!(deadline_seconds = deadline.as_secs(), "not stopped within the deadline: the process ends");
    low_level::exit(1);
}
