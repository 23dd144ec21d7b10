//! Conveyances in a running service: what it announces is what a replay of the same feeds comes to, by each pack that
//! traces, also where it was killed in between.
//!
//! Owns the feeds: few people, trains, flights and phones, so that trips move, meet and go.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use fuma_schemas::Instant;

use crate::alone;
use crate::phones::{Chance, HOUR, PATIENCE, last, person};
use crate::process::{Process, fuma, output};
use crate::scrape::series;

const PEOPLE: u64 = 10;

/// Lines of trips, cases and bindings. What one adds revises what came before.
fn lines(chance: &mut Chance, count: u32, known: i64, round: i64) -> [String; 3] {
    let mut feeds = [String::new(), String::new(), String::new()];
    let at = |ms: i64| Instant(known - ms);
    // The same day for all rounds.
    let day = Instant(known.div_euclid(24 * HOUR) * 24 * HOUR - 72 * HOUR);
    for number in 0..count {
        let (who, id) = (chance.below(PEOPLE), chance.below(2));
        let revision = i64::from(number) + round * 1_000 + 1;
        let whose = match chance.below(6) {
            0 => format!(r#""phone":"00999 9900000{}""#, chance.below(3)),
            _ => format!(r#""person":"{}""#, person(who)),
        };
        let head = |whose: &str, id: &str| {
            format!(
                r#"{{"owner":"src-990001","revision":{revision},"known_at":"{}","id":"{id}",{whose}"#,
                Instant(known)
            )
        };
        let own = format!(r#""person":"{}""#, person(who));
        match chance.below(10) {
            0..=5 => {
                let says = match chance.below(6) {
                    0 => r#""retracted":true"#.to_owned(),
                    _ => {
                        let boarded = day.0 + (8 + chance.below(4) as i64) * HOUR;
                        let alighted = boarded + (1 + chance.below(4) as i64) * HOUR;
                        let on = match chance.below(2) {
                            0 => format!(
                                r#""mode":"rail","number":"G{}","carriage":"{}""#,
                                1 + chance.below(2),
                                1 + chance.below(2)
                            ),
                            _ => format!(
                                r#""mode":"air","number":"CA{}","row":{}"#,
                                1 + chance.below(2),
                                1 + chance.below(9)
                            ),
                        };
                        let date = &day.to_string()[..10];
                        let stretch =
                            format!(r#""boarded_at":"{}","alighted_at":"{}""#, Instant(boarded), Instant(alighted));
                        format!(r#"{on},"service_date":"{date}",{stretch}"#)
                    }
                };
                writeln!(feeds[0], r#"{},"kind":"trip",{says}}}"#, head(&whose, &format!("t{who}{id}"))).unwrap();
            }
            6..=8 => {
                let says = match chance.below(6) {
                    0 => r#""retracted":true"#.to_owned(),
                    1 => format!(r#""classification":"excluded","determined_at":"{}""#, at(20 * HOUR)),
                    _ => {
                        let determined = at((10 + chance.below(60) as i64) * HOUR);
                        format!(r#""classification":"confirmed","determined_at":"{determined}""#)
                    }
                };
                writeln!(feeds[1], "{},{says}}}", head(&own, &format!("c{id}"))).unwrap();
            }
            _ => {
                let (phone, since) = (chance.below(3), at((80 + chance.below(40) as i64) * HOUR));
                let says = format!(r#""phone":"00999 9900000{phone}","holder":"verified","since":"{since}""#);
                writeln!(feeds[2], "{},{says}}}", head(&own, &format!("b{id}"))).unwrap();
            }
        }
    }
    feeds
}

fn add(feeds: &Path, texts: &[String; 3]) {
    for (name, text) in ["travel.ndjson", "cases.ndjson", "bindings.ndjson"].iter().zip(texts) {
        let mut file = OpenOptions::new().create(true).append(true).open(feeds.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

/// How many are coloured by a rule of contacts: by nothing else than who was aboard, in these feeds.
fn contacts(expected: &BTreeMap<String, (String, Vec<String>)>, rules: &[&str]) -> usize {
    expected.values().filter(|(_, by)| by.iter().any(|rule| rules.contains(&rule.as_str()))).count()
}

fn traced_as_in_a_replay(pack: &str, rules: &[&str]) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let feeds = folder.path().join("feeds");
    fs::create_dir(&feeds).unwrap();
    let config = folder.path().join("fuma.toml");
    fs::write(&config, "[snapshots]\nevery = \"1s\"\nrecords = 3\n").unwrap();
    let ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let known = i64::try_from(ms).unwrap() - HOUR;
    let mut chance = Chance(20_221_201);
    let (watched, config) = (feeds.to_str().unwrap(), config.to_str().unwrap());
    let arguments = ["--watch", watched, "--workers", "2", "--config", config, "--policy", pack];
    let state = folder.path().join("state");
    let tail = |state: &Path| {
        let mut command = fuma(&["tail", "--from-beginning", "--until-idle", "0", "--json", "--state"]);
        command.arg(state);
        output(command)
    };
    let (mut announced, mut traced) = (BTreeMap::new(), 0);
    for round in 0..3_i64 {
        add(&feeds, &lines(&mut chance, 50, known + round * 60_000, round));
        let mut replay = fuma(&["replay", "--policy", pack, "--quiet", "--until"]);
        replay.arg(Instant(known + HOUR).to_string()).arg("--feeds").arg(&feeds);
        let expected = last(&output(replay));
        traced += contacts(&expected, rules);
        let mut service = Process::start(folder.path(), "state", &arguments);
        service.until_ready();
        let begun = std::time::Instant::now();
        service.until("everybody is as in the replay", |_| {
            announced = last(&tail(&state));
            announced == expected || begun.elapsed() > PATIENCE
        });
        assert_eq!(announced, expected, "{pack}, round {round}");
        if round == 2 {
            let has = |text: &str, name: &str| series(text).iter().any(|series| series.name == name);
            service.until("what is traced is told", |service| {
                let text = service.metrics();
                has(&text, "fuma_conveyance_contacts") && has(&text, "fuma_conveyances_crowded")
            });
            let stored =
                fs::read_dir(state.join("snapshots")).unwrap().flatten().flat_map(|of| fs::read_dir(of.path()));
            let mut rides =
                stored.flatten().flatten().filter(|of| of.file_name().to_string_lossy().starts_with("rides-"));
            assert!(rides.next().is_some(), "the rides are stored");
        }
        // Dropped, it is killed: nothing is written in order. The next one says another port.
        drop(service);
        fs::remove_file(folder.path().join("state.log")).unwrap();
    }
    assert!(traced > 3, "{pack}: people are coloured by who was aboard: {traced}");
}

#[test]
fn a_running_service_traces_by_zhejiang_2022_as_a_replay_does() {
    let _alone = alone();
    traced_as_in_a_replay("zhejiang-2022", &["Z22-R2", "Z22-Y4"]);
}

#[test]
fn a_running_service_traces_by_national_2020_as_a_replay_does() {
    let _alone = alone();
    traced_as_in_a_replay("national-2020", &["NP-Y1"]);
}
