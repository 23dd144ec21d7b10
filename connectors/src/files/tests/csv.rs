//! CSV: rows and cells as RFC 4180 has them, what is none, and what is damage.
//!
//! Owns the cases of CSV.

use super::*;

fn csv(text: &[u8]) -> (Vec<String>, Vec<u64>) {
    table("travel.csv", text)
}

#[test]
fn cells_become_fields_in_any_order_and_empty_ones_are_absent() {
    let (lines, bad) = csv(b"known_at,remark,id,\"owner\"\r\n2021-11-01T09:30:00+08:00,,n1,src\r\n,\"\",,\r\n");
    assert_eq!(lines, [r#"{"known_at":"2021-11-01T09:30:00+08:00","id":"n1","owner":"src"}"#, "{}"]);
    assert!(bad.is_empty());
}

#[test]
fn quotes_and_commas_within_quotes() {
    let (lines, bad) = csv(b"id,remark\n\"n,1 \"\"a\"\"\",\"x\rb\"\r\n\"\"\"\",\"back\\slash\"");
    assert_eq!(lines, [r#"{"id":"n,1 \"a\"","remark":"x\rb"}"#, r#"{"id":"\"","remark":"back\\slash"}"#]);
    assert!(bad.is_empty());
}

/// One stray quote costs its own line: with rows over several lines it swallowed thousands of good ones.
#[test]
fn a_row_is_a_line() {
    let rows = 5000;
    let mut text = "id,note\n".to_owned();
    for row in 1..=rows {
        let quote = if row == 1 || row == rows - 2 { "\"" } else { "" };
        text.push_str(&format!("n{row},{quote}x\n"));
    }
    let (lines, bad) = csv(text.as_bytes());
    assert_eq!(bad, [1, rows - 2]);
    assert_eq!(lines.iter().filter(|line| !line.is_empty()).count() as u64, rows - 2);
    let (_, refused) = lines_of(&blocks("travel.csv", text.as_bytes(), 100).unwrap());
    assert!(refused.iter().all(|row| row.raw.len() < 12), "the line alone is refused");
    assert!(refused[0].why.message().starts_with("a quote is open at the end of the line"));
    // Also of the last line, with an end and without one.
    for text in [&b"id,note\n1,a\n2,\"b\n"[..], b"id,note\n1,a\n2,\"b", b"id,note\n1,a\n\"", b"id,note\n1,a\n\"\r"] {
        assert_eq!(csv(text), (vec![r#"{"id":"1","note":"a"}"#.to_owned(), String::new()], vec![2]));
    }
}

#[test]
fn integers_and_booleans_are_their_json_text_and_anything_else_there_is_text() {
    let head = "row,revision,retracted,id\n";
    for (cells, expected) in [
        ("12,1,true,5", r#"{"row":12,"revision":1,"retracted":true,"id":"5"}"#),
        ("-0,-7,false,true", r#"{"row":-0,"revision":-7,"retracted":false,"id":"true"}"#),
        ("1.0,01,True, 1", r#"{"row":"1.0","revision":"01","retracted":"True","id":" 1"}"#),
        ("+1,1e2,1,", r#"{"row":"+1","revision":"1e2","retracted":"1"}"#),
        ("-, 1,null,", r#"{"row":"-","revision":" 1","retracted":"null"}"#),
        (
            "99999999999999999999999,\"2\",\"false\",",
            r#"{"row":99999999999999999999999,"revision":2,"retracted":false}"#,
        ),
    ] {
        assert_eq!(csv(format!("{head}{cells}\n").as_bytes()).0, [expected]);
    }
}

#[test]
fn rows_that_are_none_keep_their_number_and_their_bytes() {
    let text = b"id,owner\n1,a\n2\n3,c,\n4,\xff\n5,e\"f\n6,\"g\"h\n7,\"i\r\n8,l\rm\n9,n\r\n";
    let (lines, bad) = csv(text);
    assert_eq!(lines, [r#"{"id":"1","owner":"a"}"#, "", "", "", "", "", "", "", r#"{"id":"9","owner":"n"}"#]);
    assert_eq!(bad, [2, 3, 4, 5, 6, 7, 8]);
    let (_, rows) = lines_of(&blocks("travel.csv", text, 10).unwrap());
    assert_eq!(rows[2].raw, b"4,\xff");
    assert_eq!(rows[5].raw, b"7,\"i");
    assert_eq!(rows[0].why.message(), "the row has 1 cells, the table 2 headings");
}

#[test]
fn empty_lines_are_no_rows_but_count() {
    let (lines, bad) = csv(b"\r\nid,owner\n\n1,a\r\n  \r\n2,b\n\n");
    assert_eq!(lines, ["", r#"{"id":"1","owner":"a"}"#, "", r#"{"id":"2","owner":"b"}"#, ""]);
    assert!(bad.is_empty());
}

#[test]
fn the_last_row_may_lack_its_line_end_and_a_byte_order_mark_is_passed_over() {
    for text in [&b"\xef\xbb\xbf\"id\",owner\n1,a"[..], b"id,owner\n1,\"a\"", b"id,owner\n1,a\r"] {
        assert_eq!(csv(text).0, [r#"{"id":"1","owner":"a"}"#]);
    }
    assert_eq!(csv(b"id,owner\n1,").0, [r#"{"id":"1"}"#]);
    assert_eq!(csv(b"id,owner").0, [""; 0]);
}

#[test]
fn unknown_headings_are_unknown_fields() {
    assert_eq!(csv("备注,\"a \"\"b\"\"\",\n1,2,3\n".as_bytes()).0, [r#"{"备注":"1","a \"b\"":"2","":"3"}"#]);
}

#[test]
fn damage() {
    let damage = |text: &[u8]| super::damage("symptoms.csv", text);
    assert!(damage(b"owner,id,person,id\n").contains("columns 2 and 4 have one heading"));
    assert!(damage(b"owner,x,\"x\"\n").contains("columns 2 and 3"));
    assert!(damage(b"").contains("no row of field names"));
    assert!(damage(b"\n \n").contains("no row of field names"));
    assert!(damage(b"id,\"ow").contains("a quote is open"));
    assert!(damage(b"id,\"ow\nner\"\n1,2\n").contains("a quote is open"));
    assert!(damage(b"id,\xff\n").contains("UTF-8"));
    assert!(damage(b"id,a\"b\n").contains("row of field names cannot be read"));
    assert!(damage(b"id,owner\r1,a\r2,b\r").contains("row of field names cannot be read"));
}

#[test]
fn a_cell_larger_than_a_block() {
    let long = "\"\"x".repeat(5000);
    let text = format!("id,owner\n\"{long}\",a\nb,c\n");
    let (lines, bad) = csv(text.as_bytes());
    assert_eq!(lines[0].len(), r#"{"id":"","owner":"a"}"#.len() + 3 * 5000);
    assert_eq!((lines[1].as_str(), bad.len()), (r#"{"id":"b","owner":"c"}"#, 0));
}

/// By the bytes of the line: the JSON of a row may be longer, for each cell brings its heading.
#[test]
fn a_row_longer_than_a_record_is_too_large_and_its_line_counts() {
    let head = "id,owner,a_long_heading_that_each_row_repeats\n";
    let row = |bytes: usize| format!("1,a,{}\n", "x".repeat(bytes - 4));
    let text = [head, &row(RECORD_BYTES_MAX), &row(RECORD_BYTES_MAX + 1), "2,\"b,c\n", "3,c,d\n"].concat();
    let found = blocks("cases.csv", text.as_bytes(), 1 << 16).unwrap();
    let (lines, refused) = lines_of(&found);
    assert!(lines[0].1.len() > RECORD_BYTES_MAX && lines[3].1.starts_with(r#"{"id":"3""#));
    let codes: Vec<_> = refused.iter().map(|row| (row.line, row.why.code().name())).collect();
    assert_eq!(codes, [(2, "too-large"), (3, "bad-row")]);
    assert_eq!(refused[0].raw.len(), RAW_BYTES_MAX);
}

/// Two hundred thousand headings, and one of them twice: the search for it grows with the headings, not their square.
#[test]
fn very_many_headings() {
    let headings: Vec<String> = (0..200_000).map(|at| format!("h{at}")).collect();
    let text = format!("{}\n{}\n", headings.join(","), ",".repeat(headings.len() - 1));
    assert_eq!(lines_of(&blocks("cases.csv", text.as_bytes(), 1 << 18).unwrap()).0, [(1, "{}".to_owned())]);
    let twice = format!("{},h7\n", headings.join(","));
    assert!(super::damage("cases.csv", twice.as_bytes()).contains("columns 8 and 200001 have one heading"));
    let endless = format!("id,{}", "x".repeat(17 << 20));
    assert!(super::damage("cases.csv", endless.as_bytes()).contains("field names is longer than 16777216 bytes"));
}
