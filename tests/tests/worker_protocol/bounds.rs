//! How much one commit does (I-10), and what a position says of those who did not fit into it.

use std::collections::BTreeMap;

use fuma_pipeline::live::worker::position::{Standing, SweepStanding};
use fuma_tests::live::lines::{listing, person, retracted_listing, stay, tier};
use fuma_tests::live::{Member, Setup};

use crate::{DAY, Stage, zhejiang};

/// The most people of one commit.
const PAGE: usize = 8;
const PEOPLE: u32 = 50;

fn small_member(stage: &Stage, name: &str) -> Member {
    Member::new(&stage.cluster, name, Setup { page: Some(PAGE), ..Setup::of(zhejiang()) })
}

/// How many changes each commit has, in order.
fn pages(stage: &Stage) -> Vec<usize> {
    let mut pages: BTreeMap<i64, usize> = BTreeMap::new();
    stage.announced().iter().for_each(|change| *pages.entry(change.decided_at.0).or_default() += 1);
    pages.into_values().collect()
}

fn standing(stage: &Stage) -> Standing {
    Standing::parse(&stage.cluster.position(0).metadata).unwrap().unwrap()
}

/// One record of the log names fifty people who all turn red.
fn many_at_once(stage: &mut Stage) {
    let lines: Vec<_> = (0..PEOPLE).map(|number| listing(person(number), "l1", "red", stage.now(), 20 * DAY)).collect();
    stage.feed.write(&lines);
}

#[test]
fn one_record_of_many_people_is_judged_in_commits_that_follow_each_other() {
    let mut stage = Stage::new();
    let a = small_member(&stage, "a");
    a.run(200);
    many_at_once(&mut stage);
    a.run(500);
    let pages = pages(&stage);
    assert!(pages.iter().all(|&page| page <= PAGE), "{pages:?}");
    assert_eq!((pages.iter().sum::<usize>(), pages.len()), (PEOPLE as usize, 7));
    assert_eq!(standing(&stage).through, None, "all were judged: through is the offset");
    stage.check();
}

#[test]
fn whoever_takes_over_in_between_judges_the_others_and_holds_nothing_against_them() {
    let mut stage = Stage::new();
    let a = small_member(&stage, "a");
    a.run(200);
    let before = stage.evidence_end();
    many_at_once(&mut stage);
    while pages(&stage).len() < 3 {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    assert_eq!(stage.cluster.position(0).offset, Some(stage.evidence_end()), "the record was taken in");
    assert_eq!(standing(&stage).through, Some(before), "and not everybody in it judged");
    a.die();
    let b = small_member(&stage, "b");
    b.run(2_000);
    assert_eq!(stage.announced().len(), PEOPLE as usize, "each once");
    assert_eq!(standing(&stage).through, None);
    stage.check();
}

/// A sweep of fifty and a newcomer: live evidence is in the next commit, and the page beside it is smaller for it.
#[test]
fn live_due_and_swept_people_share_one_number() {
    let mut stage = Stage::new();
    let lines: Vec<_> = (0..PEOPLE).map(|number| stay(person(number), "s", "330106001", stage.now())).collect();
    stage.feed.write(&lines);
    let a = small_member(&stage, "a");
    a.run(1_000);
    assert_eq!(stage.announced(), []);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", stage.now())]);
    while stage.announced().is_empty() {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    let newcomers: Vec<_> =
        (100..107).map(|number| listing(person(number), "l1", "red", stage.now(), 20 * DAY)).collect();
    stage.feed.write(&newcomers);
    let swept = stage.announced().len();
    assert!(swept <= PAGE / 2, "a page of the sweep is half: {swept}");
    a.run(1_000);
    let changes = stage.announced();
    let first_red = changes.iter().position(|change| change.to == "red").unwrap();
    assert!(first_red <= swept + PAGE, "at {first_red} of {}", changes.len());
    let pages = pages(&stage);
    assert!(pages.iter().all(|&page| page <= PAGE), "{pages:?}");
    stage.check();
}

/// A tier of a region with more stays than one commit walks: who stayed there is found page by page, and the position
/// says that a sweep is under way until all are found and judged.
#[test]
fn who_stayed_where_a_tier_changed_is_found_in_pages() {
    const STAYS: usize = 8 * PAGE;
    let mut stage = Stage::new();
    let people = 5 * STAYS as u32;
    for numbers in (0..people).collect::<Vec<_>>().chunks(40) {
        let lines: Vec<_> = numbers.iter().map(|number| stay(person(*number), "s", "330106001", stage.now())).collect();
        stage.feed.write(&lines);
    }
    let a = small_member(&stage, "a");
    a.run(3_000);
    assert_eq!(stage.announced(), []);
    stage.feed.write(&[tier("t1", 1, "330106", "medium", stage.now())]);
    while stage.announced().is_empty() {
        a.turn().unwrap();
        stage.cluster.advance(1);
    }
    assert_ne!(standing(&stage).sweep, SweepStanding::None);
    a.die();
    let b = small_member(&stage, "b");
    b.run(5_000);
    assert_eq!(stage.announced().len(), people as usize);
    assert_eq!(standing(&stage).sweep, SweepStanding::None);
    assert!(pages(&stage).iter().all(|&page| page <= PAGE));
    stage.check();
}

/// Who has more facts than a person may have keeps what was announced; others are judged beside them, a restart holds
/// nothing against them, and when they have fewer they are judged again.
#[test]
fn a_crowded_person_is_left_out_alone() {
    const LISTINGS: usize = 500;
    let mut stage = Stage::new();
    let a = stage.member("a");
    let crowded = person(1);
    let ids: Vec<String> = (0..=LISTINGS).map(|number| format!("l{number}")).collect();
    let lines: Vec<_> = ids.iter().map(|id| listing(crowded, id, "red", stage.now(), 20 * DAY)).collect();
    stage.feed.write(&lines);
    stage.feed.write(&[listing(person(2), "l1", "red", stage.now(), 20 * DAY)]);
    a.run(500);
    let announced = |stage: &Stage| stage.announced().iter().map(|change| change.person).collect::<Vec<_>>();
    assert_eq!(announced(&stage), [person(2)]);
    let left_out =
        |member: &Member| member.process().worker().unwrap().owned().next().unwrap().partition.left_out().counts();
    assert_eq!(left_out(&a), (1, 0));
    a.die();
    let b = stage.member("b");
    b.run(12_000);
    assert_eq!((announced(&stage), left_out(&b)), (vec![person(2)], (1, 0)), "R-13 leaves them out");
    stage.feed.write(&[retracted_listing(crowded, &ids[0], stage.now())]);
    b.run(500);
    assert_eq!((announced(&stage), left_out(&b)), (vec![person(2), crowded], (0, 0)));
    stage.check();
}
