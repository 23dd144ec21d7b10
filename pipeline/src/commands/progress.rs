//! The progress of reading and judging files, on a terminal; nothing elsewhere.
//!
//! Owns what is shown. Must never slow a worker down.

use std::sync::atomic::{AtomicU64, Ordering};

use fuma_schemas::Instant;
use indicatif::{ProgressBar, ProgressStyle};

use crate::commands::screen::Screen;
use crate::replay::Progress;

/// A line that tells records read, the virtual clock and changes.
pub(crate) struct Bar {
    bar: ProgressBar,
    records: AtomicU64,
    changes: AtomicU64,
}

impl Bar {
    pub(crate) fn new(screen: &Screen) -> Bar {
        let bar = if screen.draws_progress() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Bar { bar, records: AtomicU64::new(0), changes: AtomicU64::new(0) }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn decoded(&self, records: u64) {
        let all = self.records.fetch_add(records, Ordering::Relaxed) + records;
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{all} records read"));
        }
    }

    fn judged(&self, _: usize, clock: Instant, _: [u64; 3], changes: u64) {
        let all = self.changes.fetch_add(changes, Ordering::Relaxed) + changes;
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("judged to {clock}, {all} changes"));
        }
    }
}
