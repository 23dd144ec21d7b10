//! When a partition must not be judged at all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fuma_connectors::log::{Log, Topic};
use fuma_pipeline::live::partitions::{ParkReason, State, Words};
use fuma_pipeline::live::worker::Trouble;
use fuma_pipeline::live::worker::restore::RestoreError;
use fuma_tests::live::lines::{listing, person, stay, tier};
use fuma_tests::live::{Member, Setup};

use crate::{DAY, Stage, step, zhejiang};

/// Turns until the partition is parked; why.
fn refusal(member: &Member) -> Arc<Trouble> {
    member.trouble(0)
}

/// Facts that the log has lost and no snapshot holds would be missed in silence.
#[test]
fn a_log_that_lost_its_beginning_is_refused() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    for number in 0..3 {
        stage.feed.write(&[listing(person(number), "l", "red", stage.now(), DAY)]);
    }
    a.run(500);
    a.die();
    stage.cluster.retain_from(Topic::Evidence, 0, 1);
    assert!(matches!(&*refusal(&a), Trouble::Restore(RestoreError::Gap { partition: 0, begins: 1, .. })));
    assert_eq!(stage.steps().len(), 3, "nothing was announced");
}

/// A process that is not upgraded yet does not judge by the old pack what the new one announced.
#[test]
fn a_process_with_a_superseded_pack_refuses_the_partition() {
    let mut stage = Stage::new();
    let old = Setup::of(zhejiang());
    let a = Member::new(&stage.cluster, "a", old.followed_by(&fuma_tests::packs()[1], "newer"));
    let b = stage.member("b");
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(300);
    a.leave();
    let refused = refusal(&b);
    assert!(matches!(&*refused, Trouble::Restore(RestoreError::Superseded { partition: 0, in_force: 2, own: 1 })));
    assert_eq!(stage.steps(), [step("green", "red")]);
}

/// An owner whose regions are not there yet would take everybody in a risk area for green, and say so.
#[test]
fn a_partition_waits_for_the_regions_that_its_position_has_seen() {
    let mut stage = Stage::new();
    let (a, b) = (stage.member("a"), stage.member("b"));
    stage
        .feed
        .write(&[tier("t1", 1, "330106", "medium", stage.now()), stay(person(1), "s1", "330106001", stage.now())]);
    a.run(500);
    assert_eq!(stage.steps(), [step("green", "yellow")]);
    a.leave();
    b.read_references(false);
    let (references, log) = (b.references(), stage.cluster.process("reader"));
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(150));
        references.advance(log.reference().unwrap().as_mut(), Duration::ZERO).unwrap();
    });
    b.run(300);
    reader.join().unwrap();
    assert_eq!(stage.steps(), [step("green", "yellow")]);
    stage.check();
}

/// Two people red and one green again, by an owner that went away.
fn judged(stage: &mut Stage) -> Member {
    let a = stage.member("a");
    a.run(300);
    let at = stage.now();
    for (number, lasts_ms) in [(1, DAY), (2, DAY), (3, 5_000)] {
        stage.feed.write(&[listing(person(number), "l", "red", at, lasts_ms)]);
        a.run(300);
    }
    a.run(6_000);
    a.die();
    a
}

/// Somebody writes to the output what the evidence does not give: person 2 is green.
fn tamper(stage: &Stage) {
    let change = stage.announced().into_iter().rfind(|change| change.person == person(3)).unwrap();
    let record = stage.cluster.records(Topic::Changes, 0).into_iter().find(|it| it.offset == change.offset).unwrap();
    let (three, two) = (person(3).to_string(), person(2).to_string());
    let text = String::from_utf8(record.value.unwrap().to_vec()).unwrap().replace(&three, &two);
    stage.cluster.append_keyed(Topic::Changes, 0, Bytes::from(two), Bytes::from(text), record.headers);
}

/// A healthy restart is not refused, and announces nothing.
#[test]
fn a_clean_restart_is_accepted() {
    let mut stage = Stage::new();
    let a = judged(&mut stage);
    a.run(1_000);
    assert_eq!(stage.steps().len(), 4);
    stage.check();
}

/// Whoever fell due while nobody was there is no difference.
#[test]
fn an_expiry_while_nobody_was_there_is_no_difference() {
    let mut stage = Stage::new();
    let a = judged(&mut stage);
    stage.cluster.advance(2 * DAY as u64);
    a.run(1_000);
    assert_eq!(stage.steps().len(), 6);
    stage.check();
}

/// An owner dies between two pages of people who are due at once: whoever was not judged yet is no difference.
#[test]
fn people_who_were_due_and_not_judged_yet_are_no_difference() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    let at = stage.now();
    let lines: Vec<_> = (0..10_000).map(|number| listing(person(number), "l", "red", at, 60_000)).collect();
    stage.feed.write(&lines);
    a.run(1_000);
    assert_eq!(stage.steps().len(), 10_000);
    stage.cluster.advance(60_000);
    while stage.announced().len() == 10_000 {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    assert!(stage.steps().len() < 20_000, "a page of those who are due");
    a.die();
    a.run(1_000);
    assert_eq!(stage.steps().len(), 20_000);
    stage.check();
}

/// A build that judges otherwise, or an output that somebody wrote to, would recolour people unasked.
#[test]
fn unexplained_differences_are_refused_and_listed() {
    let mut stage = Stage::new();
    let a = judged(&mut stage);
    tamper(&stage);
    let end = stage.cluster.end(Topic::Changes, 0);
    let refused = refusal(&a);
    let Trouble::Restore(RestoreError::Differences { partition: 0, differing: 1, people: 3, listed, .. }) = &*refused
    else {
        panic!("another refusal: {refused}");
    };
    let text = std::fs::read_to_string(listed).unwrap();
    assert_eq!(text, format!("{} announced green, the evidence gives red ZJ-R7\n", person(2)));
    assert_eq!(stage.cluster.end(Topic::Changes, 0), end, "nothing was announced");
}

/// With an operator's consent what the evidence gives is announced, of those who differ.
#[test]
fn differences_are_announced_when_an_operator_agrees() {
    let mut stage = Stage::new();
    let words = Words::default();
    let setup = Setup { words: words.clone(), ..Setup::of(zhejiang()) };
    let a = judged(&mut stage);
    a.set_up(setup);
    tamper(&stage);
    let refused = refusal(&a);
    let digest = refused.digest().unwrap();
    words.accept(ParkReason::ClockAhead, 0, digest);
    words.accept(ParkReason::Differences, 1, digest);
    words.accept(ParkReason::Differences, 0, "0123456789abcdef");
    a.run(2_000);
    assert!(a.owned().is_empty(), "another word is not for this");
    words.accept(ParkReason::Differences, 0, digest);
    a.run(1_000);
    let last = fuma_tests::live::announced::of_partition(&stage.cluster, 0).pop().unwrap();
    assert_eq!((last.person, last.step()), (person(2), ("green", "red", vec!["ZJ-R7"])));
}

/// A sweep that was under way is not compared: not everybody was announced yet.
#[test]
fn a_sweep_under_way_is_no_difference() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    let at = stage.now();
    let lines: Vec<_> = (0..10_000).map(|number| stay(person(number), "s", "330106001", at)).collect();
    stage.feed.write(&lines);
    a.run(500);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", at)]);
    while stage.announced().is_empty() {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    assert!(stage.steps().len() < 10_000);
    a.die();
    a.run(1_000);
    assert_eq!(stage.steps().len(), 10_000);
    stage.check();
}

/// What was restored and refused is not used again.
#[test]
fn a_refused_partition_is_not_owned() {
    let mut stage = Stage::new();
    let a = judged(&mut stage);
    tamper(&stage);
    refusal(&a);
    assert!(a.owned().is_empty());
    assert_eq!(a.holding(0).map(|holding| holding.state), Some(State::Parked));
}
