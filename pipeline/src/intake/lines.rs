//! Lists in files, one entry a line: of owners, of region codes.
//!
//! Owns which lines are entries. What an entry must look like is the list's.

/// A line of a list that is no entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub reason: &'static str,
}

/// The entries with their lines. A byte-order mark, blank lines, comments (`#`) and white space around an entry are
/// passed over.
pub(super) fn of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    (1..).zip(lines.map(str::trim)).filter(|(_, entry)| !entry.is_empty() && !entry.starts_with('#'))
}
