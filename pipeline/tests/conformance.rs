//! The conformance vectors through the binary: their own `check` script, with one worker and with several.
//!
//! The vectors are no part of the project: FUMA_CONFORMANCE names their folder, otherwise shared/conformance beside
//! the checkout is taken. Without them, or without python3, this says so and passes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder of the vectors; none, and why, when they cannot be run.
fn vectors() -> Result<PathBuf, String> {
    let folder =
        std::env::var_os("FUMA_CONFORMANCE").map_or_else(|| root().join("../shared/conformance"), PathBuf::from);
    if !folder.join("check").is_file() {
        return Err(format!("no {}/check", folder.display()));
    }
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        return Err("no python3".to_owned());
    }
    Ok(folder)
}

fn check(workers: u32) {
    let folder = match vectors() {
        Ok(folder) => folder,
        Err(reason) => return eprintln!("conformance vectors skipped: {reason}"),
    };
    let output = Command::new("python3")
        .arg(folder.join("check"))
        .arg(env!("CARGO_BIN_EXE_fuma"))
        .arg("--packs")
        .arg(root().join("pipeline/policies"))
        .args(["--workers", &workers.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{workers} workers:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{workers} workers: {}", said.trim_end());
}

#[test]
fn every_vector_with_one_worker() {
    check(1);
}

#[test]
fn every_vector_with_three_workers() {
    check(3);
}
