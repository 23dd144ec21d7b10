//! What one owner does with its transactions.

use std::time::Duration;

use fuma_pipeline::live::partitions::{ParkReason, Words};
use fuma_tests::live::lines::{listing, person, retracted_listing};
use fuma_tests::simulated::{CommitPlace, Fault};

use crate::{DAY, Stage, step};

/// Were memory ahead of the commit, the change after an aborted one would come from a colour nobody was told.
#[test]
fn a_change_after_an_abort_comes_from_what_was_announced() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    stage.cluster.fail_commit(&a.owner, Fault::Abort);
    let at = stage.now();
    stage.feed.write(&[listing(person(1), "l1", "yellow", at, DAY)]);
    while a.turn().unwrap().aborts == 0 {
        stage.cluster.advance(1);
    }
    assert_eq!(stage.steps(), []);
    stage.feed.write(&[listing(person(1), "l2", "red", at, DAY)]);
    a.run(300);
    assert_eq!(stage.steps(), [step("green", "red")]);
    stage.check();
}

/// Were memory ahead of the commit, an aborted change would never be announced.
#[test]
fn what_was_aborted_is_announced_all_the_same() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    for _ in 0..3 {
        stage.cluster.fail_commit(&a.owner, Fault::Abort);
    }
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    assert_eq!(a.run(300).aborts, 3);
    assert_eq!(stage.steps(), [step("green", "red")]);
    stage.check();
}

/// Nobody is announced there and back when what was aborted is undone before it could be said again.
#[test]
fn what_was_aborted_and_undone_is_not_announced() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    stage.cluster.fail_commit(&a.owner, Fault::Abort);
    let at = stage.now();
    stage.feed.write(&[listing(person(1), "l1", "red", at, DAY)]);
    while a.turn().unwrap().aborts == 0 {
        stage.cluster.advance(1);
    }
    stage.feed.write(&[retracted_listing(person(1), "l1", at)]);
    a.run(300);
    assert_eq!(stage.steps(), []);
    stage.check();
}

/// A commit that only announces expiries sends its offsets: else the group would not notice that its owner was
/// expelled while it stood still, and both would announce.
#[test]
fn a_zombie_announces_no_expiry() {
    let mut stage = Stage::new();
    let (a, b) = (stage.member("a"), stage.member("b"));
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), 60_000)]);
    a.run(300);
    for place in [CommitPlace::BeforeBegin, CommitPlace::AfterSend] {
        let (owner, other) = (a.owner.clone(), b.clone());
        let meanwhile = move |cluster: &fuma_tests::simulated::SimulatedCluster| {
            cluster.expire(&owner);
            other.run(500);
        };
        stage.cluster.fail_commit(&a.owner, Fault::Meanwhile(place, Box::new(meanwhile)));
        let turn = loop {
            stage.cluster.advance(100);
            match a.turn() {
                Ok(turn) if turn.aborts == 0 => {}
                other => break other,
            }
        };
        assert!(turn.is_err() || turn.is_ok_and(|turn| turn.aborts == 1), "the zombie's commit is refused");
        assert_eq!(stage.steps().last(), Some(&step("red", "green")));
        assert_eq!(stage.steps().len() % 2, 0);
        // The next round: a has the partition again.
        b.leave();
        a.run(300);
        stage.feed.write(&[listing(person(1), &format!("again-{place:?}"), "red", stage.now(), 60_000)]);
        a.run(300);
    }
    stage.check();
}

/// A machine whose clock ran ahead would turn the overdue green, and the partition would keep that clock.
#[test]
fn nothing_is_committed_far_beyond_the_clock_of_the_broker() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), 3_600_000)]);
    a.run(300);
    a.shift_clock(2 * 3_600_000);
    stage.feed.write(&[listing(person(2), "l2", "red", stage.now(), DAY)]);
    a.run(5_000);
    assert_eq!(stage.steps(), [step("green", "red")], "neither the expiry of the first nor the second");
    let trouble = a.trouble(0);
    assert_eq!((trouble.reason(), a.owned()), (ParkReason::ClockAhead, vec![]));
    a.shift_clock(4 * 60_000);
    a.run(10_000);
    assert_eq!(a.owned(), [0]);
    assert_eq!(stage.steps(), [step("green", "red"), step("green", "red")], "four minutes are borne");
    a.shift_clock(0);
    a.run(1_000);
    stage.check();
}

/// An operator's way out: a partition whose clock is ahead goes on from there, a millisecond a commit.
#[test]
fn a_clock_that_ran_ahead_can_be_accepted() {
    let mut stage = Stage::new();
    let words = Words::default();
    let setup = fuma_tests::live::Setup { words: words.clone(), ..fuma_tests::live::Setup::of(crate::zhejiang()) };
    let a = fuma_tests::live::Member::new(&stage.cluster, "a", setup);
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.shift_clock(4 * 60_000);
    a.run(1_000);
    let reached = stage.announced().last().unwrap().decided_at;
    // The broker's clock is set back as well: it had been wrong, too.
    stage.cluster.shift_clock(-3_600_000);
    a.shift_clock(0);
    a.die();
    stage.feed.write(&[listing(person(2), "l2", "red", stage.now(), DAY)]);
    a.run(1_000);
    assert_eq!(stage.steps().len(), 1, "an hour beyond the broker: held");
    words.accept(ParkReason::ClockAhead, 0, a.trouble(0).digest().unwrap());
    a.run(1_000);
    let change = stage.announced().pop().unwrap();
    assert_eq!(change.person, person(2));
    assert!(change.decided_at > reached && change.decided_at.0 < reached.0 + 1_000, "{change:?}");
}

/// Decisions of a person stay in order when a machine's clock is set back.
#[test]
fn a_clock_that_is_set_back_still_grows() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    let at = stage.now();
    stage.feed.write(&[listing(person(1), "l1", "yellow", at, DAY)]);
    a.run(300);
    a.shift_clock(-3_600_000);
    for (id, colour) in [("l2", "red"), ("l3", "red"), ("l4", "yellow")] {
        stage.feed.write(&[listing(person(if id == "l3" { 2 } else { 1 }), id, colour, at, DAY)]);
        a.run(300);
    }
    let decided: Vec<i64> = stage.announced().iter().map(|change| change.decided_at.0).collect();
    assert!(decided.is_sorted_by(|one, other| one < other), "{decided:?}");
    assert_eq!(decided.len(), 3, "another listing of the same colour changes no state");
    assert!(Duration::from_millis((decided[2] - decided[0]) as u64) < Duration::from_secs(1));
}
