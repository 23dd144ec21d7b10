//! The two queries by which a pack traces people aboard conveyances (docs/packs.md, "Tracing by conveyance").
//!
//! ```text
//! infectious.sql   local to a person, like a rule: person, fact (of a case), since, until
//! aboard.sql       row by row over the engine's table `aboard`: pair, degree (close, general or NULL)
//! ```
//!
//! They are planned by the planner of rules, behind the same gate, and executed by the executor of rules. Owns the
//! table `aboard`, and what the two may give out. Must never see who was aboard.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use fuma_schemas::Kind;
use fuma_schemas::evidence::instant_type;

use super::digest::digest;
use super::files::TRACING;
use super::manifest::Manifest;
use super::sql::planner::{Planned, Planner};
use super::sql::sql_file::SqlFile;
use super::{PackError, PackSource};
use crate::evidence::{RuleTable, Wanted};

/// The name of the table of pairs.
pub const ABOARD: &str = "aboard";
/// The degrees that `aboard.sql` may give.
pub const DEGREES: [&str; 2] = ["close", "general"];

/// What may stand in front of a query: what it says, for officials.
const FACTS: &[&str] = &["about.zh", "about.en"];

/// The columns of the table `aboard`, in order.
static ABOARD_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, optional| Field::new(name, DataType::Utf8View, optional);
    let instant = |name: &str| Field::new(name, instant_type(), false);
    Arc::new(Schema::new(vec![
        Field::new("pair", DataType::UInt64, false),
        text("mode", false),
        text("classification", false),
        text("carriage_i", true),
        text("carriage_j", true),
        Field::new("row_i", DataType::Int64, true),
        Field::new("row_j", DataType::Int64, true),
        text("role_i", false),
        text("role_j", false),
        instant("met_since"),
        instant("met_until"),
    ]))
});

/// The schema of the table `aboard`: an index trip of a case and a trip of another person that meet.
pub fn aboard_schema() -> SchemaRef {
    Arc::clone(&ABOARD_SCHEMA)
}

/// How a pack traces.
#[derive(Clone, Debug)]
pub struct Tracing {
    /// While a case counts as infectious.
    pub infectious: Planned,
    /// What degree of contact two people aboard have.
    pub aboard: Planned,
    /// Which columns of evidence `infectious` reads, through views too.
    pub wanted: Wanted,
    /// One number for all that tracing may hang on: its queries, the views, tables and parameters of the pack.
    pub digest: Box<str>,
    /// The SELECTs of both as written.
    pub sql: [String; 2],
}

impl Tracing {
    /// The kinds of evidence that tracing reads: what `infectious.sql` needs, cases and trips.
    pub fn reads(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Cases | Kind::Trips) || self.infectious.needs.contains(RuleTable::Kind(kind))
    }
}

/// Plans the queries for tracing; none where a pack has none. The planner knows all views by now, and forgets nothing
/// of what they read.
pub(super) fn load(
    source: &PackSource,
    manifest: &Manifest,
    planner: &mut Planner,
) -> Result<Option<Tracing>, PackError> {
    let [infectious, aboard] = TRACING.map(|name| format!("tracing/{name}"));
    let file = |path: &str| {
        let text = source.files.get(path);
        text.map(|text| SqlFile::parse(path, text, FACTS, &manifest.parameters)).transpose()
    };
    let (one, other) = (file(&infectious)?, file(&aboard)?);
    // What is no query at all is said first: of one that stands alone, too.
    one.iter().chain(&other).try_for_each(|file| planner.check_select(file))?;
    let (one, other) = match (one, other) {
        (None, None) => return Ok(None),
        (Some(one), Some(other)) => (one, other),
        (None, _) => return Err(missing(&infectious, &aboard)),
        (_, None) => return Err(missing(&aboard, &infectious)),
    };
    let infectious = planner.plan_infectious(&one)?;
    check_needs(&one, &infectious)?;
    let wanted = planner.wanted();
    let aboard = planner.plan_aboard(&other)?;
    let sql = [one.source, other.source];
    Ok(Some(Tracing { infectious, aboard, wanted, digest: digest_of(source, manifest).into(), sql }))
}

/// The digest of what tracing may hang on. Two packs of one digest trace alike; two that differ may do so, too.
fn digest_of(source: &PackSource, manifest: &Manifest) -> String {
    let is_of = |path: &str| ["tracing/", "views/", "tables/"].iter().any(|folder| path.starts_with(folder));
    let files = source.files.iter().filter(|(path, _)| is_of(path)).map(|(path, text)| (path.clone(), text.clone()));
    let parameters = ("parameters".to_owned(), format!("{:?} {:?}", manifest.parameters, manifest.tables));
    digest(&files.chain([parameters]).collect())
}

fn missing(path: &str, beside: &str) -> PackError {
    PackError::of(path, format!("is missing: {beside} alone traces nobody; write it, or take {beside} away"))
}

/// A contact that infects makes contacts without end, and a tier that infects makes whole districts infectious: both
/// would go in a circle through the stages.
fn check_needs(file: &SqlFile, planned: &Planned) -> Result<(), PackError> {
    for table in [RuleTable::Kind(Kind::Contacts), RuleTable::TieredStays] {
        if planned.needs.contains(table) {
            let reason =
                format!("infectious.sql may not read {}, nor a view that does: a case infects by itself", table.name());
            return Err(PackError::at(&file.path, file.line_of_word(table.name()).max(file.first_line()), reason));
        }
    }
    Ok(())
}

/// The columns that `infectious.sql` gives: name, what it is, whether a type is one.
type Column = (&'static str, &'static str, fn(&DataType) -> bool);

/// What `infectious.sql` gives.
pub(super) const INFECTIOUS_COLUMNS: [Column; 4] = [
    ("person", "the person of the evidence", |found| *found == DataType::UInt32),
    ("fact", "the fact of a case", |found| *found == DataType::UInt64),
    ("since", "an instant", |found| *found == instant_type()),
    ("until", "an instant or NULL", |found| *found == instant_type() || *found == DataType::Null),
];

/// What `aboard.sql` gives.
pub(super) const ABOARD_COLUMNS: [Column; 2] = [
    ("pair", "the column pair of the table aboard", |found| *found == DataType::UInt64),
    ("degree", "'close', 'general' or NULL", |found| {
        matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
    }),
];

/// Whether a query gives these columns and no others.
pub(super) fn check_columns(file: &SqlFile, schema: &Schema, columns: &[Column]) -> Result<(), PackError> {
    let names = columns.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    let line = file.first_line();
    for (name, what, is_one) in columns {
        let Ok(field) = schema.field_with_name(name) else {
            return Err(PackError::at(&file.path, line, format!("column `{name}` is missing: return {names}")));
        };
        if !is_one(field.data_type()) {
            let reason = format!("column `{name}` must be {what}, not {}", field.data_type());
            return Err(PackError::at(&file.path, file.line_of_word(name).max(line), reason));
        }
    }
    let known = |name: &String| columns.iter().any(|(known, ..)| known == name);
    match schema.fields().iter().map(|field| field.name()).find(|name| !known(name)) {
        Some(other) => {
            let reason = format!("column `{other}` is not one of {names}: remove it");
            Err(PackError::at(&file.path, file.line_of_word(other).max(line), reason))
        }
        None => Ok(()),
    }
}
