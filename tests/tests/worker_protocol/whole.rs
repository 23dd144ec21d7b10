//! Restores read what is there, or say so: R-3 e, R-5, R-7.

use bytes::Bytes;
use fuma_connectors::log::{Code, Log as _, RestoreLog, Topic};
use fuma_pipeline::live::partitions::ParkReason;
use fuma_pipeline::live::worker::owned::Owned;
use fuma_pipeline::live::worker::reference::References;
use fuma_pipeline::live::worker::restore::{RestoreError, restore};
use fuma_tests::live::Setup;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::simulated::ReadFault;

use crate::{DAY, Stage, zhejiang};

/// Takes the partition over, as another process.
pub(crate) fn take_over(stage: &Stage, setup: &Setup) -> Result<Owned, RestoreError> {
    let mut restorer = restorer(stage);
    restore(&mut *restorer, 0, &setup.restoring(References::default(), stage.now()))
}

fn restorer(stage: &Stage) -> Box<dyn RestoreLog> {
    stage.cluster.process("successor").worker(0).unwrap().restorer().unwrap()
}

/// Refusals, with why the partition is parked.
pub(crate) fn refusal(stage: &Stage, setup: &Setup) -> (RestoreError, Option<ParkReason>) {
    match take_over(stage, setup) {
        Ok(owned) => panic!("taken over with {} people", owned.partition.evidence().people()),
        Err(error) => {
            let reason = error.reason();
            (error, reason)
        }
    }
}

/// Four people listed red, by an owner that died.
fn judged(stage: &mut Stage) {
    let a = stage.member("a");
    a.run(300);
    for number in 0..4 {
        stage.feed.write(&[listing(person(number), "l1", "red", stage.now(), DAY)]);
        a.run(300);
    }
    a.die();
    assert_eq!((stage.steps().len(), stage.evidence_end()), (4, 4));
}

fn setup() -> Setup {
    Setup::of(zhejiang())
}

/// Nobody differs: what was announced is what the evidence gives, and nobody is swept.
fn is_as_it_was(owned: &Owned) {
    assert_eq!((owned.partition.colours(), owned.sweep.is_empty()), ([0, 0, 4], true));
}

/// R-3 e, R-5. Whoever answers for the output may be behind, and says that it ends early: to believe it would forget
/// who was told what, and tell it again.
#[test]
fn an_output_that_is_said_to_end_early_is_read_on() {
    let mut stage = Stage::new();
    judged(&mut stage);
    for ends in 0..stage.cluster.end(Topic::Changes, 0) {
        stage.cluster.fail_reading(Topic::Changes, 0, ReadFault::EndsAt(ends));
        is_as_it_was(&take_over(&stage, &setup()).unwrap());
    }
}

/// R-3 c, R-7. The same of the evidence: facts would be missing in silence.
#[test]
fn evidence_that_is_said_to_end_early_is_read_on() {
    let mut stage = Stage::new();
    judged(&mut stage);
    for ends in 0..stage.evidence_end() {
        stage.cluster.fail_reading(Topic::Evidence, 0, ReadFault::EndsAt(ends));
        is_as_it_was(&take_over(&stage, &setup()).unwrap());
    }
}

/// A client that leaves evidence out is seen by the offsets, and what it left out is read again; nothing is
/// applied twice.
#[test]
fn evidence_that_a_client_leaves_out_is_read_again() {
    let mut stage = Stage::new();
    judged(&mut stage);
    for left_out in [0..1, 1..2, 1..3, 0..4, 3..4] {
        stage.cluster.fail_reading(Topic::Evidence, 0, ReadFault::Skips(left_out));
        is_as_it_was(&take_over(&stage, &setup()).unwrap());
    }
}

/// What is not there in two readings is named by its offsets, and nothing is announced without it.
#[test]
fn evidence_that_is_lost_is_named() {
    for (lost, expected) in [(1..3, (1, 2)), (2..4, (2, 3)), (3..4, (3, 3))] {
        let mut stage = Stage::new();
        judged(&mut stage);
        stage.cluster.lose(Topic::Evidence, 0, lost);
        let (error, reason) = refusal(&stage, &setup());
        let RestoreError::Missing { partition: 0, first, last, of: 4 } = error else { panic!("{error}") };
        assert_eq!(((first, last), reason), (expected, Some(ParkReason::ShortRead)));
    }
}

/// A log that was mirrored with transactions has a marker here and there: one offset at which nothing stands, in two
/// readings. It stops nobody.
#[test]
fn the_marker_of_a_mirrors_transaction_is_no_loss() {
    let mut stage = Stage::new();
    let at = stage.now();
    let past = |number| listing(person(number), "l1", "red", fuma_schemas::Instant(at.0 - 3 * DAY), DAY);
    stage.feed.write(&[past(0)]);
    stage.cluster.mark(Topic::Evidence, 0);
    stage.feed.write(&[past(1)]);
    crate::understood::commit_as_another(&stage, "fuma2 owner=x released=1 clock=1 judged=1 pack=p order=1 engine=1");
    let owned = take_over(&stage, &setup()).unwrap();
    assert_eq!((owned.partition.evidence().people(), owned.next), (2, 3));
}

/// P-23. Nobody leads a partition for a while: that passes, and no transaction is called hanging for it.
#[test]
fn a_partition_without_a_leader_is_tried_again() {
    let mut stage = Stage::new();
    judged(&mut stage);
    for topic in [Topic::Evidence, Topic::Changes] {
        stage.cluster.fail_reading(topic, 0, ReadFault::Leaderless);
        let (error, _) = refusal(&stage, &setup());
        let RestoreError::Log(error) = error else { panic!("{error}") };
        assert_eq!(error.code(), Code::NoLeader);
        is_as_it_was(&take_over(&stage, &setup()).unwrap());
    }
}

/// Somebody was told something that this build does not understand: the memory would not know of it.
#[test]
fn an_announcement_that_is_not_understood_is_not_passed_over() {
    let known = "{\"from\":\"green\",\"to\":\"red\",\"decided_at\":\"2021-11-07T12:00:00Z\",\"reasons\":[]}";
    let strange = [
        ("who", known.to_owned()),
        ("00000000000000000000000000000001", known.replace("red", "purple")),
        ("00000000000000000000000000000001", "{\"v\":2}".to_owned()),
    ];
    for (key, value) in strange {
        let mut stage = Stage::new();
        judged(&mut stage);
        let value = Bytes::from(value);
        let at = stage.cluster.append_keyed(Topic::Changes, 0, Bytes::from(key), value, Vec::new());
        let (error, reason) = refusal(&stage, &setup());
        let RestoreError::Announcement { partition: 0, offset, .. } = error else { panic!("{error}") };
        assert_eq!((offset, reason), (at, Some(ParkReason::Announcement)));
    }
}

/// P-1. Evidence that was made anew under a position is behind it: nobody turns green by that.
#[test]
fn evidence_made_anew_under_a_position_is_refused() {
    let mut stage = Stage::new();
    judged(&mut stage);
    stage.cluster.make_anew(Topic::Evidence, 0);
    let (error, reason) = refusal(&stage, &setup());
    assert!(matches!(error, RestoreError::Behind { partition: 0, ends: 0, committed: 4 }), "{error}");
    assert_eq!(reason, Some(ParkReason::Behind));
}

/// P-1. The position goes with its topic. People who were announced red, and of whom the log holds nothing, are no
/// change of evidence.
#[test]
fn evidence_made_anew_without_a_position_is_refused_with_a_count() {
    let mut stage = Stage::new();
    judged(&mut stage);
    stage.cluster.make_anew(Topic::Evidence, 0);
    stage.cluster.forget_position(0);
    let (error, reason) = refusal(&stage, &setup());
    assert!(matches!(error, RestoreError::NoEvidence { partition: 0, people: 4 }), "{error}");
    assert_eq!(reason, Some(ParkReason::NoEvidence));
    // One more fact of somebody else does not hide it.
    stage.feed.write(&[listing(person(9), "l1", "red", stage.now(), DAY)]);
    assert!(matches!(refusal(&stage, &setup()).0, RestoreError::NoEvidence { people: 4, .. }));
}

/// A position that expired while its evidence is whole is no reason to ask anybody.
#[test]
fn a_position_that_expired_is_found_again_from_the_whole_log() {
    let mut stage = Stage::new();
    judged(&mut stage);
    stage.cluster.forget_position(0);
    let owned = take_over(&stage, &setup()).unwrap();
    assert_eq!((owned.partition.colours(), owned.next), ([0, 0, 4], 4));
    let b = stage.member("b");
    b.run(500);
    assert_eq!(stage.steps().len(), 4, "nobody is announced again");
}
