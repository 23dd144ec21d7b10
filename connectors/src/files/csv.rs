//! CSV as RFC 4180 has it: UTF-8, the first row names the fields.
//!
//! Rows end with CRLF or LF. What RFC 4180 does not know (a quote within a cell that is not in quotes, text behind a
//! closing quote, a lone CR outside quotes), another number of cells than headings and bytes that are no UTF-8 make
//! the row none: a cell read by guess may be somebody else's number. A file that ends inside quotes is cut short.
//! Empty lines are no rows but count, as everywhere (FEEDS.md section 1). A byte-order mark before the headings is
//! passed over.
//!
//! Owns where rows and cells end, and has its own reader for it: the common one reads over a stray quote and over an
//! open one at the end of the file, splits at a lone CR, and does not say which bytes a row was. Must never hold more
//! than a block.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use fuma_schemas::feed::{FieldType, field_type};

use super::table::{TableWriter, write_text};
use super::{Block, Fault};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Not less than this is read at once.
const READ_BYTES_MIN: usize = 1 << 12;

/// Reads a table to its end.
pub(super) fn read(source: impl Read, block_bytes: usize, each: &mut dyn FnMut(Block)) -> Result<(), Fault> {
    let mut rows = Rows::new(source, block_bytes)?;
    let headings = headings(&mut rows)?;
    let names: Vec<Cow<'_, str>> = headings.iter().map(|heading| Cow::Borrowed(heading.as_str())).collect();
    let types: Vec<FieldType> = headings.iter().map(|heading| field_type(heading)).collect();
    let mut table = TableWriter::new(&names, block_bytes, each)?;
    while rows.next()? {
        write_row(rows.row(), &rows.scan, &types, &mut table);
    }
    table.finish();
    Ok(())
}

/// The first row that is not empty.
fn headings(rows: &mut Rows<impl Read>) -> Result<Vec<String>, Fault> {
    while rows.next()? {
        let row = rows.row();
        if is_empty_line(row) {
            continue;
        }
        if let Some(fault) = rows.scan.fault {
            return Err(Fault::Damaged(format!("the row of field names is none: {fault}")));
        }
        let Ok(text) = str::from_utf8(row) else {
            return Err(Fault::Damaged("the row of field names is no UTF-8".to_owned()));
        };
        return Ok(rows.scan.cells.iter().map(|cell| cell.text(text).into_owned()).collect());
    }
    Err(Fault::Damaged("there is no row of field names".to_owned()))
}

fn write_row(row: &[u8], scan: &Scan, types: &[FieldType], table: &mut TableWriter<'_>) {
    if is_empty_line(row) {
        return table.empty_row();
    }
    let raw = without_line_end(row);
    if let Some(fault) = scan.fault {
        return table.bad_row(raw, fault);
    }
    if scan.cells.len() != table.width() {
        let message = format!("the row has {} cells, the table {} headings", scan.cells.len(), table.width());
        return table.bad_row(raw, &message);
    }
    let Ok(text) = str::from_utf8(row) else {
        return table.bad_row(raw, "the row is no UTF-8");
    };
    for (column, (cell, field_type)) in scan.cells.iter().zip(types).enumerate() {
        let cell = cell.text(text);
        if !cell.is_empty() {
            write_cell(table.cell(column), &cell, *field_type);
        }
    }
    table.end_row();
}

/// Integers and booleans are their JSON text; what is no such text is a string, as is every cell of another field.
fn write_cell(out: &mut Vec<u8>, cell: &str, field_type: FieldType) {
    let literal = match field_type {
        FieldType::Text => false,
        FieldType::Integer => is_integer_literal(cell),
        FieldType::Boolean => cell == "true" || cell == "false",
    };
    if literal {
        out.extend_from_slice(cell.as_bytes());
    } else {
        write_text(out, cell);
    }
}

/// `-? (0 | [1-9][0-9]*)`: an integer of RFC 8259.
fn is_integer_literal(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leading_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_empty_line(row: &[u8]) -> bool {
    row.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn without_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// The rows of a source, one after the other.
struct Rows<R> {
    source: R,
    read_bytes: usize,
    /// What is read and not yet passed: from `start` the row at hand, which ends before `end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    scan: Scan,
}

impl<R: Read> Rows<R> {
    fn new(source: R, block_bytes: usize) -> Result<Rows<R>, Fault> {
        let read_bytes = block_bytes.max(READ_BYTES_MIN);
        let mut rows =
            Rows { source, read_bytes, bytes: Vec::new(), start: 0, end: 0, at_end: false, scan: Scan::default() };
        rows.refill()?;
        if rows.bytes.starts_with(BYTE_ORDER_MARK) {
            rows.end = BYTE_ORDER_MARK.len();
        }
        Ok(rows)
    }

    /// Goes on to the next row; false when there is none.
    fn next(&mut self) -> Result<bool, Fault> {
        self.start = self.end;
        self.scan.restart();
        loop {
            if let Some(length) = self.scan.run(self.bytes.get(self.start..).unwrap_or_default()) {
                self.end = self.start + length;
                return Ok(true);
            }
            if self.at_end {
                return self.last_row();
            }
            self.refill()?;
        }
    }

    /// The row at hand, its line end included.
    fn row(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    fn last_row(&mut self) -> Result<bool, Fault> {
        if self.scan.state == State::Quoted {
            return Err(Fault::Damaged("it ends inside quotes".to_owned()));
        }
        self.end = self.bytes.len();
        if self.start == self.end {
            return Ok(false);
        }
        self.scan.end_cell(self.end - self.start);
        Ok(true)
    }

    fn refill(&mut self) -> Result<(), Fault> {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.reserve(self.read_bytes);
        let read = (&mut self.source).take(self.read_bytes as u64).read_to_end(&mut self.bytes)?;
        self.at_end = read < self.read_bytes;
        Ok(())
    }
}

/// Where in a row a byte may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// Before the first byte of a cell.
    #[default]
    Start,
    /// In a cell without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote between quotes: it closed the cell, or stands for one.
    AfterQuote,
    /// Behind a CR in or behind a cell without quotes.
    Cr,
    /// Behind a CR behind a closing quote.
    CrAfterQuote,
}

/// What is known of the row at hand. Goes on where it stopped when more bytes of the row come.
#[derive(Default)]
struct Scan {
    state: State,
    /// How far the row is scanned.
    at: usize,
    cell_start: usize,
    /// The closing quote of the cell at hand.
    close_at: usize,
    escaped: bool,
    cells: Vec<Cell>,
    /// The first thing that RFC 4180 does not know.
    fault: Option<&'static str>,
}

struct Cell {
    range: Range<usize>,
    escaped: bool,
}

impl Cell {
    fn text<'a>(&self, row: &'a str) -> Cow<'a, str> {
        let text = row.get(self.range.clone()).unwrap_or_default();
        if self.escaped { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) }
    }
}

impl Scan {
    fn restart(&mut self) {
        self.cells.clear();
        (self.state, self.at, self.cell_start, self.escaped, self.fault) = (State::Start, 0, 0, false, None);
    }

    /// The length of the row when it ends within these bytes, which begin where the row does.
    fn run(&mut self, row: &[u8]) -> Option<usize> {
        loop {
            if self.state == State::Quoted {
                let rest = row.get(self.at..).unwrap_or_default();
                self.at += memchr::memchr(b'"', rest).unwrap_or(rest.len());
            }
            let byte = *row.get(self.at)?;
            let ended = self.step(byte);
            self.at += 1;
            if ended {
                return Some(self.at);
            }
        }
    }

    /// Takes the byte at `at`; true when it ends the row.
    fn step(&mut self, byte: u8) -> bool {
        if matches!(self.state, State::Cr | State::CrAfterQuote) && byte != b'\n' {
            self.fail("a carriage return outside quotes that ends no line");
            self.state = State::Plain;
        }
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => {
                self.close_at = self.at;
                State::AfterQuote
            }
            (State::Quoted, _) => State::Quoted,
            (State::AfterQuote, b'"') => {
                self.escaped = true;
                State::Quoted
            }
            (State::Start, b'"') => State::Quoted,
            (_, b'\n') => {
                self.end_cell(self.at);
                return true;
            }
            (_, b',') => {
                self.end_cell(self.at);
                self.cell_start = self.at + 1;
                State::Start
            }
            (State::AfterQuote, b'\r') => State::CrAfterQuote,
            (_, b'\r') => State::Cr,
            (State::AfterQuote, _) => self.fail("text behind a closing quote"),
            (State::Plain, b'"') => self.fail("a quote within a cell that is not in quotes"),
            _ => State::Plain,
        };
        false
    }

    fn end_cell(&mut self, at: usize) {
        let range = match self.state {
            State::AfterQuote | State::CrAfterQuote => self.cell_start + 1..self.close_at,
            State::Cr => self.cell_start..at - 1,
            _ => self.cell_start..at,
        };
        self.cells.push(Cell { range, escaped: std::mem::take(&mut self.escaped) });
    }

    fn fail(&mut self, fault: &'static str) -> State {
        self.fault.get_or_insert(fault);
        State::Plain
    }
}
