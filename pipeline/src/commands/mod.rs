//! The commands of the `fuma` binary, one folder each: arguments, what is run, what is printed.
//!
//! Owns I/O at the outermost edge: files, terminals, the wall clock. Must never hold a rule or decide a colour.

pub mod accept;
pub mod audit;
mod chinese;
pub mod config;
pub mod contacts;
pub mod demo;
pub mod explain;
pub mod generate;
pub mod import;
pub mod input;
pub mod kafka;
mod mask;
pub mod office;
pub mod overdue;
pub mod policy;
mod progress;
pub mod replay;
pub mod run;
mod schedule;
pub mod screen;
pub mod send;
pub mod status;
pub mod tail;
pub mod topics;
pub mod usage;

use std::path::PathBuf;

use fuma_connectors::files::FileError;
use fuma_connectors::log::{LogError, Severity};

use crate::config::ConfigError;
use crate::http::HttpError;
use crate::live::decisions::{DecisionError, FoundError};
use crate::live::service::ServiceError;
use crate::policy::PackError;
use crate::replay::ReplayError;

/// What an exit code means, for the end of each `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed: output could not be written, or a check found something
  2    unusable input or configuration, or a broker that does not answer
  3    nothing is known of the person (explain)
  4    refused until an operator or an official acts
  130  interrupted";

/// The exit code of what failed.
pub const FAILED: u8 = 1;
/// The exit code of unusable input or configuration.
pub const UNUSABLE: u8 = 2;
/// The exit code of a person of whom nothing is known.
pub const UNKNOWN: u8 = 3;
/// The exit code of what waits for an operator or an official.
pub const REFUSED: u8 = 4;
/// The exit code of what was interrupted.
pub const INTERRUPTED: u8 = 130;

/// The command and all its subcommands, each with the exit codes at the end of its help.
pub fn with_exit_codes(command: clap::Command) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string);
    let text = examples.map_or_else(|| EXIT_CODES.to_owned(), |examples| format!("{examples}\n\n{EXIT_CODES}"));
    command.after_help(text).mut_subcommands(with_exit_codes)
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Standard output or standard error cannot be written.
    #[error("{stream} cannot be written: {source}")]
    Output {
        /// Which of the two.
        stream: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no key.
    #[error("no key: give --key-file FILE or set FUMA_KEY (64 hex digits; `openssl rand -hex 32` makes one)")]
    NoKey,
    /// The key cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(String),
    /// The pack cannot be used.
    #[error("the policy pack cannot be used: {0}")]
    Pack(#[from] PackError),
    /// A feed file cannot be found or opened.
    #[error("{0}")]
    Feeds(#[from] FileError),
    /// The replay ended early.
    #[error("{0}")]
    Replay(#[from] ReplayError),
    /// There is no pack.
    #[error(
        "no policy pack: give --policy, set FUMA_POLICY, or write `policy` in the configuration file (`fuma policy \
         list` shows the built-in ones)"
    )]
    NoPolicy,
    /// The configuration is unusable.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// There is no HTTP port.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The service ended early.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// The log does not answer, or refuses.
    #[error("{0}")]
    Log(#[from] LogError),
    /// What is there is not what is recorded.
    #[error("{0}")]
    Found(#[from] FoundError),
    /// An input of a command is unusable; says which and why.
    #[error("{0}")]
    Input(String),
    /// Nothing is known of what was asked for.
    #[error("{0}")]
    Unknown(String),
    /// Another error, in another language.
    #[error("{text}")]
    Said {
        /// What is said.
        text: String,
        /// The exit code of the error.
        exit_code: u8,
    },
    /// Anything else, said by the command.
    #[error("{0}")]
    Other(String),
}

impl CommandError {
    /// The exit code ([`EXIT_CODES`]).
    pub fn exit_code(&self) -> u8 {
        match self {
            CommandError::Read { .. }
            | CommandError::NoKey
            | CommandError::Key(_)
            | CommandError::Pack(_)
            | CommandError::Feeds(_)
            | CommandError::Replay(ReplayError::Source(_))
            | CommandError::NoPolicy
            | CommandError::Config(_)
            | CommandError::Http(HttpError::Bind { .. })
            | CommandError::Log(_)
            | CommandError::Input(_) => UNUSABLE,
            CommandError::Service(ServiceError::Log(error)) if error.severity() == Severity::Operator => UNUSABLE,
            CommandError::Service(ServiceError::Operator(_)) => REFUSED,
            CommandError::Service(ServiceError::Found(error)) => of_found(error),
            CommandError::Found(error) => of_found(error),
            CommandError::Unknown(_) => UNKNOWN,
            CommandError::Said { exit_code, .. } => *exit_code,
            _ => FAILED,
        }
    }
}

/// What is recorded is another's: refused until somebody acts; a log that cannot be used is an input.
fn of_found(error: &FoundError) -> u8 {
    match error {
        FoundError::Log(error) | FoundError::Decisions(DecisionError::Log(error)) => {
            if error.severity() == Severity::Operator { UNUSABLE } else { FAILED }
        }
        _ => REFUSED,
    }
}

/// The most memory that this process has held, where the system tells.
pub(crate) fn memory_bytes_peak() -> Option<u64> {
    bytes_of("/proc/self/status", "VmHWM:")
}

/// The memory that new work can have, where the system tells.
pub(crate) fn memory_bytes_free() -> Option<u64> {
    bytes_of("/proc/meminfo", "MemAvailable:")
}

/// A line of a file of the system, which is in KiB.
fn bytes_of(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
