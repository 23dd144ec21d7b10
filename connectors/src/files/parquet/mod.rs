//! Parquet: the columns are named as the fields, null is absent.
//!
//! ```text
//! thrift, bounds   what the file declares, before memory is made for it
//! delta            the same of texts by their differences
//! layout           what each column is read as        columns   its cells as JSON
//! ```
//!
//! Text columns are read as bytes and each cell is looked at here, so that one cell that is no UTF-8 costs one row
//! and not the file. Owns the reading and its containment: whatever the Parquet library makes of hostile bytes, its
//! panics included, is a damaged file. Must never hold more than one batch of rows and the pages that they lie in.

mod bounds;
mod columns;
mod delta;
mod layout;
mod thrift;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow::array::RecordBatch;
use bytes::Bytes;

use self::columns::{Column, Shown};
use self::layout::Layout;
use super::table::TableWriter;
use super::{Block, Fault};
use crate::tables::TableError;

/// Reads a table to its end.
pub(super) fn read<T: ChunkReader + 'static>(
    source: T,
    block_bytes: usize,
    each: &mut dyn FnMut(Block),
) -> Result<(), Fault> {
    let mut batches = open(source)?;
    let names: Vec<Cow<'_, str>> = batches.names.iter().map(|name| Cow::Owned(name.clone())).collect();
    let mut table = TableWriter::new(&names, block_bytes, each)?;
    while let Some(batch) = batches.next()? {
        write_batch(&batch, &batches.shown, &mut table);
    }
    table.finish();
    Ok(())
}

/// The rows of a file, batch by batch; each text column as bytes.
pub(crate) struct Batches {
    names: Vec<String>,
    shown: Vec<Shown>,
    reader: ParquetRecordBatchReader,
    rows_declared: i64,
    rows: i64,
}

/// Opens a file of tables for its rows.
pub(crate) fn batches<T: ChunkReader + 'static>(source: T) -> Result<Batches, TableError> {
    open(source).map_err(TableError::from)
}

impl Batches {
    /// The names of the columns.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// How many rows the file says that it has.
    pub(crate) fn rows(&self) -> u64 {
        self.rows_declared.try_into().unwrap_or(0)
    }

    /// The next rows.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        self.next().map_err(TableError::from)
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let batch = contained(|| self.reader.next().transpose().map_err(ParquetError::from))?;
        self.rows += batch.as_ref().map_or(0, |batch| i64::try_from(batch.num_rows()).unwrap_or(i64::MAX));
        if batch.is_none() && self.rows != self.rows_declared {
            let (rows, declared) = (self.rows, self.rows_declared);
            return Err(Fault::Damaged(format!("it has {rows} rows and says {declared}")));
        }
        Ok(batch)
    }
}

impl From<Fault> for TableError {
    fn from(fault: Fault) -> TableError {
        match fault {
            Fault::Io(error) => error.into(),
            Fault::Damaged(why) => TableError::Damaged(why),
            Fault::Beyond(what) => TableError::Beyond(what),
        }
    }
}

/// Checks what a file declares, and opens it.
fn open<T: ChunkReader + 'static>(source: T) -> Result<Batches, Fault> {
    let source = Arc::new(source);
    let (layout, shared_bytes) = contained(|| {
        bounds::check_footer(source.as_ref())?;
        let layout = Layout::of(source.as_ref())?;
        let shared_bytes = bounds::check_pages(&source, layout.metadata.metadata())?;
        Ok((layout, shared_bytes))
    })?;
    let Layout { metadata, names, shown } = layout;
    let file = metadata.metadata().file_metadata();
    let rows_declared = file.num_rows();
    let batch_rows = bounds::batch_rows(file.schema_descr().num_columns(), shared_bytes);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(Shared(source), metadata);
    let reader = contained(|| builder.with_batch_size(batch_rows).build())?;
    Ok(Batches { names, shown, reader, rows_declared, rows: 0 })
}

/// A source that the checks and the reading share.
struct Shared<T>(Arc<T>);

impl<T: Length> Length for Shared<T> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<T: ChunkReader> ChunkReader for Shared<T> {
    type T = T::T;

    fn get_read(&self, start: u64) -> Result<T::T, ParquetError> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.0.get_bytes(start, length)
    }
}

fn write_batch(batch: &RecordBatch, shown: &[Shown], table: &mut TableWriter<'_>) {
    let columns: Vec<Column> =
        batch.columns().iter().zip(shown).map(|(array, shown)| Column::new(array, shown)).collect();
    for row in 0..batch.num_rows() {
        let mut good = true;
        for (at, column) in columns.iter().enumerate().filter(|(_, column)| !column.is_absent(row)) {
            good &= column.write(row, table.cell(at));
            table.end_cell();
        }
        match good {
            true => table.end_row_of_cells(),
            false => table.refuse_row_of_cells("a text of the row is no UTF-8"),
        }
    }
}

/// Errors and panics of the library are damage.
fn contained<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ParquetError::NYI(beyond))) => Err(Fault::Beyond(beyond)),
        Ok(Err(error)) => Err(Fault::Damaged(error.to_string())),
        Err(_) => Err(Fault::Damaged("it is no sound Parquet".to_owned())),
    }
}
