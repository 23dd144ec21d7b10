//! Maps: how the rows of a table become records of a feed.
//!
//! ```text
//! text       the keys of a map, as they are written      check   what they may hold, with the line of what is wrong
//! field      one field, ready to be made of a row        document   the JSON Schema of maps
//! ```
//!
//! Owns the reading of maps. Must never hold a key or a cell.

mod check;
mod document;
mod field;
mod text;

use std::path::PathBuf;

use fuma_connectors::tables::Encoding;
use fuma_schemas::{Feed, Instant};

pub use document::json_schema;
pub(super) use field::{Column, DateRules, DayIs, Field, Forms, Kind, Part, Region, Source, Target, TextRules};

use super::journeys::DateIs;
use crate::intake::row::slot_of;

const KNOWN_AT: &str = "known_at";

/// A map.
#[derive(Clone, Debug)]
pub struct Map {
    /// Its name, which goes into made ids.
    pub name: String,
    /// The feed.
    pub feed: Feed,
    /// The owner that it names.
    pub owner: Option<String>,
    /// The map as it is written.
    pub text: String,
    /// The name of the file of its records.
    pub records_file: String,
    pub(super) header: Header,
    pub(super) first_row: Option<u64>,
    pub(super) comment: Option<String>,
    pub(super) skip: Vec<Rule>,
    pub(super) end: Vec<Rule>,
    /// In the order of the feed.
    pub(super) fields: Vec<Field>,
    pub(super) encoding: Option<Encoding>,
    pub(super) delimiter: Option<u8>,
    pub(super) sheet: Option<String>,
    pub(super) entry: Option<String>,
    pub(super) journey: Option<JourneyRules>,
}

/// How journeys are asked of a timetable.
#[derive(Clone, Debug)]
pub(super) struct JourneyRules {
    pub(super) file: Option<PathBuf>,
    pub(super) date_is: DateIs,
}

/// Where the names of the columns are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Header {
    Row(u64),
    Rows(u64, u64),
    None,
}

/// Which rows a rule is about.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) column: Column,
    pub(super) test: Test,
}

/// What a rule asks of a cell.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Is(Vec<String>),
    Not(Vec<String>),
    Starts(Vec<String>),
    Blank(bool),
}

/// What is wrong with a map.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}, line {line}: {message}", path.display())]
pub struct MapError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl Map {
    /// Reads a map; `path` names it in errors, and names the map where it does not do so itself.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(path: &std::path::Path, text: &str) -> Result<Map, MapError> {
        check::parse(path, text)
    }

    /// Whether the map says when records became known.
    pub fn has_known_at(&self) -> bool {
        self.fields.iter().any(|field| field.name == KNOWN_AT)
    }

    /// When the map says that records became known, where that is the same for all.
    pub fn known_at(&self) -> Option<String> {
        let field = self.fields.iter().find(|field| field.name == KNOWN_AT)?;
        match &field.source {
            Source::Constant(Target::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// When the records became known, whatever the map says.
    pub fn set_known_at(&mut self, known_at: Instant) {
        self.fields.retain(|field| field.name != KNOWN_AT);
        let target = Target::Text(known_at.to_string());
        let slot = slot_of(self.feed, KNOWN_AT).unwrap_or(0);
        self.fields.push(Field::constant(KNOWN_AT, slot, target));
        self.fields.sort_by_key(|field| field.slot);
    }

    /// Whether region names are looked up.
    pub fn needs_places(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, Kind::Region(Region::Name { .. })))
    }

    /// Whether it asks a timetable.
    pub fn needs_timetable(&self) -> bool {
        self.journey.is_some()
    }

    /// The timetable that it names, from the folder of the map.
    pub fn timetable(&self) -> Option<&std::path::Path> {
        self.journey.as_ref()?.file.as_deref()
    }

    /// What the reader of files is told.
    pub fn options(&self) -> fuma_connectors::tables::Options {
        let name = |column: &Column| match column {
            Column::Name(name) => Some(name.clone()),
            Column::Number(_) => None,
        };
        let rules = self.skip.iter().chain(&self.end).map(|rule| &rule.column);
        let mut wanted: Vec<String> =
            self.fields.iter().flat_map(Field::columns).chain(rules).filter_map(name).collect();
        wanted.sort();
        wanted.dedup();
        fuma_connectors::tables::Options {
            encoding: self.encoding,
            delimiter: self.delimiter,
            sheet: self.sheet.clone(),
            entry: self.entry.clone(),
            wanted,
            any_sheet: false,
        }
    }
}
