//! `fuma policy preview`: what a pack would do to everybody at an instant, before it is in force: over an installation,
//! or over feeds.
//!
//! ```text
//! mod    arguments, outputs
//! batch  records that may be sent, in place of a pack
//! live   an installation, opened from outside
//! json   one object for programs
//! table  lines for people
//! page   one page with plots
//! ```
//!
//! Owns the forms. The counting is `crate::preview`'s; nothing is announced, and people are shown by token.

mod batch;
mod json;
mod live;
mod page;
mod table;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fuma_schemas::{Instant, Kind};

use super::Language;
use crate::admission::Drafts;
use crate::assess::difference::{each_line, line};
use crate::commands::input::{self, FeedArguments, load_pack};
use crate::commands::office::PlaceArguments;
use crate::commands::screen::Screen;
use crate::commands::{CommandError, progress};
use crate::live::private_file;
use crate::policy::Pack;
use crate::preview::{Preview, preview, preview_batch};
use crate::replay::{Source, Tick};

/// The arguments of `fuma policy preview`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct PreviewArguments {
    /// The pack that may come into force: an id, or a folder
    #[arg(value_name = "CANDIDATE", required_unless_present_any = ["regions", "records"])]
    candidate: Option<String>,
    /// In place of a pack: tiers that may be published, a feed file like regions-new.ndjson; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "candidate")]
    regions: Vec<PathBuf>,
    /// In place of a pack: records that may be sent, like a list of listings: a feed file; may be repeated. Over an
    /// installation none of cases, contacts, bindings or phones
    #[arg(long, value_name = "FILE", conflicts_with = "candidate")]
    records: Vec<PathBuf>,
    #[command(flatten)]
    place: PlaceArguments,
    /// When it would come into force, or the first midnight of a date. Over feeds the evidence is what is known then;
    /// over an installation what is known now, and without it the instant is now
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Option<Instant>,
    /// Over feeds: a folder of feed files, or one feed file; may be repeated
    #[arg(long, value_name = "PATH", requires_all = ["policy", "at"], conflicts_with_all = ["state", "bootstrap"])]
    feeds: Vec<PathBuf>,
    /// Over feeds: the pack in force, an id or a folder. May be repeated, each further one with the instant from which
    /// it holds: PACK@2021-11-09T00:00:00+08:00
    #[arg(long, value_name = "PACK[@INSTANT]", requires = "feeds")]
    policy: Vec<String>,
    /// Over feeds, or for --records: the file with the key of the person tokens, 64 hex digits; without it the variable
    /// FUMA_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Over feeds: a file with the owners whose records are accepted, one a line; without it every owner is accepted
    #[arg(long, value_name = "FILE", requires = "feeds")]
    owners: Option<PathBuf>,
    /// Over feeds: how many facts of a kind one person may have, like tests=2000; 0 = any number; may be repeated
    #[arg(long, value_name = "KIND=N", value_parser = input::facts_max, requires = "feeds")]
    facts_max: Vec<(Kind, u32)>,
    /// Threads; 0 = one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: usize,
    /// How often people are judged: a number and ms, s, m, h or d, like 15m
    #[arg(long, value_name = "TICK", default_value = "1m", value_parser = input::tick)]
    tick: Tick,
    /// Write the changes to a file, the lines of the digest: person, state before, state after
    #[arg(long, value_name = "FILE")]
    changes: Option<PathBuf>,
    /// Over an installation: write who may differ from the outcome to a file, with the cause: touched or due between
    /// the position and the instant, crowded, failed
    #[arg(long, value_name = "FILE", conflicts_with = "feeds")]
    named: Option<PathBuf>,
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
  fuma policy preview ./mine --state state
  fuma policy preview ./mine --config fuma.toml --at 2022-06-28 --json --changes lines.txt
  fuma policy preview zhejiang-2022 --policy zhejiang-2020-109 --feeds feeds --key-file key --at 2022-06-28
  fuma policy preview ./mine --policy zhejiang-2020-109 --feeds feeds --key-file key --at 2021-11-09 --json
  fuma policy preview ./mine --policy OLD --feeds feeds --key-file key --at 2021-11-09 --html preview.html
  fuma policy preview --regions regions-new.ndjson --state state
  fuma policy preview --records listings-new.csv --policy OLD --feeds feeds --key-file key --at 2021-11-09

The digest at the end is that of a switch at this tick: `fuma replay --policy OLD --policy NEW@INSTANT` says the same,
as long as no record becomes known and nobody is due at the very tick. A draft is taken, and it is said why.

Without --feeds an installation is previewed, running or not: from its newest snapshots and logs, one position of each
partition. Nothing of it is touched: no lock, no group, no file. Who may differ from the outcome is counted by cause; a
partition that is not there is named, and then there is no digest.";

/// What was previewed, for the forms.
struct Shown<'a> {
    current: &'a Pack,
    candidate: &'a Pack,
    /// The files of records that may be sent, in place of another pack.
    records: &'a [&'a str],
    at: Instant,
    preview: &'a Preview,
}

/// Previews, and writes the outcome.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub(super) fn run(arguments: &PreviewArguments, screen: &Screen) -> Result<(), CommandError> {
    let candidate = arguments.candidate.as_ref().map(|name| load_pack(name, Drafts::Taken)).transpose()?;
    let batch = batch::sources(&arguments.regions, &arguments.records)?;
    let bar = progress::Bar::new(screen);
    let (current, at, outcome) = match arguments.at {
        Some(at) if !arguments.feeds.is_empty() => {
            let (sources, options) = arguments.of_feeds().checked(Some(at), arguments.tick, Drafts::Taken, screen)?;
            let outcome = match &candidate {
                Some(candidate) => preview(&sources, &options, (candidate, at), &bar)?,
                None => {
                    batch::read((&batch, &options.intake, 1), options.tick.ceiling(at), screen)?;
                    preview_batch((&sources, &batch), &options, at, &bar)?
                }
            };
            (Arc::clone(options.pack_at(outcome.tick)), at, outcome)
        }
        at => {
            let wanted = match &candidate {
                Some(candidate) => live::Wanted::Pack(candidate),
                None => live::Wanted::Batch { sources: &batch, key_file: arguments.key_file.as_deref(), screen },
            };
            live::preview(&arguments.place, (wanted, at, input::workers(arguments.workers)), &bar)?
        }
    };
    bar.finish();
    let candidate = candidate.unwrap_or_else(|| Arc::clone(&current));
    let records: Vec<&str> = batch.iter().map(Source::name).collect();
    let shown = Shown { current: &current, candidate: &candidate, records: &records, at, preview: &outcome };
    if let Some(path) = &arguments.changes {
        write_lines(&outcome, path).map_err(|source| written(path, source))?;
    }
    if let Some(path) = &arguments.named {
        write_named(&outcome, path).map_err(|source| written(path, source))?;
    }
    if let Some(path) = &arguments.html {
        std::fs::write(path, page::page(&shown)).map_err(|source| written(path, source))?;
    }
    let text = if arguments.json { json::json(&shown) } else { table::table(&shown, arguments.lang) };
    screen.print(&text)
}

impl PreviewArguments {
    fn of_feeds(&self) -> FeedArguments {
        let PreviewArguments { policy, feeds, key_file, owners, facts_max, workers, .. } = self.clone();
        FeedArguments { policy, feeds, key_file, owners, facts_max, workers }
    }
}

/// Who may differ from the outcome, and why: tokens, for their owner alone.
fn write_named(outcome: &Preview, path: &Path) -> io::Result<()> {
    let mut out = private_file(path)?;
    for (person, cause) in outcome.partitions.iter().flat_map(|there| &there.named) {
        writeln!(out, "{person} {}", cause.name())?;
    }
    out.flush()
}

fn write_lines(outcome: &Preview, path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    each_line(&outcome.lines, |person, before, after| out.write_all(line(person, before, after).as_bytes()))?;
    out.flush()
}

fn written(path: &Path, source: io::Error) -> CommandError {
    CommandError::Write { path: path.to_owned(), source }
}
