//! Which packs are to come, what they still need, and how far the switch under way has come in each partition.
//!
//! Owns the words for `fuma status`. Pure: what was decided and where the partitions stand are arguments.

use fuma_schemas::Instant;
use serde::Serialize;

use super::entry::PolicyName;
use crate::live::decisions::Fold;
use crate::live::decisions::basis::{PackName, State, Switch, What};
use crate::live::worker::position::{Standing, SweepStanding};

/// A pack that is to come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Coming {
    /// Its number; null: it is not signed by enough.
    pub number: Option<u64>,
    /// The proposal.
    pub id: String,
    /// The pack.
    pub policy: PolicyName,
    /// From when on; of one that is not signed by enough, as it was proposed.
    pub at: String,
    /// As soon as each partition reads that it is signed by enough.
    pub at_once: bool,
    /// Whether nothing changes it any more: it is less than five minutes away.
    pub settled: bool,
    /// How many authors have to sign still.
    pub authors_missing: usize,
    /// How many approvers have to sign still.
    pub approvers_missing: usize,
}

/// The switch under way: its instant has come, and not every partition has finished it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnderWay {
    /// Its number.
    pub number: u64,
    /// The pack.
    pub policy: PolicyName,
    /// Since when.
    pub at: String,
    /// By number.
    pub partitions: Vec<Progress>,
}

/// How far a partition is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Progress {
    /// Its number.
    pub partition: u32,
    /// waiting (the old pack judges), sweeping, judged (it is to be written down), done.
    pub state: &'static str,
    /// How much of the people, in the order of tokens, is judged by the new pack.
    pub percent: u8,
}

/// The packs that are to come: what is scheduled in its order, then what waits for signatures.
pub fn coming(fold: &Fold, now: Instant) -> Vec<Coming> {
    let basis = fold.basis();
    let scheduled = basis.schedule().iter().filter(|switch| switch.instant_ms > now.0).map(|switch| Coming {
        number: Some(switch.number),
        id: switch.proposal.clone().unwrap_or_default(),
        policy: name(&switch.pack),
        at: Instant(switch.instant_ms).to_string(),
        at_once: switch.at_once,
        settled: basis.is_settled(switch),
        authors_missing: 0,
        approvers_missing: 0,
    });
    let waiting = basis.proposals().filter(|proposal| proposal.state == State::Open).filter_map(|proposal| {
        let What::Pack { pack, at_once, .. } = &proposal.proposed.what else { return None };
        let missing = basis.officials().map_or((0, 0), |officials| officials.missing(&proposal.signed()));
        Some(Coming {
            number: None,
            id: proposal.proposed.id.clone(),
            policy: name(pack),
            at: Instant(proposal.proposed.valid_from).to_string(),
            at_once: *at_once,
            settled: false,
            authors_missing: missing.0,
            approvers_missing: missing.1,
        })
    });
    scheduled.chain(waiting).collect()
}

/// The switch under way, if one is.
pub fn under_way(fold: &Fold, standings: &[Option<Standing>], now: Instant) -> Option<UnderWay> {
    let due = |switch: &&Switch| switch.instant_ms <= now.0 && switch.proposal.is_some();
    let switch = fold.schedule().iter().rev().find(due)?;
    let progress = (0_u32..).zip(standings).map(|(partition, standing)| {
        let is_written = fold.switched(switch.number).any(|switched| switched.partition == partition);
        let (state, percent) = match standing {
            _ if is_written => ("done", 100),
            None => ("waiting", 0),
            Some(standing) if standing.pack_order < switch.number => ("waiting", 0),
            Some(standing) => match (&standing.switch, standing.sweep) {
                // Nothing of it is under way: it was finished, or this partition began with the pack.
                (None, SweepStanding::None) => ("done", 100),
                (Some(_), SweepStanding::None) => ("judged", 100),
                (_, SweepStanding::Begun) => ("sweeping", 0),
                (_, SweepStanding::After(person)) => ("sweeping", (u32::from(person.0[0]) * 100 / 256) as u8),
            },
        };
        Progress { partition, state, percent }
    });
    let partitions: Vec<Progress> = progress.collect();
    partitions.iter().any(|progress| progress.state != "done").then(|| UnderWay {
        number: switch.number,
        policy: name(&switch.pack),
        at: Instant(switch.instant_ms).to_string(),
        partitions,
    })
}

fn name(pack: &PackName) -> PolicyName {
    let digest = pack.digest.chars().take(16).collect();
    PolicyName { id: pack.id.clone(), version: pack.version.clone(), digest }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::live::worker::switch;

    fn standing(pack_order: u64, sweep: SweepStanding, is_under_way: bool) -> Option<Standing> {
        let switch = is_under_way.then_some(switch::UnderWay { number: pack_order, output: 0 });
        Some(Standing { pack_order, sweep, switch, ..Standing::default() })
    }

    #[test]
    fn each_partition_says_how_far_it_is() {
        use crate::live::decisions::basis::SWITCH_NOTICE_MS;

        let (fold, at) = crate::live::decisions::basis::signed_switch(None);
        let standings = [
            standing(1, SweepStanding::None, false),
            standing(2, SweepStanding::Begun, true),
            standing(2, SweepStanding::After(fuma_schemas::Person([128; 16])), true),
            standing(2, SweepStanding::None, true),
            standing(2, SweepStanding::None, false),
            None,
        ];
        let before = Instant(at.0 - 1);
        assert_eq!(under_way(&fold, &standings, before), None);
        let next = coming(&fold, before);
        assert_eq!((next[0].number, next[0].at.as_str(), next.len()), (Some(2), at.to_string().as_str(), 1));
        assert!(!next[0].settled && at.0 > SWITCH_NOTICE_MS);
        let found = under_way(&fold, &standings, at).unwrap();
        let states: Vec<_> = found.partitions.iter().map(|it| (it.state, it.percent)).collect();
        let expected =
            [("waiting", 0), ("sweeping", 0), ("sweeping", 50), ("judged", 100), ("done", 100), ("waiting", 0)];
        assert_eq!((found.number, states.as_slice()), (2, &expected[..]));
        assert_eq!(under_way(&fold, &standings[4..5], at), None, "all have finished");
        assert_eq!(coming(&fold, at), []);
    }
}
