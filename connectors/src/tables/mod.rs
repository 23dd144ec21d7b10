//! Tables as people send them: CSV, TSV, workbooks, Parquet and lines of JSON, packed or not, as rows of cells.
//!
//! ```text
//! content    what a file is, by its bytes        encoding   the bytes of a text -> UTF-8
//! archive    zip, gzip, zstd: entries, bounds     text       lines -> cells, quoted line breaks
//! workbook, merges   .xlsx and .xls                columnar   Parquet        lines   one JSON object a line
//! ```
//!
//! Owns where rows and cells begin and end, and their numbers: from 1, the first line of the file or sheet. Must never
//! know what a column means, put a cell into an error, or hold more than a row and a block of what it reads (workbooks:
//! their texts, within bounds).

mod archive;
mod columnar;
mod content;
mod encoding;
mod lines;
mod merges;
#[cfg(test)]
mod tests;
mod text;
mod workbook;

use std::io;
use std::path::Path;

pub use content::{Content, content_of};
pub use encoding::{Encoding, encoding_of};
pub use text::DELIMITERS;

/// The most bytes of a row of text, line breaks included.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// The most cells of a row: as many as a workbook has columns.
pub const CELLS_MAX: usize = 16_384;

/// A cell as its file holds it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text, not trimmed.
    Text(&'a str),
    /// A number of a workbook, or one of JSON with a fraction: 15 digits of it are right.
    Number(f64),
    /// A whole number that is exact.
    Integer(i64),
    /// Days since the spreadsheets' beginning (1899-12-30) of a cell that is shown as a date or a time.
    Serial(f64),
    /// A wall clock without a zone: milliseconds since 1970-01-01T00:00 of that clock.
    Wall(i64),
    /// An instant, milliseconds UTC.
    Instant(i64),
    /// A date, days since 1970-01-01.
    Date(i64),
    /// True or false.
    Boolean(bool),
    /// What holds no value: the error of a formula, a list.
    Unusable,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The number of its first line, or its number in the sheet.
    pub number: u64,
    /// Its cells.
    pub cells: &'a [Cell<'a>],
    /// Why it has none, or not all.
    pub fault: Option<RowFault>,
}

/// Why a row cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowFault {
    /// Bytes that the encoding does not have.
    Encoding,
    /// It cannot be divided into cells; says why.
    Cells(&'static str),
}

/// What is read.
#[derive(Clone, PartialEq, Debug)]
pub struct About<'a> {
    /// The entry of an archive.
    pub entry: Option<&'a str>,
    /// The sheet of a workbook.
    pub sheet: Option<&'a str>,
    /// What it is.
    pub content: Content,
    /// How a text is encoded.
    pub encoding: Option<Encoding>,
    /// What divides the cells of a text.
    pub delimiter: Option<u8>,
    /// The names of the columns where the format itself has them.
    pub names: Option<&'a [String]>,
    /// Sheets that are not read, though they have cells.
    pub other_sheets: &'a [String],
    /// Whether numbers that stand for dates count from 1904 in this workbook.
    pub is_1904: bool,
}

/// How to go on after a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// With the next one.
    Go,
    /// With the line after the first of this row: what was taken for its line breaks belongs to other rows.
    Again,
    /// Not at all: enough was read.
    Stop,
}

/// Who takes the rows.
pub trait Sink {
    /// A table begins; says whether it is to be read.
    ///
    /// # Errors
    /// When the table cannot be used.
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError>;

    /// A row of it.
    ///
    /// # Errors
    /// When the table cannot be used: the reading ends.
    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError>;

    /// The table ended, or cannot be read further: then with the error, which is the sink's to keep or to hand on.
    ///
    /// # Errors
    /// The error that ends the reading of the whole file.
    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError>;

    /// How far it is: so much of so much, or of the bytes of the file.
    fn progress(&mut self, _done: u64, _of: Option<u64>) {}

    /// An entry of an archive that is not asked for.
    fn passed_over(&mut self, _entry: &str) {}
}

/// What the reader is told.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// The encoding of texts; none: found out.
    pub encoding: Option<Encoding>,
    /// What divides cells; none: found out.
    pub delimiter: Option<u8>,
    /// The sheet; none: the only one.
    pub sheet: Option<String>,
    /// Which entries of an archive are read, as a name with `*`; none: all.
    pub entry: Option<String>,
    /// The names that are looked for in lines of JSON.
    pub wanted: Vec<String>,
    /// Take any sheet: for a look.
    pub any_sheet: bool,
}

/// Why a file, an entry or a sheet cannot be read as a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The system does not let it be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It is something else.
    #[error("{0}")]
    NotATable(String),
    /// It ends early, or is damaged.
    #[error("damaged or cut short: {0}")]
    Damaged(String),
    /// It is beyond what is read.
    #[error("{0}")]
    Beyond(String),
    /// A column that is looked for is not there.
    #[error("{0}")]
    MissingColumn(String),
    /// A column that is looked for is there twice.
    #[error("{0}")]
    DuplicateColumn(String),
    /// The one who takes the rows cannot go on, whatever the file is.
    #[error("{0}")]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}

impl TableError {
    /// The code of a file that is not imported.
    pub fn code(&self) -> &'static str {
        match self {
            TableError::Read(_) => "unreadable",
            TableError::NotATable(_) => "not-a-table",
            TableError::Damaged(_) => "damaged",
            TableError::Beyond(_) => "too-large",
            TableError::MissingColumn(_) => "missing-column",
            TableError::DuplicateColumn(_) => "duplicate-column",
            TableError::Sink(_) => "failed",
        }
    }

    fn damaged(error: impl std::fmt::Display) -> TableError {
        TableError::Damaged(error.to_string())
    }
}

/// Reading errors that the system makes are no damage of the file.
impl From<io::Error> for TableError {
    fn from(error: io::Error) -> TableError {
        match error.kind() {
            io::ErrorKind::Unsupported => TableError::Beyond(error.to_string()),
            _ if error.raw_os_error().is_some() => TableError::Read(error),
            _ => TableError::Damaged(error.to_string()),
        }
    }
}

/// Reads all tables of a file.
///
/// # Errors
/// When the file cannot be read as tables, or the sink wants no more.
pub fn read(path: &Path, options: &Options, sink: &mut dyn Sink) -> Result<(), TableError> {
    archive::read_file(path, options, sink)
}

/// Whether a name fits a pattern in which `*` stands for anything.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}
