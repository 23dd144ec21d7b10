//! The settings of the topics: with which they are made, and what of them fuma relies on.
//!
//! Owns the numbers and why they are so. Must never ask a broker.

use crate::log::{AUDIT_KEPT_MS, KEPT_MS, Topic};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const MIB: i64 = 1 << 20;

/// How long feeds, dead letters, evidence, links, phones and rides stay.
const RETENTION_MS: i64 = KEPT_MS;
/// A record of evidence holds a batch.
const RECORD_BYTES_MAX: i64 = 4 * MIB;

/// The longest record of a feed is 1 MiB; its letter has its key and headers, too, and why it is one.
const FEED_RECORD_BYTES_MAX: i64 = 2 * MIB;

/// How many partitions a topic must have, in words, where it has others; `evidence` is how many the evidence has.
pub(super) fn partitions_expected(topic: Topic, found: u32, evidence: Option<u32>) -> Option<String> {
    let expected = match topic {
        _ if topic.is_single() => 1,
        topic if topic.is_as_evidence() => evidence?,
        // Any number will do for a feed, which may grow, and for its dead letters: several of its partitions share one.
        _ => return None,
    };
    (found != expected).then(|| expected.to_string())
}

/// How many copies have to have a record before it is acknowledged: its name.
pub(super) const COPIES_SYNCED: &str = "min.insync.replicas";

/// With three copies a record is safe once two brokers have it; with two, one may be away.
pub(super) fn copies_synced(copies: u32) -> u32 {
    if copies >= 3 { 2 } else { 1 }
}

/// What is wrong with a topic's number, in words.
pub(super) fn copies_synced_expected(copies: u32, found: &str) -> Option<String> {
    let least = copies_synced(copies);
    let will_do = found.parse::<u32>().is_ok_and(|found| found >= least);
    (!will_do).then(|| format!("{least} or more"))
}

/// What a setting must be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Demand {
    /// What the topic is made with.
    Exactly,
    /// This or more; -1 is without limit.
    AtLeast(i64),
    /// This or less.
    AtMost(f64),
    /// The operator's to choose.
    Any,
}

/// A setting of a topic.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Setting {
    /// Its name.
    pub(super) name: &'static str,
    /// What the topic is made with.
    pub(super) value: String,
    /// What fuma relies on.
    pub(super) demand: Demand,
}

impl Setting {
    /// What is wrong with a value, in words; none where it will do.
    pub(super) fn expected(&self, found: &str) -> Option<String> {
        let number = || found.parse::<f64>().unwrap_or(f64::NAN);
        match self.demand {
            Demand::Any => None,
            Demand::Exactly => (found != self.value).then(|| self.value.clone()),
            Demand::AtLeast(least) => {
                let will_do = number() >= least as f64 || (found == "-1" && self.name.starts_with("retention."));
                (!will_do).then(|| format!("{least} or more"))
            }
            Demand::AtMost(most) => {
                let will_do = (0.0..=most).contains(&number());
                (!will_do).then(|| format!("{most} or less"))
            }
        }
    }
}

/// The settings of a topic.
pub(super) fn settings(topic: Topic) -> Vec<Setting> {
    let mut settings = match topic {
        // Records without known_at became known when the broker took them; an outage of fuma of a day loses nothing.
        Topic::Feed(_) => vec![
            exactly("cleanup.policy", "delete"),
            kept(DAY_MS),
            setting("max.message.bytes", FEED_RECORD_BYTES_MAX, Demand::AtLeast(FEED_RECORD_BYTES_MAX)),
            by_broker_clock(),
        ],
        // They hold identities.
        Topic::DeadLetters(_) => vec![
            exactly("cleanup.policy", "delete"),
            setting("retention.ms", RETENTION_MS, Demand::AtMost(RETENTION_MS as f64)),
            setting("max.message.bytes", FEED_RECORD_BYTES_MAX, Demand::AtLeast(FEED_RECORD_BYTES_MAX)),
        ],
        // Never compacted: compaction keeps the last record, not the highest revision.
        Topic::Evidence | Topic::Links | Topic::Phones | Topic::Rides => vec![
            exactly("cleanup.policy", "delete"),
            kept(DAY_MS),
            exactly("retention.bytes", "-1"),
            setting("max.message.bytes", RECORD_BYTES_MAX, Demand::AtLeast(RECORD_BYTES_MAX)),
            by_broker_clock(),
            exactly("unclean.leader.election.enable", "false"),
        ],
        Topic::Regions | Topic::Policies | Topic::Decisions => vec![
            exactly("cleanup.policy", "delete"),
            exactly("retention.ms", "-1"),
            exactly("retention.bytes", "-1"),
            setting("max.message.bytes", RECORD_BYTES_MAX, Demand::AtLeast(RECORD_BYTES_MAX)),
            by_broker_clock(),
            exactly("unclean.leader.election.enable", "false"),
        ],
        // Of each process the last word, and for a day those of processes that are gone.
        Topic::Status => vec![
            exactly("cleanup.policy", "compact"),
            setting("max.compaction.lag.ms", HOUR_MS, Demand::Any),
            setting("delete.retention.ms", DAY_MS, Demand::Any),
            setting("segment.ms", HOUR_MS, Demand::Any),
            by_broker_clock(),
        ],
        // Who looked whom up: kept for as long as an auditor may ask.
        Topic::Audit => vec![
            exactly("cleanup.policy", "delete"),
            setting("retention.ms", AUDIT_KEPT_MS, Demand::AtLeast(DAY_MS)),
            exactly("retention.bytes", "-1"),
            setting("max.message.bytes", MIB, Demand::AtLeast(MIB)),
            by_broker_clock(),
            exactly("unclean.leader.election.enable", "false"),
        ],
        // Probes: the answer is the record's timestamp, nobody reads the record.
        Topic::Clock => vec![
            setting("cleanup.policy", "delete", Demand::Any),
            setting("retention.ms", HOUR_MS, Demand::Any),
            setting("segment.ms", HOUR_MS, Demand::Any),
            by_broker_clock(),
        ],
        // The tail is the stream of changes, the compacted head everyone's present state. Tombstones stay for longer
        // than any reader is down (docs/recovery.md R-8), and whoever was erased is gone within two weeks.
        Topic::Changes => vec![
            exactly("cleanup.policy", "compact"),
            setting("min.compaction.lag.ms", 7 * DAY_MS, Demand::AtLeast(DAY_MS)),
            setting("max.compaction.lag.ms", 14 * DAY_MS, Demand::Any),
            setting("delete.retention.ms", 7 * DAY_MS, Demand::AtLeast(DAY_MS)),
            setting("min.cleanable.dirty.ratio", 0.1, Demand::AtMost(0.5)),
            exactly("unclean.leader.election.enable", "false"),
        ],
    };
    settings.sort_by_key(|setting| setting.name);
    settings
}

/// Whether records are lost where the setting is another.
pub(super) fn is_vital(name: &str) -> bool {
    matches!(name, "cleanup.policy" | "retention.ms" | "retention.bytes" | "delete.retention.ms")
}

fn setting(name: &'static str, value: impl ToString, demand: Demand) -> Setting {
    Setting { name, value: value.to_string(), demand }
}

fn exactly(name: &'static str, value: &str) -> Setting {
    setting(name, value, Demand::Exactly)
}

fn kept(least_ms: i64) -> Setting {
    setting("retention.ms", RETENTION_MS, Demand::AtLeast(least_ms))
}

fn by_broker_clock() -> Setting {
    exactly("message.timestamp.type", "LogAppendTime")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::log::Topics;

    #[test]
    fn every_topic_would_do_as_it_is_made() {
        for topic in Topics::all() {
            for setting in settings(topic) {
                assert_eq!(setting.expected(&setting.value), None, "{topic:?} {}", setting.name);
            }
        }
    }

    #[test]
    fn what_loses_evidence_is_a_difference() {
        let of = |name: &str| settings(Topic::Evidence).into_iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(of("cleanup.policy").expected("compact").as_deref(), Some("delete"));
        assert_eq!(of("retention.ms").expected("3600000").as_deref(), Some("86400000 or more"));
        assert_eq!(of("retention.ms").expected("-1"), None);
        assert_eq!(of("max.message.bytes").expected("1048588").as_deref(), Some("4194304 or more"));
        assert_eq!(of("max.message.bytes").expected("8388608"), None);
        assert_eq!(of("max.message.bytes").expected("-1").as_deref(), Some("4194304 or more"));
    }

    /// Acknowledged by one broker of three, a record is gone with that broker's disk.
    #[test]
    fn with_three_copies_two_have_to_have_a_record() {
        assert_eq!(copies_synced_expected(3, "1").as_deref(), Some("2 or more"));
        assert_eq!(copies_synced_expected(3, "unknown").as_deref(), Some("2 or more"));
        for (copies, found) in [(3, "2"), (5, "3"), (2, "1"), (1, "1"), (1, "2")] {
            assert_eq!(copies_synced_expected(copies, found), None, "{copies} {found}");
        }
    }

    #[test]
    fn dead_letters_do_not_outlive_a_week() {
        let feed = fuma_schemas::Feed::Tests;
        let kept = settings(Topic::DeadLetters(feed)).into_iter().find(|setting| setting.name == "retention.ms");
        assert_eq!(kept.unwrap().expected("-1").as_deref(), Some("604800000 or less"));
    }
}
