//! The rows of one table, by one map: records, rejects, and rows that the map passes over, each counted.
//!
//! Owns where the header and the data are, and that every row is one of the three. Must never drop a row in silence,
//! nor hold more than one.

use std::collections::BTreeMap;

use fuma_connectors::tables::{About, Cell, Content, Next, Row, RowFault, TableError};

use serde::{Deserialize, Serialize};

use super::codes::ImportCode;
use super::header::{self, Layout};
use super::map::{Header, Map, Rule, Test};
use super::record::{Maker, Refused};
use super::values::plain;

/// Who takes what comes of rows.
pub trait Out {
    /// A record of the feed of the map, as a line of JSON with its end.
    fn record(&mut self, line: &[u8]);
    /// A row that becomes none.
    fn reject(&mut self, reject: &Rejected<'_>);
}

/// A row that becomes no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected<'a> {
    /// Its number.
    pub row: u64,
    /// The column, by its name in the map.
    pub column: Option<&'a str>,
    /// Why.
    pub code: ImportCode,
    /// In words: the shape of what was found, never itself, and what to do.
    pub message: &'a str,
}

/// What came of the rows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of data: records, rejects and rows that a rule passes over.
    pub rows: u64,
    /// Records; of a row that is split several.
    pub records: u64,
    /// Rejected rows, by code.
    pub rejects: BTreeMap<String, u64>,
    /// Rows that a rule passes over: by the column of the rule.
    pub skipped: BTreeMap<String, u64>,
    /// Blank rows, comments, and rows before the data.
    pub blank: u64,
    /// Rows from the end of the data on that are not blank.
    pub after_end: u64,
}

impl Counts {
    /// Rejected rows.
    pub fn rejected(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Adds what came of another table.
    pub fn add(&mut self, other: &Counts) {
        self.rows += other.rows;
        self.records += other.records;
        self.blank += other.blank;
        self.after_end += other.after_end;
        for (code, count) in &other.rejects {
            *self.rejects.entry(code.clone()).or_default() += count;
        }
        for (rule, count) in &other.skipped {
            *self.skipped.entry(rule.clone()).or_default() += count;
        }
    }
}

/// A table under way.
pub struct Importer<'m> {
    map: &'m Map,
    layout: Option<Layout>,
    /// The rows of names that were read.
    header: Vec<Vec<String>>,
    is_text: bool,
    is_1904: bool,
    /// Whether the names of the columns come with the format.
    is_named: bool,
    is_over: bool,
    /// Rows up to this one are done.
    done: u64,
    /// What came of the rows so far.
    pub counts: Counts,
}

impl<'m> Importer<'m> {
    /// Begins a table.
    ///
    /// # Errors
    /// When the format has names of columns, and not those of the map.
    pub fn begin(map: &'m Map, about: &About<'_>) -> Result<Importer<'m>, TableError> {
        let mut importer = Importer {
            map,
            layout: None,
            header: Vec::new(),
            is_text: about.content == Content::Text,
            is_1904: about.is_1904,
            is_named: about.names.is_some(),
            is_over: false,
            done: 0,
            counts: Counts::default(),
        };
        if let Some(names) = about.names {
            let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
            importer.layout = Some(match map.header {
                Header::None => Layout::of_numbers(map, names.len())?,
                _ => Layout::of_rows(map, &[names], format!("the {} file", about.content.name()))?,
            });
        }
        Ok(importer)
    }

    /// Goes on behind a row, with what came of the rows before: they are read again and not made again.
    pub fn go_on(&mut self, done: u64, counts: Counts) {
        (self.done, self.counts) = (done, counts);
    }

    /// Takes a row.
    ///
    /// # Errors
    /// When the header is not there.
    pub fn row(&mut self, row: &Row<'_>, maker: &mut Maker, out: &mut dyn Out) -> Result<Next, TableError> {
        if row.number > self.done {
            return self.take(row, maker, out);
        }
        // Where the header and the end are must be known all the same.
        let counts = self.counts.clone();
        let next = self.take(row, maker, &mut Nothing);
        self.counts = counts;
        next
    }

    fn take(&mut self, row: &Row<'_>, maker: &mut Maker, out: &mut dyn Out) -> Result<Next, TableError> {
        let (first_data, is_header) = self.place_of(row.number);
        if is_header {
            return self.header_row(row);
        }
        if row.number < first_data {
            self.counts.blank += 1;
            return Ok(Next::Go);
        }
        if self.layout.is_none() {
            self.begin_data(row)?;
        }
        if let Some(fault) = row.fault {
            if self.is_over {
                self.counts.after_end += 1;
                return Ok(Next::Go);
            }
            let (code, message) = match fault {
                RowFault::Encoding => (
                    ImportCode::BadEncoding,
                    "it has bytes that the encoding of the file does not have: save the file again from its source",
                ),
                RowFault::Cells(why) => (ImportCode::BadRow, why),
            };
            return self.refuse(row.number, code, message, out);
        }
        self.data(row, maker, out)
    }

    /// The number of the first row of data, and whether this row is one of the header.
    fn place_of(&self, number: u64) -> (u64, bool) {
        if self.is_named {
            return (self.map.first_row.unwrap_or(1), false);
        }
        let (is_header, last) = match self.map.header {
            Header::Row(row) => (number == row, row),
            Header::Rows(upper, lower) => (number == upper || number == lower, lower),
            Header::None => (false, 0),
        };
        (self.map.first_row.unwrap_or(last + 1), is_header)
    }

    fn header_row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        if row.fault.is_some() {
            return Err(TableError::MissingColumn(format!(
                "row {}, where the map has the header, cannot be read: is the encoding right?",
                row.number
            )));
        }
        self.header.push(header::names(row.cells));
        if !matches!(self.map.header, Header::Rows(upper, _) if upper == row.number) {
            self.find_columns(row.number)?;
        }
        Ok(Next::Go)
    }

    fn find_columns(&mut self, row: u64) -> Result<(), TableError> {
        let place = match self.map.header {
            Header::Rows(upper, lower) => format!("rows {upper} and {lower}"),
            _ => format!("row {row}"),
        };
        self.layout = Some(Layout::of_rows(self.map, &self.header, place)?);
        Ok(())
    }

    /// The first row of data: of a table without header it says how many cells rows have.
    fn begin_data(&mut self, row: &Row<'_>) -> Result<(), TableError> {
        match self.map.header {
            Header::None if row.fault.is_some() => Err(TableError::NotATable(
                "its first row cannot be read, and it has no header: is the encoding right?".to_owned(),
            )),
            Header::None => {
                self.layout = Some(Layout::of_numbers(self.map, row.cells.len())?);
                Ok(())
            }
            _ if self.header.is_empty() => Err(self.no_header()),
            // The lower row of the header is blank.
            _ => self.find_columns(row.number),
        }
    }

    fn no_header(&self) -> TableError {
        let row = match self.map.header {
            Header::Row(row) | Header::Rows(row, _) => row,
            Header::None => 1,
        };
        TableError::MissingColumn(format!(
            "row {row}, where the map has the header, is not there or blank. `fuma import look FILE` shows where it is"
        ))
    }

    /// The table has ended.
    ///
    /// # Errors
    /// When its header never came.
    pub fn finish(&self) -> Result<(), TableError> {
        if self.layout.is_none() && self.map.header != Header::None { Err(self.no_header()) } else { Ok(()) }
    }

    fn data(&mut self, row: &Row<'_>, maker: &mut Maker, out: &mut dyn Out) -> Result<Next, TableError> {
        let is_blank =
            |cell: &Cell<'_>| matches!(cell, Cell::Empty) || matches!(cell, Cell::Text(t) if t.trim().is_empty());
        if row.cells.iter().all(is_blank) {
            self.counts.blank += 1;
            return Ok(Next::Go);
        }
        let Some(layout) = &self.layout else { return Ok(Next::Go) };
        if let Some(mark) = &self.map.comment
            && row.cells.first().is_some_and(|cell| plain(cell).starts_with(mark.as_str()))
        {
            self.counts.blank += 1;
            return Ok(Next::Go);
        }
        self.is_over |= holds(&self.map.end, &layout.end, row.cells).is_some();
        if self.is_over {
            self.counts.after_end += 1;
            return Ok(Next::Go);
        }
        if self.is_text && row.cells.len() != layout.width {
            let (cells, width) = (row.cells.len(), layout.width);
            let message = format!(
                "{cells} cells under {width} headings: a delimiter within a cell that is not in quotes, or a line that \
                 was cut"
            );
            self.refuse(row.number, ImportCode::BadRow, &message, out)?;
            return Ok(Next::Again);
        }
        if let Some(rule) = holds(&self.map.skip, &layout.skip, row.cells) {
            self.counts.rows += 1;
            *self.counts.skipped.entry(rule.column.to_string()).or_default() += 1;
            return Ok(Next::Go);
        }
        if row.number <= self.done {
            return Ok(Next::Go);
        }
        match maker.make(self.map, layout, row, self.is_1904) {
            Ok(records) => {
                self.counts.rows += 1;
                self.counts.records += records;
                out.record(maker.lines());
            }
            Err(Refused { code, column, message }) => {
                self.count(code);
                let column = column.as_deref();
                out.reject(&Rejected { row: row.number, column, code, message: &message });
            }
        }
        Ok(Next::Go)
    }

    fn count(&mut self, code: ImportCode) {
        self.counts.rows += 1;
        *self.counts.rejects.entry(code.name().to_owned()).or_default() += 1;
    }

    fn refuse(&mut self, row: u64, code: ImportCode, message: &str, out: &mut dyn Out) -> Result<Next, TableError> {
        self.count(code);
        out.reject(&Rejected { row, column: None, code, message });
        Ok(Next::Go)
    }
}

/// Who wants nothing.
struct Nothing;

impl Out for Nothing {
    fn record(&mut self, _: &[u8]) {}
    fn reject(&mut self, _: &Rejected<'_>) {}
}

/// The first rule that a row fits.
fn holds<'r>(rules: &'r [Rule], places: &[usize], cells: &[Cell<'_>]) -> Option<&'r Rule> {
    let fits = |(rule, place): (&'r Rule, &usize)| {
        let text = cells.get(*place).map(plain).unwrap_or_default();
        let is_there = |words: &[String]| words.iter().any(|word| *word == text);
        let holds = match &rule.test {
            Test::Is(words) => is_there(words),
            Test::Not(words) => !is_there(words),
            Test::Starts(words) => words.iter().any(|word| text.starts_with(word.as_str())),
            Test::Blank(blank) => text.is_empty() == *blank,
        };
        holds.then_some(rule)
    };
    rules.iter().zip(places).find_map(fits)
}
