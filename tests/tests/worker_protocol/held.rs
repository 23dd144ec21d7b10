//! The emergency stop: nothing is announced while it holds, by whoever owns a partition; then all of it, once.

use fuma_pipeline::live::partitions::Withheld;
use fuma_tests::live::lines::{listing, person, retracted_listing};
use fuma_tests::live::{Member, Setup, chaos};
use fuma_tests::simulated::Fault;

use crate::switch::{judged, outcome, setup, switches};
use crate::{DAY, Stage, step, zhejiang};

#[test]
fn nothing_is_announced_while_everything_is_held_and_nothing_is_lost() {
    let mut stage = Stage::new();
    let setup = Setup::of(zhejiang());
    let words = setup.words.clone();
    let a = Member::new(&stage.cluster, "a", setup.clone());
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(500);
    assert_eq!(stage.steps(), [step("green", "red")]);
    assert!(words.hold(true) && !words.hold(true));
    stage.feed.write(&[listing(person(2), "l2", "yellow", stage.now(), DAY)]);
    a.run(1000);
    assert_eq!(stage.steps().len(), 1, "held");
    // Neither who leaves, nor who takes over, nor who comes after a kill.
    a.leave();
    let b = Member::new(&stage.cluster, "b", setup.clone());
    b.run(1000);
    b.die();
    let c = Member::new(&stage.cluster, "c", setup);
    c.run(1000);
    assert_eq!(stage.steps().len(), 1, "held");
    assert!(words.hold(false));
    c.run(1000);
    assert_eq!(stage.steps(), [step("green", "red"), step("green", "yellow")]);
}

fn withheld(member: &Member) -> Withheld {
    member.process().worker().unwrap().owned().next().unwrap().withheld().unwrap()
}

/// Judging goes on, to the end of the log; what it comes to is counted, each person once, by what would be said last.
#[test]
fn while_everything_is_held_people_are_judged_and_counted_and_the_position_goes_on() {
    let mut stage = Stage::new();
    let setup = Setup::of(zhejiang());
    let words = setup.words.clone();
    let a = Member::new(&stage.cluster, "a", setup.clone());
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(500);
    words.hold(true);
    let at = stage.now();
    stage.feed.write(&[listing(person(2), "l2", "yellow", at, DAY), listing(person(3), "l3", "red", at, 600)]);
    // A transaction that is aborted in between counts nobody twice.
    stage.cluster.fail_commit(&a.owner, Fault::Abort);
    a.run(400);
    let counted = withheld(&a);
    assert_eq!((counted.people, counted.before, counted.after), (2, [2, 0, 1], [0, 1, 2]));
    assert_eq!(counted.rules.values().map(|moved| (moved.begun, moved.ended)).collect::<Vec<_>>(), [(1, 0), (1, 0)]);
    let position = stage.cluster.position(0);
    assert_eq!(position.offset, Some(stage.evidence_end()), "what came is taken in and judged");
    assert!(position.metadata.contains(" sweep=begun"), "and whoever comes next judges everybody: {position:?}");
    // Two reasons end, one that was announced and one that was not.
    stage.feed.write(&[retracted_listing(person(1), "l1", stage.now())]);
    a.run(1_000);
    let counted = withheld(&a);
    assert_eq!((counted.people, counted.before, counted.after), (2, [2, 0, 1], [2, 1, 0]));
    a.die();
    let b = Member::new(&stage.cluster, "b", setup);
    b.run(1_000);
    assert_eq!(withheld(&b), counted, "a successor counts the same");
    assert_eq!(stage.steps(), [step("green", "red")], "nothing is announced");
    words.hold(false);
    b.run(1_000);
    let mut steps = stage.steps().split_off(1);
    steps.sort();
    assert_eq!(steps, [step("green", "yellow"), step("red", "green")], "who went there and back is not told");
    assert!(!stage.cluster.position(0).metadata.contains(" sweep="));
    stage.check();
}

/// A switch that falls into the hold is announced by the release, as a switch.
#[test]
fn a_switch_that_falls_into_a_hold_is_announced_by_its_release() {
    let mut digests = Vec::new();
    for dies in [None, Some(false), Some(true)] {
        let mut stage = Stage::new();
        let (mut a, before) = judged(&mut stage, 128);
        let words = a.words();
        if dies.is_some() {
            words.hold(true);
        }
        a.read_decisions(&switches(stage.now()));
        a.run(3_000);
        if dies.is_some() {
            assert_eq!(stage.announced().len(), before, "held");
            assert!(withheld(&a).people > 0 && a.schedule().to_write().is_empty());
        }
        if dies == Some(true) {
            a.die();
            a = Member::new(&stage.cluster, "b", Setup { words: words.clone(), ..setup(128) });
            a.read_decisions(&switches(stage.now()));
            a.run(3_000);
            assert_eq!(stage.announced().len(), before, "held");
        }
        words.hold(false);
        a.run(3_000);
        let changes = stage.announced().split_off(before);
        assert!(changes.iter().all(|change| change.headers["ce_switch"] == "2"), "{dies:?}");
        let outcome = outcome(&a);
        assert_eq!(outcome.changes(), changes.len() as u64);
        digests.push(outcome.digest());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "as without a hold");
}

/// Everything that can go wrong goes wrong while it is held and released again and again.
#[test]
fn holds_in_the_middle_of_everything_change_nothing_in_the_end() {
    let seeds = std::env::var("FUMA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(16);
    let first = std::env::var("FUMA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let holds: usize = (first..first + seeds)
        .map(|seed: u64| {
            eprintln!("seed {seed}");
            let ran = chaos::run_held(seed);
            ran.trace.iter().filter(|line| line.ends_with("everything is held")).count()
        })
        .sum();
    assert!(holds as u64 > seeds, "{holds} holds");
}
