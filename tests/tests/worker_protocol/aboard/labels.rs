//! one pack after another, where one of them traces or both do.

use std::sync::{Arc, LazyLock};

use fuma_pipeline::live::partitions::{ParkReason, digest_of};
use fuma_pipeline::live::worker::switch::{Schedule, Switch};
use fuma_pipeline::policy::{Pack, PackSource, load};
use fuma_schemas::Instant;
use fuma_tests::live::lines::person;
use fuma_tests::live::switched::switch_to;
use fuma_tests::live::{Member, Setup, scratch};
use fuma_tests::simulated::Settings;

use super::{counts, pack};
use crate::{Stage, zhejiang};

fn national() -> &'static Arc<Pack> {
    static PACK: LazyLock<Arc<Pack>> = LazyLock::new(|| load(&PackSource::built_in("national-2020").unwrap()).unwrap());
    &PACK
}

/// A pack from the beginning, and another from an instant on.
fn switches(first: &Arc<Pack>, second: &Arc<Pack>, at: Instant) -> Vec<Switch> {
    vec![switch_to(1, first, Instant::MIN), switch_to(2, second, at)]
}

fn setup(first: &Arc<Pack>, partitions: u32) -> Setup {
    let schedule = Schedule::default();
    schedule.set(vec![switch_to(1, first, Instant::MIN)]);
    Setup { attaches: true, partitions, schedule, ..Setup::of(first) }
}

/// Two partitions, each with a process of its own under a pack; three aboard with a case.
fn judged(first: &Arc<Pack>) -> (Stage, Member, Member) {
    let mut stage = Stage::with(Settings { partitions: 2, ..Settings::default() });
    let [a, b] = ["a", "b"].map(|name| Member::new(&stage.cluster, name, setup(first, 2)));
    fuma_tests::live::process::run(&[&a, &b], 3_000);
    assert_eq!((a.owned().len(), b.owned().len()), (1, 1));
    let lines: Vec<_> = (1..12).map(|who| stage.rides(who, "t", 1, (7, 5))).collect();
    stage.feed.write(&lines);
    stage.feed.write(&[stage.ill(1, "c", 1, "confirmed")]);
    fuma_tests::live::process::run(&[&a, &b], 2_000);
    scratch::check(&stage.cluster, first, 2);
    (stage, a, b)
}

fn go_on(a: &Member, b: &Member, ms: i64) {
    fuma_tests::live::process::run(&[a, b], ms);
}

/// From a pack that does not trace to one that does: everybody tells, and those aboard are contacts, also where one
/// process hears of the switch later than the other: what comes for its people before waits, and is not lost.
#[test]
fn tracing_begins_with_a_switch() {
    let (stage, a, b) = judged(zhejiang());
    assert_eq!(counts(&a).contacts + counts(&b).contacts, 0);
    let switched = switches(zhejiang(), pack(), stage.now());
    a.read_decisions(&switched);
    go_on(&a, &b, 3_000);
    let before = stage.colours_of(2, &[2, 3, 4, 5, 6, 7]);
    b.read_decisions(&switched);
    go_on(&a, &b, 40_000);
    assert_eq!(counts(&a).contacts + counts(&b).contacts, 10);
    let after = stage.colours_of(2, &[2, 3, 4, 5, 6, 7]);
    assert!(before != after && after.iter().all(|colour| colour != "green"), "{before:?} {after:?}");
    scratch::check(&stage.cluster, pack(), 2);
    for id in 0..2 {
        assert!(stage.cluster.position(id).metadata.contains("@2"), "{}", stage.cluster.position(id).metadata);
    }
}

/// From a pack that traces to one that does not: its contacts are not seen any more, and what comes of them later is
/// nothing. Published again it begins from nothing, under another label.
#[test]
fn tracing_ends_with_a_switch_and_begins_again() {
    let (mut stage, a, b) = judged(pack());
    let mut switched = switches(pack(), zhejiang(), stage.now());
    [&a, &b].iter().for_each(|member| member.read_decisions(&switched));
    go_on(&a, &b, 3_000);
    assert_eq!(stage.colours_of(2, &[2, 3, 4]), ["green"; 3]);
    scratch::check(&stage.cluster, zhejiang(), 2);
    // While nothing is traced a trip goes and another comes; both processes begin again.
    stage.feed.write(&[stage.rides(2, "t", 2, (8, 5)), stage.rides(20, "t", 1, (7, 5))]);
    go_on(&a, &b, 1_000);
    a.die();
    for _ in 0..500 {
        [&a, &b].iter().for_each(|member| drop(member.turn()));
        stage.cluster.advance(20);
    }
    go_on(&a, &b, 5_000);
    scratch::check(&stage.cluster, zhejiang(), 2);
    switched.push(switch_to(3, pack(), stage.now()));
    [&a, &b].iter().for_each(|member| member.read_decisions(&switched));
    go_on(&a, &b, 40_000);
    scratch::check(&stage.cluster, pack(), 2);
    assert_eq!(stage.colours_of(2, &[2])[0], "green");
    assert_ne!(stage.colours_of(2, &[20])[0], "green");
}

/// Two packs that trace: the switch waits for an operator's word, the old pack goes on meanwhile, and says so.
#[test]
fn a_switch_between_two_packs_that_trace_waits_for_a_word() {
    let (mut stage, a, b) = judged(pack());
    let switched = switches(pack(), national(), stage.now());
    [&a, &b].iter().for_each(|member| member.read_decisions(&switched));
    go_on(&a, &b, 2_000);
    stage.feed.write(&[stage.rides(30, "t", 1, (7, 5))]);
    go_on(&a, &b, 2_000);
    assert_ne!(stage.colours_of(2, &[30])[0], "green", "the old pack goes on");
    scratch::check(&stage.cluster, pack(), 2);
    let hash = &switched[1].hash;
    for member in [&a, &b] {
        let id = member.owned()[0];
        let reason = ParkReason::Retraces;
        let digest = digest_of([reason.code().to_owned(), id.to_string(), "2".to_owned(), hash.clone()]);
        member.words().accept(reason, id, digest);
    }
    go_on(&a, &b, 5_000);
    scratch::check(&stage.cluster, national(), 2);
    assert!(stage.colours_of(2, &[30, 2]).iter().all(|colour| colour == "yellow"), "by the other pack");
    assert!(!a.words().take_used().is_empty(), "the word is noted");
}

/// The same tracing in a later version of a pack goes on under its label: nothing is told again, nobody flickers.
#[test]
fn a_pack_that_traces_alike_goes_on() {
    let mut other = PackSource::built_in("zhejiang-2022").unwrap();
    let manifest = other.files.get_mut("policy.toml").unwrap();
    *manifest = manifest.replace("version = \"1.0.0\"", "version = \"1.0.1\"");
    let other = load(&other).unwrap();
    assert!(other.digest != pack().digest && other.traces_as(pack()) && !national().traces_as(pack()));
    let (stage, a, b) = judged(pack());
    let told = |stage: &Stage| stage.cluster.end(fuma_connectors::log::Topic::Rides, 0);
    let (before, steps) = (told(&stage), stage.colours_of(2, &[2]));
    let switched = switches(pack(), &other, stage.now());
    [&a, &b].iter().for_each(|member| member.read_decisions(&switched));
    go_on(&a, &b, 3_000);
    assert_eq!((told(&stage), stage.colours_of(2, &[2])), (before, steps));
    let chain = fuma_tests::live::announced::of_partition(&stage.cluster, person(2).partition(2) as u32);
    assert_eq!(chain.iter().filter(|change| change.person == person(2)).count(), 1, "one step in all");
    scratch::check(&stage.cluster, &other, 2);
}
