//! Parquet: the columns are named as the fields, null is absent.
//!
//! Text columns are read as bytes and each cell is looked at here, so that one cell that is no UTF-8 costs one row
//! and not the file. Owns the reading and its containment: whatever the Parquet library makes of hostile bytes, its
//! panics included, is a damaged file. Must never hold more than one batch of rows.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use ::parquet::basic::{LogicalType, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::ChunkReader;
use ::parquet::schema::types::{SchemaDescriptor, Type};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::columns::{Column, is_text};
use super::table::TableWriter;
use super::{Block, Fault};

/// Rows decoded at once.
const BATCH_ROWS: usize = 4096;

/// Reads a table to its end.
pub(super) fn read<T: ChunkReader + 'static>(
    source: T,
    block_bytes: usize,
    each: &mut dyn FnMut(Block),
) -> Result<(), Fault> {
    let (metadata, schema) = contained(|| metadata(&source))?;
    let rows_declared = metadata.metadata().file_metadata().num_rows();
    let names: Vec<Cow<'_, str>> = schema.fields().iter().map(|field| Cow::Borrowed(field.name().as_str())).collect();
    let mut table = TableWriter::new(&names, block_bytes, each)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata);
    let mut batches = contained(|| builder.with_batch_size(BATCH_ROWS).build())?;
    while let Some(batch) = contained(|| batches.next().transpose().map_err(ParquetError::from))? {
        write_batch(&batch, &schema, &mut table);
    }
    let rows = table.finish();
    if i64::try_from(rows) != Ok(rows_declared) {
        return Err(Fault::Damaged(format!("it has {rows} rows and says {rows_declared}")));
    }
    Ok(())
}

fn write_batch(batch: &RecordBatch, schema: &Schema, table: &mut TableWriter<'_>) {
    let columns: Vec<Column> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| Column::new(array, field.data_type()))
        .collect();
    for row in 0..batch.num_rows() {
        let mut good = true;
        for (at, column) in columns.iter().enumerate().filter(|(_, column)| !column.is_absent(row)) {
            good &= column.write(row, table.cell(at));
        }
        if good {
            table.end_row();
        } else {
            let raw = table.row().to_vec();
            table.bad_row(&raw, "a text of the row is no UTF-8");
        }
    }
}

/// The metadata to read by, in which text is bytes, and the schema as the file has it.
fn metadata<T: ChunkReader>(source: &T) -> Result<(ArrowReaderMetadata, SchemaRef), ParquetError> {
    let as_written = ArrowReaderMetadata::load(source, ArrowReaderOptions::new())?;
    let schema = as_written.schema().clone();
    let options = ArrowReaderOptions::new().with_parquet_schema(text_as_bytes(as_written.parquet_schema())?);
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(type_to_read(field.data_type())))
        .collect();
    let read_as = Arc::new(Schema::new(fields));
    let metadata = ArrowReaderMetadata::load(source, options.with_schema(read_as))?;
    Ok((metadata, schema))
}

/// Text as bytes, dictionaries unpacked.
fn type_to_read(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => type_to_read(value),
        text if is_text(text) => DataType::Binary,
        other => other.clone(),
    }
}

/// The schema of the file without the mark of UTF-8 at its columns (not at those within columns), so that the library
/// does not check it.
fn text_as_bytes(schema: &SchemaDescriptor) -> Result<Arc<SchemaDescriptor>, ParquetError> {
    let root = schema.root_schema();
    let fields = root.get_fields().iter().map(|field| {
        let info = field.get_basic_info();
        let text = field.is_primitive()
            && field.get_physical_type() == PhysicalType::BYTE_ARRAY
            && (info.logical_type_ref() == Some(&LogicalType::String)
                || info.converted_type() == ::parquet::basic::ConvertedType::UTF8);
        if !text {
            return Ok(field.clone());
        }
        let id = info.has_id().then(|| info.id());
        let bytes =
            Type::primitive_type_builder(field.name(), PhysicalType::BYTE_ARRAY).with_repetition(info.repetition());
        bytes.with_id(id).build().map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, ParquetError>>()?;
    let root = Type::group_type_builder(root.name()).with_fields(fields).build()?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(root))))
}

/// Errors and panics of the library are damage.
fn contained<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Fault::Damaged(error.to_string())),
        Err(_) => Err(Fault::Damaged("it is no sound Parquet".to_owned())),
    }
}
