//! The live table: the virtual day, people by colour, changes, and records read a second.
//!
//! Owns what is drawn while the engine runs: a table in place on a terminal, now and then a plain line elsewhere.
//! Must never slow the engine: what comes too soon after the last drawing is dropped.

use std::io::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant as WallClock};

use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::engine::Progress;
use super::printed::grouped;
use crate::commands::screen::Screen;

/// How often the table is drawn, and how often a plain line is written.
const TABLE_EVERY: Duration = Duration::from_millis(80);
const LINE_EVERY: Duration = Duration::from_secs(2);

/// The live table.
pub(super) struct Live {
    begun: WallClock,
    start: Instant,
    days: u32,
    events: u64,
    decoded: AtomicU64,
    /// When the last record was read, in milliseconds since it began.
    decoded_ms: AtomicU64,
    /// When it was last drawn, in milliseconds since it began.
    drawn_ms: AtomicI64,
    table: Option<Table>,
    has_colour: bool,
    is_quiet: bool,
}

struct Table {
    days: ProgressBar,
    counts: ProgressBar,
}

impl Live {
    /// A table for a district of so many days and events.
    pub(super) fn new(start: Instant, days: u32, events: u64, screen: &Screen) -> Live {
        let table = screen.draws_progress().then(|| Table::new(days));
        let (decoded, decoded_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        let (has_colour, is_quiet) = (screen.colours_errors(), screen.is_quiet());
        #[expect(clippy::disallowed_methods, reason = "the table tells how fast records are read")]
        let begun = WallClock::now();
        Live {
            begun,
            start,
            days,
            events,
            decoded,
            decoded_ms,
            drawn_ms: AtomicI64::new(-1_000_000),
            table,
            has_colour,
            is_quiet,
        }
    }

    /// Clears the table.
    pub(super) fn finish(&self) {
        if let Some(table) = &self.table {
            table.days.finish_and_clear();
            table.counts.finish_and_clear();
        }
    }

    /// Whether enough time has gone by; of several threads that ask at once, one is told so.
    fn is_time(&self) -> bool {
        let every = if self.table.is_some() { TABLE_EVERY } else { LINE_EVERY };
        let now = self.begun.elapsed().as_millis() as i64;
        let last = self.drawn_ms.load(Ordering::Relaxed);
        now - last >= every.as_millis() as i64
            && self.drawn_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Records read a second, while they were read.
    fn rate(&self) -> String {
        let millis = self.decoded_ms.load(Ordering::Relaxed).max(1);
        grouped((self.decoded.load(Ordering::Relaxed) as f64 * 1000.0 / millis as f64) as u64)
    }

    fn line(&self, text: &str) {
        if !self.is_quiet {
            // Nobody is served by a demo that ends because its progress could not be shown.
            drop(writeln!(std::io::stderr(), "{text}"));
        }
    }

    fn day(&self, clock: Instant) -> u64 {
        u64::try_from((clock.0 - self.start.0) / DAY_MS + 1).unwrap_or(0).min(u64::from(self.days))
    }
}

impl Progress for Live {
    fn decoded(&self, records: u64) {
        self.decoded.store(records, Ordering::Relaxed);
        self.decoded_ms.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        if !self.is_time() {
            return;
        }
        let text =
            format!("reading  {} of {} records  {} a second", grouped(records), grouped(self.events), self.rate());
        match &self.table {
            Some(table) => table.counts.set_message(text),
            None => self.line(&text),
        }
    }

    fn judged(&self, clock: Instant, people: [u64; 3], changes: u64) {
        if !self.is_time() {
            return;
        }
        let [green, yellow, red] = people.map(grouped);
        let (changes, rate, day) = (grouped(changes), self.rate(), self.day(clock));
        match &self.table {
            Some(table) => {
                table.days.set_position(day);
                table.days.set_message(clock.to_string().chars().take(16).collect::<String>().replace('T', " "));
                let paint = |code: &str, text: String| match self.has_colour {
                    true => format!("  \x1b[{code}m{text}\x1b[0m\n"),
                    false => format!("  {text}\n"),
                };
                let green = paint("32", format!("green {green:>12}"));
                let yellow = paint("33", format!("yellow{yellow:>12}"));
                let red = paint("31", format!("red   {red:>12}"));
                let counts = format!("  changes {changes:>10}\n  read/s  {rate:>10}");
                table.counts.set_message(format!("{green}{yellow}{red}{counts}"));
            }
            None => self.line(&format!(
                "day {day} of {}: green {green} yellow {yellow} red {red}, {changes} changes, {rate} read/s",
                self.days
            )),
        }
    }
}

impl Table {
    fn new(days: u32) -> Table {
        let bars = MultiProgress::new();
        let bar = bars.add(ProgressBar::new(u64::from(days)));
        let counts = bars.add(ProgressBar::new_spinner());
        // Both templates are constants: one that did not parse would leave the default style.
        if let Ok(style) = ProgressStyle::with_template("day {pos:>3} of {len:<3} {bar:40.cyan/blue} {msg}") {
            bar.set_style(style);
        }
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            counts.set_style(style);
        }
        Table { days: bar, counts }
    }
}
