//! Parquet: every type of column as JSON, rows that are none, and hostile bytes.
//!
//! Owns the cases of Parquet; the files are made here with the Arrow writer.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::*;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema, TimeUnit};

use super::*;

fn write(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    write_fields(fields, columns.into_iter().map(|(_, array)| array).collect(), Compression::SNAPPY)
}

fn write_fields(fields: Vec<Field>, columns: Vec<ArrayRef>, compression: Compression) -> Vec<u8> {
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let properties =
        WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(3)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The one column of a table, as the value of `x`.
fn column(name: &str, array: impl Array + 'static) -> Vec<String> {
    let (lines, bad) = table("cases.parquet", &write(vec![(name, Arc::new(array))]));
    assert!(bad.is_empty());
    let prefix = format!("{{\"{name}\":");
    let value =
        |line: String| line.strip_prefix(&prefix).map_or(line.clone(), |rest| rest[..rest.len() - 1].to_owned());
    lines.into_iter().map(value).collect()
}

#[test]
fn text_of_every_kind_and_null_is_absent() {
    let cells = vec![Some("n1"), None, Some(""), Some("a \"b\"\n"), Some("苏")];
    let expected = ["\"n1\"", "{}", "\"\"", r#""a \"b\"\n""#, "\"苏\""];
    assert_eq!(column("id", StringArray::from(cells.clone())), expected);
    assert_eq!(column("id", LargeStringArray::from(cells.clone())), expected);
    assert_eq!(column("id", StringViewArray::from(cells.clone())), expected);
    assert_eq!(column("id", cells.into_iter().collect::<DictionaryArray<Int32Type>>()), expected);
}

#[test]
fn numbers_and_booleans() {
    assert_eq!(column("revision", Int8Array::from(vec![Some(-1), None])), ["-1", "{}"]);
    assert_eq!(column("revision", Int16Array::from(vec![300])), ["300"]);
    assert_eq!(column("revision", Int32Array::from(vec![2])), ["2"]);
    assert_eq!(column("revision", Int64Array::from(vec![i64::MIN])), ["-9223372036854775808"]);
    assert_eq!(column("revision", UInt8Array::from(vec![255])), ["255"]);
    assert_eq!(column("revision", UInt32Array::from(vec![u32::MAX])), ["4294967295"]);
    assert_eq!(column("revision", UInt64Array::from(vec![u64::MAX])), ["18446744073709551615"]);
    assert_eq!(column("retracted", BooleanArray::from(vec![Some(true), None, Some(false)])), ["true", "{}", "false"]);
    let decimal = |scale| Decimal128Array::from(vec![1200, -5]).with_precision_and_scale(20, scale).unwrap();
    assert_eq!(column("revision", decimal(0)), ["1200", "-5"]);
    assert_eq!(column("revision", decimal(2)), ["12.00", "-0.05"]);
    assert_eq!(
        column("revision", Float64Array::from(vec![1.0, -2.5, 1e30, f64::NAN])),
        ["1.0", "-2.5", "1e30", "[\"NaN\"]"]
    );
    assert_eq!(column("revision", Float32Array::from(vec![1.0])), ["1.0"]);
}

#[test]
fn instants_of_every_unit_and_beyond_the_calendar() {
    let expected = ["\"2021-11-08T09:13:00+08:00\"", "{}"];
    let at = Some(1_636_333_980);
    let scaled = |by: i64| vec![at.map(|seconds| seconds * by), None];
    assert_eq!(column("known_at", TimestampSecondArray::from(scaled(1)).with_timezone("UTC")), expected);
    assert_eq!(
        column("known_at", TimestampMillisecondArray::from(scaled(1000)).with_timezone("Asia/Shanghai")),
        expected
    );
    assert_eq!(
        column("known_at", TimestampMicrosecondArray::from(scaled(1_000_000)).with_timezone("+02:00")),
        expected
    );
    assert_eq!(
        column("known_at", TimestampNanosecondArray::from(scaled(1_000_000_000)).with_timezone("UTC")),
        expected
    );
    let micros = vec![1_636_333_980_007_999, -1];
    let expected = ["\"2021-11-08T09:13:00.007+08:00\"", "\"-1 Microseconds since 1970-01-01\""];
    assert_eq!(column("known_at", TimestampMicrosecondArray::from(micros).with_timezone("UTC")), expected);
    let seconds = vec![253_402_271_999, 253_402_272_000, i64::MAX];
    let expected = [
        "\"9999-12-31T23:59:59+08:00\"",
        "\"253402272000 Seconds since 1970-01-01\"",
        "\"9223372036854775807 Seconds since 1970-01-01\"",
    ];
    assert_eq!(column("known_at", TimestampSecondArray::from(seconds).with_timezone("UTC")), expected);
}

#[test]
fn without_a_zone_there_is_no_offset_and_a_date_is_a_date() {
    assert_eq!(
        column("known_at", TimestampMillisecondArray::from(vec![1_636_333_980_000])),
        ["\"2021-11-08T01:13:00\""]
    );
    assert_eq!(
        column("service_date", Date32Array::from(vec![0, 18_932, -1, 2_932_897])),
        ["\"1970-01-01\"", "\"2021-11-01\"", "\"-1 days since 1970-01-01\"", "\"2932897 days since 1970-01-01\"",]
    );
    assert_eq!(column("service_date", Date32Array::from(vec![2_932_896])), ["\"9999-12-31\""]);
    assert_eq!(column("service_date", Date64Array::from(vec![1_635_724_800_000])), ["\"2021-11-01\""]);
}

#[test]
fn other_types_are_an_array_with_their_name() {
    assert_eq!(column("id", BinaryArray::from(vec![Some(&b"n\xff"[..]), None])), ["[\"binary\"]", "{}"]);
    assert_eq!(column("id", Time32SecondArray::from(vec![5])), ["[\"time32\"]"]);
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![Some(vec![Some(1.0)]), None]);
    assert_eq!(column("id", list), ["[\"list\"]", "{}"]);
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let pair = StructArray::from(vec![(Arc::new(Field::new("id", DataType::Utf8, true)), inner)]);
    assert_eq!(column("id", pair), ["[\"struct\"]"]);
    assert_eq!(column("id", NullArray::new(2)), ["{}", "{}"]);
}

#[test]
fn rows_are_numbered_across_row_groups_and_packings() {
    let rows = 10_000;
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("n{row}"))));
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::ZSTD(Default::default()),
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        let fields = vec![Field::new("id", DataType::Utf8, false)];
        let (lines, _) = table("cases.parquet", &write_fields(fields, vec![ids.clone()], compression));
        assert_eq!((lines.len(), lines[rows - 1].as_str()), (rows, r#"{"id":"n9999"}"#));
    }
    assert_eq!(table("cases.parquet", &write(vec![("id", Arc::new(StringArray::from(vec![""; 0])))])).0, [""; 0]);
}

/// Written by Apache Arrow C++ 26: data pages of version 2, delta encodings, its own schema in the metadata.
#[test]
fn a_file_of_another_writer() {
    let (lines, bad) = table("travel.parquet", include_bytes!("foreign.parquet"));
    let since = r#""since":"2021-11-08T09:13:00+08:00","until":"2021-11-08T01:13:00""#;
    let expected = [
        (
            r#"{"id":"n1","owner":"src","port":"a","known_at":"2021-11-08T09:13:00.007+08:00""#,
            r#""service_date":"2021-11-01","row":1,"revision":1,"retracted":true,"extra":["struct"],"list":["list"]}"#,
        ),
        (r#"{"owner":"src","port":"b""#, r#""revision":2,"retracted":false,"list":["list"]}"#),
        (
            r#"{"id":"n3","owner":"源","port":"c","known_at":"2021-11-08T09:13:00+08:00""#,
            r#""row":3,"revision":3,"extra":["struct"]}"#,
        ),
    ];
    assert_eq!(lines, expected.map(|(head, tail)| format!("{head},{since},{tail}")));
    assert!(bad.is_empty());
}

#[test]
fn fields_with_an_id_and_metadata_are_read() {
    let metadata = [("PARQUET:field_id".to_owned(), "7".to_owned()), ("note".to_owned(), "x".to_owned())];
    let field = Field::new("id", DataType::Utf8, true).with_metadata(metadata.into_iter().collect());
    let bytes = write_fields(vec![field], vec![Arc::new(StringArray::from(vec!["a"]))], Compression::SNAPPY);
    assert_eq!(table("cases.parquet", &bytes).0, [r#"{"id":"a"}"#]);
}

#[test]
fn a_text_that_is_no_utf8_costs_its_row_only() {
    let mut bytes = write(vec![("id", Arc::new(StringArray::from(vec!["good-1", "damaged", "good-2"])))]);
    let mut at = 0;
    // The statistics hold some texts as well.
    while let Some(found) = memchr::memmem::find(&bytes[at..], b"damaged") {
        bytes[at + found] = 0xff;
        at += found + 1;
    }
    assert!(at > 0);
    let (lines, bad) = table("cases.parquet", &bytes);
    assert_eq!(
        (lines[0].as_str(), lines[1].as_str(), lines[2].as_str()),
        (r#"{"id":"good-1"}"#, "", r#"{"id":"good-2"}"#)
    );
    assert_eq!(bad, [2]);
}

#[test]
fn a_heading_twice_and_what_is_no_parquet_are_damage() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let twice = write(vec![("id", text.clone()), ("owner", text.clone()), ("id", text)]);
    assert!(damage("cases.parquet", &twice).contains("columns 1 and 3 have one heading"));
    for bytes in [&b""[..], b"PAR1", b"{\"owner\":\"src\"}\n", b"PAR1\x00\x00\x00\x00PAR1"] {
        damage("cases.parquet", bytes);
    }
    damage("cases.ndjson", &write(vec![("id", Arc::new(Int64Array::from(vec![1])))]));
}

#[test]
fn damaged_bytes_never_panic_and_a_cut_file_is_damaged() {
    let instants = TimestampMillisecondArray::from(vec![Some(1), None, Some(3)]).with_timezone("UTC");
    let bytes = write(vec![
        ("id", Arc::new(StringArray::from(vec![Some("n1"), None, Some("n2")]))),
        ("known_at", Arc::new(instants)),
        ("revision", Arc::new(Int32Array::from(vec![1, 2, 3]))),
    ]);
    for length in (0..bytes.len()).step_by(7) {
        damage("cases.parquet", &bytes[..length]);
    }
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x41;
        // Either is fine; there is no checksum over all of the file.
        let _ = blocks("cases.parquet", &flipped, 64);
    }
}

#[test]
fn units_of_time_are_all_covered() {
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    for unit in units {
        let array =
            arrow::compute::cast(&Int64Array::from(vec![0]), &DataType::Timestamp(unit, Some("UTC".into()))).unwrap();
        let (lines, _) = table("cases.parquet", &write(vec![("since", array)]));
        assert_eq!(lines, [r#"{"since":"1970-01-01T08:00:00+08:00"}"#]);
    }
}
