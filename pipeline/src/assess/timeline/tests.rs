//! Tests of timelines: merging, segments and stretches, and how much work they take.

use fuma_schemas::{Colour, Instant};
use proptest::prelude::*;

use super::stretches::GREEN_BEGINNING_MS;
use super::*;

fn row(rule: u16, since: i64, until: Option<i64>, due: Option<i64>) -> RuleRow {
    RuleRow { slot: 0, rule, since: Instant(since), until: until.map(Instant), due: due.map(Instant), cause: 0 }
}

/// Rule 0 is red, all others yellow.
fn colour(rules: Rules) -> Colour {
    match rules {
        0 => Colour::Green,
        rules if rules & 1 != 0 => Colour::Red,
        _ => Colour::Yellow,
    }
}

#[test]
fn touching_intervals_of_one_rule_are_one() {
    let mut rows = [
        row(1, 20, Some(30), None),
        row(1, 10, Some(20), Some(15)),
        row(1, 40, None, None),
        row(2, 10, Some(12), None),
    ];
    let timeline = Timeline::merge(&mut rows);
    let shape: Vec<_> =
        timeline.intervals().iter().map(|i| (i.rule, i.since.0, i.until.map(|u| u.0), i.due.map(|d| d.0))).collect();
    assert_eq!(shape, [(1, 10, Some(30), Some(15)), (1, 40, None, None), (2, 10, Some(12), None)]);
}

#[test]
fn an_open_interval_swallows_what_follows() {
    let mut rows = [row(1, 10, None, Some(5)), row(1, 50, Some(60), Some(70))];
    let timeline = Timeline::merge(&mut rows);
    assert_eq!(timeline.intervals(), [Interval { rule: 1, since: Instant(10), until: None, due: Some(Instant(70)) }]);
}

#[test]
fn segments_and_colour_stretches() {
    let mut rows = [row(0, 10, Some(20), None), row(1, 5, Some(30), None)];
    let timeline = Timeline::merge(&mut rows);
    let at = |t| timeline.sample(Instant(t), colour);
    assert_eq!(at(4), Sample { rules: 0, segment_start: None, colour_start: None, next_colour: Some(Instant(5)) });
    assert_eq!(at(5).segment_start, Some(Instant(5)));
    assert_eq!(
        at(15),
        Sample {
            rules: 3,
            segment_start: Some(Instant(10)),
            colour_start: Some(Instant(10)),
            next_colour: Some(Instant(20))
        }
    );
    assert_eq!(
        at(20),
        Sample {
            rules: 2,
            segment_start: Some(Instant(20)),
            colour_start: Some(Instant(20)),
            next_colour: Some(Instant(30))
        }
    );
    assert_eq!(
        at(30),
        Sample { rules: 0, segment_start: Some(Instant(30)), colour_start: Some(Instant(30)), next_colour: None }
    );
    assert_eq!(timeline.ending_at(Instant(20)), 1);
    assert_eq!(timeline.next_segment(Instant(5)), Some(Instant(10)));
}

#[test]
fn a_green_that_began_more_than_thirty_days_ago_has_no_beginning() {
    let mut rows = [row(0, 10, Some(20), None)];
    let timeline = Timeline::merge(&mut rows);
    assert_eq!(timeline.sample(Instant(20 + GREEN_BEGINNING_MS), colour).segment_start, Some(Instant(20)));
    assert_eq!(timeline.sample(Instant(21 + GREEN_BEGINNING_MS), colour).segment_start, None);
}

/// An answer from the intervals alone, by looking at all of them.
fn naive(timeline: &Timeline, at: Instant) -> Sample {
    let rules_at = |at: Instant| {
        timeline.intervals().iter().filter(|one| one.holds_at(at)).fold(0, |rules: Rules, one| rules | 1 << one.rule)
    };
    let boundaries = |one: &Interval| [Some(one.since), one.until];
    let mut boundaries: Vec<Instant> = timeline.intervals().iter().flat_map(boundaries).flatten().collect();
    boundaries.sort_unstable();
    boundaries.dedup();
    let passed = boundaries.partition_point(|boundary| *boundary <= at);
    let own = colour(rules_at(at));
    let same = |boundary: &Instant| colour(rules_at(*boundary)) == own;
    let stretch = boundaries[..passed].iter().rposition(|boundary| !same(boundary)).map_or(0, |other| other + 1);
    let starts = stretch > 0 || own != Colour::Green;
    let colour_start = boundaries[..passed].get(stretch).copied().filter(|_| starts);
    let recent = |start: &Instant| own != Colour::Green || at.0 - start.0 <= GREEN_BEGINNING_MS;
    Sample {
        rules: rules_at(at),
        segment_start: boundaries[..passed].last().copied().filter(recent),
        colour_start: colour_start.filter(recent),
        next_colour: boundaries[passed..].iter().find(|boundary| !same(boundary)).copied(),
    }
}

fn rows() -> impl Strategy<Value = Vec<RuleRow>> {
    let one = (0_u16..5, 0_i64..40, proptest::option::of(1_i64..12));
    let row_of = |(rule, since, length): (u16, i64, Option<i64>)| row(rule, since, length.map(|l| since + l), None);
    proptest::collection::vec(one.prop_map(row_of), 0..14)
}

proptest! {
    #[test]
    fn a_sample_is_what_looking_at_all_intervals_gives(mut rows in rows()) {
        let timeline = Timeline::merge(&mut rows);
        for at in (-1..55).map(Instant) {
            let expected = naive(&timeline, at);
            prop_assert_eq!(timeline.sample(at, colour), expected);
            prop_assert_eq!(timeline.rules_at(at), expected.rules);
            for rule in 0..5 {
                let of_rule = |one: &&Interval| one.rule == rule && one.holds_at(at);
                prop_assert_eq!(timeline.interval_at(rule, at), timeline.intervals().iter().find(of_rule));
            }
            let ending = timeline.intervals().iter().filter(|one| one.until == Some(at));
            prop_assert_eq!(timeline.ending_at(at), ending.fold(0, |rules: Rules, one| rules | 1 << one.rule));
        }
    }
}

proptest! {
    /// Nothing of one timeline is left in the next.
    #[test]
    fn many_in_one_memory_are_each_as_made_alone(all in proptest::collection::vec(rows(), 1..6)) {
        let mut merger = Merger::default();
        for mut rows in all {
            let alone = Timeline::merge(&mut rows.clone());
            prop_assert_eq!(merger.merge(&mut rows), &alone);
        }
    }
}

/// Follows a timeline from boundary to boundary, as a judgement does.
fn follow(rows: &mut [RuleRow]) -> usize {
    let timeline = Timeline::merge(rows);
    let stretches = timeline.stretches(colour);
    let (mut at, mut boundaries) = (Instant(-1), 0);
    while let Some(next) = timeline.next_segment(at) {
        let sample = stretches.sample(&timeline, next);
        assert_eq!(sample.segment_start, Some(next));
        let active = (0..5).filter_map(|rule| timeline.interval_at(rule, next)).count();
        assert_eq!(active as u32, sample.rules.count_ones());
        timeline.ending_at(next);
        at = next;
        boundaries += 1;
    }
    boundaries
}

/// I-10: following k intervals takes k log k steps. Once it took k^3 where the colour stayed (trial c1-3).
#[test]
fn following_takes_k_log_k_steps() {
    const STEPS_A_BOUNDARY_AND_BIT: u64 = 16;
    for count in [1_000, 100_000] {
        // Red throughout, and yellow to and fro; the same without the red.
        let yellow = (0..count).map(|at| row(1, 10 * at, Some(10 * at + 5), None));
        let mut red: Vec<RuleRow> = yellow.clone().chain([row(0, 0, None, None)]).collect();
        let mut yellow: Vec<RuleRow> = yellow.collect();
        for rows in [&mut red, &mut yellow] {
            let (boundaries, steps) = steps::of(|| follow(rows));
            assert!(boundaries as i64 >= 2 * count - 1);
            let bound = STEPS_A_BOUNDARY_AND_BIT * boundaries as u64 * u64::from(boundaries.ilog2() + 1);
            assert!(steps <= bound, "{steps} steps for {boundaries} boundaries; the bound is {bound}");
        }
    }
}
