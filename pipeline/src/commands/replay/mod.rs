//! `fuma replay`: files in, changes out, a summary on standard error (docs/feeds.md section 3).
//!
//! Owns the writing. Nothing is written before every file was read to its end.

mod summary;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Instant as WallClock;

use clap::Args;

use super::input::InputArguments;
use super::screen::Screen;
use super::{CommandError, progress};
use crate::admission::Drafts;
use crate::replay;

/// The arguments of `fuma replay`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArguments {
    #[command(flatten)]
    input: InputArguments,
    /// The file for the changes, one JSON object a line; without it they go to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The file for rejected records, one JSON object a line; it holds identities, and its mode is 0600
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Write the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// Take a pack whose cases fail, or whose id and version belong to other contents; SQL and tables are checked all
    /// the same
    #[arg(long)]
    draft: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma replay --policy zhejiang-2020-109 --feeds feeds --key-file key --out changes.ndjson
  fuma replay --policy ./mine --feeds feeds --until 2021-12-01 --rejects rejects.ndjson > changes.ndjson

A file of a feed is named FEED.ndjson, .ndjson.gz, .ndjson.zst, .csv or .parquet; after FEED may come - or . and any
text. Changes go to standard output or --out, the summary to standard error.";

/// Replays, writes, and says what happened.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub fn run(arguments: &ReplayArguments, screen: &Screen) -> Result<(), CommandError> {
    let drafts = if arguments.draft { Drafts::Taken } else { Drafts::Refused };
    let (sources, mut options) = arguments.input.checked(drafts, screen)?;
    if let Some(folder) = arguments.out.as_deref().and_then(folder_of) {
        options.bounds.folder = folder;
    }
    let bar = progress::Bar::new(screen);
    #[expect(clippy::disallowed_methods, reason = "the summary tells how long the replay took")]
    let begun = WallClock::now();
    let mut spooled = replay::spooled(&sources, &options, &bar)?;
    let seconds = begun.elapsed().as_secs_f64();
    bar.finish();
    match &arguments.out {
        Some(path) => {
            let file = File::create(path).map_err(|source| written(path, source))?;
            let mut out = BufWriter::with_capacity(1 << 20, file);
            spooled.write_changes(&mut out).map_err(|source| written(path, source))?;
        }
        None => drop(screen.write(|out| spooled.write_changes(out))?),
    }
    if let Some(path) = &arguments.rejects {
        let file = private_file(path).map_err(|source| written(path, source))?;
        spooled.write_rejects(&mut BufWriter::new(file)).map_err(|source| written(path, source))?;
    }
    let summary = summary::Summary::new(&spooled.counts, &options, seconds);
    if screen.is_quiet() {
        // That somebody keeps an old state is no remark: it is said whatever was asked for.
        if let Some(left_out) = summary.left_out_people() {
            screen.warn(&left_out)?;
        }
    }
    screen.remark(&if arguments.json { summary.json() } else { summary.text() })
}

/// The folder of an output, when it is an ordinary file: there is room for what is written in the end.
fn folder_of(path: &Path) -> Option<PathBuf> {
    if path.exists() && !path.is_file() {
        return None;
    }
    let folder = path.parent()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.is_dir().then(|| folder.to_owned())
}

fn written(path: &Path, source: io::Error) -> CommandError {
    CommandError::Write { path: path.to_owned(), source }
}

/// Opens a file that only its owner may read.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        if path.is_file() {
            // An older file keeps its mode on opening.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        }
    }
    options.open(path)
}
