//! What a proposal must be for the schedule that it is to follow.
//!
//! Owns the refusals: the fold asks them of a record, and `fuma policy publish` before it writes one, so that both say
//! the same. Pure.

use std::cmp::Ordering;

use fuma_schemas::Instant;

use super::officials::is_digest;
use super::proposal::Switch;
use super::records::{PackName, Seen, What};
use super::void::Void;

/// The longest text of a reason or a name.
const TEXT_BYTES_MAX: usize = 500;

/// Whether the texts and instants of a proposal can be.
pub(super) fn malformed(what: &What, valid_from: i64) -> Option<Void> {
    let wrong = |text: &str| Some(Void::Malformed(text.to_owned()));
    if !Instant(valid_from).in_calendar() {
        return wrong("its instant is not in the calendar");
    }
    match what {
        What::Officials { list, .. } => list.problem().map(Void::Officials),
        What::Pack { pack, .. } if !is_digest(&pack.digest) => wrong("a digest has 64 hex digits"),
        What::Pack { pack, .. } if !is_text(&pack.id) || !is_text(&pack.version) => {
            wrong("a pack has an id and a version of one line each")
        }
        What::Pack { rollback: Some(reason), .. } if !is_text(reason) => wrong("the reason is one line"),
        What::Pack { at_once: true, not_after: true, .. } => wrong("at once has no instant to keep"),
        What::Pack { .. } => None,
    }
}

/// Whether a text is one line that says something.
pub fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

/// Why a pack may not follow a schedule, if it may not.
pub(super) fn refusal(
    schedule: &[Switch],
    follows: &Switch,
    seen: &Seen,
    pack: &PackName,
    rollback: Option<&str>,
) -> Option<Void> {
    if seen.number != follows.number || seen.pack != follows.pack.digest {
        return Some(Void::Superseded);
    }
    if pack.digest == follows.pack.digest {
        return Some(Void::InForce);
    }
    let earlier = schedule.iter().find(|switch| switch.pack.digest == pack.digest);
    match (earlier, rollback) {
        (None, Some(_)) => Some(Void::NeverInForce),
        (Some(_), None) => Some(Void::IsRollback),
        (Some(earlier), Some(_)) => (earlier.pack != *pack).then(|| contents(&earlier.pack)),
        (None, None) => {
            let of_id = || schedule.iter().map(|switch| &switch.pack).filter(|other| other.id == pack.id);
            if let Some(other) = of_id().find(|other| versions(&other.version, &pack.version) == Ordering::Equal) {
                return Some(contents(other));
            }
            let highest = of_id().max_by(|one, other| versions(&one.version, &other.version))?;
            (versions(&pack.version, &highest.version) == Ordering::Less)
                .then(|| Void::Version { id: pack.id.clone(), highest: highest.version.clone() })
        }
    }
}

fn contents(other: &PackName) -> Void {
    let digest = other.digest.chars().take(16).collect();
    Void::Contents { id: other.id.clone(), version: other.version.clone(), digest }
}

/// Versions in order: parts between dots, by number where both are numbers, else as text.
pub(super) fn versions(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        let order = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => match (one.parse::<u64>(), other.parse::<u64>()) {
                (Ok(one), Ok(other)) => one.cmp(&other),
                _ => one.cmp(other),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
