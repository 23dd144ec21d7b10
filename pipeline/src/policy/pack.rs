//! The loaded pack: checked, planned, ready to judge.
//!
//! Owns loading. A pack that loads can be executed for any evidence; whatever is wrong is said with file and line
//! here.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_schemas::change::RuleHead;
use fuma_schemas::{Colour, Kind};

use crate::evidence::{RuleTable, RuleTables, Wanted, WantedTiers};

pub use super::manifest::{Manifest, Parameter, Text};

use super::sql::joins::Numbers as _;
use super::sql::planner::{Planned, Planner};
use super::sql::sql_file::SqlFile;
use super::tables::{self, CsvTable};
use super::tracing::{self, Tracing};
use super::{PackError, PackSource, cases, files, manifest};

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
    /// Which tiers of stays some plan may look at.
    pub tiers: WantedTiers,
    /// How the pack traces people aboard conveyances; none: it sees reported contacts alone.
    pub tracing: Option<Tracing>,
    /// The digest of what the pack decides by, 64 hex digits.
    pub digest: Arc<str>,
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

    /// Whether another pack traces alike, as far as their files say; neither may trace.
    pub fn traces_as(&self, other: &Pack) -> bool {
        let digest = |pack: &Pack| pack.tracing.as_ref().map(|tracing| tracing.digest.clone());
        digest(self) == digest(other)
    }

    /// The first 16 digits of the digest: what positions hold.
    pub fn short_digest(&self) -> &str {
        self.digest.get(..16).unwrap_or(&self.digest)
    }

    /// For how many full days after the last exposure a contact is watched; none when the pack does not declare it.
    pub fn contact_days(&self) -> Option<i64> {
        self.declared(self.manifest.engine.contact_days.as_deref())
    }

    /// How many days before the day of designation a stay in the region counts; none when the pack does not declare
    /// it.
    pub fn tier_look_back_days(&self) -> Option<i64> {
        self.declared(self.manifest.engine.tier_look_back_days.as_deref())
    }

    fn declared(&self, parameter: Option<&str>) -> Option<i64> {
        match self.manifest.parameters.get(parameter?) {
            Some(Parameter::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The base tables to gather for somebody who has rows in `present`: all that the rules read which can say
    /// anything.
    pub fn needs(&self, present: RuleTables) -> RuleTables {
        let speaking = self.rules.iter().filter(|rule| rule.planned.drivers.meets(present));
        speaking.fold(RuleTables::NONE, |all, rule| all.union(rule.planned.needs))
    }

    /// How many pairs of rows the joins of all rules may look at for one person, by the person's rows in each base
    /// table: never too few, sometimes too many.
    pub fn joined(&self, rows: &[u64; RuleTable::COUNT]) -> u64 {
        let (mut tables, mut work) = (rows.to_vec(), 0);
        tables.extend(self.tables.iter().map(|table| table.batch.num_rows() as u64));
        for view in &self.views {
            let rows = view.planned.rows.count(&tables, &mut work);
            tables.push(rows);
        }
        for rule in &self.rules {
            rule.planned.rows.count(&tables, &mut work);
        }
        work
    }

    /// The base tables from which some rule springs.
    pub fn drivers(&self) -> RuleTables {
        self.rules.iter().fold(RuleTables::NONE, |all, rule| all.union(rule.planned.drivers))
    }
}

const RULE_FACTS: &[&str] = &["id", "colour", "clause", "title.zh", "title.en", "ends.zh", "ends.en"];
const VIEW_FACTS: &[&str] = &["view", "about.zh", "about.en"];

/// Whether the cases of a pack are looked at while it is loaded. That they hold is for the engine to show
/// ([`cases::judge`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cases {
    /// They can be read, and expect every rule.
    Read,
    /// They are left as they are: a draft.
    Left,
}

/// Loads a pack: reads, checks and plans everything once.
///
/// # Errors
/// The first thing that is wrong, with its file, line and what to do.
pub fn load(source: &PackSource) -> Result<Arc<Pack>, PackError> {
    load_with(source, Cases::Read)
}

/// Loads a pack, with or without a look at its cases.
///
/// # Errors
/// The first thing that is wrong, with its file, line and what to do.
pub fn load_with(source: &PackSource, cases: Cases) -> Result<Arc<Pack>, PackError> {
    let text = source.files.get(manifest::FILE).ok_or_else(|| PackError::of(manifest::FILE, "is missing"))?;
    source.files.keys().try_for_each(|path| files::check_file(path))?;
    let manifest = manifest::parse(text)?;
    let mut planner = Planner::new()?;
    let tables = load_tables(source, &manifest, &mut planner)?;
    let views = load_views(source, &manifest, &mut planner)?;
    let rules = load_rules(source, &manifest, &mut planner)?;
    // What tracing reads is gathered for tracing alone.
    let (wanted, tiers) = (planner.wanted(), planner.tiers());
    let tracing = tracing::load(source, &manifest, &mut planner)?;
    check_tables_are_read(&tables, &views, &rules, tracing.as_ref(), &planner)?;
    let pack = Pack {
        id: manifest.id.as_str().into(),
        version: manifest.version.as_str().into(),
        manifest,
        rules,
        views,
        tables,
        cases: source.in_folder("cases").map(|(path, text)| (path.to_string(), text.to_string())).collect(),
        wanted,
        tiers,
        tracing,
        digest: source.digest().into(),
    };
    if cases == Cases::Read {
        cases::check_expected(&pack)?;
    }
    Ok(Arc::new(pack))
}

fn load_tables(source: &PackSource, manifest: &Manifest, planner: &mut Planner) -> Result<Vec<CsvTable>, PackError> {
    let mut tables: Vec<CsvTable> = Vec::new();
    for (path, text) in source.in_folder("tables") {
        let name = path.trim_start_matches("tables/").trim_end_matches(".csv");
        let Some(declared) = manifest.tables.get(name).filter(|declared| !declared.columns.is_empty()) else {
            return Err(undeclared(path, name, text));
        };
        let table = tables::parse(path, text, declared)?;
        planner.add_table(path, &table)?;
        tables.push(table);
    }
    let missing = manifest.tables.keys().find(|name| !tables.iter().any(|table| table.name == **name));
    match missing {
        Some(name) => Err(PackError::of(manifest::FILE, format!("[tables.{name}]: there is no tables/{name}.csv"))),
        None => Ok(tables),
    }
}

/// A table without a declaration, with the lines that would declare it.
fn undeclared(path: &str, name: &str, text: &str) -> PackError {
    let column = |heading: &str| {
        let kind = match heading {
            "valid_from" | "valid_to" => "date\", required = false",
            "country" => "country\"",
            heading if heading == "days" || heading.ends_with("_days") => "integer\", min = 0, max = 365",
            _ => "text\"",
        };
        format!("{heading} = {{ type = \"{kind} }}")
    };
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let columns: Vec<String> = first.split(',').map(|heading| column(heading.trim().trim_matches('"'))).collect();
    let reason = format!("is not declared. Add to policy.toml: [tables.{name}.columns] {}", columns.join(", "));
    PackError::of(path, reason)
}

/// A table that nobody reads is a rule that does not apply.
fn check_tables_are_read(
    tables: &[CsvTable],
    views: &[View],
    rules: &[Rule],
    tracing: Option<&Tracing>,
    planner: &Planner,
) -> Result<(), PackError> {
    let traces = tracing.map(|tracing| &tracing.infectious);
    let plans = || views.iter().map(|view| &view.planned).chain(rules.iter().map(|rule| &rule.planned)).chain(traces);
    for table in tables {
        let number = planner.number(&table.name);
        let is_read = plans().any(|plan| plan.reads.iter().any(|read| Some(*read) == number));
        if !is_read {
            let path = format!("tables/{}.csv", table.name);
            return Err(PackError::of(&path, "no rule and no view reads this table: use it, or take it away"));
        }
    }
    Ok(())
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

fn sql_files<'a>(source: &'a PackSource, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    source.in_folder(folder).filter(|(path, _)| path.ends_with(".sql"))
}

fn stem(path: &str) -> &str {
    path.rsplit('/').next().and_then(|file| file.strip_suffix(".sql")).unwrap_or(path)
}
