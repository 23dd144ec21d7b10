//! The binary from a line of arguments, and a small folder of feeds: shared by the tests of commands.
//!
//! Owns how the binary is started. Must never read what the caller's environment says.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The key of all tokens here.
pub(crate) const KEY: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
/// The person of whom there is a record.
pub(crate) const KNOWN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The pack that judges.
pub(crate) const PACK: &str = "zhejiang-2020-109";

/// `fuma` with a line of arguments, and nothing of the environment that says what to read.
pub(crate) fn fuma(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuma"));
    command
        .args(line.split_whitespace())
        .env("FUMA_KEY", KEY)
        .env("FUMA_CHECK_INVARIANTS", "1")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    for variable in ["FUMA_BOOTSTRAP", "FUMA_CONFIG", "FUMA_POLICY", "FUMA_STATE"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a line of arguments to its end.
pub(crate) fn run(line: &str) -> Output {
    fuma(line).output().unwrap()
}

/// What it wrote to standard output.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it wrote to standard error.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with one close contact, who is red and overdue on 20 November.
pub(crate) fn feeds() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let contact = format!(
        concat!(
            r#"{{"owner":"src","id":"c1","person":"{}","known_at":"2021-11-03T12:00:00+08:00","degree":"close","#,
            r#""determined_at":"2021-11-03T10:00:00+08:00","last_exposure_at":"2021-11-01T20:00:00+08:00"}}"#
        ),
        KNOWN
    );
    std::fs::write(folder.path().join("contacts.ndjson"), contact + "\n").unwrap();
    folder
}

/// A command with the pack and a folder of feeds.
pub(crate) fn with_feeds(command: &str, feeds: &Path) -> String {
    format!("{command} --policy {PACK} --feeds {} --workers 1", feeds.display())
}
