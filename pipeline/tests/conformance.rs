//! The whole set of conformance vectors through the binary: their own `check` script, with one worker and with several.
//!
//! The set is not part of the repository: FUMA_CONFORMANCE names its folder, otherwise shared/conformance beside the
//! checkout is taken. So these tests are ignored unless asked for; `scripts/test` runs the set where it is found. The
//! vectors in `tests/vectors` run always.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn check(workers: u32) {
    let folder =
        std::env::var_os("FUMA_CONFORMANCE").map_or_else(|| root().join("../shared/conformance"), PathBuf::from);
    assert!(folder.join("check").is_file(), "no {}/check: name the folder with FUMA_CONFORMANCE", folder.display());
    // The binary that is run checks its invariants.
    let output = Command::new("python3")
        .env("FUMA_CHECK_INVARIANTS", "1")
        .arg(folder.join("check"))
        .arg(env!("CARGO_BIN_EXE_fuma"))
        .args(["--part", "core", "--part", "policies"])
        .arg("--packs")
        .arg(root().join("pipeline/policies"))
        .args(["--workers", &workers.to_string()])
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{workers} workers:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{workers} workers: {}", said.trim_end());
}

#[test]
#[ignore = "needs the set of vectors (FUMA_CONFORMANCE) and python3; scripts/test runs it where it is found"]
fn every_vector_with_one_worker() {
    check(1);
}

#[test]
#[ignore = "needs the set of vectors (FUMA_CONFORMANCE) and python3; scripts/test runs it where it is found"]
fn every_vector_with_three_workers() {
    check(3);
}
