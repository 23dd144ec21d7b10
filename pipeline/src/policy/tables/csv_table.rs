//! A table of a pack: its cells, typed as declared.
//!
//! A cell that is not what the declaration says is refused with its line: a blank where a value is needed (NULL would
//! mean "for ever"), white space around it, a number out of range, a date that is none, a period that ends before it
//! begins, two rows that apply at once.
//!
//! Owns the checks of cells.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringViewBuilder, TimestampMillisecondBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::instant::{local_midnight, parse_date};

use super::csv_rows::{self, Row};
use super::declared::{ColumnDeclaration, ColumnKind, Overlap, TableDeclaration};
use super::overlap::{Period, overlap};
use crate::policy::PackError;
use crate::policy::near::did_you_mean;

/// A table of a pack.
#[derive(Clone, Debug)]
pub struct CsvTable {
    /// The name in SQL: the file's stem.
    pub name: String,
    /// The rows, typed.
    pub batch: RecordBatch,
    /// The headings as they stand.
    pub headings: Vec<String>,
    /// The cells as they stand.
    pub cells: Vec<Vec<String>>,
}

/// Reads a table as it is declared.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn parse(path: &str, text: &str, declared: &TableDeclaration) -> Result<CsvTable, PackError> {
    let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".csv")).unwrap_or(path).to_string();
    let mut rows = csv_rows::rows(path, text)?;
    if rows.len() < 2 {
        return Err(PackError::of(path, "has no row: a table without rows matches nothing"));
    }
    let headings = rows.remove(0);
    let columns = columns_of(path, &headings, &name, declared)?;
    for row in &rows {
        check_row(path, &columns, row)?;
    }
    check_periods(path, &columns, &rows, declared)?;
    let fields = columns.iter().map(|column| Field::new(column.name, column.data_type(), !column.declared.required));
    let arrays = columns.iter().map(|column| column.array(&rows)).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays)
        .map_err(|error| PackError::of(path, error.to_string()))?;
    let headings = columns.iter().map(|column| column.name.to_string()).collect();
    Ok(CsvTable { name, batch, headings, cells: rows.into_iter().map(|row| row.cells).collect() })
}

/// A column: its place in the file, and what it holds.
struct Column<'a> {
    at: usize,
    name: &'a str,
    declared: &'a ColumnDeclaration,
}

fn columns_of<'a>(
    path: &str,
    headings: &'a Row,
    table: &str,
    declared: &'a TableDeclaration,
) -> Result<Vec<Column<'a>>, PackError> {
    let wrong = |reason: String| Err(PackError::at(path, headings.line, reason));
    let mut columns: Vec<Column<'a>> = Vec::new();
    for (at, heading) in headings.cells.iter().enumerate() {
        if columns.iter().any(|column| column.name == heading) {
            return wrong(format!("heading `{heading}` is there twice"));
        }
        let Some(column) = declared.columns.get(heading) else {
            let known = declared.columns.keys().map(String::as_str);
            let list = known.clone().collect::<Vec<_>>().join(", ");
            let hint = did_you_mean(heading, known);
            return wrong(format!("heading `{heading}` is not declared: [tables.{table}.columns] has {list}{hint}"));
        };
        columns.push(Column { at, name: heading, declared: column });
    }
    match declared.columns.keys().find(|name| !headings.cells.contains(name)) {
        Some(missing) => wrong(format!("column `{missing}` is missing: [tables.{table}.columns] declares it")),
        None => Ok(columns),
    }
}

fn check_row(path: &str, columns: &[Column<'_>], row: &Row) -> Result<(), PackError> {
    for column in columns {
        let cell = &row.cells[column.at];
        let wrong = |reason: String| Err(PackError::at(path, row.line, format!("{}: {reason}", column.name)));
        if cell.is_empty() {
            if column.declared.required {
                return wrong("is blank, but each row needs it (a blank means: without end)".to_string());
            }
            continue;
        }
        let is_odd =
            |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
        if cell.trim() != cell || cell.chars().any(is_odd) {
            return wrong(format!(
                "`{}` has white space around it or a hidden character: remove it",
                cell.escape_debug()
            ));
        }
        if let Some(reason) = column.problem(cell) {
            return wrong(format!("`{cell}` {reason}"));
        }
    }
    let date = |name: &str| {
        let column = columns.iter().find(|column| column.name == name)?;
        parse_date(&row.cells[column.at])
    };
    match date("valid_from").zip(date("valid_to")) {
        Some((from, to)) if to < from => Err(PackError::at(path, row.line, "valid_to lies before valid_from")),
        _ => Ok(()),
    }
}

fn check_periods(
    path: &str,
    columns: &[Column<'_>],
    rows: &[Row],
    declared: &TableDeclaration,
) -> Result<(), PackError> {
    if declared.overlap == Overlap::Each {
        return Ok(());
    }
    let keys = declared.key_columns();
    let place = |name: &str| columns.iter().find(|column| column.name == name).map(|column| column.at);
    let date = |row: &Row, name: &str| place(name).and_then(|at| parse_date(&row.cells[at])).map(i64::from);
    let period = |row: &Row| Period {
        key: keys.iter().filter_map(|name| place(name)).map(|at| row.cells[at].clone()).collect(),
        from: date(row, "valid_from").unwrap_or(i64::MIN),
        to: date(row, "valid_to").unwrap_or(i64::MAX),
        line: row.line,
    };
    match overlap(rows.iter().map(period).collect()) {
        None => Ok(()),
        Some((earlier, later)) => {
            let of = if keys.is_empty() { String::new() } else { format!(" of one {}", keys.join(", ")) };
            let reason = format!(
                "this row and the one of line {earlier} apply at once{of}: end the earlier one (valid_to), or declare \
                 overlap = \"each\" if both are meant"
            );
            Err(PackError::at(path, later, reason))
        }
    }
}

impl Column<'_> {
    fn data_type(&self) -> DataType {
        match self.declared.kind {
            ColumnKind::Text | ColumnKind::Country => DataType::Utf8View,
            ColumnKind::Date => instant_type(),
            ColumnKind::Integer => DataType::Int64,
        }
    }

    /// What is wrong with a cell that is not blank.
    fn problem(&self, cell: &str) -> Option<String> {
        match self.declared.kind {
            ColumnKind::Text => None,
            ColumnKind::Country => {
                let good = cell == "*" || (cell.len() == 2 && cell.bytes().all(|b| b.is_ascii_uppercase()));
                (!good).then(|| "is no country: two capital letters like US, or * for all others".to_string())
            }
            ColumnKind::Date => parse_date(cell).is_none().then(|| "is no date: write 2021-11-08".to_string()),
            ColumnKind::Integer => {
                let (min, max) = self.declared.range();
                let plain = cell.strip_prefix('-').unwrap_or(cell).bytes().all(|b| b.is_ascii_digit());
                match cell.parse::<i64>() {
                    Ok(number) if plain && (min..=max).contains(&number) => None,
                    Ok(_) if plain => Some(format!("is not within {min} and {max}")),
                    _ => Some(format!("is no whole number within {min} and {max}")),
                }
            }
        }
    }

    /// The checked cells as a column; a blank is NULL.
    fn array(&self, rows: &[Row]) -> ArrayRef {
        let cells = rows.iter().map(|row| Some(row.cells[self.at].as_str()).filter(|cell| !cell.is_empty()));
        match self.declared.kind {
            ColumnKind::Text | ColumnKind::Country => {
                let mut texts = StringViewBuilder::new();
                cells.for_each(|cell| texts.append_option(cell));
                Arc::new(texts.finish())
            }
            ColumnKind::Date => {
                let mut dates = TimestampMillisecondBuilder::new();
                let instant = |cell: &str| parse_date(cell).map(|days| local_midnight(days).0);
                cells.for_each(|cell| dates.append_option(cell.and_then(instant)));
                Arc::new(dates.finish())
            }
            ColumnKind::Integer => {
                let mut numbers = Int64Builder::new();
                cells.for_each(|cell| numbers.append_option(cell.and_then(|cell| cell.parse().ok())));
                Arc::new(numbers.finish())
            }
        }
    }
}
