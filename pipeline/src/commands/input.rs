//! What several commands take alike: the pack, the feeds, the key, the owners, instants and ticks.
//!
//! Owns turning arguments into checked inputs. An error says which argument is wrong and what to give.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fuma_connectors::files;
use fuma_schemas::Instant;

use super::CommandError;
use crate::intake::{Key, Owners, Settings};
use crate::policy::{self, Pack, PackSource};
use crate::replay::{Options, Source, Tick};

/// The name of the variable that may hold the key.
pub const KEY_VARIABLE: &str = "FUMA_KEY";

/// What is read: a pack, feeds, and what intake needs.
#[derive(Args, Clone, Debug)]
pub struct FeedArguments {
    /// The policy pack: an id of this binary (`fuma policy list`) or a folder
    #[arg(long, value_name = "PACK")]
    pub policy: String,
    /// Folders of feed files, or feed files: FEED.ndjson, .ndjson.gz, .ndjson.zst, .csv, .parquet
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    pub feeds: Vec<PathBuf>,
    /// The file with the key of the person tokens, 64 hex digits; wins over FUMA_KEY
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// A file with the owners that are accepted, one a line; without it everyone is
    #[arg(long, value_name = "FILE")]
    pub owners: Option<PathBuf>,
    /// How many threads; 0 = one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub workers: usize,
}

/// The inputs of a replay.
#[derive(Args, Clone, Debug)]
pub struct InputArguments {
    /// What is read.
    #[command(flatten)]
    pub feeds: FeedArguments,
    /// The last instant (RFC 3339); without it the first tick at or after the last record
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub until: Option<Instant>,
    /// How often people are judged: a number and ms, s, m, h or d
    #[arg(long, value_name = "TICK", default_value = "1m", value_parser = tick)]
    pub tick: Tick,
}

impl InputArguments {
    /// Reads the pack, the key and the owners, and finds the feed files.
    ///
    /// # Errors
    /// When one of them is missing or wrong.
    pub fn checked(&self) -> Result<(Vec<Source>, Options), CommandError> {
        self.feeds.checked(self.until, self.tick)
    }
}

impl FeedArguments {
    /// Reads the pack, the key and the owners, and finds the feed files, for a replay up to an instant.
    ///
    /// # Errors
    /// When one of them is missing or wrong.
    pub fn checked(&self, until: Option<Instant>, tick: Tick) -> Result<(Vec<Source>, Options), CommandError> {
        let pack = load_pack(&self.policy)?;
        let mut settings = Settings::new(key(self.key_file.as_deref())?);
        if let Some(path) = &self.owners {
            settings.owners = Owners::from_lines(&read_text(path)?);
        }
        let sources = files::find(&self.feeds)?.into_iter().map(Source::File).collect();
        let options = Options { pack, tick, until, workers: workers(self.workers), intake: Arc::new(settings) };
        Ok((sources, options))
    }
}

/// Loads a pack by its id or folder.
///
/// # Errors
/// With the file and line of what is wrong.
pub fn load_pack(id_or_folder: &str) -> Result<Arc<Pack>, CommandError> {
    Ok(policy::load(&PackSource::find(id_or_folder)?)?)
}

/// The key: the file wins over the variable.
///
/// # Errors
/// When there is none, or it is no key.
pub fn key(file: Option<&Path>) -> Result<Key, CommandError> {
    let text = match file {
        Some(path) => read_text(path)?,
        None => std::env::var(KEY_VARIABLE).map_err(|_| CommandError::NoKey)?,
    };
    Key::from_hex(&text).map_err(|error| CommandError::Key(error.to_string()))
}

/// A number of threads; 0 = one a core.
pub fn workers(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
}

/// Reads an instant of the command line.
///
/// # Errors
/// When it is none.
pub fn instant(text: &str) -> Result<Instant, String> {
    Instant::parse(text)
        .ok_or_else(|| "give an RFC 3339 instant with an offset, like 2021-11-08T09:00:00+08:00".to_string())
}

/// Reads a tick of the command line.
///
/// # Errors
/// When it is none.
pub fn tick(text: &str) -> Result<Tick, String> {
    Tick::parse(text).ok_or_else(|| "give a positive number and ms, s, m, h or d, like 15m".to_string())
}

/// The text of a file.
///
/// # Errors
/// When it cannot be read.
pub fn read_text(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path).map_err(|source| CommandError::Read { path: path.to_owned(), source })
}
