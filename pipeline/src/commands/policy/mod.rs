//! `fuma policy`: what packs there are, what one says, and whether it may be used.
//!
//! ```text
//! list             the packs of this binary
//! show <pack>      a pack for officials, in Chinese and English
//! check <pack>     whether it may be used, and if not, where and why
//! test <pack>      runs the cases of a pack, one line each
//! export <id> DIR  a pack of this binary as a folder, to begin one's own from
//! new DIR          a small pack in a new folder, that passes the gate
//! compare A B      where two packs differ, without any data
//! mutate <pack>    which small changes of a pack its cases would let pass
//! preview <pack>   what a pack would do to everybody at an instant
//! reference        what rules and cases may say: tables, columns, functions, the language of cases
//! ```
//!
//! Owns the commands; what they print goes to the writer that they are given. A pack is an id of this binary or a
//! folder.

mod begin;
mod compare;
mod export;
mod gate;
mod judged;
mod language;
mod mutants;
mod mutate;
mod preview;
pub mod reference;
mod show;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use self::gate::{load, refuse};
use super::CommandError;
use super::screen::Screen;
use crate::policy::{Pack, PackSource};

pub use begin::NewArgs;
pub use language::Language;

/// The exit code of a pack that may not be used.
pub const UNUSABLE: u8 = 2;

/// Policy packs: all that can be done with them.
#[derive(clap::Args, Debug)]
pub struct PolicyArguments {
    /// What to do.
    #[command(subcommand)]
    verb: PolicyVerb,
}

/// What is asked of a pack alone, and what takes feeds.
#[derive(clap::Subcommand, Debug)]
enum PolicyVerb {
    #[command(flatten)]
    Pack(PolicyCommand),
    /// What a pack would do to everybody at an instant, over feeds: counts, samples, the digest.
    Preview(Box<preview::PreviewArguments>),
    /// Where two packs differ, without any data: their files, and the smallest person of each difference.
    Compare(compare::CompareArguments),
    /// Which small changes of a pack its own cases would let pass.
    Mutate(mutate::MutateArguments),
}

/// Runs a command, and prints what it says.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub fn answer(arguments: PolicyArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    match arguments.verb {
        PolicyVerb::Pack(command) => {
            let printed = screen.write(|out| run(&PolicyArgs { command }, out))?;
            Ok(printed.unwrap_or(ExitCode::SUCCESS))
        }
        PolicyVerb::Preview(arguments) => preview::run(&arguments, screen).map(|()| ExitCode::SUCCESS),
        PolicyVerb::Compare(arguments) => compare::run(&arguments, screen).map(|()| ExitCode::SUCCESS),
        PolicyVerb::Mutate(arguments) => mutate::run(&arguments, screen).map(|()| ExitCode::SUCCESS),
    }
}

/// What is asked of a pack alone.
#[derive(clap::Args, Debug)]
pub struct PolicyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// The commands of `fuma policy`.
#[derive(clap::Subcommand, Debug)]
pub enum PolicyCommand {
    /// List the packs of this binary.
    List(ListArgs),
    /// Show a pack: who published it, its rules, what ends each, parameters, tables and SQL.
    Show(PackArgs),
    /// May the pack be used? Loads it and runs its cases. Exit code 0: yes; 2: no, and where and why.
    Check(CaseArgs),
    /// Run the cases of a pack, one line each. Exit code 0: all hold; 1: some do not; 2: the pack cannot be loaded.
    Test(CaseArgs),
    /// Write a small pack to a new folder, that passes the gate: to begin one's own from.
    New(NewArgs),
    /// Write a pack of this binary to a new folder, to begin one's own from.
    Export(ExportArgs),
    /// What rules and cases may say: tables, columns, functions, the language of cases.
    Reference(LanguageArgs),
}

/// A pack and a language.
#[derive(clap::Args, Debug)]
pub struct PackArgs {
    /// The id of a pack of this binary, or a folder.
    pub pack: String,
    /// The language of titles.
    #[command(flatten)]
    pub language: LanguageArgs,
}

/// A pack whose cases are run.
#[derive(clap::Args, Debug)]
pub struct CaseArgs {
    /// The id of a pack of this binary, or a folder.
    pub pack: String,
    /// The language of titles.
    #[command(flatten)]
    pub language: LanguageArgs,
    /// One JSON object in place of lines.
    #[arg(long)]
    pub json: bool,
    /// Only what is wrong.
    #[arg(short, long)]
    pub quiet: bool,
}

/// How packs are listed.
#[derive(clap::Args, Debug)]
pub struct ListArgs {
    /// The language of titles.
    #[command(flatten)]
    pub language: LanguageArgs,
    /// A JSON array in place of lines.
    #[arg(long)]
    pub json: bool,
}

/// A pack and where it goes.
#[derive(clap::Args, Debug)]
pub struct ExportArgs {
    /// The id of a pack of this binary.
    pub id: String,
    /// The folder to make; it must not be there, or be empty.
    pub folder: PathBuf,
}

/// The language of titles.
#[derive(clap::Args, Debug)]
pub struct LanguageArgs {
    /// Chinese, English or both.
    #[arg(long, value_enum, default_value_t = Language::Both)]
    pub lang: Language,
}

/// Runs a command; the exit code is 0 when nothing is wrong.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn run(args: &PolicyArgs, out: &mut dyn Write) -> io::Result<ExitCode> {
    match &args.command {
        PolicyCommand::List(args) => list(out, args),
        PolicyCommand::Show(args) => match load(&args.pack) {
            Ok(pack) => {
                show::show(out, &pack, args.language.lang)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => refuse(out, &args.pack, &error),
        },
        PolicyCommand::Check(args) => judged::check(out, args),
        PolicyCommand::Test(args) => judged::test(out, args),
        PolicyCommand::Export(args) => export::export(out, &args.id, &args.folder),
        PolicyCommand::New(args) => begin::begin(out, args),
        PolicyCommand::Reference(args) => {
            out.write_all(reference::text(args.lang).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(out: &mut dyn Write, args: &ListArgs) -> io::Result<ExitCode> {
    let mut packs = Vec::new();
    for id in PackSource::built_in_ids() {
        match load(&id) {
            Ok(pack) => packs.push(pack),
            Err(error) => return refuse(out, &id, &error),
        }
    }
    if args.json {
        let all: Vec<_> = packs.iter().map(|pack| described(pack)).collect();
        writeln!(out, "{}", json!(all))?;
        return Ok(ExitCode::SUCCESS);
    }
    for pack in packs {
        let from = &pack.manifest.valid_from.to_string()[..10];
        let title = args.language.lang.pick(&pack.manifest.title);
        let (id, version, digest) = (&pack.id, &pack.version, pack.short_digest());
        writeln!(out, "{id}  {version}  {from}  {}  {title}  ({digest})", pack.manifest.document)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A pack for machines.
fn described(pack: &Pack) -> serde_json::Value {
    let manifest = &pack.manifest;
    json!({
        "id": &*pack.id,
        "version": &*pack.version,
        "digest": &*pack.digest,
        "province": manifest.province,
        "document": manifest.document,
        "valid_from": manifest.valid_from.to_string(),
        "title": { "zh": manifest.title.zh, "en": manifest.title.en },
        "rules": pack.rules.iter().map(|rule| &rule.head.id).collect::<Vec<_>>(),
    })
}
