//! CSV: RFC 4180, but that a row is a line (docs/feeds.md section 3): UTF-8, the first row names the fields.
//!
//! Rows end with CRLF or LF, also inside quotes: one stray quote costs its own line and no other. What RFC 4180 does
//! not know (a quote within a cell that is not in quotes, text after a closing quote, a lone CR outside quotes),
//! another number of cells than headings and bytes that are no UTF-8 make a line `bad-row`: a cell read by guess may
//! be somebody else's number. Empty lines are no rows but count. A byte-order mark before the headings is passed over.
//!
//! Owns where cells end, and has its own reader for it: the common one reads over a stray quote, joins lines, splits
//! at a lone CR, and does not say which bytes a row was. Must never hold more than a block and one line.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use fuma_schemas::feed::{FieldType, field_type};

use super::cutter::{Cutter, LastLine};
use super::lines::fill;
use super::table::{TableWriter, write_text};
use super::{Block, Fault, RECORD_BYTES_MAX, Refusal, Refused};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Not less than this is read at once.
const READ_BYTES_MIN: usize = 1 << 12;
/// The row of headings may be longer than a record: it is one a file.
const HEADER_BYTES_MAX: usize = 16 << 20;

/// Reads a table to its end; says whether a last line was left.
pub(super) fn read(
    mut source: impl Read,
    block_bytes: usize,
    last: LastLine,
    each: &mut dyn FnMut(Block),
) -> Result<bool, Fault> {
    let read_bytes = block_bytes.clamp(READ_BYTES_MIN, RECORD_BYTES_MAX);
    let mut cutter = Cutter::with_limit(HEADER_BYTES_MAX).with_last(last);
    let mut table: Option<Table<'_>> = None;
    let mut each = Some(each);
    loop {
        let cut = cutter.next(read_bytes, |bytes| fill(&mut source, read_bytes, bytes))?;
        let mut lines = cut.block.iter().flat_map(Lines::of);
        if table.is_none() {
            for line in lines.by_ref() {
                let Some(headings) = headings(&line)? else { continue };
                let Some(each) = each.take() else { break };
                table = Some(Table::new(&headings, block_bytes, each)?);
                // What was read with the headings is shorter than a read, and that is no longer than a record.
                cutter.set_limit(RECORD_BYTES_MAX);
                break;
            }
        }
        if let Some(table) = &mut table {
            lines.for_each(|line| table.write(&line));
        }
        if cut.at_end {
            break;
        }
    }
    match table {
        Some(table) => drop(table.writer.finish()),
        // The headings are still being written.
        None if cutter.has_left() => {}
        None => return Err(Fault::Damaged("there is no row of field names".to_owned())),
    }
    Ok(cutter.has_left())
}

/// The names in a line; none of an empty one.
fn headings(line: &Line<'_>) -> Result<Option<Vec<String>>, Fault> {
    if line.refused.is_some() {
        return Err(Fault::Damaged(format!("the row of field names is longer than {HEADER_BYTES_MAX} bytes")));
    }
    let bytes = match line.number {
        1 => line.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line.bytes),
        _ => line.bytes,
    };
    if is_empty_line(bytes) {
        return Ok(None);
    }
    let scan = Scan::of(bytes, &mut Vec::new());
    if let Some(fault) = scan.fault {
        return Err(Fault::Damaged(format!("the row of field names cannot be read: {fault}")));
    }
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Some(scan.cells.iter().map(|cell| cell.text(text).into_owned()).collect())),
        Err(_) => Err(Fault::Damaged("the row of field names is not UTF-8: save the table as UTF-8".to_owned())),
    }
}

/// The rows after the headings.
struct Table<'a> {
    types: Vec<FieldType>,
    writer: TableWriter<'a>,
    /// Kept from row to row for its memory.
    cells: Vec<Cell>,
}

impl<'a> Table<'a> {
    fn new(headings: &[String], block_bytes: usize, each: &'a mut dyn FnMut(Block)) -> Result<Table<'a>, Fault> {
        let names: Vec<Cow<'_, str>> = headings.iter().map(|heading| Cow::Borrowed(heading.as_str())).collect();
        let types = headings.iter().map(|heading| field_type(heading)).collect();
        Ok(Table { types, writer: TableWriter::new(&names, block_bytes, each)?, cells: Vec::new() })
    }

    fn write(&mut self, line: &Line<'_>) {
        if let Some(refused) = line.refused {
            return self.writer.refuse(refused.raw.clone(), refused.why.clone());
        }
        if is_empty_line(line.bytes) {
            return self.writer.empty_row();
        }
        let scan = Scan::of(line.bytes, &mut self.cells);
        if let Err(message) = write_row(line.bytes, &scan, &self.types, &mut self.writer) {
            let raw = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
            self.writer.refuse(raw.to_vec(), Refusal::BadRow(message));
        }
        self.cells = scan.cells;
    }
}

fn write_row(row: &[u8], scan: &Scan, types: &[FieldType], writer: &mut TableWriter<'_>) -> Result<(), String> {
    if let Some(fault) = scan.fault {
        return Err(fault.to_owned());
    }
    if scan.cells.len() != writer.width() {
        return Err(format!("the row has {} cells, the table {} headings", scan.cells.len(), writer.width()));
    }
    let text = str::from_utf8(row).map_err(|_| "the row is no UTF-8".to_owned())?;
    for (column, (cell, field_type)) in scan.cells.iter().zip(types).enumerate() {
        let cell = cell.text(text);
        if !cell.is_empty() {
            write_cell(writer.cell(column), &cell, *field_type);
        }
    }
    writer.end_row();
    Ok(())
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
    row.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// A line of a block, without its LF.
struct Line<'a> {
    number: u64,
    bytes: &'a [u8],
    /// Where it is too large: `bytes` is empty then.
    refused: Option<&'a Refused>,
}

struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
    refused: &'a [Refused],
}

impl<'a> Lines<'a> {
    fn of(block: &'a Block) -> Lines<'a> {
        Lines { rest: &block.bytes, number: block.first_line, refused: &block.refused }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest);
        let bytes = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = self.rest.get(bytes.len() + 1..).unwrap_or_default();
        let refused = self.refused.first().filter(|refused| refused.line == self.number);
        if refused.is_some() {
            self.refused = &self.refused[1..];
        }
        self.number += 1;
        Some(Line { number: self.number - 1, bytes, refused })
    }
}

/// Where in a row a byte may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first byte of a cell.
    Start,
    /// In a cell without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote between quotes: it closed the cell, or stands for one.
    AfterQuote,
    /// After a CR in or after a cell without quotes.
    Cr,
    /// After a CR after a closing quote.
    CrAfterQuote,
}

/// The cells of a row.
struct Scan {
    state: State,
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
    /// Of a line without its LF; the memory of `cells` is used.
    fn of(row: &[u8], cells: &mut Vec<Cell>) -> Scan {
        let mut cells = std::mem::take(cells);
        cells.clear();
        let mut scan = Scan { state: State::Start, cell_start: 0, close_at: 0, escaped: false, cells, fault: None };
        let mut at = 0;
        while let Some(byte) = row.get(at) {
            scan.step(at, *byte);
            at += 1;
            let rest = row.get(at..).unwrap_or_default();
            // The bytes that change nothing are passed over at once.
            at += match scan.state {
                State::Quoted => memchr::memchr(b'"', rest).unwrap_or(rest.len()),
                State::Plain => memchr::memchr3(b',', b'"', b'\r', rest).unwrap_or(rest.len()),
                _ => 0,
            };
        }
        if scan.state == State::Quoted {
            scan.fail("a quote is open at the end of the line: a row is one line, also in quotes");
        }
        scan.end_cell(row.len());
        scan
    }

    fn step(&mut self, at: usize, byte: u8) {
        if matches!(self.state, State::Cr | State::CrAfterQuote) {
            self.state = self.fail("a carriage return outside quotes that ends no line");
        }
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => {
                self.close_at = at;
                State::AfterQuote
            }
            (State::Quoted, _) => State::Quoted,
            (State::AfterQuote, b'"') => {
                self.escaped = true;
                State::Quoted
            }
            (State::Start, b'"') => State::Quoted,
            (_, b',') => {
                self.end_cell(at);
                self.cell_start = at + 1;
                State::Start
            }
            (State::AfterQuote, b'\r') => State::CrAfterQuote,
            (_, b'\r') => State::Cr,
            (State::AfterQuote, _) => self.fail("text after a closing quote"),
            (State::Plain, b'"') => self.fail("a quote within a cell that is not in quotes"),
            _ => State::Plain,
        };
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
