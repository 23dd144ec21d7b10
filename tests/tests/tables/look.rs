//! What a look at a file finds out, against what is expected of it.

use std::path::Path;

use fuma_connectors::tables::{self, Options};
use fuma_pipeline::tables::look;

use crate::shared::shared;

#[test]
fn a_look_finds_out_what_a_sample_is() {
    compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tables/samples"));
}

#[test]
fn a_look_finds_out_what_the_shared_files_are() {
    let folder = shared().join("tables");
    if folder.is_dir() {
        compare(&folder);
    }
}

fn compare(folder: &Path) {
    let mut wrong = Vec::new();
    let mut reader = csv::Reader::from_path(folder.join("expected/look.csv")).unwrap();
    for line in reader.records().map(Result::unwrap) {
        let path = folder.join(&line[0]);
        if !path.is_file() {
            continue;
        }
        let mut sample = look::Sample::default();
        let options = Options { any_sheet: true, ..Options::default() };
        match tables::read(&path, &options, &mut sample) {
            Ok(()) => {}
            Err(error) if ["-", "pdf"].contains(&&line[1]) => {
                let says = if &line[1] == "pdf" { "it is a PDF" } else { "it is empty" };
                assert!(error.to_string().contains(says), "{}: {error}", &line[0]);
                continue;
            }
            Err(error) => panic!("{}: {error}", &line[0]),
        }
        let table = &sample.tables[0];
        let place = look::place(table);
        let delimiter = match table.delimiter {
            Some(b'\t') => "tab".to_owned(),
            Some(byte) => char::from(byte).to_string(),
            None => String::new(),
        };
        let rows: Vec<String> = place.rows.iter().map(u64::to_string).collect();
        let header = if rows.is_empty() && table.names.is_none() { "none".to_owned() } else { rows.join("-") };
        let found = [
            table.encoding.unwrap_or_default().to_owned(),
            delimiter,
            table.sheet.clone().unwrap_or_default(),
            header,
            place.first_row.filter(|_| table.names.is_none()).map(|row| row.to_string()).unwrap_or_default(),
        ];
        for (at, found) in (2..).zip(found) {
            let is_expected = match (at, &line[at]) {
                // Of an archive each entry says it.
                _ if &line[1] == "zip" => true,
                (3, several) if several.len() > 5 => found == "," && table.other_delimiters,
                // Not said of files with faults.
                (6, "") => true,
                (_, expected) => found == expected,
            };
            if !is_expected {
                wrong.push(format!("{}: column {at}: {:?} expected, {found:?} found", &line[0], &line[at]));
            }
        }
        if &line[1] == "zip" {
            assert_eq!(sample.tables.len(), 2, "each entry");
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_of_a_person_is_shown_by_its_shape() {
    assert_eq!(look::shape_of("99110219430721094X"), "99999999999999999A");
    assert_eq!(look::shape_of("张测试 a-1"), "文文文 a-9");
    assert!(!look::may_be_shown("证件号码", &["991102194307210949"]) && !look::may_be_shown("姓名", &["张测试"]));
    assert!(look::may_be_shown("检测结果", &["阴性", "阳性"]) && !look::may_be_shown("时间", &["2022-03-05"]));
}
