//! A client that passes evidence over, as one did once after its broker was killed: it is seen, and everything begins
//! anew at the committed position.

use std::sync::atomic::Ordering;

use fuma_pipeline::live::worker::WorkerError;
use fuma_tests::live::Member;
use fuma_tests::live::lines::{listing, person};

use crate::faulty::Losses;
use crate::{DAY, Stage, step};

/// Turns until the worker ends, and says why.
fn ended(stage: &Stage, member: &Member) -> String {
    for _ in 0..60_000 {
        stage.cluster.advance(1);
        if let Err(error) = member.turn() {
            assert!(matches!(error, WorkerError::Log(_)), "{error}");
            return error.to_string();
        }
    }
    panic!("it was not seen for a minute");
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
    let why = ended(&stage, &a);
    assert!(why.contains("records were skipped"), "{why}");
    a.run(300);
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
    let why = ended(&stage, &a);
    assert!(why.contains("nothing has come from"), "{why}");
    a.run(300);
    assert_eq!(stage.steps(), [step("green", "red")]);
    stage.check();
}
