//! Some thousand records of the last ten days, in two halves, and what a replay says of them.
//!
//! A synthetic district, and people whose state changes again and again. What a replay says depends on the hour: it is
//! asked again when it is old. Owns the files; they are made once and used by every case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant as Moment, SystemTime};

use fuma_schemas::Instant;
use serde_json::{Value, json};

use crate::announced::State;

pub(crate) const KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
pub(crate) const FUMA: &str = env!("CARGO_BIN_EXE_fuma");

const PEOPLE: usize = 150;
const CASES: usize = 6;
const CONTACTS_OF_A_CASE: usize = 8;
const REVISIONS_OF_A_CASE: usize = 7;
const DAYS: i64 = 10;
const HOUR_MS: i64 = 3_600_000;

/// Final states by person: those who are green are left out.
pub(crate) type States = BTreeMap<String, State>;

/// The files.
pub(crate) struct Feeds {
    folder: PathBuf,
    said: Mutex<BTreeMap<(String, bool), (Moment, States)>>,
}

pub(crate) fn now() -> Instant {
    Instant(i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap())
}

/// The files of this run of the tests.
pub(crate) fn feeds() -> &'static Feeds {
    static FEEDS: OnceLock<Feeds> = OnceLock::new();
    FEEDS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kill-matrix");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        make(&folder);
        Feeds { folder, said: Mutex::default() }
    })
}

impl Feeds {
    /// The folders of the first half, and of the second.
    pub(crate) fn halves(&self) -> [PathBuf; 2] {
        ["a", "b"].map(|half| self.folder.join(half))
    }

    /// The file with all owners.
    pub(crate) fn owners(&self) -> PathBuf {
        self.folder.join("owners.txt")
    }

    /// What a replay says of the first half, or of all, now or some seconds ago.
    pub(crate) fn expected(&self, pack: &str, all: bool) -> States {
        let key = (pack.to_owned(), all);
        let mut said = self.said.lock().unwrap();
        if let Some((_, states)) = said.get(&key).filter(|(at, _)| at.elapsed() < Duration::from_secs(15)) {
            return states.clone();
        }
        let folders = self.halves();
        let states = self.replay(pack, folders.get(..if all { 2 } else { 1 }).unwrap());
        said.insert(key, (Moment::now(), states.clone()));
        states
    }

    fn replay(&self, pack: &str, folders: &[PathBuf]) -> States {
        let output = Command::new(FUMA)
            .args(["replay", "--workers", "1", "--policy", pack, "--until", &now().to_string()])
            .arg("--owners")
            .arg(self.owners())
            .arg("--feeds")
            .args(folders)
            .env("FUMA_KEY", KEY)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut states = States::new();
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let change: Value = serde_json::from_slice(line).unwrap();
            states.insert(change["person"].as_str().unwrap().to_owned(), State::of(&change));
        }
        states.retain(|_, state| !state.is_green());
        states
    }
}

fn make(folder: &Path) {
    let begin = Instant(now().0 - DAYS * 24 * HOUR_MS).to_string();
    let district = folder.join("district");
    let status = Command::new(FUMA)
        .args(["demo", "--feeds-only", "--people", "220", "--days", &DAYS.to_string(), "--seed", "7"])
        .args(["--start", begin.get(..10).unwrap(), "--out-dir"])
        .arg(&district)
        .status()
        .unwrap();
    assert!(status.success());
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(&district).unwrap() {
        let path = entry.unwrap().path();
        let feed = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        // Without it a record became known when the broker took it; a replay refuses that.
        let dated = text.lines().filter(|line| line.contains("\"known_at\""));
        lines.entry(feed).or_default().extend(dated.map(str::to_owned));
    }
    add_people(&mut lines);
    add_cases(&mut lines);
    write(folder, &lines);
}

fn write(folder: &Path, lines: &BTreeMap<String, Vec<String>>) {
    let mut owners = BTreeSet::new();
    for (feed, lines) in lines {
        let (first, second) = lines.split_at(lines.len() / 2);
        for (half, lines) in [("a", first), ("b", second)] {
            fs::create_dir_all(folder.join(half)).unwrap();
            let mut file = File::create(folder.join(half).join(format!("{feed}.ndjson"))).unwrap();
            for line in lines {
                writeln!(file, "{line}").unwrap();
                let owner = line.split("\"owner\":\"").nth(1).and_then(|rest| rest.split('"').next());
                owners.extend(owner.filter(|owner| !owner.is_empty()));
            }
        }
    }
    let owners: Vec<&str> = owners.into_iter().collect();
    fs::write(folder.join("owners.txt"), owners.join("\n") + "\n").unwrap();
}

/// A record of a person that was known some hours ago.
fn record(who: usize, id: &str, revision: usize, hours_ago: i64, fields: &Value) -> String {
    let known_at = Instant(now().0 - hours_ago * HOUR_MS).to_string();
    let person = format!("{who:032x}");
    let mut record =
        json!({"owner": "src-990001", "id": id, "revision": revision, "person": person, "known_at": known_at});
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record.to_string()
}

fn hours_ago(hours: i64) -> String {
    Instant(now().0 - hours * HOUR_MS).to_string()
}

/// Each is isolated, has a fever, is released, is cleared; half of them are isolated again.
fn add_people(lines: &mut BTreeMap<String, Vec<String>>) {
    let (began, over) = (hours_ago(60), hours_ago(9));
    for (revision, known) in [(1, 50), (2, 8)] {
        for who in 1..=PEOPLE {
            let mut home = json!({"stage": "home", "basis": "contact", "started_at": began});
            let mut fever = json!({"symptom": "fever", "onset_at": began, "source": "clinic"});
            if revision == 2 {
                home["ended_at"] = json!(over);
                home["outcome"] = json!("released");
                fever["cleared_at"] = json!(over);
            }
            let text = record(who, &format!("home-{who}"), revision, known, &home);
            lines.entry("isolations".to_owned()).or_default().push(text);
            let text = record(who, &format!("fever-{who}"), revision, known, &fever);
            lines.entry("symptoms".to_owned()).or_default().push(text);
        }
    }
    for who in 1..=PEOPLE {
        let ward = json!({"stage": "hospital", "basis": "other", "started_at": over, "retracted": who % 2 == 0});
        let text = record(who, &format!("ward-{who}"), 1, 7, &ward);
        lines.entry("isolations".to_owned()).or_default().push(text);
    }
}

/// Contacts count while their case does, and the cases come and go.
fn add_cases(lines: &mut BTreeMap<String, Vec<String>>) {
    let (determined, exposed) = (hours_ago(50), hours_ago(55));
    for revision in 1..=REVISIONS_OF_A_CASE {
        for case in 0..CASES {
            let holds = (revision + case) % 2 == 0;
            let classification = if holds { "confirmed" } else { "excluded" };
            let fields = json!({"determined_at": determined, "classification": classification});
            let text = record(100_000 + case, &format!("case-{case}"), revision, 48 - revision as i64, &fields);
            lines.entry("cases".to_owned()).or_default().push(text);
        }
    }
    for contact in 0..CASES * CONTACTS_OF_A_CASE {
        let index_case = format!("src-990001/case-{}", contact % CASES);
        let fields = json!({"degree": "close", "determined_at": determined, "last_exposure_at": exposed,
            "index_case": index_case});
        let text = record(200_000 + contact, &format!("contact-{contact}"), 1, 47, &fields);
        lines.entry("contacts".to_owned()).or_default().push(text);
    }
}
