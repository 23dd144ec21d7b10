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

/// Fuzzing without a fuzzer, on stable: mutations of the corpus, always the same ones; FUMA_FUZZ_RUNS says how many a
/// target.
#[test]
fn nor_do_mutations() {
    let runs = std::env::var("FUMA_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2000);
    for (target, _) in TARGETS {
        let corpus: Vec<Vec<u8>> =
            files(&fuzz().join("corpus").join(target)).iter().map(|file| std::fs::read(file).unwrap()).collect();
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        for run in 0..runs {
            let bytes = mutated(&corpus, &mut chance);
            if std::panic::catch_unwind(|| decoders::run(target, &bytes)).is_err() {
                let found = std::env::temp_dir().join(format!("fuma-{target}-{run}"));
                std::fs::write(&found, &bytes).unwrap();
                panic!("{target} breaks: {}; make it a file of the corpus", found.display());
            }
        }
    }
}

/// Xorshift: the same numbers every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

fn mutated(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let until = (at + chance.below(12)).min(bytes.len());
        let other = &corpus[chance.below(corpus.len())];
        let from = chance.below(other.len() + 1);
        let piece = &other[from..(from + chance.below(40)).min(other.len())];
        match chance.below(5) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << chance.below(8)),
            1 => drop(bytes.drain(at..until)),
            2 => drop(bytes.splice(at..until, piece.iter().copied())),
            3 => bytes.insert(at, b"\"\\\n\r,:{}[]\0\xff-0.9T$%/*"[chance.below(21)]),
            _ => bytes.extend_from_within(at..until),
        }
    }
    bytes
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
