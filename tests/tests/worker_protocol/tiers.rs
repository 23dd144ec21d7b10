//! Publications of tiers are counted before they take effect, and held beyond the limits.

use fuma_connectors::log::Topic;
use fuma_schemas::{Instant, Person};
use fuma_tests::feeds::Line;
use fuma_tests::live::lines::{person, retracted_tier, stay, tier};
use fuma_tests::live::{Keeping, Member, Setup};
use fuma_tests::simulated::Settings;

use crate::{Stage, zhejiang};

/// As many areas as one publication of the national list lost.
const AREAS: u32 = 4_064;
const PEOPLE: u32 = 600;
const MINUTE: i64 = 60_000;

fn area(number: u32) -> String {
    format!("3301{:02}{:03}", 2 + number / 999, 1 + number % 999)
}

/// Every area in a tier, and people who stay in some of them.
fn list(at: Instant) -> Vec<Line> {
    (0..AREAS).map(|number| tier(&format!("t{number}"), 1, &area(number), "medium", at)).collect()
}

/// The list once more, with nothing in it: no tier ever held.
fn truncated(at: Instant) -> Vec<Line> {
    (0..AREAS).map(|number| retracted_tier(&format!("t{number}"), 2, at)).collect()
}

/// And whole again: nothing ever ended.
fn again(since: Instant, at: Instant) -> Vec<Line> {
    let whole = |number| {
        let line = tier(&format!("t{number}"), 3, &area(number), "medium", since);
        let known_at = (format!("\"known_at\":\"{since}\""), format!("\"known_at\":\"{at}\""));
        Line { text: line.text.replace(&known_at.0, &known_at.1), ..line }
    };
    (0..AREAS).map(whole).collect()
}

fn two() -> Settings {
    Settings { partitions: 2, ..Settings::default() }
}

fn crowd(stage: &mut Stage) -> Instant {
    let at = stage.now();
    let stays: Vec<Line> = (0..PEOPLE).map(|number| stay(person(number), "s", &area(number * 6 % AREAS), at)).collect();
    stage.feed.write(&stays);
    stage.feed.write(&list(at));
    at
}

fn changes(stage: &Stage) -> usize {
    (0..2).map(|partition| stage.cluster.records(Topic::Changes, partition).len()).sum()
}

fn colours(stage: &Stage, colour: &str) -> usize {
    (0..PEOPLE).map(person).filter(|it: &Person| stage.colour(*it, 2) == colour).count()
}

fn member(stage: &Stage, name: &str) -> Member {
    let counts = fuma_pipeline::live::guard::Counts::default();
    Member::new(&stage.cluster, name, Setup { partitions: 2, counts, ..Setup::of(zhejiang()) })
}

fn check(stage: &Stage) {
    fuma_tests::live::scratch::check(&stage.cluster, zhejiang(), 2);
}

#[test]
fn a_truncated_list_that_is_whole_again_33_minutes_later_turns_nobody_green() {
    let mut stage = Stage::with(two());
    let since = crowd(&mut stage);
    let a = member(&stage, "a");
    a.run(3_000);
    let coloured = colours(&stage, "yellow");
    assert!(coloured > 500, "{coloured} of {PEOPLE}");
    let keeping = Keeping::begin(&stage.cluster, 2, 100);
    let before = changes(&stage);
    let lost_at = stage.now();
    // In several records, as intake cuts them.
    truncated(lost_at).chunks(1_500).for_each(|some| stage.feed.write(some));
    keeping.run(&[&a], MINUTE);
    assert_eq!((changes(&stage) - before, keeping.standings()), (0, vec!["held"]));
    a.run(32 * MINUTE);
    keeping.turn(&a);
    assert_eq!((changes(&stage) - before, keeping.standings()), (0, vec!["held"]));
    let held = &keeping.publications()[0];
    let size = keeping.fold().basis().size_of(held);
    assert_eq!((held.closed.rows, size.changes as usize, size.green as usize), (4_064, coloured, coloured));
    // Everything else goes on: evidence, and a publication of another owner's or of a few areas.
    let newcomer = person(PEOPLE);
    stage.feed.write(&[stay(newcomer, "s", &area(0), stage.now())]);
    keeping.run(&[&a], 1_000);
    assert_eq!(stage.colour(newcomer, 2), "yellow");
    let before = changes(&stage);
    again(since, stage.now()).chunks(1_500).for_each(|some| stage.feed.write(some));
    keeping.run(&[&a], MINUTE);
    // The rows that were held have higher revisions in force: they change nobody any more.
    assert_eq!((changes(&stage) - before, keeping.standings()), (0, vec!["admitted", "admitted"]));
    assert_eq!(colours(&stage, "yellow"), coloured);
    check(&stage);
}

/// What the guard is for: without it the same list turns them green.
#[test]
fn without_the_guard_the_same_list_turns_them_green() {
    let mut stage = Stage::with(two());
    crowd(&mut stage);
    let a = member(&stage, "a");
    a.run(3_000);
    let coloured = colours(&stage, "yellow");
    truncated(stage.now()).chunks(1_500).for_each(|some| stage.feed.write(some));
    a.run(3_000);
    assert_eq!((colours(&stage, "yellow"), coloured > 500), (0, true));
}

#[test]
fn with_its_size_approved_it_takes_effect_also_across_owners_that_die() {
    let mut stage = Stage::with(two());
    crowd(&mut stage);
    let a = member(&stage, "a");
    a.run(3_000);
    let keeping = Keeping::begin(&stage.cluster, 2, 100);
    stage.feed.write(&truncated(stage.now()));
    keeping.run(&[&a], MINUTE);
    assert_eq!(keeping.standings(), ["held"]);
    let id = keeping.publications()[0].closed.id.clone();
    keeping.approve(&id, "an author");
    keeping.run(&[&a], 5_000);
    assert_eq!(keeping.standings(), ["held"], "not an approver");
    keeping.approve(&id, "approver");
    assert_eq!(keeping.standings(), ["admitted"]);
    assert_eq!(colours(&stage, "green"), PEOPLE as usize - colours(&stage, "yellow"));
    // Let in by one process, which dies with pages to go; twice by the next, which had not read that.
    a.process().worker().unwrap();
    let b = member(&stage, "b");
    keeping.turn(&a);
    keeping.turn(&a);
    a.run(3);
    a.die();
    keeping.run(&[&b], 10_000);
    assert_eq!(colours(&stage, "yellow"), 0);
    check(&stage);
}

/// A partition that nobody holds counts nothing: its count is missing, and missing is not zero.
#[test]
fn a_partition_that_does_not_count_holds_the_publication_and_nothing_else() {
    let mut stage = Stage::with(two());
    crowd(&mut stage);
    let a = member(&stage, "a");
    a.run(3_000);
    let keeping = Keeping::begin(&stage.cluster, 2, 10_000);
    // As far as two processes: one of them stands still, and holds a partition.
    let b = member(&stage, "b");
    fuma_tests::live::process::run(&[&a, &b], 3_000);
    assert_eq!((a.owned().len(), b.owned().len()), (1, 1));
    stage.feed.write(&truncated(stage.now()));
    let turns = |member: &Member| {
        for _ in 0..60 {
            member.run(500);
            keeping.turn(member);
            // Its heartbeats go on; it counts nothing.
            b.try_turn();
        }
    };
    turns(&a);
    let size = keeping.fold().basis().size_of(&keeping.publications()[0]);
    assert_eq!((keeping.standings(), size.counted, size.partitions), (vec!["waiting"], 1, 2));
    let newcomer = stage.several(a.owned()[0] as usize, 2, 2_000).pop().unwrap();
    stage.feed.write(&[stay(newcomer, "s", &area(0), stage.now())]);
    turns(&a);
    assert_eq!(stage.colour(newcomer, 2), "yellow");
    // As soon as it counts, the sum is within the limits.
    keeping.run(&[&a, &b], 10_000);
    assert_eq!(keeping.standings(), ["admitted"]);
    assert_eq!(colours(&stage, "yellow"), 0);
    check(&stage);
}

/// What took effect by decisions that are gone is in force, and keeps nothing from being counted.
#[test]
fn an_installation_that_was_adopted_lets_publications_in() {
    let mut stage = Stage::with(two());
    let since = crowd(&mut stage);
    let a = member(&stage, "a");
    a.run(3_000);
    let coloured = colours(&stage, "yellow");
    let mut keeping = Keeping::begin(&stage.cluster, 2, 10_000);
    stage.feed.write(&truncated(stage.now()));
    keeping.run(&[&a], MINUTE);
    assert_eq!((keeping.standings(), colours(&stage, "yellow")), (vec!["admitted"], 0));
    keeping.adopt(2, 10_000);
    stage.feed.write(&again(since, stage.now()));
    keeping.run(&[&a], MINUTE);
    assert_eq!((keeping.standings(), colours(&stage, "yellow")), (vec!["admitted"], coloured));
    check(&stage);
}

#[test]
fn withdrawn_it_never_takes_effect() {
    let mut stage = Stage::with(two());
    crowd(&mut stage);
    let a = member(&stage, "a");
    a.run(3_000);
    let coloured = colours(&stage, "yellow");
    let keeping = Keeping::begin(&stage.cluster, 2, 100);
    stage.feed.write(&truncated(stage.now()));
    keeping.run(&[&a], MINUTE);
    keeping.withdraw(&keeping.publications()[0].closed.id);
    keeping.run(&[&a], MINUTE);
    a.leave();
    let b = member(&stage, "b");
    keeping.run(&[&b], MINUTE);
    assert_eq!((keeping.standings(), colours(&stage, "yellow")), (vec!["withdrawn"], coloured));
    check(&stage);
}
