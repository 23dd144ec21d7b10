//! What the next owner does first.

use fuma_connectors::log::{Log as _, Topic, WorkerLog as _};
use fuma_pipeline::live::partitions::ParkReason;
use fuma_pipeline::live::worker::reference::References;
use fuma_pipeline::live::worker::restore::{RestoreError, restore};
use fuma_tests::live::Setup;
use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::process::run;
use fuma_tests::simulated::{CommitPlace, Fault, MarkerDelivery, MarkerPlace, Settings, SimulatedCluster};

use crate::faulty::{FaultyLog, Gate};
use crate::{DAY, Stage, step, zhejiang};

/// Longer than any step of a takeover, and far shorter than the timeout of a transaction.
const SOON_MS: i64 = 1_000;

/// One owner with a person listed yellow; then one listed red in a commit that ends as `fault` says. The owner is gone.
fn left_by(stage: &mut Stage, name: &str, fault: Fault) {
    let a = stage.member(name);
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "yellow", stage.now(), DAY)]);
    a.run(300);
    stage.cluster.fail_commit(&a.owner, fault);
    stage.feed.write(&[listing(person(2), "l2", "red", stage.now(), DAY)]);
    while a.turn().is_ok() {
        stage.cluster.advance(1);
    }
    stage.cluster.expire(&a.owner);
}

/// R-3 a, b. The position names the owner, is read although a transaction is open on it, and the owner is fenced:
/// else the partition would stand still until the transaction times out.
#[test]
fn an_open_transaction_of_the_last_owner_is_ended_at_once() {
    for place in [CommitPlace::AfterSend, CommitPlace::AfterOffsets] {
        let mut stage = Stage::new();
        left_by(&mut stage, "a", Fault::Crash(place));
        let b = stage.member("b");
        b.run(SOON_MS);
        assert_eq!(stage.steps(), [step("green", "yellow"), step("green", "red")], "{place:?}");
        stage.check();
    }
}

/// R-3 b. An owner that stands still in the middle of a commit announces nothing when it wakes.
#[test]
fn an_owner_that_wakes_in_a_commit_is_fenced() {
    for place in [CommitPlace::BeforeBegin, CommitPlace::AfterSend, CommitPlace::AfterOffsets] {
        let mut stage = Stage::new();
        let b = stage.member("b");
        let other = b.clone();
        let meanwhile = move |cluster: &SimulatedCluster| {
            cluster.expire("a-0");
            other.run(SOON_MS);
            assert_eq!(other.owned(), [0], "taken over while the last owner stands still");
        };
        left_by(&mut stage, "a", Fault::Meanwhile(place, Box::new(meanwhile)));
        assert_eq!(stage.steps(), [step("green", "yellow"), step("green", "red")], "{place:?}");
        stage.check();
    }
}

/// R-3 c. What the last owner had prepared becomes true: the offsets are read when that is done. Older offsets with
/// newer announcements would be judged again, or refused as a difference.
#[test]
fn a_prepared_commit_counts_wholly() {
    for seed in 1..=20 {
        for fault in [Fault::Crash(CommitPlace::Unanswered), Fault::AnswerLost] {
            let mut stage = Stage::with(Settings { partitions: 1, seed, ..Settings::default() });
            stage.cluster.set_markers(MarkerDelivery::Late { ms_max: 2_000 });
            left_by(&mut stage, "a", fault);
            let end = stage.evidence_end();
            let b = stage.member("b");
            while b.owned().is_empty() {
                b.turn().unwrap();
            }
            assert_eq!(stage.cluster.position(0).offset, Some(end), "seed {seed}: nothing is judged again");
            b.run(5_000);
            assert_eq!(stage.steps(), [step("green", "yellow"), step("green", "red")]);
            stage.check();
        }
    }
}

/// R-3 d, e. The last owner let go in order, so nobody fences it; its position is there, its changes not yet. They are
/// read up to the end that the partition has with its open transaction.
#[test]
fn changes_whose_marker_is_late_are_not_announced_again() {
    let mut was_late = 0;
    for seed in 1..=40 {
        let mut stage = Stage::with(Settings { partitions: 1, seed, ..Settings::default() });
        let (a, b) = (stage.member("a"), stage.member("b"));
        a.run(300);
        stage.cluster.fail_commit(&a.owner, Fault::Abort);
        stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
        while a.turn().unwrap().aborts == 0 {
            stage.cluster.advance(1);
        }
        stage.cluster.set_markers(MarkerDelivery::Late { ms_max: 3_000 });
        a.leave();
        let places: Vec<MarkerPlace> = loop {
            let places: Vec<MarkerPlace> = stage.cluster.markers().into_iter().map(|(_, _, place)| place).collect();
            if !places.contains(&MarkerPlace::Positions) {
                break places;
            }
            stage.cluster.advance(1);
        };
        was_late += usize::from(places.contains(&MarkerPlace::Output(0)));
        b.run(5_000);
        assert_eq!(stage.steps(), [step("green", "red")], "seed {seed}");
        stage.check();
    }
    assert!(was_late > 5, "the marker of the changes came last {was_late} times");
}

/// R-3 b. Who let a partition go in order is not fenced: it goes on with what it still has.
#[test]
fn who_lets_go_in_order_goes_on_with_the_rest() {
    let mut stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let (a, b) = (stage.member("a"), stage.member("b"));
    a.run(300);
    run(&[&a, &b], 1_000);
    assert_eq!((a.owned(), b.owned()), (vec![0], vec![1]));
    for partition in 0..2 {
        let person = fuma_tests::live::lines::people_of(partition, 2, 1)[0];
        stage.feed.write(&[listing(person, "l1", "red", stage.now(), DAY)]);
    }
    assert_eq!(run(&[&a, &b], 1_000).changes, 2);
}

/// The second owner claims the partition before anything else; else the third would fence the first, and wait
/// for the second's transaction until it times out.
#[test]
fn a_third_owner_fences_the_second() {
    let mut stage = Stage::new();
    left_by(&mut stage, "a", Fault::Crash(CommitPlace::AfterSend));
    let b = stage.member("b");
    while b.owned().is_empty() {
        b.turn().unwrap();
    }
    // The claim has gone through; what comes next does not.
    let claim = stage.cluster.position(0);
    assert!(claim.metadata.contains("owner=b-0"), "{}", claim.metadata);
    assert_eq!(stage.steps(), [step("green", "yellow")], "a claim announces nothing");
    stage.cluster.fail_commit(&b.owner, Fault::Crash(CommitPlace::AfterOffsets));
    while b.turn().is_ok() {
        stage.cluster.advance(1);
    }
    stage.cluster.expire(&b.owner);
    let c = stage.member("c");
    c.run(SOON_MS);
    assert_eq!(stage.steps(), [step("green", "yellow"), step("green", "red")]);
    stage.check();
}

/// A claim that is aborted is made again, and nothing is announced before it.
#[test]
fn nothing_is_announced_before_the_claim() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    for _ in 0..5 {
        stage.cluster.fail_commit(&a.owner, Fault::Abort);
    }
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    for _ in 0..5 {
        a.turn().unwrap();
        assert_eq!(stage.cluster.end(Topic::Changes, 0), 0, "not even in an aborted transaction");
        stage.cluster.advance(100);
    }
    a.run(300);
    assert_eq!(stage.steps(), [step("green", "red")]);
    stage.check();
}

/// Evidence that comes in while a claim is made again is not taken for judged: the claim moves no offset.
#[test]
fn a_claim_moves_no_offset() {
    let mut stage = Stage::new();
    let (a, b) = (stage.member("a"), stage.member("b"));
    let at = stage.now();
    a.run(300);
    stage.feed.write(&[listing(person(2), "l2", "red", at, DAY)]);
    a.run(300);
    a.die();
    stage.cluster.fail_commit(&a.owner, Fault::Abort);
    stage.cluster.fail_commit(&a.owner, Fault::Meanwhile(CommitPlace::BeforeBegin, Box::new(|_| {})));
    stage.cluster.fail_commit(&a.owner, Fault::Crash(CommitPlace::BeforeBegin));
    stage.feed.write(&[listing(person(1), "l1", "red", at, DAY)]);
    while a.turn().is_ok() {
        stage.cluster.advance(1);
    }
    assert!(stage.cluster.position(0).metadata.contains("owner=a-0"), "the claim has gone through");
    stage.cluster.expire(&a.owner);
    b.run(SOON_MS);
    assert_eq!(stage.steps(), [step("green", "red"), step("green", "red")]);
    stage.check();
}

/// A transaction that nobody will ever end does not make the next owner wait for ever: it says so.
#[test]
fn a_hanging_transaction_is_an_error_that_says_what_to_do() {
    let stage = Stage::new();
    stage.cluster.hang(0);
    let a = stage.member("a");
    let trouble = a.trouble(0);
    assert_eq!(trouble.reason(), ParkReason::Hanging);
    assert!(trouble.to_string().contains("does not end"), "{trouble}");
}

/// A partition ends in a marker: the end is reached all the same, and the next owner works.
#[test]
fn an_output_that_ends_in_markers_is_read_to_its_end() {
    let mut stage = Stage::new();
    let (a, b) = (stage.member("a"), stage.member("b"));
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(300);
    let last = stage.announced().pop().unwrap();
    assert!(last.offset + 1 < stage.cluster.end(Topic::Changes, 0), "a marker follows");
    a.die();
    stage.feed.write(&[listing(person(2), "l2", "red", stage.now(), DAY)]);
    b.run(SOON_MS);
    assert_eq!(stage.steps().len(), 2);
    stage.check();
}

/// While one partition is being restored the other is worked on, and the group hears from the owner.
#[test]
fn a_long_restore_stops_nobody() {
    let mut stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let gate = Gate::closed_for(0);
    let a = stage.slow_member("a", &gate);
    let other = fuma_tests::live::lines::people_of(1, 2, 1)[0];
    stage.feed.write(&[listing(other, "l1", "red", stage.now(), DAY)]);
    run_until(&stage, || !a.owned().is_empty(), || assert!(a.turn().is_ok()));
    a.run(500);
    assert_eq!(a.owned(), [1]);
    let changes = fuma_tests::live::announced::of_partition(&stage.cluster, 1);
    assert_eq!(changes.len(), 1, "announced although partition 0 is not there yet");
    gate.open();
    run_until(&stage, || a.owned() == [0, 1], || assert!(a.turn().is_ok()));
}

/// A partition that is taken away while it is being restored is given up at once; what the restore brings later is
/// nobody's.
#[test]
fn a_restore_is_given_up_when_the_partition_moves_on() {
    let stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let (gate, b) = (Gate::closed_for(1), stage.member("b"));
    let a = stage.slow_member("a", &gate);
    run_until(&stage, || a.owned() == [0] && gate.begun() == 1, || assert!(a.turn().is_ok()));
    run_until(&stage, || b.owned() == [1], || assert_eq!(run(&[&a, &b], 10).changes, 0));
    gate.open();
    std::thread::sleep(std::time::Duration::from_millis(50));
    run(&[&a, &b], 500);
    assert_eq!((a.owned(), b.owned()), (vec![0], vec![1]));
    assert_eq!(gate.begun(), 1);
}

/// Who stands still in the middle of a takeover reads what a successor announced, against a position from
/// before: nobody has to look at that difference.
#[test]
fn what_a_successor_announced_meanwhile_is_no_unexplained_difference() {
    let mut stage = Stage::new();
    let first = stage.member("first");
    first.run(300);
    first.die();
    let (gate, inner) = (Gate::closed_for(0), stage.cluster.process("sleeper").worker(0).unwrap());
    let log = FaultyLog { gate: gate.clone(), ..FaultyLog::of(inner) };
    let mut restorer = log.restorer().unwrap();
    let context = Setup::of(zhejiang()).restoring(References::default(), stage.now());
    let sleeper = std::thread::spawn(move || restore(&mut *restorer, 0, &context).map(drop));
    run_until(&stage, || gate.begun() == 1, || std::thread::sleep(std::time::Duration::from_millis(1)));
    let successor = stage.member("successor");
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    successor.run(SOON_MS);
    assert_eq!(stage.steps(), [step("green", "red")]);
    gate.open();
    let error = sleeper.join().unwrap().unwrap_err();
    assert!(matches!(error, RestoreError::Overtaken { partition: 0 }), "{error}");
}

fn run_until(stage: &Stage, mut holds: impl FnMut() -> bool, mut turn: impl FnMut()) {
    for _ in 0..20_000 {
        if holds() {
            return;
        }
        turn();
        stage.cluster.advance(1);
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    panic!("it does not come about");
}
