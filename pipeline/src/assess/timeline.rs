//! The timeline of one person: all reasons known at one instant of decision, as merged intervals.
//!
//! Every boundary of a merged interval changes the set of active rules, so boundaries and segments are the same
//! thing.
//!
//! Owns merging and sampling. Must never know who the person is.

use fuma_schemas::{Colour, Instant};

use crate::policy::RuleRow;

/// A set of rules of a pack, one bit each.
pub type Rules = u64;

/// A stretch of time in which a rule holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// The rule, by its place in the pack.
    pub rule: u16,
    /// From when.
    pub since: Instant,
    /// Until when; none while open.
    pub until: Option<Instant>,
    /// When it ought to have been released.
    pub due: Option<Instant>,
}

impl Interval {
    /// Whether it holds at an instant: since <= t < until.
    pub fn holds_at(&self, at: Instant) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

/// The merged intervals of one person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Timeline {
    intervals: Vec<Interval>,
}

/// The state at an instant and what surrounds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The active rules.
    pub rules: Rules,
    /// The start of the segment; none if it has no beginning.
    pub segment_start: Option<Instant>,
    /// The start of the colour stretch; none if it has no beginning.
    pub colour_start: Option<Instant>,
    /// The start of the next stretch of another colour.
    pub next_colour: Option<Instant>,
}

/// How long ago a green segment may have begun and still have a beginning.
const GREEN_BEGINNING_MS: i64 = 30 * fuma_schemas::instant::DAY_MS;

impl Timeline {
    /// Merges what the rules said of one person: intervals of one rule that overlap or touch are one (since =
    /// earliest, until = latest, due = latest; no due only if none has one). Rows come in any order and are
    /// sorted in place.
    pub fn merge(rows: &mut [RuleRow]) -> Timeline {
        rows.sort_unstable_by_key(|row| (row.rule, row.since, row.until, row.due));
        let mut intervals: Vec<Interval> = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            if let Some(last) = intervals.last_mut()
                && last.rule == row.rule
                && last.until.is_none_or(|until| row.since <= until)
            {
                last.until = last.until.zip(row.until).map(|(one, other)| one.max(other));
                last.due = last.due.max(row.due);
                continue;
            }
            intervals.push(Interval { rule: row.rule, since: row.since, until: row.until, due: row.due });
        }
        Timeline { intervals }
    }

    /// The intervals, by rule, then time.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// The rules that hold at an instant.
    pub fn rules_at(&self, at: Instant) -> Rules {
        self.intervals.iter().filter(|interval| interval.holds_at(at)).fold(0, |rules, one| rules | 1 << one.rule)
    }

    /// The start of the next segment after an instant: when the person is to be judged again.
    pub fn next_segment(&self, at: Instant) -> Option<Instant> {
        self.boundaries().filter(|boundary| *boundary > at).min()
    }

    /// The state at an instant with its segment and colour stretch; `colour` gives the colour of a set of rules.
    pub fn sample(&self, at: Instant, colour: impl Fn(Rules) -> Colour) -> Sample {
        let mut boundaries: Vec<Instant> = self.boundaries().collect();
        boundaries.sort_unstable();
        boundaries.dedup();
        let passed = boundaries.partition_point(|boundary| *boundary <= at);
        let rules = self.rules_at(at);
        let own = colour(rules);
        let same = |boundary: &Instant| colour(self.rules_at(*boundary)) == own;
        let segment_start = boundaries[..passed].last().copied();
        // Backwards over the segments of the same colour; before the first boundary everybody is green.
        let stretch = boundaries[..passed].iter().rposition(|boundary| !same(boundary)).map_or(0, |other| other + 1);
        let colour_start = match stretch {
            0 if own == Colour::Green => None,
            stretch => boundaries[..passed].get(stretch).copied(),
        };
        let recent = |start: &Instant| own != Colour::Green || at.0 - start.0 <= GREEN_BEGINNING_MS;
        Sample {
            rules,
            segment_start: segment_start.filter(recent),
            colour_start: colour_start.filter(recent),
            next_colour: boundaries[passed..].iter().find(|boundary| !same(boundary)).copied(),
        }
    }

    /// The rules with an interval that ends at an instant.
    pub fn ending_at(&self, at: Instant) -> Rules {
        let ending = self.intervals.iter().filter(|interval| interval.until == Some(at));
        ending.fold(0, |rules, one| rules | 1 << one.rule)
    }

    fn boundaries(&self) -> impl Iterator<Item = Instant> + '_ {
        self.intervals.iter().flat_map(|interval| [Some(interval.since), interval.until]).flatten()
    }
}

#[cfg(test)]
mod tests {
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
        let shape: Vec<_> = timeline
            .intervals()
            .iter()
            .map(|i| (i.rule, i.since.0, i.until.map(|u| u.0), i.due.map(|d| d.0)))
            .collect();
        assert_eq!(shape, [(1, 10, Some(30), Some(15)), (1, 40, None, None), (2, 10, Some(12), None)]);
    }

    #[test]
    fn an_open_interval_swallows_what_follows() {
        let mut rows = [row(1, 10, None, Some(5)), row(1, 50, Some(60), Some(70))];
        let timeline = Timeline::merge(&mut rows);
        assert_eq!(
            timeline.intervals(),
            [Interval { rule: 1, since: Instant(10), until: None, due: Some(Instant(70)) }]
        );
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
}
