//! Imports as they are run: twice, stopped on the way, with what is damaged.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

const MAP: &str = r#"
feed = "tests"
owner = "lab-a"
zone = "+08:00"
[table]
encoding = "utf-8"
[constants]
known_at = "2022-03-20T08:00:00+08:00"
cert_type = "10"
method = "nat"
[fields]
cert_number = "number"
[fields.id]
made_of = ["cert_number", "sampled_at"]
[fields.result]
column = "result"
values = { "neg" = "negative" }
[fields.sampled_at]
column = "sampled"
formats = ["yyyy-MM-dd HH:mm"]
[fields.reported_at]
column = "sampled"
formats = ["yyyy-MM-dd HH:mm"]
"#;
const NUMBER: &str = "990101199003070015";

fn table(rows: usize) -> String {
    let mut text = "number,sampled,result\n".to_owned();
    for row in 0..rows {
        // Each tenth is one that the map does not list.
        let result = if row % 10 == 9 { "maybe" } else { "neg" };
        text.push_str(&format!(
            "{NUMBER},2022-03-{:02} {:02}:{:02},{result}\n",
            row % 9 + 1,
            row / 9 % 24,
            row / 216 % 60
        ));
    }
    text
}

struct Place {
    folder: TempDir,
    map: Map,
    inputs: Inputs,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let map = Map::parse(Path::new("m.toml"), MAP).unwrap();
        let key = Key::from_hex(&"5a".repeat(32)).unwrap();
        Place { folder, map, inputs: Inputs { key, places: None } }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Imports; says what came of it.
    fn import(&self, file: &Path, out: &str, is_stopped: bool) -> Summary {
        let (stop, target) = (AtomicBool::new(is_stopped), self.folder.path().join(out));
        let mut folder = Folder::open(&target).unwrap();
        let mut journal = Journal::open(&target, &mut folder).unwrap();
        let mut summary = Summary::default();
        let (options, journeys) = (self.map.options(), None);
        let unit = Unit { path: file, map: &self.map, inputs: &self.inputs, options, journeys, stop: &stop };
        unit::run(&unit, &mut folder, &mut journal, &mut summary, &Screen::default()).unwrap();
        summary
    }

    fn read(&self, out: &str, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(out).join(name)).unwrap_or_default()
    }

    fn lines(&self, out: &str, name: &str) -> usize {
        self.read(out, name).lines().count()
    }
}

#[test]
fn the_same_file_twice_changes_nothing_whatever_it_is_called() {
    let place = Place::new();
    let file = place.file("a.csv", table(50));
    assert!(place.import(&file, "out", false).refused().is_none());
    let before = (place.read("out", "tests.ndjson"), place.read("out", "rejects-tests.ndjson"));
    assert_eq!((before.0.lines().count(), before.1.lines().count()), (45, 5));
    place.import(&file, "out", false);
    let other = place.file("b.csv", table(50));
    place.import(&other, "out", false);
    assert_eq!(before, (place.read("out", "tests.ndjson"), place.read("out", "rejects-tests.ndjson")));
    assert!(!before.1.contains(NUMBER) && !before.1.contains("maybe"), "a reject never holds the cell");
    assert!(before.1.contains("\"row\":11,\"column\":\"result\",\"code\":\"unmapped-value\""), "{}", before.1);
}

#[test]
fn a_second_file_joins_the_first() {
    let place = Place::new();
    place.import(&place.file("a.csv", table(50)), "out", false);
    place.import(&place.file("b.csv", table(20)), "out", false);
    assert_eq!((place.lines("out", "tests.ndjson"), place.lines("out", "rejects-tests.ndjson")), (45 + 18, 5 + 2));
}

#[test]
fn what_was_stopped_or_killed_goes_on_and_comes_to_the_same_bytes() {
    let place = Place::new();
    let file = place.file("a.csv", table(5000));
    place.import(&file, "whole", false);
    place.import(&file, "out", true);
    assert_eq!(place.lines("out", "tests.ndjson"), 0, "nothing of a table that is under way");
    let part = place.folder.path().join("out/tests.ndjson.part");
    let noted = fs::metadata(&part).unwrap().len();
    assert!(noted > 0);
    // What a killed process has written behind the journal, half a line among it.
    fs::OpenOptions::new().append(true).open(&part).unwrap().write_all(b"{\"owner\":\"lab-a\",\"id\":").unwrap();
    place.import(&file, "out", true);
    assert!(fs::metadata(&part).unwrap().len() > noted, "it went on from there");
    place.import(&file, "out", false);
    for name in ["tests.ndjson", "rejects-tests.ndjson"] {
        assert_eq!(place.read("out", name), place.read("whole", name), "{name}");
    }
    assert!(!part.exists());
}

#[test]
fn another_file_in_between_costs_the_first_its_place_and_no_row() {
    let place = Place::new();
    let file = place.file("a.csv", table(5000));
    place.import(&file, "whole", false);
    place.import(&file, "out", true);
    // Another one is begun, and killed before it has noted anything.
    let target = place.folder.path().join("out");
    let mut folder = Folder::open(&target).unwrap();
    let mut journal = Journal::open(&target, &mut folder).unwrap();
    journal.begin("another", &mut folder).unwrap();
    drop((journal, folder));
    place.import(&file, "out", false);
    assert_eq!(place.read("out", "tests.ndjson"), place.read("whole", "tests.ndjson"));
}

#[test]
fn a_part_that_is_gone_is_made_again() {
    let place = Place::new();
    let file = place.file("a.csv", table(5000));
    place.import(&file, "whole", false);
    place.import(&file, "out", true);
    fs::remove_file(place.folder.path().join("out/tests.ndjson.part")).unwrap();
    place.import(&file, "out", false);
    assert_eq!(place.read("out", "tests.ndjson"), place.read("whole", "tests.ndjson"));
}

#[test]
fn a_file_that_ends_early_leaves_nothing_and_the_next_is_imported() {
    let place = Place::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(table(3000).as_bytes()).unwrap();
    let mut packed = packed.finish().unwrap();
    packed.truncate(packed.len() - 20);
    let summary = place.import(&place.file("a.csv.gz", packed), "out", false);
    let refused = summary.refused().unwrap();
    assert!(refused.contains("a.csv.gz by m: damaged: damaged or cut short: the gzip data ends early"), "{refused}");
    assert_eq!(place.lines("out", "tests.ndjson"), 0);
    place.import(&place.file("b.csv", table(20)), "out", false);
    assert_eq!(place.lines("out", "tests.ndjson"), 18);
}

#[test]
fn files_hold_identities_and_are_the_owners_alone() {
    let place = Place::new();
    place.import(&place.file("a.csv", table(10)), "out", false);
    #[cfg(unix)]
    for name in ["tests.ndjson", "rejects-tests.ndjson"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(place.folder.path().join("out").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_map_says_who_owns_and_when_it_became_known() {
    let path = Path::new("laboratory-results");
    let says = |owner: Option<&str>, known_at| super::map(path, owner, known_at).map(drop).unwrap_err().to_string();
    assert!(says(None, None).contains("give --owner"));
    assert!(says(Some("lab-a"), None).contains("give --known-at"));
    assert!(super::map(path, Some("lab-a"), Some(Instant(0))).is_ok());
    let missing = super::map(Path::new("no-such-map"), None, None).unwrap_err();
    assert!(missing.to_string().contains("Ready maps: "), "{missing}");
    assert_eq!(missing.exit_code(), 2);
}
