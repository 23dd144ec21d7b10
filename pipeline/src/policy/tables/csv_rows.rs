//! A table's text to rows of cells, strictly: RFC 4180, but that a row is a line.
//!
//! Owns the splitting. Must never guess: what is no row is an error with its line.

use crate::policy::PackError;

/// A row and its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line, from 1.
    pub(super) line: usize,
    /// The cells.
    pub(super) cells: Vec<String>,
}

/// The rows of a text, the headings first. Empty lines are no rows, and count as lines.
pub(super) fn rows(path: &str, text: &str) -> Result<Vec<Row>, PackError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows: Vec<Row> = Vec::new();
    for (at, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let cells = cells(line).map_err(|reason| PackError::at(path, at + 1, reason))?;
        if let Some(first) = rows.first()
            && first.cells.len() != cells.len()
        {
            let reason = format!("{} cells, but the first line has {} headings", cells.len(), first.cells.len());
            return Err(PackError::at(path, at + 1, reason));
        }
        rows.push(Row { line: at + 1, cells });
    }
    Ok(rows)
}

fn cells(line: &str) -> Result<Vec<String>, &'static str> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                if rest[..end].contains('"') {
                    return Err("a quote stands inside a cell: put the whole cell in quotes, and double the quote");
                }
                (rest[..end].to_string(), &rest[end..])
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(cells),
        }
    }
}

/// A cell after its opening quote, and what follows the closing one.
fn in_quotes(quoted: &str) -> Result<(String, &str), &'static str> {
    let mut cell = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"').ok_or("a quote is open at the end of the line: a row is a line")?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None if rest.is_empty() || rest.starts_with(',') => return Ok((cell, rest)),
            None => return Err("text behind a closing quote"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_row_is_a_line() {
        let text = "\u{feff}a,b\r\n\r\n\"x, \"\"y\"\"\",2\r\n,\n";
        let found: Vec<(usize, Vec<String>)> =
            rows("t.csv", text).unwrap().into_iter().map(|row| (row.line, row.cells)).collect();
        let row = |cells: [&str; 2]| cells.map(ToString::to_string).to_vec();
        assert_eq!(found, [(1, row(["a", "b"])), (3, row(["x, \"y\"", "2"])), (4, row(["", ""]))]);
    }

    #[test]
    fn what_is_no_row_is_refused_with_its_line() {
        for (text, line) in [("a,b\n1\n", 2), ("a\n\"x\n", 2), ("a\n\"x\"y\n", 2), ("a\nx\"y\n", 2), ("a\n1,2\n", 2)] {
            assert_eq!(rows("t.csv", text).unwrap_err().line, line, "{text:?}");
        }
    }
}
