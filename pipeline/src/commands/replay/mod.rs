//! `fuma replay`: files in, changes out, a summary on standard error (FEEDS.md section 3).
//!
//! Owns the writing. Nothing is written before every file was read to its end.

mod progress;
mod summary;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant as WallClock;

use clap::Args;
use fuma_schemas::CodeChange;

use super::CommandError;
use super::input::InputArguments;
use crate::replay::{self, Rejected};

/// The arguments of `fuma replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayArguments {
    #[command(flatten)]
    input: InputArguments,
    /// Where the changes go, one JSON object a line; without it to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where rejected records go, one JSON object a line; the file holds identities and gets mode 0600
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// Replays, writes, and says what happened.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub fn run(arguments: &ReplayArguments) -> Result<(), CommandError> {
    let (sources, options) = arguments.input.checked()?;
    let bar = progress::Bar::new(options.workers);
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
        // Whoever closed the pipe has seen enough.
        None => drop(write_changes(&outcome.changes, io::stdout().lock())),
    }
    if let Some(path) = &arguments.rejects {
        write_rejects(&outcome.rejects, path).map_err(|source| written(path, source))?;
    }
    summary::print(&outcome, &options, seconds);
    Ok(())
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
