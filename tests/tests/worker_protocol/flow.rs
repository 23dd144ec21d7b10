//! Back-pressure inside a worker, one number of people for all its partitions, and what is let go when commits are
//! refused.

use std::collections::BTreeMap;

use fuma_pipeline::live::worker::position::Standing;
use fuma_tests::live::announced;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::process::run;
use fuma_tests::live::{Member, Setup};
use fuma_tests::simulated::{Fault, FaultRates, Settings};

use crate::{DAY, Stage, zhejiang};

/// P-20. Commits do not go through: the partition is not read on above the limit, and what is held stays below it and
/// one batch; then everything is judged.
#[test]
fn what_waits_for_its_commit_is_bounded() {
    const BYTES_MAX: usize = 20_000;
    let settings = Settings { partitions: 1, batch_records_max: 4, ..Settings::default() };
    let mut stage = Stage::with(settings);
    let a = Member::new(&stage.cluster, "a", Setup { uncommitted_bytes_max: Some(BYTES_MAX), ..Setup::of(zhejiang()) });
    a.run(300);
    stage.cluster.set_fault_rates(FaultRates { abort: 1000, ..FaultRates::default() });
    let mut bytes_written = 0;
    for number in 0..300 {
        let before = stage.evidence_end();
        stage.feed.write(&[listing(person(number), "l1", "red", stage.now(), 20 * DAY)]);
        let written = stage.cluster.records(fuma_connectors::log::Topic::Evidence, 0);
        bytes_written +=
            written.iter().filter(|it| it.offset >= before).map(|it| it.value.as_ref().unwrap().len()).sum::<usize>();
        a.run(20);
    }
    assert!(bytes_written > 5 * BYTES_MAX, "{bytes_written}");
    a.run(40_000);
    let process = a.process();
    let worker = process.worker().unwrap();
    let held: usize = worker.held_bytes();
    drop(process);
    assert!((BYTES_MAX / 2..BYTES_MAX + 8_000).contains(&held), "{held} of {bytes_written}");
    assert!(stage.announced().is_empty());
    stage.cluster.set_fault_rates(FaultRates::default());
    a.run(120_000);
    assert_eq!(stage.announced().len(), 300);
    stage.check();
}

/// L-8. Many fall due at one instant, in all partitions of a worker: one number of people a commit, for all of them.
#[test]
fn midnight_is_one_number_of_people_a_commit() {
    const PAGE: usize = 8;
    const PARTITIONS: usize = 8;
    let mut stage = Stage::with(Settings { partitions: PARTITIONS as u32, ..Settings::default() });
    let a = Member::new(&stage.cluster, "a", Setup { page: Some(PAGE), ..Setup::of(zhejiang()) });
    a.run(500);
    let people: Vec<_> = (0..PARTITIONS).flat_map(|id| stage.several(id, PARTITIONS, 10)).collect();
    let at = stage.now();
    let lines: Vec<_> = people.iter().map(|person| listing(*person, "l1", "red", at, 60_000)).collect();
    stage.feed.write(&lines);
    a.run(3_000);
    stage.cluster.advance(60_000);
    a.run(3_000);
    let mut pages: BTreeMap<i64, usize> = BTreeMap::new();
    let all = announced::all(&stage.cluster, PARTITIONS as u32);
    all.iter().for_each(|change| *pages.entry(change.decided_at.0).or_default() += 1);
    assert_eq!(all.len(), 2 * people.len());
    assert!(pages.values().all(|&page| page <= PAGE), "{pages:?}");
}

/// The last commit before a partition moves is refused three times: its position is marked released all the same, so
/// the next owner does not fence this one, who has other partitions still.
#[test]
fn a_refused_last_commit_does_not_cost_the_other_partitions() {
    let mut stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let people = [stage.of_two(0), stage.of_two(1)];
    let (a, b) = (stage.member("a"), stage.member("b"));
    a.run(500);
    let restored = |member: &Member| member.process().worker().unwrap().restored();
    assert_eq!(restored(&a), 2);
    b.turn().unwrap();
    for person in people {
        stage.feed.write(&[listing(person, "l1", "red", stage.now(), DAY)]);
    }
    // The owner is told to let one go; its next three commits are refused.
    for _ in 0..3 {
        stage.cluster.fail_commit(&a.owner, Fault::Abort);
    }
    run(&[&a, &b], 3_000);
    assert_eq!((a.owned().len(), b.owned().len()), (1, 1));
    assert!(stage.cluster.is_alive(&a.owner));
    assert_eq!(restored(&a), 2, "it was not fenced, and restored nothing again");
    for (id, person) in people.into_iter().enumerate() {
        assert_eq!(stage.colour(person, 2), "red");
        let standing = Standing::parse(&stage.cluster.position(id as u32).metadata).unwrap().unwrap();
        assert!(!standing.owner.is_empty());
    }
}
