//! A record of a case into a line of its feed.
//!
//! Owns the short names of fields, what a case need not say, and revisions. What is good or bad about a record is
//! intake's to say: a case may hold bad ones on purpose.

use std::collections::BTreeMap;

use fuma_schemas::evidence::{Column, ColumnType};
use fuma_schemas::registry::{self, KindSpec};
use fuma_schemas::{Feed, Instant, Kind};
use serde_json::{Map, Value};

use super::parse::Line;
use super::{CaseRecord, person_of};
use crate::policy::PackError;
use crate::policy::near::did_you_mean;

/// The owner of every record that names none.
const OWNER: &str = "cases";

/// The words for records in a case, each with its kind.
pub fn nouns() -> impl Iterator<Item = (&'static str, Kind)> {
    registry::kinds().map(|kind| (kind.spec().noun, kind))
}

/// What the records of a case have said so far, so that a revision need only say what changes.
#[derive(Default)]
pub(super) struct Records {
    last: BTreeMap<(Feed, String), (Kind, Map<String, Value>)>,
}

impl Records {
    /// `contact c1 of A: FIELDS`, or `retract contact c1 of A`; gives the person too.
    pub(super) fn record(
        &mut self,
        line: &Line<'_>,
        known_at: Instant,
        text: &str,
    ) -> Result<(CaseRecord, Option<char>), PackError> {
        let (retracted, text) = match line.word(text) {
            ("retract", rest) => (true, rest),
            _ => (false, text),
        };
        // A colon also stands in times: only the first one ends the name.
        let (name, fields) = text.split_once(':').unwrap_or((text, ""));
        let (noun, id, letter) = named(line, name)?;
        let name = match letter {
            Some(letter) => format!("{} {id} of {letter}", noun.noun),
            None => format!("{} {id}", noun.noun),
        };
        let feed = noun.kind.feed();
        let key = (feed, format!("{id} {letter:?}"));
        let (revision, mut object) = self.begin(&key, noun);
        if retracted {
            object.retain(|key, _| key == "kind");
            object.insert("retracted".to_string(), Value::Bool(true));
        }
        object.insert("revision".to_string(), revision.into());
        object.insert("owner".to_string(), OWNER.into());
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            set(line, noun, &mut object, field)?;
        }
        object.insert("id".to_string(), id.into());
        object.insert("known_at".to_string(), known_at.to_string().into());
        if let Some(letter) = letter {
            object.insert("person".to_string(), person_of(letter).to_string().into());
        }
        let json = Value::Object(object.clone()).to_string();
        self.last.insert(key, (noun.kind, object));
        Ok((CaseRecord { line: line.number, feed, name, json }, letter))
    }

    /// The next revision of a fact, and what it holds before its fields are read.
    fn begin(&self, key: &(Feed, String), noun: &KindSpec) -> (u64, Map<String, Value>) {
        let defaults =
            || noun.case_defaults.iter().map(|(name, value)| ((*name).to_string(), Value::from(*value))).collect();
        match self.last.get(key) {
            None => (1, defaults()),
            Some((kind, last)) => {
                let revision = last.get("revision").and_then(Value::as_u64).unwrap_or(0) + 1;
                let carried = *kind == noun.kind && !last.contains_key("retracted");
                (revision, if carried { last.clone() } else { defaults() })
            }
        }
    }
}

/// `contact c1 of A`, `region r1`.
fn named<'a>(line: &Line<'_>, text: &'a str) -> Result<(&'static KindSpec, &'a str, Option<char>), PackError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let noun = words.first().and_then(|word| registry::kinds().map(Kind::spec).find(|noun| noun.noun == *word));
    let noun = noun.ok_or_else(|| {
        let known = nouns().map(|(word, _)| word).collect::<Vec<_>>().join(", ");
        let word = words.first().unwrap_or(&"");
        let hint = did_you_mean(word, nouns().map(|(word, _)| word));
        line.error(format!("`{word}` is no kind of record; known are {known}{hint}"))
    })?;
    match (words.as_slice(), noun.kind) {
        ([_, id], Kind::Regions) => Ok((noun, id, None)),
        ([_, id, "of", person], kind) if kind != Kind::Regions => Ok((noun, id, Some(line.letter(person)?))),
        (_, Kind::Regions) => Err(line.error("write `region ID: FIELDS`")),
        _ => Err(line.error(format!("write `{} ID of PERSON: FIELDS`", noun.noun))),
    }
}

/// One field: a word of a closed list, or a short name and a value; `-` takes it away.
fn set(line: &Line<'_>, noun: &KindSpec, object: &mut Map<String, Value>, field: &str) -> Result<(), PackError> {
    let columns = noun.kind.columns();
    let lists = |column: &&Column| matches!(column.column_type, ColumnType::Code(names) if names.contains(&field));
    if let Some(column) = columns.iter().find(lists) {
        object.insert(column.name.to_string(), field.into());
        return Ok(());
    }
    let links = noun.links.iter().map(|column| column.name);
    let others = links.chain(["revision", "owner"]).map(|name| (name, ColumnType::Text));
    let known = columns.iter().map(|column| (column.name, column.column_type)).chain(others);
    let found = known
        .clone()
        .filter_map(|(name, of)| Some((name, of, value_after(field, name)?)))
        .max_by_key(|(name, _, _)| name.len());
    let Some((name, of, value)) = found else {
        let known = known.map(|(name, _)| short(name)).collect::<Vec<_>>().join(", ");
        return Err(
            line.error(format!("`{field}`: a field is a word of a closed list, or one of {known}, and a value"))
        );
    };
    let value: Value = match (of, name) {
        _ if value == "-" => {
            object.remove(name);
            return Ok(());
        }
        (ColumnType::Instant, _) => line.instant(value)?.0.to_string().into(),
        (_, "revision") | (ColumnType::Integer, _) => {
            value.parse::<i64>().map_err(|_| line.error(format!("`{value}` is no whole number")))?.into()
        }
        (_, "index_case" | "index_contact") if !value.contains('/') => format!("{OWNER}/{value}").into(),
        _ => value.into(),
    };
    object.insert(name.to_string(), value);
    Ok(())
}

/// The short name of a field: blanks for underscores, without `at` at the end.
fn short(name: &str) -> String {
    name.strip_suffix("_at").unwrap_or(name).replace('_', " ")
}

fn value_after<'a>(field: &'a str, name: &str) -> Option<&'a str> {
    let value = field.strip_prefix(&short(name))?;
    value.starts_with(char::is_whitespace).then(|| value.trim())
}
