//! The facts of small worlds: every value that two packs may treat apart, at the instants where their rules turn.
//!
//! Of a closed list one value is taken for each treatment in the SQL (the lists and comparisons in which it stands),
//! and one that no SQL names. Instants lie around one anchor: a millisecond and a day on either side, and where the day
//! counts of both packs' parameters end, forwards and back.
//!
//! Owns the values. Must never judge.

use std::collections::{BTreeMap, BTreeSet};

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::registry::{Column, ColumnType};
use fuma_schemas::{Instant, Kind};
use serde_json::{Map, Value};

use super::tiers::{self, Region};
use crate::policy::Pack;
use crate::policy::manifest::Parameter;

/// The anchor: 2021-11-15 10:00 +08:00.
pub(super) const ANCHOR: Instant = Instant(1_636_941_600_000);
const HOUR_MS: i64 = 3_600_000;
/// Free ends: they may lie far ahead of when the record became known.
pub(super) const FREE: [&str; 3] = ["due_at", "expires_at", "until"];

/// A fact that a person of a small world may have.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) kind: Kind,
    /// The fields of the kind.
    pub(super) fields: Map<String, Value>,
    /// The region whose tier the stay may meet.
    pub(super) region: Option<Region>,
    /// At the anchor, with what is usual otherwise: worlds of several facts have at most one that is not plain.
    pub(super) plain: bool,
}

/// What two packs say in SQL, and their numbers.
pub(super) struct Words {
    sql: String,
    /// The groups of literals that stand together: `IN ('a', 'b')`, or a literal alone.
    groups: Vec<BTreeSet<String>>,
    days: BTreeSet<i64>,
    hours: BTreeSet<i64>,
}

impl Words {
    /// The words of packs.
    pub(super) fn of(packs: [&Pack; 2]) -> Words {
        let mut words =
            Words { sql: String::new(), groups: Vec::new(), days: BTreeSet::from([1]), hours: BTreeSet::new() };
        for pack in packs {
            let all = pack.rules.iter().map(|rule| &rule.sql).chain(pack.views.iter().map(|view| &view.sql));
            all.for_each(|sql| words.read(sql));
            for (name, value) in &pack.manifest.parameters {
                match value {
                    Parameter::Integer(hours) if name.ends_with("_hours") => drop(words.hours.insert(*hours)),
                    Parameter::Integer(days) => drop(words.days.insert(*days)),
                    Parameter::Text(_) => {}
                }
            }
        }
        words
    }

    fn read(&mut self, sql: &str) {
        let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let code = code.join("\n");
        // Literals that only blanks and commas part stand together.
        let mut open: BTreeSet<String> = BTreeSet::new();
        for (place, part) in code.split('\'').enumerate() {
            if place % 2 == 1 {
                open.insert(part.to_owned());
            } else if !part.trim().trim_matches(',').trim().is_empty() && !open.is_empty() {
                self.groups.push(std::mem::take(&mut open));
            }
        }
        self.groups.extend((!open.is_empty()).then_some(open));
        self.sql.push_str(&code);
        self.sql.push('\n');
    }

    /// Whether some SQL names a column.
    fn names(&self, column: &str) -> bool {
        let mut words = self.sql.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
        words.any(|word| word == column)
    }

    /// One value of a closed list for each treatment.
    pub(super) fn treated_apart(&self, column: &str, names: &[&'static str]) -> Vec<&'static str> {
        if !self.names(column) {
            return names.first().copied().into_iter().collect();
        }
        let treatment = |name: &str| -> Vec<usize> {
            let groups = self.groups.iter().enumerate();
            groups.filter(|(_, group)| group.contains(name)).map(|(place, _)| place).collect()
        };
        let mut seen: BTreeMap<Vec<usize>, &'static str> = BTreeMap::new();
        for name in names {
            seen.entry(treatment(name)).or_insert(name);
        }
        names.iter().copied().filter(|name| seen.values().any(|one| one == name)).collect()
    }

    /// The instants around the anchor at which rules may turn, in order.
    pub(super) fn instants(&self) -> Vec<Instant> {
        let midnight = ANCHOR.day().0;
        let mut all = BTreeSet::from([ANCHOR.0 - 1, ANCHOR.0, ANCHOR.0 + 1]);
        for days in self.days.iter().map(|days| days * DAY_MS) {
            let end = midnight + days + DAY_MS;
            all.extend([end, end - 1, end - DAY_MS, end - DAY_MS - 1, ANCHOR.0 + days, ANCHOR.0 + days + 1]);
            all.extend([ANCHOR.0 - days, ANCHOR.0 - days - 1, midnight - days, midnight - days - 1]);
        }
        for hours in self.hours.iter().map(|hours| hours * HOUR_MS) {
            all.extend([ANCHOR.0 - hours, ANCHOR.0 - hours - 1]);
        }
        all.into_iter().map(Instant).collect()
    }

    /// Every fact of a kind that the packs may treat apart.
    pub(super) fn facts(&self, kind: Kind) -> Vec<Fact> {
        let mut shapes: Vec<Map<String, Value>> = vec![defaults(kind)];
        for column in kind.columns() {
            shapes = shapes.into_iter().flat_map(|shape| self.with_values(shape, column)).collect();
        }
        let mut facts = Vec::new();
        for shape in shapes.iter().filter(|shape| fits(shape)) {
            for (times, plain) in self.times(kind, shape) {
                let mut fields = shape.clone();
                fields.extend(times.into_iter().map(|(name, at)| (name.to_owned(), at.to_string().into())));
                facts.push(Fact { kind, fields, region: None, plain });
            }
        }
        if kind == Kind::Stays { tiers::met(self, facts) } else { facts }
    }

    fn with_values(&self, shape: Map<String, Value>, column: &Column) -> Vec<Map<String, Value>> {
        let mut values: Vec<Option<Value>> = match column.column_type {
            ColumnType::Code(names) => {
                self.treated_apart(column.name, names).into_iter().map(|name| Some(name.into())).collect()
            }
            ColumnType::Region if column.name == "issuer_region" && self.names(column.name) => {
                vec![Some("330106".into()), Some("500103".into())]
            }
            _ => return vec![shape],
        };
        if column.optional {
            values.push(None);
        }
        let with = |value: Option<Value>| {
            let mut shape = shape.clone();
            match value {
                Some(value) => drop(shape.insert(column.name.to_owned(), value)),
                None => drop(shape.remove(column.name)),
            }
            shape
        };
        values.into_iter().map(with).collect()
    }

    /// The instants of a fact: the first column at the anchor and each other one where rules may turn, and so on.
    fn times(&self, kind: Kind, shape: &Map<String, Value>) -> Vec<(Vec<(&'static str, Instant)>, bool)> {
        let ended = shape.contains_key("outcome");
        let is_there = |column: &&Column| match column.name {
            "ended_at" => ended,
            name => !column.optional || self.names(name),
        };
        let columns = kind.columns().iter().filter(|column| column.column_type == ColumnType::Instant);
        let columns: Vec<&Column> = columns.filter(is_there).collect();
        let Some((first, others)) = columns.split_first() else { return vec![(Vec::new(), true)] };
        let needed = |column: &&&Column| !column.optional || column.name == "ended_at";
        let later = |column: &Column| {
            let days = if column.not_before.is_some() { 10 } else { 0 };
            (column.name, Instant(ANCHOR.0 + days * DAY_MS))
        };
        let base: Vec<_> = others.iter().filter(needed).map(|column| later(column)).collect();
        let at = |start: Instant, more: &[(&'static str, Instant)]| {
            let mut times = vec![(first.name, start)];
            times.extend(base.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name)));
            times.extend(more);
            times
        };
        let mut all = vec![(at(ANCHOR, &[]), true)];
        all.extend(others.iter().filter(|column| !needed(column)).map(|column| (at(ANCHOR, &[later(column)]), true)));
        let lead = [Instant(ANCHOR.0 - DAY_MS), Instant(ANCHOR.0 - DAY_MS - 1)];
        for turn in self.instants() {
            all.push((at(turn, &[]), false));
            for column in others {
                all.push((at(ANCHOR, &[(column.name, turn)]), false));
                all.push((at(turn, &[(column.name, ANCHOR)]), false));
                all.extend(lead.map(|start| (at(start, &[(column.name, turn)]), false)));
            }
        }
        all.retain(|(times, _)| in_order(kind, times));
        let mut seen = BTreeSet::new();
        all.retain(|(times, _)| seen.insert(times.clone()));
        all
    }
}

/// The fields that are the same in every fact of a kind.
fn defaults(kind: Kind) -> Map<String, Value> {
    let mut fields: Map<String, Value> =
        kind.spec().case_defaults.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    match kind {
        Kind::Entries => drop(fields.insert("country".to_owned(), "US".into())),
        Kind::ExternalCodes => drop(fields.insert("province".to_owned(), "50".into())),
        _ => {}
    }
    fields
}

/// Whether the codes of a shape may stand together.
fn fits(shape: &Map<String, Value>) -> bool {
    let transferred = shape.get("outcome").and_then(Value::as_str) == Some("transferred");
    transferred == shape.contains_key("next_stage")
}

fn in_order(kind: Kind, times: &[(&'static str, Instant)]) -> bool {
    let at = |name: &str| times.iter().find(|(other, _)| *other == name).map(|(_, at)| *at);
    let ordered = kind.columns().iter().all(|column| {
        let bound = column.not_before.and_then(at);
        at(column.name).zip(bound).is_none_or(|(at, bound)| bound <= at)
    });
    let listed = at("starts_at").zip(at("expires_at"));
    ordered && listed.is_none_or(|(starts, expires)| expires.0 - starts.0 <= 30 * DAY_MS)
}
