//! What several commands take alike: the pack, the feeds, the key, the owners, instants and ticks.
//!
//! Owns turning arguments into checked inputs. An error says which argument is wrong and what to give.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fuma_connectors::files::{self, FeedFile};
use fuma_schemas::instant::{local_midnight, parse_date};
use fuma_schemas::{Instant, Kind};

use super::CommandError;
use super::schedule;
use super::screen::Screen;
use crate::admission::{self, Drafts};
use crate::evidence::Limits;
use crate::intake::{Key, LineError, Owners, Settings};
use crate::policy::Pack;
use crate::replay::{Bounds, Options, Source, Tick};

/// The name of the variable that may hold the key.
pub const KEY_VARIABLE: &str = "FUMA_KEY";

/// What is read: a pack, feeds, and what intake needs.
#[derive(Args, Clone, Debug)]
pub struct FeedArguments {
    /// The policy pack: an id (`fuma policy list`) or a folder. May be repeated, each further one with the instant from
    /// which it holds: PACK@2021-11-09T00:00:00+08:00
    #[arg(long, value_name = "PACK[@INSTANT]", required = true)]
    pub policy: Vec<String>,
    /// A folder of feed files, or one feed file (FEED.ndjson, FEED-2021.csv, ...); may be repeated
    #[arg(long, value_name = "PATH", required = true)]
    pub feeds: Vec<PathBuf>,
    /// The file with the key of the person tokens, 64 hex digits; without it the variable FUMA_KEY
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// A file with the owners whose records are accepted, one a line; without it every owner is accepted
    #[arg(long, value_name = "FILE")]
    pub owners: Option<PathBuf>,
    /// How many facts of a kind one person may have, like tests=2000; 0 = any number; may be repeated. A person with
    /// more keeps the announced state
    #[arg(long, value_name = "KIND=N", value_parser = facts_max)]
    pub facts_max: Vec<(Kind, u32)>,
    /// Threads; 0 = one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub workers: usize,
}

/// The inputs of a replay.
#[derive(Args, Clone, Debug)]
pub struct InputArguments {
    /// What is read.
    #[command(flatten)]
    pub feeds: FeedArguments,
    /// More feed files or folders, as for --feeds: `--feeds feeds/*.ndjson` works
    #[arg(value_name = "PATH")]
    pub more: Vec<PathBuf>,
    /// The last instant, or a date (its first midnight); without it the first tick at or after the last record
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub until: Option<Instant>,
    /// How often people are judged: a number and ms, s, m, h or d, like 15m
    #[arg(long, value_name = "TICK", default_value = "1m", value_parser = tick)]
    pub tick: Tick,
}

impl InputArguments {
    /// Reads the pack, the key and the owners, and finds the feed files.
    ///
    /// # Errors
    /// When one of them is missing or wrong.
    pub fn checked(&self, drafts: Drafts, screen: &Screen) -> Result<(Vec<Source>, Options), CommandError> {
        let mut feeds = self.feeds.clone();
        feeds.feeds.extend(self.more.iter().cloned());
        feeds.checked(self.until, self.tick, drafts, screen)
    }
}

impl FeedArguments {
    /// Reads the pack, the key and the owners, and finds the feed files, for a replay up to an instant.
    ///
    /// # Errors
    /// When one of them is missing or wrong.
    pub fn checked(
        &self,
        until: Option<Instant>,
        tick: Tick,
        drafts: Drafts,
        screen: &Screen,
    ) -> Result<(Vec<Source>, Options), CommandError> {
        let (pack, later) = schedule::load(&self.policy, drafts)?;
        let mut settings = Settings::new(key(self.key_file.as_deref())?);
        if let Some(path) = &self.owners {
            settings.owners = list(path, Owners::parse)?;
        }
        let sources = feed_files(&self.feeds, screen)?.into_iter().map(Source::File).collect();
        let options = Options {
            pack,
            later,
            tick,
            until,
            workers: workers(self.workers),
            intake: Arc::new(settings),
            bounds: Bounds {
                facts: self.facts_max.iter().fold(Limits::default(), |limits, (kind, most)| limits.with(*kind, *most)),
                ..Bounds::default()
            },
        };
        Ok((sources, options))
    }
}

/// The feed files among the paths; what is passed over is named on standard error, unless quiet.
///
/// # Errors
/// When a path does not exist, or there is nothing to read.
pub fn feed_files(paths: &[PathBuf], screen: &Screen) -> Result<Vec<FeedFile>, CommandError> {
    let found = files::find(paths)?;
    // Standard error may be full; the files are read all the same.
    drop(screen.remark(&found.notice()));
    Ok(found.files)
}

/// Loads a pack by its id or folder, and runs its cases. What is wrong with a draft is said on standard error.
///
/// # Errors
/// With the file and line of what is wrong.
pub fn load_pack(id_or_folder: &str, drafts: Drafts) -> Result<Arc<Pack>, CommandError> {
    let admitted = admission::admit(id_or_folder, drafts)?;
    for problem in &admitted.draft {
        // Standard error may be closed; the command goes on.
        let _ = writeln!(std::io::stderr().lock(), "draft: {problem}");
    }
    Ok(admitted.pack)
}

/// The key: the file wins over the variable.
///
/// # Errors
/// When there is none, or it is not 64 hex digits.
pub fn key(file: Option<&Path>) -> Result<Key, CommandError> {
    let text = match file {
        Some(path) => read_text(path)?,
        None => std::env::var(KEY_VARIABLE).map_err(|_| CommandError::NoKey)?,
    };
    Key::from_hex(&text).map_err(|error| CommandError::Key(error.to_string()))
}

/// Reads a limit of the facts of a kind.
///
/// # Errors
/// When it is none.
pub fn facts_max(text: &str) -> Result<(Kind, u32), String> {
    let names = || Kind::PERSONAL.map(Kind::name).join(", ");
    let wanted = || format!("write KIND=N, like tests=2000; KIND is one of {}", names());
    let (name, number) = text.split_once('=').ok_or_else(wanted)?;
    let kind = Kind::PERSONAL.into_iter().find(|kind| kind.name() == name).ok_or_else(wanted)?;
    Ok((kind, number.parse().map_err(|_| wanted())?))
}

/// A number of threads; 0 = one a core.
pub fn workers(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
}

/// Reads an instant of the command line; of a date the midnight that begins it.
///
/// # Errors
/// When it is neither.
pub fn instant(text: &str) -> Result<Instant, String> {
    let midnight = || parse_date(text).map(local_midnight);
    Instant::parse(text).or_else(midnight).ok_or_else(|| {
        "give an instant with an offset, like 2021-11-08T09:00:00+08:00, or a date, like 2021-11-08".to_string()
    })
}

/// Reads a tick of the command line.
///
/// # Errors
/// When it is not a positive length of time.
pub fn tick(text: &str) -> Result<Tick, String> {
    Tick::parse(text).ok_or_else(|| "give a positive number and ms, s, m, h or d, like 15m".to_string())
}

/// A list of a file, one entry a line.
///
/// # Errors
/// When it cannot be read, or with the line that is no entry.
pub fn list<L>(path: &Path, parse: fn(&str) -> Result<L, LineError>) -> Result<L, CommandError> {
    parse(&read_text(path)?).map_err(|error| CommandError::Input(format!("{}: {error}", path.display())))
}

/// The text of a file.
///
/// # Errors
/// When it cannot be read.
pub fn read_text(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path).map_err(|source| CommandError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_date_is_its_first_midnight() {
        assert_eq!(instant("2021-12-01"), instant("2021-12-01T00:00:00+08:00"));
        assert!(instant("2021-12-01T00:00:00").unwrap_err().contains("+08:00"));
        assert!(instant("2021-02-30").is_err() && instant("yesterday").is_err());
    }
}
