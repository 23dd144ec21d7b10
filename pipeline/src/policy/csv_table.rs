//! `tables/*.csv`: small dated tables of a pack, like the countries of entrants.
//!
//! Owns their types: a column named `days` or ending in `_days` holds whole numbers; `valid_from`, `valid_to` and
//! what ends in `_on` hold dates, as local midnights; all else is text. A blank cell is NULL. No table holds a
//! person.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringViewBuilder, TimestampMillisecondBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::instant::{local_midnight, parse_date};

use super::PackError;

/// A table of a pack.
#[derive(Clone, Debug)]
pub struct CsvTable {
    /// The name in SQL: the file's stem.
    pub name: String,
    /// The rows.
    pub batch: RecordBatch,
}

/// Reads a table.
pub fn parse(path: &str, text: &str) -> Result<CsvTable, PackError> {
    let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".csv")).unwrap_or(path).to_string();
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| PackError::at(path, 1, error.to_string()))?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| {
            let line = error.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
            PackError::at(path, line, error.to_string())
        })?;
        rows.push(row);
    }
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (at, heading) in headers.iter().enumerate() {
        if heading.is_empty() || headers.iter().take(at).any(|earlier| earlier == heading) {
            return Err(PackError::at(path, 1, format!("heading `{heading}` is blank or there twice")));
        }
        let (data_type, column) = column(path, heading, at, &rows)?;
        fields.push(Field::new(heading, data_type, true));
        columns.push(column);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| PackError::of(path, error.to_string()))?;
    Ok(CsvTable { name, batch })
}

fn column(path: &str, heading: &str, at: usize, rows: &[csv::StringRecord]) -> Result<(DataType, ArrayRef), PackError> {
    let cells = rows.iter().map(|row| {
        let line = row.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        (line, row.get(at).filter(|cell| !cell.is_empty()))
    });
    let wrong = |line, cell: &str, what| PackError::at(path, line, format!("{heading}: `{cell}` is {what}"));
    if heading == "days" || heading.ends_with("_days") {
        let mut numbers = Int64Builder::new();
        for (line, cell) in cells {
            let number = cell.map(|cell| cell.parse().map_err(|_| wrong(line, cell, "no whole number"))).transpose()?;
            numbers.append_option(number);
        }
        return Ok((DataType::Int64, Arc::new(numbers.finish())));
    }
    if heading == "valid_from" || heading == "valid_to" || heading.ends_with("_on") {
        let mut dates = TimestampMillisecondBuilder::new();
        for (line, cell) in cells {
            let date =
                cell.map(|cell| parse_date(cell).ok_or_else(|| wrong(line, cell, "no date YYYY-MM-DD"))).transpose()?;
            dates.append_option(date.map(|days| local_midnight(days).0));
        }
        return Ok((instant_type(), Arc::new(dates.finish())));
    }
    let mut texts = StringViewBuilder::new();
    for (_, cell) in cells {
        texts.append_option(cell);
    }
    Ok((DataType::Utf8View, Arc::new(texts.finish())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_by_heading_and_errors_by_line() {
        let table = parse("tables/entrants.csv", "country,valid_from,valid_to,days\n*,2020-01-01,,14\n").unwrap();
        assert_eq!((table.name.as_str(), table.batch.num_rows()), ("entrants", 1));
        assert_eq!(parse("t.csv", "country,days\n*,x\n").unwrap_err().line, 2);
        assert_eq!(parse("t.csv", "country,days\n*\n").unwrap_err().line, 2);
        assert_eq!(parse("t.csv", "days,days\n1,2\n").unwrap_err().line, 1);
    }
}
