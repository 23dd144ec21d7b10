//! Tables: what rows and cells come of bytes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use super::*;

/// Rows as they come: number, and the cells or why there are none.
#[derive(Default)]
struct Rows {
    rows: Vec<(u64, Result<Vec<String>, RowFault>)>,
    width: usize,
    about: String,
}

impl Sink for Rows {
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError> {
        self.about = format!("{:?} {:?}", about.encoding.map(Encoding::name), about.delimiter.map(char::from));
        Ok(true)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        let text = |cell: &Cell<'_>| match cell {
            Cell::Text(text) => (*text).to_owned(),
            Cell::Empty => String::new(),
            other => format!("{other:?}"),
        };
        let cells: Vec<String> = row.cells.iter().map(text).collect();
        let is_of_width = self.width == 0 || cells.len() == self.width;
        self.rows.push((row.number, row.fault.map_or(Ok(cells), Err)));
        Ok(if is_of_width { Next::Go } else { Next::Again })
    }

    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError> {
        outcome
    }
}

fn read_bytes(bytes: impl AsRef<[u8]>, width: usize) -> Result<Rows, TableError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, bytes).unwrap();
    let mut rows = Rows { width, ..Rows::default() };
    read(&path, &Options::default(), &mut rows)?;
    Ok(rows)
}

fn cells(text: &str) -> Result<Vec<String>, RowFault> {
    Ok(text.split('|').map(str::to_owned).collect())
}

#[test]
fn quotes_hold_delimiters_and_line_breaks_and_rows_count_lines() {
    let rows = read_bytes("a,b\r\n\"x, \"\"y\"\"\",\"1\n2\"\r\nlast,\r\n", 0).unwrap();
    assert_eq!(rows.rows, [(1, cells("a|b")), (2, cells("x, \"y\"|1\n2")), (4, cells("last|"))]);
}

#[test]
fn a_stray_quote_costs_its_own_line_alone() {
    let rows = read_bytes("a,b\n\"x\"y,1\n2,3\n\"open,4\n5,6\n", 0).unwrap();
    let numbers: Vec<(u64, bool)> = rows.rows.iter().map(|(number, row)| (*number, row.is_ok())).collect();
    assert_eq!(numbers, [(1, true), (2, false), (3, true), (4, false), (5, true)]);
}

#[test]
fn line_breaks_that_were_none_are_given_back() {
    // Two stray quotes make one row of three lines, which has too many cells.
    let rows = read_bytes("a,b\n1,\"x\n2,3\n4,y\",5\n6,7\n", 2).unwrap();
    let numbers: Vec<u64> = rows.rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(rows.rows[2].1, cells("2|3"));
}

#[test]
fn a_line_without_end_is_one_bad_row() {
    let long = "x".repeat(3 << 20);
    let rows = read_bytes(format!("a,b\n{long}\n1,2\n"), 0).unwrap();
    let numbers: Vec<(u64, bool)> = rows.rows.iter().map(|(number, row)| (*number, row.is_ok())).collect();
    assert_eq!(numbers, [(1, true), (2, false), (3, true)]);
}

#[test]
fn encodings_are_found_and_bytes_that_are_none_cost_their_row() {
    let gb18030 = encoding_rs::GB18030.encode("姓名;结果\n张测试;阴性\n").0.into_owned();
    let rows = read_bytes(&gb18030, 0).unwrap();
    assert_eq!((rows.about.as_str(), &rows.rows[1].1), ("Some(\"gb18030\") Some(';')", &cells("张测试|阴性")));
    let wide: Vec<u8> = "\u{feff}甲\t乙\n1\t2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows = read_bytes(&wide, 0).unwrap();
    assert_eq!((rows.about.as_str(), &rows.rows[0].1), ("Some(\"utf-16le\") Some('\\t')", &cells("甲|乙")));
    let mut broken = "结果,数\n阴性,1\n".repeat(20_000).into_bytes();
    broken.extend_from_slice(b"\xd2\xf5,2\n3,4\n");
    let rows = read_bytes(&broken, 0).unwrap();
    let faults: Vec<&(u64, Result<Vec<String>, RowFault>)> = rows.rows.iter().filter(|(_, row)| row.is_err()).collect();
    assert_eq!(faults, [&(40_001, Err(RowFault::Encoding))]);
}

#[test]
fn what_is_no_table_is_named() {
    for (bytes, says) in [
        (&b""[..], "it is empty"),
        (b"%PDF-1.7\n", "it is a PDF"),
        (b"<html><table>", "a page of HTML"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"\x00\x01\x02\x03\x00", "no text"),
        (b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "the archive is empty"),
    ] {
        let error = read_bytes(bytes, 0).map(drop).unwrap_err();
        assert!(error.to_string().contains(says) && error.code() == "not-a-table", "{error}");
    }
}

#[test]
fn lines_of_json_give_the_columns_that_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "{\"a\":\"x\",\"n\":12,\"f\":1.5,\"z\":[1]}\n[1]\n\n{\"a\":1,\"a\":2}\n{\"n\":null}\n")
        .unwrap();
    let wanted = ["a", "f", "n", "z"].map(str::to_owned).to_vec();
    let mut rows = Rows::default();
    read(&path, &Options { wanted, ..Options::default() }, &mut rows).unwrap();
    let bad = Err(RowFault::Cells("not a JSON object, or a name in it twice"));
    assert_eq!(
        rows.rows,
        [(1, cells("x|Number(1.5)|Integer(12)|Unusable")), (2, bad.clone()), (4, bad), (5, cells("|||"))]
    );
}

#[test]
fn a_name_fits_a_pattern() {
    assert!(fits("核酸*.csv", "核酸结果_0305.csv") && fits("*", "") && fits("a*b*c", "a-b-c") && fits("a", "a"));
    assert!(!fits("a*b", "ab.csv") && !fits("a", "ab") && !fits("a*a", "a"));
}

#[test]
fn a_file_that_is_not_there_is_no_damage() {
    let error = read(Path::new("no/such/file.csv"), &Options::default(), &mut Rows::default()).unwrap_err();
    assert_eq!(error.code(), "unreadable");
}
