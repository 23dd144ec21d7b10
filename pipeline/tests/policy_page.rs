//! The commands of `docs/policy.md`, run one after another as they stand there; and what they leave behind.
//!
//! Owns the folder in which they are run. Reads the lines from the page itself; must never say them once more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The commands of one language: the indented lines of its half.
fn commands(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let page = fs::read_to_string(page).unwrap();
    let half = page.split_once(&format!("\n## {language}\n")).expect(language).1;
    let half = half.split("\n## ").next().unwrap();
    half.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// What waits, by the last `--json` that was written: a hold, else the newest proposal.
fn waiting(folder: &Path) -> String {
    let list: Value =
        fs::read(folder.join("list.json")).map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
    let last = |name: &str| list[name].as_array().and_then(|all| all.last()).and_then(|it| it["id"].as_str());
    last("holds").or_else(|| last("proposals")).unwrap_or_default().to_owned()
}

fn shell(folder: &Path, line: &str) -> Output {
    let bin: PathBuf = folder.join("bin");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-e", "-u", "-o", "pipefail", "-c", line]).current_dir(folder).env("PATH", path).env_remove("FUMA_KEY");
    shell.output().unwrap()
}

#[test]
fn both_languages_have_the_same_commands_and_each_works() {
    let lines = commands("中文");
    assert_eq!(lines, commands("English"));
    assert!(lines.len() >= 11, "{lines:?}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_fuma"), folder.join("bin/fuma")).unwrap();
    let mut said = Vec::new();
    for line in &lines {
        let token = fs::read_to_string(folder.join("lines.txt")).unwrap_or_default();
        let token = token.split(' ').next().unwrap_or_default().to_owned();
        let line_of_page = line.replace("TOKEN", &token).replace(" ID ", &format!(" {} ", waiting(folder)));
        let output = shell(folder, &line_of_page);
        let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{line}\n{out}\n{err}");
        said.push((line.as_str(), out, err));
    }
    let of = |word: &str| said.iter().find(|(line, ..)| line.contains(word)).expect(word);
    // The cases of the changed pack fail, and the page says so.
    assert!(of("policy test").1.contains("FAILED  ZJ-Y2"), "{}", of("policy test").1);
    assert!(of("policy compare").1.contains("region_days: 14 -> 10"));
    let cases: Vec<_> = fs::read_dir(folder.join("differences")).unwrap().collect();
    assert!(!cases.is_empty(), "differences are written as cases");
    assert!(of("policy mutate").1.contains("0 live"), "{}", of("policy mutate").1);
    let preview: Value = serde_json::from_str(&of("--json").1).unwrap();
    let lines = fs::read(folder.join("lines.txt")).unwrap();
    let digest: String = Sha256::digest(&lines).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(preview["digest"], digest.as_str(), "the digest is that of the lines");
    let count = lines.iter().filter(|byte| **byte == b'\n').count();
    assert!(count > 0 && preview["changes"] == count, "{}", preview["changes"]);
    assert!(fs::read_to_string(folder.join("preview.html")).unwrap().contains("<svg"));
    // The switch of the replay is the one that was previewed.
    assert!(of("--draft").2.contains(&digest), "{}", of("--draft").2);
    let log = said.iter().rev().find(|(line, ..)| line.contains("policy log")).unwrap().1.as_str();
    for word in ["approved", "withdrawn", "rollback", "--policy chongqing-2021-24@", "switch 3"] {
        assert!(log.contains(word), "{word}\n{log}");
    }
    assert!(!log.contains("NOT APPLIED"), "{log}");
    assert!(of("fuma explain").1.contains("ten-days") || !of("fuma explain").1.is_empty());
}
