//! A clock for each partition: one that is ahead pulls nobody with it, and a broker's clock that is not known
//! for a while stops nobody.

use fuma_connectors::log::Topic;
use fuma_pipeline::live::partitions::{ParkReason, State};
use fuma_pipeline::live::worker::clock::SKEW_SERVES;
use fuma_pipeline::live::worker::position::Standing;
use fuma_tests::live::lines::listing;
use fuma_tests::live::process::run;
use fuma_tests::simulated::Settings;

use crate::{DAY, Stage};

fn two() -> Stage {
    Stage::with(Settings { partitions: 2, ..Settings::default() })
}

fn clock_of(stage: &Stage, partition: u32) -> i64 {
    Standing::parse(&stage.cluster.position(partition).metadata).unwrap().unwrap().clock.0
}

/// P-19. Partition 0 was judged four minutes ahead: partition 1 is not, whoever owns both.
#[test]
fn a_partition_that_is_ahead_pulls_nobody_with_it() {
    let mut stage = two();
    let [p0, p1] = [stage.of_two(0), stage.of_two(1)];
    let (a, c) = (stage.member("a"), stage.member("c"));
    run(&[&a, &c], 2_000);
    let wrong = if a.owned() == [0] { &a } else { &c };
    assert_eq!(wrong.owned(), [0]);
    wrong.shift_clock(4 * 60_000);
    stage.feed.write(&[listing(p0, "l1", "red", stage.now(), DAY)]);
    run(&[&a, &c], 300);
    let ahead = clock_of(&stage, 0);
    assert!(ahead > stage.now().0 + 3 * 60_000);
    let b = stage.member("b");
    a.leave();
    c.leave();
    stage.feed.write(&[listing(p0, "l2", "red", stage.now(), 2 * DAY)]);
    stage.feed.write(&[listing(p1, "l1", "red", stage.now(), DAY)]);
    b.run(500);
    assert_eq!((b.owned(), stage.colour(p1, 2).as_str()), (vec![0, 1], "red"));
    assert!((clock_of(&stage, 1) - stage.now().0).abs() < 2_000, "its own clock");
    assert!(clock_of(&stage, 0) > ahead && clock_of(&stage, 0) < ahead + 1_000, "a millisecond a commit");
}

/// P-19. More than five minutes ahead: that partition is parked, and says so; the other commits.
#[test]
fn a_partition_that_is_too_far_ahead_is_held_alone() {
    let mut stage = two();
    let [p0, p1] = [stage.of_two(0), stage.of_two(1)];
    let a = stage.member("a");
    a.run(300);
    a.shift_clock(4 * 60_000);
    stage.feed.write(&[listing(p0, "l1", "red", stage.now(), DAY)]);
    a.run(300);
    // The broker had been wrong, too.
    stage.cluster.shift_clock(-1_800_000);
    a.shift_clock(0);
    a.die();
    stage.feed.write(&[listing(p0, "l2", "yellow", stage.now(), 2 * DAY)]);
    stage.feed.write(&[listing(p1, "l1", "red", stage.now(), DAY)]);
    a.run(3_000);
    let parked = a.holding(0).unwrap().parked.unwrap();
    assert_eq!((parked.reason, a.owned()), (ParkReason::ClockAhead, vec![1]));
    assert!(parked.command(0).unwrap().starts_with("fuma accept clock-ahead 0 "));
    assert_eq!(stage.colour(p1, 2), "red");
    // Time passes: it goes on by itself.
    stage.cluster.advance(1_900_000);
    a.run(1_000);
    assert_eq!(a.owned(), [0, 1]);
}

/// P-14. The clock topic is away: what is known serves for a quarter of an hour; then commits are held, which is shown;
/// with the topic they go on. Nothing is restored anew.
#[test]
fn a_clock_topic_that_is_away_stops_nobody_for_minutes() {
    let mut stage = two();
    let p1 = stage.of_two(1);
    let a = stage.member("a");
    stage.feed.write(&[listing(p1, "l0", "yellow", stage.now(), DAY)]);
    a.run(300);
    stage.cluster.set_leader(Topic::Clock, 0, false);
    for minute in 0..(SKEW_SERVES.as_secs() / 60 - 1) {
        stage.cluster.advance(59_000);
        let colour = if minute % 2 == 0 { "red" } else { "yellow" };
        stage.feed.write(&[listing(p1, "l", colour, stage.now(), DAY)]);
        a.run(300);
        assert_eq!(a.owned(), [0, 1], "after {minute} minutes");
    }
    let said = stage.colour(p1, 2);
    stage.cluster.advance(180_000);
    let other = if said == "red" { "yellow" } else { "red" };
    stage.feed.write(&[listing(p1, "l", other, stage.now(), DAY)]);
    a.run(3_000);
    let parked = a.holding(1).unwrap().parked.unwrap();
    assert_eq!((parked.reason, stage.colour(p1, 2)), (ParkReason::ClockUnknown, said));
    stage.cluster.set_leader(Topic::Clock, 0, true);
    a.run(31_000);
    assert_eq!(a.holding(1).unwrap().state, State::Owned);
    assert_eq!(a.process().worker().unwrap().restored(), 2, "nothing was restored again");
    assert_eq!(stage.colour(p1, 2), other);
}

/// Without any answer at all nothing is committed, and that is shown.
#[test]
fn without_the_brokers_clock_nothing_is_committed() {
    let mut stage = two();
    let p1 = stage.of_two(1);
    stage.cluster.set_leader(Topic::Clock, 0, false);
    let a = stage.member("a");
    stage.feed.write(&[listing(p1, "l1", "red", stage.now(), DAY)]);
    a.run(3_000);
    assert_eq!(a.holding(1).unwrap().parked.unwrap().reason, ParkReason::ClockUnknown);
    assert_eq!(stage.colour(p1, 2), "green");
    stage.cluster.set_leader(Topic::Clock, 0, true);
    a.run(31_000);
    assert_eq!(stage.colour(p1, 2), "red");
}
