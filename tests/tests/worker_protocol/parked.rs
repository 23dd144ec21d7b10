//! One partition's trouble is one partition's: it is parked, the others go on, no worker ends, nothing that was
//! restored is dropped.

use bytes::Bytes;
use fuma_connectors::log::Topic;
use fuma_pipeline::live::partitions::{ParkReason, State, Words};
use fuma_pipeline::live::record::RecordWriter;
use fuma_pipeline::live::worker::position::Standing;
use fuma_schemas::Person;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::process::run;
use fuma_tests::live::{Member, Setup};
use fuma_tests::simulated::{Fault, Settings};

use crate::{DAY, Stage, zhejiang};

/// A cluster of two partitions, with one person of each.
fn two() -> (Stage, [Person; 2]) {
    let stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let people = [stage.of_two(0), stage.of_two(1)];
    (stage, people)
}

fn red(stage: &mut Stage, person: Person, id: &str) {
    let line = listing(person, id, "red", stage.now(), 20 * DAY);
    stage.feed.write(&[line]);
}

fn yellow(stage: &mut Stage, person: Person, id: &str) {
    let line = listing(person, id, "yellow", stage.now(), 20 * DAY);
    stage.feed.write(&[line]);
}

fn reason(member: &Member, partition: u32) -> Option<ParkReason> {
    member.holding(partition)?.parked.map(|parked| parked.reason)
}

fn state(member: &Member, partition: u32) -> Option<State> {
    member.holding(partition).map(|holding| holding.state)
}

/// P-13. One tombstone on one person: that partition alone is parked, whoever has it; the others are judged.
#[test]
fn one_tombstone_takes_down_nobody_and_an_operators_word_releases_the_partition() {
    let (mut stage, [p0, p1]) = two();
    let words = Words::default();
    let setup = || Setup { words: words.clone(), ..Setup::of(zhejiang()) };
    let members: Vec<Member> = ["a", "b", "c"].map(|name| Member::new(&stage.cluster, name, setup())).to_vec();
    members[0].run(300);
    red(&mut stage, p0, "l1");
    members[0].run(300);
    stage.cluster.erase(0, &p0.to_string());
    members[0].die();
    for member in &members[1..] {
        run(&[member], 500);
        assert_eq!(reason(member, 0), Some(ParkReason::Differences));
        let offset = stage.cluster.position(0);
        red(&mut stage, p1, "l1");
        yellow(&mut stage, p0, &member.owner);
        run(&[member], 2_000);
        assert_eq!((member.owned(), stage.colour(p1, 2).as_str()), (vec![1], "red"), "the neighbour goes on");
        assert_eq!(stage.cluster.position(0), offset, "nothing of the parked one is committed");
        member.leave();
    }
    let last = &members[2];
    let parked = |member: &Member| member.holding(0).unwrap().parked.unwrap();
    let digest = last.trouble(0).digest().unwrap().to_owned();
    assert_eq!(parked(last).command(0).unwrap(), format!("fuma accept differences 0 {digest}"));
    assert_eq!(parked(last).digest.as_deref(), Some(digest.as_str()));
    let [_, reason, partition, digest] = ["fuma", "differences", "0", &digest];
    words.accept(ParkReason::parse(reason).unwrap(), partition.parse().unwrap(), digest);
    last.run(1_000);
    assert_eq!((state(last, 0), stage.colour(p0, 2).as_str()), (Some(State::Owned), "red"));
    // Used up: the same damage again is another state, and wants another word.
    stage.cluster.erase(0, &p0.to_string());
    last.die();
    assert_ne!(last.trouble(0).digest(), Some(digest));
}

/// The list carries what was announced and what the evidence gives; its digest is what an operator agrees to.
#[test]
fn another_list_has_another_digest() {
    let (mut stage, [p0, _]) = two();
    let other = stage.several(0, 2, 2)[1];
    let a = stage.member("a");
    a.run(300);
    red(&mut stage, p0, "l1");
    red(&mut stage, other, "l1");
    a.run(300);
    stage.cluster.erase(0, &p0.to_string());
    a.die();
    let one = a.trouble(0).digest().unwrap().to_owned();
    a.die();
    assert_eq!(a.trouble(0).digest(), Some(one.as_str()), "the same state has the same digest");
    stage.cluster.erase(0, &other.to_string());
    a.die();
    assert_ne!(a.trouble(0).digest(), Some(one.as_str()));
}

/// P-14. Nobody leads a partition of evidence: the others are restored and judged; with a leader it goes on by itself.
#[test]
fn a_partition_of_evidence_without_a_leader_stops_nobody_else() {
    let (mut stage, [p0, p1]) = two();
    stage.cluster.set_leader(Topic::Evidence, 0, false);
    let a = stage.member("a");
    red(&mut stage, p0, "l1");
    red(&mut stage, p1, "l1");
    a.run(5_000);
    assert_eq!((reason(&a, 0), a.owned()), (Some(ParkReason::NoLeader), vec![1]));
    assert_eq!(stage.colour(p1, 2), "red");
    stage.cluster.set_leader(Topic::Evidence, 0, true);
    a.run(30_000);
    assert_eq!((state(&a, 0), stage.colour(p0, 2).as_str()), (Some(State::Owned), "red"));
    // The same while it is owned.
    stage.cluster.set_leader(Topic::Evidence, 0, false);
    a.run(25_000);
    assert_eq!((reason(&a, 0), a.owned()), (Some(ParkReason::NoLeader), vec![1]));
    yellow(&mut stage, p1, "l2");
    stage.cluster.set_leader(Topic::Evidence, 0, true);
    a.run(30_000);
    assert_eq!(a.owned(), [0, 1]);
}

/// P-14. Nobody leads a partition of changes: those of the others are committed, and its state stays in memory.
#[test]
fn a_partition_of_changes_without_a_leader_stops_nobody_else() {
    let (mut stage, [p0, p1]) = two();
    let a = stage.member("a");
    a.run(300);
    stage.cluster.set_leader(Topic::Changes, 0, false);
    red(&mut stage, p0, "l1");
    red(&mut stage, p1, "l1");
    a.run(10_000);
    assert_eq!((reason(&a, 0), a.owned()), (Some(ParkReason::NoLeader), vec![1]));
    assert_eq!((stage.colour(p0, 2).as_str(), stage.colour(p1, 2).as_str()), ("green", "red"));
    yellow(&mut stage, p0, "l2");
    stage.cluster.set_leader(Topic::Changes, 0, true);
    a.run(30_000);
    assert_eq!((a.owned(), stage.colour(p0, 2).as_str()), (vec![0, 1], "red"));
    let process = a.process();
    assert_eq!(process.worker().unwrap().restored(), 2, "nothing was restored again");
}

/// A record that only a newer build understands stops its partition, and is not committed past.
#[test]
fn a_record_that_is_not_understood_stops_its_partition_alone() {
    let (mut stage, [p0, p1]) = two();
    let a = stage.member("a");
    a.run(300);
    let mut newer = RecordWriter::new().finish().to_vec();
    newer[1] = 3;
    let offset = stage.cluster.append(Topic::Evidence, 0, Bytes::from(newer));
    red(&mut stage, p0, "l1");
    red(&mut stage, p1, "l1");
    a.run(60_000);
    assert_eq!((reason(&a, 0), a.owned()), (Some(ParkReason::Newer), vec![1]));
    assert_eq!((stage.colour(p0, 2).as_str(), stage.colour(p1, 2).as_str()), ("green", "red"));
    assert!(stage.cluster.position(0).offset.unwrap_or(0) <= offset);
    let parked = a.holding(0).unwrap().parked.unwrap();
    assert!(parked.tries > 3 && parked.tries < 30, "with pauses that grow: {}", parked.tries);
    assert_eq!(parked.command(0), None, "a word does not help");
}

/// Somebody deletes evidence that was not read yet: the partition is parked, its neighbour is judged.
#[test]
fn evidence_that_was_deleted_before_it_was_read_parks_its_partition() {
    let (mut stage, [p0, p1]) = two();
    let a = stage.member("a");
    a.run(300);
    red(&mut stage, p0, "l1");
    red(&mut stage, p0, "l2");
    stage.cluster.retain_from(Topic::Evidence, 0, 1);
    red(&mut stage, p1, "l1");
    a.run(5_000);
    assert!(matches!(reason(&a, 0), Some(ParkReason::OutOfRange | ParkReason::Gap)), "{:?}", reason(&a, 0));
    assert_eq!((a.owned(), stage.colour(p1, 2).as_str()), (vec![1], "red"));
}

/// A partition that moves away is shown no more, parked or not.
#[test]
fn a_partition_that_moved_is_not_shown() {
    let (mut stage, [p0, _]) = two();
    let a = stage.member("a");
    a.run(300);
    red(&mut stage, p0, "l1");
    a.run(300);
    stage.cluster.erase(0, &p0.to_string());
    a.die();
    a.run(500);
    assert_eq!(reason(&a, 0), Some(ParkReason::Differences));
    let b = stage.member("b");
    run(&[&a, &b], 2_000);
    let shown: Vec<_> = [&a, &b].iter().map(|member| [0, 1].map(|id| state(member, id)).to_vec()).collect();
    let of = |id: usize| shown.iter().filter(|states| states[id].is_some()).count();
    assert_eq!((of(0), of(1)), (1, 1), "{shown:?}");
    let standing = Standing::parse(&stage.cluster.position(0).metadata).unwrap().unwrap();
    assert_ne!(standing.owner, "b-0", "who parks a partition does not claim it");
    let _ = person(1);
}

/// A worker whose client is of no more use ends, and nobody knows for how long: until another is made and was given
/// partitions, status, probes and metrics show none as owned.
#[test]
fn a_worker_that_ended_owns_nothing() {
    let (mut stage, [p0, _]) = two();
    let a = stage.member("a");
    a.run(300);
    assert_eq!([0, 1].map(|id| state(&a, id)), [Some(State::Owned); 2]);
    stage.cluster.fail_commit(&a.owner, Fault::AnswerLost);
    red(&mut stage, p0, "l1");
    while a.turn().is_ok() {
        stage.cluster.advance(1);
    }
    assert_eq!([0, 1].map(|id| state(&a, id)), [None; 2]);
    a.run(2_000);
    assert_eq!([0, 1].map(|id| state(&a, id)), [Some(State::Owned); 2]);
}
