//! The checks of a map: that each key says something that can be done, with the line of the first that does not.
//!
//! Owns what a map may say of each kind of field. Must never accept what would be a guess: a wall clock without a zone,
//! a date of which nobody says whether it is the start or the end of the day, a value outside its closed list.

mod builder;
mod forms;
mod journey;
mod place;
mod source;

use std::path::Path;

use fuma_connectors::tables::{DELIMITERS, Encoding};
use fuma_schemas::Feed;

use self::builder::Builder;
use self::place::{line_at, line_of};
use super::text::{HeaderText, MapText, RuleText};
use super::{Header, Map, MapError, Rule};
use crate::intake::is_owner;

/// What is wrong, before the line is known: the keys that lead there, and the words.
struct Wrong {
    at: Vec<String>,
    message: String,
}

type Checked<T> = Result<T, Wrong>;

fn wrong<T>(at: &[&str], message: impl Into<String>) -> Checked<T> {
    Err(Wrong { at: at.iter().map(ToString::to_string).collect(), message: message.into() })
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Map, MapError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let error = |line, message: String| MapError { path: path.to_owned(), line, message };
    let read: MapText = toml::from_str(text).map_err(|fault| {
        let line = line_of(text, fault.span().map_or(0, |span| span.start));
        error(line, fault.message().replace('\n', " "))
    })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    check(&read, stem, text).map_err(|Wrong { at, message }| error(line_at(text, &at), message))
}

fn check(read: &MapText, stem: String, text: &str) -> Checked<Map> {
    let Some(feed) = Feed::parse(&read.feed).filter(|feed| *feed != Feed::Regions) else {
        let names: Vec<&str> = Feed::ALL.into_iter().filter(|f| *f != Feed::Regions).map(Feed::name).collect();
        return wrong(&["feed"], format!("no feed of tables; allowed: {}", names.join(", ")));
    };
    let name = read.name.clone().unwrap_or(stem);
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return wrong(&["name"], "must not be blank, and is one line");
    }
    if read.owner.as_deref().is_some_and(|owner| !is_owner(owner)) {
        return wrong(&["owner"], "not an owner; allowed: 1 to 64 of a-z, 0-9 and -");
    }
    let header = header(read)?;
    let encoding = match &read.table.encoding {
        None => None,
        Some(name) => match Encoding::parse(name) {
            Some(encoding) => Some(encoding),
            None => {
                return wrong(&["table", "encoding"], "allowed: utf-8, utf-16le, utf-16be, gb18030; or leave it out");
            }
        },
    };
    let delimiter = match read.table.delimiter.as_deref() {
        None => None,
        Some("tab") => Some(b'\t'),
        Some(text) if text.len() == 1 && DELIMITERS.contains(&text.as_bytes()[0]) => Some(text.as_bytes()[0]),
        Some(_) => return wrong(&["table", "delimiter"], "allowed: \",\" \";\" \"|\" \"tab\"; or leave it out"),
    };
    let builder = Builder { read, feed, header };
    let rules = |name: &str, rules: &[RuleText]| -> Checked<Vec<Rule>> {
        rules.iter().enumerate().map(|(place, rule)| builder.rule(&[name, &place.to_string()], rule)).collect()
    };
    let map = Map {
        name,
        feed,
        owner: read.owner.clone(),
        text: text.to_owned(),
        records_file: format!("{}.ndjson", feed.name()),
        header,
        first_row: read.table.first_row,
        comment: read.table.comment.clone(),
        skip: rules("skip", &read.skip)?,
        end: rules("end", &read.end)?,
        fields: builder.fields()?,
        encoding,
        delimiter,
        sheet: read.table.sheet.clone(),
        entry: read.table.entry.clone(),
        journey: builder.journey()?,
    };
    match map.fields.iter().filter(|field| field.split.is_some()).count() {
        1 if map.journey.is_some() => {
            wrong(&["timetable"], "a map with a timetable splits no field: a row is one journey")
        }
        0 | 1 => Ok(map),
        _ => wrong(&["fields"], "only one field of a map may be split"),
    }
}

fn header(read: &MapText) -> Checked<Header> {
    let at = ["table", "header"];
    let header = match &read.table.header {
        None => Header::Row(1),
        Some(HeaderText::Row(row)) if *row > 0 => Header::Row(*row),
        Some(HeaderText::Rows(rows)) => match rows.as_slice() {
            [row] if *row > 0 => Header::Row(*row),
            [upper, lower] if *upper > 0 && *lower == *upper + 1 => Header::Rows(*upper, *lower),
            _ => return wrong(&at, "give one row, or two that follow each other, from 1"),
        },
        Some(HeaderText::None(word)) if word == "none" => Header::None,
        Some(_) => return wrong(&at, "give a row from 1, two rows like [3, 4], or \"none\""),
    };
    let last = match header {
        Header::Row(row) | Header::Rows(_, row) => row,
        Header::None => 0,
    };
    if read.table.first_row.is_some_and(|first| first <= last) {
        return wrong(&["table", "first_row"], "the first row of data comes after the header");
    }
    Ok(header)
}
