//! The memory of a switch, without a log.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use fuma_schemas::{Instant, Person};

use super::*;
use crate::live::worker::position::Standing;
use crate::policy::{PackSource, load};

fn in_force(number: u64) -> InForce {
    let pack = load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap();
    InForce { number, hash: format!("h{number}"), pack, since: Some(Instant(50)), label: number }
}

fn owned() -> Owned {
    let first = in_force(1);
    let mut partition = Partition::new(Arc::clone(&first.pack)).unwrap();
    for person in 1..=3 {
        partition.recall(Person([person; 16]), fuma_schemas::Colour::Red, ["ZJ-R7"].into_iter());
    }
    Owned::new(0, partition, 0, Standing::default(), first)
}

/// A successor knows what its predecessor announced by the output, and counts nobody twice.
#[test]
fn lines_of_a_predecessor_are_taken_up_once() {
    let mut owned = owned();
    let under_way = UnderWay { number: 2, output: 9 };
    let line = |person, after: &str| (Person([person; 16]), "red:ZJ-R7".to_owned(), after.to_owned());
    owned.put_in_force(in_force(2)).unwrap();
    owned.standing.switch = Some(under_way);
    owned.resume_switch(
        &Standing::default(),
        under_way,
        vec![line(1, "green"), line(2, "yellow:ZJ-Y2"), line(1, "red:X")],
    );
    let outcome = owned.switch_done().unwrap();
    let mut said = Vec::new();
    let parts = [outcome.differences.clone()];
    crate::assess::difference::each_line(&parts, |person, before, after| {
        said.push(format!("{} {before} {after}", person.0[0]));
        Ok::<(), ()>(())
    })
    .unwrap();
    assert_eq!(said, ["1 red:ZJ-R7 green", "2 red:ZJ-R7 yellow:ZJ-Y2"]);
    assert!(outcome.is_resumed && outcome.number == 2);
    assert!(owned.switch_done().is_none(), "it is handed on once");
    let standing = owned.standing_at(Instant(60), &crate::live::worker::owned::Identity::default(), false);
    assert_eq!(standing.switch, Some(under_way), "the position remembers it until it is written");
}

/// A switch sweeps everybody by the new pack, from the first person on.
#[test]
fn a_switch_sweeps_everybody() {
    let mut owned = owned();
    owned.sweep_people(0..3, None);
    owned.sweep.page(2);
    owned.switch(in_force(2), 5, Instant(60)).unwrap();
    assert_eq!((owned.sweep.remaining(), owned.sweep.cursor()), (3, None));
    assert_eq!(owned.partition.palette().since(), Some(Instant(50)));
    let standing = owned.standing_at(Instant(60), &crate::live::worker::owned::Identity::default(), false);
    assert_eq!((standing.pack_order, standing.pack.as_str()), (2, "h2"));
    assert_eq!(standing.switch, Some(UnderWay { number: 2, output: 5 }));
}
