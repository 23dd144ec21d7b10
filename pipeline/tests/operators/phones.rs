//! Records of phones in a running service: what it announces is what a replay of the same feeds comes to, also where it
//! was killed in between.
//!
//! Owns the feeds: few people and phones, so that bindings move, meet and go.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use fuma_schemas::Instant;

use crate::alone;
use crate::process::{Process, fuma, output};
use crate::scrape::series;

/// How long it may take until what is announced is what the replay says.
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
pub(super) const HOUR: i64 = 3_600_000;
const PEOPLE: u64 = 12;
const PHONES: u64 = 8;

/// Numbers that come again with the same seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub(super) fn person(number: u64) -> String {
    format!("{:032x}", (u128::from(number) + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// Lines of bindings and of listings by phone. What one adds revises what came before.
fn lines(chance: &mut Chance, count: u32, known: i64) -> [String; 2] {
    let (mut bindings, mut listings) = (String::new(), String::new());
    let at = |ms: i64| Instant(known - ms);
    for number in 0..count {
        let (id, phone, who) = (chance.below(4), chance.below(PHONES), chance.below(PEOPLE));
        let revision = i64::from(number) + known % 1_000_000_000 / 1_000;
        let head = format!(r#"{{"owner":"src-990001","revision":{revision},"known_at":"{}""#, Instant(known));
        if chance.below(3) == 0 {
            let says = match chance.below(4) {
                0 => r#""retracted":true"#.to_owned(),
                _ => format!(
                    r#""colour":"{}","approver":"headquarters","basis":"spatiotemporal","document":"99-1",
                    "starts_at":"{}","expires_at":"{}""#,
                    ["red", "yellow"][chance.below(2) as usize],
                    at(chance.below(40) as i64 * HOUR),
                    Instant(known + 200 * HOUR)
                )
                .replace('\n', "")
                .replace("  ", ""),
            };
            writeln!(listings, r#"{head},"id":"l{id}","phone":"+999 9900000{phone}",{says}}}"#).unwrap();
            continue;
        }
        let says = match chance.below(5) {
            0 => r#""retracted":true"#.to_owned(),
            _ => {
                let since = chance.below(60) as i64 * HOUR;
                let until = match chance.below(3) {
                    0 => format!(r#","until":"{}""#, at((since - chance.below(50) as i64 * HOUR).max(0))),
                    _ => String::new(),
                };
                format!(r#""phone":"00999 9900000{phone}","holder":"verified","since":"{}"{until}"#, at(since))
            }
        };
        writeln!(bindings, r#"{head},"id":"b{id}","person":"{}",{says}}}"#, person(who)).unwrap();
    }
    [bindings, listings]
}

fn add(feeds: &Path, [bindings, listings]: &[String; 2]) {
    for (name, text) in [("bindings.ndjson", bindings), ("listings.ndjson", listings)] {
        let mut file = OpenOptions::new().create(true).append(true).open(feeds.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

/// Who is not green in the end, and by which rules, of changes as lines of JSON.
pub(super) fn last(changes: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let mut last = BTreeMap::new();
    for line in changes.lines() {
        let change: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut rules: Vec<String> =
            change["reasons"].as_array().unwrap().iter().map(|reason| text(&reason["rule"])).collect();
        rules.dedup();
        last.insert(text(&change["person"]), (text(&change["to"]), rules));
    }
    last.retain(|_, (to, _)| to != "green");
    last
}

#[test]
fn a_running_service_attaches_phones_as_a_replay_does() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let feeds = folder.path().join("feeds");
    fs::create_dir(&feeds).unwrap();
    let config = folder.path().join("fuma.toml");
    let settings =
        "[snapshots]\nevery = \"1s\"\nrecords = 3\n[feeds.listings]\nowners = [\"src-990001\", \"headquarters\"]\n";
    fs::write(&config, settings).unwrap();
    let ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let known = i64::try_from(ms).unwrap() - HOUR;
    let mut chance = Chance(20_211_130);
    let arguments = ["--watch", feeds.to_str().unwrap(), "--workers", "2", "--config", config.to_str().unwrap()];
    let state = folder.path().join("state");
    let tail = |state: &Path| {
        let mut command = fuma(&["tail", "--from-beginning", "--until-idle", "0", "--json", "--state"]);
        command.arg(state);
        output(command)
    };
    let mut announced = BTreeMap::new();
    for round in 0..3_i64 {
        add(&feeds, &lines(&mut chance, 40, known + round * 60_000));
        let mut replay = fuma(&["replay", "--policy", "zhejiang-2020-109", "--quiet", "--until"]);
        replay.arg(Instant(known + HOUR).to_string()).arg("--feeds").arg(&feeds);
        let expected = last(&output(replay));
        assert!(expected.len() > 1, "round {round}: somebody is coloured by a phone");
        let mut service = Process::start(folder.path(), "state", &arguments);
        service.until_ready();
        let begun = std::time::Instant::now();
        service.until("everybody is as in the replay", |_| {
            announced = last(&tail(&state));
            announced == expected || begun.elapsed() > PATIENCE
        });
        assert_eq!(announced, expected, "round {round}");
        if round == 2 {
            let has =
                |text: &str, name: &str| series(text).iter().any(|series| series.name == name && series.value > 0.0);
            service.until("what waits is told", |service| {
                let text = service.metrics();
                has(&text, "fuma_phone_records_attached") && has(&text, "fuma_phone_records_waiting")
            });
            let stored =
                fs::read_dir(state.join("snapshots")).unwrap().flatten().flat_map(|of| fs::read_dir(of.path()));
            let phones =
                stored.flatten().flatten().filter(|of| of.file_name().to_string_lossy().starts_with("phones-"));
            assert!(phones.count() > 0, "the phones are stored");
        }
        // Dropped, it is killed: nothing is written in order.
        drop(service);
    }
}
