//! The emergency stop: nothing is announced while it holds, by whoever owns a partition; then all of it, once.

use fuma_tests::live::lines::{listing, person};
use fuma_tests::live::{Member, Setup};

use crate::{DAY, Stage, step, zhejiang};

#[test]
fn nothing_is_announced_while_everything_is_held_and_nothing_is_lost() {
    let mut stage = Stage::new();
    let setup = Setup::of(zhejiang());
    let words = setup.words.clone();
    let a = Member::new(&stage.cluster, "a", setup.clone());
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(500);
    assert_eq!(stage.steps(), [step("green", "red")]);
    assert!(words.hold(true) && !words.hold(true));
    stage.feed.write(&[listing(person(2), "l2", "yellow", stage.now(), DAY)]);
    a.run(1000);
    assert_eq!(stage.steps().len(), 1, "held");
    // Neither who leaves, nor who takes over, nor who comes after a kill.
    a.leave();
    let b = Member::new(&stage.cluster, "b", setup.clone());
    b.run(1000);
    b.die();
    let c = Member::new(&stage.cluster, "c", setup);
    c.run(1000);
    assert_eq!(stage.steps().len(), 1, "held");
    assert!(words.hold(false));
    c.run(1000);
    assert_eq!(stage.steps(), [step("green", "red"), step("green", "yellow")]);
}
