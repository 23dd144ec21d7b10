//! How the columns of a Parquet file are read: what is text, what is shown by its type alone.
//!
//! ```text
//! BYTE_ARRAY marked as text (STRING, JSON, ENUM), old or new      bytes, each cell looked at: text
//! BYTE_ARRAY and fixed bytes without a mark                       bytes: text where they are UTF-8
//! INT96                                                           milliseconds: the year 9999 has no nanoseconds
//! dictionaries                                                    unpacked
//! marks that the library does not know                            read without the mark, shown by their name
//! ```
//!
//! Owns these readings. Must never let a column that nobody asks for make a file unreadable.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::arrow::parquet_to_arrow_schema;
use ::parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaDataReader;
use ::parquet::file::reader::ChunkReader;
use ::parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use arrow::datatypes::{DataType, Schema, TimeUnit};

use super::columns::{Shown, name_of};

/// How a file is read.
pub(super) struct Layout {
    pub(super) metadata: ArrowReaderMetadata,
    pub(super) names: Vec<String>,
    /// What each column is written as.
    pub(super) shown: Vec<Shown>,
}

impl Layout {
    pub(super) fn of<T: ChunkReader>(source: &T) -> Result<Layout, ParquetError> {
        let raw = ParquetMetaDataReader::new().parse_and_finish(source)?;
        let root = raw.file_metadata().schema_descr().root_schema();
        let originals = root.get_fields();
        let unknown: Vec<bool> = originals.iter().map(|field| !is_known(field)).collect();
        let readable = originals.iter().zip(&unknown).map(|(field, unknown)| without_marks(field, *unknown));
        let readable = schema_of(root.name(), readable.collect::<Result<Vec<_>, _>>()?)?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_parquet_schema(readable);
        let bare = ArrowReaderMetadata::load(source, options)?;
        // The writer's own schema is a hint: one that does not fit is not followed.
        let hinted = ArrowReaderMetadata::try_new(Arc::clone(bare.metadata()), ArrowReaderOptions::new());
        let hinted = hinted.as_ref().unwrap_or(&bare);
        let (mut read_as, mut shown) = (Vec::new(), Vec::new());
        let fields = bare.schema().fields().iter().zip(hinted.schema().fields());
        for (((bare, hinted), original), unknown) in fields.zip(originals).zip(unknown) {
            let (read, show) = reading(bare.data_type(), hinted.data_type(), original);
            read_as.push(hinted.as_ref().clone().with_data_type(read));
            shown.push(if unknown { Shown::Name("unknown".to_owned()) } else { show });
        }
        let names = originals.iter().map(|field| field.name().to_owned()).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(read_as)));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(bare.metadata()), options)?;
        Ok(Layout { metadata, names, shown })
    }
}

/// What a column is read as, and how it is shown.
fn reading(bare: &DataType, hinted: &DataType, original: &Type) -> (DataType, Shown) {
    let value = value_of(hinted);
    if !original.is_primitive() {
        // Shown by its name alone: what is in it need not even be sound text.
        return (bare.clone(), Shown::Name(name_of(value)));
    }
    let is_bytes = original.get_physical_type() == PhysicalType::BYTE_ARRAY;
    match (original.get_physical_type(), value) {
        _ if is_bytes && (is_text(original) || is_text_type(value)) => (DataType::BinaryView, Shown::Text),
        _ if is_bytes && is_unmarked(original) => (DataType::BinaryView, Shown::Bytes),
        (PhysicalType::FIXED_LEN_BYTE_ARRAY, DataType::FixedSizeBinary(_)) if is_unmarked(original) => {
            (value.clone(), Shown::Bytes)
        }
        (PhysicalType::INT96, DataType::Timestamp(_, zone)) => {
            let millis = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
            (millis.clone(), Shown::Type(millis))
        }
        _ => (value.clone(), Shown::Type(value.clone())),
    }
}

fn value_of(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value_of(value),
        other => other,
    }
}

fn is_text_type(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether a column is marked as text, in the old or the new way.
fn is_text(column: &Type) -> bool {
    let info = column.get_basic_info();
    let old = matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON);
    let new = matches!(info.logical_type_ref(), Some(LogicalType::String | LogicalType::Enum | LogicalType::Json));
    column.is_primitive() && column.get_physical_type() == PhysicalType::BYTE_ARRAY && (old || new)
}

fn is_unmarked(column: &Type) -> bool {
    let info = column.get_basic_info();
    info.logical_type_ref().is_none() && info.converted_type() == ConvertedType::NONE
}

/// Whether the library knows what a column is: one that it does not know would make the whole file unreadable.
fn is_known(column: &TypePtr) -> bool {
    let alone = without_marks(column, false).and_then(|column| schema_of("schema", vec![column]));
    alone.and_then(|schema| parquet_to_arrow_schema(&schema, None)).is_ok()
}

fn schema_of(name: &str, columns: Vec<TypePtr>) -> Result<Arc<SchemaDescriptor>, ParquetError> {
    let root = Type::group_type_builder(name).with_fields(columns).build()?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(root))))
}

/// A column, and what is in it, without the mark of text, so that the library does not check it; or without any mark.
fn without_marks(column: &TypePtr, any: bool) -> Result<TypePtr, ParquetError> {
    let info = column.get_basic_info();
    let id = info.has_id().then(|| info.id());
    match column.as_ref() {
        Type::PrimitiveType { type_length, .. } if any || is_text(column) => {
            let builder = Type::primitive_type_builder(column.name(), column.get_physical_type());
            let builder = builder.with_repetition(info.repetition()).with_length(*type_length);
            Ok(Arc::new(builder.with_id(id).build()?))
        }
        Type::PrimitiveType { .. } => Ok(Arc::clone(column)),
        Type::GroupType { fields, .. } => {
            let fields = fields.iter().map(|field| without_marks(field, any)).collect::<Result<Vec<_>, _>>()?;
            let mut builder = Type::group_type_builder(column.name()).with_fields(fields).with_id(id);
            if info.has_repetition() {
                builder = builder.with_repetition(info.repetition());
            }
            if !any {
                let logical = info.logical_type_ref().cloned();
                builder = builder.with_logical_type(logical).with_converted_type(info.converted_type());
            }
            Ok(Arc::new(builder.build()?))
        }
    }
}
