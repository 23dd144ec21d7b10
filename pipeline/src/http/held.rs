//! Of a scrape, what is said of partitions that this process holds.
//!
//! The library of metrics keeps a gauge for ever. A partition that moved away is another's, and its last value here
//! would stand beside the true one: alerts that take the worst of both would never end.
//!
//! Owns what is left out. Must never change a value.

use std::collections::BTreeMap;

use crate::live::metric;
use crate::live::partitions::{ASSESS, LINKS, Partitions, State, TRACE};

/// Said of a partition that is assigned, whatever becomes of it; all else is said of one that is owned.
const OF_ASSIGNED: [&str; 8] = [
    metric::LAG_RECORDS,
    metric::LAG_SECONDS,
    metric::LOG_START,
    metric::LOG_END,
    metric::COMMITTED,
    metric::PARKED_SECONDS,
    metric::STATE_ROWS,
    metric::STATE_BYTES,
];

/// The scrape without the gauges of partitions that are not held.
pub(super) fn only(scrape: &str, partitions: &Partitions) -> String {
    let held: BTreeMap<u32, (State, Option<&str>)> = partitions
        .all()
        .into_iter()
        .filter(|((stage, _), _)| *stage == ASSESS)
        .map(|((_, partition), holding)| {
            (partition, (holding.state, holding.parked.map(|parked| parked.reason.code())))
        })
        .collect();
    let links = partitions.of(TRACE, LINKS).and_then(|holding| holding.parked).map(|parked| parked.reason.code());
    let is_shown = |line: &&str| if is_of_links(line) { links == reason_of(line) } else { is_shown(line, &held) };
    scrape.split_inclusive('\n').filter(is_shown).collect()
}

/// Why the link log is parked: it has a name, not a number.
fn is_of_links(line: &str) -> bool {
    line.starts_with(metric::PARKED_SECONDS) && line.contains("partition=\"links\"")
}

fn reason_of(line: &str) -> Option<&str> {
    label(line, "reason")
}

fn is_shown(line: &str, held: &BTreeMap<u32, (State, Option<&str>)>) -> bool {
    let Some((name, labels)) = line.split_once('{') else { return true };
    // Of the partitions of other topics.
    if label(labels, "topic").is_some() {
        return true;
    }
    // The graph of contacts has a name, not a number.
    let Some(partition) = label(labels, "partition").and_then(|number| number.parse::<u32>().ok()) else { return true };
    match held.get(&partition) {
        None => false,
        Some((_, reason)) if name == metric::PARKED_SECONDS => label(labels, "reason") == *reason,
        Some((state, _)) => *state == State::Owned || OF_ASSIGNED.contains(&name),
    }
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = labels.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use fuma_schemas::Instant;

    use super::*;
    use crate::live::partitions::{ParkReason, Parked};

    #[test]
    fn what_moved_away_is_left_out_and_what_is_parked_has_its_lag_alone() {
        let partitions = Partitions::default();
        partitions.owned(ASSESS, 1, Instant(0));
        let what = String::new();
        let parked = Parked { reason: ParkReason::NoLeader, what, next_try: None, tries: 1, digest: None };
        partitions.parked(ASSESS, 2, Instant(0), parked.clone());
        partitions.parked(TRACE, LINKS, Instant(0), Parked { reason: ParkReason::LinkNotJudged, ..parked });
        let scrape = "# TYPE fuma_people gauge\n\
                      fuma_people{partition=\"1\",colour=\"red\"} 7\n\
                      fuma_people{partition=\"2\",colour=\"red\"} 8\n\
                      fuma_people{partition=\"3\",colour=\"red\"} 9\n\
                      fuma_state_bytes{partition=\"2\"} 5\n\
                      fuma_lag_seconds{partition=\"2\"} 5\n\
                      fuma_lag_seconds{partition=\"3\"} 6\n\
                      fuma_parked_seconds{partition=\"2\",reason=\"no-leader\"} 4\n\
                      fuma_parked_seconds{partition=\"2\",reason=\"gap\"} 4\n\
                      fuma_snapshot_timestamp_seconds{partition=\"links\"} 4\n\
                      fuma_parked_seconds{partition=\"links\",reason=\"link-not-judged\"} 4\n\
                      fuma_parked_seconds{partition=\"links\",reason=\"links-missing\"} 4\n\
                      fuma_records_in_total{feed=\"cases\"} 3\n";
        let shown = only(scrape, &partitions);
        let kept: Vec<&str> = shown.lines().collect();
        assert_eq!(
            kept,
            [
                "# TYPE fuma_people gauge",
                "fuma_people{partition=\"1\",colour=\"red\"} 7",
                "fuma_state_bytes{partition=\"2\"} 5",
                "fuma_lag_seconds{partition=\"2\"} 5",
                "fuma_parked_seconds{partition=\"2\",reason=\"no-leader\"} 4",
                "fuma_snapshot_timestamp_seconds{partition=\"links\"} 4",
                "fuma_parked_seconds{partition=\"links\",reason=\"link-not-judged\"} 4",
                "fuma_records_in_total{feed=\"cases\"} 3",
            ]
        );
    }
}
