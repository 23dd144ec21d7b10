//! Topics: made where they are missing, and compared with what fuma relies on.
//!
//! Owns the questions to the cluster. Must never change or delete a topic that is there.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use super::client::now;
use super::connection::{ANSWER_WAIT_MAX, Connection};
use super::topic_settings::{
    COPIES_SYNCED, copies_synced, copies_synced_expected, is_vital, partitions_expected, settings,
};
use crate::log::{LogError, Topic, Topics};

/// Hundreds of partitions take a small broker some seconds.
const CREATION_WAIT_MAX: Duration = Duration::from_secs(60);
/// Copies of each partition, where there are brokers for them.
const COPIES: u32 = 3;

/// Something that is not as fuma needs it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Difference {
    /// The topic.
    pub topic: String,
    /// Which setting, or "topic" where it is missing.
    pub setting: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// What is said of a setting that this user may not read.
const UNKNOWN: &str = "unknown";

impl Difference {
    /// Whether the setting could not be read: the user has no right to (DescribeConfigs), so nothing is known to be
    /// wrong.
    pub fn is_unknown(&self) -> bool {
        self.found == UNKNOWN
    }

    /// Whether records are lost by it that colours hang on.
    pub fn is_vital(&self, prefix: &str) -> bool {
        let holding = Topics::all().into_iter().filter(|topic| topic.holds_state());
        !self.is_unknown()
            && is_vital(&self.setting)
            && holding.into_iter().any(|topic| topic.name(prefix) == self.topic)
    }
}

/// What became of the topics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Creation {
    /// Made now.
    pub created: Vec<String>,
    /// Were there; they are as they were.
    pub existed: Vec<String>,
}

/// How topics are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Partitions of evidence and changes; a feed, and its dead letters, get a quarter of them.
    pub partitions: u32,
    /// Copies of each partition; without it three, or as many as there are brokers.
    pub replication_factor: Option<u32>,
}

/// Asks a cluster about its topics.
pub struct Admin {
    connection: Connection,
    client: AdminClient<DefaultClientContext>,
}

/// How many partitions a topic is made with. A quarter of them carries a feed easily: one is read at hundreds of
/// thousands of records a second. More would cost: librdkafka asks for each partition of each feed with every fetch.
fn partitions_to_make(topic: Topic, partitions: u32, of_feed: Option<u32>) -> u32 {
    let quarter = (partitions / 4).max(1);
    match topic {
        _ if topic.is_single() => 1,
        Topic::Feed(_) => quarter,
        // The feed may have been there before.
        Topic::DeadLetters(_) => of_feed.unwrap_or(quarter).max(quarter),
        _ => partitions,
    }
}

/// The cluster as it is.
#[derive(Default)]
struct Cluster {
    brokers: u32,
    /// The number of partitions of each topic; 0 of one that is just being made.
    partitions: BTreeMap<String, u32>,
    /// How many copies each partition of a topic has at least.
    copies: BTreeMap<String, u32>,
}

impl Admin {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// When the settings of the connection are none.
    pub fn new(connection: &Connection) -> Result<Admin, LogError> {
        let client = connection.client().create().map_err(|error| connection.failed("client settings", &error))?;
        Ok(Admin { connection: connection.clone(), client })
    }

    /// How many partitions a topic has; none where it is missing.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn partitions(&self, topic: Topic) -> Result<Option<u32>, LogError> {
        Ok(self.cluster()?.partitions.get(&self.connection.topic(topic)).copied())
    }

    /// Makes those topics that are not there.
    ///
    /// # Errors
    /// When the cluster does not answer, or refuses one: those before it are made.
    pub fn create(&self, layout: Layout, wanted: &[Topic]) -> Result<Creation, LogError> {
        let cluster = self.cluster()?;
        let copies = layout.replication_factor.unwrap_or(COPIES.min(cluster.brokers)).max(1);
        let is_there = |topic: &Topic| cluster.partitions.contains_key(&self.name(*topic));
        let existing: Vec<Topic> = Topics::all().into_iter().filter(is_there).collect();
        let missing: Vec<Topic> = wanted.iter().filter(|topic| !is_there(topic)).copied().collect();
        let names = |topics: &[Topic]| topics.iter().map(|topic| self.name(*topic)).collect::<Vec<String>>();
        let (created, existed) = (names(&missing), names(&existing));
        if !missing.is_empty() {
            self.make(&missing, &cluster, layout.partitions, copies)?;
            self.wait_for(&created)?;
        }
        Ok(Creation { created, existed })
    }

    /// What is missing or differs, by name. Without a number of partitions, changes must have as many as evidence.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn check(&self, partitions: Option<u32>) -> Result<Vec<Difference>, LogError> {
        let cluster = self.cluster()?;
        let mut found = Vec::new();
        let mut present = Vec::new();
        for topic in Topics::all() {
            match cluster.partitions.get(&self.name(topic)) {
                None => found.push(self.difference(topic, "topic", "present", "missing")),
                Some(_) => present.push(topic),
            }
        }
        for topic in &present {
            found.extend(self.wrong_partitions(*topic, &cluster, partitions));
        }
        let described = self.describe(&present)?;
        found.extend(self.wrong_settings(&present, &described));
        found.extend(self.wrong_copies(&present, &cluster, &described));
        found.sort();
        Ok(found)
    }

    fn wrong_settings(
        &self,
        topics: &[Topic],
        described: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        for topic in topics.iter().copied() {
            let name = self.name(topic);
            for setting in settings(topic) {
                let value = described.get(&name).and_then(|values| values.get(setting.name)).map(String::as_str);
                let value = value.unwrap_or(UNKNOWN);
                if let Some(expected) = setting.expected(value) {
                    found.push(self.difference(topic, setting.name, &expected, value));
                }
            }
        }
        found
    }

    /// With one copy in sync that is enough, a record that was acknowledged is gone with one disk.
    fn wrong_copies(
        &self,
        topics: &[Topic],
        cluster: &Cluster,
        described: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Vec<Difference> {
        let wrong = |topic: &Topic| {
            let (name, setting) = (self.name(*topic), COPIES_SYNCED);
            let value = described.get(&name)?.get(setting)?;
            let expected = copies_synced_expected(*cluster.copies.get(&name)?, value)?;
            Some(self.difference(*topic, setting, &expected, value))
        };
        topics.iter().filter_map(wrong).collect()
    }

    fn wrong_partitions(&self, topic: Topic, cluster: &Cluster, asked: Option<u32>) -> Option<Difference> {
        let count = |topic: Topic| cluster.partitions.get(&self.name(topic)).copied();
        let found = count(topic)?;
        let expected = partitions_expected(topic, found, asked.or_else(|| count(Topic::Evidence)));
        expected.map(|expected| self.difference(topic, "partitions", &expected, &found.to_string()))
    }

    fn difference(&self, topic: Topic, setting: &str, expected: &str, found: &str) -> Difference {
        Difference {
            topic: self.name(topic),
            setting: setting.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    fn name(&self, topic: Topic) -> String {
        self.connection.topic(topic)
    }

    fn cluster(&self) -> Result<Cluster, LogError> {
        let metadata = self.client.inner().fetch_metadata(None, ANSWER_WAIT_MAX);
        let metadata = metadata.map_err(|error| self.connection.failed("topics", &error))?;
        let partitions = metadata.topics().iter().filter(|topic| topic.error().is_none());
        let count = |partitions: usize| u32::try_from(partitions).unwrap_or(u32::MAX);
        let mut cluster = Cluster { brokers: count(metadata.brokers().len()), ..Cluster::default() };
        for topic in partitions {
            let copies = topic.partitions().iter().map(|partition| count(partition.replicas().len())).min();
            cluster.partitions.insert(topic.name().to_owned(), count(topic.partitions().len()));
            cluster.copies.insert(topic.name().to_owned(), copies.unwrap_or(0));
        }
        Ok(cluster)
    }

    fn make(&self, topics: &[Topic], cluster: &Cluster, partitions: u32, copies: u32) -> Result<(), LogError> {
        let copies_synced = copies_synced(copies).to_string();
        let plans: Vec<_> = topics.iter().map(|topic| (self.name(*topic), *topic, settings(*topic))).collect();
        let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let topics: Vec<NewTopic<'_>> = plans
            .iter()
            .map(|(name, topic, settings)| {
                let feed = match topic {
                    Topic::DeadLetters(feed) => cluster.partitions.get(&self.name(Topic::Feed(*feed))).copied(),
                    _ => None,
                };
                let partitions = partitions_to_make(*topic, partitions, feed);
                let new = NewTopic::new(name, count(partitions), TopicReplication::Fixed(count(copies)));
                let new = new.set(COPIES_SYNCED, &copies_synced);
                settings.iter().fold(new, |new, setting| new.set(setting.name, &setting.value))
            })
            .collect();
        let options =
            AdminOptions::new().request_timeout(Some(CREATION_WAIT_MAX)).operation_timeout(Some(CREATION_WAIT_MAX));
        let results = block_on(self.client.create_topics(&topics, &options));
        for result in results.map_err(|error| self.connection.failed("creating topics", &error))? {
            match result {
                // Another made it at the same time.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    return Err(LogError::operator(format!(
                        "{name} cannot be created with {copies} copies a partition: {code}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// The controller has made them; until every broker leads its partitions, a client may be told that there is no
    /// such topic, or that it asks the wrong broker.
    fn wait_for(&self, names: &[String]) -> Result<(), LogError> {
        let begun = now();
        loop {
            let cluster = self.cluster()?;
            if names.iter().all(|name| self.is_led(name, cluster.partitions.get(name).copied().unwrap_or(0))) {
                return Ok(());
            }
            if begun.elapsed() > CREATION_WAIT_MAX {
                return Err(LogError::transient(
                    "the new topics are not visible yet: run `fuma topics check` in a moment",
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether every partition of a topic answers.
    fn is_led(&self, name: &str, partitions: u32) -> bool {
        let answers = |partition: u32| {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            self.client.inner().fetch_watermarks(name, partition, ANSWER_WAIT_MAX).is_ok()
        };
        partitions > 0 && (0..partitions).all(answers)
    }

    fn describe(&self, topics: &[Topic]) -> Result<BTreeMap<String, BTreeMap<String, String>>, LogError> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: Vec<String> = topics.iter().map(|topic| self.name(*topic)).collect();
        let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WAIT_MAX));
        let answers = block_on(self.client.describe_configs(&asked, &options));
        let mut found = BTreeMap::new();
        for answer in answers.map_err(|error| self.connection.failed("settings of topics", &error))? {
            let resource = answer.map_err(|code| LogError::operator(format!("settings of topics: {code}")))?;
            let ConfigResource { specifier: OwnedResourceSpecifier::Topic(name), entries } = resource else { continue };
            let values = entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
            found.insert(name, values);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service whose user may not read settings starts: that they are not known is no reason to refuse.
    #[test]
    fn a_setting_that_may_not_be_read_is_not_vital() {
        let of = |found: &str| Difference {
            topic: "f.evidence.v1".into(),
            setting: "cleanup.policy".into(),
            expected: "delete".into(),
            found: found.into(),
        };
        assert!(of("compact").is_vital("f.") && !of("compact").is_unknown());
        assert!(of(UNKNOWN).is_unknown() && !of(UNKNOWN).is_vital("f."));
    }
}
