//! Workbooks: .xlsx cell by cell, .xls as a whole, through calamine.
//!
//! A value in a merged cell belongs to every cell of the merge: the workbook itself says so. Owns which sheet is read,
//! the merges, the two calendars of serial numbers, and the containment: whatever the library makes of hostile bytes,
//! its panics included, is a damaged file. Must never hold more than the texts of the book, a row, and the values of
//! the merges at hand (.xls: its sheet, which has 65,536 rows at most).

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, DataRef, Dimensions, ExcelDateTime, Reader, SheetType, Xls, Xlsx};
use zip::ZipArchive;

use super::archive::table;
use super::content::Content;
use super::merges::Merges;
use super::{About, CELLS_MAX, Cell, Next, Options, Row, Sink, TableError};

/// The texts of a workbook are in memory.
const TEXTS_BYTES_MAX: u64 = 512 << 20;
/// All that a workbook unpacks to.
const UNPACKED_BYTES_MAX: u64 = 8 << 30;
/// An .xls is read as a whole.
const XLS_BYTES_MAX: u64 = 256 << 20;
/// Days from 1899-12-30 to 1904-01-01.
const DAYS_1904: f64 = 1462.0;

/// A cell, before the merges.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Empty,
    Text(Cow<'a, str>),
    Number(f64),
    Serial(f64),
    Boolean(bool),
    Unusable,
}

impl Value<'_> {
    pub(super) fn cell(&self) -> Cell<'_> {
        match self {
            Value::Empty => Cell::Empty,
            Value::Text(text) => Cell::Text(text),
            Value::Number(value) => Cell::Number(*value),
            Value::Serial(value) => Cell::Serial(*value),
            Value::Boolean(value) => Cell::Boolean(*value),
            Value::Unusable => Cell::Unusable,
        }
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Value::Empty => Value::Empty,
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Number(value) => Value::Number(value),
            Value::Serial(value) => Value::Serial(value),
            Value::Boolean(value) => Value::Boolean(value),
            Value::Unusable => Value::Unusable,
        }
    }
}

impl<'a> From<DataRef<'a>> for Value<'a> {
    fn from(data: DataRef<'a>) -> Value<'a> {
        match data {
            DataRef::Empty => Value::Empty,
            DataRef::SharedString(text) => Value::Text(Cow::Borrowed(text)),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                Value::Text(Cow::Owned(text))
            }
            DataRef::Int(value) => Value::Number(value as f64),
            DataRef::Float(value) => Value::Number(value),
            DataRef::Bool(value) => Value::Boolean(value),
            DataRef::DateTime(value) => Value::Serial(serial(value)),
            DataRef::Error(_) => Value::Unusable,
        }
    }
}

impl<'a> From<&'a Data> for Value<'a> {
    fn from(data: &'a Data) -> Value<'a> {
        match data {
            Data::Empty => Value::Empty,
            Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Value::Text(Cow::Borrowed(text)),
            Data::Int(value) => Value::Number(*value as f64),
            Data::Float(value) => Value::Number(*value),
            Data::Bool(value) => Value::Boolean(*value),
            Data::DateTime(value) => Value::Serial(serial(*value)),
            Data::Error(_) => Value::Unusable,
        }
    }
}

/// Days since 1899-12-30, whichever calendar the workbook has; a time of day stays one.
fn serial(value: ExcelDateTime) -> f64 {
    let days = value.as_f64();
    if is_1904(value) && days >= 1.0 { days + DAYS_1904 } else { days }
}

fn is_1904(value: ExcelDateTime) -> bool {
    use calamine::ExcelDateTimeType::{DateTime, TimeDelta};
    let kind = if value.is_duration() { TimeDelta } else { DateTime };
    value == ExcelDateTime::new(value.as_f64(), kind, true)
}

/// Reads the sheet that is asked for of an .xlsx.
pub(super) fn read_xlsx<R: Read + Seek>(
    mut source: R,
    entry: Option<&str>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let is_1904 = check_bounds(&mut source)?;
    source.seek(SeekFrom::Start(0))?;
    let mut book: Xlsx<R> = contained(|| Xlsx::new(source))?;
    let names = worksheets(book.sheets_metadata());
    let mut filled = Vec::new();
    for name in names {
        let has_cells = contained(|| book.worksheet_cells_reader(&name)?.next_cell())?.is_some();
        filled.extend(has_cells.then_some(name));
    }
    let (sheet, other_sheets) = choose(filled, options)?;
    let merged = contained(|| book.worksheet_merge_cells(&sheet).transpose())?.unwrap_or_default();
    let mut merges = Merges::new(merged)?;
    let about = about(entry, &sheet, Content::Xlsx, &other_sheets, is_1904);
    table(&about, sink, |sink| {
        let mut reader = contained(|| book.worksheet_cells_reader(&sheet))?;
        let (mut row, mut values): (u32, Vec<Value<'_>>) = (0, Vec::new());
        loop {
            let cell = contained(|| reader.next_cell())?;
            let position = cell.as_ref().map(calamine::Cell::get_position);
            if position.is_none_or(|(at, _)| at != row) && !values.is_empty() {
                if emit(row, &mut values, &mut merges, sink)? == Next::Stop {
                    return Ok(());
                }
                values.clear();
            }
            let (Some(cell), Some((at, column))) = (cell, position) else { return Ok(()) };
            if at < row {
                return Err(TableError::Damaged("its rows are not in their order".to_owned()));
            }
            row = at;
            put(&mut values, column, cell.get_value().clone().into())?;
        }
    })
}

/// Reads the sheet that is asked for of an .xls.
pub(super) fn read_xls<R: Read + Seek>(
    mut source: R,
    entry: Option<&str>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let bytes = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    if bytes > XLS_BYTES_MAX {
        return Err(TableError::Beyond("an .xls of more than 256 MiB: save it as .xlsx or CSV".to_owned()));
    }
    let mut book: Xls<R> = contained(|| Xls::new(source)).map_err(|error| match error {
        TableError::Damaged(why) => TableError::NotATable(format!(
            "an old Office file that is no workbook, is protected by a password, or is damaged ({why})"
        )),
        other => other,
    })?;
    let mut filled = Vec::new();
    for name in worksheets(book.sheets_metadata()) {
        let has_cells = !contained(|| book.worksheet_range(&name))?.is_empty();
        filled.extend(has_cells.then_some(name));
    }
    let (sheet, other_sheets) = choose(filled, options)?;
    let range = contained(|| book.worksheet_range(&sheet))?;
    let mut merges = Merges::new(book.worksheet_merge_cells(&sheet).unwrap_or_default())?;
    let in_1904 = range.used_cells().any(|(_, _, data)| matches!(data, Data::DateTime(value) if is_1904(*value)));
    let about = about(entry, &sheet, Content::Xls, &other_sheets, in_1904);
    table(&about, sink, |sink| {
        let (first, left) = range.start().unwrap_or_default();
        let mut values = Vec::new();
        for (row, cells) in (first..).zip(range.rows()) {
            values.clear();
            for (column, data) in (left..).zip(cells) {
                put(&mut values, column, data.into())?;
            }
            if emit(row, &mut values, &mut merges, sink)? == Next::Stop {
                break;
            }
        }
        Ok(())
    })
}

fn about<'a>(
    entry: Option<&'a str>,
    sheet: &'a str,
    content: Content,
    other_sheets: &'a [String],
    is_1904: bool,
) -> About<'a> {
    let sheet = Some(sheet);
    About { entry, sheet, content, encoding: None, delimiter: None, names: None, other_sheets, is_1904 }
}

fn worksheets(sheets: &[calamine::Sheet]) -> Vec<String> {
    sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).map(|sheet| sheet.name.clone()).collect()
}

/// The sheet that is read, and the others that have cells.
fn choose(mut filled: Vec<String>, options: &Options) -> Result<(String, Vec<String>), TableError> {
    let there = filled.join(", ");
    let at = match &options.sheet {
        Some(wanted) => filled.iter().position(|name| name.trim() == wanted.trim()).ok_or_else(|| {
            TableError::NotATable(format!("the workbook has no sheet {wanted} with cells; there are: {there}"))
        })?,
        None if filled.is_empty() => {
            return Err(TableError::NotATable("it is an empty workbook: no sheet has a cell".to_owned()));
        }
        None if filled.len() > 1 && !options.any_sheet => {
            return Err(TableError::NotATable(format!(
                "several sheets have cells: {there}. Write into the map which one is meant: [table] sheet = \"...\""
            )));
        }
        None => 0,
    };
    let sheet = filled.remove(at);
    Ok((sheet, filled))
}

fn put<'a>(values: &mut Vec<Value<'a>>, column: u32, value: Value<'a>) -> Result<(), TableError> {
    let column = column as usize;
    if column >= CELLS_MAX {
        return Err(TableError::Damaged("a row has more than 16,384 cells".to_owned()));
    }
    if values.len() <= column {
        values.resize(column + 1, Value::Empty);
    }
    if let Some(place) = values.get_mut(column) {
        *place = value;
    }
    Ok(())
}

fn emit(row: u32, values: &mut Vec<Value<'_>>, merges: &mut Merges, sink: &mut dyn Sink) -> Result<Next, TableError> {
    merges.fill(row, values);
    let cells: Vec<Cell<'_>> = values.iter().map(Value::cell).collect();
    let next = sink.row(&Row { number: u64::from(row) + 1, cells: &cells, fault: None })?;
    Ok(next)
}

/// That it does not unpack to more than there is room for; says which calendar it has.
fn check_bounds<R: Read + Seek>(source: &mut R) -> Result<bool, TableError> {
    let mut archive = ZipArchive::new(source).map_err(TableError::damaged)?;
    let (mut unpacked, mut is_1904) = (0_u64, false);
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(TableError::damaged)?;
        unpacked = unpacked.saturating_add(entry.size());
        let name = entry.name().to_owned();
        if unpacked > UNPACKED_BYTES_MAX {
            return Err(TableError::Beyond("the workbook unpacks to more than 8 GiB: save it as CSV".to_owned()));
        }
        if name == "xl/workbook.xml" {
            let mut text = String::new();
            (&mut entry).take(1 << 20).read_to_string(&mut text)?;
            is_1904 = text.contains("date1904=\"1\"") || text.contains("date1904=\"true\"");
        }
        // What is read into memory is counted as it unpacks: what an entry says of its size may be wrong.
        if name.ends_with(".xml") && !name.starts_with("xl/worksheets/") {
            let bytes = std::io::copy(&mut (&mut entry).take(TEXTS_BYTES_MAX + 1), &mut std::io::sink())?;
            if bytes > TEXTS_BYTES_MAX {
                return Err(TableError::Beyond(
                    "the texts of the workbook take more than 512 MiB: save it as CSV".into(),
                ));
            }
        }
    }
    Ok(is_1904)
}

/// Errors and panics of the library are damage.
fn contained<T, E: std::fmt::Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, TableError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(TableError::damaged),
        Err(_) => Err(TableError::Damaged("it is no sound workbook".to_owned())),
    }
}

/// A merge as rows and columns: from, to.
pub(super) type Corner = Dimensions;
