//! The progress of an import, on a terminal; nothing elsewhere.
//!
//! Owns what is shown: how much of the file is read, rows a second, what is left. Must never slow the rows down.

use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::commands::screen::Screen;

/// Parts of a file that are told apart.
const PARTS: u64 = 10_000;

/// A line of progress.
pub(super) struct Bar {
    bar: ProgressBar,
    begun: Instant,
    name: String,
}

impl Bar {
    pub(super) fn new(screen: &Screen, name: &str) -> Bar {
        let bar = if screen.draws_progress() { ProgressBar::new(PARTS) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {percent:>3}% {msg}, {eta} left") {
            bar.set_style(style);
        }
        Bar { bar, begun: now(), name: name.to_owned() }
    }

    /// Shows how far it is.
    pub(super) fn show(&self, done: u64, of: u64, rows: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let rate = HumanCount((rows as f64 / seconds) as u64);
        self.bar.set_message(format!("{}: {} rows, {rate}/s", self.name, HumanCount(rows)));
        self.bar.set_position((done.min(of) as f64 / of.max(1) as f64 * PARTS as f64) as u64);
    }

    /// How long it took.
    pub(super) fn finish(&self) -> Duration {
        self.bar.finish_and_clear();
        self.begun.elapsed()
    }
}

/// The clock of this machine.
#[expect(clippy::disallowed_methods, reason = "a rate, and when the journal is written")]
pub(super) fn now() -> Instant {
    Instant::now()
}
