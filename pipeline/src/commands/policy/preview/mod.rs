//! `fuma policy preview`: what a pack would do to everybody at an instant, over feeds, before it is in force.
//!
//! ```text
//! mod    arguments, outputs
//! json   one object for programs
//! table  lines for people
//! page   one page with plots
//! ```
//!
//! Owns the forms. The counting is `crate::preview`'s; nothing is announced, and people are shown by token.

mod json;
mod page;
mod table;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fuma_schemas::Instant;

use super::Language;
use crate::admission::Drafts;
use crate::assess::difference::{each_line, line};
use crate::commands::input::{self, FeedArguments, load_pack};
use crate::commands::screen::Screen;
use crate::commands::{CommandError, progress};
use crate::policy::Pack;
use crate::preview::{Preview, preview};
use crate::replay::Tick;

/// The arguments of `fuma policy preview`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct PreviewArguments {
    /// The pack that may come into force: an id, or a folder
    #[arg(value_name = "CANDIDATE")]
    candidate: String,
    #[command(flatten)]
    feeds: FeedArguments,
    /// When it would come into force, or the first midnight of a date; the evidence is what is known then
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Instant,
    /// How often people are judged: a number and ms, s, m, h or d, like 15m
    #[arg(long, value_name = "TICK", default_value = "1m", value_parser = input::tick)]
    tick: Tick,
    /// Write the changes to a file, the lines of the digest: person, state before, state after
    #[arg(long, value_name = "FILE")]
    changes: Option<PathBuf>,
    /// Write the outcome as a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The language of the table
    #[arg(long, value_enum, default_value_t = Language::En)]
    lang: Language,
    /// The outcome as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma policy preview zhejiang-2022 --policy zhejiang-2020-109 --feeds feeds --key-file key --at 2022-06-28
  fuma policy preview ./mine --policy zhejiang-2020-109 --feeds feeds --key-file key --at 2021-11-09 --json
  fuma policy preview ./mine --policy OLD --feeds feeds --key-file key --at 2021-11-09 --html preview.html

The digest at the end is that of a switch at this tick: `fuma replay --policy OLD --policy NEW@INSTANT` says the same,
as long as no record becomes known and nobody is due at the very tick. A draft is taken, and it is said why.";

/// What was previewed, for the forms.
struct Shown<'a> {
    current: &'a Pack,
    candidate: &'a Pack,
    at: Instant,
    preview: &'a Preview,
}

/// Previews, and writes the outcome.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub(super) fn run(arguments: &PreviewArguments, screen: &Screen) -> Result<(), CommandError> {
    let candidate: Arc<Pack> = load_pack(&arguments.candidate, Drafts::Taken)?;
    let (sources, options) = arguments.feeds.checked(Some(arguments.at), arguments.tick, Drafts::Taken, screen)?;
    let bar = progress::Bar::new(screen);
    let outcome = preview(&sources, &options, (&candidate, arguments.at), &bar)?;
    bar.finish();
    let current = options.pack_at(outcome.tick);
    let shown = Shown { current, candidate: &candidate, at: arguments.at, preview: &outcome };
    if let Some(path) = &arguments.changes {
        write_lines(&outcome, path).map_err(|source| written(path, source))?;
    }
    if let Some(path) = &arguments.html {
        std::fs::write(path, page::page(&shown)).map_err(|source| written(path, source))?;
    }
    let text = if arguments.json { json::json(&shown) } else { table::table(&shown, arguments.lang) };
    screen.print(&text)
}

fn write_lines(outcome: &Preview, path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    each_line(&outcome.lines, |person, before, after| out.write_all(line(person, before, after).as_bytes()))?;
    out.flush()
}

fn written(path: &Path, source: io::Error) -> CommandError {
    CommandError::Write { path: path.to_owned(), source }
}
