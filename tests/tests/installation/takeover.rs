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
    let own = Own { names: Some(("simulated.".into(), "g".into())), key: Fingerprint([7; 8]) };
    let log = cluster.process(&format!("{name}-founder"));
    let (_, installation) = found(&log, &own, 1).unwrap();
    let belongs = Some(Belonging::new(Arc::new(log), own, installation));
    Member::new(cluster, name, Setup { belongs, ..Setup::of(&fuma_tests::packs()[0]) })
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
