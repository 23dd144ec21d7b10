//! Every metric of `live::metric`: kind, unit, and what it says.
//!
//! Owns the texts that a scrape shows, and the counters that begin at 0 so that a rate has a beginning. Names are
//! `live::metric`'s.

use fuma_schemas::Feed;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::live::metric;

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets.
    Histogram,
}

/// A metric: name, kind, unit, and what it says.
pub type Described = (&'static str, Kind, Unit, &'static str);

/// Every metric.
pub const DESCRIBED: &[Described] = &[
    (metric::RECORDS_IN, Kind::Counter, Unit::Count, "Feed records read"),
    (metric::RECORDS_REJECTED, Kind::Counter, Unit::Count, "Feed records rejected: dead letters"),
    (metric::PHONE_RECORDS, Kind::Counter, Unit::Count, "Records of phones, attached to nobody yet, by kind"),
    (metric::FEED_LOST, Kind::Counter, Unit::Count, "Feed records that were deleted before they were read"),
    (metric::DEAD_LETTERS, Kind::Counter, Unit::Count, "Dead letters that the log has acknowledged"),
    (metric::UNWRITTEN_RECORDS, Kind::Gauge, Unit::Count, "Records that a partition has not taken for seconds"),
    (metric::EVIDENCE_ROWS, Kind::Counter, Unit::Count, "Evidence rows applied"),
    (
        metric::EVIDENCE_VERY_LATE,
        Kind::Counter,
        Unit::Count,
        "Evidence that became known more than 30 days after its last instant",
    ),
    (
        metric::EVIDENCE_DAMAGED,
        Kind::Counter,
        Unit::Count,
        "Evidence records that could not be read: damaged, or written by something else",
    ),
    (metric::CHANGES, Kind::Counter, Unit::Count, "Code changes announced"),
    (metric::TRANSACTIONS, Kind::Counter, Unit::Count, "Transactions by outcome"),
    (metric::COMMIT_SECONDS, Kind::Histogram, Unit::Seconds, "Duration of a commit, as the worker waits for it"),
    (metric::LAG_RECORDS, Kind::Gauge, Unit::Count, "Records that wait"),
    (
        metric::LAG_SECONDS,
        Kind::Gauge,
        Unit::Seconds,
        "Time between the log's timestamp of the newest evidence judged and now",
    ),
    (
        metric::RESTORE_SECONDS,
        Kind::Histogram,
        Unit::Seconds,
        "Time from assignment to the first page of a restored partition",
    ),
    (metric::STATE_ROWS, Kind::Gauge, Unit::Count, "Rows of state"),
    (metric::STATE_BYTES, Kind::Gauge, Unit::Bytes, "Bytes of state"),
    (metric::PEOPLE, Kind::Gauge, Unit::Count, "People by announced colour"),
    (metric::LEFT_OUT, Kind::Gauge, Unit::Count, "People who cannot be judged and keep what was announced, by reason"),
    (metric::PARTITIONS, Kind::Gauge, Unit::Count, "Partitions that this process owns"),
    (metric::REBALANCES, Kind::Counter, Unit::Count, "Rebalances by event"),
    (metric::STAGE_RESTARTS, Kind::Counter, Unit::Count, "Stages that were made again, by stage and reason"),
    (metric::SWEEP_REMAINING, Kind::Gauge, Unit::Count, "People whom the sweep under way has yet to judge"),
    (metric::SNAPSHOTS, Kind::Counter, Unit::Count, "Snapshots by outcome"),
    (
        metric::SNAPSHOT_TIME,
        Kind::Gauge,
        Unit::Seconds,
        "When the newest snapshot of a partition was written, since 1970",
    ),
    (
        metric::SNAPSHOT_MARGIN,
        Kind::Gauge,
        Unit::Count,
        "Evidence records between the log's start and the older kept snapshot; below 0 that snapshot is of no use",
    ),
    (metric::OPEN_FEEDS, Kind::Gauge, Unit::Count, "1 for a feed that accepts every owner, because none is listed"),
    (metric::OVERDUE, Kind::Gauge, Unit::Count, "Reasons past their due that still hold"),
];

/// Tells the recorder what each metric is.
pub(super) fn describe() {
    for (name, kind, unit, text) in DESCRIBED {
        match kind {
            Kind::Counter => describe_counter!(*name, *unit, *text),
            Kind::Gauge => describe_gauge!(*name, *unit, *text),
            Kind::Histogram => describe_histogram!(*name, *unit, *text),
        }
    }
}

/// Counters whose labels are known begin at 0: otherwise the first event of a kind is in no rate and in no alert.
pub(super) fn begin_at_zero() {
    for feed in Feed::ALL {
        counter!(metric::RECORDS_IN, "feed" => feed.name()).absolute(0);
        counter!(metric::FEED_LOST, "feed" => feed.name()).absolute(0);
        counter!(metric::DEAD_LETTERS, "feed" => feed.name()).absolute(0);
    }
    counter!(metric::EVIDENCE_VERY_LATE).absolute(0);
    counter!(metric::EVIDENCE_DAMAGED).absolute(0);
    for outcome in ["commit", "abort", "fatal"] {
        counter!(metric::TRANSACTIONS, "outcome" => outcome).absolute(0);
    }
    for event in ["assigned", "revoked", "lost"] {
        counter!(metric::REBALANCES, "event" => event).absolute(0);
    }
    for outcome in ["written", "failed", "damaged"] {
        counter!(metric::SNAPSHOTS, "outcome" => outcome).absolute(0);
    }
    gauge!(metric::PARTITIONS).set(0.0);
}
