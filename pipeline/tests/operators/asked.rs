//! Clients ask a running service about people: what is answered is what was announced, before and after it is killed,
//! and who asked is recorded.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::alone;
use crate::process::{Process, feeds, fuma, output};

/// Colour, rules with since, until and due, since when, and what is next, of the last change of everybody.
fn announced(state: &std::path::Path) -> BTreeMap<String, (String, Vec<Value>)> {
    let mut command = fuma(&["tail", "--from-beginning", "--until-idle", "0", "--json", "--state"]);
    command.arg(state);
    let mut last = BTreeMap::new();
    for line in output(command).lines() {
        let change: Value = serde_json::from_str(line).unwrap();
        let rules = change["reasons"].as_array().unwrap().iter().map(|reason| reason["rule"].clone());
        let text = |name: &str| change[name].as_str().unwrap().to_owned();
        last.insert(text("person"), (text("to"), rules.collect()));
    }
    last
}

fn answered(service: &Process, person: &str) -> Value {
    let headers = "Authorization: Bearer of-the-line\r\nFuma-Purpose: call-1\r\n";
    let (status, body) = service.get_with(&format!("/v1/people/{person}"), headers);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Why: each reason has evidence with its owner and id, of the log, and the announcements come to the colour.
fn explained(service: &Process, person: &str) {
    let headers = "Authorization: Bearer of-the-line\r\nFuma-Purpose: call-1\r\n";
    let (status, body) = service.get_with(&format!("/v1/people/{person}/explain"), headers);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&answer["is_whole"], &answer["account"]["known"]), (&true.into(), &true.into()), "{body}");
    let active = answer["account"]["reasons"].as_array().unwrap().iter().filter(|reason| reason["phase"] == "active");
    let because: Vec<&Value> = active.flat_map(|reason| reason["because"].as_array().unwrap()).collect();
    assert!(!because.is_empty(), "{body}");
    assert!(
        because.iter().all(|fact| fact["record"]["owner"].is_string() && fact["record"]["id"].is_string()),
        "{body}"
    );
    let last = answer["announced"].as_array().unwrap().last().unwrap();
    assert_eq!(last["to"], answer["account"]["colour"], "{body}");
}

/// The list of colours comes to what was announced, and ends with a position.
fn listed(service: &Process, expected: &BTreeMap<String, (String, Vec<Value>)>) {
    let headers = "Authorization: Bearer of-the-audit\r\nFuma-Purpose: check\r\n";
    let (status, body) = service.get_with("/v1/colours", headers);
    assert_eq!(status, 200, "{body}");
    // Between the lines stand the lengths of the chunks.
    let lines: Vec<Value> = body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(lines.iter().any(|line| line["position"].is_string()), "{body}");
    let last: BTreeMap<&str, &str> =
        lines.iter().filter_map(|line| Some((line["person"].as_str()?, line["colour"].as_str()?))).collect();
    // Somebody's colour may end meanwhile.
    let same = expected.iter().filter(|(person, (colour, _))| last.get(person.as_str()) == Some(&colour.as_str()));
    let same = same.count();
    assert!(same * 10 > expected.len() * 9, "{same} of {} are the same", expected.len());
    assert_eq!(service.get_with("/v1/colours", "Authorization: Bearer of-the-line\r\nFuma-Purpose: a\r\n").0, 403);
}

/// A configuration with an official and an auditor.
fn configured(folder: &std::path::Path) -> std::path::PathBuf {
    let client = |name: &str, role: &str, token: &str| {
        let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("[[http.clients]]\nname = \"{name}\"\nrole = \"{role}\"\ntoken_sha256 = \"{hash}\"\n")
    };
    let config = folder.join("fuma.toml");
    let clients = client("line", "official", "of-the-line") + &client("audit", "auditor", "of-the-audit");
    fs::write(&config, clients).unwrap();
    config
}

#[test]
fn what_is_answered_is_what_was_announced_also_after_a_kill() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let feeds = feeds(folder.path(), "1000");
    let config = configured(folder.path());
    let arguments = ["--watch", feeds.to_str().unwrap(), "--workers", "2", "--config", config.to_str().unwrap()];
    let (state, mut before) = (folder.path().join("state"), BTreeMap::<String, Value>::new());
    for round in 0..2 {
        let mut service = Process::start(folder.path(), "state", &arguments);
        service.until_ready();
        let lag = |service: &mut Process| {
            let text = service.metrics();
            let lags: Vec<&str> =
                text.lines().filter(|line| line.starts_with("fuma_lag_records{stage=\"assess\"")).collect();
            !lags.is_empty() && lags.iter().all(|line| line.ends_with(" 0"))
        };
        service.until("all is judged", lag);
        let mut expected = BTreeMap::new();
        service.until("everybody is announced", |_| {
            let seen = announced(&state);
            let is_still = seen == expected && seen.len() > 10;
            expected = seen;
            std::thread::sleep(std::time::Duration::from_secs(1));
            is_still
        });
        let (mut coloured, mut others) = (0, 0);
        for (person, (colour, rules)) in &expected {
            let answer = answered(&service, person);
            assert_eq!(answer["colour"], colour.as_str(), "{answer}");
            let reasons = answer["reasons"].as_array().unwrap();
            let own: Vec<Value> = reasons.iter().map(|reason| reason["rule"].clone()).collect();
            assert_eq!(&own, rules, "{answer}");
            assert!(
                reasons.iter().all(|reason| reason["since"].is_string() && reason["clause"].is_string()),
                "{answer}"
            );
            coloured += usize::from(!reasons.is_empty());
            // As of another commit, and for the rest the same.
            let mut answer = answer;
            answer["as_of"] = Value::Null;
            let earlier = before.insert(person.clone(), answer.clone());
            // Somebody's colour may end between the two.
            let is_other = earlier.as_ref().is_none_or(|earlier| earlier["reasons"] != answer["reasons"]);
            others += usize::from(round == 1 && is_other);
            assert!(round == 0 || is_other || earlier == Some(answer.clone()), "{earlier:?} and then {answer}");
        }
        assert!(others * 10 < expected.len(), "{others} of {}", expected.len());
        assert!(coloured > 5, "{coloured} of {}", expected.len());
        let person = expected.iter().find(|(_, (_, rules))| !rules.is_empty()).map(|(person, _)| person).unwrap();
        explained(&service, person);
        listed(&service, &expected);
        assert_eq!(service.get_with("/v1/people/x", "").0, 401);
        if round == 0 {
            // What was looked up in the last two seconds may be lost with a process that is killed.
            std::thread::sleep(std::time::Duration::from_secs(3));
            service.kill();
        } else {
            service.stop();
        }
    }
    let mut command = fuma(&["audit", "--json", "--client", "line", "--state"]);
    command.arg(&state);
    let seen = output(command);
    for person in before.keys() {
        let of_person = seen.lines().filter(|line| line.contains(person.as_str())).count();
        assert!(of_person >= 2, "{person}: {of_person} look-ups are recorded");
    }
}
