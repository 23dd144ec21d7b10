//! What is past its retention is forgotten, partition by partition, some times a day (R-16): a page of people at a
//! time, and then the tables are compacted, a page of rows at a time, between commits (I-10).
//!
//! It changes no colour, so it needs no commit: a successor that still has the facts judges alike. Owns when, and the
//! pages; what may go is `assess::forgetting`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_schemas::Instant;

use super::owned::Owned;
use crate::evidence::{ForgottenLink, Tidy};

/// How often a partition is looked through.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// For how long a partition that is never quiet is waited for: then a page is done between two commits all the same, so
/// that steady load does not keep evidence beyond its retention.
const PATIENCE: Duration = Duration::from_secs(10);
/// People of a page.
const PAGE_PEOPLE: u32 = 4096;
/// Rows of a page of the compaction.
const PAGE_ROWS: usize = 65_536;

/// When each partition was last looked through, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Forgetter {
    last: BTreeMap<u32, Duration>,
    under_way: Option<UnderWay>,
}

/// One partition being looked through.
#[derive(Debug)]
struct UnderWay {
    partition: u32,
    /// What is past is past at this instant, for all pages.
    now: Instant,
    /// When the last page was done.
    last_page: Duration,
    next: u32,
    facts: u64,
    facts_kept: u64,
    tidy: Option<Tidy>,
}

impl Forgetter {
    /// Does one page's work in the partition whose turn it is, while nothing is under way in it, or after [`PATIENCE`]
    /// between two of its steps. Gives the cases and contacts that went, for trace to be told.
    pub(super) fn turn(
        &mut self,
        owned: &mut BTreeMap<u32, Owned>,
        (now, elapsed): (Instant, Duration),
    ) -> Vec<ForgottenLink> {
        self.last.retain(|partition, _| owned.contains_key(partition));
        let under_way = match self.under_way.take().filter(|under_way| owned.contains_key(&under_way.partition)) {
            Some(under_way) => Some(under_way),
            None => self.begin(owned, (now, elapsed)),
        };
        let Some(mut under_way) = under_way else { return Vec::new() };
        let waits = elapsed.saturating_sub(under_way.last_page) >= PATIENCE;
        let links = match owned.get_mut(&under_way.partition) {
            Some(owned) if owned.is_quiet() || waits && owned.is_between_steps() => {
                under_way.last_page = elapsed;
                page(owned, &mut under_way)
            }
            _ => Some(Vec::new()),
        };
        // Done: it is forgotten that it was under way.
        links.map_or_else(Vec::new, |links| {
            self.under_way = Some(under_way);
            links
        })
    }

    fn begin(&mut self, owned: &BTreeMap<u32, Owned>, (now, elapsed): (Instant, Duration)) -> Option<UnderWay> {
        for owned in owned.values() {
            let last = *self.last.entry(owned.id).or_insert(elapsed);
            let late = elapsed.saturating_sub(last).checked_sub(EVERY);
            if late.is_some_and(|late| owned.is_quiet() || late >= PATIENCE) {
                self.last.insert(owned.id, elapsed);
                let begun = UnderWay {
                    partition: owned.id,
                    now,
                    last_page: elapsed.saturating_sub(PATIENCE),
                    next: 0,
                    facts: 0,
                    facts_kept: 0,
                    tidy: None,
                };
                return Some(begun);
            }
        }
        None
    }
}

/// One page of forgetting, or of the compaction after it; none when there is no other.
fn page(owned: &mut Owned, under_way: &mut UnderWay) -> Option<Vec<ForgottenLink>> {
    crate::invariant::check(|| owned.is_between_steps(), "I-3", "what is forgotten is judged by what is committed");
    let partition = &mut owned.partition;
    if let Some(tidy) = &mut under_way.tidy {
        return (!partition.tidy(tidy, PAGE_ROWS)).then(Vec::new);
    }
    if under_way.next < partition.evidence().people() {
        let end = under_way.next.saturating_add(PAGE_PEOPLE);
        let forgotten = partition.forget_page(under_way.now, under_way.next..end);
        under_way.next = end;
        under_way.facts += forgotten.facts;
        under_way.facts_kept += forgotten.facts_kept;
        return Some(forgotten.links);
    }
    let (facts, kept) = (under_way.facts, under_way.facts_kept);
    tracing::info!(partition = owned.id, facts, kept, "forgot what is past its retention");
    if facts == 0 {
        return None;
    }
    under_way.tidy = Some(partition.begin_tidy());
    Some(Vec::new())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use fuma_schemas::Feed;

    use super::*;
    use crate::assess::Partition;
    use crate::intake::{Decoder, EvidenceBuilders, Key, Settings};
    use crate::live::worker::position::Standing;
    use crate::live::worker::switch::InForce;
    use crate::policy::{PackSource, load};

    const NOW: Instant = Instant(1_650_000_000_000);

    fn owned() -> BTreeMap<u32, Owned> {
        let pack = load(&PackSource::built_in("zhejiang-2020-109").unwrap()).unwrap();
        let partition = Partition::new(Arc::clone(&pack)).unwrap();
        let in_force = InForce { number: 1, hash: String::new(), pack, since: None, label: 1 };
        BTreeMap::from([(3, Owned::new(3, partition, 0, Standing::default(), in_force))])
    }

    #[test]
    fn a_partition_is_looked_through_when_its_time_has_come() {
        let mut owned = owned();
        let mut forgetter = Forgetter::default();
        let mut at = |forgetter: &mut Forgetter, elapsed: Duration| {
            forgetter.turn(&mut owned, (NOW, elapsed));
            forgetter.last[&3]
        };
        assert_eq!(at(&mut forgetter, Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(at(&mut forgetter, EVERY), Duration::from_secs(5), "not yet");
        assert_eq!(at(&mut forgetter, EVERY * 2), EVERY * 2);
    }

    const PEOPLE: u32 = 3 * PAGE_PEOPLE - 5;

    /// A partition with an old test of each of three pages of people.
    fn filled() -> BTreeMap<u32, Owned> {
        let mut owned = owned();
        let mut decoder = Decoder::new(Arc::new(Settings::new(Key::from_hex(&"07".repeat(32)).unwrap())));
        let mut builders = [EvidenceBuilders::new()];
        for number in 0..PEOPLE {
            let raw = format!(
                r#"{{"owner":"lab-1","id":"t","person":"{:032x}","known_at":"2021-04-01T19:00:00+08:00","method":"nat",
                    "result":"negative","sampled_at":"2021-04-01T08:00:00+08:00",
                    "reported_at":"2021-04-01T18:00:00+08:00"}}"#,
                number + 1
            );
            decoder.decode(Feed::Tests, raw.as_bytes(), None, &mut builders).unwrap();
        }
        let of_three = owned.get_mut(&3).unwrap();
        for (kind, batch) in builders[0].finish() {
            let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
            of_three.partition.apply(kind, &batch, &rows).unwrap();
        }
        of_three.partition.take_waiting();
        owned
    }

    fn facts(owned: &BTreeMap<u32, Owned>) -> u64 {
        owned[&3].partition.evidence().memory().facts
    }

    /// Each turn forgets one page of people, and the compaction follows in turns of its own.
    #[test]
    fn it_is_done_a_page_at_a_time() {
        let mut owned = filled();
        assert_eq!(facts(&owned), u64::from(PEOPLE));
        let mut forgetter = Forgetter::default();
        forgetter.turn(&mut owned, (NOW, Duration::ZERO));
        let (mut turns, mut forgotten) = (0, Vec::new());
        loop {
            forgetter.turn(&mut owned, (NOW, EVERY));
            turns += 1;
            let Some(under_way) = &forgetter.under_way else { break };
            forgotten.push(under_way.facts);
        }
        let page = u64::from(PAGE_PEOPLE);
        assert_eq!(forgotten[..3], [page, 2 * page, u64::from(PEOPLE)]);
        assert!(turns > 4, "the compaction has turns of its own: {turns}");
        assert_eq!(facts(&owned), 0);
    }

    /// Under steady load somebody waits at all times: a page is done every so often all the same, and whoever waits is
    /// not forgotten.
    #[test]
    fn steady_load_does_not_put_it_off_for_ever() {
        let mut owned = filled();
        owned.get_mut(&3).unwrap().partition.touch(7);
        assert!(!owned[&3].is_quiet() && owned[&3].is_between_steps());
        let mut forgetter = Forgetter::default();
        forgetter.turn(&mut owned, (NOW, Duration::ZERO));
        let mut clock = EVERY;
        forgetter.turn(&mut owned, (NOW, clock));
        assert_eq!(facts(&owned), u64::from(PEOPLE), "it is waited for");
        let mut done_at = Vec::new();
        for _ in 0..200 {
            clock += Duration::from_secs(1);
            let before = facts(&owned);
            forgetter.turn(&mut owned, (NOW, clock));
            if facts(&owned) < before {
                done_at.push(clock - EVERY);
            }
        }
        let seconds = |number: u64| Duration::from_secs(number);
        assert_eq!(done_at, [seconds(10), seconds(20), seconds(30)], "a page each ten seconds");
        assert_eq!(facts(&owned), 1, "who waits is kept");
        assert!(forgetter.under_way.is_none(), "the compaction is through, too");
    }
}
