//! What is deployed fits the program: the manifest's configuration, its limits, the image, the rights on Kafka.
//!
//! Owns the comparison of `scripts/deploy` with the code. Starts no container and no broker.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use fuma_connectors::log::Topics;
use fuma_pipeline::config::{Config, Listen};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The configuration in the manifest, as the program reads it.
fn config_of_manifest(manifest: &str) -> Config {
    let from = manifest.split_once("  fuma.toml: |\n").expect("fuma.toml").1;
    let lines = from.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let text: String = lines.map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or_default())).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuma.toml");
    std::fs::write(&file, text).unwrap();
    Config::load(Some(&file), &[], Vec::new()).unwrap_or_else(|error| panic!("the manifest: {error}")).0
}

/// The number after a word.
fn number_after(text: &str, word: &str) -> u64 {
    let rest = text.split_once(word).unwrap_or_else(|| panic!("no {word}")).1.trim_start();
    rest.chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap_or_else(|_| panic!("{word}: {rest}"))
}

#[test]
fn the_manifest_holds_a_configuration_that_loads_and_fits_it() {
    let manifest = read("scripts/deploy/kubernetes.yaml");
    let config = config_of_manifest(&manifest);
    assert!(config.is_on_kafka() && config.policy.is_some());
    assert!(config.snapshots_url().starts_with("s3://"), "a pod that moves would lose a folder of its own");
    let key = config.key_file.expect("a key file: the environment is shown by `kubectl describe`");
    let mounts: Vec<&str> =
        manifest.split("mountPath: ").skip(1).map(|rest| rest.split([',', '}']).next().unwrap()).collect();
    for path in [key.to_str().unwrap(), config.state.to_str().unwrap()] {
        assert!(mounts.iter().any(|mount| path.starts_with(mount)), "{path} is mounted nowhere: {mounts:?}");
    }
    let Listen::At(address) = config.http.listen else { panic!("probes need a port") };
    assert_eq!(number_after(&manifest, "containerPort:"), u64::from(address.port()));
    let grace = number_after(&manifest, "terminationGracePeriodSeconds:");
    assert!(grace > config.shutdown.deadline.as_secs(), "killed before it has ended in order");
    assert!(manifest.contains("limits: {cpu: "), "without it `workers = 0` is the number of cores of the node");
    assert!(manifest.contains("kind: NetworkPolicy"));
    for probe in ["/livez", "/readyz", "/startupz"] {
        assert!(manifest.contains(&format!("path: {probe}")), "{probe}");
    }
    assert!(manifest.contains(&format!("image: fuma:{}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_image_runs_as_the_user_of_the_manifest() {
    let (manifest, image) = (read("scripts/deploy/kubernetes.yaml"), read("scripts/deploy/Dockerfile"));
    let user = number_after(&image, "\nUSER ");
    assert!(user > 0 && user == number_after(&manifest, "runAsUser:"));
    assert!(image.contains(&format!("-o {user} -g {user}")), "its folder belongs to it");
    let health = image.split_once("HEALTHCHECK").expect("a health check").1;
    assert!(health.contains("/livez") && health.contains("9464"));
    assert!(image.contains("STOPSIGNAL SIGTERM") && image.contains("ENTRYPOINT [\"/usr/bin/fuma\"]"));
    let unit = read("scripts/deploy/fuma.service");
    assert!(unit.contains("RestartPreventExitStatus=4") && number_after(&unit, "TimeoutStopSec=") > 25);
}

/// The recipe names each topic, and none that is no more. That it is enough, and not more, `scripts/acl-check` tries on
/// a broker.
#[test]
fn the_rights_of_the_service_name_every_topic() {
    let output = Command::new(root().join("scripts/deploy/acl")).args(["service", "--prefix", "x."]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let named: BTreeSet<String> = rows.filter(|row| row[0] == "topic").map(|row| row[2].to_owned()).collect();
    let topics: BTreeSet<String> = Topics::all().into_iter().map(|topic| topic.name("x.")).collect();
    assert_eq!(named, topics);
    for role in ["topics", "check", "reader", "status", "operator"] {
        assert!(Command::new(root().join("scripts/deploy/acl")).arg(role).output().unwrap().status.success(), "{role}");
    }
    let everything = Command::new(root().join("scripts/deploy/acl")).arg("sender").output().unwrap();
    assert!(!everything.status.success(), "a sender names its feed");
}
