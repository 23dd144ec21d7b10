//! Records of phones, and who holds them, in a running service.

use std::path::PathBuf;
use std::time::Duration;

use arrow::array::AsArray as _;
use fuma_connectors::log::Topic;
use fuma_pipeline::linked::LinkedCounts;
use fuma_pipeline::live::partitions::{ParkReason, State};
use fuma_pipeline::live::record::{self, RecordWriter, Section, told_batch, told_rows};
use fuma_pipeline::live::snapshot::SnapshotStore;
use fuma_pipeline::live::worker::snapshots::Snapshots;
use fuma_schemas::{Instant, Phone};
use fuma_tests::feeds::Line;
use fuma_tests::live::lines::{
    binding, listing, listing_of_phone, person, retracted_binding, retracted_listing_of_phone,
};
use fuma_tests::live::process::run;
use fuma_tests::live::{Member, Setup};
use fuma_tests::simulated::{CommitPlace, Fault, Settings};

use crate::{DAY, Stage, zhejiang};

const HOUR: i64 = 3_600_000;

fn attaching(partitions: u32) -> Setup {
    Setup { attaches: true, partitions, ..Setup::of(zhejiang()) }
}

/// A cluster of so many partitions, and a process that attaches.
fn stage(partitions: u32) -> (Stage, Member) {
    let stage = Stage::with(Settings { partitions, ..Settings::default() });
    let member = Member::new(&stage.cluster, "a", attaching(partitions));
    member.run(300);
    (stage, member)
}

impl Stage {
    /// A binding of a person to a phone from long ago, or from an instant, on.
    fn bound(&self, to: u32, id: &str, phone: u32, hours_ago: i64) -> Line {
        binding(person(to), (id, 1), phone, (self.ago(hours_ago), None), self.now())
    }

    fn ago(&self, hours: i64) -> Instant {
        Instant(self.now().0 - hours * HOUR)
    }

    /// The phone is listed red now.
    fn red(&self, phone: u32, id: &str) -> Line {
        listing_of_phone(phone, id, "red", self.now(), 10 * DAY)
    }

    fn colours(&self, partitions: u32, people: &[u32]) -> Vec<String> {
        people.iter().map(|number| self.colour(person(*number), partitions)).collect()
    }

    fn checked(&self, partitions: u32) {
        fuma_tests::live::scratch::check(&self.cluster, zhejiang(), partitions);
    }
}

fn counts(member: &Member) -> LinkedCounts {
    member.process().attaching().unwrap().counts()
}

/// Evidence of a phone waits until a holder is known, colours that one, and nobody else; it does not matter which of
/// the two came first.
#[test]
fn a_record_waits_for_the_holder_of_its_phone() {
    let (mut stage, a) = stage(2);
    stage.feed.write(&[stage.red(7, "early")]);
    a.run(300);
    assert_eq!((counts(&a).waiting, stage.colours(2, &[1, 2])), ([1, 0, 0, 0], vec!["green".into(), "green".into()]));
    stage.feed.write(&[stage.bound(1, "b", 7, 5)]);
    a.run(300);
    assert_eq!((counts(&a).waiting, counts(&a).attached), ([0; 4], 1));
    assert_eq!(stage.colours(2, &[1, 2]), ["red", "green"]);
    stage.feed.write(&[stage.bound(2, "b", 8, 5)]);
    a.run(300);
    stage.feed.write(&[stage.red(8, "late")]);
    a.run(300);
    assert_eq!(stage.colours(2, &[1, 2]), ["red", "red"]);
    stage.feed.write(&[retracted_listing_of_phone(8, "late", stage.now())]);
    a.run(300);
    assert_eq!(stage.colours(2, &[1, 2]), ["red", "green"], "retracted it is attached to nobody");
    stage.checked(2);
}

/// The family phone: of three people the one whose binding began last, at the record's own instant.
#[test]
fn the_phone_of_a_family_colours_one_of_three() {
    let (mut stage, a) = stage(2);
    let until = Some(stage.ago(2));
    let since = stage.ago(10);
    stage.feed.write(&[
        stage.bound(1, "b", 7, 100),
        stage.bound(2, "b", 7, 50),
        binding(person(3), ("b", 1), 7, (since, until), stage.now()),
        stage.red(7, "l"),
    ]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1, 2, 3]), ["green", "red", "green"], "the third one's has ended");
    stage.feed.write(&[binding(person(3), ("b", 2), 7, (since, None), stage.now())]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1, 2, 3]), ["green", "green", "red"]);
    stage.feed.write(&[binding(person(1), ("again", 1), 7, (since, None), stage.now())]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1, 2, 3]), ["green", "green", "green"], "two began at one instant");
    assert_eq!(counts(&a).waiting, [0, 0, 1, 0]);
    stage.checked(2);
}

/// Attached to A, to B, and to A again: what is said later holds, whatever the revision.
#[test]
fn what_went_to_another_and_came_back_is_there() {
    let (mut stage, a) = stage(2);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.red(7, "l")]);
    a.run(500);
    stage.feed.write(&[stage.bound(2, "b", 7, 50)]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1, 2]), ["green", "red"]);
    stage.feed.write(&[retracted_binding(person(2), "b", 2, stage.now())]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1, 2]), ["red", "green"]);
    stage.checked(2);
}

/// A retracted binding names no phone: only people know which phone to tell.
#[test]
fn a_retracted_binding_takes_the_phone_away() {
    let (mut stage, a) = stage(2);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.red(7, "l")]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1]), ["red"]);
    stage.feed.write(&[retracted_binding(person(1), "b", 2, stage.now())]);
    a.run(500);
    assert_eq!((stage.colours(2, &[1]), counts(&a).waiting), (vec!["green".to_owned()], [1, 0, 0, 0]));
    // Moved to another phone in one revision: the old one must lose it.
    stage.feed.write(&[binding(person(1), ("b", 3), 7, (stage.ago(100), None), stage.now())]);
    a.run(500);
    stage.feed.write(&[binding(person(1), ("b", 4), 9, (stage.ago(100), None), stage.now())]);
    a.run(500);
    assert_eq!(stage.colours(2, &[1]), ["green"]);
    stage.checked(2);
}

/// Whatever the moment at which an owner dies: what it told and did not note is told again, and what it did
/// not tell is told by its successor.
#[test]
fn an_owner_that_dies_leaves_no_phone_untold() {
    for place in [CommitPlace::BeforeBegin, CommitPlace::AfterSend, CommitPlace::AfterOffsets, CommitPlace::Unanswered]
    {
        for turns in 0..6 {
            let (mut stage, a) = stage(1);
            stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.red(7, "l"), stage.red(8, "l")]);
            a.run(500);
            stage.cluster.fail_commit(&a.owner, Fault::Crash(place));
            stage.feed.write(&[binding(person(1), ("b", 2), 8, (stage.ago(100), None), stage.now())]);
            stage.feed.write(&[listing(person(5), "x", "yellow", stage.now(), DAY)]);
            for _ in 0..turns {
                let _ = a.turn();
                stage.cluster.advance(1);
            }
            a.die();
            let b = Member::new(&stage.cluster, "b", attaching(1));
            b.run(2_000);
            let counts = counts(&b);
            assert_eq!((counts.attached, counts.waiting), (1, [1, 0, 0, 0]), "{place:?}, {turns} turns");
            stage.checked(1);
        }
    }
}

/// An owner told a phone of a binding that came and went before its successor's first look: the successor sees
/// what it knows already, and tells the phone all the same. Else the phone would colour whoever left it.
#[test]
fn a_set_that_another_told_is_put_right() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.red(8, "l")]);
    a.run(500);
    a.die();
    // The owner took in two more records, told of the first, and died before it noted anything.
    stage.feed.write(&[binding(person(1), ("b", 2), 8, (stage.ago(100), None), stage.now())]);
    let version = stage.evidence_end();
    stage.feed.write(&[binding(person(1), ("b", 3), 7, (stage.ago(100), None), stage.now())]);
    let told = stage.cluster.records(Topic::Phones, 0).into_iter().rev().find_map(|record| {
        let sections = record::read(&record.value.unwrap()).unwrap();
        sections.into_iter().find_map(|section| match section {
            Section::Told { batch, .. } => told_rows(&batch).unwrap().pop(),
            _ => None,
        })
    });
    let mut zombie = told.expect("the first binding was told");
    (zombie.phone, zombie.version) = (stage.token_of(8), version);
    let mut writer = RecordWriter::new();
    writer.add_told(&told_batch(&[zombie.clone()]).unwrap()).unwrap();
    stage.cluster.append(Topic::Phones, 0, writer.finish());
    let b = Member::new(&stage.cluster, "b", attaching(1));
    b.run(1_000);
    assert_eq!(stage.colours(1, &[1]), ["green"]);
    // And its word is nothing when it comes once more, behind the successor's.
    writer.add_told(&told_batch(&[zombie]).unwrap()).unwrap();
    stage.cluster.append(Topic::Phones, 0, writer.finish());
    b.run(1_000);
    assert_eq!(stage.colours(1, &[1]), ["green"]);
    stage.checked(1);
}

/// What was said is said again, by a stage that begins anew or one that was taken for dead: an older word
/// never holds against a later one, also where the later one withdrew.
#[test]
fn what_is_said_again_changes_nothing() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.red(7, "l")]);
    a.run(500);
    stage.feed.write(&[retracted_binding(person(1), "b", 2, stage.now())]);
    a.run(500);
    let steps = stage.steps();
    assert_eq!(stage.colours(1, &[1]), ["green"]);
    let derived = stage.cluster.records(Topic::Evidence, 0).into_iter().map(|record| record.value.unwrap());
    let derived = derived
        .filter(|value| record::read(value).unwrap().iter().any(|section| matches!(section, Section::Derived { .. })));
    let derived: Vec<bytes::Bytes> = derived.collect();
    assert_eq!(derived.len(), 2, "attached, and withdrawn");
    for value in [&derived[0], &derived[1], &derived[0]] {
        stage.cluster.append(Topic::Evidence, 0, value.clone());
        a.run(300);
    }
    // The same after a restart, which reads it all once more.
    a.die();
    stage.cluster.append(Topic::Evidence, 0, derived[0].clone());
    a.run(500);
    assert_eq!(stage.steps(), steps);
    stage.checked(1);
}

/// A partition of phones without a leader holds up nobody's commit, and is told when it is back.
#[test]
fn phones_without_a_leader_hold_up_no_commit() {
    let (mut stage, a) = stage(1);
    a.run(5_000);
    stage.cluster.set_leader(Topic::Phones, 0, false);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), listing(person(2), "x", "yellow", stage.now(), DAY)]);
    a.run(8_000);
    assert_eq!(stage.colours(1, &[1, 2]), ["green", "yellow"]);
    let position = stage.cluster.position(0);
    assert_eq!(position.offset, Some(1), "committed");
    assert!(position.metadata.contains("told=0"), "and not told: {}", position.metadata);
    a.die();
    stage.cluster.set_leader(Topic::Phones, 0, true);
    stage.feed.write(&[stage.red(7, "l")]);
    let b = Member::new(&stage.cluster, "b", attaching(1));
    b.run(10_000);
    assert_eq!(stage.colours(1, &[1, 2]), ["red", "yellow"]);
    stage.checked(1);
}

/// An installation of an older build told nobody anything: all is told at the first takeover.
#[test]
fn what_an_older_build_never_told_is_told() {
    let mut stage = Stage::new();
    let old = stage.member("old");
    old.run(300);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.bound(2, "b", 8, 100), stage.red(7, "l")]);
    old.run(500);
    assert!(!stage.cluster.position(0).metadata.contains("told="));
    old.die();
    let a = Member::new(&stage.cluster, "a", attaching(1));
    a.run(1_000);
    assert_eq!(stage.colours(1, &[1, 2]), ["red", "green"]);
    let end = stage.cluster.position(0).offset.unwrap();
    assert!(stage.cluster.position(0).metadata.contains(&format!("told={end}")));
    stage.checked(1);
}

/// A folder of a test's own for snapshots, written after so many records.
fn snapshots(test: &str, records: u64) -> Snapshots {
    let folder: PathBuf = std::env::temp_dir().join(format!("fuma-phones-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let store = SnapshotStore::folder(&folder).unwrap();
    let every = Duration::from_secs(1_000 * 86_400);
    Snapshots { store, place: folder.display().to_string(), every, records, at_stop: Duration::ZERO }
}

/// Turns until the newest snapshot of the phones ends at the end of their log.
fn until_written(stage: &Stage, member: &Member, snapshots: &Snapshots) {
    let end = format!("{:020}", stage.cluster.end(Topic::Phones, 0));
    for _ in 0..5_000 {
        let names = snapshots.store.list("phones-0000").unwrap();
        if names.iter().any(|found| format!("{found:?}").contains(&end)) {
            return;
        }
        member.turn().unwrap();
        stage.cluster.advance(1);
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no snapshot at {end}: {:?}", snapshots.store.list("phones-0000").unwrap());
}

/// A snapshot of the phones stands in for what their log lost: what waited goes on waiting, what was
/// attached is taken back, and an empty set that was told last still keeps an older word out. Without it the partition
/// of phones is parked by name, and people are judged all the same.
#[test]
fn the_phones_come_back_from_a_snapshot() {
    let snapshots = snapshots("back", 1);
    let mut stage = Stage::new();
    let a = Member::new(&stage.cluster, "a", Setup { snapshots: Some(snapshots.clone()), ..attaching(1) });
    a.run(300);
    stage.feed.write(&[stage.bound(1, "b", 7, 100), stage.red(7, "l"), stage.red(8, "l"), stage.red(9, "l")]);
    a.run(500);
    stage.feed.write(&[stage.bound(2, "b", 9, 100)]);
    a.run(500);
    stage.feed.write(&[retracted_binding(person(2), "b", 2, stage.now())]);
    a.run(500);
    until_written(&stage, &a, &snapshots);
    let before = (counts(&a), stage.cluster.end(Topic::Evidence, 0));
    assert_eq!((before.0.attached, before.0.waiting), (1, [2, 0, 0, 0]));
    a.die();
    let end = stage.cluster.end(Topic::Phones, 0);
    let old: Vec<bytes::Bytes> =
        stage.cluster.records(Topic::Phones, 0).into_iter().map(|record| record.value.unwrap()).collect();
    stage.cluster.retain_from(Topic::Phones, 0, end);
    a.run(1_000);
    assert_eq!(counts(&a), before.0);
    assert_eq!(stage.cluster.end(Topic::Evidence, 0), before.1, "nothing is said again");
    for value in old {
        stage.cluster.append(Topic::Phones, 0, value);
    }
    a.run(1_000);
    assert_eq!((stage.colours(1, &[1, 2]), counts(&a)), (vec!["red".to_owned(), "green".to_owned()], before.0));
    stage.feed.write(&[retracted_binding(person(1), "b", 2, stage.now())]);
    a.run(500);
    assert_eq!(stage.colours(1, &[1]), ["green"]);
    a.die();
    let _ = std::fs::remove_dir_all(&snapshots.place);
    std::fs::create_dir_all(&snapshots.place).unwrap();
    let people_too = Setup { snapshots: None, ..attaching(1) };
    a.set_up(people_too);
    stage.feed.write(&[listing(person(4), "x", "yellow", stage.now(), DAY)]);
    a.run(1_000);
    let holding = a.attaching(0).unwrap();
    assert_eq!((holding.state, holding.parked.unwrap().reason), (State::Parked, ParkReason::Gap));
    assert_eq!(stage.colours(1, &[4]), ["yellow"], "people are judged");
    let _ = std::fs::remove_dir_all(&snapshots.place);
}

/// What waits is bounded: by the time of the log, records and bindings past their retention go, and nobody's colour
/// changes by it.
#[test]
fn what_waits_goes_with_its_retention() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[
        stage.bound(1, "b", 7, 100),
        listing_of_phone(7, "held", "red", stage.now(), HOUR),
        listing_of_phone(8, "waits", "red", stage.now(), HOUR),
    ]);
    a.run(500);
    assert_eq!((counts(&a).attached, counts(&a).waiting), (1, [1, 0, 0, 0]));
    let steps = stage.steps().len();
    stage.cluster.advance(100 * DAY as u64);
    a.run(500);
    assert_eq!(counts(&a).waiting, [1, 0, 0, 0], "no record, no time: a zombie would say otherwise");
    stage.feed.write(&[stage.red(9, "new")]);
    a.run(500);
    assert_eq!((counts(&a).attached, counts(&a).waiting), (0, [1, 0, 0, 0]));
    assert_eq!(stage.steps().len(), steps + 1, "the listing ended; forgetting says nothing");
    stage.feed.write(&[retracted_binding(person(1), "b", 2, stage.now())]);
    a.run(500);
    assert_eq!(stage.steps().len(), steps + 1, "an attached record that is past is settled");
}

/// A run from a seed: bindings come, move and go, records come and are retracted, while two processes die, lose their
/// partitions and come back. In the end everybody is what one look at all the evidence says.
#[test]
fn whatever_happens_ends_at_a_computation_from_nothing() {
    for seed in 1..=30 {
        let stage = Stage::with(Settings { partitions: 2, seed, batch_records_max: 3, ..Settings::default() });
        let members = ["a", "b"].map(|name| Member::new(&stage.cluster, name, attaching(2)));
        let mut stage = stage;
        let mut revisions = std::collections::BTreeMap::new();
        for _ in 0..60 {
            let draw = |bound: u64| stage.cluster.draw(bound);
            let (who, phone, id) = (draw(3) as u32, draw(3) as u32, draw(2));
            let line = if draw(3) > 0 {
                let revision = revisions.entry((who, id)).or_insert(0_u32);
                *revision += 1;
                let id = format!("b{id}");
                match draw(4) {
                    0 => retracted_binding(person(who), &id, *revision, stage.now()),
                    _ => {
                        let since = Instant(stage.cluster.now().0 - 40 * HOUR + draw(30) as i64 * HOUR);
                        let until = (draw(3) == 0).then(|| Instant(since.0 + draw(60) as i64 * HOUR));
                        binding(person(who), (&id, *revision), phone, (since, until), stage.now())
                    }
                }
            } else if draw(5) == 0 {
                retracted_listing_of_phone(phone, &format!("l{id}"), stage.now())
            } else {
                listing_of_phone(phone, &format!("l{id}"), "red", Instant(stage.now().0 - HOUR), 10 * DAY)
            };
            stage.feed.write(&[line]);
            for _ in 0..stage.cluster.draw(6) {
                let member = &members[stage.cluster.draw(2) as usize];
                match stage.cluster.draw(25) {
                    0 => member.die(),
                    1 => stage.cluster.expire(&member.owner),
                    2 => stage.cluster.fail_commit(&member.owner, Fault::Crash(CommitPlace::AfterSend)),
                    3 => stage.cluster.rotate(),
                    _ => {}
                }
                let _ = member.turn();
                stage.cluster.advance(stage.cluster.draw(20));
            }
        }
        for _ in 0..40 {
            members.iter().for_each(|member| drop(member.turn()));
            stage.cluster.advance(500);
        }
        run(&[&members[0], &members[1]], 5_000);
        stage.checked(2);
    }
}

/// One record of the log changes much for one person: it reaches the person in one message.
#[test]
fn what_one_record_changes_is_one_message() {
    let (mut stage, a) = stage(1);
    let lines: Vec<Line> = (0..40).map(|number| stage.red(7, &format!("l{number}"))).collect();
    stage.feed.write(&lines);
    a.run(500);
    let before = stage.evidence_end();
    stage.feed.write(&[stage.bound(1, "b", 7, 100)]);
    a.run(500);
    assert_eq!(stage.evidence_end(), before + 2, "the binding, and what follows from it");
    assert_eq!(stage.steps().len(), 1);
    stage.checked(1);
}

impl Stage {
    /// The token of a phone, from a record of it that is long past.
    fn token_of(&mut self, number: u32) -> Phone {
        self.feed.write(&[listing_of_phone(number, "token", "yellow", self.ago(1_000), HOUR)]);
        let last = self.cluster.records(Topic::Phones, 0).pop().unwrap();
        let Some(Section::Phones { batch, .. }) = record::read(&last.value.unwrap()).unwrap().pop() else { panic!() };
        Phone(batch.column_by_name("phone").unwrap().as_fixed_size_binary().value(0).try_into().unwrap())
    }
}
