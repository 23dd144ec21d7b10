//! The cells of an Arrow column as JSON.
//!
//! ```text
//! text                       a string          null                        absent
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
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use fuma_schemas::instant::{DAY_MS, HOUR_MS, Instant, local_midnight};

use super::table::write_text;

/// The last instant of which the local day has a year of four digits.
const DAYS_MAX: i64 = 2_932_896;

/// A column of a batch, ready to be written cell by cell.
pub(super) struct Column {
    cells: Cells,
    array: ArrayRef,
}

enum Cells {
    Text(BinaryArray),
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

/// Whether a column of this type is text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

impl Column {
    /// A column as it was read, and the type that the file gives it.
    pub(super) fn new(array: &ArrayRef, data_type: &DataType) -> Column {
        let value_type = match data_type {
            DataType::Dictionary(_, value) => value.as_ref(),
            other => other,
        };
        let cells = Cells::new(array, value_type).unwrap_or_else(|| Cells::Other(name_of(value_type)));
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
            Cells::Integers(values) => write_shown(out, values.value(row)),
            Cells::Unsigned(values) => write_shown(out, values.value(row)),
            Cells::Decimals(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Cells::Floats(values) => write_float(out, values.value(row)),
            Cells::Booleans(values) => write_shown(out, values.value(row)),
            Cells::Instants { values, unit, zone } => write_instant(out, values.value(row), *unit, *zone),
            Cells::Dates(values) => write_date(out, values.value(row)),
            Cells::Other(name) => {
                out.push(b'[');
                write_text(out, name);
                out.push(b']');
            }
        }
        true
    }
}

impl Cells {
    fn new(array: &ArrayRef, data_type: &DataType) -> Option<Cells> {
        use DataType as T;
        Some(match data_type {
            text if is_text(text) => Cells::Text(array.as_binary_opt::<i32>()?.clone()),
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
fn name_of(data_type: &DataType) -> String {
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
        out.push(b'[');
        write_text(out, &text);
        out.push(b']');
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
