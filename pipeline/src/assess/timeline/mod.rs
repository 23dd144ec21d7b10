//! The timeline of one person: all reasons known at one instant of decision, as merged intervals.
//!
//! ```text
//! mod        rules -> merged intervals -> segments; questions about an instant
//! stretches  segments -> colour stretches; the state at an instant with what surrounds it
//! steps      how much work was done, counted in tests
//! ```
//!
//! Every boundary of a merged interval changes the set of active rules, so boundaries and segments are the same
//! thing. Making a timeline of k intervals takes k log k steps, a question about an instant log k (I-10).
//!
//! Owns merging and sampling. Must never know who the person is.

mod steps;
mod stretches;
#[cfg(test)]
mod tests;

use fuma_schemas::{Colour, Instant};

pub use self::stretches::Stretches;
use crate::policy::RuleRow;

/// A set of rules of a pack, one bit each.
pub type Rules = u64;

// Two bits are kept for rules of a pack that is no longer in force.
const _: () = assert!(crate::policy::pack::RULES_MAX + 2 <= Rules::BITS as usize, "a pack has more rules than bits");

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

/// The rules that hold from an instant to the next segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Segment {
    start: Instant,
    rules: Rules,
}

/// The merged intervals of one person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Timeline {
    /// By rule, then time.
    intervals: Vec<Interval>,
    /// By time; before the first no rule holds.
    segments: Vec<Segment>,
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

impl Sample {
    /// The same under a pack that is in force since an instant: no segment and no colour stretch begins before it. What
    /// has no beginning has none there either.
    pub fn in_force_since(self, since: Option<Instant>) -> Sample {
        let cut = |start: Option<Instant>| start.max(since.filter(|_| start.is_some()));
        Sample { segment_start: cut(self.segment_start), colour_start: cut(self.colour_start), ..self }
    }
}

impl Timeline {
    /// Merges what the rules said of one person: intervals of one rule that overlap or touch are one (since =
    /// earliest, until = latest, due = latest; no due only if none has one). Rows come in any order and are
    /// sorted in place.
    pub fn merge(rows: &mut [RuleRow]) -> Timeline {
        let mut merger = Merger::default();
        merger.merge(rows);
        merger.timeline
    }

    /// The intervals, by rule, then time.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// The rules that hold at an instant.
    pub fn rules_at(&self, at: Instant) -> Rules {
        self.segment_at(at).map_or(0, |segment| segment.rules)
    }

    /// The interval of a rule that holds at an instant.
    pub fn interval_at(&self, rule: u16, at: Instant) -> Option<&Interval> {
        let passed = self.intervals.partition_point(|interval| {
            steps::count(1);
            (interval.rule, interval.since) <= (rule, at)
        });
        let last = self.intervals.get(passed.checked_sub(1)?)?;
        (last.rule == rule && last.holds_at(at)).then_some(last)
    }

    /// The start of the next segment after an instant: when the person is to be judged again.
    pub fn next_segment(&self, at: Instant) -> Option<Instant> {
        self.segments.get(self.passed(at)).map(|segment| segment.start)
    }

    /// The first instant after this one at which no rule holds; none as far as is known.
    pub fn green_after(&self, at: Instant) -> Option<Instant> {
        let later = self.segments.get(self.passed(at)..).unwrap_or_default();
        later.iter().find(|segment| segment.rules == 0).map(|segment| segment.start)
    }

    /// The state at an instant with its segment and colour stretch; `colour` gives the colour of a set of rules. Of
    /// several instants of one timeline ask its [`Timeline::stretches`].
    pub fn sample(&self, at: Instant, colour: impl Fn(Rules) -> Colour) -> Sample {
        self.stretches(colour).sample(self, at)
    }

    /// The rules with an interval that ends at an instant.
    pub fn ending_at(&self, at: Instant) -> Rules {
        let Some(ending) = self.passed(at).checked_sub(1) else { return 0 };
        match self.segments.get(ending) {
            // Intervals of one rule do not touch, so what held before and does not hold now has ended.
            Some(segment) if segment.start == at => self.rules_before(ending) & !segment.rules,
            _ => 0,
        }
    }

    /// The rules that hold before a segment.
    fn rules_before(&self, segment: usize) -> Rules {
        segment.checked_sub(1).and_then(|before| self.segments.get(before)).map_or(0, |before| before.rules)
    }

    /// How many segments have begun at an instant.
    fn passed(&self, at: Instant) -> usize {
        self.segments.partition_point(|segment| {
            steps::count(1);
            segment.start <= at
        })
    }

    fn segment_at(&self, at: Instant) -> Option<&Segment> {
        self.segments.get(self.passed(at).checked_sub(1)?)
    }
}

/// Makes one timeline after the other in the same memory: a step has thousands of them.
#[derive(Default, Debug)]
pub struct Merger {
    timeline: Timeline,
    boundaries: Vec<(Instant, Rules)>,
}

impl Merger {
    /// The timeline of [`Timeline::merge`].
    pub fn merge(&mut self, rows: &mut [RuleRow]) -> &Timeline {
        rows.sort_unstable_by_key(|row| (row.rule, row.since, row.until, row.due));
        let intervals = &mut self.timeline.intervals;
        intervals.clear();
        for row in rows.iter() {
            steps::count(1);
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
        self.sweep();
        &self.timeline
    }

    /// One sweep over all boundaries. Intervals of one rule lie apart, so each boundary turns its rule on or off.
    fn sweep(&mut self) {
        let Merger { timeline: Timeline { intervals, segments }, boundaries } = self;
        boundaries.clear();
        for one in intervals.iter() {
            let of_rule = 1 << one.rule;
            boundaries.push((one.since, of_rule));
            boundaries.extend(one.until.map(|until| (until, of_rule)));
        }
        boundaries.sort_unstable();
        segments.clear();
        let mut rules = 0;
        for at_once in boundaries.chunk_by(|(one, _), (other, _)| one == other) {
            steps::count(at_once.len() as u64);
            let before = rules;
            rules = at_once.iter().fold(rules, |rules, (_, rule)| rules ^ rule);
            if let Some(&(start, _)) = at_once.first().filter(|_| rules != before) {
                segments.push(Segment { start, rules });
            }
        }
    }
}
