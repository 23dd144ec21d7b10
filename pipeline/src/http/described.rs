//! Every metric of `live::metric`: kind, unit, and what it says.
//!
//! Owns the texts that a scrape shows, and the counters that begin at 0 so that a rate has a beginning. Names are
//! `live::metric`'s.

use fuma_schemas::{Colour, Feed};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::live::metric;

const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];

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
    (metric::PHONE_RECORDS, Kind::Counter, Unit::Count, "Records of phones that were taken in, by kind"),
    (
        metric::PHONE_RECORDS_ATTACHED,
        Kind::Gauge,
        Unit::Count,
        "Records of phones that are attached to the one who holds the phone",
    ),
    (
        metric::PHONE_RECORDS_WAITING,
        Kind::Gauge,
        Unit::Count,
        "Records of phones that wait for a holder, by reason: unbound, not-then, several, crowded",
    ),
    (
        metric::CONVEYANCE_CONTACTS,
        Kind::Gauge,
        Unit::Count,
        "Contacts by conveyance that hold, of the conveyances of this process",
    ),
    (
        metric::CROWDED_CONVEYANCES,
        Kind::Gauge,
        Unit::Count,
        "Conveyances with more rows or pairs than one may have: nobody aboard is anybody's contact",
    ),
    (metric::TRIPS_WITHOUT_LENGTH, Kind::Gauge, Unit::Count, "Trips that end when they begin: they meet nobody"),
    (
        metric::FAILED_PAIRS,
        Kind::Gauge,
        Unit::Count,
        "Pairs of people aboard on whom the pack's aboard.sql failed: no contact",
    ),
    (
        metric::SWITCH_HELD,
        Kind::Gauge,
        Unit::Count,
        "Whether a partition goes on by the old pack, because the one that is due traces in another way",
    ),
    (metric::FEED_LOST, Kind::Counter, Unit::Count, "Feed records that were deleted before they were read"),
    (metric::DEAD_LETTERS, Kind::Counter, Unit::Count, "Dead letters that the log has acknowledged"),
    (metric::UNWRITTEN_RECORDS, Kind::Gauge, Unit::Count, "Records that a partition has not taken for seconds"),
    (
        metric::LAST_RECORD,
        Kind::Gauge,
        Unit::Seconds,
        "When an owner's last accepted record of a feed was taken in, since 1970",
    ),
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
    (
        metric::ANNOUNCE_SECONDS,
        Kind::Histogram,
        Unit::Seconds,
        "Time from when the log took the feed record behind a change until the change was committed",
    ),
    (metric::TRANSACTIONS, Kind::Counter, Unit::Count, "Transactions by outcome"),
    (metric::COMMIT_SECONDS, Kind::Histogram, Unit::Seconds, "Duration of a commit, as the worker waits for it"),
    (metric::LAG_RECORDS, Kind::Gauge, Unit::Count, "Records that wait"),
    (
        metric::LAG_SECONDS,
        Kind::Gauge,
        Unit::Seconds,
        "How long the oldest record of evidence waits that is not committed; 0 where none waits",
    ),
    (metric::LOG_START, Kind::Gauge, Unit::Count, "The first offset that the evidence log holds"),
    (metric::LOG_END, Kind::Gauge, Unit::Count, "One past the last offset of the evidence log"),
    (metric::COMMITTED, Kind::Gauge, Unit::Count, "The offset up to which evidence is committed"),
    (metric::LOG_ANSWERED, Kind::Gauge, Unit::Seconds, "When the log last answered how far it goes, since 1970"),
    (metric::CLOCK_SKEW, Kind::Gauge, Unit::Seconds, "The broker's clock less this machine's"),
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
    (metric::HELD, Kind::Gauge, Unit::Count, "1: the emergency stop is in force, and nothing is announced"),
    (
        metric::PUBLICATIONS_WAITING,
        Kind::Gauge,
        Unit::Count,
        "Publications of tiers that wait to be counted or approved",
    ),
    (
        metric::PUBLICATIONS_PEOPLE,
        Kind::Gauge,
        Unit::Count,
        "People whose colours the publications of tiers that wait would change, as far as they are counted",
    ),
    (
        metric::WITHHELD,
        Kind::Gauge,
        Unit::Count,
        "People of whom the release of the emergency stop announces something",
    ),
    (metric::PARTITIONS, Kind::Gauge, Unit::Count, "Partitions of evidence that this process holds, by state"),
    (
        metric::PARTITIONS_EXPECTED,
        Kind::Gauge,
        Unit::Count,
        "Partitions that the evidence has: as many as all processes together should hold",
    ),
    (metric::PARKED_SECONDS, Kind::Gauge, Unit::Seconds, "For how long a partition has been parked, by reason"),
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
    (
        metric::SNAPSHOT_SINCE,
        Kind::Gauge,
        Unit::Count,
        "Evidence records that were committed since the newest snapshot: what a restore has to read",
    ),
    (metric::OPEN_FEEDS, Kind::Gauge, Unit::Count, "1 for a feed that accepts every owner, because none is listed"),
    (metric::IMPORT_FILES, Kind::Counter, Unit::Count, "Files of an import that were taken, by outcome"),
    (metric::IMPORT_RECORDS, Kind::Counter, Unit::Count, "Records that an import made of tables"),
    (metric::IMPORT_REJECTS, Kind::Counter, Unit::Count, "Rows of tables that an import rejected, by code"),
    (metric::IMPORT_WAITING, Kind::Gauge, Unit::Count, "Files in the folder of an import that are not taken yet"),
    (metric::IMPORT_LAST, Kind::Gauge, Unit::Seconds, "When an import last took a file"),
    (metric::OVERDUE, Kind::Gauge, Unit::Count, "Reasons past their due that still hold"),
    (metric::API_REQUESTS, Kind::Counter, Unit::Count, "Requests of /v1"),
    (metric::API_STREAMS, Kind::Gauge, Unit::Count, "Streams of changes and lists of colours over HTTP that are open"),
    (
        metric::API_STREAMS_ENDED,
        Kind::Counter,
        Unit::Count,
        "Streams of changes and lists of colours over HTTP that the service ended",
    ),
    (metric::AUDIT_WAITING, Kind::Gauge, Unit::Count, "Look-ups of people that are not written to the audit log yet"),
    (metric::KAFKA_LINES, Kind::Counter, Unit::Count, "Lines of the Kafka client's log, shown or not, by level"),
    (metric::BUILD, Kind::Gauge, Unit::Count, "1: this build, by version and engine"),
    (metric::POLICY, Kind::Gauge, Unit::Count, "1: the policy pack that this process judges by"),
    (metric::NEXT_SWITCH, Kind::Gauge, Unit::Seconds, "When the next switch of packs takes force; 0: none is decided"),
    (metric::PACK_NUMBER, Kind::Gauge, Unit::Count, "The number of the pack that judges a partition"),
    (
        metric::EVIDENCE_GAPS,
        Kind::Counter,
        Unit::Count,
        "Offsets of the evidence and link logs at which nothing stood in two readings: taken for transactions' markers",
    ),
    (
        metric::ANNOUNCEMENTS_STRANGE,
        Kind::Counter,
        Unit::Count,
        "Announcements that a restore did not understand: their partition is not taken over",
    ),
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
    counter!(metric::EVIDENCE_GAPS).absolute(0);
    counter!(metric::ANNOUNCEMENTS_STRANGE).absolute(0);
    for outcome in ["commit", "abort", "fatal"] {
        counter!(metric::TRANSACTIONS, "outcome" => outcome).absolute(0);
    }
    for event in ["assigned", "revoked", "lost"] {
        counter!(metric::REBALANCES, "event" => event).absolute(0);
    }
    for outcome in ["written", "failed", "damaged", "away"] {
        counter!(metric::SNAPSHOTS, "outcome" => outcome).absolute(0);
    }
    for (from, to) in COLOURS.into_iter().flat_map(|from| COLOURS.map(|to| (from, to))) {
        counter!(metric::CHANGES, "from" => from.name(), "to" => to.name()).absolute(0);
    }
    for level in ["error", "warning"] {
        counter!(metric::KAFKA_LINES, "level" => level).absolute(0);
    }
    for status in ["200", "401", "403", "429", "503"] {
        counter!(metric::API_REQUESTS, "status" => status).absolute(0);
    }
    for reason in ["slow", "gone"] {
        counter!(metric::API_STREAMS_ENDED, "reason" => reason).absolute(0);
    }
    gauge!(metric::API_STREAMS).set(0.0);
    gauge!(metric::AUDIT_WAITING).set(0.0);
    gauge!(metric::HELD).set(0.0);
    for state in ["restoring", "owned", "parked"] {
        gauge!(metric::PARTITIONS, "state" => state).set(0.0);
    }
}
