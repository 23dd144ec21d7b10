//! The ready maps: each reads its sample whole, fits the JSON Schema, and is what a look at the sample comes near to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuma_connectors::regions::Places;
use fuma_connectors::tables::{self, Options};
use fuma_pipeline::tables::{Map, look, map, ready};
use fuma_schemas::Instant;

use crate::run::run_with;
use crate::timetable::{journeys, sample};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tables").join(name)
}

/// The sample of a map.
fn sample_of(name: &str) -> PathBuf {
    let files = std::fs::read_dir(folder("ready")).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.file_stem().unwrap().to_str() == Some(name)).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn each_ready_map_reads_its_sample() {
    let aliases = b"province,city,county,code,note\n".to_vec();
    let places = Arc::new(Places::read(std::fs::read(folder("codes.csv")).unwrap(), Some(aliases)).unwrap());
    let mut names = Vec::new();
    for (name, text) in ready::maps() {
        let mut map = Map::parse(Path::new(&format!("{name}.toml")), text).unwrap_or_else(|error| panic!("{error}"));
        map.owner = Some("owner-a".to_owned());
        map.set_known_at(Instant::parse("2022-03-20T08:00:00+08:00").unwrap());
        assert_eq!(map.name, name);
        let outcome = run_with(&sample_of(name), &map, Some(Arc::clone(&places)), Some(journeys(&sample()))).unwrap();
        assert!(outcome.refused.is_empty(), "{name}: {:?}", outcome.refused);
        assert!(outcome.counts.records >= 10, "{name}: {:?}", outcome.counts);
        // The exports of SORMAS have rows that are wrong; the others have none.
        let rejects = outcome.counts.rejected();
        assert!(rejects == 0 || name.starts_with("sormas"), "{name}: {:?}", outcome.counts);
        names.push(name);
    }
    assert_eq!(names.len(), 10, "{names:?}");
}

#[test]
fn the_schema_of_maps_is_checked_in_and_the_ready_maps_fit_it() {
    let schema = map::json_schema();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipeline/maps/schema.json");
    let text = format!("{schema:#}\n");
    if std::env::var_os("FUMA_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "run with FUMA_BLESS=1 and check in");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in ready::maps() {
        let map: serde_json::Value = toml::from_str(text).unwrap();
        assert!(validator.is_valid(&map), "{name}: {:?}", validator.iter_errors(&map).next().map(|e| e.to_string()));
    }
    assert!(!validator.is_valid(&serde_json::json!({"feed": "tests", "nobody": 1})));
}

#[test]
fn a_look_finds_header_feed_and_a_map_that_reads() {
    for (name, text) in ready::maps() {
        let mut sample = look::Sample::default();
        let options = Options { any_sheet: true, ..Options::default() };
        tables::read(&sample_of(name), &options, &mut sample).unwrap();
        let table = &sample.tables[0];
        let place = look::place(table);
        let guessed = look::guess(table, &place).unwrap_or_else(|| panic!("{name}: no feed"));
        let ready = Map::parse(Path::new("r.toml"), text).unwrap();
        let map =
            Map::parse(Path::new("g.toml"), &guessed).unwrap_or_else(|error| panic!("{name}: {error}\n{guessed}"));
        assert_eq!(map.feed, ready.feed, "{name}");
        let (wanted_row, wanted_first) = if name.starts_with("sormas") { (2, 4) } else { (1, 2) };
        assert_eq!((place.rows.as_slice(), place.first_row), ([wanted_row].as_slice(), Some(wanted_first)), "{name}");
    }
}
