//! What is wrong with a configuration: where, which setting, what to do.
//!
//! Owns the text of an error. Must never repeat the value of a setting that may be secret.

use std::fmt;
use std::path::PathBuf;

/// Where a setting comes from. In the order of precedence: the later wins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// The default file, which is part of the program.
    Default,
    /// A line of the configuration file, from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => out.write_str("default"),
            Origin::File(path, line) => write!(out, "{}:{line}", path.display()),
            Origin::Environment(name) => out.write_str(name),
            Origin::Flag(name) => out.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The setting, like `commit.live`; empty where the file as such is wrong.
    pub setting: String,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.origin)?;
        if !self.setting.is_empty() {
            write!(out, "{}: ", self.setting)?;
        }
        out.write_str(&self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: the configuration cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Settings are wrong.
    #[error("the configuration is unusable:\n{}", lines(.0))]
    Problems(Vec<Problem>),
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> ConfigError {
        ConfigError::Problems(vec![problem])
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    lines.join("\n")
}
