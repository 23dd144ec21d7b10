//! The committed corpus of the fuzz targets, through the same functions, on every run of the tests.
//!
//! Owns the walk. What fuzzing finds becomes a file of `tests/fuzz/corpus/<target>`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use fuma_tests::decoders::{self, TARGETS};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

#[test]
fn no_file_of_the_corpus_breaks_a_decoder() {
    for (target, _) in TARGETS {
        let files = files(&fuzz().join("corpus").join(target));
        assert!(files.len() >= 5, "{target} has {} files", files.len());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let broken = std::panic::catch_unwind(|| decoders::run(target, &bytes)).is_err();
            assert!(!broken, "{}", file.display());
        }
    }
}

/// Every file cut short at every place of a few, and with a byte changed: cheap neighbours of the corpus.
#[test]
fn nor_do_its_neighbours() {
    for (target, _) in TARGETS {
        for file in files(&fuzz().join("corpus").join(target)) {
            let bytes = std::fs::read(&file).unwrap();
            for part in 1..8 {
                let at = bytes.len() * part / 8;
                decoders::run(target, &bytes[..at]);
                for change in [1, 0x20, 0x80] {
                    let mut changed = bytes.clone();
                    if let Some(byte) = changed.get_mut(at) {
                        *byte ^= change;
                    }
                    decoders::run(target, &changed);
                }
            }
        }
    }
}

/// A target that nobody can start, or that starts another, is none.
#[test]
fn every_target_is_a_fuzz_target() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} in tests/fuzz/Cargo.toml");
        let text = std::fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{target}.rs"))).unwrap();
        assert!(text.contains(&format!("decoders::run(\"{target}\", bytes)")), "{target}.rs runs {target}");
    }
}
