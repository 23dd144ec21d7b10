//! Small changes of a pack: one comparison, constant or number at a time.
//!
//! Owns where a change is made. Comments and front matter are left as they are; what the gate refuses is no mutant.

use fuma_schemas::registry;
use fuma_schemas::registry::ColumnType;

use crate::policy::PackSource;
use crate::policy::manifest::{FILE, line_of};
use crate::policy::tracing::DEGREES;

/// One change of one file.
#[derive(Clone, Debug)]
pub(super) struct Mutant {
    /// The file, relative to the pack.
    pub(super) file: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// The character in it, from 1.
    pub(super) column: usize,
    /// What stands there, and what takes its place.
    pub(super) what: String,
    at: usize,
    length: usize,
    instead: String,
}

impl Mutant {
    /// File, line and column, as they are listed.
    pub(super) fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }

    /// The pack with this change.
    pub(super) fn applied(&self, source: &PackSource) -> PackSource {
        let mut source = source.clone();
        if let Some(text) = source.files.get_mut(&self.file) {
            text.replace_range(self.at..self.at + self.length, &self.instead);
        }
        source
    }
}

/// Comparisons, the longer ones first, and what takes their place.
const COMPARISONS: [(&str, &str); 6] = [("<=", "<"), (">=", ">"), ("<>", "="), ("<", "<="), (">", ">="), ("=", "<>")];

/// Every small change of a pack.
pub(super) fn of(source: &PackSource) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (file, text) in &source.files {
        if file == FILE {
            numbers(file, text, &mut mutants);
        } else if ["rules/", "views/", "tracing/"].iter().any(|folder| file.starts_with(folder)) {
            sql(file, text, &mut mutants);
        }
    }
    mutants
}

fn mutant(file: &str, text: &str, (at, length): (usize, usize), instead: String) -> Mutant {
    let old = text.get(at..at + length).unwrap_or_default();
    let what = format!("{old} -> {instead}");
    let column =
        text.get(..at).and_then(|before| before.rsplit('\n').next()).map_or(1, |line| line.chars().count() + 1);
    Mutant { file: file.to_owned(), line: line_of(text, at), column, what, at, length, instead }
}

/// A day or an hour more, and one less, of each number among the parameters.
fn numbers(file: &str, text: &str, mutants: &mut Vec<Mutant>) {
    let (mut at, mut is_parameter) = (0, false);
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            is_parameter = line.trim_end() == "[parameters]";
        }
        let value = line.split_once('=').filter(|_| is_parameter);
        if let Some((name, value)) = value {
            let start = at + name.len() + 1;
            let digits = value.split('#').next().unwrap_or_default();
            let trimmed = digits.trim();
            let place = start + digits.find(trimmed).unwrap_or(0);
            if let Ok(number) = trimmed.parse::<i64>() {
                for other in [number + 1, number - 1].into_iter().filter(|other| *other >= 0) {
                    let changed = mutant(file, text, (place, trimmed.len()), other.to_string());
                    mutants.push(Mutant { what: format!("{} {}", name.trim(), changed.what), ..changed });
                }
            }
        }
        at += line.len();
    }
}

/// Comparisons, and words of closed lists.
fn sql(file: &str, text: &str, mutants: &mut Vec<Mutant>) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("--") {
            at += rest.find('\n').map_or(rest.len(), |end| end + 1);
            continue;
        }
        if rest.starts_with('"') {
            at += rest.get(1..).and_then(|inner| inner.find('"')).map_or(rest.len(), |end| end + 2);
            continue;
        }
        if rest.starts_with('\'') {
            let end = rest.get(1..).and_then(|inner| inner.find('\'')).map_or(rest.len(), |end| end + 2);
            let word = rest.get(1..end.saturating_sub(1)).unwrap_or_default();
            mutants.extend(another(file, word).map(|other| mutant(file, text, (at, end), format!("'{other}'"))));
            at += end;
            continue;
        }
        match COMPARISONS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            Some((sign, instead)) => {
                if !joins_a_person(text, at) {
                    mutants.push(mutant(file, text, (at, sign.len()), (*instead).to_owned()));
                }
                at += sign.len();
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
}

/// Another word of the closed list that a word is of; tracing gives fewer degrees than reports do.
fn another(file: &str, word: &str) -> Option<&'static str> {
    if file.starts_with("tracing/") && DEGREES.contains(&word) {
        return DEGREES.into_iter().find(|degree| *degree != word);
    }
    let lists = registry::kinds().flat_map(fuma_schemas::Kind::columns).filter_map(|column| match column.column_type {
        ColumnType::Code(names) => Some(names),
        _ => None,
    });
    let mut lists = lists.filter(|names| names.contains(&word));
    lists.next().and_then(|names| {
        let place = names.iter().position(|name| *name == word)?;
        names.get((place + 1) % names.len()).copied()
    })
}

/// Whether a comparison is `a.person = b.person`: nothing else may stand there.
fn joins_a_person(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default().trim_end();
    before.ends_with(".person")
}
