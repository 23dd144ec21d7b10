//! Parquet: each column of a batch is looked at once, each cell by its place.
//!
//! Owns how the types of a column become cells: a timestamp without a zone is a wall clock, one with a zone an instant;
//! digits past milliseconds are cut. Must never show what is in a column that is a list or a structure.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use fuma_schemas::instant::DAY_MS;
use parquet::file::reader::ChunkReader;

use super::archive::table;
use super::content::Content;
use super::{About, Cell, Next, Row, RowFault, Sink, TableError};
use crate::files::batches;

/// Reads the rows.
pub(super) fn read<T: ChunkReader + 'static>(
    source: T,
    entry: Option<&str>,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let mut source = batches(source)?;
    let (names, rows) = (source.names().to_vec(), source.rows());
    let about = About {
        entry,
        sheet: None,
        content: Content::Parquet,
        encoding: None,
        delimiter: None,
        names: Some(&names),
        other_sheets: &[],
        is_1904: false,
    };
    table(&about, sink, |sink| {
        let mut number = 1;
        while let Some(batch) = source.next_batch()? {
            if write(&batch, &mut number, sink)? == Next::Stop {
                break;
            }
            sink.progress(number, Some(rows));
        }
        Ok(())
    })
}

fn write(batch: &RecordBatch, number: &mut u64, sink: &mut dyn Sink) -> Result<Next, TableError> {
    let columns: Vec<Column> = batch.columns().iter().map(Column::new).collect();
    let mut cells = Vec::with_capacity(columns.len());
    for row in 0..batch.num_rows() {
        cells.clear();
        let mut fault = None;
        for column in &columns {
            cells.push(match column.cell(row) {
                Ok(cell) => cell,
                Err(why) => {
                    fault = Some(why);
                    Cell::Unusable
                }
            });
        }
        if sink.row(&Row { number: *number, cells: &cells, fault })? == Next::Stop {
            return Ok(Next::Stop);
        }
        *number += 1;
    }
    Ok(Next::Go)
}

/// A column, as what its cells become.
enum Column {
    Text(BinaryViewArray),
    /// Decimals, by their text.
    Decimals(StringArray),
    Integers(Int64Array),
    Floats(Float64Array),
    Booleans(BooleanArray),
    Clocks {
        values: Int64Array,
        unit: TimeUnit,
        is_instant: bool,
    },
    /// So many in a day, since midnight.
    Times {
        values: Int64Array,
        in_day: f64,
    },
    Dates(Int64Array),
    Absent,
    Other(ArrayRef),
}

impl Column {
    fn new(array: &ArrayRef) -> Column {
        Column::of(array).unwrap_or_else(|| Column::Other(array.clone()))
    }

    fn of(array: &ArrayRef) -> Option<Column> {
        use DataType as T;
        let integers = |array: &ArrayRef| Some(cast(array, &T::Int64).ok()?.as_primitive_opt()?.clone());
        Some(match array.data_type() {
            T::Null => Column::Absent,
            T::BinaryView => Column::Text(array.as_binary_view_opt()?.clone()),
            T::FixedSizeBinary(_) => Column::Text(cast(array, &T::BinaryView).ok()?.as_binary_view_opt()?.clone()),
            T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => {
                Column::Integers(integers(array)?)
            }
            T::UInt64 | T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => {
                Column::Decimals(cast(array, &T::Utf8).ok()?.as_string_opt::<i32>()?.clone())
            }
            T::Float16 | T::Float32 | T::Float64 => {
                Column::Floats(cast(array, &T::Float64).ok()?.as_primitive_opt()?.clone())
            }
            T::Boolean => Column::Booleans(array.as_boolean_opt()?.clone()),
            T::Timestamp(unit, zone) => {
                Column::Clocks { values: integers(array)?, unit: *unit, is_instant: zone.is_some() }
            }
            T::Time32(unit) | T::Time64(unit) => Column::Times { values: integers(array)?, in_day: in_day(*unit) },
            T::Date32 => Column::Dates(integers(&cast(array, &T::Int32).ok()?)?),
            T::Date64 => Column::Dates(integers(array)?.unary(|value| value.div_euclid(DAY_MS))),
            _ => return None,
        })
    }

    fn cell(&self, row: usize) -> Result<Cell<'_>, RowFault> {
        Ok(match self {
            Column::Text(values) if !values.is_null(row) => match str::from_utf8(values.value(row)) {
                Ok(text) => Cell::Text(text),
                Err(_) => return Err(RowFault::Encoding),
            },
            Column::Decimals(values) if !values.is_null(row) => Cell::Text(values.value(row)),
            Column::Integers(values) if !values.is_null(row) => Cell::Integer(values.value(row)),
            Column::Floats(values) if !values.is_null(row) => Cell::Number(values.value(row)),
            Column::Booleans(values) if !values.is_null(row) => Cell::Boolean(values.value(row)),
            Column::Clocks { values, unit, is_instant } if !values.is_null(row) => {
                match (millis(values.value(row), *unit), is_instant) {
                    (Some(millis), true) => Cell::Instant(millis),
                    (Some(millis), false) => Cell::Wall(millis),
                    (None, _) => Cell::Unusable,
                }
            }
            Column::Times { values, in_day } if !values.is_null(row) => Cell::Serial(values.value(row) as f64 / in_day),
            Column::Dates(values) if !values.is_null(row) => Cell::Date(values.value(row)),
            Column::Other(array) if !array.is_null(row) => Cell::Unusable,
            _ => Cell::Empty,
        })
    }
}

fn in_day(unit: TimeUnit) -> f64 {
    let in_second = match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    86_400.0 * in_second
}

fn millis(value: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => value.checked_mul(1000),
        TimeUnit::Millisecond => Some(value),
        TimeUnit::Microsecond => Some(value.div_euclid(1000)),
        TimeUnit::Nanosecond => Some(value.div_euclid(1_000_000)),
    }
}
