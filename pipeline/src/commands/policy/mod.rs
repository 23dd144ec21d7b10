//! `fuma policy`: what packs there are, what one says, and whether it may be used.
//!
//! ```text
//! list             the packs of this binary; of an installation what is in force, coming, was, and waits
//! log              the whole history of an installation
//! publish <pack>   a pack is proposed, and goes into the log
//! keygen, sign, approve, withdraw, officials   what officials do (`commands/office`)
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
mod mutate;
mod preview;
pub mod reference;
mod show;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use self::gate::{load, refuse};
use super::screen::Screen;
use super::{CommandError, office};
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
    /// Propose a pack for an installation, from an instant on: it goes into the log, and waits for signatures.
    Publish(Box<office::PublishArguments>),
    /// Make the key of an official; prints the public half, for the list of officials.
    Keygen(office::KeygenArguments),
    /// Sign what waits: the same as approve.
    Sign(Box<office::ApproveArguments>),
    /// Agree to what waits: `fuma approve`.
    Approve(Box<office::ApproveArguments>),
    /// Take back what waits or is scheduled: `fuma withdraw`.
    Withdraw(Box<office::WithdrawArguments>),
    /// The officials of an installation; with a file another list is proposed to them.
    Officials(Box<office::OfficialsArguments>),
    /// The whole history of an installation: what was decided, by whom, and each switch as replay takes it.
    Log(Box<LogArguments>),
}

/// Runs a command, and prints what it says.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub fn answer(arguments: PolicyArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    match arguments.verb {
        PolicyVerb::Pack(PolicyCommand::List(ListArgs { place, json, .. }))
            if place.is_named() || place.find()?.is_some() =>
        {
            let seen = place.office()?.installation()?;
            let text = if json { format!("{}\n", office::shown::list_json(&seen)) } else { office::shown::list(&seen) };
            screen.print(&text).map(|()| ExitCode::SUCCESS)
        }
        PolicyVerb::Publish(arguments) => office::publish(&arguments, screen),
        PolicyVerb::Keygen(arguments) => office::keygen(&arguments, screen).map(|()| ExitCode::SUCCESS),
        PolicyVerb::Sign(arguments) | PolicyVerb::Approve(arguments) => office::approve(&arguments, screen),
        PolicyVerb::Withdraw(arguments) => office::withdraw(&arguments, screen),
        PolicyVerb::Officials(arguments) => office::officials(&arguments, screen),
        PolicyVerb::Log(arguments) => {
            let seen = arguments.place.office()?.installation()?;
            let json = || format!("{}\n", office::shown::log_json(&seen));
            let text = if arguments.json { json() } else { office::shown::log(&seen) };
            screen.print(&text).map(|()| ExitCode::SUCCESS)
        }
        PolicyVerb::Pack(command) => {
            let printed = screen.write(|out| run(&PolicyArgs { command }, out))?;
            Ok(printed.unwrap_or(ExitCode::SUCCESS))
        }
        PolicyVerb::Preview(arguments) => preview::run(&arguments, screen).map(|()| ExitCode::SUCCESS),
        PolicyVerb::Compare(arguments) => compare::run(&arguments, screen).map(|()| ExitCode::SUCCESS),
        PolicyVerb::Mutate(arguments) => mutate::run(&arguments, screen),
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
    /// List the packs of this binary; of an installation (--state, --bootstrap) what is in force, coming, was, waits.
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
    /// A JSON array in place of lines; of an installation an object.
    #[arg(long)]
    pub json: bool,
    /// Which installation; without one the packs of this binary are listed.
    #[command(flatten)]
    pub place: office::PlaceArguments,
}

/// How a history is shown.
#[derive(clap::Args, Clone, Debug)]
pub struct LogArguments {
    /// A JSON array in place of lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: office::PlaceArguments,
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
