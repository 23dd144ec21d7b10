//! Regions that change tier: medium, then high, then lifted; one sealed; one in Chongqing; two mistakes and their
//! corrections.
//!
//! Owns the tiers of the district. A change of tier ends the old record and begins a new one; a mistake is corrected
//! by a revision, or taken back by a retraction.

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{Feed, Instant};

use super::Settings;
use super::places::{CHONGQING_AREA, CORRECTED_AREA, RISING_AREA, SEVERE_AREA, WRONG_STREET};
use super::plan::Plan;
use super::record::Head;

/// A designation: a region, its tiers one after the other, and when it is lifted, in parts of the days.
struct Designation {
    name: &'static str,
    region: &'static str,
    authority: &'static str,
    steps: &'static [(&'static str, f64)],
    lifted: f64,
}

const DESIGNATIONS: [Designation; 3] = [
    Designation {
        name: "rising",
        region: RISING_AREA,
        authority: "zhejiang headquarters",
        steps: &[("medium", 0.2), ("high", 0.34)],
        lifted: 0.84,
    },
    Designation {
        name: "sealed",
        region: SEVERE_AREA,
        authority: "zhejiang headquarters",
        steps: &[("severe", 0.44)],
        lifted: 0.7,
    },
    Designation {
        name: "chongqing",
        region: CHONGQING_AREA,
        authority: "chongqing headquarters",
        steps: &[("high", 0.25)],
        lifted: 0.75,
    },
];

/// One record of a tier.
struct Tier<'a> {
    id: String,
    region: &'a str,
    tier: &'a str,
    authority: &'a str,
    since: Instant,
}

/// Adds all designations.
pub(super) fn add(plan: &mut Plan, settings: &Settings) {
    let at = |part: f64, hour: i64| {
        Instant(settings.start.0 + (f64::from(settings.days) * part) as i64 * DAY_MS + hour * HOUR_MS)
    };
    for designation in &DESIGNATIONS {
        let mut previous: Option<Tier<'_>> = None;
        let lifted = [("low", designation.lifted)];
        for (step, (tier, part)) in designation.steps.iter().chain(&lifted).enumerate() {
            let since = at(*part, 18);
            if let Some(old) = previous {
                old.add(plan, 2, Some(since), since);
            }
            let id = format!("tier-{}-{}", designation.name, step + 1);
            let tier = Tier { id, region: designation.region, tier, authority: designation.authority, since };
            tier.add(plan, 1, None, since);
            previous = Some(tier);
        }
    }
    corrected(plan, at(0.3, 18), at(0.8, 18));
    wrong(plan, at(0.5, 9));
}

impl Tier<'_> {
    /// Adds the record, known an hour after the decision.
    fn add(&self, plan: &mut Plan, revision: u32, until: Option<Instant>, decided_at: Instant) {
        let known_at = Instant(decided_at.0 + HOUR_MS);
        let head = Head { owner: "nhc", id: self.id.as_bytes(), revision, retracted: false, person: None, known_at };
        plan.record(Feed::Regions, &head, |fields| {
            fields
                .text("region", self.region)
                .text("tier", self.tier)
                .instant("since", self.since)
                .maybe("until", until);
            fields.text("authority", self.authority);
        });
    }
}

/// The area is entered as high and corrected to medium three hours later: a revision holds for all time.
fn corrected(plan: &mut Plan, since: Instant, until: Instant) {
    let authority = "zhejiang headquarters";
    let wrong = Tier { id: "tier-entered-high".into(), region: CORRECTED_AREA, tier: "high", authority, since };
    wrong.add(plan, 1, None, since);
    let right = Tier { tier: "medium", ..wrong };
    right.add(plan, 2, None, Instant(since.0 + 3 * HOUR_MS));
    right.add(plan, 3, Some(until), until);
}

/// A whole street is named by mistake and taken back two hours later.
fn wrong(plan: &mut Plan, since: Instant) {
    let tier = Tier {
        id: "tier-mistake".into(),
        region: WRONG_STREET,
        tier: "medium",
        authority: "zhejiang headquarters",
        since,
    };
    tier.add(plan, 1, None, since);
    let known_at = Instant(since.0 + 3 * HOUR_MS);
    let head = Head { owner: "nhc", id: tier.id.as_bytes(), revision: 2, retracted: true, person: None, known_at };
    plan.record(Feed::Regions, &head, |_| {});
}
