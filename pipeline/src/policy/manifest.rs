//! `policy.toml`: who published the rules, in which document, from when, with which numbers.
//!
//! Owns its keys (unknown ones are refused). Must never give a key a default that a rule depends on.

use std::collections::BTreeMap;

use fuma_schemas::{Instant, Kind};
use serde::Deserialize;

use super::PackError;

/// The name of the file.
pub const FILE: &str = "policy.toml";

/// A text for officials in Chinese and English.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A number or a text that rules use as `$name`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// A whole number: days, hours.
    Integer(i64),
    /// A text: a province's prefix.
    Text(String),
}

/// The checked contents of `policy.toml`.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The id, which is also the name of a built-in pack.
    pub id: String,
    /// The version, announced with every change.
    pub version: String,
    /// The first two digits of the province's codes.
    pub province: String,
    /// Who published the rules.
    pub authority: Text,
    /// The document's number: the first part of every clause.
    pub document: String,
    /// The document's title.
    pub title: Text,
    /// From when the rules are in force.
    pub valid_from: Instant,
    /// What rules use as `$name`.
    pub parameters: BTreeMap<String, Parameter>,
    /// For how many days past its last instant a fact of each kind is kept.
    pub retention_days: BTreeMap<Kind, i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    version: String,
    province: String,
    authority: Text,
    document: String,
    title: Text,
    valid_from: String,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    retention_days: BTreeMap<String, i64>,
}

/// Reads and checks `policy.toml`.
pub fn parse(text: &str) -> Result<Manifest, PackError> {
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_of(text, span.start));
        PackError::at(FILE, line, error.message().replace('\n', " "))
    })?;
    let wrong = |key: &str, reason: &str| PackError::at(FILE, line_with(text, key), format!("{key}: {reason}"));
    if raw.id.is_empty() || !raw.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(wrong("id", "use lower-case letters, digits and hyphens"));
    }
    for (key, value) in [("version", &raw.version), ("document", &raw.document)] {
        if value.trim().is_empty() {
            return Err(wrong(key, "must not be blank"));
        }
    }
    if raw.province.len() != 2 || !raw.province.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("province", "give the two digits of GB/T 2260; a pack below a province is not allowed"));
    }
    let valid_from = Instant::parse(&raw.valid_from)
        .ok_or_else(|| wrong("valid_from", "give an RFC 3339 instant with an offset"))?;
    for name in raw.parameters.keys() {
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(wrong(name, "a parameter's name has lower-case letters, digits and underscores"));
        }
    }
    let mut retention_days = BTreeMap::new();
    for (name, days) in raw.retention_days {
        let kind = Kind::parse(&name).ok_or_else(|| wrong(&name, "is no kind of evidence"))?;
        if !(1..=36_500).contains(&days) {
            return Err(wrong(&name, "give between 1 and 36500 days"));
        }
        retention_days.insert(kind, days);
    }
    if let Some(kind) = Kind::PERSONAL.into_iter().find(|kind| !retention_days.contains_key(kind)) {
        return Err(wrong("retention_days", &format!("{} is missing: every kind needs a retention", kind.name())));
    }
    Ok(Manifest {
        id: raw.id,
        version: raw.version,
        province: raw.province,
        authority: raw.authority,
        document: raw.document,
        title: raw.title,
        valid_from,
        parameters: raw.parameters,
        retention_days,
    })
}

/// The line, from 1, of a byte.
pub fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

fn line_with(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.trim_start_matches('[').starts_with(key)).map_or(0, |at| at + 1)
}
