//! Lines with delimiters to cells: CSV and TSV as spreadsheets, databases and people write them.
//!
//! A cell in quotes may hold delimiters, doubled quotes and line breaks; a quote within a cell that does not begin with
//! one is a character. What cannot be read without a guess (text behind a closing quote, a quote that is never closed,
//! more than 1 MiB) costs its own line: the next line is read as if nothing were. Owns that grammar and the finding of
//! the delimiter. Must never fill a cell from another one.

use std::io::Read;

use super::encoding::Decoded;
use super::{CELLS_MAX, Cell, Next, ROW_BYTES_MAX, Row, RowFault, Sink, TableError};

/// What may divide cells.
pub const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// What stands in the place of bytes that the encoding does not have.
const REPLACED: &str = "\u{fffd}";
const TOO_LONG: &str = "longer than 1 MiB";

/// Where a cell lies in the text; whether quotes are doubled in it.
struct Part {
    from: usize,
    to: usize,
    is_doubled: bool,
}

/// What a row came to.
enum Found {
    /// It ends here, behind its line end; so many line ends are within.
    Row { end: usize, lines: u64 },
    /// It is no row; the line ends here.
    Bad { end: usize, why: &'static str },
    /// It is no row, and its line goes on behind what was read.
    Long,
    /// More must be read.
    More,
}

/// Reads rows to the end.
pub(super) fn read<R: Read>(source: &mut Decoded<R>, delimiter: u8, sink: &mut dyn Sink) -> Result<(), TableError> {
    let (mut text, mut at, mut number, mut is_at_end) = (Vec::new(), 0, 1_u64, false);
    let (mut parts, mut is_passing) = (Vec::new(), false);
    loop {
        if is_passing {
            let end = line_end(text.get(at..).unwrap_or_default());
            at = end.map_or(text.len(), |end| at + end);
            is_passing = end.is_none();
        }
        let rest: &[u8] = text.get(at..).unwrap_or_default();
        if rest.is_empty() && is_at_end {
            return Ok(());
        }
        let found = scan(rest, delimiter, is_at_end, &mut parts);
        let (end, lines, why) = match found {
            Found::Row { end, lines } => (end, lines, None),
            Found::Bad { end, why } => (end, 1, Some(why)),
            Found::Long => {
                is_passing = true;
                (rest.len(), 1, Some(TOO_LONG))
            }
            Found::More => {
                text.drain(..at);
                at = 0;
                is_at_end = !source.append_to(&mut text)?;
                sink.progress(source.position(), None);
                continue;
            }
        };
        let next = hand_over(rest.get(..end).unwrap_or_default(), &parts, number, why, sink)?;
        match next {
            Next::Stop => return Ok(()),
            Next::Again if lines > 1 => {
                at += line_end(rest).unwrap_or(end);
                number += 1;
            }
            Next::Go | Next::Again => {
                at += end;
                number += lines;
            }
        }
    }
}

fn hand_over(
    bytes: &[u8],
    parts: &[Part],
    number: u64,
    why: Option<&'static str>,
    sink: &mut dyn Sink,
) -> Result<Next, TableError> {
    let refused = |fault, sink: &mut dyn Sink| sink.row(&Row { number, cells: &[], fault: Some(fault) });
    let Ok(text) = str::from_utf8(bytes) else { return refused(RowFault::Encoding, sink) };
    if !text.is_ascii() && text.contains(REPLACED) {
        return refused(RowFault::Encoding, sink);
    }
    if let Some(why) = why {
        return refused(RowFault::Cells(why), sink);
    }
    if parts.len() > CELLS_MAX {
        return refused(RowFault::Cells("more than 16,384 cells"), sink);
    }
    let undoubled: Vec<Option<String>> = if parts.iter().any(|part| part.is_doubled) {
        let text_of = |part: &Part| text.get(part.from..part.to).unwrap_or_default().replace("\"\"", "\"");
        parts.iter().map(|part| part.is_doubled.then(|| text_of(part))).collect()
    } else {
        Vec::new()
    };
    let mut cells = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let plain = || text.get(part.from..part.to).unwrap_or_default();
        let cell = undoubled.get(place).and_then(Option::as_deref).unwrap_or_else(plain);
        cells.push(if cell.is_empty() { Cell::Empty } else { Cell::Text(cell) });
    }
    sink.row(&Row { number, cells: &cells, fault: None })
}

/// Behind the line end of the first line.
fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes).map(|at| at + 1)
}

/// Finds the row that begins here.
fn scan(bytes: &[u8], delimiter: u8, is_at_end: bool, parts: &mut Vec<Part>) -> Found {
    parts.clear();
    let line = match line_end(bytes) {
        Some(end) => end,
        None if is_at_end => bytes.len(),
        None if bytes.len() > ROW_BYTES_MAX => return Found::Long,
        None => return Found::More,
    };
    if line > ROW_BYTES_MAX {
        return Found::Bad { end: line, why: TOO_LONG };
    }
    let end = without_end(bytes, line);
    let content = bytes.get(..end).unwrap_or_default();
    if memchr::memchr(b'"', content).is_none() {
        let mut from = 0;
        for to in memchr::memchr_iter(delimiter, content) {
            parts.push(Part { from, to, is_doubled: false });
            from = to + 1;
        }
        parts.push(Part { from, to: end, is_doubled: false });
        return Found::Row { end: line, lines: 1 };
    }
    scan_quoted(bytes, delimiter, is_at_end, line, parts)
}

/// The same where there are quotes.
fn scan_quoted(bytes: &[u8], delimiter: u8, is_at_end: bool, line: usize, parts: &mut Vec<Part>) -> Found {
    let bad = |why| Found::Bad { end: line, why };
    let (mut at, mut lines) = (0, 1);
    loop {
        let is_quoted = bytes.get(at) == Some(&b'"');
        if !is_quoted {
            let rest = bytes.get(at..).unwrap_or_default();
            match memchr::memchr2(delimiter, b'\n', rest) {
                Some(length) if rest.get(length) == Some(&delimiter) => {
                    parts.push(Part { from: at, to: at + length, is_doubled: false });
                    at += length + 1;
                    continue;
                }
                Some(length) => {
                    let end = at + length + 1;
                    parts.push(Part { from: at, to: without_end(bytes, end).max(at), is_doubled: false });
                    return Found::Row { end, lines };
                }
                None if is_at_end => {
                    parts.push(Part { from: at, to: without_end(bytes, bytes.len()).max(at), is_doubled: false });
                    return Found::Row { end: bytes.len(), lines };
                }
                None if bytes.len() > ROW_BYTES_MAX => return bad(TOO_LONG),
                None => return Found::More,
            }
        }
        let from = at + 1;
        let (mut to, mut is_doubled) = (from, false);
        loop {
            let Some(length) = memchr::memchr(b'"', bytes.get(to..).unwrap_or_default()) else {
                let is_over = is_at_end || bytes.len() > ROW_BYTES_MAX;
                return if is_over { bad("a quote that is not closed") } else { Found::More };
            };
            to += length;
            if to > ROW_BYTES_MAX {
                return bad("a quote that is not closed within 1 MiB");
            }
            match bytes.get(to + 1) {
                Some(b'"') => {
                    is_doubled = true;
                    to += 2;
                }
                None if !is_at_end => return Found::More,
                _ => break,
            }
        }
        lines += memchr::memchr_iter(b'\n', bytes.get(from..to).unwrap_or_default()).count() as u64;
        parts.push(Part { from, to, is_doubled });
        at = to + 1;
        match bytes.get(at) {
            None => return Found::Row { end: at, lines },
            Some(b'\n') => return Found::Row { end: at + 1, lines },
            Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => return Found::Row { end: at + 2, lines },
            Some(b'\r') if bytes.len() == at + 1 && !is_at_end => return Found::More,
            Some(b'\r') if bytes.len() == at + 1 => return Found::Row { end: at + 1, lines },
            Some(byte) if *byte == delimiter => at += 1,
            Some(_) => return bad("text behind a closing quote"),
        }
    }
}

/// Where the content of a line ends.
fn without_end(bytes: &[u8], end: usize) -> usize {
    let line = bytes.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// The delimiter of which most of the first lines hold most, outside of quotes; a comma where none is there.
pub(super) fn delimiter_of(head: &str) -> u8 {
    let lines: Vec<&str> = head.lines().filter(|line| !line.trim().is_empty()).take(50).collect();
    let score = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| count_outside(line, delimiter)).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        // Lines that agree on a number of cells speak for a delimiter; more cells do too.
        let mode = (1..=most).map(|n| (counts.iter().filter(|count| **count == n).count(), n)).max().unwrap_or((0, 0));
        (mode.0 * mode.1, mode.1)
    };
    let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter));
    best.filter(|delimiter| score(*delimiter).0 > 0).unwrap_or(b',')
}

/// How often a delimiter stands in a line outside of quotes.
pub(super) fn count_outside(line: &str, delimiter: u8) -> usize {
    let mut is_quoted = false;
    line.bytes()
        .filter(|byte| {
            is_quoted ^= *byte == b'"';
            *byte == delimiter && !is_quoted
        })
        .count()
}
