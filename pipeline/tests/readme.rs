//! The README's live lines, pasted one after another into a new shell, and again on another day.
//!
//! Owns the folder in which they are pasted: a checkout is only its `scripts` and the program. Reads the lines from the
//! README itself; must never say them once more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]
#![cfg(all(unix, feature = "kafka"))]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a shell does after the lines: each service still runs, and ends in order.
const END: &str = r#"
for service in $(jobs -p); do
    kill -0 "$service" || { echo "a service has ended" >&2; exit 1; }
    kill "$service"
done
wait
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The commands of a section of the README: its indented blocks.
fn lines_of(section: &str) -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let from = readme.split_once(&format!("\n## {section}\n")).expect(section).1;
    let text = from.split("\n## ").next().unwrap();
    text.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// A machine on which nobody has used fuma: a home, a build folder with the program, a checkout.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("build/release")).unwrap();
        fs::create_dir_all(path("checkout")).unwrap();
        fs::create_dir_all(path("cache")).unwrap();
        symlink(env!("CARGO_BIN_EXE_fuma"), path("build/release/fuma")).unwrap();
        symlink(root().join("scripts"), path("checkout/scripts")).unwrap();
        // Kafka itself is not downloaded once more.
        let downloaded = std::env::var_os("FUMA_CACHE")
            .map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/fuma-kafka"), PathBuf::from);
        for entry in fs::read_dir(downloaded).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.path().join("jars").is_dir() {
                symlink(entry.path(), path("cache").join(entry.file_name())).unwrap();
            }
        }
        Machine { folder }
    }

    /// A new shell in the checkout.
    fn shell(&self, script: &str) -> Output {
        let path = |name: &str| self.folder.path().join(name);
        let mut shell = Command::new("bash");
        shell.args(["-e", "-u", "-o", "pipefail", "-c", script]).current_dir(path("checkout"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FUMA_")) {
            shell.env_remove(name);
        }
        shell.env("CARGO_TARGET_DIR", path("build")).env("FUMA_CACHE", path("cache")).stdin(Stdio::null());
        shell.output().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.shell("scripts/kafka down");
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let tail = err.lines().rev().take(60).collect::<Vec<_>>();
    format!(
        "{} lines of output; at the end of what was said:\n{}",
        out.lines().count(),
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
    )
}

#[test]
fn the_live_lines_work_when_they_are_pasted_on_the_second_day_too() {
    let machine = Machine::new();
    let live = lines_of("Live");
    assert!(live.len() >= 7 && live.iter().any(|line| line.contains("scripts/kafka up")), "{live:?}");
    let mut changes = Vec::new();
    for day in ["first", "second"] {
        let output = machine.shell(&(live.join("\n") + END));
        assert!(output.status.success(), "the {day} day: {}", said(&output));
        let out = String::from_utf8(output.stdout).unwrap();
        let tokens: Vec<String> = out.split_whitespace().filter(|word| is_token(word)).map(str::to_owned).collect();
        assert!(tokens.len() > 100, "the {day} day: {} changes", tokens.len());
        changes.push(tokens);
    }
    // On the second day everything is there from the beginning; on the first a slow machine may still be judging.
    assert!(changes[1].len() >= changes[0].len(), "{} changes, then {}", changes[0].len(), changes[1].len());

    let explain: Vec<String> = lines_of("Why is somebody red?");
    let line = explain.join("\n").replace("TOKEN", &changes[0][0]);
    let output = machine.shell(&format!("{}\n{line}", live[0]));
    assert!(output.status.success(), "{line}: {}", said(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains(&changes[0][0]));
}

fn is_token(word: &str) -> bool {
    word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}
