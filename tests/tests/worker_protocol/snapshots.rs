//! Which snapshot is of use, and what of it.

use std::path::PathBuf;
use std::time::Duration;

use fuma_connectors::log::Topic;
use fuma_pipeline::live::snapshot::{SnapshotStore, series_of_partition};
use fuma_pipeline::live::worker::Trouble;
use fuma_pipeline::live::worker::restore::RestoreError;
use fuma_pipeline::live::worker::snapshots::Snapshots;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::{Member, Setup};

use crate::{DAY, Stage, step, zhejiang};

/// A folder of a test's own, and a process that writes a snapshot there after so many records.
fn member(stage: &Stage, test: &str, records: u64) -> (Member, Snapshots) {
    let folder: PathBuf = std::env::temp_dir().join(format!("fuma-snapshots-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let store = SnapshotStore::folder(&folder).unwrap();
    let every = Duration::from_secs(1_000 * 86_400);
    let (place, at_stop) = (folder.display().to_string(), Duration::ZERO);
    let snapshots = Snapshots { store, place, every, records, at_stop };
    let setup = Setup { snapshots: Some(snapshots.clone()), ..Setup::of(zhejiang()) };
    (Member::new(&stage.cluster, "a", setup), snapshots)
}

/// Turns until a snapshot is there.
fn until_written(stage: &Stage, member: &Member, snapshots: &Snapshots) {
    for _ in 0..5_000 {
        if !snapshots.store.list(&series_of_partition(0)).unwrap().is_empty() {
            return;
        }
        member.turn().unwrap();
        stage.cluster.advance(1);
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no snapshot");
}

/// A snapshot that the log reaches stands in for what the log lost; one that it does not reach leaves a gap in
/// which facts would be missing in silence.
#[test]
fn a_snapshot_is_of_use_while_the_log_reaches_it() {
    let mut stage = Stage::new();
    let (a, snapshots) = member(&stage, "reach", 3);
    a.run(300);
    for number in 0..5 {
        stage.feed.write(&[listing(person(number), "l1", "yellow", stage.now(), DAY)]);
        a.run(200);
        if number == 2 {
            until_written(&stage, &a, &snapshots);
        }
    }
    a.die();
    stage.cluster.retain_from(Topic::Evidence, 0, 3);
    a.run(500);
    assert_eq!(stage.steps().len(), 5, "nobody is announced again");
    stage.feed.write(&[listing(person(1), "l2", "red", stage.now(), DAY)]);
    a.run(500);
    assert_eq!(stage.steps().pop().unwrap(), step("yellow", "red"));
    a.die();
    stage.cluster.retain_from(Topic::Evidence, 0, 4);
    let trouble = a.trouble(0);
    assert!(matches!(&*trouble, Trouble::Restore(RestoreError::Gap { partition: 0, begins: 4, .. })), "{trouble}");
    let _ = std::fs::remove_dir_all(&snapshots.place);
}

/// A snapshot that is older than tombstones are kept is not asked who was announced as what: of somebody erased
/// since it would bring the old colour back, and the next change would come from a colour that nobody has.
#[test]
fn an_old_snapshot_brings_no_colour_back() {
    for days in [1, 8] {
        let mut stage = Stage::new();
        let (a, snapshots) = member(&stage, &format!("old-{days}"), 1);
        a.run(300);
        stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), 3_600_000)]);
        a.run(300);
        until_written(&stage, &a, &snapshots);
        stage.cluster.advance(3_600_000);
        a.run(300);
        assert_eq!(stage.steps(), [step("green", "red"), step("red", "green")]);
        a.die();
        stage.cluster.erase(0, &person(1).to_string());
        if days > 7 {
            // The tombstone is gone as well, as after `delete.retention.ms`.
            stage.cluster.compact(0);
        }
        stage.cluster.advance((days * DAY) as u64);
        let before = stage.cluster.end(Topic::Changes, 0);
        a.run(500);
        stage.feed.write(&[listing(person(1), "l2", "yellow", stage.now(), DAY)]);
        a.run(500);
        let records = stage.cluster.records(Topic::Changes, 0);
        let new: Vec<_> = records.into_iter().filter(|record| record.offset >= before).collect();
        assert_eq!(new.len(), 1);
        let text = String::from_utf8(new[0].value.clone().unwrap().to_vec()).unwrap();
        assert!(text.contains("\"from\":\"green\",\"to\":\"yellow\""), "{text}");
        let _ = std::fs::remove_dir_all(&snapshots.place);
    }
}

/// Who is asked to stop writes a snapshot of what has gone on, so that the next one reads little of the log; for a
/// little it is not worth it, and when the time for it is over nothing is begun or waited for.
#[test]
fn who_stops_writes_a_last_snapshot_within_a_bound() {
    let mut stage = Stage::new();
    let (a, snapshots) = member(&stage, "stop", 1_000);
    let written = || snapshots.store.list(&series_of_partition(0)).unwrap().len();
    let long = Duration::from_secs(20);
    for (more, at_stop, expected) in [(9, long, 0), (10, Duration::ZERO, 0), (10, long, 1)] {
        let setup = Snapshots { at_stop, ..snapshots.clone() };
        a.set_up(Setup { snapshots: Some(setup), ..Setup::of(zhejiang()) });
        for number in 0..more {
            let id = format!("l{}-{more}", at_stop.as_secs());
            stage.feed.write(&[listing(person(number), &id, "yellow", stage.now(), DAY)]);
        }
        a.run(500);
        a.leave();
        assert_eq!(written(), expected, "after {more} records, {at_stop:?}");
    }
    a.run(500);
    assert_eq!(stage.steps().len(), 10, "nobody is announced again");
    stage.check();
    let _ = std::fs::remove_dir_all(&snapshots.place);
}
