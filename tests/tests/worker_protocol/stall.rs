//! A client that passes evidence over, as one did once after its broker was killed: it is seen, and the client is told
//! again where to go on. What was restored stays.

use std::sync::atomic::Ordering;

use fuma_connectors::log::Topic;
use fuma_pipeline::live::worker::Worker;
use fuma_tests::live::Member;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::simulated::Settings;

use crate::faulty::Losses;
use crate::{DAY, Stage, step};

/// The worker's id: another one was made anew.
fn id(member: &Member) -> String {
    let process = member.process();
    let worker: &Worker = process.worker().unwrap();
    format!("{:p}", std::ptr::from_ref(worker.owned().next().unwrap().partition.evidence()))
}

/// The log has no gaps: what comes behind one is not believed.
#[test]
fn evidence_behind_a_gap_is_not_believed() {
    let mut stage = Stage::new();
    let losses = Losses::default();
    let a = stage.lossy_member("a", &losses);
    a.run(300);
    let at = stage.now();
    losses.store(1, Ordering::Relaxed);
    stage.feed.write(&[listing(person(1), "l1", "red", at, DAY)]);
    stage.feed.write(&[listing(person(1), "l2", "yellow", at, DAY)]);
    let before = id(&a);
    a.run(300);
    assert_eq!(id(&a), before, "what was restored stays");
    assert_eq!(stage.steps(), [step("green", "red")]);
    stage.check();
}

/// Nothing comes behind it: only the log's end shows that something is missing.
#[test]
fn evidence_that_waits_and_does_not_come_is_missed() {
    let mut stage = Stage::new();
    let losses = Losses::default();
    let a = stage.lossy_member("a", &losses);
    a.run(300);
    losses.store(1, Ordering::Relaxed);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    let before = id(&a);
    a.run(9_000);
    assert_eq!(stage.steps(), []);
    a.run(7_000);
    assert_eq!(id(&a), before, "what was restored stays");
    assert_eq!(stage.steps(), [step("green", "red")]);
    stage.check();
}

/// A log that was mirrored with transactions ends in a marker after each, and has one between any two. An owner was
/// parked at each of them, though a restore passed them: now both go by one rule.
#[test]
fn the_markers_of_a_mirror_park_nobody() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    let before = id(&a);
    for number in 1..4 {
        stage.feed.write(&[listing(person(number), "l1", "red", stage.now(), DAY)]);
        stage.cluster.mark(Topic::Evidence, 0);
        // Long enough for looks at the end, where the marker is all there is.
        a.run(if number == 2 { 40_000 } else { 1_000 });
        assert_eq!(stage.steps().len(), number as usize, "announced");
    }
    assert_eq!(id(&a), before, "nothing was parked or restored");
    let next = a.process().worker().unwrap().owned().next().unwrap().next;
    assert_eq!(next, stage.evidence_end() - 1, "only the last marker is left, behind which nothing stands");
    // Two offsets in a row cannot be told from records that were lost.
    stage.cluster.mark(Topic::Evidence, 0);
    stage.feed.write(&[listing(person(5), "l1", "red", stage.now(), DAY)]);
    let trouble = a.trouble(0).to_string();
    assert!(trouble.contains("records were skipped"), "{trouble}");
    assert_eq!(stage.steps().len(), 3);
}

/// Somebody else's traffic does not hide it (P-21).
#[test]
fn evidence_that_does_not_come_is_missed_also_while_a_neighbour_is_busy() {
    let mut stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let losses = Losses::default();
    let a = stage.lossy_member("a", &losses);
    a.run(300);
    let quiet = (0..100).map(person).find(|person| person.partition(2) == 0).unwrap();
    let busy = (0..100).map(person).find(|person| person.partition(2) == 1).unwrap();
    losses.store(1, Ordering::Relaxed);
    stage.feed.write(&[listing(quiet, "l1", "red", stage.now(), DAY)]);
    for number in 0..300 {
        stage.feed.write(&[listing(busy, &format!("l{number}"), "red", stage.now(), DAY)]);
        a.run(100);
    }
    assert_eq!(stage.steps(), [step("green", "red")]);
}
