//! Packs that are published, signed by two, withdrawn, taken back and held: by the commands, on a folder, beside a
//! running service and without one. Each refusal is followed by what it advises.
//!
//! Owns the keys, which are made by `fuma policy keygen`.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use base64::Engine as _;
use fuma_connectors::folder::{FolderLog, FolderOptions};
use fuma_connectors::log::{Log as _, Outgoing, Topic};
use fuma_pipeline::live::decisions::basis::hex_of;
use fuma_pipeline::live::decisions::{Own, found};
use fuma_pipeline::live::record::Fingerprint;
use fuma_pipeline::live::service::policies::InForce;
use fuma_pipeline::policy::PackSource;
use fuma_schemas::Instant;
use ring::signature::Ed25519KeyPair;
use serde_json::Value;

use crate::alone;
use crate::process::{Process, fuma};

pub(crate) const FIRST: &str = "zhejiang-2020-109";
const SECOND: &str = "chongqing-2021-24";

/// An installation in a folder, with an author and an approver.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        // A publication of tiers is whole at once.
        let mut config = "[guard]\ntiers_settle = \"100ms\"\n".to_owned();
        for (name, role) in [("author", "author"), ("approver", "approver"), ("stranger", "")] {
            let key = place.said(&["policy", "keygen", &place.path(&format!("{name}.pem"))]);
            if !role.is_empty() {
                let key = key.trim();
                config += &format!("[[officials]]\nname = \"{name}\"\nkey = \"{key}\"\nroles = [\"{role}\"]\n");
            }
        }
        std::fs::write(place.path("fuma.toml"), config).unwrap();
        std::fs::create_dir(place.path("feeds")).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = fuma(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// A command that ends well.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// A command that is refused until somebody acts.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}\n{said}");
        said
    }

    pub(crate) fn list(&self) -> Value {
        serde_json::from_str(&self.said(&["policy", "list", "--json", "--state", "state"])).unwrap()
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.said(&["status", "--json", "--state", "state"])).unwrap()
    }

    /// Number, id and place of each switch.
    fn switches(&self) -> Vec<(u64, String, String)> {
        let list = self.list();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let switches = list["switches"].as_array().unwrap().iter();
        switches.map(|it| (it["number"].as_u64().unwrap(), text(&it["id"]), text(&it["place"]))).collect()
    }

    pub(crate) fn service(&self, policy: &[&str]) -> Process {
        let (feeds, config) = (self.path("feeds"), self.path("fuma.toml"));
        let mut arguments = vec!["--watch", &feeds, "--config", &config, "--workers", "1"];
        arguments.extend(policy);
        let mut service = Process::start(self.folder.path(), "state", &arguments);
        service.until_ready();
        service
    }

    /// What a start says that is refused.
    fn refused_start(&self, policy: &str) -> String {
        self.refused(&["run", "--http", "off", "--state", "state", "--policy", policy])
    }
}

/// The id of what a command published or held.
pub(crate) fn id_of(said: &str) -> String {
    let id = said.lines().find_map(|line| line.split_once(" as ").map(|(_, id)| id.to_owned()));
    id.unwrap_or_else(|| panic!("{said}"))
}

fn in_an_hour() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    Instant(i64::try_from(now).unwrap() + 3_600_000).to_string()
}

/// A signature that is made elsewhere, as the page or OpenSSL makes it.
fn signed_elsewhere(key: &str, bytes: &[u8], to: &Path) {
    let pem = std::fs::read_to_string(key).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap();
    std::fs::write(to, pair.sign(bytes).as_ref()).unwrap();
}

#[test]
fn a_pack_is_published_signed_withdrawn_and_taken_back() {
    let _alone = alone();
    let place = Place::new();
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(place.path("author.pem")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let again = place.run(&["policy", "keygen", &place.path("author.pem")]);
    assert!(!again.status.success(), "a key is never written over");
    let service = place.service(&["--policy", FIRST]);
    assert_eq!(place.switches(), [(1, FIRST.to_owned(), "in-force".to_owned())]);

    // Beside the running service.
    let at = in_an_hour();
    let publish = ["policy", "publish", SECOND, "--valid-from", &at, "--state", "state"];
    let said = place.said(&publish);
    let id = id_of(&said);
    assert!(said.contains("1 author(s) and 1 approver(s)"), "{said}");
    assert!(place.said(&publish).contains("published already"), "the first record counts");
    let approve = |key: &str| ["approve", &id, "--sign", key, "--state", "state"].map(str::to_owned);
    let words = |words: &[String]| words.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
    let run = |key: &str| place.run(&words(&approve(key)).iter().map(String::as_str).collect::<Vec<_>>());
    assert!(run("author.pem").status.success());
    for (key, why) in [("author.pem", "an earlier record says the same"), ("stranger.pem", "is no official's")] {
        let output = run(key);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(4) && said.contains(why), "{key}: {said}");
    }
    assert_eq!(place.switches().len(), 1, "one hand is not enough");
    let coming = place.status()["coming"][0].clone();
    assert_eq!(
        (&coming["number"], &coming["authors_missing"], &coming["approvers_missing"]),
        (&Value::Null, &0.into(), &1.into())
    );
    assert!(place.said(&["status", "--state", "state"]).contains("0 author(s), 1 approver(s) missing"));
    // The other hand signs elsewhere; a signature over other bytes is nobody's.
    let text = place.run(&["approve", &id, "--text", "--state", "state"]).stdout;
    assert!(text.starts_with(b"fuma-approval-v1\n") && text.ends_with(b"\n-\n"), "{}", String::from_utf8_lossy(&text));
    let file = PathBuf::from(place.path("signature"));
    signed_elsewhere(&place.path("approver.pem"), b"other", &file);
    place.refused(&["approve", &id, "--signature", "signature", "--state", "state"]);
    signed_elsewhere(&place.path("approver.pem"), &text, &file);
    let said = place.said(&["approve", &id, "--signature", "signature", "--state", "state"]);
    assert!(said.contains("switch 2, from "), "{said}");
    let list = place.list();
    assert_eq!(list["switches"][1]["signed"], serde_json::json!(["author", "approver"]));
    assert_eq!(list["switches"][1]["document"], "渝肺炎组办发〔2021〕24号");
    assert_eq!(list["switches"][1]["place"], "coming");
    let coming = place.status()["coming"][0].clone();
    assert_eq!(
        (&coming["number"], &coming["policy"]["id"], &coming["at"]),
        (&2.into(), &SECOND.into(), &at.as_str().into())
    );
    let said = place.said(&["status", "--state", "state"]);
    assert!(said.contains(&format!("next switch   2 to {SECOND} 1.0.0")) && said.contains("may still be"), "{said}");
    let log = place.said(&["policy", "log", "--state", "state"]);
    assert!(log.contains(&format!("--policy {SECOND}@{at}")), "{log}");
    place.said(&["withdraw", &id, "--reason", "not yet", "--sign", "author.pem", "--state", "state"]);
    assert_eq!(place.switches().len(), 1);
    let refused = place.refused(&publish);
    assert!(refused.contains("Give another --valid-from"), "{refused}");
    let said = service.stop();
    assert!(said.contains("a pack is scheduled") && said.contains("not scheduled any more"), "{said}");
    assert!(said.contains("a decision counts for nothing"), "loudly, in the log of the service: {said}");

    without_a_service(&place);
}

/// Nobody runs: the log is written by the command. A start puts nothing in force, and says what does.
fn without_a_service(place: &Place) {
    let refused = place.refused_start(SECOND);
    let advice = format!("fuma policy publish {SECOND} --valid-from INSTANT");
    assert!(refused.contains(&advice), "{refused}");
    let sign = ["--sign", "author.pem", "--state", "state"];
    let published = place.said(&[&["policy", "publish", SECOND, "--at-once"], &sign[..]].concat());
    let id = id_of(&published);
    place.said(&["policy", "approve", &id, "--sign", "approver.pem", "--state", "state"]);
    assert_eq!(place.switches().last().unwrap(), &(3, SECOND.to_owned(), "in-force".to_owned()));
    let refused = place.refused_start(FIRST);
    assert!(refused.contains(&format!("has {SECOND} 1.0.0 in force")), "{refused}");
    place.service(&["--policy", SECOND]).stop();

    // Back, with a reason; a start without a pack takes it from the log.
    let back = ["policy", "publish", FIRST, "--at-once"];
    let refused = place.refused(&[&back, &sign[..]].concat());
    assert!(refused.contains("--rollback with a reason"), "{refused}");
    let why = ["--rollback", "--reason", "a fault"];
    let id = id_of(&place.said(&[&back, &why[..], &sign[..]].concat()));
    place.said(&["policy", "approve", &id, "--sign", "approver.pem", "--state", "state"]);
    assert_eq!(place.switches().last().unwrap(), &(4, FIRST.to_owned(), "in-force".to_owned()));
    let log: Value = serde_json::from_str(&place.said(&["policy", "log", "--json", "--state", "state"])).unwrap();
    let switch = log.as_array().unwrap().iter().rev().find_map(|event| event["switch"].as_object()).unwrap();
    assert_eq!((&switch["number"], &switch["rollback"]), (&4.into(), &"a fault".into()));
}

#[test]
fn a_service_without_a_pack_takes_the_one_of_the_log_and_a_hold_is_seen() {
    let _alone = alone();
    let place = Place::new();
    let none = place.run(&["run", "--http", "off", "--state", "state", "--config", "fuma.toml"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("no policy pack"), "{none:?}");
    place.service(&["--policy", FIRST]).stop();
    let mut command = fuma(&["run", "--http", "off", "--state", "state", "--config", "fuma.toml"]);
    let mut child = command.current_dir(place.folder.path()).stderr(Stdio::null()).spawn().unwrap();
    let begun = std::time::Instant::now();
    let status = || -> Value { serde_json::from_str(&place.said(&["status", "--json", "--state", "state"])).unwrap() };
    let is_owned = |status: &Value| {
        let partitions = status["partitions"].as_array().unwrap();
        partitions.iter().all(|partition| partition["state"] == "owned")
    };
    while !is_owned(&status()) {
        assert!(begun.elapsed().as_secs() < 60, "{}", status());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(status()["policy"]["id"], FIRST);
    let id = id_of(&place.said(&["hold", "--all", "--reason", "red for everybody", "--state", "state"]));
    assert_eq!(status()["holds"][0]["reason"], "red for everybody");
    assert!(place.said(&["status", "--state", "state"]).contains("HELD"));
    // Nobody releases it but an approver.
    let refused = place.refused(&["withdraw", &id, "--reason", "over", "--state", "state"]);
    assert!(refused.contains(&format!("fuma approve {id} --sign KEY")), "{refused}");
    // Nobody releases it unseen.
    let is_counted = |status: &Value| {
        let partitions = status["partitions"].as_array().unwrap();
        partitions.iter().all(|partition| partition["withheld"]["to_judge"] == 0)
    };
    while !is_counted(&status()) {
        assert!(begun.elapsed().as_secs() < 90, "{}", status());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let shown = place.refused(&["approve", &id, "--sign", "approver.pem", "--state", "state"]);
    assert!(shown.contains("--yes"), "{shown}");
    assert_eq!(status()["holds"][0]["id"], *id);
    let said = place.said(&["approve", &id, "--sign", "approver.pem", "--yes", "--state", "state"]);
    assert!(said.contains("its release changes what was announced of 0 people"), "{said}");
    assert!(!said.contains("not counted"), "{said}");
    assert_eq!(status()["holds"], serde_json::json!([]));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// An older build wrote the name of the pack, and not its contents: the same pack goes on, under its number.
#[test]
fn an_installation_of_an_older_build_goes_on_with_its_pack_alone() {
    let _alone = alone();
    let place = Place::new();
    {
        let key = fuma_pipeline::intake::Key::from_hex(&"5a".repeat(32)).unwrap().fingerprint();
        let options = FolderOptions { key: Some(hex_of(&key)), ..FolderOptions::new(place.path("state"), 4, 1) };
        let log = FolderLog::open(&options).unwrap();
        found(&log, &Own { names: None, key: Fingerprint(key) }, 1).unwrap();
        let mut appender = log.appender("older").unwrap();
        for id in [SECOND, FIRST, FIRST] {
            let pack = PackSource::built_in(id).unwrap().digest()[..16].to_owned();
            let record = InForce { pack, id: id.into(), version: "1.0.0".into(), key: None };
            let value = serde_json::to_vec(&record).unwrap().into();
            appender.append(Topic::Policies, Outgoing { value, ..Outgoing::default() }).unwrap();
        }
        appender.flush().unwrap();
    }
    for other in [SECOND, "national-2020"] {
        let refused = place.refused_start(other);
        assert!(refused.contains(&format!("start once with {FIRST} 1.0.0")), "{refused}");
    }
    place.service(&["--policy", FIRST]).stop();
    assert_eq!(place.switches(), [(2, FIRST.to_owned(), "in-force".to_owned())]);
    assert!(place.refused_start(SECOND).contains("fuma policy publish"));
}
