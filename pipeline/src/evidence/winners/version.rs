//! Which record of a fact wins (docs/feeds.md section 1, `revision`).
//!
//! Owns the order of versions. Must never look at contents or at arrival: what ties here is for the caller to order
//! by contents, in a way that does not depend on arrival (I-2).

use fuma_schemas::Instant;

/// The version of a record of a fact; of several records of one fact the greatest wins.
///
/// "The highest wins. At equal revision a retraction beats an assertion, then the later known_at wins" (docs/feeds.md
/// section 1): the derived order, field by field, is this contract, so the order of the fields must stay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version {
    /// The revision, 1 and up.
    pub revision: u32,
    /// Whether the record withdraws the fact.
    pub retracted: bool,
    /// When the record became known.
    pub known_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(revision: u32, retracted: bool, known_at: i64) -> Version {
        Version { revision, retracted, known_at: Instant(known_at) }
    }

    #[test]
    fn the_highest_revision_wins_whatever_else() {
        assert!(version(2, false, 1) > version(1, true, 9));
        assert!(version(i32::MAX as u32, false, 0) > version(9, true, 9));
    }

    #[test]
    fn at_equal_revision_a_retraction_wins_also_when_known_earlier() {
        assert!(version(1, true, 1) > version(1, false, 9));
    }

    #[test]
    fn then_the_later_known_at_wins() {
        assert!(version(1, false, 2) > version(1, false, 1));
        assert!(version(1, true, 2) > version(1, true, 1));
        assert_eq!(version(1, true, 2), version(1, true, 2));
    }
}
