//! The topics, by what they are for.
//!
//! Owns their names and the settings that the engine relies on. Must never ask a broker.

use fuma_schemas::Feed;

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
    /// Records of phones, by phone; partitions as the evidence. Nobody reads them yet.
    Phones,
    /// Risk tiers of regions: reference, one partition, kept for ever.
    Regions,
    /// Which packs were put in force: reference, one partition, kept for ever.
    Policies,
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
            Topic::Regions,
            Topic::Policies,
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
            Topic::Regions => format!("{prefix}reference-regions.v1"),
            Topic::Policies => format!("{prefix}reference-policies.v1"),
            Topic::Clock => format!("{prefix}clock.v1"),
            Topic::Changes => format!("{prefix}code-changes.v1"),
        }
    }

    /// Whether it always has one partition.
    pub fn is_single(self) -> bool {
        matches!(self, Topic::Links | Topic::Regions | Topic::Policies | Topic::Clock)
    }
}
