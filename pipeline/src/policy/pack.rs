//! The loaded pack: checked, planned, ready to judge.
//!
//! Owns loading. A pack that loads can be executed for any evidence; whatever is wrong is said with file and line
//! here.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_schemas::change::RuleHead;
use fuma_schemas::{Colour, Kind};

use crate::evidence::{KindSet, Wanted};

pub use super::manifest::{Manifest, Parameter, Text};

use super::csv_table::{self, CsvTable};
use super::planner::{Planned, Planner};
use super::sql_file::SqlFile;
use super::{PackError, PackSource, manifest};

/// The most rules that a pack may have: a person's announced rules are one bit each.
pub const RULES_MAX: usize = 62;

/// A rule: one SELECT that gives intervals of one colour.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Id, colour, and the document with the clause: what a change says of it.
    pub head: Arc<RuleHead>,
    /// The clause without the document.
    pub clause: String,
    /// The title for officials.
    pub title: Text,
    /// What ends the reason, in words for people.
    pub ends: Text,
    /// The SELECT as written.
    pub sql: String,
    /// The plan.
    pub planned: Planned,
}

/// A view: what several rules share, evaluated once a step.
#[derive(Clone, Debug)]
pub struct View {
    /// The name in SQL.
    pub name: String,
    /// What it holds, for officials.
    pub about: Text,
    /// The SELECT as written.
    pub sql: String,
    /// The plan.
    pub planned: Planned,
}

/// A province's published rules, ready to judge.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The contents of `policy.toml`.
    pub manifest: Manifest,
    /// The id as announced.
    pub id: Arc<str>,
    /// The version as announced.
    pub version: Arc<str>,
    /// The rules, by id.
    pub rules: Vec<Rule>,
    /// The views, in the order of evaluation.
    pub views: Vec<View>,
    /// The tables of the pack, by name.
    pub tables: Vec<CsvTable>,
    /// The cases that must hold before the pack may be used, by file.
    pub cases: BTreeMap<String, String>,
    /// Which columns of each base table some plan reads.
    pub wanted: Wanted,
}

impl Pack {
    /// The place of a rule by its id.
    pub fn rule(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.head.id == id)
    }

    /// For how many days past its last instant a fact of a kind is kept.
    pub fn retention_days(&self, kind: Kind) -> i64 {
        self.manifest.retention_days.get(&kind).copied().unwrap_or(i64::MAX / fuma_schemas::instant::DAY_MS)
    }

    /// The base tables to gather for somebody who has rows in `present`: all that the rules read which can say
    /// anything.
    pub fn needs(&self, present: KindSet) -> KindSet {
        let speaking = self.rules.iter().filter(|rule| rule.planned.drivers.meets(present));
        speaking.fold(KindSet::NONE, |all, rule| all.union(rule.planned.needs))
    }

    /// The base tables from which some rule springs.
    pub fn drivers(&self) -> KindSet {
        self.rules.iter().fold(KindSet::NONE, |all, rule| all.union(rule.planned.drivers))
    }
}

const RULE_FACTS: &[&str] = &["id", "colour", "clause", "title.zh", "title.en", "ends.zh", "ends.en"];
const VIEW_FACTS: &[&str] = &["view", "about.zh", "about.en"];

/// Loads a pack: reads, checks and plans everything once.
///
/// # Errors
/// The first thing that is wrong, with its file, line and what to do.
pub fn load(source: &PackSource) -> Result<Arc<Pack>, PackError> {
    let text = source.files.get(manifest::FILE).ok_or_else(|| PackError::of(manifest::FILE, "is missing"))?;
    let manifest = manifest::parse(text)?;
    let mut planner = Planner::new()?;
    let mut tables = Vec::new();
    for (path, text) in source.in_folder("tables").filter(|(path, _)| path.ends_with(".csv")) {
        let table = csv_table::parse(path, text)?;
        planner.add_table(path, &table)?;
        tables.push(table);
    }
    let views = load_views(source, &manifest, &mut planner)?;
    let rules = load_rules(source, &manifest, &mut planner)?;
    let cases: BTreeMap<String, String> =
        source.in_folder("cases").map(|(path, text)| (path.to_string(), text.to_string())).collect();
    check_cases(&rules, &cases)?;
    Ok(Arc::new(Pack {
        id: manifest.id.as_str().into(),
        version: manifest.version.as_str().into(),
        manifest,
        rules,
        views,
        tables,
        cases,
        wanted: planner.into_wanted(),
    }))
}

fn load_views(source: &PackSource, manifest: &Manifest, planner: &mut Planner) -> Result<Vec<View>, PackError> {
    let mut waiting: Vec<(String, Text, SqlFile)> = Vec::new();
    for (path, text) in sql_files(source, "views") {
        let file = SqlFile::parse(path, text, VIEW_FACTS, &manifest.parameters)?;
        let name = file.required("view")?.to_string();
        if stem(path) != name {
            return Err(PackError::at(path, file.line("view"), format!("view `{name}` must be in views/{name}.sql")));
        }
        let about = Text { zh: file.required("about.zh")?.to_string(), en: file.required("about.en")?.to_string() };
        waiting.push((name, about, file));
    }
    let mut views = Vec::new();
    while !waiting.is_empty() {
        let names: Vec<String> = waiting.iter().map(|(name, _, _)| name.clone()).collect();
        let before = waiting.len();
        let mut still = Vec::new();
        for (name, about, file) in waiting {
            match planner.add_view(&name, &file, &names)? {
                Some(planned) => views.push(View { name, about, sql: file.source, planned }),
                None => still.push((name, about, file)),
            }
        }
        if still.len() == before {
            return Err(PackError::at(
                &still[0].2.path,
                1,
                format!("views read each other in a circle: {}", names.join(", ")),
            ));
        }
        waiting = still;
    }
    Ok(views)
}

fn load_rules(source: &PackSource, manifest: &Manifest, planner: &mut Planner) -> Result<Vec<Rule>, PackError> {
    let mut rules: Vec<Rule> = Vec::new();
    for (path, text) in sql_files(source, "rules") {
        let file = SqlFile::parse(path, text, RULE_FACTS, &manifest.parameters)?;
        let fact = |key: &str| file.required(key).map(ToString::to_string);
        let id = fact("id")?;
        if let Some(other) = rules.iter().find(|rule| rule.head.id == id) {
            return Err(PackError::at(path, file.line("id"), format!("rule id `{}` is there twice", other.head.id)));
        }
        if stem(path) != id {
            return Err(PackError::at(path, file.line("id"), format!("rule `{id}` must be in rules/{id}.sql")));
        }
        let colour = Colour::parse(&fact("colour")?).filter(|colour| *colour != Colour::Green);
        let colour = colour.ok_or_else(|| {
            PackError::at(path, file.line("colour"), "colour is red or yellow; green is the absence of a reason")
        })?;
        let clause = fact("clause")?;
        let title = Text { zh: fact("title.zh")?, en: fact("title.en")? };
        let ends = Text { zh: fact("ends.zh")?, en: fact("ends.en")? };
        let planned = planner.plan_rule(&file)?;
        let head = Arc::new(RuleHead { id, colour, clause: format!("{} {clause}", manifest.document) });
        rules.push(Rule { head, clause, title, ends, sql: file.source, planned });
    }
    if rules.is_empty() {
        return Err(PackError::of("rules", "there is no rule"));
    }
    if rules.len() > RULES_MAX {
        return Err(PackError::of("rules", format!("more than {RULES_MAX} rules")));
    }
    rules.sort_by(|one, other| one.head.id.cmp(&other.head.id));
    Ok(rules)
}

/// Every rule must be named by some case: an untested rule colours nobody.
fn check_cases(rules: &[Rule], cases: &BTreeMap<String, String>) -> Result<(), PackError> {
    if cases.is_empty() {
        return Err(PackError::of(
            "cases",
            "there are none: every rule needs cases that must hold before the pack may be used",
        ));
    }
    for rule in rules {
        let names =
            |text: &String| text.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == rule.head.id);
        if !cases.values().any(names) {
            let file = format!("rules/{}.sql", rule.head.id);
            return Err(PackError::at(&file, 1, format!("no case names {}: add one to cases/", rule.head.id)));
        }
    }
    Ok(())
}

fn sql_files<'a>(source: &'a PackSource, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    source.in_folder(folder).filter(|(path, _)| path.ends_with(".sql"))
}

fn stem(path: &str) -> &str {
    path.rsplit('/').next().and_then(|file| file.strip_suffix(".sql")).unwrap_or(path)
}
