//! `policy.toml`: who published the rules, in which document, from when, with which numbers.
//!
//! Owns its keys (unknown ones are refused). Must never give a key a default that a rule depends on.

use std::collections::BTreeMap;

use fuma_schemas::{Instant, Kind};
use serde::Deserialize;

use super::PackError;
use super::near::did_you_mean;
use super::tables::TableDeclaration;

/// The greatest number among the parameters: a hundred years of days.
pub const PARAMETER_MAX: i64 = 36_500;
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
    /// For how many days past its last instant a fact of each kind is kept; every kind has its number.
    pub retention_days: BTreeMap<Kind, i64>,
    /// What the engine asks of the pack.
    pub engine: Engine,
    /// What the tables of the pack hold.
    pub tables: BTreeMap<String, TableDeclaration>,
}

/// What the engine asks of the pack, each the name of a whole-number parameter. What is not declared is not counted
/// and not explained, and the engine says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// For how many full days after the last exposure a contact is watched: `late`, missed windows.
    pub contact_days: Option<String>,
    /// How many days before the day of designation a stay in the region counts.
    pub tier_look_back_days: Option<String>,
}

/// How long a fact is kept unless the pack says otherwise.
const RETENTION_DAYS: i64 = 60;
/// The same of cases and isolations.
const RETENTION_DAYS_LONG: i64 = 180;

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
    #[serde(default)]
    retention_days: BTreeMap<String, i64>,
    #[serde(default)]
    engine: Engine,
    #[serde(default)]
    tables: BTreeMap<String, TableDeclaration>,
}

/// Reads and checks `policy.toml`.
pub fn parse(text: &str) -> Result<Manifest, PackError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_of(text, span.start));
        PackError::at(FILE, line, error.message().replace('\n', " "))
    })?;
    let wrong = |key: &str, reason: &str| PackError::at(FILE, line_with(text, key), format!("{key}: {reason}"));
    if raw.id.is_empty() || !raw.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(wrong("id", "use lower-case letters, digits and hyphens"));
    }
    for (key, value) in [("version", &raw.version), ("document", &raw.document)] {
        if value.trim().is_empty() || value.chars().any(char::is_control) {
            return Err(wrong(key, "must not be blank, and is one line"));
        }
    }
    if raw.province.len() != 2 || !raw.province.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("province", "give the two digits of GB/T 2260; a pack below a province is not allowed"));
    }
    let valid_from = Instant::parse(&raw.valid_from)
        .ok_or_else(|| wrong("valid_from", "give an RFC 3339 instant with an offset"))?;
    check_parameters(&raw.parameters, wrong)?;
    check_engine(&raw, wrong)?;
    for (name, table) in &raw.tables {
        if let Some(problem) = table.problem() {
            return Err(wrong(&format!("tables.{name}"), &problem));
        }
    }
    let retention_days = retention(&raw.retention_days, wrong)?;
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
        engine: raw.engine,
        tables: raw.tables,
    })
}

fn check_parameters(
    parameters: &BTreeMap<String, Parameter>,
    wrong: impl Fn(&str, &str) -> PackError,
) -> Result<(), PackError> {
    for (name, value) in parameters {
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(wrong(name, "a parameter's name has lower-case letters, digits and underscores"));
        }
        match value {
            Parameter::Integer(number) if !(0..=PARAMETER_MAX).contains(number) => {
                return Err(wrong(name, &format!("a number lies within 0 and {PARAMETER_MAX}")));
            }
            Parameter::Text(text) if text.chars().any(char::is_control) => {
                return Err(wrong(name, "a text is one line"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_engine(raw: &Raw, wrong: impl Fn(&str, &str) -> PackError) -> Result<(), PackError> {
    let asked = [("contact_days", &raw.engine.contact_days), ("tier_look_back_days", &raw.engine.tier_look_back_days)];
    for (key, parameter) in asked {
        let Some(parameter) = parameter else { continue };
        if !matches!(raw.parameters.get(parameter), Some(Parameter::Integer(_))) {
            let hint = did_you_mean(parameter, raw.parameters.keys().map(String::as_str));
            return Err(wrong("[engine]", &format!("{key}: no whole number `{parameter}` in [parameters]{hint}")));
        }
    }
    Ok(())
}

/// The retention of every kind: what the pack says, else 60 days, of cases and isolations 180.
fn retention(
    said: &BTreeMap<String, i64>,
    wrong: impl Fn(&str, &str) -> PackError,
) -> Result<BTreeMap<Kind, i64>, PackError> {
    let unless_said = |kind: Kind| match kind {
        Kind::Cases | Kind::Isolations => RETENTION_DAYS_LONG,
        _ => RETENTION_DAYS,
    };
    let mut retention: BTreeMap<Kind, i64> = Kind::PERSONAL.into_iter().map(|kind| (kind, unless_said(kind))).collect();
    for (name, days) in said {
        let kind = Kind::parse(name).ok_or_else(|| {
            let hint = did_you_mean(name, Kind::PERSONAL.into_iter().map(Kind::name));
            wrong(name, &format!("is no kind of evidence{hint}"))
        })?;
        if !(1..=PARAMETER_MAX).contains(days) {
            return Err(wrong(name, "give between 1 and 36500 days"));
        }
        retention.insert(kind, *days);
    }
    Ok(retention)
}

/// The line, from 1, of a byte.
pub fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

fn line_with(text: &str, key: &str) -> usize {
    text.lines()
        .position(|line| line.starts_with(key) || line.trim_start_matches('[').starts_with(key))
        .map_or(0, |at| at + 1)
}
