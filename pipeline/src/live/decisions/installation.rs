//! What an installation is, and what is there now: compared, and refused by name where they differ.
//!
//! Owns the words of the refusals: both values, and a way out that is true. Must never ask a log by itself.

use std::collections::BTreeMap;

use fuma_connectors::log::{Topic, TopicIdentity};
use serde::{Deserialize, Serialize};

use crate::live::record::Fingerprint;

/// What is recorded of an installation, once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Installation {
    /// What tells it from all others; the same 8 bytes stand in messages, positions and snapshots.
    pub id: Fingerprint,
    /// What the names of its topics begin with.
    pub prefix: String,
    /// The group of its workers; those of other stages are named after it.
    pub group: String,
    /// Partitions of evidence and changes: people are told apart by this number.
    pub partitions: u32,
    /// The cluster that holds its topics; none where there is nothing to be told apart.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Its topics by name, each with its id where the log has ids.
    pub topics: BTreeMap<String, Option<String>>,
    /// The fingerprint of the key of the person tokens.
    pub key: Fingerprint,
    /// The formats with which it began.
    pub formats: Formats,
    /// Whether logs were there before it: an older build wrote them, without its id.
    #[serde(default)]
    pub adopted: bool,
    /// When it was made, in milliseconds UTC.
    pub at: i64,
}

/// The versions of what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Formats {
    /// Of messages.
    pub message: u32,
    /// Of positions.
    pub position: u32,
    /// Of snapshots.
    pub snapshot: u32,
}

impl Formats {
    /// What this build writes.
    pub const OWN: Formats = Formats { message: 2, position: 2, snapshot: 2 };
}

/// What is there now: the configuration of a process, and the log as it finds it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Here {
    /// Prefix and group of the configuration; none in a folder, where they name nothing.
    pub names: Option<(String, String)>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The topics that are there.
    pub topics: Vec<TopicIdentity>,
    /// The fingerprint of the key; not known to commands that have none.
    pub key: Fingerprint,
}

/// How an installation is left alone, and another one begun.
const BEGIN_ANOTHER: &str = "start a new installation: another prefix and another group (in a folder another --state), \
                             `fuma topics create`, and send the feeds again";

/// What is there is not the installation that is recorded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotOurs {
    /// Another key.
    #[error(
        "installation {id} was made with another key of the person tokens (fingerprint {recorded}; the one given here \
         has {found}): start with its key. To use this key, {another}",
        another = BEGIN_ANOTHER
    )]
    Key {
        /// The installation.
        id: Fingerprint,
        /// The fingerprint in the record.
        recorded: Fingerprint,
        /// The one that was given.
        found: Fingerprint,
    },
    /// Another prefix or group.
    #[error(
        "the topics belong to installation {id}, which has the {what} {recorded}, and {found} is configured: two of \
         them would announce everything twice. Set {what} = {recorded}, or {another}",
        another = BEGIN_ANOTHER
    )]
    Name {
        /// The installation.
        id: Fingerprint,
        /// Prefix or group.
        what: &'static str,
        /// What the record says.
        recorded: String,
        /// What is configured.
        found: String,
    },
    /// The group is another installation's.
    #[error(
        "the group {group} has positions in {topic}: it is the group of another installation, and a process of the one \
         would be given partitions of the other. Set another group here (group, or --group), and start again"
    )]
    Group {
        /// The group.
        group: String,
        /// The topic of the other.
        topic: String,
    },
    /// Another cluster.
    #[error(
        "installation {id} is on cluster {recorded}, and the brokers here are of cluster {found}: offsets differ even \
         where topics were copied. Connect to its own cluster; to go on here, {another}",
        another = BEGIN_ANOTHER
    )]
    Cluster {
        /// The installation.
        id: Fingerprint,
        /// What the record says.
        recorded: String,
        /// What is there.
        found: String,
    },
    /// Another number of partitions.
    #[error(
        "{topic} has {found} partitions, and installation {id} was made with {recorded}: people are told apart by this \
         number, so half of them would be looked for where they are not. Partitions cannot be taken away: \
         {another}, created with --partitions {found}",
        another = BEGIN_ANOTHER
    )]
    Partitions {
        /// The installation.
        id: Fingerprint,
        /// The topic.
        topic: String,
        /// What the record says.
        recorded: u32,
        /// What is there.
        found: u32,
    },
    /// Topics are missing whose contents nothing hangs on.
    #[error(
        "installation {id} has the topics {topics}, and they are not there: were they deleted? No state hangs on them. \
         To create them again: fuma topics create --again {topics}"
    )]
    Missing {
        /// The installation.
        id: Fingerprint,
        /// Their names, with commas.
        topics: String,
    },
    /// Topics are missing on which states hang.
    #[error(
        "installation {id} has the topics {topics}, and they are not there: were they deleted, or is this another \
         cluster? Colours hang on what they held: created again they would be empty, and nobody would be red or yellow \
         any more. Nothing was changed. If they are lost, {another}",
        another = BEGIN_ANOTHER
    )]
    Lost {
        /// The installation.
        id: Fingerprint,
        /// Their names, with commas.
        topics: String,
    },
    /// Topics were made again under the same names.
    #[error(
        "the topics {topics} of installation {id} were deleted and created again (id {found}, and {recorded} is \
         recorded): colours hang on what they held before, and are not judged from what they hold now. Nothing was \
         changed. {begin}",
        begin = sentence(BEGIN_ANOTHER)
    )]
    MadeAgain {
        /// The installation.
        id: Fingerprint,
        /// Their names, with commas.
        topics: String,
        /// The id of the first, as recorded.
        recorded: String,
        /// The id of the first, as it is.
        found: String,
    },
    /// A newer build made it.
    #[error(
        "installation {id} stores {what} in format {recorded}, and this build knows up to {own}: start a build that is \
         at least as new"
    )]
    Newer {
        /// The installation.
        id: Fingerprint,
        /// Of what.
        what: &'static str,
        /// What the record says.
        recorded: u32,
        /// What this build knows.
        own: u32,
    },
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl NotOurs {
    /// A short name, for metrics and tests.
    pub fn code(&self) -> &'static str {
        match self {
            NotOurs::Key { .. } => "other-key",
            NotOurs::Name { .. } | NotOurs::Group { .. } => "other-installation",
            NotOurs::Cluster { .. } => "other-cluster",
            NotOurs::Partitions { .. } => "other-partitions",
            NotOurs::Missing { .. } | NotOurs::Lost { .. } => "topics-missing",
            NotOurs::MadeAgain { .. } => "topics-made-again",
            NotOurs::Newer { .. } => "newer-format",
        }
    }
}

impl Installation {
    /// What is there now, compared with what is recorded.
    ///
    /// # Errors
    /// The first difference that matters.
    pub fn accepts(&self, here: &Here) -> Result<(), NotOurs> {
        self.accepts_formats()?;
        if here.key.differs(self.key) {
            return Err(NotOurs::Key { id: self.id, recorded: self.key, found: here.key });
        }
        if let Some((prefix, group)) = &here.names {
            for (what, recorded, found) in [("prefix", &self.prefix, prefix), ("group", &self.group, group)] {
                if recorded != found {
                    let (recorded, found) = (recorded.clone(), found.clone());
                    return Err(NotOurs::Name { id: self.id, what, recorded, found });
                }
            }
        }
        if let (Some(recorded), Some(found)) = (&self.cluster, &here.cluster)
            && recorded != found
        {
            return Err(NotOurs::Cluster { id: self.id, recorded: recorded.clone(), found: found.clone() });
        }
        self.accepts_topics(&here.topics)
    }

    fn accepts_formats(&self) -> Result<(), NotOurs> {
        let own = Formats::OWN;
        let all = [
            ("messages", self.formats.message, own.message),
            ("positions", self.formats.position, own.position),
            ("snapshots", self.formats.snapshot, own.snapshot),
        ];
        match all.into_iter().find(|(_, recorded, own)| recorded > own) {
            None => Ok(()),
            Some((what, recorded, own)) => Err(NotOurs::Newer { id: self.id, what, recorded, own }),
        }
    }

    fn accepts_topics(&self, topics: &[TopicIdentity]) -> Result<(), NotOurs> {
        let of = |name: &str| topics.iter().find(|topic| topic.name == name);
        let missing: Vec<&str> = self.topics.keys().map(String::as_str).filter(|name| of(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(self.missing(&missing));
        }
        let mut again = topics.iter().filter(|topic| topic.topic.holds_state()).filter_map(|topic| {
            let recorded = self.topics.get(&topic.name)?.as_ref()?;
            let found = topic.id.as_ref().filter(|found| *found != recorded)?;
            Some((topic.name.as_str(), recorded.clone(), found.clone()))
        });
        if let Some((first, recorded, found)) = again.next() {
            let topics: Vec<&str> = std::iter::once(first).chain(again.map(|(name, ..)| name)).collect();
            return Err(NotOurs::MadeAgain { id: self.id, topics: topics.join(","), recorded, found });
        }
        let is_counted = |topic: &&TopicIdentity| topic.topic.is_as_evidence();
        match topics.iter().filter(is_counted).find(|topic| topic.partitions != self.partitions) {
            None => Ok(()),
            Some(TopicIdentity { name, partitions, .. }) => Err(NotOurs::Partitions {
                id: self.id,
                topic: name.clone(),
                recorded: self.partitions,
                found: *partitions,
            }),
        }
    }

    /// What is said of topics that are recorded and are not there.
    pub fn missing(&self, names: &[&str]) -> NotOurs {
        let holding = |name: &&&str| self.holds_state(name);
        let lost: Vec<&str> = names.iter().filter(holding).copied().collect();
        match lost.is_empty() {
            true => NotOurs::Missing { id: self.id, topics: names.join(",") },
            false => NotOurs::Lost { id: self.id, topics: lost.join(",") },
        }
    }

    /// Whether states hang on the topic of that name; one that this build does not know may hold them.
    pub fn holds_state(&self, name: &str) -> bool {
        let known = fuma_connectors::log::Topics::all().into_iter().find(|topic| topic.name(&self.prefix) == name);
        known.is_none_or(Topic::holds_state)
    }

    /// Those topics that are there, and that the record does not list yet.
    pub fn not_listed<'a>(&self, topics: &'a [TopicIdentity]) -> Vec<&'a TopicIdentity> {
        topics.iter().filter(|topic| !self.topics.contains_key(&topic.name)).collect()
    }
}
