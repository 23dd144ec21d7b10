//! Who is judged when the basis moves, with 20,000 people in one region.

use std::collections::BTreeMap;

use fuma_schemas::Person;
use fuma_tests::live::Member;
use fuma_tests::live::announced::Announced;
use fuma_tests::live::lines::{listing, person, retracted_tier, stay, tier};

use crate::{DAY, Stage};

const PEOPLE: u32 = 20_000;
/// The most people of one commit.
const PAGE: usize = 8_192;

/// Everybody in one region, judged green.
fn crowd(stage: &mut Stage) -> Member {
    let at = stage.now();
    for people in (0..PEOPLE).collect::<Vec<_>>().chunks(5_000) {
        let lines: Vec<_> = people.iter().map(|number| stay(person(*number), "s", "330106001", at)).collect();
        stage.feed.write(&lines);
    }
    let a = stage.member("a");
    a.run(1_000);
    assert_eq!(stage.steps(), []);
    a
}

/// How many changes each commit has, in order.
fn pages(changes: &[Announced]) -> Vec<usize> {
    let mut pages: BTreeMap<i64, usize> = BTreeMap::new();
    changes.iter().for_each(|change| *pages.entry(change.decided_at.0).or_default() += 1);
    pages.into_values().collect()
}

/// Turns until so many changes were announced.
fn until(stage: &Stage, member: &Member, changes: usize) {
    let count = || stage.cluster.records(fuma_connectors::log::Topic::Changes, 0).len();
    for _ in 0..1_000 {
        if count() >= changes {
            return;
        }
        member.turn().unwrap();
        stage.cluster.advance(1);
    }
    panic!("{} of {changes} changes", count());
}

/// A tier that changes is announced page by page, in the order of tokens; new evidence does not wait for it.
#[test]
fn a_region_of_twenty_thousand_is_swept_in_pages_between_which_evidence_is_judged() {
    let mut stage = Stage::new();
    let a = crowd(&mut stage);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", stage.now())]);
    until(&stage, &a, 1);
    let newcomer = person(PEOPLE + 7);
    stage.feed.write(&[listing(newcomer, "l1", "red", stage.now(), DAY)]);
    a.run(1_000);
    let changes = stage.announced();
    let pages = pages(&changes);
    assert!(pages.len() >= 3 && pages.iter().all(|page| *page <= PAGE), "{pages:?}");
    assert_eq!(changes.len(), PEOPLE as usize + 1);
    let place = changes.iter().position(|change| change.person == newcomer).unwrap();
    assert!(place <= 2 * PAGE, "between the pages: {place}");
    let swept: Vec<Person> = changes.iter().map(|change| change.person).filter(|person| *person != newcomer).collect();
    let of_page = |at: usize| swept[at.min(swept.len() - 1)];
    assert!(of_page(0) < of_page(PAGE) && of_page(PAGE) < of_page(2 * PAGE), "pages go in the order of tokens");
    stage.check();
}

/// A second change while the first is being swept: those who come later are judged on both at once, and nobody is
/// announced there and back.
#[test]
fn a_second_change_in_the_middle_sends_nobody_there_and_back() {
    let mut stage = Stage::new();
    let a = crowd(&mut stage);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", stage.now())]);
    until(&stage, &a, 1);
    let first = stage.steps().len();
    assert!(first <= PAGE);
    stage.feed.write(&[retracted_tier("t1", 2, stage.now())]);
    a.run(2_000);
    let steps = stage.steps();
    assert_eq!(steps.len(), 2 * first, "only who was announced yellow is announced green again");
    stage.check();
}

/// Two changes that wait together come to one announcement.
#[test]
fn changes_that_wait_together_are_one_change() {
    let mut stage = Stage::new();
    let a = crowd(&mut stage);
    let at = stage.now();
    stage.feed.write(&[tier("t1", 1, "330106", "severe", at)]);
    stage.feed.write(&[retracted_tier("t1", 2, at), tier("t2", 1, "330106", "medium", at)]);
    a.run(2_000);
    let changes = stage.announced();
    assert_eq!(changes.len(), PEOPLE as usize);
    assert!(changes.iter().all(|change| change.step() == ("green", "yellow", vec!["ZJ-Y2"])));
}

/// Who has news while a sweep is under way is judged on the newest basis at once, and not again by the sweep.
#[test]
fn news_of_a_person_who_waits_for_the_sweep_is_judged_on_the_newest_basis() {
    let mut stage = Stage::new();
    let a = crowd(&mut stage);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", stage.now())]);
    until(&stage, &a, 1);
    let announced = stage.announced();
    let last = (0..PEOPLE).map(person).max().unwrap();
    assert!(announced.iter().all(|change| change.person != last));
    stage.feed.write(&[listing(last, "l1", "red", stage.now(), DAY)]);
    a.run(2_000);
    let of_last: Vec<_> = stage.announced().into_iter().filter(|change| change.person == last).collect();
    assert_eq!(of_last.len(), 1);
    assert_eq!(of_last[0].step(), ("green", "red", vec!["ZJ-R7", "ZJ-Y2"]));
}

/// An owner dies after the first page: the next one finishes, and announces nobody twice.
#[test]
fn a_sweep_that_its_owner_did_not_finish_is_finished() {
    let mut stage = Stage::new();
    let a = crowd(&mut stage);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", stage.now())]);
    until(&stage, &a, 1);
    assert!(stage.cluster.position(0).metadata.contains("sweep="), "{}", stage.cluster.position(0).metadata);
    a.die();
    let b = stage.member("b");
    b.run(2_000);
    assert_eq!(stage.announced().len(), PEOPLE as usize);
    assert!(!stage.cluster.position(0).metadata.contains("sweep="), "the sweep has ended");
    stage.check();
}
