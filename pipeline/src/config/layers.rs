//! Defaults < file < environment < flags: one setting each, with its origin.
//!
//! A layer is flattened to dotted names with their values as TOML text. What wins is written out as one TOML document
//! and read by serde, so that a complaint at some byte of it leads back to the line, variable or flag it came from.
//! Owns precedence and names. Must never say what a value may be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin, Problem};

/// Sections whose names are librdkafka's, dots and all.
const PASSED_THROUGH: [&[&str]; 3] = [&["kafka", "client"], &["kafka", "consumer"], &["kafka", "producer"]];

/// Variables with a name of their own.
pub(super) const VARIABLES: [(&str, &[&str]); 5] = [
    ("FUMA_BOOTSTRAP", &["kafka", "bootstrap"]),
    ("FUMA_GROUP", &["group"]),
    ("FUMA_LOG", &["log", "level"]),
    ("FUMA_POLICY", &["policy"]),
    ("FUMA_STATE", &["state"]),
];

/// What all other variables begin with.
const VARIABLE_PREFIX: &str = "FUMA__";

/// Settings that are lists: a variable may give them with commas.
const LISTS: [&str; 3] = ["roles", "owners", "folders"];

/// The names of a setting, section first.
pub(super) type SettingPath = Vec<String>;

/// A flag that was given.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Its name: `--state`.
    pub name: &'static str,
    /// The setting that it stands for.
    pub setting: &'static [&'static str],
    /// What it says.
    pub value: Value,
}

/// A value as TOML text, and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) toml: String,
    pub(super) origin: Origin,
}

/// All settings in force, each with its origin.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<SettingPath, Setting>);

/// The variables of this process.
pub fn environment() -> Vec<(String, String)> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

impl Settings {
    /// The settings of the default file.
    pub(super) fn defaults() -> Result<Settings, ConfigError> {
        let mut settings = Settings::default();
        settings.lay(super::DEFAULT_FILE, &|_| Origin::Default)?;
        Ok(settings)
    }

    /// Lays a file over what is there.
    pub(super) fn lay_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        self.lay(text, &|line| Origin::File(path.to_owned(), line))
    }

    fn lay(&mut self, text: &str, origin: &dyn Fn(usize) -> Origin) -> Result<(), ConfigError> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            Problem { origin: origin(line), setting: String::new(), message: error.message().to_owned() }
        })?;
        let mut found = Vec::new();
        flatten(table.get_ref(), text, &mut Vec::new(), &mut found);
        for Found { path, toml, start } in found {
            let origin = origin(line_of(text, start));
            match toml {
                Some(toml) => self.insert(path, Setting { toml, origin })?,
                None => self.empty_section(&path, origin)?,
            }
        }
        Ok(())
    }

    /// Lays the variables over what is there. An empty one is none.
    pub(super) fn lay_environment(&mut self, environment: &[(String, String)]) -> Result<(), ConfigError> {
        let mut given: Vec<_> = environment.iter().filter(|(_, value)| !value.is_empty()).collect();
        given.sort();
        for (name, value) in &given {
            if let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) {
                let path = path_of_variable(rest);
                self.insert_text(path, value, Origin::Environment(name.clone()))?;
            }
        }
        // After the general ones: the short name wins.
        for (name, path) in VARIABLES {
            if let Some((_, value)) = given.iter().find(|(given, _)| given == name) {
                self.insert_text(owned(path), value, Origin::Environment(name.to_owned()))?;
            }
        }
        Ok(())
    }

    /// Lays the flags over what is there.
    pub(super) fn lay_flags(&mut self, flags: Vec<Flag>) -> Result<(), ConfigError> {
        for flag in flags {
            let setting = Setting { toml: flag.value.to_string(), origin: Origin::Flag(flag.name) };
            self.insert(owned(flag.setting), setting)?;
        }
        Ok(())
    }

    fn insert_text(&mut self, path: SettingPath, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let is_list = path.last().is_some_and(|name| LISTS.contains(&name.as_str()));
        let is_string = self.0.get(&path).is_none_or(|setting| setting.toml.starts_with('"'));
        let quoted = |text: &str| Value::String(text.to_owned());
        let value = match (is_list, is_string) {
            (true, _) if text.trim_start().starts_with('[') => value_of(text).unwrap_or_else(|| quoted(text)),
            (true, _) => Value::Array(text.split(',').map(|item| quoted(item.trim())).collect()),
            (false, true) => quoted(text),
            (false, false) => value_of(text).unwrap_or_else(|| quoted(text)),
        };
        self.insert(path, Setting { toml: value.to_string(), origin })
    }

    fn insert(&mut self, path: SettingPath, setting: Setting) -> Result<(), ConfigError> {
        let problem = |message: &str| {
            let origin = setting.origin.clone();
            ConfigError::from(Problem { origin, setting: path.join("."), message: message.to_owned() })
        };
        if path == ["key"] {
            return Err(problem(
                "the key of the person tokens does not belong in this file, which is copied and shown: give the key a \
                 file of its own with key_file, or set FUMA_KEY",
            ));
        }
        if self.0.keys().any(|known| known.len() > path.len() && known.starts_with(&path)) {
            return Err(problem("is a section, not a value: write its settings under it"));
        }
        if self.0.keys().any(|known| path.len() > known.len() && path.starts_with(known)) {
            return Err(problem("is part of a setting that is a value, not a section"));
        }
        self.0.insert(path, setting);
        Ok(())
    }

    /// A section without settings is nothing, unless it is unknown.
    fn empty_section(&self, path: &[String], origin: Origin) -> Result<(), ConfigError> {
        let is_known = self.0.keys().any(|known| known.starts_with(path));
        if is_known || path == ["feeds"] || path == ["imports"] || PASSED_THROUGH.iter().any(|names| path == *names) {
            return Ok(());
        }
        Err(Problem { origin, setting: path.join("."), message: self.unknown_section() }.into())
    }

    fn unknown_section(&self) -> String {
        let sections = self.0.keys().filter(|path| path.len() > 1).filter_map(|path| path.first());
        let mut sections: Vec<&str> = sections.map(String::as_str).chain(["feeds", "imports"]).collect();
        sections.sort_unstable();
        sections.dedup();
        format!("there is no such section; sections are {}", sections.join(", "))
    }

    /// Reads the settings as what is wanted.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let (mut document, mut starts) = (String::new(), Vec::new());
        for (path, setting) in &self.0 {
            starts.push((document.len(), path));
            let names: Vec<String> = path.iter().map(|name| quoted_name(name)).collect();
            let _ = writeln!(document, "{} = {}", names.join("."), setting.toml);
        }
        toml::from_str(&document).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let path = starts.iter().rev().find(|(start, _)| *start <= at).map(|(_, path)| path.as_slice());
            self.problem(path.unwrap_or_default(), error.message()).into()
        })
    }

    /// Whether nobody has set this: the default holds.
    pub fn is_default(&self, path: &[&str]) -> bool {
        self.0.get(&owned(path)).is_none_or(|setting| setting.origin == Origin::Default)
    }

    /// A problem of a setting, with its origin.
    pub fn problem<S: AsRef<str>>(&self, path: &[S], message: impl Into<String>) -> Problem {
        let path: SettingPath = path.iter().map(|name| name.as_ref().to_owned()).collect();
        let origin = self.0.get(&path).map_or(Origin::Default, |setting| setting.origin.clone());
        Problem { origin, setting: path.join("."), message: message.into() }
    }

    /// Every setting by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SettingPath, &Setting)> {
        self.0.iter()
    }
}

/// A setting of a layer; without TOML an empty section.
struct Found {
    path: SettingPath,
    toml: Option<String>,
    start: usize,
}

fn flatten(table: &DeTable<'_>, text: &str, path: &mut SettingPath, found: &mut Vec<Found>) {
    for (name, value) in table {
        path.push(name.get_ref().to_string());
        let start = name.span().start;
        match value.get_ref() {
            DeValue::Table(section) if section.is_empty() => {
                found.push(Found { path: path.clone(), toml: None, start })
            }
            DeValue::Table(section) => flatten(section, text, path, found),
            inner => {
                let toml = inline(inner, value.span(), text);
                found.push(Found { path: joined(path), toml, start });
            }
        }
        path.pop();
    }
}

/// A value on one line. Sections with double brackets stand in several places of the text.
fn inline(value: &DeValue<'_>, span: Range<usize>, text: &str) -> Option<String> {
    match value {
        DeValue::Array(items) if items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(_))) => {
            let items: Option<Vec<String>> =
                items.iter().map(|item| inline(item.get_ref(), item.span(), text)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        DeValue::Table(table) => {
            let of = |(name, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                let name: &std::borrow::Cow<'_, str> = name.get_ref();
                Some(format!("{} = {}", quoted_name(name), inline(value.get_ref(), value.span(), text)?))
            };
            let fields: Option<Vec<String>> = table.iter().map(of).collect();
            Some(format!("{{{}}}", fields?.join(", ")))
        }
        _ => text.get(span).map(str::to_owned),
    }
}

/// The path with a librdkafka name in one piece: TOML takes the dots of an unquoted one for sections.
fn joined(path: &[String]) -> SettingPath {
    match PASSED_THROUGH.iter().find(|names| path.len() > names.len() && path.iter().zip(**names).all(|(a, b)| a == b))
    {
        Some(names) => {
            let (section, name) = path.split_at(names.len());
            section.iter().cloned().chain([name.join(".")]).collect()
        }
        None => path.to_vec(),
    }
}

/// The setting that `FUMA__<rest>` stands for.
fn path_of_variable(rest: &str) -> SettingPath {
    let mut path: SettingPath = rest.split("__").map(str::to_lowercase).collect();
    let is_passed_through =
        PASSED_THROUGH.iter().any(|names| path.iter().zip(*names).filter(|(a, b)| a == b).count() == 2);
    match path.get_mut(1..) {
        Some([_, names @ ..]) if is_passed_through => names.iter_mut().for_each(|name| *name = name.replace('_', ".")),
        Some([feed, ..]) if rest.to_lowercase().starts_with("feeds__") => *feed = feed.replace('_', "-"),
        _ => {}
    }
    joined(&path)
}

/// One TOML value, and nothing behind it.
fn value_of(text: &str) -> Option<Value> {
    let mut table: toml::Table = toml::from_str(&format!("x = {text}")).ok()?;
    if table.len() == 1 { table.remove("x") } else { None }
}

/// A name as it may stand in TOML.
pub(super) fn quoted_name(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { name.to_owned() } else { Value::String(name.to_owned()).to_string() }
}

fn owned(path: &[&str]) -> SettingPath {
    path.iter().map(|&name| name.to_owned()).collect()
}

/// The line of a byte, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&letter| letter == b'\n').count()
}
