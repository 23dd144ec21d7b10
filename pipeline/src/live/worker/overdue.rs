//! How many reasons of a partition are past their due and still hold: counted anew each hour, a page of people between
//! commits (I-10).
//!
//! Owns the cursor, and the gauge. Must never have a person in a label.

use std::collections::BTreeMap;
use std::time::Duration;

use fuma_schemas::Instant;

use super::owned::Owned;
use crate::assess::{AssessError, Partition, Timeline};
use crate::live::metric;

/// How often a count begins.
const EVERY: Duration = Duration::from_secs(3600);
/// People of a page.
const PAGE_PEOPLE: u32 = 4096;

/// A count under way, or the time of the last one.
#[derive(Debug, Default)]
struct Count {
    /// When it began.
    begun: Option<Duration>,
    /// The next person; none when it is done.
    next: Option<u32>,
    found: u64,
}

/// The counts of a worker's partitions.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    counts: BTreeMap<u32, Count>,
}

impl Overdue {
    /// Looks at one page of one partition in which nothing is under way.
    ///
    /// # Errors
    /// When a plan cannot be executed on a partition: which, and why.
    pub(super) fn turn(
        &mut self,
        owned: &BTreeMap<u32, Owned>,
        (now, elapsed): (Instant, Duration),
    ) -> Result<(), (u32, AssessError)> {
        self.counts.retain(|partition, _| owned.contains_key(partition));
        for owned in owned.values().filter(|owned| !owned.must_claim && owned.is_quiet()) {
            let count = self.counts.entry(owned.id).or_default();
            if count.next.is_none() && count.begun.is_none_or(|begun| elapsed.saturating_sub(begun) >= EVERY) {
                *count = Count { begun: Some(elapsed), next: Some(0), found: 0 };
            }
            let Some(first) = count.next else { continue };
            let end = first.saturating_add(PAGE_PEOPLE);
            count.found += overdue(&owned.partition, first..end, now).map_err(|error| (owned.id, error))?;
            count.next = (end < owned.partition.evidence().people()).then_some(end);
            if count.next.is_none() {
                #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
                let found = count.found as f64;
                metrics::gauge!(metric::OVERDUE, "partition" => owned.id.to_string()).set(found);
            }
            return Ok(());
        }
        Ok(())
    }
}

/// How many reasons of a page of people hold past their due. Whoever is announced green has none.
fn overdue(partition: &Partition, page: std::ops::Range<u32>, now: Instant) -> Result<u64, AssessError> {
    let end = page.end.min(partition.evidence().people());
    let asked: Vec<(u32, Option<u64>)> =
        (page.start..end).filter(|person| !partition.is_green(*person)).map(|person| (person, None)).collect();
    if asked.is_empty() {
        return Ok(0);
    }
    let mut rows = partition.rules_of(&asked);
    let of_person = |rows: &mut [crate::policy::RuleRow]| {
        let timeline = Timeline::merge(rows);
        let holds = |interval: &&crate::assess::timeline::Interval| interval.holds_at(now);
        timeline.intervals().iter().filter(holds).filter(|interval| interval.due.is_some_and(|due| due < now)).count()
    };
    Ok(rows.chunk_by_mut(|one, other| one.slot == other.slot).map(of_person).sum::<usize>() as u64)
}
