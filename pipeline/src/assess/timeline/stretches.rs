//! Colour stretches: segments one after another under one colour.
//!
//! Two passes over the segments; a sample is then a look-up, so that a timeline can be followed from boundary to
//! boundary (I-10).
//!
//! Owns which beginning a state has. Must never know which rule has which colour.

use fuma_schemas::{Colour, Instant};

use super::{Rules, Sample, Timeline, steps};

/// How long ago a green segment may have begun and still have a beginning.
pub(super) const GREEN_BEGINNING_MS: i64 = 30 * fuma_schemas::instant::DAY_MS;

/// What surrounds a segment.
#[derive(Clone, Copy, Debug)]
struct Surroundings {
    colour: Colour,
    /// The start of the colour stretch; none for the green before all reasons.
    begins: Option<Instant>,
    /// The start of the next stretch.
    next: Option<Instant>,
}

/// The colour stretches of one timeline under one pack.
#[derive(Clone, Debug)]
pub struct Stretches {
    /// By segment; the first stands for the time before all segments.
    surroundings: Vec<Surroundings>,
}

impl Timeline {
    /// The colour stretches; `colour` gives the colour of a set of rules.
    pub fn stretches(&self, colour: impl Fn(Rules) -> Colour) -> Stretches {
        let mut last = Surroundings { colour: colour(0), begins: None, next: None };
        let mut surroundings = Vec::with_capacity(self.segments.len() + 1);
        surroundings.push(last);
        for segment in &self.segments {
            steps::count(1);
            let own = colour(segment.rules);
            if own != last.colour {
                last = Surroundings { colour: own, begins: Some(segment.start), next: None };
            }
            surroundings.push(last);
        }
        let mut after: Option<Surroundings> = None;
        for own in surroundings.iter_mut().rev() {
            steps::count(1);
            own.next = after.and_then(|after| if after.colour == own.colour { after.next } else { after.begins });
            after = Some(*own);
        }
        Stretches { surroundings }
    }
}

impl Stretches {
    /// The state at an instant of the timeline that these are the stretches of.
    pub fn sample(&self, timeline: &Timeline, at: Instant) -> Sample {
        let passed = timeline.passed(at);
        let segment = passed.checked_sub(1).and_then(|before| timeline.segments.get(before));
        let around = self.surroundings.get(passed);
        let is_green = around.is_none_or(|around| around.colour == Colour::Green);
        let recent = |start: &Instant| !is_green || at.0 - start.0 <= GREEN_BEGINNING_MS;
        Sample {
            rules: segment.map_or(0, |segment| segment.rules),
            segment_start: segment.map(|segment| segment.start).filter(recent),
            colour_start: around.and_then(|around| around.begins).filter(recent),
            next_colour: around.and_then(|around| around.next),
        }
    }
}
