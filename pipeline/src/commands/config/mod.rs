//! `fuma config`: is a configuration right, what is in force and where does it come from.
//!
//! Owns the printing. Must never show a secret, nor start anything.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommandError;
use super::run::{SettingArguments, file_of_environment};
use crate::config::{self, Config, DEFAULT_FILE};

/// Configurations: check, print.
#[expect(clippy::large_enum_variant, reason = "one a process")]
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// Say whether a configuration file is right, together with the environment
    Check(CheckArguments),
    /// Print what is in force: each setting with where it comes from, secrets masked
    Print(PrintArguments),
}

/// The arguments of `fuma config check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArguments {
    /// The configuration file; without it FUMA_CONFIG, without that the defaults
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The arguments of `fuma config print`.
#[derive(Args, Clone, Debug)]
pub struct PrintArguments {
    /// Print the file with every default and what each setting means
    #[arg(long)]
    default: bool,
    #[command(flatten)]
    settings: SettingArguments,
}

/// Checks or prints.
///
/// # Errors
/// With everything that is wrong.
pub fn run(command: &ConfigCommand) -> Result<(), CommandError> {
    let text = match command {
        ConfigCommand::Check(arguments) => {
            let file = arguments.file.clone().or_else(file_of_environment);
            Config::load(file.as_deref(), &config::environment(), Vec::new())?;
            format!("{}: ok\n", file.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string()))
        }
        ConfigCommand::Print(arguments) if arguments.default => DEFAULT_FILE.to_owned(),
        ConfigCommand::Print(arguments) => arguments.settings.load()?.1.printed(),
    };
    // Whoever closed the pipe has seen enough.
    drop(std::io::stdout().lock().write_all(text.as_bytes()));
    Ok(())
}
