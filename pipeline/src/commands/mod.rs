//! The commands of the `fuma` binary, one folder each: arguments, what is run, what is printed.
//!
//! Owns I/O at the outermost edge: files, terminals, the wall clock. Must never hold a rule or decide a colour.

pub mod config;
pub mod demo;
pub mod explain;
pub mod import;
pub mod input;
pub mod kafka;
pub mod overdue;
pub mod policy;
pub mod replay;
pub mod run;
pub mod send;
pub mod tail;
pub mod topics;

use std::path::PathBuf;

use fuma_connectors::files::FileError;
use fuma_connectors::log::{LogError, Severity};

use crate::config::ConfigError;
use crate::http::HttpError;
use crate::live::service::ServiceError;
use crate::policy::PackError;
use crate::replay::ReplayError;

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
    /// There is no key.
    #[error("no key: give --key-file or set FUMA_KEY (64 hex digits; `openssl rand -hex 32` makes one)")]
    NoKey,
    /// The key is none.
    #[error("the key is unusable: {0}")]
    Key(String),
    /// The pack is unusable.
    #[error("the pack is unusable: {0}")]
    Pack(#[from] PackError),
    /// A feed file cannot be found or opened.
    #[error("{0}")]
    Feeds(#[from] FileError),
    /// The replay ended early.
    #[error("{0}")]
    Replay(#[from] ReplayError),
    /// There is no pack.
    #[error("no policy: give --policy, set FUMA_POLICY, or write it in the configuration (`fuma policy list`)")]
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
    /// An input of a command is unusable; says which and why.
    #[error("{0}")]
    Input(String),
    /// Anything else, said by the command.
    #[error("{0}")]
    Other(String),
}

impl CommandError {
    /// The exit code: 2 for unusable input or a log that cannot be used, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            CommandError::Feeds(_)
            | CommandError::Input(_)
            | CommandError::Config(_)
            | CommandError::NoPolicy
            | CommandError::Log(_)
            | CommandError::Replay(ReplayError::Source(_)) => 2,
            CommandError::Service(ServiceError::Log(error)) if error.severity() == Severity::Operator => 2,
            _ => 1,
        }
    }
}

/// The most memory that this process has held, where the system tells.
pub(crate) fn memory_bytes_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
