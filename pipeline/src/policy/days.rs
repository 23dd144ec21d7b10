//! The days that the engine takes from a pack (`engine` of policy.toml), and what follows from them outside the rules:
//! for explaining a colour and for counting what officials watch.
//!
//! Owns these sentences, each once. Where a pack declares none they say nothing. Must never decide a colour: the rules
//! do.

use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;

use super::Pack;

/// A contact that became known when its window was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Late {
    /// The end of the window.
    pub window_end: Instant,
    /// When the contact was determined, or became known, if later.
    pub known_at: Instant,
}

impl Pack {
    /// Whether a contact became known too late to give a colour.
    pub fn late(&self, last_exposure_at: Instant, determined_at: Instant, first_known_at: Instant) -> Option<Late> {
        let window_end = last_exposure_at.day_end(self.contact_days()?)?;
        let known_at = determined_at.max(first_known_at);
        (window_end <= known_at).then_some(Late { window_end, known_at })
    }

    /// From when a stay must have lasted to meet a tier that was designated then; with the days of the look-back.
    pub fn look_back(&self, designated_at: Instant) -> Option<(i64, Instant)> {
        let days = self.tier_look_back_days()?;
        Some((days, Instant(designated_at.day().0.saturating_sub(days.saturating_mul(DAY_MS)))))
    }
}

/// When a person left a stay: a check-in without an end lasts to the end of its day.
pub fn left_at(arrived_at: Option<Instant>, left_at: Option<Instant>, source: Option<&str>) -> Option<Instant> {
    let end_of_day = || arrived_at.filter(|_| source == Some("checkin")).and_then(|arrived_at| arrived_at.day_end(0));
    left_at.or_else(end_of_day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::{self, PackSource};

    fn at(text: &str) -> Instant {
        Instant::parse(&format!("{text}+08:00")).unwrap()
    }

    #[test]
    fn a_contact_is_late_from_the_end_of_its_window_on() {
        let pack = policy::load(&PackSource::find("zhejiang-2020-109").unwrap()).unwrap();
        let (exposed, end) = (at("2021-11-01T20:00:00"), at("2021-11-16T00:00:00"));
        assert_eq!(pack.late(exposed, exposed, Instant(end.0 - 1)), None);
        let late = Late { window_end: end, known_at: end };
        assert_eq!((pack.late(exposed, exposed, end), pack.late(exposed, end, exposed)), (Some(late), Some(late)));
        assert_eq!(pack.look_back(at("2021-11-15T10:00:00")), Some((14, at("2021-11-01T00:00:00"))));
    }

    #[test]
    fn a_check_in_lasts_to_the_end_of_its_day() {
        let (arrived, left) = (at("2021-11-01T20:00:00"), at("2021-11-03T00:00:00"));
        assert_eq!(left_at(Some(arrived), None, Some("checkin")), Some(at("2021-11-02T00:00:00")));
        assert_eq!(left_at(Some(arrived), None, Some("telecom")), None);
        assert_eq!(left_at(Some(arrived), Some(left), Some("checkin")), Some(left));
    }
}
