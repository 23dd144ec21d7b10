//! What changed while processes ran is seen by whoever takes a partition over: nothing is announced from it.

use std::sync::Arc;

use fuma_connectors::log::Topic;
use fuma_pipeline::live::decisions::{Belonging, Own, found};
use fuma_pipeline::live::partitions::ParkReason;
use fuma_pipeline::live::record::Fingerprint;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::{EvidenceFeed, Member, Setup};
use fuma_tests::simulated::{Settings, SimulatedCluster};

/// A process of the installation, which compares for itself.
fn member(cluster: &SimulatedCluster, name: &str) -> Member {
    member_of(cluster, name).0
}

fn member_of(cluster: &SimulatedCluster, name: &str) -> (Member, Belonging) {
    let own = Own { names: Some(("simulated.".into(), "g".into())), key: Fingerprint([7; 8]) };
    let log = cluster.process(&format!("{name}-founder"));
    let (_, installation) = found(&log, &own, 1).unwrap();
    let belongs = Belonging::new(Arc::new(log), own, installation);
    let setup = Setup { belongs: Some(belongs.clone()), ..Setup::of(&fuma_tests::packs()[0]) };
    (Member::new(cluster, name, setup), belongs)
}

#[test]
fn topics_that_were_made_again_or_grew_park_the_partitions_of_the_next_owner() {
    let change: [fn(&SimulatedCluster); 4] = [
        |cluster| cluster.make_again(Topic::Evidence),
        |cluster| cluster.make_again(Topic::Changes),
        |cluster| cluster.make_again(Topic::Links),
        |cluster| cluster.grow(Topic::Evidence, 2),
    ];
    for change in change {
        let cluster = SimulatedCluster::new(Settings { partitions: 1, ..Settings::default() });
        let mut feed = EvidenceFeed::new(&cluster, 1);
        let first = member(&cluster, "a");
        let second = member(&cluster, "b");
        let red = |number| listing(person(number), &format!("l{number}"), "red", cluster.now(), 86_400_000);
        feed.write(&(0..8).map(red).collect::<Vec<_>>());
        assert_eq!(first.run(1_000).changes, 8);
        first.leave();
        change(&cluster);
        let left = cluster.records(Topic::Changes, 0).len();
        let trouble = second.trouble(0);
        assert_eq!(trouble.reason(), ParkReason::Foreign, "{trouble}");
        second.run(5_000);
        assert_eq!(cluster.records(Topic::Changes, 0).len(), left, "nothing is announced: {trouble}");
    }
}

/// Nobody takes anything over: a thread beside the stages compares, and the owner stops by name.
#[test]
fn topics_that_were_made_again_park_the_partitions_of_their_owner_while_it_runs() {
    let cluster = SimulatedCluster::new(Settings { partitions: 1, ..Settings::default() });
    let mut feed = EvidenceFeed::new(&cluster, 1);
    let (member, belongs) = member_of(&cluster, "a");
    let red = |number| listing(person(number), &format!("l{number}"), "red", cluster.now(), 86_400_000);
    feed.write(&(0..8).map(red).collect::<Vec<_>>());
    assert_eq!(member.run(1_000).changes, 8);
    cluster.make_again(Topic::Changes);
    let left = cluster.records(Topic::Changes, 0).len();
    // An answer that found nothing wrong holds for a second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert!(belongs.check().is_err());
    feed.write(&[listing(person(9), "l9", "red", cluster.now(), 86_400_000)]);
    member.run(3_000);
    let trouble = member.trouble(0);
    assert_eq!(trouble.reason(), ParkReason::Foreign);
    assert!(trouble.to_string().contains("code-changes"), "by name: {trouble}");
    assert_eq!(cluster.records(Topic::Changes, 0).len(), left, "nothing is announced");
}
