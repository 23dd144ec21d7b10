//! `fuma policy`: what packs there are, what one says, and whether it may be used.
//!
//! ```text
//! list            the packs of this binary
//! show <pack>     a pack for officials, in Chinese and English
//! check <folder>  loads a folder and runs its cases: whether it may be used, and if not, where and why
//! test <pack>     runs the cases of a pack, one line each
//! ```
//!
//! Owns the commands; what they print goes to the writer that they are given. A pack is an id of this binary or a
//! folder.

pub mod engine;
mod judge;
mod language;
mod show;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::policy::{self, Pack, PackError, PackSource};

pub use judge::{CaseResult, Verdict, judge};
pub use language::Language;

/// Policy packs: list, show, check, test.
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
    List(LanguageArgs),
    /// Show a pack: who published it, its rules, what ends each, parameters and SQL.
    Show(PackArgs),
    /// Load a folder and run its cases: may the pack be used?
    Check {
        /// The folder of the pack.
        folder: PathBuf,
        /// The language of titles.
        #[command(flatten)]
        language: LanguageArgs,
    },
    /// Run the cases of a pack.
    Test(PackArgs),
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

/// The language of titles.
#[derive(clap::Args, Debug)]
pub struct LanguageArgs {
    /// Chinese, English or both.
    #[arg(long, value_enum, default_value_t = Language::Both)]
    pub lang: Language,
}

/// Runs a command; the exit code is 0 when nothing is wrong, 1 when a pack may not be used.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn run(args: &PolicyArgs, out: &mut dyn Write) -> io::Result<ExitCode> {
    match &args.command {
        PolicyCommand::List(language) => list(out, language.lang),
        PolicyCommand::Show(args) => match load(&args.pack) {
            Ok(pack) => {
                show::show(out, &pack, args.language.lang)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => refuse(out, &args.pack, &error),
        },
        PolicyCommand::Check { folder, language } => {
            match PackSource::folder(folder).and_then(|source| policy::load(&source)) {
                Ok(pack) => test(out, &pack, language.lang, false),
                Err(error) => refuse(out, &folder.display().to_string(), &error),
            }
        }
        PolicyCommand::Test(args) => match load(&args.pack) {
            Ok(pack) => test(out, &pack, args.language.lang, true),
            Err(error) => refuse(out, &args.pack, &error),
        },
    }
}

fn load(id_or_folder: &str) -> Result<Arc<Pack>, PackError> {
    policy::load(&PackSource::find(id_or_folder)?)
}

fn refuse(out: &mut dyn Write, pack: &str, error: &PackError) -> io::Result<ExitCode> {
    writeln!(out, "{pack}: refused\n  {error}")?;
    Ok(ExitCode::FAILURE)
}

fn list(out: &mut dyn Write, language: Language) -> io::Result<ExitCode> {
    for id in PackSource::built_in_ids() {
        match load(&id) {
            Ok(pack) => {
                let from = &pack.manifest.valid_from.to_string()[..10];
                let title = language.pick(&pack.manifest.title);
                writeln!(out, "{id}  {}  {from}  {}  {title}", pack.version, pack.manifest.document)?;
            }
            Err(error) => writeln!(out, "{id}  {error}")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the cases and prints them; `every` prints those that hold too.
fn test(out: &mut dyn Write, pack: &Arc<Pack>, language: Language, every: bool) -> io::Result<ExitCode> {
    let verdict = match judge(pack) {
        Ok(verdict) => verdict,
        Err(error) => return refuse(out, &pack.id, &error),
    };
    for result in verdict.results.iter().filter(|result| every || !result.problems.is_empty()) {
        let mark = if result.problems.is_empty() { "ok    " } else { "FAILED" };
        let (case, title) = (&result.case, language.pick(&result.case.title));
        writeln!(out, "{mark}  {:<9} {:<10}  {title}", case.subject, case.aspect.name())?;
        for (line, problem) in &result.problems {
            writeln!(out, "        {}:{line}: {problem}", case.file)?;
        }
    }
    for missing in &verdict.missing {
        writeln!(out, "MISSING {missing}")?;
    }
    let failed = verdict.failed();
    let held = verdict.results.len() - failed;
    writeln!(out, "{} {}: {held} cases hold, {failed} fail, {} missing", pack.id, pack.version, verdict.missing.len())?;
    Ok(if verdict.may_be_used() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
