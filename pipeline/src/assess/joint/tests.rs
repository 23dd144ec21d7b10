//! A joint step comes to what steps apart come to.

use std::sync::OnceLock;

use fuma_schemas::{Feed, Instant};
use proptest::prelude::*;

use super::*;
use crate::assess::tests::{CASE, EveryInstant, HOSPITAL, Record, STAY, TIER, apply, faulty_judge, judge};
use crate::assess::{LeftOut, StepLimits, Why};
use crate::policy::{Pack, PackSource, load};

const CONTACT: &str = concat!(
    r#""degree":"close","determined_at":"2021-11-09T08:00:00+08:00","#,
    r#""last_exposure_at":"2021-11-08T08:00:00+08:00""#
);
const FEVER: &str = r#""symptom":"fever","onset_at":"2021-11-09T08:00:00+08:00","source":"clinic""#;
const HELD: &str = r#""stage":"home","basis":"other","started_at":"2021-11-09T09:00:00+08:00""#;
const KINDS: [(Feed, &str); 6] = [
    (Feed::Cases, CASE),
    (Feed::Isolations, HOSPITAL),
    (Feed::Travel, STAY),
    (Feed::Contacts, CONTACT),
    (Feed::Symptoms, FEVER),
    (Feed::Isolations, HELD),
];

fn pack() -> Arc<Pack> {
    static PACK: OnceLock<Arc<Pack>> = OnceLock::new();
    Arc::clone(PACK.get_or_init(|| load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap()))
}

/// So many partitions, in which a tier is high.
fn partitions(count: usize) -> Vec<Partition> {
    let mut partitions: Vec<Partition> = (0..count).map(|_| Partition::new(pack()).unwrap()).collect();
    partitions.iter_mut().for_each(|partition| apply(partition, &[(Feed::Regions, 0, "r1".into(), TIER)]));
    partitions
}

fn planted() -> Arc<Judge> {
    static JUDGE: OnceLock<Arc<Judge>> = OnceLock::new();
    Arc::clone(JUDGE.get_or_init(faulty_judge))
}

fn clock() -> Instant {
    Instant::parse("2021-11-10T08:00:00+08:00").unwrap()
}

/// Judges all who wait in all of them, together; how many steps it took, and the changes of each.
fn together(partitions: &mut [Partition], limits: StepLimits) -> (usize, Vec<Vec<CodeChange>>) {
    let mut steps: Vec<Step> = partitions.iter().map(|_| Step::new(limits)).collect();
    let mut changes = vec![Vec::new(); partitions.len()];
    let shares = partitions.iter_mut().zip(&mut steps).zip(&mut changes);
    let mut shares: Vec<Share<'_>> = shares
        .map(|((partition, step), changes)| Share { partition, step, changes, clock: clock(), people_max: usize::MAX })
        .collect();
    let count = judge_waiting(&mut shares, &EveryInstant);
    changes.iter_mut().for_each(|changes| changes.sort_by_key(|change| change.person));
    (count, changes)
}

fn people(left_out: &LeftOut) -> Vec<(u32, Why)> {
    let mut people: Vec<(u32, Why)> = left_out.people().map(|(person, why)| (person, why.clone())).collect();
    people.sort_by_key(|(person, _)| *person);
    people
}

proptest! {
    /// Together is apart, whatever the bounds, and whether or not a rule fails on somebody.
    #[test]
    fn together_is_apart(
        drafts in proptest::collection::vec((0_usize..4, 1_u8..12, 0..KINDS.len(), 0_u8..3), 1..60),
        slots in 1_usize..30,
        rows in 3_usize..80,
        fails in any::<bool>(),
    ) {
        let limits = StepLimits { slots, rows, ..StepLimits::default() };
        let (mut one, mut other) = (partitions(4), partitions(4));
        for partitions in [&mut one, &mut other] {
            for (at, partition) in partitions.iter_mut().enumerate() {
                let own = drafts.iter().filter(|(of, ..)| *of == at);
                let record = |(_, person, kind, id): &(usize, u8, usize, u8)| {
                    (KINDS[*kind].0, *person, format!("{kind}-{id}"), KINDS[*kind].1)
                };
                apply(partition, &own.map(record).collect::<Vec<Record>>());
                if fails {
                    partition.put_in_force(planted());
                }
            }
        }
        let (_, jointly) = together(&mut one, limits);
        for ((partition, jointly), joint) in other.iter_mut().zip(&jointly).zip(&one) {
            let mut changes = Vec::new();
            judge(partition, limits, &mut changes);
            prop_assert_eq!(jointly, &changes);
            prop_assert_eq!(people(joint.left_out()), people(partition.left_out()));
            prop_assert_eq!((joint.next_due(), joint.colours()), (partition.next_due(), partition.colours()));
        }
    }
}

/// The people of all partitions are one step, as long as they have room in it.
#[test]
fn the_people_of_all_partitions_are_one_step() {
    let mut all = partitions(4);
    for (at, partition) in all.iter_mut().enumerate() {
        apply(partition, &(1..=at as u8 + 1).map(|person| (Feed::Cases, person, "c".into(), CASE)).collect::<Vec<_>>());
    }
    let (steps, changes) = together(&mut all, StepLimits::default());
    assert_eq!((steps, changes.iter().map(Vec::len).collect::<Vec<_>>()), (1, vec![1, 2, 3, 4]));
    for partition in &mut all {
        (0..partition.evidence().people().min(2)).for_each(|person| partition.touch(person));
    }
    assert_eq!(together(&mut all, StepLimits { slots: 3, ..StepLimits::default() }).0, 3, "7 people, 3 a step");
    assert_eq!(together(&mut all, StepLimits::default()).0, 0, "nobody waits");
}

/// A rule that fails on somebody of one partition stops nobody of the others, and nobody else of that one.
#[test]
fn a_rule_that_fails_stops_one_person_of_one_partition() {
    let mut all = partitions(3);
    for partition in &mut all {
        apply(partition, &(1..=5).map(|person| (Feed::Cases, person, "c".into(), CASE)).collect::<Vec<_>>());
    }
    apply(&mut all[1], &[(Feed::Isolations, 3, "i".into(), HOSPITAL)]);
    all[1].put_in_force(faulty_judge());
    // The judge of another pack: what is loaded again is another one, so these are judged by themselves.
    let (_, changes) = together(&mut all, StepLimits::default());
    assert_eq!(changes.iter().map(Vec::len).collect::<Vec<_>>(), [5, 4, 5]);
    all.iter_mut().for_each(|partition| partition.put_in_force(planted()));
    all.iter_mut().for_each(|partition| (0..5).for_each(|person| partition.touch(person)));
    let (steps, changes) = together(&mut all, StepLimits::default());
    assert_eq!(
        (steps, changes.iter().map(Vec::len).sum::<usize>()),
        (1, 0),
        "who is judged again is not announced again"
    );
    let left_out: Vec<usize> = all.iter().map(|partition| people(partition.left_out()).len()).collect();
    assert_eq!(left_out, [0, 1, 0]);
}
