//! `fuma config`: is a configuration right, what is in force and where does it come from.
//!
//! Owns the printing; `look` looks at the files that are named. Must never show a secret, nor start anything.

mod look;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommandError;
use super::run::{SettingArguments, file_of_environment};
use super::screen::Screen;
use crate::config::{self, Config, ConfigError, DEFAULT_FILE};

/// Check a configuration, or print what is in force.
#[expect(clippy::large_enum_variant, reason = "one a process")]
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// Check a configuration file, the environment, and the files that they name
    Check(CheckArguments),
    /// Print what is in force: each setting with where it comes from, secrets masked
    Print(PrintArguments),
}

/// The arguments of `fuma config check`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  fuma config check fuma.toml\n  FUMA_POLICY=mine fuma config check")]
pub struct CheckArguments {
    /// The configuration file; without it FUMA_CONFIG, without that the defaults
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The arguments of `fuma config print`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  fuma config print --default > fuma.toml\n  fuma config print --config fuma.toml")]
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
pub fn run(command: &ConfigCommand, screen: &Screen) -> Result<(), CommandError> {
    match command {
        ConfigCommand::Check(arguments) => check(arguments, screen),
        ConfigCommand::Print(arguments) if arguments.default => screen.print(DEFAULT_FILE),
        ConfigCommand::Print(arguments) => screen.print(&arguments.settings.load()?.1.printed()),
    }
}

fn check(arguments: &CheckArguments, screen: &Screen) -> Result<(), CommandError> {
    let file = arguments.file.clone().or_else(file_of_environment);
    let environment = config::environment();
    let (config, settings) = Config::load(file.as_deref(), &environment, Vec::new())?;
    let mut problems = look::problems(&config, &settings);
    problems.extend(config::misspelt(&environment));
    if !problems.is_empty() {
        return Err(ConfigError::Problems(problems).into());
    }
    let remarks: String = look::remarks(&config).iter().map(|remark| format!("note: {remark}\n")).collect();
    screen.remark(&remarks)?;
    screen
        .print(&format!("{}: ok\n", file.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string())))
}
