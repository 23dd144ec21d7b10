//! When each owner's last record of each feed came: a feed that falls silent is seen before a person is missed.
//!
//! Owns the bound: owners are words of records, and where nobody is listed anybody may invent them.

use std::collections::BTreeMap;

use arrow::array::{AsArray as _, RecordBatch};
use fuma_schemas::{Feed, Instant};
use metrics::{Gauge, gauge};

use crate::live::metric;

/// Owners that have a series of their own, of all feeds; the others share one a feed.
const OWNERS_MAX: usize = 256;
const OTHERS: &str = "(others)";

/// The series of a thread.
#[derive(Default)]
pub(super) struct Freshness {
    series: BTreeMap<(&'static str, String), Gauge>,
}

impl Freshness {
    /// Rows of accepted records of a feed were made now.
    pub(super) fn saw(&mut self, feed: Feed, rows: &RecordBatch, now: Instant) {
        let owners = rows.column_by_name("owner").and_then(|column| column.as_string_opt::<i32>());
        let mut last = None;
        for owner in owners.into_iter().flat_map(|owners| owners.iter().flatten()) {
            // Owners send many in a row.
            if last.replace(owner) != Some(owner) {
                self.set(feed, owner, now);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn set(&mut self, feed: Feed, owner: &str, now: Instant) {
        let key = (feed.name(), owner.to_owned());
        let is_known = self.series.contains_key(&key) || self.series.len() < OWNERS_MAX;
        let (feed, owner) = if is_known { key } else { (feed.name(), OTHERS.to_owned()) };
        let label = owner.clone();
        let series = self
            .series
            .entry((feed, owner))
            .or_insert_with(|| gauge!(metric::LAST_RECORD, "feed" => feed, "owner" => label));
        series.set(now.0 as f64 / 1e3);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

    use super::*;

    #[test]
    fn each_owner_has_a_series_and_invented_ones_are_bounded() {
        let rows = |owners: Vec<String>| {
            let column: ArrayRef = Arc::new(StringArray::from(owners));
            RecordBatch::try_from_iter([("owner", column)]).unwrap()
        };
        let mut freshness = Freshness::default();
        let two = ["hc-330100", "hc-330100", "hc-330200"].map(str::to_owned).to_vec();
        freshness.saw(Feed::Cases, &rows(two), Instant(5));
        assert_eq!(freshness.series.len(), 2);
        freshness.saw(Feed::Tests, &rows((0..10_000).map(|number| format!("o{number}")).collect()), Instant(6));
        assert_eq!(freshness.series.len(), OWNERS_MAX + 1, "the others share one");
        assert!(freshness.series.contains_key(&(Feed::Tests.name(), OTHERS.to_owned())));
    }
}
