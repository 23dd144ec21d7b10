//! `fuma demo`: a synthetic district through the engine, with no input needed.
//!
//! ```text
//! engine    the one place that knows the engine: runs it, names the rules, explains a red code
//! kept      what is left in a folder: feeds, key, changes
//! live      the table while it runs
//! summary   what the changes come to (pure)
//! printed   the summary as text (pure)
//! report    the page (pure); charts draws its plots (pure)
//! ```
//!
//! Owns the arguments, the files that are written and the wall clock. Must never be given real data.

pub(crate) mod charts;
mod engine;
mod kept;
mod live;
mod printed;
pub(crate) mod report;
mod summary;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant as WallClock;

use fuma_schemas::instant::{DAY_MS, local_midnight, parse_date};
use fuma_schemas::{CodeChange, Colour, Instant};

pub use report::report_html;
pub use summary::{Facts, RuleText, Summary};

use super::CommandError;
use super::screen::Screen;
use crate::district::{District, Settings};

/// The arguments of `fuma demo`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DemoArguments {
    /// The seed: the same one gives the same district
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many people live in the district; a million take about 10 GB of memory
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = people())]
    pub people: u32,
    /// How many days are played
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2021-12-01", value_parser = first_day)]
    pub start: Instant,
    /// Begin so many days before today, so that a live service finds the feeds recent
    #[arg(long, value_name = "N", conflicts_with = "start", value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub days_ago: Option<u32>,
    /// The policy pack: an id (`fuma policy list`) or a folder
    #[arg(long, value_name = "PACK", default_value = "zhejiang-2020-109")]
    pub policy: String,
    /// The report, an HTML page
    #[arg(long, value_name = "FILE", default_value = "fuma-demo.html")]
    pub report: PathBuf,
    /// Keep the feeds and the changes in this folder, and the key of the tokens beside it, as DIR.key
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Write the feeds and the key, and run nothing
    #[arg(long, requires = "out_dir")]
    pub feeds_only: bool,
    /// Threads; 0 = one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub workers: usize,
}

const EXAMPLES: &str = "\
Examples:
  fuma demo
  fuma demo --people 20000 --out-dir demo
  fuma demo --feeds-only --out-dir feeds --people 20000 --days 14 --days-ago 14";

fn people() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=10_000_000)
}

fn first_day(text: &str) -> Result<Instant, String> {
    parse_date(text).map(local_midnight).ok_or_else(|| "give a date, like 2021-12-01".to_owned())
}

impl DemoArguments {
    /// The first midnight of the district.
    fn start(&self) -> Instant {
        let ago = |days: u32| Instant(today().0 - i64::from(days) * DAY_MS);
        self.days_ago.map_or(self.start, ago)
    }
}

/// What a person takes for a day, with events, state and changes: 9.4 kB for 30 days.
const BYTES_A_DAY: u64 = 320;

/// What to say before the work, where the district may not fit into the memory that is free.
fn warning(people: u32, days: u32, bytes_free: Option<u64>) -> Option<String> {
    let needed = u64::from(people) * u64::from(days) * BYTES_A_DAY;
    let free = bytes_free.filter(|free| needed > *free)?;
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let (needed, free) = (gigabytes(needed), gigabytes(free));
    Some(format!(
        "{} people and {days} days take about {needed:.1} GB of memory, and {free:.1} GB are free: the system may end \
         the demo. Fewer --people or --days take less\n",
        printed::grouped(people.into())
    ))
}

/// The midnight that begins today.
fn today() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a demo that ends today")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Instant(now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))).day()
}

/// Plays the district, and writes the report.
///
/// # Errors
/// When the pack cannot be used, or something cannot be written.
pub fn run(arguments: DemoArguments, screen: &Screen) -> Result<(), CommandError> {
    let (people, days, start) = (arguments.people, arguments.days, arguments.start());
    let mut settings = Settings { people, days, start, ..Settings::demo(arguments.seed) };
    // A shorter demo is as dense as the whole one.
    settings.events_per_person *= f64::from(arguments.days) / 30.0;
    if !arguments.feeds_only {
        // Before the work, not after it: whether the report can be written.
        append(&arguments.report)?;
    }
    if let Some(warning) = warning(people, days, super::memory_bytes_free()) {
        screen.remark(&warning)?;
    }
    screen.remark(&format!(
        "inventing {} people and {days} days from {}\n",
        printed::grouped(people.into()),
        date(start)
    ))?;
    let feeds = District::new(settings).all_days();
    let events = feeds.iter().map(|(_, bytes)| memchr::memchr_iter(b'\n', bytes).count() as u64).sum();
    if let Some(folder) = &arguments.out_dir {
        kept::write_feeds(folder, &feeds)?;
        screen.remark(&kept::said(folder, events))?;
    }
    if arguments.feeds_only {
        return Ok(());
    }
    let live = live::Live::new(settings.start, settings.days, events, screen);
    #[expect(clippy::disallowed_methods, reason = "the demo tells how long the engine ran")]
    let begun = WallClock::now();
    let workers = super::input::workers(arguments.workers);
    let (start, end) = (settings.start, settings.end());
    let outcome = engine::run(engine::Request { feeds, policy: &arguments.policy, workers, start, end }, &live)?;
    let seconds = begun.elapsed().as_secs_f64();
    live.finish();
    if let Some(folder) = &arguments.out_dir {
        kept::write_changes(folder, &outcome.changes)?;
    }
    let facts = Facts {
        settings,
        policy: arguments.policy.clone(),
        workers,
        events,
        facts: outcome.facts,
        people: outcome.people,
        rejects: outcome.rejects,
        rules: outcome.rules,
        seconds,
        memory_bytes_peak: super::memory_bytes_peak(),
    };
    let summary = Summary::of(&outcome.changes, &facts);
    kept::write(&arguments.report, report_html(&facts, &summary).as_bytes())?;
    let mut text = printed::summary(&facts, &summary);
    if let Some(change) = red_to_explain(&outcome.changes) {
        text.push_str(&engine::explain_red(change, &facts.rules));
        if let Some(folder) = &arguments.out_dir {
            text.push_str(&kept::explain_line(folder, &arguments.policy, change));
        }
    }
    text.push_str(&format!("\nreport: {}\n", arguments.report.display()));
    screen.print(&text)
}

fn date(midnight: Instant) -> String {
    midnight.to_string().chars().take(10).collect()
}

/// Opens a file for writing, and leaves it as it is.
fn append(path: &Path) -> Result<(), CommandError> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(path);
    opened.map(drop).map_err(|source| CommandError::Write { path: path.to_owned(), source })
}

/// The first change to red for a reason with a due, so that there is something to wait for; else the first to red.
fn red_to_explain(changes: &[CodeChange]) -> Option<&CodeChange> {
    let reds = || changes.iter().filter(|change| change.to == Colour::Red && change.from != Colour::Red);
    let waits = |change: &&CodeChange| {
        change.reasons.iter().any(|reason| reason.rule.colour == Colour::Red && reason.due.is_some())
    };
    reds().find(waits).or_else(|| reds().next())
}
