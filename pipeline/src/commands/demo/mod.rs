//! `fuma demo`: a synthetic district through the engine, with no input needed.
//!
//! ```text
//! engine    the one place that knows the engine: runs it, names the rules, explains a red code
//! live      the table while it runs
//! summary   what the changes come to (pure)
//! printed   the summary as text (pure)
//! report    the page (pure); charts draws its plots (pure)
//! ```
//!
//! Owns the arguments, the files that are written and the wall clock. Must never be given real data.

mod charts;
mod engine;
mod live;
mod printed;
mod report;
mod summary;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant as WallClock;

use fuma_schemas::instant::{local_midnight, parse_date};
use fuma_schemas::{CodeChange, Colour, Feed, Instant};

pub use report::report_html;
pub use summary::{Facts, RuleText, Summary};

use crate::district::{District, Settings};

/// The arguments of `fuma demo`.
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArguments {
    /// Everything that looks like chance follows from the seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many people live in the district
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub people: u32,
    /// How many days are played
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2021-12-01", value_parser = first_day)]
    pub start: Instant,
    /// The pack: an id or a folder
    #[arg(long, default_value = "zhejiang-2020-109")]
    pub policy: String,
    /// Where the page with the plots goes
    #[arg(long, value_name = "FILE", default_value = "fuma-demo.html")]
    pub report: PathBuf,
    /// Also keep the feeds and the changes here, to replay them or look at them
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Only write the feeds, for `fuma send` or another pack
    #[arg(long, requires = "out_dir")]
    pub feeds_only: bool,
    /// How many threads; 0 = one a core
    #[arg(long, default_value_t = 0)]
    pub workers: usize,
}

fn first_day(text: &str) -> Result<Instant, String> {
    parse_date(text).map(local_midnight).ok_or_else(|| "give a date, like 2021-12-01".to_owned())
}

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine could not run: an unknown pack, for example.
    #[error("{0}")]
    Engine(String),
}

/// Plays the district, and writes the report.
pub fn run(arguments: DemoArguments) -> Result<(), DemoError> {
    let (people, days, start) = (arguments.people, arguments.days, arguments.start);
    let mut settings = Settings { people, days, start, ..Settings::demo(arguments.seed) };
    // A shorter demo is as dense as the whole one.
    settings.events_per_person *= f64::from(arguments.days) / 30.0;
    let workers = match arguments.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let feeds = District::new(settings).all_days();
    let events = feeds.iter().map(|(_, bytes)| memchr::memchr_iter(b'\n', bytes).count() as u64).sum();
    if let Some(folder) = &arguments.out_dir {
        write_feeds(folder, &feeds)?;
    }
    if arguments.feeds_only {
        return Ok(());
    }
    let live = live::Live::new(settings.start, settings.days, events);
    #[expect(clippy::disallowed_methods, reason = "the demo tells how long the engine ran")]
    let begun = WallClock::now();
    let (start, end) = (settings.start, settings.end());
    let outcome = engine::run(engine::Request { feeds, policy: &arguments.policy, workers, start, end }, &live)?;
    let seconds = begun.elapsed().as_secs_f64();
    live.finish();
    if let Some(folder) = &arguments.out_dir {
        write_changes(folder, &outcome.changes)?;
    }
    let facts = Facts {
        settings,
        policy: arguments.policy,
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
    write(&arguments.report, report_html(&facts, &summary).as_bytes())?;
    let mut text = printed::summary(&facts, &summary);
    if let Some(change) = red_to_explain(&outcome.changes) {
        text.push_str(&engine::explain_red(change, &facts.rules));
    }
    text.push_str(&format!("\nreport: {}\n", arguments.report.display()));
    // A reader who closed the pipe has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}

/// The first change to red for a reason with a due, so that there is something to wait for; else the first to red.
fn red_to_explain(changes: &[CodeChange]) -> Option<&CodeChange> {
    let reds = || changes.iter().filter(|change| change.to == Colour::Red && change.from != Colour::Red);
    let waits = |change: &&CodeChange| {
        change.reasons.iter().any(|reason| reason.rule.colour == Colour::Red && reason.due.is_some())
    };
    reds().find(waits).or_else(|| reds().next())
}

fn write_feeds(folder: &Path, feeds: &[(Feed, Vec<u8>)]) -> Result<(), DemoError> {
    fs::create_dir_all(folder).map_err(|source| DemoError::Write { path: folder.to_owned(), source })?;
    feeds.iter().try_for_each(|(feed, bytes)| write(&folder.join(format!("{}.ndjson", feed.name())), bytes))
}

fn write_changes(folder: &Path, changes: &[CodeChange]) -> Result<(), DemoError> {
    let mut lines = Vec::with_capacity(changes.len() * 500);
    for change in changes {
        change.write_json(&mut lines);
        lines.push(b'\n');
    }
    write(&folder.join("changes.ndjson"), &lines)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    fs::write(path, bytes).map_err(|source| DemoError::Write { path: path.to_owned(), source })
}
