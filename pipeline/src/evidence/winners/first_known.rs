//! When a fact became known whose revisions may say something else: contacts, and whose a phone is.
//!
//! "Of a contact only those assertions that have the winner's degree and a last_exposure_at within 24 h of the
//! winner's" (docs/feeds.md section 1): so one that is raised to close on day 60 became known on day 60. Any assertion
//! may
//! win yet, so of each that differs in what is compared the least known_at is kept, beside the table and only where
//! there is more than one.
//!
//! Owns what is kept of losers, and its bound: of [`ASSERTIONS_MAX`] and more those that became known first. The
//! least are the same in any order of arrival (I-2). Must never look at a retraction.

/// What is kept of one fact at most (I-10). A contact is put right a few times, not fifty.
pub(in crate::evidence) const ASSERTIONS_MAX: usize = 48;
/// Bytes of one in a snapshot.
const BYTES: usize = 16 + 1 + 8 + 8;
const DAY_MS: i64 = 24 * 3_600_000;

/// What an assertion says as far as it matters to when the fact became known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::evidence) struct Claim {
    /// The key of the phone's token; 0 of a contact.
    pub(in crate::evidence) ground: u128,
    /// The degree or the holder.
    pub(in crate::evidence) code: u8,
    /// The last exposure; 0 of a binding.
    pub(in crate::evidence) at: i64,
}

impl Claim {
    fn is_as(&self, winner: &Claim) -> bool {
        let same = (self.ground, self.code) == (winner.ground, winner.code);
        same && self.at.abs_diff(winner.at) <= DAY_MS as u64
    }
}

/// An assertion: when it became known, and what it says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::evidence) struct Assertion {
    pub(in crate::evidence) known_at: i64,
    pub(in crate::evidence) claim: Claim,
}

/// The assertions of one fact, each claim once, the first known first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(in crate::evidence) struct Assertions(Vec<Assertion>);

impl Assertions {
    /// Takes in an assertion.
    pub(in crate::evidence) fn add(&mut self, new: Assertion) {
        if let Some(at) = self.0.iter().position(|other| other.claim == new.claim) {
            if self.0[at].known_at <= new.known_at {
                return;
            }
            self.0.remove(at);
        }
        let at = self.0.partition_point(|other| *other < new);
        if at < ASSERTIONS_MAX {
            self.0.insert(at, new);
            self.0.truncate(ASSERTIONS_MAX);
        }
    }

    /// When the fact became known as the winner says it; the winner is one of the assertions, kept or not.
    pub(in crate::evidence) fn first(&self, winner: &Assertion) -> i64 {
        let same = self.0.iter().find(|other| other.claim.is_as(&winner.claim));
        same.map_or(winner.known_at, |first| first.known_at.min(winner.known_at))
    }

    /// Whether they say nothing that the winner alone does not say.
    pub(in crate::evidence) fn are_only(&self, winner: &Assertion) -> bool {
        self.0.iter().all(|other| other == winner)
    }

    pub(in crate::evidence) fn len(&self) -> usize {
        self.0.len()
    }

    /// As bytes, for a snapshot.
    pub(in crate::evidence) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * BYTES);
        for Assertion { known_at, claim } in &self.0 {
            bytes.extend_from_slice(&claim.ground.to_le_bytes());
            bytes.push(claim.code);
            bytes.extend_from_slice(&claim.at.to_le_bytes());
            bytes.extend_from_slice(&known_at.to_le_bytes());
        }
        bytes
    }

    /// From the bytes of a snapshot; none if they are damaged.
    pub(in crate::evidence) fn of_bytes(bytes: &[u8]) -> Option<Assertions> {
        let mut assertions = Assertions::default();
        let pieces = bytes.chunks_exact(BYTES);
        if !pieces.remainder().is_empty() {
            return None;
        }
        for piece in pieces {
            let (ground, rest) = piece.split_first_chunk::<16>()?;
            let (code, rest) = rest.split_first()?;
            let (at, rest) = rest.split_first_chunk::<8>()?;
            let claim = Claim { ground: u128::from_le_bytes(*ground), code: *code, at: i64::from_le_bytes(*at) };
            assertions.add(Assertion { known_at: i64::from_le_bytes(*rest.first_chunk()?), claim });
        }
        Some(assertions)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    fn assertion(code: u8, at: i64, known_at: i64) -> Assertion {
        Assertion { known_at, claim: Claim { ground: 0, code, at } }
    }

    #[test]
    fn only_what_says_the_same_within_a_day_counts() {
        let mut all = Assertions::default();
        for (code, at, known_at) in [(1, 0, 1), (0, 0, 5), (0, 24 * HOUR, 7), (0, 25 * HOUR, 9)] {
            all.add(assertion(code, at, known_at));
        }
        assert_eq!(all.first(&assertion(0, 24 * HOUR, 30)), 5);
        assert_eq!(all.first(&assertion(0, 24 * HOUR + 1, 30)), 7);
        assert_eq!(all.first(&assertion(0, 90 * HOUR, 30)), 30);
        assert_eq!(all.first(&assertion(1, 0, 30)), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn what_is_kept_is_bounded_and_the_same_in_any_order(
            (given, shuffled) in prop::collection::vec((0..3_u8, 0..60_i64, 0..200_i64), 1..150)
                .prop_flat_map(|given| (Just(given.clone()), Just(given).prop_shuffle())),
        ) {
            let of = |given: &[(u8, i64, i64)]| {
                let mut all = Assertions::default();
                given.iter().for_each(|&(code, at, known_at)| all.add(assertion(code, at * HOUR, known_at)));
                all
            };
            let all = of(&given);
            prop_assert_eq!(&all, &of(&shuffled));
            prop_assert!(all.len() <= ASSERTIONS_MAX);
            prop_assert_eq!(Assertions::of_bytes(&all.to_bytes()).unwrap(), all);
        }
    }
}
