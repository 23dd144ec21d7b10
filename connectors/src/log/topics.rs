//! The topics, by what they are for.
//!
//! Owns their names, and what of them must be known again. Must never ask a broker.
//!
//! Names that later builds will use, so that nobody takes them for something else: the feed `appeals.v1`, the log
//! `documents.v1`, the output `tasks.v1`.

use fuma_schemas::Feed;

/// How long feeds, dead letters, evidence, links, phones and rides stay unless an operator says otherwise: days, since
/// the erasure of one person must become true, and longer than two snapshots are apart.
pub const KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// How long the audit of look-ups stays unless an operator says otherwise: half a year.
pub const AUDIT_KEPT_MS: i64 = 183 * 24 * 3_600_000;

/// A topic of fuma.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// Raw records of a feed.
    Feed(Feed),
    /// Dead letters of a feed.
    DeadLetters(Feed),
    /// Evidence by person.
    Evidence,
    /// Cases and contacts in one order.
    Links,
    /// Records of phones and who holds them, by phone; partitions as the evidence.
    Phones,
    /// What people say about conveyances, by conveyance; partitions as the evidence.
    Rides,
    /// Risk tiers of regions: reference, one partition, kept for ever.
    Regions,
    /// Which packs were put in force: reference, one partition, kept for ever.
    Policies,
    /// The installation and every decision: one partition, kept for ever.
    Decisions,
    /// What each process holds, by process: one partition, compacted.
    Status,
    /// Who looked whom up: one partition.
    Audit,
    /// Probe records that ask for the broker's clock.
    Clock,
    /// Code changes.
    Changes,
}

/// Every topic, feeds first.
pub struct Topics;

impl Topics {
    /// All topics, each once.
    pub fn all() -> Vec<Topic> {
        let feeds = Feed::ALL.into_iter().map(Topic::Feed);
        let dead_letters = Feed::ALL.into_iter().map(Topic::DeadLetters);
        let own = [
            Topic::Evidence,
            Topic::Links,
            Topic::Phones,
            Topic::Rides,
            Topic::Regions,
            Topic::Policies,
            Topic::Decisions,
            Topic::Status,
            Topic::Audit,
            Topic::Clock,
            Topic::Changes,
        ];
        feeds.chain(dead_letters).chain(own).collect()
    }
}

impl Topic {
    /// The name behind the prefix, which is `fuma.` unless the configuration says otherwise.
    pub fn name(self, prefix: &str) -> String {
        match self {
            Topic::Feed(feed) => format!("{prefix}{}.v1", feed.name()),
            Topic::DeadLetters(feed) => format!("{prefix}{}.v1.dlq", feed.name()),
            Topic::Evidence => format!("{prefix}evidence.v1"),
            Topic::Links => format!("{prefix}links.v1"),
            Topic::Phones => format!("{prefix}phones.v1"),
            Topic::Rides => format!("{prefix}rides.v1"),
            Topic::Regions => format!("{prefix}reference-regions.v1"),
            Topic::Policies => format!("{prefix}reference-policies.v1"),
            Topic::Decisions => format!("{prefix}decisions.v1"),
            Topic::Status => format!("{prefix}status.v1"),
            Topic::Audit => format!("{prefix}audit.v1"),
            Topic::Clock => format!("{prefix}clock.v1"),
            Topic::Changes => format!("{prefix}code-changes.v1"),
        }
    }

    /// Whether it has as many partitions as the evidence.
    pub fn is_as_evidence(self) -> bool {
        matches!(self, Topic::Evidence | Topic::Phones | Topic::Rides | Topic::Changes)
    }

    /// Whether it always has one partition.
    pub fn is_single(self) -> bool {
        matches!(
            self,
            Topic::Links
                | Topic::Regions
                | Topic::Policies
                | Topic::Decisions
                | Topic::Status
                | Topic::Audit
                | Topic::Clock
        )
    }

    /// Whether states hang on what it holds and on its offsets: made again, it is another topic, and what was judged
    /// from the old one cannot be judged from it. The others may be made again at any time, and nothing goes wrong.
    pub fn holds_state(self) -> bool {
        match self {
            Topic::Evidence
            | Topic::Links
            | Topic::Phones
            | Topic::Rides
            | Topic::Regions
            | Topic::Policies
            | Topic::Decisions
            | Topic::Changes => true,
            Topic::Feed(_) | Topic::DeadLetters(_) | Topic::Status | Topic::Audit | Topic::Clock => false,
        }
    }
}

/// A topic as the log has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicIdentity {
    /// What it is for.
    pub topic: Topic,
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// What tells it from one of the same name that was made later; none where the log cannot say.
    pub id: Option<String>,
}
