//! What is behind a change: nothing but time, or a record of a feed.

use fuma_schemas::Instant;
use fuma_tests::live::feed::Behind;
use fuma_tests::live::lines::{listing, person, stay, tier};
use fuma_tests::simulated::Fault;

use crate::{DAY, Stage, step};

/// A window that closes is announced on time, with nothing coming in; it has no cause.
#[test]
fn an_expiry_is_announced_on_time_without_any_input() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    let at = stage.now();
    let ends_ms = [3_600_000, 7_200_000];
    stage
        .feed
        .write(&[listing(person(1), "l1", "red", at, ends_ms[0]), listing(person(2), "l2", "yellow", at, ends_ms[1])]);
    a.run(7_300_000);
    let ends: Vec<_> = stage.announced().into_iter().filter(|change| change.to == "green").collect();
    for (change, lasts_ms) in ends.iter().zip(ends_ms) {
        let late_ms = change.decided_at.0 - (at.0 + lasts_ms);
        assert!((0..=110).contains(&late_ms), "{late_ms} ms late");
        assert!(!change.headers.contains_key("ce_causetime"), "nothing but time is behind it");
        assert!(!change.headers.contains_key("traceparent"));
    }
    assert_eq!(ends.len(), 2);
    stage.check();
}

/// A change carries when the broker took the newest record behind it, and that record's trace context.
#[test]
fn a_change_carries_the_cause_and_the_trace_of_its_newest_record() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    a.run(300);
    let at = stage.now();
    let traces = ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-1-2-01"];
    let older = Behind { cause: Some(Instant(at.0 - 500)), traceparent: Some(traces[1]) };
    let newer = Behind { cause: Some(Instant(at.0 - 200)), traceparent: Some(traces[0]) };
    stage.feed.write_behind(&[listing(person(1), "l2", "red", at, DAY)], newer);
    stage.feed.write_behind(&[listing(person(1), "l1", "yellow", at, DAY)], older);
    stage.feed.write_behind(&[listing(person(2), "l3", "yellow", at, DAY)], older);
    // An abort forgets nothing of it.
    stage.cluster.fail_commit(&a.owner, Fault::Abort);
    a.run(300);
    let changes = stage.announced();
    assert_eq!(stage.steps().len(), 2);
    for change in changes {
        let behind = if change.person == person(1) { newer } else { older };
        assert_eq!(change.headers["ce_causetime"], behind.cause.unwrap().to_string());
        assert_eq!(change.headers["traceparent"], behind.traceparent.unwrap());
        assert_eq!(change.headers["ce_id"], format!("{}-{}", change.person, change.decided_at.0));
        assert_eq!(change.headers["ce_subject"], change.person.to_string());
        assert_eq!(change.headers["ce_type"], "fuma.colour-changed.v1");
    }
}

/// What a region brings about carries when the region's record came.
#[test]
fn a_change_by_a_region_carries_the_cause_of_the_region() {
    let mut stage = Stage::new();
    let a = stage.member("a");
    stage.feed.write(&[stay(person(1), "s1", "330106001", stage.now())]);
    a.run(5_000);
    let at = stage.now();
    stage.feed.write(&[tier("t1", 1, "330106", "medium", at)]);
    a.run(1_000);
    let change = stage.announced().pop().unwrap();
    assert_eq!(stage.steps(), [step("green", "yellow")]);
    assert_eq!(change.headers["ce_causetime"], at.to_string());
}
