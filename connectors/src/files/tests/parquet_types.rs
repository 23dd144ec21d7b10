//! Columns as other writers leave them: marks of text old and new, none at all, INT96, texts and lists that are no
//! field. What can be read is read, and what cannot makes no file unreadable.

use std::sync::Arc;

use ::parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int96, Int96Type,
};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;

use super::*;

type Fill = fn(&mut SerializedColumnWriter<'_>);

/// A file of one row with these columns, all of which are optional.
fn written(columns: &[(&str, Fill)]) -> Vec<u8> {
    let fields: Vec<String> = columns.iter().map(|(column, _)| format!("optional {column};")).collect();
    let schema = parse_message_type(&format!("message schema {{ {} }}", fields.join(" "))).unwrap();
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (_, fill) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        fill(&mut column);
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn bytes_of(column: &mut SerializedColumnWriter<'_>, bytes: &[u8]) {
    column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(bytes.to_vec())], Some(&[1]), None).unwrap();
}

fn text(column: &mut SerializedColumnWriter<'_>) {
    bytes_of(column, b"n1");
}

fn damaged_text(column: &mut SerializedColumnWriter<'_>) {
    bytes_of(column, b"n\xff");
}

#[test]
fn text_is_text_however_it_is_marked() {
    for mark in ["", "(UTF8)", "(STRING)", "(ENUM)", "(JSON)", "(BSON)"] {
        let bytes = written(&[(&format!("binary id {mark}"), text)]);
        let expected = if mark == "(BSON)" { r#"{"id":["binary"]}"# } else { r#"{"id":"n1"}"# };
        assert_eq!(table("cases.parquet", &bytes).0, [expected], "{mark}");
    }
    // A marked text that is no UTF-8 is no row; bytes without a mark may be anything.
    for (mark, expected) in [("(JSON)", ""), ("(ENUM)", ""), ("", r#"{"id":["binary"]}"#)] {
        let (lines, bad) = table("cases.parquet", &written(&[(&format!("binary id {mark}"), damaged_text)]));
        assert_eq!((lines[0].as_str(), bad.len()), (expected, usize::from(expected.is_empty())), "{mark}");
    }
    let fixed: Fill = |column| {
        let value = FixedLenByteArray::from(b"00000000000000000000000000000001".to_vec());
        column.typed::<FixedLenByteArrayType>().write_batch(&[value], Some(&[1]), None).unwrap();
    };
    let bytes = written(&[("fixed_len_byte_array (32) person", fixed)]);
    assert_eq!(table("cases.parquet", &bytes).0, [r#"{"person":"00000000000000000000000000000001"}"#]);
}

/// Years that nanoseconds do not reach are not another year.
#[test]
fn int96_is_an_instant_without_a_zone() {
    let day: Fill = |column| {
        let mut value = Int96::new();
        // 1 h after the midnight of 9999-12-31, as a Julian day.
        let nanos = 3_600_000_000_000_u64;
        value.set_data(nanos as u32, (nanos >> 32) as u32, 2_440_588 + 2_932_896);
        column.typed::<Int96Type>().write_batch(&[value], Some(&[1]), None).unwrap();
    };
    let bytes = written(&[("int96 due_at", day)]);
    assert_eq!(table("isolations.parquet", &bytes).0, [r#"{"due_at":"9999-12-31T01:00:00"}"#]);
}

#[test]
fn a_column_that_the_library_does_not_know_costs_nothing_but_itself() {
    let number: Fill = |column| {
        column.typed::<Int32Type>().write_batch(&[7], Some(&[1]), None).unwrap();
    };
    let bytes = written(&[("binary id (STRING)", text), ("int32 extra (TIME_MILLIS)", number)]);
    assert_eq!(table("cases.parquet", &bytes).0, [r#"{"id":"n1","extra":["time32"]}"#]);
    let bytes = written(&[("binary id (STRING)", text), ("int32 extra (UINT_16)", number)]);
    assert_eq!(table("cases.parquet", &bytes).0, [r#"{"id":"n1","extra":7}"#]);
}

#[test]
fn a_row_whose_json_is_too_large_is_refused_and_others_are_read() {
    use ::parquet::arrow::ArrowWriter;
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    let long = "\u{1}".repeat(RECORD_BYTES_MAX / 2);
    let just = "x".repeat(RECORD_BYTES_MAX - r#"{"id":"","owner":"o"}"#.len());
    let more = format!("{just}y");
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["n1", &long, &just, &more, "n5"]));
    let owners: ArrayRef = Arc::new(StringArray::from(vec!["o"; 5]));
    let batch = RecordBatch::try_from_iter([("id", ids), ("owner", owners)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (lines, refused) = lines_of(&blocks("cases.parquet", &bytes, 1 << 16).unwrap());
    let lengths: Vec<usize> = lines.iter().map(|(_, line)| line.len()).collect();
    assert_eq!(lengths, [23, 0, RECORD_BYTES_MAX, 0, 23]);
    let codes: Vec<(u64, &str, usize)> =
        refused.iter().map(|row| (row.line, row.why.code().name(), row.raw.len())).collect();
    assert_eq!(codes, [(2, "too-large", RAW_BYTES_MAX), (4, "too-large", RAW_BYTES_MAX)]);
    assert!(matches!(refused[1].why, Refusal::TooLarge(oversize) if oversize.length == RECORD_BYTES_MAX as u64 + 1));
}
