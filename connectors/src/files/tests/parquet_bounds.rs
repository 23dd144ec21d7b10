//! Parquet that declares more than it holds: an error that names the file, never an abort.
//!
//! Owns a writer of pages and footers as they should not be. The allocator of the tests would take what it is asked
//! for, so each test looks at the words of the refusal, which comes before.

use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, Repetition, Type as PhysicalType};
use ::parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use ::parquet::schema::types::{SchemaDescriptor, Type};
use flate2::write::GzEncoder;

use super::*;

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field of a struct that follows the one before: an i32.
fn field(value: i64) -> Vec<u8> {
    [vec![0x15], varint(((value << 1) ^ (value >> 63)).cast_unsigned())].concat()
}

/// The header of a data page.
fn header(unpacked: i64, packed: i64, values: i64, encoding: i64) -> Vec<u8> {
    let page = [field(values), field(encoding), field(3), field(3), vec![0]].concat();
    [field(0), field(unpacked), field(packed), vec![0x2c], page, vec![0]].concat()
}

/// A file of one required column `id` with these pages.
fn file(kind: PhysicalType, compression: Compression, encoding: Encoding, pages: &[u8], rows: i64) -> Vec<u8> {
    let column = Type::primitive_type_builder("id", kind).with_repetition(Repetition::REQUIRED).build().unwrap();
    let root = Type::group_type_builder("schema").with_fields(vec![Arc::new(column)]).build().unwrap();
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
    let chunk = ColumnChunkMetaData::builder(schema.column(0))
        .set_compression(compression)
        .set_encodings(vec![encoding])
        .set_num_values(rows)
        .set_data_page_offset(4)
        .set_total_compressed_size(pages.len() as i64)
        .set_total_uncompressed_size(pages.len() as i64)
        .build()
        .unwrap();
    let group = RowGroupMetaData::builder(schema.clone())
        .set_num_rows(rows)
        .set_total_byte_size(pages.len() as i64)
        .add_column_metadata(chunk)
        .build()
        .unwrap();
    let of_file = FileMetaData::new(1, rows, None, None, schema, None);
    let mut bytes = [b"PAR1", pages].concat();
    ParquetMetaDataWriter::new(&mut bytes, &ParquetMetaData::new(of_file, vec![group])).finish().unwrap();
    bytes
}

fn says(bytes: &[u8]) -> String {
    let error = blocks("cases.parquet", bytes, 1 << 16).unwrap_err();
    assert!(matches!(error, FileError::Damaged { .. } | FileError::Beyond { .. }), "{error}");
    assert!(error.to_string().starts_with("cases.parquet: "), "{error}");
    error.to_string()
}

#[test]
fn the_files_made_here_are_sound_where_they_should_be() {
    let text = [&4_u32.to_le_bytes()[..], b"n123"].concat();
    let pages = [header(8, 8, 1, 0), text].concat();
    let bytes = file(PhysicalType::BYTE_ARRAY, Compression::UNCOMPRESSED, Encoding::PLAIN, &pages, 1);
    assert_eq!(table("cases.parquet", &bytes).0, [r#"{"id":"n123"}"#]);
}

#[test]
fn a_page_of_two_gigabytes_is_refused_whatever_its_packing() {
    for compression in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default()), Compression::LZ4_RAW]
    {
        let pages = [header(i64::from(i32::MAX), 12, 1, 0), vec![0; 12]].concat();
        let text = says(&file(PhysicalType::INT64, compression, Encoding::PLAIN, &pages, 1));
        assert!(text.contains("column \"id\": a page has 2147483647 bytes, at most 134217728 are read"), "{text}");
        assert!(text.contains("smaller row groups and pages"), "{text}");
    }
    for (unpacked, packed) in [(-1, 12), (12, -1), (12, 1 << 20), (12, i64::from(i32::MAX))] {
        let pages = [header(unpacked, packed, 1, 0), vec![0; 12]].concat();
        says(&file(PhysicalType::INT64, Compression::UNCOMPRESSED, Encoding::PLAIN, &pages, 1));
    }
}

/// A sound file is not called damaged: the packing is named, and those that are read.
#[test]
fn a_packing_that_is_not_read_is_named_with_those_that_are() {
    for compression in [Compression::BROTLI(Default::default()), Compression::LZO] {
        let pages = [header(8, 8, 1, 0), vec![0; 8]].concat();
        let text = says(&file(PhysicalType::INT64, compression, Encoding::PLAIN, &pages, 1));
        let named = compression.to_string();
        let named = named.split('(').next().unwrap();
        assert!(text.contains("column \"id\"") && text.contains(named) && text.contains("zstd, snappy"), "{text}");
        assert!(!text.contains("damaged"), "{text}");
    }
}

/// gzip is unpacked to its end, whatever size the page declares.
#[test]
fn a_page_that_unpacks_to_more_than_it_declares_is_refused() {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::repeat(0).take(300 << 20), &mut packer).unwrap();
    let packed = packer.finish().unwrap();
    let pages = [header(8, packed.len() as i64, 1, 0), packed].concat();
    let text = says(&file(PhysicalType::INT64, Compression::GZIP(Default::default()), Encoding::PLAIN, &pages, 1));
    assert!(text.contains("unpacks to more than it declares"), "{text}");
    let pages = [header(8, 8, 1, 0), vec![0x04, 0x22, 0x4d, 0x18, 0, 0, 0, 0]].concat();
    let text = says(&file(PhysicalType::INT64, Compression::LZ4, Encoding::PLAIN, &pages, 1));
    assert!(text.contains("LZ4 frames"), "{text}");
}

/// A count in the data, for which the library makes room before it reads.
#[test]
fn differences_of_billions_of_texts_in_a_few_bytes_are_refused() {
    // Block size, mini blocks, count, first value.
    let lengths = |count: u64| [varint(128), varint(4), varint(count), varint(0)].concat();
    for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
        let number = if encoding == Encoding::DELTA_BYTE_ARRAY { 7 } else { 6 };
        for count in [2, 1 << 31, 1 << 40, u64::MAX] {
            let data = lengths(count);
            let pages = [header(data.len() as i64, data.len() as i64, 1, number), data].concat();
            let bytes = file(PhysicalType::BYTE_ARRAY, Compression::UNCOMPRESSED, encoding, &pages, 1);
            assert!(says(&bytes).contains("a page of differences is damaged"), "{encoding} {count}");
        }
    }
}

#[test]
fn a_footer_is_bounded_and_so_is_what_it_declares() {
    let with = |footer: &[u8]| [&b"PAR1"[..], footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat();
    assert!(says(&with(&vec![0x15; 33 << 20])).contains("its footer has 34603008 bytes, at most 33554432 are read"));
    // Version, then a schema of 2^40 elements; then one whose root has 2^31 - 1 children.
    let list = |number: u8, count: u64| [vec![number << 4 | 9, 0xfc], varint(count)].concat();
    let version = field(1);
    assert!(says(&with(&[version.clone(), list(1, 1 << 40)].concat())).contains("more elements than bytes"));
    let name = |field: u8| vec![field << 4 | 8, 1, b'x'];
    let root = [name(4), field(i64::from(i32::MAX)), vec![0]].concat();
    let schema = [vec![0x19, 0x1c], root].concat();
    assert!(says(&with(&[version.clone(), schema].concat())).contains("its schema is no tree"));
    // Groups in groups, so deep that to follow them would leave no stack.
    let group = [name(4), field(1), vec![0]].concat();
    let deep = [[vec![0x19, 0xfc], varint(100_000)].concat(), group.repeat(100_000)].concat();
    assert!(says(&with(&[version.clone(), deep].concat())).contains("its schema is no tree"));
    // And row groups by the billion.
    let leaf = [vec![0x15, 2, 0x25, 0], vec![0x18, 1, b'x', 0]].concat();
    let root = [name(4), field(1), vec![0]].concat();
    let schema = [vec![0x19, 0x2c], root, leaf].concat();
    let groups = [vec![0x16, 2], list(1, 1 << 31)].concat();
    assert!(says(&with(&[version, schema, groups].concat())).contains("more elements than bytes"));
    let nested = [vec![0x1c]].concat().repeat(100_000);
    says(&with(&nested));
}

/// Chunks that lie on each other would be unpacked again and again.
#[test]
fn a_column_outside_of_the_file_is_damage() {
    let pages = [header(8, 8, 1, 0), vec![0; 8]].concat();
    let sound = file(PhysicalType::INT64, Compression::UNCOMPRESSED, Encoding::PLAIN, &pages, 1);
    assert_eq!(table("cases.parquet", &sound).0, [r#"{"id":0}"#]);
    let cut = [&sound[..4], &sound[4 + pages.len() - 4..]].concat();
    says(&cut);
}
