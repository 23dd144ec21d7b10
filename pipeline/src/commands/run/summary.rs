//! Once a minute: what came, what was rejected by feed and code, what changed.
//!
//! Made of the metrics, so that both say the same. Owns the line. Must never name an owner or a person.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::http::Metrics;
use crate::live::metric;
use crate::live::service::Service;

/// How often it is said.
const EVERY: Duration = Duration::from_secs(60);
/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Feeds, codes and colours that a line names; the others are in the sums.
const NAMED_MAX: usize = 8;

/// Says it on a thread that ends with the service.
pub(super) fn tell(service: &Service, metrics: Metrics) -> io::Result<()> {
    let stop = service.stop.clone();
    let say = move || {
        let mut before = Counts::of(&metrics.render());
        let mut said = now();
        while !stop.is_set() {
            std::thread::sleep(LOOK);
            if said.elapsed() < EVERY {
                continue;
            }
            said = now();
            let counts = Counts::of(&metrics.render());
            counts.since(&before).say();
            before = counts;
        }
    };
    std::thread::Builder::new().name("summary".to_owned()).spawn(say).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "a minute of the log")]
fn now() -> Instant {
    Instant::now()
}

/// What was counted, by feed, feed and code, colours.
#[derive(Clone, PartialEq, Debug, Default)]
struct Counts {
    records: BTreeMap<String, u64>,
    rejected: BTreeMap<String, u64>,
    changed: BTreeMap<String, u64>,
    lag_seconds: f64,
}

impl Counts {
    /// Of a scrape.
    fn of(scrape: &str) -> Counts {
        let mut counts = Counts::default();
        for line in scrape.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let value: f64 = value.parse().unwrap_or_default();
            let label = |name: &str| {
                let (_, rest) = labels.split_once(&format!("{name}=\"")).unwrap_or_default();
                rest.split('"').next().unwrap_or_default()
            };
            let (map, key) = match name {
                metric::RECORDS_IN => (&mut counts.records, label("feed").to_owned()),
                metric::RECORDS_REJECTED => (&mut counts.rejected, format!("{} {}", label("feed"), label("code"))),
                metric::CHANGES => (&mut counts.changed, format!("{}>{}", label("from"), label("to"))),
                metric::LAG_SECONDS => {
                    counts.lag_seconds = counts.lag_seconds.max(value);
                    continue;
                }
                _ => continue,
            };
            *map.entry(key).or_default() += value as u64;
        }
        counts
    }

    /// What came since.
    fn since(&self, before: &Counts) -> Counts {
        let less = |now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
            let grown = now
                .iter()
                .map(|(key, value)| (key.clone(), value.saturating_sub(before.get(key).copied().unwrap_or_default())));
            grown.filter(|(_, value)| *value > 0).collect()
        };
        Counts {
            records: less(&self.records, &before.records),
            rejected: less(&self.rejected, &before.rejected),
            changed: less(&self.changed, &before.changed),
            lag_seconds: self.lag_seconds,
        }
    }

    fn say(&self) {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        tracing::info!(
            records = sum(&self.records),
            feeds = named(&self.records),
            rejected = sum(&self.rejected),
            codes = named(&self.rejected),
            changes = sum(&self.changed),
            colours = named(&self.changed),
            lag_seconds = self.lag_seconds,
            "the last minute"
        );
    }
}

/// The largest, with their counts.
fn named(counts: &BTreeMap<String, u64>) -> String {
    let mut largest: Vec<(&String, &u64)> = counts.iter().collect();
    largest.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown: Vec<String> = largest.iter().take(NAMED_MAX).map(|(name, count)| format!("{name} {count}")).collect();
    let more = largest.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_what_came_since_the_last_one() {
        let scrape = |cases: u64| {
            format!(
                "# TYPE fuma_records_in_total counter\n\
                 fuma_records_in_total{{feed=\"cases\"}} {cases}\n\
                 fuma_records_in_total{{feed=\"tests\"}} 7\n\
                 fuma_records_rejected_total{{feed=\"tests\",code=\"bad-json\"}} 3\n\
                 fuma_changes_total{{from=\"green\",to=\"red\"}} 2\n\
                 fuma_lag_seconds{{partition=\"1\"}} 0.5\n\
                 fuma_lag_seconds{{partition=\"2\"}} 2.5\n"
            )
        };
        let first = Counts::of(&scrape(10)).since(&Counts::default());
        assert_eq!(
            (named(&first.records), named(&first.rejected)),
            ("cases 10, tests 7".into(), "tests bad-json 3".into())
        );
        assert_eq!((named(&first.changed), first.lag_seconds), ("green>red 2".into(), 2.5));
        let second = Counts::of(&scrape(15)).since(&Counts::of(&scrape(10)));
        assert_eq!(named(&second.records), "cases 5");
        assert!(second.rejected.is_empty() && second.changed.is_empty());
    }

    #[test]
    fn a_line_names_the_largest_alone() {
        let counts = (0..12).map(|number| (format!("c{number:02}"), number)).collect();
        assert!(named(&counts).starts_with("c11 11, c10 10") && named(&counts).ends_with(", 4 more"));
    }
}
