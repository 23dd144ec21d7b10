//! `[tables.NAME]` of policy.toml: what a table of the pack holds.
//!
//! ```toml
//! [tables.entrants]
//! key = ["country"]          # by which a row is found; needed where several columns hold texts
//! overlap = "each"           # rows of one key may apply at once; without it that is refused
//! [tables.entrants.columns]
//! country = { type = "country" }
//! valid_from = { type = "date", required = false }
//! valid_to = { type = "date", required = false }
//! days = { type = "integer", min = 0, max = 365 }
//! ```
//!
//! Owns these keys. A cell is required unless the declaration says otherwise.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The greatest number in a table, on either side of zero.
pub const NUMBER_MAX: i64 = 1_000_000;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// A text.
    Text,
    /// Two capital letters of ISO 3166, or `*` for all others.
    Country,
    /// A date, as the local midnight that begins it.
    Date,
    /// A whole number.
    Integer,
}

/// A declared column.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDeclaration {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
    /// Whether each row has it.
    #[serde(default = "yes")]
    pub required: bool,
    /// The least number.
    pub min: Option<i64>,
    /// The greatest number.
    pub max: Option<i64>,
}

fn yes() -> bool {
    true
}

/// What happens where two rows of one key are in force at once.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The table is refused.
    #[default]
    Refuse,
    /// Each of the rows applies.
    Each,
}

/// A declared table.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDeclaration {
    /// Whether rows of one key may be in force at once.
    #[serde(default)]
    pub overlap: Overlap,
    /// The columns by which a row is found; none said = the only column of texts.
    pub key: Option<Vec<String>>,
    /// The columns.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnDeclaration>,
}

impl TableDeclaration {
    /// What is wrong with the declaration itself.
    pub fn problem(&self) -> Option<String> {
        let name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        for (column, declared) in &self.columns {
            if !name(column) {
                return Some(format!("column `{column}`: a name has small letters, digits and underscores"));
            }
            if matches!(column.as_str(), "person" | "fact") {
                return Some(format!("column `{column}`: tables of a pack hold nobody; choose another name"));
            }
            let (min, max) = declared.range();
            if declared.kind != ColumnKind::Integer && (declared.min.is_some() || declared.max.is_some()) {
                return Some(format!("column `{column}`: min and max are for integers"));
            }
            if min > max || min < -NUMBER_MAX || max > NUMBER_MAX {
                return Some(format!(
                    "column `{column}`: min and max lie within -{NUMBER_MAX} and {NUMBER_MAX}, in this order"
                ));
            }
            let dated = matches!(column.as_str(), "valid_from" | "valid_to");
            if dated && declared.kind != ColumnKind::Date {
                return Some(format!("column `{column}` says when a row is in force: its type is date"));
            }
        }
        if let Some(missing) = self.key.iter().flatten().find(|column| !self.columns.contains_key(*column)) {
            return Some(format!("key: there is no column `{missing}`"));
        }
        let texts =
            self.columns.values().filter(|column| matches!(column.kind, ColumnKind::Text | ColumnKind::Country));
        if self.key.is_none() && self.overlap == Overlap::Refuse && texts.count() > 1 {
            return Some(
                "several columns hold texts: say by which a row is found, like key = [\"country\"]".to_string(),
            );
        }
        None
    }

    /// The columns by which a row is found.
    pub fn key_columns(&self) -> Vec<&str> {
        let is_text = |column: &ColumnDeclaration| matches!(column.kind, ColumnKind::Text | ColumnKind::Country);
        match &self.key {
            Some(key) => key.iter().map(String::as_str).collect(),
            None => self.columns.iter().filter(|(_, column)| is_text(column)).map(|(name, _)| name.as_str()).collect(),
        }
    }
}

impl ColumnDeclaration {
    /// The least and the greatest number.
    pub fn range(&self) -> (i64, i64) {
        (self.min.unwrap_or(-NUMBER_MAX), self.max.unwrap_or(NUMBER_MAX))
    }
}
