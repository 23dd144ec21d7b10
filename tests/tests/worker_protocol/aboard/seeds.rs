//! Trains, cases and phones at random, against a computation from nothing.

use fuma_schemas::Instant;
use fuma_tests::feeds::Line;
use fuma_tests::live::Member;
use fuma_tests::live::lines::{binding, case, person, retracted_case, retracted_trip, trip, trip_of_phone};
use fuma_tests::live::process::run;
use fuma_tests::simulated::{CommitPlace, Fault, Settings};

use super::{HOUR, tracing};
use crate::Stage;

/// A run from a seed: trains are renamed, manifests come late, cases are excluded, corrected and retracted, phones
/// move, while two processes die, lose their partitions and come back. In the end everybody is what one look at all the
/// evidence says.
#[test]
fn whatever_happens_ends_at_a_computation_from_nothing() {
    for seed in 1..=25 {
        let mut stage = Stage::with(Settings { partitions: 2, seed, batch_records_max: 3, ..Settings::default() });
        let members = ["a", "b"].map(|name| Member::new(&stage.cluster, name, tracing(2)));
        let mut revisions = std::collections::BTreeMap::new();
        for _ in 0..50 {
            let line = drawn(&stage, &mut revisions);
            stage.feed.write(&[line]);
            for _ in 0..stage.cluster.draw(6) {
                let member = &members[stage.cluster.draw(2) as usize];
                match stage.cluster.draw(25) {
                    0 => member.die(),
                    1 => stage.cluster.expire(&member.owner),
                    2 => stage.cluster.fail_commit(&member.owner, Fault::Crash(CommitPlace::AfterSend)),
                    3 => stage.cluster.rotate(),
                    _ => {}
                }
                let _ = member.turn();
                stage.cluster.advance(stage.cluster.draw(20));
            }
        }
        for _ in 0..40 {
            members.iter().for_each(|member| drop(member.turn()));
            stage.cluster.advance(500);
        }
        run(&[&members[0], &members[1]], 5_000);
        stage.traced(2);
    }
}

type Revisions = std::collections::BTreeMap<(char, u32, u64), u32>;

fn drawn(stage: &Stage, revisions: &mut Revisions) -> Line {
    let draw = |bound: u64| stage.cluster.draw(bound);
    let (who, id, what) = (draw(5) as u32, draw(2), draw(10));
    let kind = if what < 5 {
        't'
    } else if what < 8 {
        'c'
    } else {
        'b'
    };
    let revision = revisions.entry((kind, who, id)).or_insert(0_u32);
    *revision += 1;
    let name = format!("{kind}{id}");
    let begun = Instant(stage.now().0 - 40 * HOUR + draw(6) as i64 * HOUR);
    let stretch = (begun, Instant(begun.0 + (1 + draw(4) as i64) * HOUR));
    let on = (1 + draw(3) as u32, 1 + draw(2) as u32);
    match (kind, draw(5)) {
        ('t', 0) => retracted_trip(person(who), &name, *revision, stage.now()),
        ('t', 1) => trip_of_phone(who % 3, (&name, *revision), on, stretch, stage.now()),
        ('t', _) => trip(person(who), (&name, *revision), on, stretch, stage.now()),
        ('c', 0) => retracted_case(person(who), &name, *revision, stage.now()),
        ('c', 1) => stage.ill(who, &name, *revision, "excluded"),
        ('c', _) => {
            let at = Instant(stage.now().0 - draw(30) as i64 * HOUR);
            case(person(who), (&name, *revision), "confirmed", at, stage.now())
        }
        _ => binding(person(who), (&name, *revision), draw(3) as u32, (stage.hours_ago(50), None), stage.now()),
    }
}
