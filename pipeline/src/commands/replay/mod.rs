//! `fuma replay`: files in, changes out, a summary on standard error (FEEDS.md section 3).
//!
//! Owns the writing. Nothing is written before every file was read to its end.

mod summary;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant as WallClock;

use clap::Args;
use fuma_schemas::CodeChange;

use super::input::InputArguments;
use super::policy::gate::Drafts;
use super::screen::Screen;
use super::{CommandError, progress};
use crate::replay::{self, Rejected};

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
    let (sources, options) = arguments.input.checked(drafts)?;
    let bar = progress::Bar::new(screen);
    #[expect(clippy::disallowed_methods, reason = "the summary tells how long the replay took")]
    let begun = WallClock::now();
    let outcome = replay::run(&sources, &options, &bar)?;
    let seconds = begun.elapsed().as_secs_f64();
    bar.finish();
    match &arguments.out {
        Some(path) => {
            let file = File::create(path).map_err(|source| written(path, source))?;
            write_changes(&outcome.changes, file).map_err(|source| written(path, source))?;
        }
        None => drop(screen.write(|out| write_changes(&outcome.changes, out))?),
    }
    if let Some(path) = &arguments.rejects {
        write_rejects(&outcome.rejects, path).map_err(|source| written(path, source))?;
    }
    let summary = summary::Summary::new(&outcome, &options, seconds);
    screen.remark(&if arguments.json { summary.json() } else { summary.text() })
}

fn written(path: &Path, source: io::Error) -> CommandError {
    CommandError::Write { path: path.to_owned(), source }
}

/// Writes changes, one JSON object a line.
fn write_changes(changes: &[CodeChange], out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let mut line = Vec::with_capacity(1024);
    for change in changes {
        line.clear();
        change.write_json(&mut line);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    out.flush()
}

fn write_rejects(rejects: &[Rejected], path: &Path) -> io::Result<()> {
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
    let mut out = BufWriter::new(options.open(path)?);
    for rejected in rejects {
        let line = serde_json::json!({
            "feed": rejected.feed.name(),
            "file": &*rejected.file,
            "line": rejected.line,
            "code": rejected.code.name(),
            "message": rejected.message,
            "raw": String::from_utf8_lossy(&rejected.raw),
        });
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
