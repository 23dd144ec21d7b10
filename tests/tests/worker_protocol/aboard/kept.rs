//! the state of conveyances comes back from a snapshot.

use std::path::PathBuf;
use std::time::Duration;

use fuma_connectors::log::Topic;
use fuma_pipeline::live::partitions::{ParkReason, State};
use fuma_pipeline::live::snapshot::SnapshotStore;
use fuma_pipeline::live::worker::snapshots::Snapshots;
use fuma_tests::live::lines::{listing, person, retracted_trip};
use fuma_tests::live::{Member, Setup};

use super::{counts, tracing};
use crate::{DAY, Stage};

/// A folder of a test's own for snapshots, written after so many records.
fn snapshots(test: &str) -> Snapshots {
    let folder: PathBuf = std::env::temp_dir().join(format!("fuma-rides-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let store = SnapshotStore::folder(&folder).unwrap();
    let every = Duration::from_secs(1_000 * 86_400);
    Snapshots { store, place: folder.display().to_string(), every, records: 1, at_stop: Duration::ZERO }
}

/// Turns until the newest snapshot of the rides ends at the end of their log.
fn until_written(stage: &Stage, member: &Member, snapshots: &Snapshots) {
    let end = format!("{:020}", stage.cluster.end(Topic::Rides, 0));
    for _ in 0..5_000 {
        let names = snapshots.store.list("rides-0000").unwrap();
        if names.iter().any(|found| format!("{found:?}").contains(&end)) {
            return;
        }
        member.turn().unwrap();
        stage.cluster.advance(1);
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no snapshot at {end}: {:?}", snapshots.store.list("rides-0000").unwrap());
}

/// A snapshot of the conveyances stands in for what their log lost; nothing is said again, and an older word
/// never holds. Without it the partition of rides is parked by name, and people are judged all the same.
#[test]
fn conveyances_come_back_from_a_snapshot() {
    let snapshots = snapshots("back");
    let mut stage = Stage::new();
    let a = Member::new(&stage.cluster, "a", Setup { snapshots: Some(snapshots.clone()), ..tracing(1) });
    a.run(300);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.rides(3, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    stage.feed.write(&[retracted_trip(person(3), "t", 2, stage.now())]);
    a.run(500);
    until_written(&stage, &a, &snapshots);
    let before = (counts(&a).contacts, stage.cluster.end(Topic::Evidence, 0));
    assert_eq!(before.0, 1);
    a.die();
    let end = stage.cluster.end(Topic::Rides, 0);
    let old: Vec<bytes::Bytes> =
        stage.cluster.records(Topic::Rides, 0).into_iter().map(|record| record.value.unwrap()).collect();
    stage.cluster.retain_from(Topic::Rides, 0, end);
    a.run(1_000);
    assert_eq!((counts(&a).contacts, stage.cluster.end(Topic::Evidence, 0)), before, "nothing is said again");
    for value in old {
        stage.cluster.append(Topic::Rides, 0, value);
    }
    a.run(1_000);
    assert_eq!((counts(&a).contacts, stage.cluster.end(Topic::Evidence, 0)), before);
    stage.feed.write(&[stage.ill(1, "c", 2, "excluded")]);
    a.run(500);
    assert_eq!((stage.colours_of(1, &[2]), counts(&a).contacts), (vec!["green".to_owned()], 0));
    a.die();
    let _ = std::fs::remove_dir_all(&snapshots.place);
    std::fs::create_dir_all(&snapshots.place).unwrap();
    a.set_up(tracing(1));
    stage.feed.write(&[listing(person(4), "x", "yellow", stage.now(), DAY)]);
    a.run(1_000);
    let holding = a.tracing(0).unwrap();
    assert_eq!((holding.state, holding.parked.unwrap().reason), (State::Parked, ParkReason::Gap));
    assert_eq!(stage.colours_of(1, &[4]), ["yellow"], "people are judged");
    let _ = std::fs::remove_dir_all(&snapshots.place);
}
