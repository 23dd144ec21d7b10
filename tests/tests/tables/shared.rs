//! Files as offices make them, with the expected records and rejects: those of the project, and all of
//! ../shared/data/tables where they are.
//!
//! Says how many files match; fails on a row that is another than it must be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuma_connectors::regions::Places;
use fuma_pipeline::tables::Map;
use serde_json::Value;

use crate::run::{OfRow, Outcome, run};

/// Files without rows: what they are refused for.
const REFUSED: &[(&str, &str)] = &[
    ("empty.csv", "not-a-table"),
    ("not_a_workbook.xlsx", "not-a-table"),
    ("duplicated_columns.csv", "duplicate-column"),
];

pub(crate) fn shared() -> PathBuf {
    std::env::var_os("FUMA_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
        .join("data")
}

fn map(path: &Path) -> Map {
    Map::parse(path, &std::fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_shared_files_come_to_what_is_expected() {
    let data = shared();
    if data.join("tables").is_dir() {
        compare_folder(&data.join("tables"), &data.join("region_codes.csv.gz"));
    }
}

#[test]
fn the_samples_come_to_what_is_expected() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables");
    compare_folder(&own.join("samples"), &own.join("codes.csv"));
}

fn compare_folder(tables: &Path, codes: &Path) {
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables/maps");
    // The aliases of the program name counties that a small table does not have.
    let aliases = b"province,city,county,code,note\n".to_vec();
    let places = Arc::new(Places::read(std::fs::read(codes).unwrap(), Some(aliases)).unwrap());
    let mut names: Vec<String> = std::fs::read_dir(tables)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md" && name != "expected")
        .collect();
    names.sort();
    let (mut wrong, mut matching) = (Vec::new(), 0);
    for name in &names {
        let before = wrong.len();
        let path = tables.join(name);
        let mut all = BTreeMap::new();
        let mut refused = Vec::new();
        for map_name in [format!("{name}.toml"), format!("{name}.2.toml")] {
            if !maps.join(&map_name).is_file() {
                continue;
            }
            match run(&path, &map(&maps.join(&map_name)), Some(Arc::clone(&places))) {
                Ok(Outcome { rows, refused: entries, .. }) => {
                    refused.extend(entries.into_iter().map(|(entry, code, why)| (code, format!("{entry} {why}"))));
                    all.extend(rows);
                }
                Err(error) => refused.push((error.code(), error.to_string())),
            }
        }
        match REFUSED.iter().find(|(refused, _)| refused == name) {
            Some((_, code)) if refused.iter().any(|(found, _)| found == code) && all.is_empty() => {}
            Some((_, code)) => wrong.push(format!("{name}: {code} expected: {refused:?}, {} rows", all.len())),
            None => {
                wrong.extend(refused.iter().map(|(code, why)| format!("{name}: {code}: {why}")));
                compare(&tables.join("expected"), name, &all, &mut wrong);
            }
        }
        matching += usize::from(wrong.len() == before);
    }
    assert!(wrong.is_empty(), "{matching} of {} files match\n{}", names.len(), wrong.join("\n"));
}

fn compare(expected: &Path, name: &str, all: &BTreeMap<(String, u64), OfRow>, wrong: &mut Vec<String>) {
    let Ok(rows) = std::fs::read(expected.join(format!("{name}.rows.csv"))) else { return };
    let records = std::fs::read_to_string(expected.join(format!("{name}.ndjson"))).unwrap_or_default();
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut reader = csv::Reader::from_reader(rows.as_slice());
    let other_sheet = reader.headers().unwrap().iter().any(|heading| heading == "sheet");
    let main_sheet = records.first().and_then(|record| record["_sheet"].as_str()).unwrap_or_default().to_owned();
    for line in reader.records() {
        let line = line.unwrap();
        let (entry, sheet, row) = (&line[0], &line[1], line[2].parse::<u64>().unwrap());
        if other_sheet && !sheet.is_empty() && !main_sheet.is_empty() && sheet != main_sheet {
            continue;
        }
        let found = all.get(&(entry.to_owned(), row)).cloned().unwrap_or_default();
        let of_row = |record: &&Value| record["_row"] == row && record["_entry"].as_str().unwrap_or_default() == entry;
        let wanted: Vec<&Value> = records.iter().filter(of_row).collect();
        let code = found.rejects.first().map(|(code, ..)| code.as_str());
        let is_as_expected = match (&line[3], code) {
            ("none", _) => found.records.is_empty(),
            ("ok", None) => are_same(&found.records, &wanted),
            ("either", None) => are_same(&found.records, &wanted),
            ("reject" | "either", Some(code)) => {
                line[4].split('|').any(|allowed| allowed == code) && found.records.is_empty()
            }
            _ => false,
        };
        let columns: Vec<&str> = line[5].split([',', '|']).map(str::trim).collect();
        let column = found.rejects.first().map(|(_, column, _)| column.rsplit('/').next().unwrap_or_default());
        let is_in_its_column = &line[3] == "ok"
            || &line[3] == "none"
            || code == Some("in-future")
            || column.is_none_or(|column| {
                column.is_empty() || columns.iter().any(|c| c.starts_with(column)) || line[5].is_empty()
            });
        if !is_as_expected || !is_in_its_column {
            wrong.push(format!(
                "{name} {entry} row {row}: {} {} [{}] expected, {:?}; found {:?} {:?}",
                &line[3], &line[4], &line[5], wanted, found.rejects, found.records
            ));
        }
    }
}

/// Whether the records of a row are those that are expected, whatever their order.
fn are_same(found: &[Value], wanted: &[&Value]) -> bool {
    found.len() == wanted.len() && wanted.iter().all(|wanted| found.iter().any(|found| is_same(found, wanted)))
}

fn is_same(found: &Value, wanted: &Value) -> bool {
    let of = |value: &Value| -> BTreeMap<String, Value> {
        let fields = value.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('_'));
        let fields = fields.filter(|(name, _)| *name != "id" && *name != "known_at");
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let alternatives = wanted.get("_alt").and_then(Value::as_object);
    let (found_fields, wanted_fields) = (of(found), of(wanted));
    let id = wanted.get("_id").is_none_or(|id| found["id"] == *id);
    let is_near = |name: &String, value: &Value| {
        let other = wanted_fields.get(name);
        other == Some(value) || alternatives.and_then(|all| all.get(name)) == Some(value)
    };
    id && found_fields.len() == wanted_fields.len() && found_fields.iter().all(|(name, value)| is_near(name, value))
}
