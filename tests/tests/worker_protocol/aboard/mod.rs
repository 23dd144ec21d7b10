//! Who was aboard with a case, in a running service: R-17 to R-23.
//!
//! ```text
//! labels   R-23: packs that trace, and packs that do not, one after the other
//! kept     R-7, R-17: the state of conveyances comes back
//! seeds    all of it at random, against a computation from nothing
//! ```

mod kept;
mod labels;
mod seeds;

use std::sync::{Arc, LazyLock};

use arrow::array::AsArray as _;
use fuma_connectors::log::Topic;
use fuma_pipeline::linked::{LinkedCounts, Ride};
use fuma_pipeline::live::partitions::{ParkReason, State};
use fuma_pipeline::live::record::{self, RecordWriter, RideRow, Section, rides_rows};
use fuma_pipeline::policy::{Pack, PackSource, load};
use fuma_schemas::Instant;
use fuma_tests::feeds::Line;
use fuma_tests::live::lines::{binding, case, listing, person, retracted_case, retracted_trip, trip, trip_of_phone};
use fuma_tests::live::{Member, Setup};
use fuma_tests::simulated::{CommitPlace, Fault, Settings};

use crate::{DAY, Stage};

const HOUR: i64 = 3_600_000;

/// A pack that traces.
fn pack() -> &'static Arc<Pack> {
    static PACK: LazyLock<Arc<Pack>> = LazyLock::new(|| load(&PackSource::built_in("zhejiang-2022").unwrap()).unwrap());
    &PACK
}

fn tracing(partitions: u32) -> Setup {
    Setup { attaches: true, partitions, ..Setup::of(pack()) }
}

/// A cluster of so many partitions, and a process that traces.
fn stage(partitions: u32) -> (Stage, Member) {
    let stage = Stage::with(Settings { partitions, ..Settings::default() });
    let member = Member::new(&stage.cluster, "a", tracing(partitions));
    member.run(300);
    (stage, member)
}

impl Stage {
    fn hours_ago(&self, hours: i64) -> Instant {
        Instant(self.now().0 - hours * HOUR)
    }

    /// From 30 hours ago until 26.
    fn stretch(&self) -> (Instant, Instant) {
        (self.hours_ago(30), self.hours_ago(26))
    }

    /// A person in a carriage of a train, yesterday.
    fn rides(&self, who: u32, id: &str, revision: u32, on: (u32, u32)) -> Line {
        trip(person(who), (id, revision), on, self.stretch(), self.now())
    }

    /// A person is a case since ten hours.
    fn ill(&self, who: u32, id: &str, revision: u32, classification: &str) -> Line {
        case(person(who), (id, revision), classification, self.hours_ago(10), self.now())
    }

    fn colours_of(&self, partitions: u32, people: &[u32]) -> Vec<String> {
        people.iter().map(|number| self.colour(person(*number), partitions)).collect()
    }

    fn traced(&self, partitions: u32) {
        fuma_tests::live::scratch::check(&self.cluster, pack(), partitions);
    }

    /// The facts that the stage said, as (whether it holds) in order, of the one partition.
    fn said(&self) -> Vec<bool> {
        let records = self.cluster.records(Topic::Evidence, 0);
        let sections = records.into_iter().flat_map(|record| record::read(&record.value.unwrap()).unwrap());
        let derived = sections.filter_map(|section| match section {
            Section::Derived { batch, .. } => Some(batch),
            _ => None,
        });
        derived
            .flat_map(|batch| {
                let holds = batch.column_by_name("holds").unwrap().as_boolean().clone();
                holds.iter().map(|holds| holds.unwrap()).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn counts(member: &Member) -> LinkedCounts {
    member.process().tracing().unwrap().counts()
}

/// The case comes last, or is excluded; the manifest comes late, is corrected and taken back: all as from nothing.
#[test]
fn those_aboard_with_a_case_are_contacts_for_as_long_as_it_is_one() {
    let (mut stage, a) = stage(2);
    stage.feed.write(&[stage.rides(1, "t", 1, (7, 5)), stage.rides(2, "t", 1, (7, 5)), stage.rides(3, "t", 1, (7, 6))]);
    a.run(300);
    assert_eq!(counts(&a).contacts, 0);
    stage.feed.write(&[stage.ill(1, "c", 1, "confirmed")]);
    a.run(500);
    assert_eq!(counts(&a).contacts, 1, "the same carriage");
    let coloured = stage.colours_of(2, &[2, 3]);
    assert_ne!(coloured[0], "green");
    assert_eq!(coloured[1], "green");
    stage.traced(2);
    // A late manifest, another train, another carriage, back again.
    for (revision, on) in [(1, (7, 5)), (2, (8, 5)), (3, (7, 6)), (4, (7, 5))] {
        stage.feed.write(&[stage.rides(4, "late", revision, on)]);
        a.run(500);
        let is_contact = on == (7, 5);
        assert_eq!(stage.colours_of(2, &[4])[0] != "green", is_contact, "{on:?}");
        stage.traced(2);
    }
    stage.feed.write(&[stage.ill(1, "c", 2, "excluded")]);
    a.run(500);
    assert_eq!((stage.colours_of(2, &[2, 4]), counts(&a).contacts), (vec!["green".into(), "green".into()], 0));
    stage.feed.write(&[stage.ill(1, "c", 3, "confirmed")]);
    a.run(500);
    assert_eq!(counts(&a).contacts, 2);
    stage.feed.write(&[retracted_trip(person(1), "t", 2, stage.now())]);
    a.run(500);
    assert_eq!(counts(&a).contacts, 0);
    stage.traced(2);
    stage.feed.write(&[stage.rides(1, "t", 3, (7, 5)), retracted_case(person(1), "c", 4, stage.now())]);
    a.run(500);
    assert_eq!(counts(&a).contacts, 0);
    stage.traced(2);
}

/// Trips attached by phone take part; the phone's next holder takes the contact along.
#[test]
fn a_trip_of_a_phone_is_a_trip_of_its_holder() {
    let (mut stage, a) = stage(2);
    let since = stage.hours_ago(100);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
        trip_of_phone(9, ("t", 1), (7, 5), stage.stretch(), stage.now()),
        binding(person(2), ("b", 1), 9, (since, None), stage.now()),
    ]);
    a.run(800);
    assert_ne!(stage.colours_of(2, &[2])[0], "green");
    stage.feed.write(&[binding(person(3), ("b", 1), 9, (stage.hours_ago(90), None), stage.now())]);
    a.run(800);
    assert_eq!(stage.colours_of(2, &[2])[0], "green");
    assert_ne!(stage.colours_of(2, &[3])[0], "green");
    stage.traced(2);
}

/// R-19. A moved determined_at is one new revision of the contact: never a retraction and another fact.
#[test]
fn a_moved_case_is_a_revision_of_the_contact() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    let moved = case(person(1), ("c", 2), "confirmed", stage.hours_ago(12), stage.now());
    stage.feed.write(&[moved]);
    a.run(500);
    assert_eq!(stage.said(), [true, true]);
    stage.traced(1);
}

/// R-19. A train renamed: the withdrawal at a high offset of one partition of rides does not beat the assertion at a
/// low one of another, nor the other way round.
#[test]
fn a_renamed_train_is_another_fact() {
    for (first, second) in (1..6).flat_map(|one| (1..6).map(move |other| (one, other))).filter(|(a, b)| a != b) {
        let (mut stage, a) = stage(4);
        // Much is said on one partition before.
        let others: Vec<Line> = (0..20).flat_map(|who| [stage.rides(20 + who, "x", 1, (first, 3))]).collect();
        for other in others {
            stage.feed.write(&[other]);
            a.run(20);
        }
        stage.feed.write(&[stage.ill(1, "c", 1, "confirmed")]);
        for (revision, train) in [(1, first), (2, second), (3, first)] {
            stage.feed.write(&[stage.rides(1, "t", revision, (train, 5)), stage.rides(2, "t", revision, (train, 5))]);
            a.run(500);
            assert_ne!(stage.colours_of(4, &[2])[0], "green", "{first} {second} {revision}");
            stage.traced(4);
        }
    }
}

/// R-20, R-21. Whatever the moment at which an owner dies: what it told and did not note is told again, and the train
/// that a person left loses the person.
#[test]
fn an_owner_that_dies_leaves_no_ghost_aboard() {
    for place in [CommitPlace::BeforeBegin, CommitPlace::AfterSend, CommitPlace::AfterOffsets, CommitPlace::Unanswered]
    {
        for turns in 0..6 {
            let (mut stage, a) = stage(1);
            stage.feed.write(&[
                stage.rides(1, "t", 1, (7, 5)),
                stage.rides(2, "t", 1, (7, 5)),
                stage.rides(3, "t", 1, (8, 5)),
                stage.ill(1, "c", 1, "confirmed"),
            ]);
            a.run(500);
            stage.cluster.fail_commit(&a.owner, Fault::Crash(place));
            stage.feed.write(&[stage.rides(1, "t", 2, (8, 5))]);
            stage.feed.write(&[listing(person(5), "x", "yellow", stage.now(), DAY)]);
            for _ in 0..turns {
                let _ = a.turn();
                stage.cluster.advance(1);
            }
            a.die();
            let b = Member::new(&stage.cluster, "b", tracing(1));
            b.run(2_000);
            assert_eq!(counts(&b).contacts, 1, "{place:?}, {turns} turns");
            assert_eq!(stage.colours_of(1, &[2])[0], "green");
            stage.traced(1);
        }
    }
}

/// R-20. An owner told a train of a case that came and went before its successor's first look; its word comes once more
/// behind the successor's, and is nothing.
#[test]
fn an_older_word_never_holds_against_a_later_one() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    stage.feed.write(&[stage.ill(1, "c", 2, "excluded")]);
    a.run(500);
    let steps = stage.steps();
    let old: Vec<bytes::Bytes> =
        stage.cluster.records(Topic::Rides, 0).into_iter().map(|record| record.value.unwrap()).collect();
    for value in &old {
        stage.cluster.append(Topic::Rides, 0, value.clone());
        a.run(300);
    }
    // What the stage said is said again, by one that was taken for dead.
    let records = stage.cluster.records(Topic::Evidence, 0).into_iter().map(|record| record.value.unwrap());
    let is_derived = |value: &bytes::Bytes| {
        record::read(value).unwrap().iter().any(|section| matches!(section, Section::Derived { .. }))
    };
    let derived: Vec<bytes::Bytes> = records.filter(is_derived).collect();
    assert_eq!(derived.len(), 2, "asserted, and withdrawn");
    stage.cluster.append(Topic::Evidence, 0, derived[0].clone());
    a.run(300);
    assert_eq!(stage.steps(), steps);
    stage.traced(1);
}

/// R-21. Nothing is known of what was told (an older build ran meanwhile, and took a trip back without a word): all is
/// told again, and what is not told again goes with the closing record.
#[test]
fn what_is_not_told_again_is_taken_back() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    assert_eq!(counts(&a).contacts, 1);
    a.leave();
    let old = Member::new(&stage.cluster, "old", Setup { attaches: false, ..tracing(1) });
    old.run(300);
    stage.feed.write(&[retracted_trip(person(1), "t", 2, stage.now())]);
    old.run(5_000);
    assert!(!stage.cluster.position(0).metadata.contains("rides="));
    old.leave();
    let b = Member::new(&stage.cluster, "b", tracing(1));
    b.run(2_000);
    assert_eq!((counts(&b).contacts, stage.colours_of(1, &[2])), (0, vec!["green".to_owned()]));
    let end = stage.cluster.position(0).offset.unwrap();
    assert!(stage.cluster.position(0).metadata.contains(&format!("rides={end}@1")));
    stage.traced(1);
}

/// A partition of rides without a leader holds up nobody's commit, and is told when it is back.
#[test]
fn rides_without_a_leader_hold_up_no_commit() {
    let (mut stage, a) = stage(1);
    a.run(5_000);
    stage.cluster.set_leader(Topic::Rides, 0, false);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
        listing(person(5), "x", "yellow", stage.now(), DAY),
    ]);
    a.run(8_000);
    assert_eq!(stage.colours_of(1, &[2, 5]), ["green", "yellow"]);
    let position = stage.cluster.position(0);
    assert!(position.offset == Some(1) && position.metadata.contains("rides=0@1"), "{}", position.metadata);
    a.die();
    stage.cluster.set_leader(Topic::Rides, 0, true);
    let b = Member::new(&stage.cluster, "b", tracing(1));
    b.run(10_000);
    assert_ne!(stage.colours_of(1, &[2])[0], "green");
    stage.traced(1);
}

/// R-23. A ride under a switch that the process has not read of waits, by name, and its partition alone; a ride under a
/// label that is over is nothing.
#[test]
fn a_label_that_is_not_known_waits() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    let said = stage.cluster.records(Topic::Rides, 0).pop().unwrap().value.unwrap();
    let Some(Section::Rides { batch, .. }) = record::read(&said).unwrap().pop() else { panic!() };
    let write = |label| {
        let mut writer = RecordWriter::new();
        writer.add_rides(label, &batch).unwrap();
        stage.cluster.append(Topic::Rides, 0, writer.finish());
    };
    write(0);
    a.run(300);
    assert_eq!((counts(&a).contacts, a.tracing(0).unwrap().state), (1, State::Owned));
    write(2);
    a.run(300);
    let holding = a.tracing(0).unwrap();
    assert_eq!((holding.state, holding.parked.unwrap().reason), (State::Parked, ParkReason::PackMissing));
    assert_eq!(a.holding(0).unwrap().state, State::Owned, "people are judged");
}

/// I-10, R-21. Who has more facts than a person may is not asked while infectious: on a train where a trip is still,
/// what was said stays; the others lose the person at once.
#[test]
fn who_is_crowded_keeps_what_was_said_and_leaves_what_was_left() {
    let (mut stage, a) = stage(1);
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(1, "u", 1, (8, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.rides(3, "t", 1, (8, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    assert_eq!(counts(&a).contacts, 2);
    let many: Vec<Line> =
        (0..501).map(|number| listing(person(1), &format!("l{number}"), "yellow", stage.now(), DAY)).collect();
    stage.feed.write(&many);
    stage.feed.write(&[stage.rides(1, "u", 2, (9, 5)), stage.ill(1, "c", 2, "excluded")]);
    a.run(500);
    let told: Vec<RideRow> = stage.rides_told();
    let same = told.iter().filter(|row| matches!(row, RideRow::Same { .. })).count();
    let empty = |row: &&RideRow| matches!(row, RideRow::Says { ride, .. } if *ride == Ride::default());
    assert_eq!((same > 0, told.iter().filter(empty).count()), (true, 1), "{told:?}");
    assert_eq!(counts(&a).contacts, 1, "the case is not heard of, the other train is");
    assert_eq!(stage.colours_of(1, &[3])[0], "green");
    assert_ne!(stage.colours_of(1, &[2])[0], "green");
}

impl Stage {
    fn rides_told(&self) -> Vec<RideRow> {
        let records = self.cluster.records(Topic::Rides, 0);
        let sections = records.into_iter().flat_map(|record| record::read(&record.value.unwrap()).unwrap());
        let told = sections.filter_map(|section| match section {
            Section::Rides { batch, .. } => Some(rides_rows(&batch).unwrap()),
            _ => None,
        });
        told.flatten().collect()
    }
}

/// What one record changes for one person reaches that person in one message, whatever it is: here one case on many
/// contacts.
#[test]
fn what_one_record_changes_is_one_message() {
    let (mut stage, a) = stage(1);
    let mut lines: Vec<Line> = (0..30).map(|number| stage.rides(2, &format!("t{number}"), 1, (7, 5))).collect();
    lines.push(stage.rides(1, "t", 1, (7, 5)));
    stage.feed.write(&lines);
    a.run(500);
    let before = stage.evidence_end();
    stage.feed.write(&[stage.ill(1, "c", 1, "confirmed")]);
    a.run(500);
    assert_eq!((stage.evidence_end(), counts(&a).contacts), (before + 2, 30), "the case, and what follows from it");
    stage.traced(1);
}

/// A hot train: 1,200 passengers and 40 cases among them, over four partitions of people, within the bounds.
#[test]
fn a_hot_train_is_within_its_bounds() {
    let (mut stage, a) = stage(4);
    let passengers: Vec<Line> = (0..1_200).map(|who| stage.rides(who, "t", 1, (7, 5))).collect();
    for some in passengers.chunks(100) {
        stage.feed.write(some);
        a.run(30);
    }
    for who in 0..40 {
        stage.feed.write(&[stage.ill(who, "c", 1, "confirmed")]);
        a.run(30);
    }
    a.run(2_000);
    let counts = counts(&a);
    assert_eq!((counts.contacts, counts.crowded_conveyances), (40 * 1_199, 0));
    assert!(counts.pairs <= 40 * 1_199 + 780, "{}", counts.pairs);
    stage.traced(4);
}

/// R-22. By the time of the log a train that everybody left long ago is forgotten, nothing is said of it, and it takes
/// no ride any more.
#[test]
fn a_conveyance_past_its_retention_is_forgotten_in_silence() {
    let (mut stage, a) = stage(1);
    let late = stage.rides(3, "t", 1, (7, 5));
    stage.feed.write(&[
        stage.rides(1, "t", 1, (7, 5)),
        stage.rides(2, "t", 1, (7, 5)),
        stage.ill(1, "c", 1, "confirmed"),
    ]);
    a.run(500);
    assert_eq!((counts(&a).contacts, stage.said().len()), (1, 1));
    stage.cluster.advance(100 * DAY as u64);
    stage.feed.write(&[stage.rides(9, "t", 1, (8, 5))]);
    a.run(1_000);
    assert_eq!((counts(&a).contacts, stage.said().len()), (0, 1), "forgotten, and nothing is said");
    stage.feed.write(&[late]);
    a.run(1_000);
    assert_eq!((counts(&a).contacts, stage.said().len()), (0, 1), "it takes no ride");
}
