//! What this process does not understand is refused by name: never passed over, never committed past, never a mass
//! change of colours.

use std::time::Duration;

use fuma_connectors::log::{GroupEvent, Log, Position, Topic, Transaction};
use fuma_pipeline::live::record::{Fingerprint, Origin, RecordError, RecordWriter};
use fuma_pipeline::live::worker::Trouble;
use fuma_pipeline::live::worker::position::{PositionError, Standing};
use fuma_pipeline::live::worker::restore::RestoreError;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::{Member, Setup};

use crate::{DAY, Stage, zhejiang};

fn key(byte: u8) -> Origin {
    Origin { key: Fingerprint([byte; 8]), ..Origin::default() }
}

fn member(stage: &Stage, name: &str, change: impl Fn(&mut Setup)) -> Member {
    let mut setup = Setup::of(zhejiang());
    change(&mut setup);
    Member::new(&stage.cluster, name, setup)
}

fn red(stage: &mut Stage, number: u32) {
    let line = listing(person(number), "l1", "red", stage.now(), 20 * DAY);
    stage.feed.write(&[line]);
}

/// A message that a build of format 3 might write.
fn newer() -> Vec<u8> {
    let mut message = RecordWriter::new().finish().to_vec();
    message[1] = 3;
    message
}

#[test]
fn a_record_of_a_newer_build_is_never_passed_over() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    red(&mut stage, 1);
    a.run(500);
    let offset = stage.cluster.append(Topic::Evidence, 0, newer());
    red(&mut stage, 2);
    for _ in 0..3 {
        let trouble = a.trouble(0);
        let Trouble::Record { partition: 0, offset: at, error } = *trouble else { panic!("another: {trouble}") };
        assert_eq!((at, error), (offset, RecordError::Newer("format", 3)));
        stage.cluster.advance(60_000);
        assert!(stage.cluster.position(0).offset.unwrap() <= offset, "nothing past it is committed");
    }
    assert_eq!(stage.announced().len(), 1);
}

#[test]
fn what_a_newer_build_wrote_before_the_position_keeps_the_partition_from_being_taken_over() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    red(&mut stage, 1);
    a.run(500);
    a.die();
    let offset = stage.cluster.append(Topic::Evidence, 0, newer());
    commit_as_another(&stage, &Standing { clock: stage.now(), ..Standing::default() }.to_text());
    let b = stage.member("b");
    let trouble = b.trouble(0);
    let Trouble::Restore(RestoreError::Record { partition: 0, offset: at, error, .. }) = &*trouble else {
        panic!("another: {trouble}")
    };
    assert_eq!((*at, *error), (offset, RecordError::Newer("format", 3)));
    assert_eq!(stage.announced().len(), 1);
}

/// Commits the end of the evidence with some text beside it.
pub(crate) fn commit_as_another(stage: &Stage, metadata: &str) {
    let mut log = stage.cluster.process("other").worker(0).unwrap();
    for _ in 0..100 {
        let events = log.poll(Duration::ZERO, &mut Vec::new()).unwrap();
        if let [GroupEvent::Assigned(partitions)] = &events[..] {
            log.accept(partitions).unwrap();
            let position = Position { offset: Some(stage.evidence_end()), metadata: metadata.to_owned() };
            log.commit(Transaction { changes: &[], positions: &[(0, position)] }).unwrap();
            log.release(partitions).unwrap();
            stage.cluster.crash_process("other");
            stage.cluster.expire("other-0");
            return;
        }
        stage.cluster.advance(100);
    }
    panic!("never assigned");
}

#[test]
fn a_position_that_must_be_understood_is_refused_by_name() {
    for (more, expected) in [
        ("fuma2 owner=x released=1 SWITCH=7", PositionError::Newer("a key SWITCH".into())),
        (
            "fuma2 owner=x released=1 refs=regions:0,decisions:3",
            PositionError::Newer("a reference log decisions".into()),
        ),
        ("fuma9 owner=x", PositionError::Newer("layout 9".into())),
        ("something else", PositionError::Foreign),
    ] {
        let mut stage = Stage::new();
        red(&mut stage, 1);
        commit_as_another(&stage, more);
        let before = stage.cluster.position(0);
        let b = stage.member("b");
        let trouble = b.trouble(0);
        let Trouble::Restore(RestoreError::Position { partition: 0, error }) = &*trouble else {
            panic!("another: {trouble}")
        };
        assert_eq!(*error, expected);
        assert_eq!(stage.cluster.position(0), before, "nothing is committed");
        assert_eq!(stage.cluster.end(Topic::Changes, 0), 0, "nothing is announced");
    }
}

#[test]
fn another_key_is_refused_by_name_on_position_and_record() {
    let mut stage = Stage::new();
    let a = member(&stage, "a", |setup| setup.origin = key(1));
    red(&mut stage, 1);
    a.run(500);
    a.leave();
    let b = member(&stage, "b", |setup| setup.origin = key(2));
    let trouble = b.trouble(0);
    let Trouble::Restore(RestoreError::Origin { error, .. }) = &*trouble else { panic!("another: {trouble}") };
    assert!(error.to_string().contains("0202020202020202"), "{error}");
    b.die();
    let a = member(&stage, "a", |setup| setup.origin = key(1));
    a.run(12_000);
    stage.cluster.append(Topic::Evidence, 0, RecordWriter::of(key(2)).finish());
    let trouble = a.trouble(0);
    assert!(matches!(*trouble, Trouble::Record { error: RecordError::OtherKey { .. }, .. }), "{trouble}");
    assert_eq!(stage.announced().len(), 1);
}

/// A newer engine sweeps and goes on; the older one refuses what the newer one judged, and takes nothing from it.
#[test]
fn engines_are_compared_as_versions() {
    let mut stage = Stage::new();
    let a = member(&stage, "a", |setup| setup.engine = "0.9.0".into());
    red(&mut stage, 1);
    a.run(500);
    a.leave();
    let b = member(&stage, "b", |setup| setup.engine = "0.10.0".into());
    red(&mut stage, 2);
    b.run(12_000);
    assert_eq!(stage.announced().len(), 2);
    b.die();
    let a = member(&stage, "a", |setup| setup.engine = "0.9.0".into());
    let trouble = a.trouble(0);
    let Trouble::Restore(RestoreError::OlderEngine { found, own, .. }) = &*trouble else {
        panic!("another: {trouble}")
    };
    assert_eq!((found.as_str(), own.as_str()), ("0.10.0", "0.9.0"));
    stage.check();
}
