//! Drop folders as they are used: each file once, whole, with a report; what is wrong in one stops nobody else; what a
//! kill has left half done is gone on with.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::taking::{self, Outcome, take};
use super::waiting::Waiting;
use super::{Delivery, Prepared, report};
use crate::config::ImportConfig;
use crate::intake::Key;

const MAP: &str = r#"
feed = "tests"
zone = "+08:00"
[constants]
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
const GOOD: &str = "number,sampled,result\n990101199003070015,2022-03-05 08:00,neg\n\
                    990101199003070015,2022-03-06 08:00,maybe\n";

struct Place {
    _folder: TempDir,
    drop: PathBuf,
    state: PathBuf,
    prepared: Prepared,
    delivery: Delivery,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let (drop, state) = (folder.path().join("drop"), folder.path().join("state"));
        fs::create_dir(&drop).unwrap();
        let map = folder.path().join("m.toml");
        fs::write(&map, MAP).unwrap();
        let text = format!("folder = {:?}\nmaps = [{:?}]\nowner = 'lab-a'\n", drop, map);
        let config: ImportConfig = toml::from_str(&text).unwrap();
        assert_eq!(config.problems("lab"), []);
        let key = Key::from_hex(&"5a".repeat(32)).unwrap();
        let prepared = Prepared::read("lab", &config, &key, state.join("imports/lab")).unwrap();
        let delivery = Delivery::Followed(state.join("feeds.json"));
        Place { _folder: folder, drop, state: state.join("imports/lab"), prepared, delivery }
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.drop.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The records that intake finds.
    fn records(&self) -> Vec<Value> {
        let folder = self.state.join("feeds");
        let texts = self.names(&folder).into_iter().map(|name| fs::read_to_string(folder.join(name)).unwrap());
        texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
            .collect()
    }

    fn take(&self, path: &Path) -> Outcome {
        take(&self.prepared, path, &self.delivery).unwrap().outcome
    }

    fn report(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.drop.join(name)).unwrap()).unwrap()
    }
}

#[test]
fn a_file_is_taken_once_and_moved_with_its_report() {
    let place = Place::new();
    assert_eq!(place.take(&place.put("results.csv", GOOD)), Outcome::Done);
    let records = place.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["owner"], "lab-a");
    // The map does not say when it became known: when the file was written.
    assert!(records[0]["known_at"].is_string());
    let done = ["results.csv", "results.csv.rejects-tests.ndjson", "results.csv.report.json"];
    assert_eq!(place.names(&place.drop.join("done")), done);
    let report = place.report("done/results.csv.report.json");
    assert_eq!((&report["outcome"], &report["records"]), (&Value::from("done"), &Value::from(1)));
    assert_eq!(report["rejects"]["unmapped-value"], 1);
    let rejects = fs::read_to_string(place.drop.join("done/results.csv.rejects-tests.ndjson")).unwrap();
    assert!(rejects.contains("\"row\":3") && !rejects.contains("maybe"), "{rejects}");
    assert!(place.names(&place.state.join("work")).is_empty());
    // The same bytes under another name change nothing, and are moved as well.
    assert_eq!(place.take(&place.put("results-again.csv", GOOD)), Outcome::Repeated);
    assert_eq!(place.records().len(), 1);
    assert_eq!(place.report("done/results-again.csv.report.json")["outcome"], "repeated");
    // Another file of the first name does not go over it.
    assert_eq!(place.take(&place.put("results.csv", &GOOD.replace("03-05", "03-07"))), Outcome::Done);
    assert_eq!(place.records().len(), 2);
    assert_eq!(place.names(&place.drop.join("done")).len(), 8);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_the_reason() {
    let place = Place::new();
    for (name, text) in [("letter.pdf", "%PDF-1.4\n"), ("other.csv", "a,b\n1,2\n"), ("empty.csv", "")] {
        assert_eq!(place.take(&place.put(name, text)), Outcome::Refused);
        let report = place.report(&format!("refused/{name}.report.json"));
        assert!(report["refused"][0]["code"].is_string(), "{report}");
        assert!(!place.drop.join(name).exists());
    }
    assert!(place.records().is_empty());
    // Refused is not taken: after the map is repaired the same file may come again.
    assert_eq!(place.take(&place.put("letter.pdf", "%PDF-1.4\n")), Outcome::Refused);
    assert_eq!(place.take(&place.put("results.csv", GOOD)), Outcome::Done);
}

#[test]
fn what_a_kill_has_left_is_gone_on_with_and_nothing_is_there_twice() {
    // Killed after the import, before the records were delivered.
    let place = Place::new();
    let path = place.put("results.csv", GOOD);
    let key = super::super::table::fingerprint_of(&path, &place.prepared.maps, &place.prepared.inputs).unwrap();
    let work = place.state.join("work").join(&key[..32]);
    let one = taking::import(&place.prepared, &path, &work).unwrap();
    assert!(place.records().is_empty());
    assert_eq!(place.take(&path), Outcome::Done);
    assert_eq!((place.records().len(), one.counts.records), (1, 1));
    assert_eq!(place.report("done/results.csv.report.json")["records"], 1);

    // Killed after the delivery, before it was noted.
    let place = Place::new();
    let path = place.put("results.csv", GOOD);
    let work = place.state.join("work").join(&key[..32]);
    let one = taking::import(&place.prepared, &path, &work).unwrap();
    place.delivery.deliver(&place.prepared, &one.feeds, &work, &key).unwrap();
    assert_eq!(place.take(&path), Outcome::Done);
    assert_eq!(place.records().len(), 1);
    assert_eq!(place.report("done/results.csv.report.json")["rejects"]["unmapped-value"], 1);

    // Killed after it was noted, before it was moved.
    let place = Place::new();
    let path = place.put("results.csv", GOOD);
    let work = place.state.join("work").join(&key[..32]);
    let one = taking::import(&place.prepared, &path, &work).unwrap();
    place.delivery.deliver(&place.prepared, &one.feeds, &work, &key).unwrap();
    report::keep(&report::Report::new(&place.prepared, &path, &key, Outcome::Done, Some(&one)), &work).unwrap();
    taking::note(&place.state, &key).unwrap();
    assert_eq!(place.take(&path), Outcome::Done);
    assert_eq!(place.records().len(), 1);
    assert_eq!(place.report("done/results.csv.report.json")["records"], 1);
    assert_eq!(place.names(&place.drop), ["done"]);
}

#[test]
fn what_is_being_written_is_left_alone() {
    let place = Place::new();
    let mut waiting = Waiting::default();
    let mut look = |settle: u64| waiting.look(&place.drop, Duration::from_millis(settle)).unwrap();
    for name in ["a.csv.part", "b.csv.tmp", ".c.csv", "d.csv.filepart", "~e.xlsx"] {
        place.put(name, GOOD);
    }
    fs::create_dir(place.drop.join("done")).unwrap();
    let path = place.put("f.csv", "number");
    // Seen for the first time, and then too young.
    assert_eq!(look(0), (Vec::new(), 1));
    assert_eq!(look(3_600_000), (Vec::new(), 1));
    place.put("f.csv", GOOD);
    // Changed: it is as new.
    assert_eq!(look(0), (Vec::new(), 1));
    assert_eq!(look(0), (vec![path.clone()], 1));
    fs::remove_file(&path).unwrap();
    assert_eq!(look(0), (Vec::new(), 0));
}

#[test]
fn records_go_when_intake_has_read_them() {
    let place = Place::new();
    assert_eq!(place.take(&place.put("results.csv", GOOD)), Outcome::Done);
    let feeds = place.state.join("feeds");
    let name = place.names(&feeds).remove(0);
    let length = fs::metadata(feeds.join(&name)).unwrap().len();
    let Delivery::Followed(positions) = &place.delivery else { panic!("followed") };
    for (bytes, left) in [(length - 1, 1), (length, 0)] {
        place.delivery.tidy(&place.prepared).unwrap();
        assert_eq!(place.names(&feeds).len(), 1);
        fs::write(positions, format!("{{\"/elsewhere/{name}\":{{\"bytes\":{bytes},\"lines\":1}}}}")).unwrap();
        place.delivery.tidy(&place.prepared).unwrap();
        assert_eq!(place.names(&feeds).len(), left);
    }
}

#[test]
fn an_import_says_what_is_wrong_with_it() {
    let of = |text: &str| toml::from_str::<ImportConfig>(text).unwrap();
    let problems = |name: &str, text: &str| of(text).problems(name).into_iter().map(|(setting, _)| setting).collect();
    let found: Vec<&str> = problems("Lab A", "folder = 's3://bucket/drop'\nmaps = []\nowner = 'A'\nsettle = '1ms'");
    assert_eq!(found, ["folder", "folder", "maps", "owner", "settle"]);
    assert!(of("folder = 's3://b/c'\nmaps = ['m']").problems("a")[0].1.contains("object stores are not read"));
    let key = Key::from_hex(&"5a".repeat(32)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (maps, says) in
        [("laboratory-result", "Ready maps"), ("railway-journeys", "timetable"), ("telecom-itinerary", "codes")]
    {
        let config = of(&format!("folder = {:?}\nmaps = ['{maps}']\nowner = 'a'", folder.path()));
        let error = Prepared::read("a", &config, &key, folder.path().join("state")).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}
