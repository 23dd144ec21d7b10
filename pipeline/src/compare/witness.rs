//! The smallest person of a difference: feeds that replay to it under both packs, and a case that can be kept.
//!
//! Owns both forms. A person is taken only when a replay of the feeds shows the difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use fuma_schemas::registry::ColumnType;
use fuma_schemas::{CodeChange, Feed, Instant, Kind};
use serde_json::Value;

use super::facts::Fact;
use super::worlds::{records, replayed};
use crate::policy::Pack;
use crate::policy::cases::person_of;

/// A person, as records.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The records, by the name of the feed file, in the order in which they become known.
    pub feeds: BTreeMap<String, Vec<Value>>,
    /// How many facts the person has.
    pub facts: usize,
    /// What is announced under the old pack.
    pub old: Vec<CodeChange>,
    /// What is announced under the new one.
    pub new: Vec<CodeChange>,
    lines: Vec<String>,
}

/// What must differ in what is announced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Differing {
    /// The colour, or when it is decided.
    Colour,
    /// Anything.
    Anything,
}

impl Witness {
    /// The person of a world, when a replay under both packs shows a difference.
    pub(super) fn of(world: &[Fact], packs: [&Arc<Pack>; 2], differing: Differing) -> Option<Witness> {
        let letter = 'A';
        let who = person_of(letter).to_string();
        let mut all: Vec<(Instant, Feed, Value, String)> = Vec::new();
        let mut regions: Vec<_> = world.iter().filter_map(|fact| fact.region.as_ref()).collect();
        regions.dedup();
        for (feed, record) in regions.into_iter().map(super::tiers::Region::record) {
            let known_at = record.get("known_at").and_then(Value::as_str).and_then(Instant::parse)?;
            let name = format!("region {}", record.get("id").and_then(Value::as_str)?);
            let line = line(Kind::Regions, &name, known_at, &record);
            all.push((known_at, feed, record, line));
        }
        for (number, fact) in world.iter().enumerate() {
            let id = format!("f{}", number + 1);
            for (known_at, record) in records(fact, ("cases", &id), &who) {
                let name = format!("{} {id} of {letter}", fact.kind.spec().noun);
                let line = line(fact.kind, &name, known_at, &record);
                all.push((known_at, fact.kind.feed(), record, line));
            }
        }
        all.sort_by_key(|(known_at, ..)| *known_at);
        let mut feeds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut lines = Vec::new();
        for (_, feed, record, line) in all {
            feeds.entry(format!("{}.ndjson", feed.name())).or_default().push(record);
            lines.push(line);
        }
        let [old, new] = packs.map(|pack| replayed(&feeds, pack));
        let (old, new) = (old.ok()?, new.ok()?);
        let differs = match differing {
            Differing::Colour => colours(&old) != colours(&new),
            Differing::Anything => reasons(&old) != reasons(&new),
        };
        differs.then_some(Witness { feeds, facts: world.len(), old, new, lines })
    }

    /// A case of the new pack: what it announces is expected, what the old one did is said above.
    pub fn case(&self, subject: &str, (zh, en): (&str, &str)) -> String {
        let mut text = format!("# {zh} / {en}\n# under the old pack: {}\n\n", told(&self.old).join("; "));
        let mut add = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        add(&format!("case {subject} scenario: {zh} / {en}"));
        self.lines.iter().for_each(|line| add(line));
        if self.new.is_empty() {
            add("expect A  always green");
        }
        told(&self.new).iter().for_each(|change| add(&format!("expect A  {change}")));
        text
    }
}

fn colours(changes: &[CodeChange]) -> Vec<(Instant, fuma_schemas::Colour)> {
    let turns = changes.iter().filter(|change| change.from != change.to);
    turns.map(|change| (change.decided_at, change.to)).collect()
}

/// All that is announced but whose pack it is.
fn reasons(changes: &[CodeChange]) -> Vec<String> {
    told(changes)
}

/// Changes in the words of cases.
fn told(changes: &[CodeChange]) -> Vec<String> {
    let told = |change: &CodeChange| {
        let reasons = change.reasons.iter().map(|reason| {
            let until = reason.until.map_or("open".to_owned(), local);
            let due = reason.due.map_or("none".to_owned(), local);
            format!("{} until {until} due {due}", reason.rule.id)
        });
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        format!("{}  {} {reasons}", local(change.decided_at), change.to).trim_end().to_owned()
    };
    changes.iter().map(told).collect()
}

/// A local time as cases write it.
fn local(at: Instant) -> String {
    let text = at.to_string().replace('T', " ").replace("+08:00", "");
    text.strip_suffix(":00").map_or(text.clone(), ToString::to_string)
}

/// A record as a line of a case.
fn line(kind: Kind, name: &str, known_at: Instant, record: &Value) -> String {
    let mut line = format!("at {}  {name}:", local(known_at));
    let mut fields = Vec::new();
    for column in kind.columns() {
        let Some(value) = record.get(column.name).and_then(Value::as_str) else { continue };
        let short = column.name.strip_suffix("_at").unwrap_or(column.name).replace('_', " ");
        fields.push(match column.column_type {
            ColumnType::Code(_) if column.name != "next_stage" => value.to_owned(),
            ColumnType::Instant => format!("{short} {}", Instant::parse(value).map_or(value.to_owned(), local)),
            _ => format!("{short} {value}"),
        });
    }
    // Writing to a String cannot fail.
    let _ = write!(line, " {}", fields.join(", "));
    line
}
