//! The exactly-once stage in runs from seeds, in which everything goes wrong that can.
//!
//! FUMA_SEEDS sets how many seeds are run, FUMA_SEED which is the first (or the only one that is looked at).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_tests::live::chaos;

/// Names the seed when a run fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run of FUMA_SEED={} FUMA_SEEDS=1 failed", self.0);
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_goes_wrong_every_change_is_announced_once() {
    let (first, seeds) = (number("FUMA_SEED", 1), number("FUMA_SEEDS", 200));
    let (mut changes, mut deaths, mut aborts) = (0, 0, 0);
    for seed in first..first + seeds {
        let _named = Seed(seed);
        let ran = chaos::run(seed);
        changes += ran.changes.len();
        deaths += ran.deaths;
        aborts += ran.aborts;
    }
    eprintln!("{seeds} seeds: {changes} changes, {deaths} deaths, {aborts} aborts");
    if seeds >= 20 {
        assert!(changes as u64 > 20 * seeds && deaths as u64 > seeds && aborts as u64 > seeds, "much happens");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(chaos::run(11), chaos::run(11));
}
