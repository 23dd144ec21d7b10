//! Another pack takes over in a running worker.

use std::collections::BTreeSet;
use std::sync::Arc;

use fuma_pipeline::live::partitions::ParkReason;
use fuma_pipeline::live::worker::switch::{Outcome, Schedule, Switch};
use fuma_pipeline::policy::Pack;
use fuma_schemas::{Instant, Person};
use fuma_tests::live::announced::Announced;
use fuma_tests::live::lines::{listing, person, retracted_listing, stay, tier};
use fuma_tests::live::switched::{self, switch_to};
use fuma_tests::live::{Member, Setup, scratch};
use fuma_tests::simulated::{CommitPlace, Fault};

use crate::{DAY, Stage, zhejiang};

const PEOPLE: u32 = 900;

fn chongqing() -> &'static Arc<Pack> {
    &fuma_tests::packs()[1]
}

/// The pack with which everything begins, and Chongqing's from an instant on.
pub(crate) fn switches(at: Instant) -> Vec<Switch> {
    vec![switch_to(1, zhejiang(), Instant::MIN), switch_to(2, chongqing(), at)]
}

pub(crate) fn setup(page: usize) -> Setup {
    let schedule = Schedule::default();
    schedule.set(switches(Instant(i64::MAX)));
    Setup { page: Some(page), schedule, ..Setup::of(zhejiang()) }
}

/// A process that has judged everybody by the first pack, and how many changes that were.
pub(crate) fn judged(stage: &mut Stage, page: usize) -> (Member, usize) {
    let at = stage.now();
    let mut lines = vec![tier("t1", 1, "330106", "medium", at)];
    for number in 0..PEOPLE {
        if number % 5 != 0 {
            lines.push(stay(person(number), "s", "330106001", at));
        }
        if number % 3 == 0 || number % 5 == 0 {
            lines.push(listing(person(number), "l", "red", at, 10 * DAY));
        }
    }
    stage.feed.write(&lines);
    let a = Member::new(&stage.cluster, "a", setup(page));
    a.run(3_000);
    stage.check();
    let before = stage.announced().len();
    (a, before)
}

/// Who differs between the packs as things stand.
fn differing(stage: &Stage) -> BTreeSet<Person> {
    let now = stage.now();
    let (old, _) = scratch::judged(&stage.cluster, zhejiang(), 0, now);
    let (new, _) = scratch::judged(&stage.cluster, chongqing(), 0, now);
    (0..PEOPLE).map(person).filter(|it| old.get(it) != new.get(it)).collect()
}

pub(crate) fn outcome(member: &Member) -> Outcome {
    let mut outcomes = member.schedule().to_write();
    assert_eq!(outcomes.len(), 1);
    outcomes.pop().unwrap()
}

fn people_of(changes: &[Announced]) -> BTreeSet<Person> {
    let people: BTreeSet<Person> = changes.iter().map(|change| change.person).collect();
    assert_eq!(people.len(), changes.len(), "nobody twice");
    people
}

#[test]
fn a_running_worker_announces_exactly_the_differences_from_the_instant_on() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    let at = Instant(stage.now().0 + 1_234);
    let restored = a.process().worker().unwrap().restored();
    a.read_decisions(&switches(at));
    a.run(1_200);
    assert_eq!(stage.announced().len(), before, "nothing happens before the instant");
    a.run(3_000);
    let changes = stage.announced().split_off(before);
    assert_eq!(people_of(&changes), differing(&stage));
    assert!(changes.iter().all(|change| change.decided_at >= at && change.headers["ce_switch"] == "2"));
    assert!(changes.iter().map(|change| change.decided_at).collect::<BTreeSet<_>>().len() > 3, "in pages");
    scratch::check(&stage.cluster, chongqing(), 1);
    assert_eq!(a.process().worker().unwrap().restored(), restored, "no state is restored for it");
    let outcome = outcome(&a);
    assert_eq!((outcome.number, outcome.changes()), (2, changes.len() as u64));
    assert_eq!((outcome.causes, outcome.is_resumed), (Default::default(), false));
    assert!(stage.cluster.position(0).metadata.contains(" switch=2@"), "remembered until it is written");
    a.schedule().written(2, 0);
    a.run(500);
    assert!(!stage.cluster.position(0).metadata.contains(" switch="));
}

/// Live evidence between the pages is judged by the new pack at once, and counted: a preview did not know of it.
#[test]
fn evidence_between_the_pages_is_judged_by_the_new_pack() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 64);
    a.read_decisions(&switches(stage.now()));
    while stage.announced().len() == before {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    let last = (0..PEOPLE).map(person).max().unwrap();
    let fresh = person(PEOPLE + 7);
    let at = stage.now();
    stage.feed.write(&[listing(last, "l9", "red", at, DAY), listing(fresh, "l9", "red", at, DAY)]);
    a.run(3_000);
    let outcome = outcome(&a);
    assert_eq!(outcome.causes.touched, 2, "who was touched before the page came, and who came since");
    let changes = stage.announced().split_off(before);
    people_of(&changes);
    scratch::check(&stage.cluster, chongqing(), 1);
}

/// Who cannot be judged keeps what was announced, is counted as what may differ from a preview, and is judged by
/// the new pack as soon as that is possible.
#[test]
fn a_crowded_person_keeps_the_old_state_through_a_switch_and_is_counted() {
    let mut stage = Stage::new();
    let (a, _) = judged(&mut stage, 128);
    let mut others = differing(&stage);
    let crowded = *others.iter().next().unwrap();
    let ids: Vec<String> = (0..=500).map(|number| format!("c{number}")).collect();
    let at = stage.now();
    stage.feed.write(&ids.iter().map(|id| listing(crowded, id, "red", at, 20 * DAY)).collect::<Vec<_>>());
    a.run(2_000);
    let before = stage.announced().len();
    a.read_decisions(&switches(stage.now()));
    a.run(3_000);
    let changes = stage.announced().split_off(before);
    others.remove(&crowded);
    assert_eq!(people_of(&changes), others);
    let outcome = outcome(&a);
    assert_eq!((outcome.causes.crowded, outcome.causes.failed, outcome.changes()), (1, 0, changes.len() as u64));
    let retracted: Vec<_> = ids.iter().map(|id| retracted_listing(crowded, id, stage.now())).collect();
    stage.feed.write(&retracted);
    a.run(2_000);
    let last = stage.announced().pop().unwrap();
    assert_eq!((last.person, last.headers["ce_policydigest"].as_str()), (crowded, &*chongqing().digest));
    scratch::check(&stage.cluster, chongqing(), 1);
}

/// A position that expires in the middle of a switch takes nothing away of what the switch says.
#[test]
fn a_position_that_expires_in_the_middle_of_a_switch_leaves_it_a_switch() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    let expected = differing(&stage);
    a.read_decisions(&switches(stage.now()));
    while stage.announced().len() < before + 60 {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    a.die();
    stage.cluster.forget_position(0);
    let b = Member::new(&stage.cluster, "b", setup(128));
    b.read_decisions(&switches(stage.now()));
    b.run(5_000);
    let changes = stage.announced().split_off(before);
    assert_eq!(people_of(&changes), expected);
    assert!(changes.iter().all(|change| change.headers.get("ce_switch").is_some_and(|number| number == "2")));
    assert_eq!(outcome(&b).changes(), changes.len() as u64);
    scratch::check(&stage.cluster, chongqing(), 1);
}

/// Killed in the middle, in every place of a commit: the successor goes on, and knows what the first pages did.
#[test]
fn a_switch_that_was_cut_off_is_told_whole() {
    let whole = {
        let mut stage = Stage::new();
        let (a, _) = judged(&mut stage, 128);
        a.read_decisions(&switches(stage.now()));
        a.run(3_000);
        outcome(&a).digest()
    };
    for place in [CommitPlace::BeforeBegin, CommitPlace::AfterSend, CommitPlace::AfterOffsets, CommitPlace::Unanswered]
    {
        let mut stage = Stage::new();
        let (a, before) = judged(&mut stage, 128);
        a.read_decisions(&switches(stage.now()));
        while stage.announced().len() < before + 60 {
            a.turn().unwrap();
            stage.cluster.advance(1);
        }
        stage.cluster.fail_commit(&a.owner, Fault::Crash(place));
        while a.turn().is_ok() {
            stage.cluster.advance(1);
        }
        stage.cluster.expire(&a.owner);
        let b = Member::new(&stage.cluster, "b", Setup { page: Some(128), ..setup(128) });
        b.read_decisions(&switches(stage.now()));
        b.run(3_000);
        people_of(&stage.announced().split_off(before));
        scratch::check(&stage.cluster, chongqing(), 1);
        let outcome = outcome(&b);
        assert_eq!((outcome.digest(), outcome.is_resumed), (whole.clone(), true), "{place:?}");
    }
}

/// A process that does not know the pack yet refuses the partition by name, and takes it when it knows it.
#[test]
fn a_process_that_does_not_know_the_pack_parks_the_partition() {
    let mut stage = Stage::new();
    let (a, _) = judged(&mut stage, 128);
    a.read_decisions(&switches(stage.now()));
    a.run(3_000);
    a.die();
    let b = Member::new(&stage.cluster, "b", setup(128));
    b.schedule().set(switches(Instant::MIN)[..1].to_vec());
    assert_eq!(b.trouble(0).reason(), ParkReason::Superseded);
    b.read_decisions(&switches(stage.now()));
    b.run(40_000);
    assert_eq!(b.owned(), [0]);
    scratch::check(&stage.cluster, chongqing(), 1);
}

/// A pack that is due and not here parks the partition: the old one decides nothing from the instant on.
#[test]
fn a_pack_that_is_due_and_not_here_parks_the_partition_with_its_state() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    let restored = a.process().worker().unwrap().restored();
    let mut coming = switches(stage.now());
    coming[1].pack = Err("its archive is not in the log".to_owned());
    a.read_decisions(&coming);
    let trouble = a.trouble(0);
    assert_eq!(trouble.reason(), ParkReason::PackMissing);
    assert!(trouble.to_string().contains("its archive is not in the log"), "{trouble}");
    assert_eq!(stage.announced().len(), before);
    a.read_decisions(&switches(stage.now()));
    a.run(40_000);
    assert_eq!(people_of(&stage.announced().split_off(before)), differing(&stage));
    assert_eq!(a.process().worker().unwrap().restored(), restored);
}

/// Who did not read the decisions for four minutes commits nothing; when they are read it goes on.
#[test]
fn without_the_decisions_nothing_is_committed_for_long() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    a.read_decisions(&switches(Instant(i64::MAX)));
    stage.feed.write(&[listing(person(PEOPLE), "l", "red", stage.now(), DAY)]);
    a.run(1_000);
    assert_eq!(stage.announced().len(), before + 1, "for a while it goes on");
    stage.cluster.advance(4 * 60_000);
    stage.feed.write(&[listing(person(PEOPLE + 1), "l", "red", stage.now(), DAY)]);
    assert_eq!(a.trouble(0).reason(), ParkReason::DecisionsBehind);
    assert_eq!(stage.announced().len(), before + 1);
    a.read_decisions(&switches(Instant(i64::MAX)));
    a.run(40_000);
    assert_eq!(stage.announced().len(), before + 2);
}

/// A rollback: the first pack again, under a number of its own.
#[test]
fn a_switch_is_taken_back_by_another() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    let mut all = switches(stage.now());
    a.read_decisions(&all);
    a.run(3_000);
    let there = stage.announced().len() - before;
    all.push(switch_to(3, zhejiang(), stage.now()));
    a.read_decisions(&all);
    a.run(3_000);
    stage.check();
    assert_eq!(stage.announced().len() - before, 2 * there, "who was changed is changed back");
    assert!(stage.announced().last().unwrap().headers["ce_switch"] == "3");
    // Cut off before it was written, it is told again by whoever comes.
    a.die();
    let b = Member::new(&stage.cluster, "b", setup(128));
    b.read_decisions(&all);
    b.run(3_000);
    assert_eq!((outcome(&b).number, outcome(&b).changes()), (3, there as u64));
}

/// Of two whose instants have come the later alone takes force, as in replay.
#[test]
fn two_switches_that_are_both_due_are_one() {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    let mut all = switches(stage.now());
    all.push(switch_to(3, zhejiang(), stage.now()));
    a.read_decisions(&all);
    a.run(3_000);
    assert_eq!(stage.announced().len(), before, "the later one alone is in force");
    assert_eq!((outcome(&a).number, outcome(&a).changes()), (3, 0));
}

/// Live with a switch is replay with the schedule, while everything goes wrong that can.
#[test]
fn live_with_a_switch_is_replay_with_the_schedule() {
    let seeds = std::env::var("FUMA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(24);
    let first = std::env::var("FUMA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut changes, mut resumed) = (0, 0);
    for seed in first..first + seeds {
        eprintln!("seed {seed}");
        let ran = switched::run(seed, None);
        changes += ran.changes;
        resumed += u64::from(ran.is_resumed);
    }
    eprintln!("{seeds} seeds: {changes} changes by switches, {resumed} runs in which one was taken over");
    if seeds >= 20 {
        assert!(changes as u64 > seeds && resumed * 4 > seeds, "much happens");
    }
}

/// Changes by the old pack past the instant, of a process that read the decisions before the switch was decided and not
/// since. `is_bound`: it knows when that was.
fn decided_too_late(is_bound: bool) -> usize {
    let mut stage = Stage::new();
    let (a, before) = judged(&mut stage, 128);
    let none_yet = switches(Instant::MIN)[..1].to_vec();
    if is_bound {
        a.read_decisions(&none_yet);
    } else {
        a.schedule().set(none_yet);
    }
    // Decided a moment later: five minutes after that it takes force.
    let at = Instant(stage.now().0 + 5 * 60_000 + 10);
    stage.cluster.advance(5 * 60_000 + 1_000);
    stage.feed.write(&[listing(person(PEOPLE + 1), "l", "red", stage.now(), DAY)]);
    a.run(2_000);
    let changes = stage.announced().split_off(before);
    let by_old = |change: &&Announced| change.headers["ce_policydigest"] == *zhejiang().digest;
    changes.iter().filter(|change| change.decided_at >= at).filter(by_old).count()
}

/// Without the bound a process that reads the decisions late decides by the old pack past the instant.
#[test]
fn a_late_reader_decides_by_the_old_pack_where_nothing_bounds_it() {
    assert_eq!((decided_too_late(true), decided_too_late(false)), (0, 1));
}
