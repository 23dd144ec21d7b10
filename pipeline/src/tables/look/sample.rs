//! The first rows of each table of a file.
//!
//! Owns how many are kept. Must never hold more.

use std::collections::BTreeMap;

use fuma_connectors::tables::{About, Cell, Content, Next, Row, Sink, TableError};

use super::super::values::dates::of_serial;

/// As many rows are looked at.
const ROWS: usize = 200;

/// A table as far as it was looked at.
#[derive(Clone, Debug, Default)]
pub struct Sampled {
    /// The entry of an archive.
    pub entry: Option<String>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// Sheets that were not looked at.
    pub other_sheets: Vec<String>,
    /// What it is, in words: format, encoding, delimiter.
    pub about: String,
    /// The name of the encoding of a text.
    pub encoding: Option<&'static str>,
    /// The delimiter of a text.
    pub delimiter: Option<u8>,
    /// The names of the columns, where the format has them.
    pub names: Option<Vec<String>>,
    /// The rows: number, and cells as text.
    pub rows: Vec<(u64, Vec<String>)>,
    /// Columns with date cells, and with numbers.
    pub date_columns: Vec<bool>,
    /// How many rows have how many cells; rows that cannot be read have none.
    pub widths: BTreeMap<usize, usize>,
    /// Lines that have other delimiters than the first ones.
    pub other_delimiters: bool,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// Takes the first rows.
#[derive(Default)]
pub struct Sample {
    /// The tables.
    pub tables: Vec<Sampled>,
}

impl Sink for Sample {
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError> {
        let mut text = about.content.name().to_owned();
        if let Some(encoding) = about.encoding {
            text.push_str(&format!(", {}", encoding.name()));
        }
        let names: Option<Vec<String>> = about.names.map(<[String]>::to_vec);
        self.tables.push(Sampled {
            entry: about.entry.map(str::to_owned),
            sheet: about.sheet.map(str::to_owned),
            other_sheets: about.other_sheets.to_vec(),
            about: text,
            encoding: about.encoding.filter(|_| about.content == Content::Text).map(|encoding| encoding.name()),
            delimiter: about.delimiter,
            names: names.filter(|names| !names.is_empty()),
            ..Sampled::default()
        });
        Ok(true)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        let Some(table) = self.tables.last_mut() else { return Ok(Next::Stop) };
        let cells: Vec<String> = row.cells.iter().map(shown).collect();
        *table.widths.entry(cells.len()).or_default() += 1;
        if let (Some(delimiter), [only]) = (table.delimiter, cells.as_slice()) {
            let others = b",;\t|".iter().filter(|other| **other != delimiter);
            table.other_delimiters |=
                others.into_iter().any(|other| only.bytes().filter(|byte| byte == other).count() > 2);
        }
        for (at, cell) in row.cells.iter().enumerate() {
            if table.date_columns.len() <= at {
                table.date_columns.resize(at + 1, false);
            }
            let is_date = matches!(cell, Cell::Serial(_) | Cell::Wall(_) | Cell::Instant(_) | Cell::Date(_));
            if let Some(place) = table.date_columns.get_mut(at).filter(|_| is_date) {
                *place = true;
            }
        }
        table.rows.push((row.number, cells));
        Ok(if table.rows.len() < ROWS { Next::Go } else { Next::Stop })
    }

    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError> {
        if let (Err(error), Some(table)) = (outcome, self.tables.last_mut()) {
            table.error = Some(format!("{}: {error}", error.code()));
        }
        Ok(())
    }
}

/// A cell as a text that a person reads.
fn shown(cell: &Cell<'_>) -> String {
    let clock = |days: i64, ms: Option<i64>| {
        let date = i32::try_from(days).map(fuma_schemas::instant::local_midnight).unwrap_or_default();
        let (year, month, day) = date.local_date();
        let time = ms.map(|ms| format!(" {:02}:{:02}", ms / 3_600_000, ms / 60_000 % 60)).unwrap_or_default();
        format!("{year:04}-{month:02}-{day:02}{time}")
    };
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.trim().to_owned(),
        Cell::Number(value) if value.fract() == 0.0 => format!("{value:.0}"),
        Cell::Number(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Serial(value) => match of_serial(*value, false) {
            Some(read) => clock(read.days, read.time_ms),
            None => format!("{:.0} minutes", value * 1440.0),
        },
        Cell::Wall(ms) | Cell::Instant(ms) => clock(ms.div_euclid(86_400_000), Some(ms.rem_euclid(86_400_000))),
        Cell::Date(days) => clock(*days, None),
        Cell::Boolean(value) => value.to_string(),
        Cell::Unusable => "(no value)".to_owned(),
    }
}
