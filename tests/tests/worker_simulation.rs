//! The exactly-once stage in runs from seeds, in which everything goes wrong that can, and what those runs are worth:
//! with a rule of docs/recovery.md left out they have to fail.
//!
//! FUMA_SEEDS sets how many seeds are run, FUMA_SEED which is the first (or the only one that is looked at).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use fuma_tests::live::chaos;
use fuma_tests::simulated::LeftOut;

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
#[expect(clippy::disallowed_methods, reason = "seeds an hour are told; nothing is decided by them")]
fn whatever_goes_wrong_every_change_is_announced_once() {
    let (first, seeds) = (number("FUMA_SEED", 1), number("FUMA_SEEDS", 200));
    let (mut changes, mut deaths, mut aborts, mut ms, mut trims) = (0, 0, 0, 0, 0);
    let (mut away, mut damaged, mut links) = (0, 0, 0);
    let begun = std::time::Instant::now();
    for seed in first..first + seeds {
        let _named = Seed(seed);
        let ran = chaos::run(seed);
        changes += ran.changes.len();
        deaths += ran.deaths;
        aborts += ran.aborts;
        ms += ran.ms;
        trims += ran.trims;
        (away, damaged, links) = (away + ran.store_faults[0], damaged + ran.store_faults[1], links + ran.links);
    }
    let hours = begun.elapsed().as_secs_f64() / 3_600.0;
    eprintln!(
        "{seeds} seeds: {changes} changes, {deaths} deaths, {aborts} aborts, {trims} times retention, {away} times \
         no store, {damaged} damaged snapshots, {links} links traced; in an hour {:.0} seeds and {:.0} simulated hours",
        seeds as f64 / hours,
        ms as f64 / 3_600_000.0 / hours,
    );
    if seeds >= 20 {
        assert!(changes as u64 > 15 * seeds && deaths as u64 > seeds && aborts as u64 > seeds, "much happens");
        assert!(trims as u64 > seeds / 20, "restores need snapshots: {trims}");
        assert!(away as u64 > seeds / 4 && damaged as u64 > seeds / 25 && links > seeds, "{away} {damaged} {links}");
    }
}

#[test]
fn the_same_seed_is_the_same_run_step_by_step() {
    // With trace, without; with snapshots and without.
    for seed in [10, 11, 12, 13] {
        let (one, other) = (chaos::run(seed), chaos::run(seed));
        assert!(one.trace.len() > 50, "{} steps", one.trace.len());
        assert_eq!(one, other);
    }
}

/// One test at a time may make panics silent.
static SILENT: Mutex<()> = Mutex::new(());

/// Whether a run with a rule left out fails.
fn is_caught(seed: u64, rule: LeftOut) -> bool {
    catch_unwind(AssertUnwindSafe(|| chaos::run_without(seed, Some(rule)))).is_err()
}

/// Seeds, from `first` on, until one fails; none: so many did not.
fn seeds_until_caught(first: u64, rule: LeftOut, most: u64) -> Option<u64> {
    (0..most).find(|tried| is_caught(first + tried, rule)).map(|tried| tried + 1)
}

/// Each rule is missed when it is left out: a run that passes without it says nothing of it.
#[test]
fn a_rule_that_is_left_out_is_missed() {
    let _one = SILENT.lock().unwrap();
    for rule in LeftOut::ALL.into_iter().filter(|rule| !rule.is_covered()) {
        let tried = seeds_until_caught(1, rule, 200);
        eprintln!("{}: {rule:?} is missed after {tried:?} seeds", rule.rule());
        assert!(tried.is_some(), "{}: nobody misses {rule:?}", rule.rule());
    }
}

/// A fault that only one run of a hundred has is found, and it is that run that fails.
#[test]
fn a_planted_fault_in_one_of_a_hundred_runs_is_found() {
    let _one = SILENT.lock().unwrap();
    let planted = (1..=100).find(|seed| is_caught(*seed, LeftOut::Rollback)).unwrap();
    let has_fault = |seed: u64| (seed == planted).then_some(LeftOut::Rollback);
    let failed: Vec<u64> = (1..=100)
        .filter(|seed| catch_unwind(AssertUnwindSafe(|| chaos::run_without(*seed, has_fault(*seed)))).is_err())
        .collect();
    assert_eq!(failed, [planted]);
}

/// The table of ARCHITECTURE.md: `scripts/long simulation` prints it.
#[test]
#[ignore = "a table for ARCHITECTURE.md: scripts/long simulation"]
fn how_many_seeds_until_each_rule_is_missed() {
    let _one = SILENT.lock().unwrap();
    let (times, most) = (number("FUMA_TIMES", 25), number("FUMA_SEEDS_MAX", 400));
    println!("| rule | left out | median seeds until it is missed | most | not within {most} |");
    println!("|---|---|---|---|---|");
    for rule in LeftOut::ALL {
        let tried: Vec<Option<u64>> =
            (0..times).map(|time| seeds_until_caught(1_000 * (time + 1), rule, most)).collect();
        let mut found: Vec<u64> = tried.iter().flatten().copied().collect();
        found.sort_unstable();
        let (median, last) = (found.get(found.len() / 2), found.last());
        let missing = tried.len() - found.len();
        println!("| {} | {rule:?} | {median:?} | {last:?} | {missing} |", rule.rule());
    }
}
