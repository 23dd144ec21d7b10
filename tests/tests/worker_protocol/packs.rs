//! A switch of the pack between two starts: exactly the difference is announced.

use std::collections::BTreeSet;
use std::sync::Arc;

use fuma_pipeline::policy::{Pack, PackSource, load};
use fuma_schemas::Person;
use fuma_tests::live::announced::Announced;
use fuma_tests::live::lines::{listing, person, stay, tier};
use fuma_tests::live::{Member, Setup, scratch};

use crate::{DAY, Stage, zhejiang};

const PEOPLE: u32 = 12_000;
const PAGE: usize = 8_192;

/// Zhejiang, but a listing gives no red.
fn without_listings() -> Arc<Pack> {
    let mut source = PackSource::built_in("zhejiang-2020-109").unwrap();
    let rule = source.files.get_mut("rules/ZJ-R7.sql").unwrap();
    let changed = rule.replace("l.colour = 'red'", "l.colour = 'red' AND l.starts_at > l.expires_at");
    assert_ne!(*rule, changed);
    *rule = changed;
    load(&source).unwrap()
}

/// Some in a risk area, each third of them listed, each fifth only listed; all announced under the Zhejiang pack.
fn judged(stage: &mut Stage) -> Member {
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
    let a = stage.member("a");
    a.run(2_000);
    stage.check();
    a.leave();
    a
}

/// What the switch announced.
fn switched(stage: &Stage, before: usize) -> Vec<Announced> {
    stage.announced().split_off(before)
}

fn check_pages(changes: &[Announced]) {
    for page in changes.chunk_by(|one, other| one.decided_at == other.decided_at) {
        assert!(page.len() <= PAGE, "{}", page.len());
    }
    let tokens: Vec<Person> = changes.iter().map(|change| change.person).collect();
    let mut last = None;
    for page in changes.chunk_by(|one, other| one.decided_at == other.decided_at) {
        let first = page.iter().map(|change| change.person).min();
        assert!(last < first, "pages go in the order of tokens");
        last = page.iter().map(|change| change.person).max();
    }
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len(), "nobody twice");
}

/// The same evidence, judged by either pack: who differs, and only they, are announced.
#[test]
fn another_province_announces_exactly_the_difference() {
    for (pack, hash) in [(Arc::clone(&fuma_tests::packs()[1]), "chongqing"), (without_listings(), "one rule")] {
        let mut stage = Stage::new();
        let a = judged(&mut stage);
        let before = stage.announced().len();
        a.set_up(Setup::of(zhejiang()).followed_by(&pack, hash));
        a.run(2_000);
        let changes = switched(&stage, before);
        let now = stage.now();
        let (old, _) = scratch::judged(&stage.cluster, zhejiang(), 0, now);
        let (new, _) = scratch::judged(&stage.cluster, &pack, 0, now);
        let differing: BTreeSet<Person> = (0..PEOPLE).map(person).filter(|it| old.get(it) != new.get(it)).collect();
        let announced: BTreeSet<Person> = changes.iter().map(|change| change.person).collect();
        assert!(!differing.is_empty());
        assert_eq!(announced, differing, "{hash}");
        check_pages(&changes);
        scratch::check(&stage.cluster, &pack, 1);
    }
}

/// The owner dies in the middle of the switch, in every place of a commit: the next goes on.
#[test]
fn a_switch_that_was_cut_off_goes_on() {
    use fuma_tests::simulated::{CommitPlace, Fault};
    let pack = Arc::clone(&fuma_tests::packs()[1]);
    for place in [CommitPlace::BeforeBegin, CommitPlace::AfterSend, CommitPlace::AfterOffsets, CommitPlace::Unanswered]
    {
        let mut stage = Stage::new();
        let a = judged(&mut stage);
        let before = stage.announced().len();
        a.set_up(Setup::of(zhejiang()).followed_by(&pack, "chongqing"));
        while switched(&stage, before).is_empty() {
            a.turn().unwrap();
            stage.cluster.advance(1);
        }
        let begun = switched(&stage, before).len();
        stage.cluster.fail_commit(&a.owner, Fault::Crash(place));
        while a.turn().is_ok() {
            stage.cluster.advance(1);
        }
        stage.cluster.expire(&a.owner);
        a.run(2_000);
        let changes = switched(&stage, before);
        assert!(begun < changes.len(), "it was cut off in the middle: {begun} of {}", changes.len());
        check_once(&changes);
        scratch::check(&stage.cluster, &pack, 1);
    }
}

fn check_once(changes: &[Announced]) {
    let people: BTreeSet<Person> = changes.iter().map(|change| change.person).collect();
    assert_eq!(people.len(), changes.len(), "nobody twice");
}

/// The same pack again: nothing is announced, and nobody is swept.
#[test]
fn the_same_pack_announces_nothing() {
    let mut stage = Stage::new();
    let a = judged(&mut stage);
    let before = stage.announced().len();
    a.run(2_000);
    assert_eq!(stage.announced().len(), before);
    assert!(!stage.cluster.position(0).metadata.contains("sweep="));
    stage.check();
}
