//! Why a fact gives no reason, or no longer.
//!
//! What is certain comes first (withdrawn, retracted, over); then hints from the pack's parameters and from the values
//! that its SQL names; then only that the rules give none. Owns these grounds.

use fuma_schemas::{Instant, Kind};

use super::account::ReasonLine;
use super::evidence::{EvidenceLine, Name};
use super::fallen::{Fallen, is_excluded};
use super::stays::{self, StayMiss};
use crate::evidence::{RuleTables, Version};
use crate::policy::Pack;
use crate::policy::days::Late;

/// Evidence that does not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uncounted<'a> {
    /// The name of the record.
    pub name: Option<Name<'a>>,
    /// The revision of the record.
    pub version: Version,
    /// The fact, when the record is the one that won.
    pub evidence: Option<EvidenceLine<'a>>,
    /// Why.
    pub why: Vec<Why<'a>>,
}

/// Why evidence does not count. Rules are places in the pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why<'a> {
    /// The fact does not hold and never did.
    Retracted,
    /// Another record of the fact won.
    Superseded {
        /// The version that won.
        by: Version,
    },
    /// The contact does not count: what it hangs on fell.
    Withdrawn(Vec<Fallen<'a>>),
    /// Its reason is over.
    Ended {
        /// The rule.
        rule: u16,
        /// When it ended.
        until: Instant,
    },
    /// It bears on reasons that are over, and on no other.
    Bygone(Vec<u16>),
    /// The window of days after the last exposure was over when the contact became known.
    Late {
        /// The end of the window.
        window_end: Instant,
        /// When the contact was determined, or became known, if later.
        known_at: Instant,
    },
    /// An excluded case is none.
    Excluded,
    /// No rule of the pack reads evidence of this kind.
    KindUnread,
    /// No rule of the pack names this value of the column.
    ValueUnnamed {
        /// The column.
        column: &'static str,
        /// Its value.
        value: &'a str,
    },
    /// No region of the stay's code, around it or inside has or had a tier.
    NoTier,
    /// The tiers that the stay meets, and why each gives no reason.
    Stay(Vec<StayMiss<'a>>),
    /// Sampled before what it would have to follow: an onset, or leaving.
    SampledBefore {
        /// The evidence of the reason.
        of: Option<Name<'a>>,
        /// The onset or the leaving.
        at: Instant,
    },
    /// The person is still where the reason comes from.
    StillThere {
        /// The stay.
        of: Option<Name<'a>>,
    },
    /// Reported when the reason was over.
    ReportedAfter {
        /// The rule of the reason.
        rule: u16,
        /// When it ended.
        until: Instant,
    },
    /// Evidence of this kind ends reasons but gives none, and ends none here.
    EndsNone,
    /// It gives no reason, though these rules start from its kind.
    NoReason(Vec<u16>),
}

/// Why a standing fact changes nothing.
pub(super) fn why<'a>(pack: &Pack, line: &EvidenceLine<'a>, reasons: &[ReasonLine<'a>]) -> Vec<Why<'a>> {
    let kind = line.fact.kind;
    if !pack.needs(RuleTables::ALL).meets(RuleTables::of_kind(kind)) {
        return vec![Why::KindUnread];
    }
    if let Some(late) = late(pack, line) {
        return vec![late];
    }
    if kind == Kind::Cases && is_excluded(&line.fact) {
        return vec![Why::Excluded];
    }
    let unnamed: Vec<Why<'a>> = kind
        .columns()
        .iter()
        .filter(|column| column.decides)
        .map(|column| column.name)
        .filter_map(|column| Some((column, line.text(column)?)))
        .filter(|(_, value)| !names_value(pack, value))
        .map(|(column, value)| Why::ValueUnnamed { column, value })
        .collect();
    if !unnamed.is_empty() {
        return unnamed;
    }
    let hints = match kind {
        Kind::Stays if line.tiers.is_empty() => vec![Why::NoTier],
        Kind::Stays => vec![Why::Stay(stays::misses(pack, line))],
        Kind::Tests => test(line, reasons),
        _ => Vec::new(),
    };
    if hints.is_empty() { vec![no_reason(pack, kind)] } else { hints }
}

/// Whether the window after a contact's last exposure was over when it became known.
pub(super) fn late<'a>(pack: &Pack, line: &EvidenceLine<'a>) -> Option<Why<'a>> {
    let exposed_at = line.instant("last_exposure_at").filter(|_| line.fact.kind == Kind::Contacts)?;
    let Late { window_end, known_at } =
        pack.late(exposed_at, line.instant("determined_at")?, line.fact.first_known_at)?;
    Some(Why::Late { window_end, known_at })
}

/// Why a test that the pack's rules would take ends none of the reasons.
fn test<'a>(line: &EvidenceLine<'a>, reasons: &[ReasonLine<'a>]) -> Vec<Why<'a>> {
    let (Some(sampled_at), Some(reported_at)) = (line.instant("sampled_at"), line.instant("reported_at")) else {
        return Vec::new();
    };
    let mut hints = Vec::new();
    for reason in reasons {
        for cause in &reason.causes {
            let follows = match cause.fact.kind {
                Kind::Stays => stays::left_at(cause),
                Kind::Symptoms => cause.instant("onset_at"),
                _ => continue,
            };
            hints.extend(match (follows, reason.interval.until) {
                (None, _) => Some(Why::StillThere { of: cause.name }),
                (Some(at), _) if sampled_at < at => Some(Why::SampledBefore { of: cause.name, at }),
                (_, Some(until)) if reported_at >= until => {
                    Some(Why::ReportedAfter { rule: reason.interval.rule, until })
                }
                _ => None,
            });
        }
    }
    hints
}

fn no_reason<'a>(pack: &Pack, kind: Kind) -> Why<'a> {
    let tables = RuleTables::of_kind(kind);
    let starts = (0_u16..).zip(&pack.rules).filter(|(_, rule)| rule.planned.drivers.meets(tables));
    let rules: Vec<u16> = starts.map(|(at, _)| at).collect();
    if rules.is_empty() { Why::EndsNone } else { Why::NoReason(rules) }
}

/// Whether some rule or view of the pack names a value.
pub(super) fn names_value(pack: &Pack, value: &str) -> bool {
    let quoted = format!("'{value}'");
    pack.rules
        .iter()
        .map(|rule| &rule.sql)
        .chain(pack.views.iter().map(|view| &view.sql))
        .any(|sql| sql.contains(&quoted))
}
