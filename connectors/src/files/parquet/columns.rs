//! The cells of an Arrow column as JSON.
//!
//! ```text
//! text                       a string          null                        absent
//! bytes without a mark       a string where they are UTF-8, else as everything else
//! integers, decimals         a number          booleans                    true, false
//! floats                     a number with a dot or an exponent: no integer literal, so bad-type where one belongs
//! timestamp with a zone      an instant as text, milliseconds kept; beyond the calendar a text that is no instant
//! timestamp without a zone   a text without an offset: no instant          dates    YYYY-MM-DD
//! everything else            an array with the name of the type: bad-type where the field is known
//! ```
//!
//! Owns this table. Must never drop a cell that is not null.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array,
    StringArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use fuma_schemas::instant::{DAY_MS, HOUR_MS, Instant, local_midnight};

use super::super::table::write_text;

/// The last instant of which the local day has a year of four digits.
const DAYS_MAX: i64 = 2_932_896;

/// A column of a batch, ready to be written cell by cell.
pub(super) struct Column {
    cells: Cells,
    array: ArrayRef,
}

/// How a column is shown.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shown {
    /// As text; one that is no UTF-8 makes the row unreadable.
    Text,
    /// As text where it is UTF-8.
    Bytes,
    /// By its type.
    Type(DataType),
    /// As an array with this name.
    Name(String),
}

enum Cells {
    Text(BinaryViewArray),
    Bytes(BinaryViewArray),
    FixedBytes(FixedSizeBinaryArray),
    Integers(Int64Array),
    Unsigned(UInt64Array),
    /// Decimals, by their text.
    Decimals(StringArray),
    Floats(Float64Array),
    Booleans(BooleanArray),
    Instants {
        values: Int64Array,
        unit: TimeUnit,
        zone: bool,
    },
    /// Days since 1970-01-01.
    Dates(Int64Array),
    Other(String),
}

impl Column {
    /// A column as it was read.
    pub(super) fn new(array: &ArrayRef, shown: &Shown) -> Column {
        let cells = match shown {
            Shown::Text => array.as_binary_view_opt().cloned().map(Cells::Text),
            Shown::Bytes => {
                let fixed = || array.as_fixed_size_binary_opt().cloned().map(Cells::FixedBytes);
                array.as_binary_view_opt().cloned().map(Cells::Bytes).or_else(fixed)
            }
            Shown::Type(data_type) => Cells::new(array, data_type),
            Shown::Name(name) => Some(Cells::Other(name.clone())),
        };
        let cells = cells.unwrap_or_else(|| Cells::Other(name_of(array.data_type())));
        Column { cells, array: array.clone() }
    }

    /// Null is absent.
    pub(super) fn is_absent(&self, row: usize) -> bool {
        self.array.data_type() == &DataType::Null || self.array.is_null(row)
    }

    /// Appends a cell as JSON; false if it is text but no UTF-8, and then its readable part is written.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        match &self.cells {
            Cells::Text(values) => return write_bytes(out, values.value(row)),
            Cells::Bytes(values) => write_unmarked(out, values.value(row)),
            Cells::FixedBytes(values) => write_unmarked(out, values.value(row)),
            Cells::Integers(values) => write_shown(out, values.value(row)),
            Cells::Unsigned(values) => write_shown(out, values.value(row)),
            Cells::Decimals(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Cells::Floats(values) => write_float(out, values.value(row)),
            Cells::Booleans(values) => write_shown(out, values.value(row)),
            Cells::Instants { values, unit, zone } => write_instant(out, values.value(row), *unit, *zone),
            Cells::Dates(values) => write_date(out, values.value(row)),
            Cells::Other(name) => write_name(out, name),
        }
        true
    }
}

impl Cells {
    fn new(array: &ArrayRef, data_type: &DataType) -> Option<Cells> {
        use DataType as T;
        Some(match data_type {
            T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => {
                Cells::Integers(integers(array)?)
            }
            T::UInt64 => Cells::Unsigned(array.as_primitive_opt()?.clone()),
            T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => {
                Cells::Decimals(cast(array, &T::Utf8).ok()?.as_string_opt::<i32>()?.clone())
            }
            T::Float16 | T::Float32 | T::Float64 => {
                Cells::Floats(cast(array, &T::Float64).ok()?.as_primitive_opt()?.clone())
            }
            T::Boolean => Cells::Booleans(array.as_boolean_opt()?.clone()),
            T::Timestamp(unit, zone) => Cells::Instants { values: integers(array)?, unit: *unit, zone: zone.is_some() },
            T::Date32 => Cells::Dates(integers(&cast(array, &T::Int32).ok()?)?),
            T::Date64 => {
                let millis = integers(array)?;
                Cells::Dates(millis.unary(|value| value.div_euclid(DAY_MS)))
            }
            _ => return None,
        })
    }
}

fn integers(array: &ArrayRef) -> Option<Int64Array> {
    Some(cast(array, &DataType::Int64).ok()?.as_primitive_opt()?.clone())
}

/// The kind of a type, without what is within it.
pub(super) fn name_of(data_type: &DataType) -> String {
    let name = format!("{data_type:?}");
    name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase()
}

fn write_shown(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to a Vec cannot fail.
    let written = write!(out, "{value}");
    debug_assert!(written.is_ok());
}

/// Shown with a dot or an exponent. What JSON has no number for is an array, for a string may be good where text
/// belongs.
fn write_float(out: &mut Vec<u8>, value: f64) {
    let text = format!("{value:?}");
    if value.is_finite() {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_name(out, &text);
    }
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    out.push(b'[');
    write_text(out, name);
    out.push(b']');
}

fn write_unmarked(out: &mut Vec<u8>, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => write_text(out, text),
        Err(_) => write_name(out, "binary"),
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    match str::from_utf8(bytes) {
        Ok(text) => write_text(out, text),
        Err(_) => write_text(out, &String::from_utf8_lossy(bytes)),
    }
    str::from_utf8(bytes).is_ok()
}

/// Digits past milliseconds are cut, as they are in texts.
fn write_instant(out: &mut Vec<u8>, value: i64, unit: TimeUnit, zone: bool) {
    let millis = match unit {
        TimeUnit::Second => value.checked_mul(1000),
        TimeUnit::Millisecond => Some(value),
        TimeUnit::Microsecond => Some(value.div_euclid(1000)),
        TimeUnit::Nanosecond => Some(value.div_euclid(1_000_000)),
    };
    let instant = millis.map(Instant).filter(|instant| instant.in_calendar());
    match instant {
        Some(instant) if zone => write_text(out, &instant.to_string()),
        Some(instant) => {
            // Its local text with the offset taken away: of an instant 8 hours earlier.
            let shown = Instant(instant.0 - 8 * HOUR_MS).to_string();
            write_text(out, shown.strip_suffix("+08:00").unwrap_or(&shown));
        }
        None => write_text(out, &format!("{value} {unit:?}s since 1970-01-01")),
    }
}

fn write_date(out: &mut Vec<u8>, days: i64) {
    let in_calendar = (0..=DAYS_MAX).contains(&days);
    match i32::try_from(days) {
        Ok(days) if in_calendar => {
            let (year, month, day) = local_midnight(days).local_date();
            write_text(out, &format!("{year:04}-{month:02}-{day:02}"));
        }
        _ => write_text(out, &format!("{days} days since 1970-01-01")),
    }
}
