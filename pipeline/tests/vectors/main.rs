//! The vectors of this folder through the binary: an oracle that needs nothing but this repository (I-1).
//!
//! Owns the comparison: every field of every change and its order; of rejects feed, file, line and code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bytes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Vectors whose answer this version does not give yet, each with the reason. The list only shrinks.
const NOT_YET: &[(&str, &str)] = &[];

/// How many vectors there are at least: nobody takes them away by accident.
const VECTORS_MIN: usize = 40;

#[derive(Deserialize)]
struct Vector {
    id: String,
    title: String,
    pack: Packs,
    tick: String,
    until: Option<String>,
    owners: Option<Vec<String>>,
    feeds: BTreeMap<String, Box<RawValue>>,
    damaged: Option<String>,
    changes: Option<Vec<Value>>,
    rejects: Option<Vec<Value>>,
}

/// The words of `--policy`: one pack, or a schedule.
#[derive(Deserialize)]
#[serde(untagged)]
enum Packs {
    One(String),
    Schedule(Vec<String>),
}

impl Packs {
    fn words(&self) -> &[String] {
        match self {
            Packs::One(word) => std::slice::from_ref(word),
            Packs::Schedule(words) => words,
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn vectors() -> Vec<Vector> {
    let entries = std::fs::read_dir(folder().join("cases")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.iter().map(read).collect()
}

#[test]
fn every_vector_gives_its_answer() {
    let vectors = vectors();
    assert!(vectors.len() >= VECTORS_MIN, "{} vectors", vectors.len());
    let mut wrong = Vec::new();
    for (number, vector) in vectors.iter().enumerate() {
        // One worker and several by turns: the number changes nothing.
        let workers = 1 + 2 * (number % 2);
        let Err(difference) = check(vector, workers) else { continue };
        match NOT_YET.iter().find(|(id, _)| *id == vector.id) {
            Some((id, reason)) => eprintln!("not yet: {id}: {reason}"),
            None => wrong.push(format!("{} ({}): {difference}", vector.id, vector.title)),
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_is_not_yet_is_a_vector() {
    let ids: Vec<String> = vectors().into_iter().map(|vector| vector.id).collect();
    for (id, _) in NOT_YET {
        assert!(ids.iter().any(|other| other == id), "{id} is not a vector");
    }
}

/// The first difference, if there is one.
fn check(vector: &Vector, workers: usize) -> Result<(), String> {
    let place = tempfile::tempdir().unwrap();
    let output = replayed(vector, workers, place.path());
    let said = String::from_utf8_lossy(&output.stderr);
    let [changes, rejects] = ["changes.ndjson", "rejects.ndjson"].map(|name| place.path().join(name));
    if let Some(damaged) = &vector.damaged {
        let written = [&changes, &rejects].into_iter().find(|path| path.exists());
        return match output.status.code() {
            Some(2) if said.contains(damaged.as_str()) && written.is_none() => Ok(()),
            code => Err(format!("{damaged} is damaged: exit code {code:?}, written {written:?}, said {said}")),
        };
    }
    if !output.status.success() {
        return Err(format!("{}: {said}", output.status));
    }
    same("change", vector.changes.as_deref().unwrap(), &lines(&changes))?;
    let rejects: Vec<Value> = lines(&rejects).iter().map(position_and_code).collect();
    same("reject", vector.rejects.as_deref().unwrap(), &rejects)
}

fn replayed(vector: &Vector, workers: usize, place: &Path) -> Output {
    let feeds = place.join("feeds");
    std::fs::create_dir(&feeds).unwrap();
    for (name, contents) in &vector.feeds {
        std::fs::write(feeds.join(name), bytes::of_file(contents.get())).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuma"));
    command.env_remove("FUMA_KEY").arg("replay").arg("--key-file").arg(folder().join("key"));
    for word in vector.pack.words() {
        command.args(["--policy", word]);
    }
    command.args(["--tick", &vector.tick, "--workers", &workers.to_string()]);
    command.arg("--feeds").arg(&feeds).arg("--out").arg(place.join("changes.ndjson"));
    command.arg("--rejects").arg(place.join("rejects.ndjson"));
    if let Some(until) = &vector.until {
        command.args(["--until", until]);
    }
    if let Some(owners) = &vector.owners {
        std::fs::write(place.join("owners"), owners.join("\n")).unwrap();
        command.arg("--owners").arg(place.join("owners"));
    }
    command.output().unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn position_and_code(reject: &Value) -> Value {
    ["feed", "file", "line", "code"].into_iter().map(|name| (name.to_owned(), reject[name].clone())).collect()
}

fn same(what: &str, expected: &[Value], got: &[Value]) -> Result<(), String> {
    for number in 0..expected.len().max(got.len()) {
        let [expected, got] = [expected, got].map(|all| all.get(number));
        if expected != got {
            let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            return Err(format!("{what} {}:\n  expected {}\n  got      {}", number + 1, shown(expected), shown(got)));
        }
    }
    Ok(())
}
