//! A pack is changed, published, signed by two, switched in a running service, and taken back; and the service is
//! killed in the middle of a switch. By the real binary, on a folder.
//!
//! Owns the comparison with a replay under the schedule.

use std::collections::BTreeMap;
use std::io::Write as _;

use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::Log as _;
use fuma_pipeline::live::worker::announcement::read_back;
use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;
use serde_json::Value;
use sha2::Digest as _;

use crate::alone;
use crate::decided::{FIRST, Place, id_of};
use crate::process::Process;

const PARTITIONS: u32 = 4;
const PEOPLE: u32 = 600;

/// A change as the log has it: person, state after, and of a switch its number and the state before.
struct Change {
    person: String,
    after: String,
    switch: Option<(u64, String)>,
}

/// Stays in a medium region that were left 11 to 13 days ago, and others: fourteen days colour them, ten do not.
fn feeds(place: &Place, now: Instant) {
    let day = |days: i64| Instant(now.0 - days * DAY_MS);
    let file = |name: &str| std::fs::File::create(format!("{}/{name}", place.path("feeds"))).unwrap();
    let head =
        |id: &str| format!("{{\"owner\":\"src-990001\",\"id\":\"{id}\",\"revision\":1,\"known_at\":\"{}\"", day(1));
    let mut regions = file("regions.ndjson");
    let tier =
        format!("\"region\":\"330106\",\"tier\":\"medium\",\"since\":\"{}\",\"authority\":\"headquarters\"", day(40));
    writeln!(regions, "{},{tier}}}", head("t1")).unwrap();
    let mut travel = file("travel.ndjson");
    for number in 0..PEOPLE {
        let left = day(5 + i64::from(number % 12));
        let stay = format!(
            "\"person\":\"{:032x}\",\"kind\":\"stay\",\"region\":\"330106001\",\"arrived_at\":\"{}\",\
             \"left_at\":\"{left}\",\
             \"source\":\"telecom\"",
            u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            day(30),
        );
        writeln!(travel, "{},{stay}}}", head(&format!("s{number}"))).unwrap();
    }
}

/// The changes of a log in a folder, in order of each partition.
fn changes(place: &Place) -> Vec<Change> {
    let key = fuma_pipeline::intake::Key::from_hex(&"5a".repeat(32)).unwrap().fingerprint();
    let hex = fuma_pipeline::live::decisions::basis::hex_of(&key);
    let options = FolderOptions { key: Some(hex), ..FolderOptions::new(place.path("state"), PARTITIONS, 1) };
    let log = FolderLog::open(&options).unwrap();
    let mut restorer = log.worker(0).unwrap().restorer().unwrap();
    let mut changes = Vec::new();
    for partition in 0..PARTITIONS {
        let mut each = |record| {
            let read = read_back(&record).unwrap();
            let (person, switch) = (read.person.to_string(), read.switch);
            let mut rules = read.rules;
            rules.sort();
            let after =
                if rules.is_empty() { "green".to_owned() } else { format!("{}:{}", read.colour, rules.join(",")) };
            changes.push(Change { person, after, switch });
            true
        };
        restorer.read_output(partition, 0, &mut each).unwrap();
    }
    changes
}

fn states(changes: &[Change]) -> BTreeMap<String, String> {
    let states = changes.iter().map(|change| (change.person.clone(), change.after.clone()));
    let mut states: BTreeMap<String, String> = states.collect();
    states.retain(|_, after| after != "green");
    states
}

/// Who is not green in the end of a replay, and whom each later pack changed.
fn replayed(place: &Place, policies: &[&str]) -> BTreeMap<String, String> {
    let mut arguments = vec!["replay", "--feeds", "feeds", "--tick", "1s"];
    policies.iter().for_each(|policy| arguments.extend(["--policy", *policy]));
    let until = now().to_string();
    arguments.extend(["--until", &until]);
    let mut states = BTreeMap::new();
    for line in place.said(&arguments).lines().filter(|line| line.starts_with('{')) {
        let change: Value = serde_json::from_str(line).unwrap();
        let rules = change["reasons"].as_array().unwrap().iter().map(|reason| reason["rule"].as_str().unwrap());
        let mut rules: Vec<&str> = rules.collect();
        rules.sort_unstable();
        rules.dedup();
        let person = change["person"].as_str().unwrap().to_owned();
        match change["to"].as_str().unwrap() {
            "green" => drop(states.remove(&person)),
            colour => drop(states.insert(person, format!("{colour}:{}", rules.join(",")))),
        }
    }
    states
}

fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant(i64::try_from(since.as_millis()).unwrap())
}

/// A copy of the first pack with ten days in place of fourteen after a region.
fn ten_days(place: &Place) {
    let source = fuma_pipeline::policy::PackSource::built_in(FIRST).unwrap();
    for (path, contents) in &source.files {
        let path = format!("{}/{path}", place.path("ten-days"));
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        let contents = match path.ends_with("policy.toml") {
            true => contents
                .replace("id = \"zhejiang-2020-109\"", "id = \"ten-days\"")
                .replace("region_days = 14", "region_days = 10"),
            false => contents.clone(),
        };
        std::fs::write(path, contents).unwrap();
    }
    cases(place);
}

/// The cases that said fourteen days say ten: file, line, and the day of November that is another.
fn cases(place: &Place) {
    let edits = [
        ("R8", &[32, 33][..], "21", "17"),
        ("R8", &[38, 39], "18", "14"),
        ("Y2", &[8, 9, 46, 48, 50, 52, 96], "18", "14"),
        ("Y2", &[76, 79], "19", "15"),
        ("Y2", &[104, 105], "20", "16"),
    ];
    for name in ["R8", "Y2"] {
        let path = format!("{}/cases/ZJ-{name}.case", place.path("ten-days"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (_, numbers, from, to) in edits.into_iter().filter(|(file, ..)| *file == name) {
            let (from, to) = (format!("2021-11-{from} "), format!("2021-11-{to} "));
            for line in numbers.iter().map(|number| number - 1) {
                assert!(lines[line].contains(&from), "{}", lines[line]);
                lines[line] = lines[line].replace(&from, &to);
            }
        }
        if name == "Y2" {
            // Who left a moment after the fourteenth midnight is not coloured at all by ten days.
            lines.splice(16..18, ["expect B  always green".to_owned()]);
        }
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
}

/// Published and signed by two hands, at once; the second has seen a preview, if there is one.
fn published(place: &Place, pack: &str, more: &[&str], preview: Option<&str>) {
    let publish =
        [&["policy", "publish", pack, "--at-once", "--sign", "author.pem", "--state", "state"], more].concat();
    let id = id_of(&place.said(&publish));
    let mut approve = vec!["policy", "approve", &id, "--sign", "approver.pem", "--state", "state"];
    approve.extend(preview.into_iter().flat_map(|digest| ["--preview", digest]));
    place.said(&approve);
}

/// What a switch came to, once all partitions together have a digest.
fn settled(place: &Place, number: usize) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let outcome = place.list()["switches"][number - 1]["outcome"].clone();
        if !outcome["digest"].is_null() {
            return outcome;
        }
        assert!(begun.elapsed().as_secs() < 60, "{outcome}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// The digest of docs/feeds.md section 6, written out.
fn digest_of(changes: &[&Change]) -> String {
    let line = |change: &&Change| {
        let before = change.switch.as_ref().map(|(_, before)| before.clone()).unwrap();
        format!("{} {before} {}\n", change.person, change.after)
    };
    let mut lines: Vec<String> = changes.iter().map(line).collect();
    lines.sort();
    let digest = sha2::Sha256::digest(lines.concat().as_bytes());
    fuma_pipeline::live::decisions::basis::hex_of(&digest)
}

/// Waits until every partition has finished a switch.
fn finished(service: &mut Process, number: u64) {
    service.until("every partition has finished the switch", |service| {
        let said = service.said();
        let done = |line: &&str| {
            line.contains("a partition has finished a switch") && line.contains(&format!("switch={number} "))
        };
        said.lines().filter(done).count() as u32 == PARTITIONS
    });
}

fn judged(service: &mut Process) {
    service.until("everybody is judged", |service| {
        let metrics = service.metrics();
        let coloured = metrics.lines().filter(|line| line.starts_with("fuma_people{") && !line.contains("green"));
        coloured.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() > f64::from(PEOPLE) * 0.7
    });
}

/// What was previewed beside the running service is what the switch announced, in each partition; nobody had to be
/// named.
fn is_the_outcome(preview: &Value, outcome: &Value) {
    let named = |cause: &str| {
        preview["partitions"].as_array().unwrap().iter().map(|it| it[cause].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(["touched", "due", "crowded", "failed"].map(named), [0_u64; 4], "{preview}");
    assert_eq!((preview["partial"].as_bool(), preview["digest"].as_str().map(str::len)), (Some(false), Some(64)));
    assert_eq!(preview["changes"], outcome["changes"], "{preview} {outcome}");
    let parts = |value: &Value| {
        let parts = value["partitions"].as_array().unwrap().iter();
        let part = |it: &Value| ["partition", "people", "changes", "digest"].map(|name| it[name].clone());
        let mut parts: Vec<[Value; 4]> = parts.map(part).collect();
        parts.sort_by_key(|part| part[0].as_u64());
        parts
    };
    assert_eq!(parts(preview).len() as u32, PARTITIONS);
    assert_eq!(parts(preview), parts(outcome));
}

/// The files of the state folder, but for those that grow and the snapshots, which the service writes.
fn stamps(place: &Place) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(place.path("state"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            match path.is_dir() {
                true if path.ends_with("snapshots") => {}
                true => folders.push(path),
                false => found.push(path.display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn ten_days_for_fourteen_in_a_running_service_and_back() {
    let _alone = alone();
    let place = Place::new();
    ten_days(&place);
    feeds(&place, now());
    let config = std::fs::read_to_string(place.path("fuma.toml")).unwrap();
    std::fs::write(place.path("fuma.toml"), format!("{config}\n[snapshots]\nrecords = 1\n")).unwrap();
    let mut service = place.service(&["--policy", FIRST]);
    judged(&mut service);
    // What officials see before they sign is what the switch then says that it did, over all partitions.
    let folder = stamps(&place);
    let preview = place.said(&["policy", "preview", "ten-days", "--state", "state", "--json", "--named", "named.txt"]);
    let preview: Value = serde_json::from_str(&preview).unwrap();
    assert_eq!(stamps(&place), folder, "who looks makes no file");
    let previewed = preview["digest"].as_str().unwrap().to_owned();
    published(&place, "ten-days", &[], Some(&previewed));
    finished(&mut service, 2);
    let whole = settled(&place, 2);
    assert_eq!((whole["digest"].as_str(), &whole["as_previewed"]), (Some(previewed.as_str()), &true.into()), "{whole}");
    assert!(place.said(&["policy", "log", "--state", "state"]).contains(", as previewed by approver"));
    let list = place.list();
    is_the_outcome(&preview, &list["switches"][1]["outcome"]);
    let at = list["switches"][1]["from"].as_str().unwrap_or_else(|| panic!("{list}"));
    let outcome = list["switches"][1]["outcome"].clone();
    assert!(place.said(&["policy", "log", "--state", "state"]).contains(" people changed"), "{list}");
    service.stop();
    let there = changes(&place);
    let by_switch: Vec<&Change> = there.iter().filter(|change| change.switch.is_some()).collect();
    assert!(by_switch.len() as u32 > PEOPLE / 6, "{} changes", by_switch.len());
    assert_eq!(digest_of(&by_switch), previewed);
    assert_eq!(outcome["changes"].as_u64(), Some(by_switch.len() as u64), "{outcome}");
    assert_eq!(outcome["partitions"].as_array().map(Vec::len), Some(PARTITIONS as usize), "{outcome}");
    assert!(
        by_switch
            .iter()
            .all(|change| change.switch.as_ref().is_some_and(|(number, before)| *number == 2 && before != "green"))
    );
    assert!(states(&there) == replayed(&place, &["ten-days"]), "as the new pack has it");
    let scheduled = format!("ten-days@{at}");
    assert!(states(&there) == replayed(&place, &[FIRST, &scheduled]), "as a replay with the schedule has it");

    // Of a service that has ended, too: from the snapshots that it left. A partition without its log is named.
    let said = place.said(&["policy", "preview", FIRST, "--state", "state", "--json"]);
    let ended: Value = serde_json::from_str(&said).unwrap();
    assert!(ended["partitions"].as_array().unwrap().iter().all(|it| it["snapshot"].is_u64()), "{ended}");
    assert_eq!((&ended["changes"], &ended["after"]), (&preview["changes"], &preview["before"]), "{ended}");
    std::fs::rename(place.path("state/log/evidence-0001"), place.path("aside")).unwrap();
    let partial: Value =
        serde_json::from_str(&place.said(&["policy", "preview", FIRST, "--state", "state", "--json"])).unwrap();
    assert_eq!((&partial["partial"], &partial["digest"]), (&Value::Bool(true), &Value::Null));
    assert!(partial["partitions"][1]["missing"].is_string() && partial["partitions"][0]["digest"].is_string());
    std::fs::rename(place.path("aside"), place.path("state/log/evidence-0001")).unwrap();

    // Back, by the same path; exactly those who were changed are changed back.
    let mut service = place.service(&["--policy", "ten-days"]);
    // Approved by a preview of something else: said, and not refused.
    published(&place, FIRST, &["--rollback", "--reason", "ten days are too few"], Some(&previewed));
    finished(&mut service, 3);
    assert_eq!(settled(&place, 3)["as_previewed"], false);
    assert!(place.said(&["policy", "log", "--state", "state"]).contains("NOT AS PREVIEWED by approver"));
    service.stop();
    let back = changes(&place);
    let by_rollback = back.iter().filter(|change| change.switch.as_ref().is_some_and(|(number, _)| *number == 3));
    assert_eq!(by_rollback.count(), by_switch.len());
    assert!(states(&back) == replayed(&place, &[FIRST]), "as the first pack has it");
}

/// Killed in the middle of a switch: who comes next goes on, nobody is told twice, and the outcome is told whole.
#[test]
fn a_service_that_is_killed_in_the_middle_of_a_switch() {
    let _alone = alone();
    let place = Place::new();
    ten_days(&place);
    feeds(&place, now());
    let config = std::fs::read_to_string(place.path("fuma.toml")).unwrap();
    std::fs::write(place.path("fuma.toml"), format!("{config}\n[commit]\npage = 8\n")).unwrap();
    let mut service = place.service(&["--policy", FIRST]);
    judged(&mut service);
    published(&place, "ten-days", &[], None);
    service.until("the switch has begun", |service| service.said().contains("another pack judges"));
    // SIGKILL.
    drop(service);
    let mut service = place.service(&["--policy", "ten-days"]);
    // What was finished and written before is not said again: the gauges tell.
    service.until("everybody is judged by the new pack", |service| {
        let metrics = service.metrics();
        let of =
            |name: &str| metrics.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect::<Vec<_>>();
        let (numbers, sweeps) = (of("fuma_policy_number{"), of("fuma_sweep_remaining_people{"));
        numbers.len() as u32 == PARTITIONS
            && numbers.iter().all(|line| line.ends_with(" 2"))
            && sweeps.iter().all(|line| line.ends_with(" 0"))
    });
    let whole = settled(&place, 2);
    service.stop();
    let there = changes(&place);
    let by_switch: Vec<&Change> = there.iter().filter(|change| change.switch.is_some()).collect();
    assert_eq!(whole["digest"], digest_of(&by_switch), "also what was announced before it was killed");
    let people: std::collections::BTreeSet<&str> = by_switch.iter().map(|change| change.person.as_str()).collect();
    assert!(
        people.len() == by_switch.len() && people.len() as u32 > PEOPLE / 6,
        "{} of {}",
        people.len(),
        by_switch.len()
    );
    assert!(states(&there) == replayed(&place, &["ten-days"]), "as the new pack has it");
}
