//! What is past its retention is forgotten, partition by partition, some times a day.
//!
//! It changes no colour, so it needs no commit: a successor that still has the facts judges alike. Owns when; what may
//! go is `assess::forgetting`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_schemas::Instant;

use super::owned::Owned;
use crate::evidence::ForgottenLink;

/// How often a partition is looked through.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// When each partition was last looked through.
#[derive(Debug, Default)]
pub(super) struct Forgetter {
    last: BTreeMap<u32, Duration>,
}

impl Forgetter {
    /// Looks through one partition whose turn it is and in which nothing is under way. Gives the cases and contacts that
    /// went, for trace to be told.
    pub(super) fn turn(
        &mut self,
        owned: &mut BTreeMap<u32, Owned>,
        (now, elapsed): (Instant, Duration),
    ) -> Vec<ForgottenLink> {
        self.last.retain(|partition, _| owned.contains_key(partition));
        for owned in owned.values_mut() {
            let last = *self.last.entry(owned.id).or_insert(elapsed);
            if elapsed.saturating_sub(last) < EVERY || !owned.is_quiet() {
                continue;
            }
            self.last.insert(owned.id, elapsed);
            let forgotten = owned.partition.forget(now);
            tracing::info!(
                partition = owned.id,
                facts = forgotten.facts,
                kept = forgotten.facts_kept,
                "forgot what is past its retention"
            );
            return forgotten.links;
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::assess::Partition;
    use crate::live::worker::position::Standing;
    use crate::policy::{PackSource, load};

    #[test]
    fn a_partition_is_looked_through_when_its_time_has_come() {
        let pack = load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap();
        let partition = Partition::new(pack).unwrap();
        let mut owned = BTreeMap::from([(3, Owned::new(3, partition, 0, Standing::default()))]);
        let mut forgetter = Forgetter::default();
        let mut at = |forgetter: &mut Forgetter, elapsed: Duration| {
            forgetter.turn(&mut owned, (Instant(1_650_000_000_000), elapsed));
            forgetter.last[&3]
        };
        assert_eq!(at(&mut forgetter, Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(at(&mut forgetter, EVERY), Duration::from_secs(5), "not yet");
        assert_eq!(at(&mut forgetter, EVERY * 2), EVERY * 2);
    }
}
