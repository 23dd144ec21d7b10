//! A state that differs from the one last announced, as a code change.
//!
//! Owns the fields of a change but `from`, which is the person's last `to`. Must never decide who is judged.

use std::cell::OnceCell;
use std::sync::Arc;

use fuma_schemas::change::RuleHead;
use fuma_schemas::{CodeChange, Colour, Instant, Person, Reason};

use super::timeline::{Rules, Sample, Stretches, Timeline};
use crate::policy::Pack;

/// What every change of a pack has in common, and the colours of its rules as masks.
#[derive(Clone, Debug)]
pub struct Palette {
    red: Rules,
    heads: Vec<Arc<RuleHead>>,
    policy: Arc<str>,
    policy_version: Arc<str>,
    /// Since when the pack is in force; none: for all time.
    since: Option<Instant>,
}

impl Palette {
    /// The palette of a pack that is in force since an instant, or for all time.
    pub fn new(pack: &Pack, since: Option<Instant>) -> Palette {
        let red = (0..).zip(&pack.rules).filter(|(_, rule)| rule.head.colour == Colour::Red);
        Palette {
            red: red.fold(0, |mask, (at, _): (u32, _)| mask | 1 << at),
            heads: pack.rules.iter().map(|rule| Arc::clone(&rule.head)).collect(),
            policy: Arc::clone(&pack.id),
            policy_version: Arc::clone(&pack.version),
            since,
        }
    }

    /// Since when the pack is in force; none: for all time. No state under it is older.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The colour of a set of rules: the most severe of its reasons, green without any.
    pub fn colour(&self, rules: Rules) -> Colour {
        match rules {
            0 => Colour::Green,
            rules if rules & self.red != 0 => Colour::Red,
            _ => Colour::Yellow,
        }
    }

    /// The reasons active at an instant: most severe first, then by rule id (rules are numbered by id).
    pub fn reasons(&self, timeline: &Timeline, clock: Instant) -> Vec<Reason> {
        let rules = bits(timeline.rules_at(clock));
        let active = rules.filter_map(|rule| timeline.interval_at(rule, clock));
        let mut reasons: Vec<Reason> = active
            .filter_map(|interval| {
                let rule = Arc::clone(self.heads.get(usize::from(interval.rule))?);
                Some(Reason { rule, since: interval.since, until: interval.until, due: interval.due })
            })
            .collect();
        // They come by rule, and stay so among those of one colour.
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rule.colour));
        reasons
    }
}

/// The rules of a set, in order.
fn bits(rules: Rules) -> impl Iterator<Item = u16> {
    (0..).take_while(move |bit| rules >> bit != 0 && *bit < Rules::BITS as u16).filter(move |bit| rules >> bit & 1 == 1)
}

/// A timeline under the colours of a pack, to be followed from clock to clock: each costs log k steps (I-10).
pub struct Course<'a> {
    palette: &'a Palette,
    timeline: &'a Timeline,
    /// Made when the first change is.
    stretches: OnceCell<Stretches>,
}

impl<'a> Course<'a> {
    /// The course of a timeline.
    pub fn new(palette: &'a Palette, timeline: &'a Timeline) -> Course<'a> {
        Course { palette, timeline, stretches: OnceCell::new() }
    }

    /// The timeline.
    pub fn timeline(&self) -> &Timeline {
        self.timeline
    }

    /// The state at `clock`, with what surrounds it.
    pub fn sample(&self, clock: Instant) -> Sample {
        let (palette, timeline) = (self.palette, self.timeline);
        let stretches = self.stretches.get_or_init(|| timeline.stretches(|rules| palette.colour(rules)));
        stretches.sample(timeline, clock).in_force_since(palette.since)
    }

    /// The change from the colour last announced to the state at `clock`.
    pub fn change(&self, person: Person, from: Colour, clock: Instant) -> CodeChange {
        let (palette, timeline) = (self.palette, self.timeline);
        let sample = self.sample(clock);
        let to = palette.colour(sample.rules);
        let ended = sample.segment_start.map_or(0, |start| timeline.ending_at(start));
        CodeChange {
            person,
            from,
            to,
            effective_at: sample.segment_start.unwrap_or(clock),
            colour_since: sample.colour_start.unwrap_or(clock),
            decided_at: clock,
            reasons: palette.reasons(timeline, clock),
            ended: bits(ended).filter_map(|rule| palette.heads.get(usize::from(rule))).map(Arc::clone).collect(),
            next_change_at: sample.next_colour,
            policy: Arc::clone(&palette.policy),
            policy_version: Arc::clone(&palette.policy_version),
        }
    }
}
