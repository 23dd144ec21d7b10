//! What is wrong with a pack: where, what, and what to do.
//!
//! Owns the text form. Must never be raised for evidence: evidence is data, a pack is configuration.

use std::fmt;

/// A pack that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackError {
    /// The file, relative to the pack.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl PackError {
    /// An error at a line of a file.
    pub fn at(file: &str, line: usize, reason: impl Into<String>) -> PackError {
        PackError { file: file.to_string(), line, reason: reason.into() }
    }

    /// An error of a whole file.
    pub fn of(file: &str, reason: impl Into<String>) -> PackError {
        PackError::at(file, 0, reason)
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.file, self.reason),
            line => write!(out, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for PackError {}
