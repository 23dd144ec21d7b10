//! Kafka as a whole.
//!
//! Owns what the clients share, the names of transactional ids, and the look at the topics. Must never make a topic.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::append::KafkaAppender;
use super::asker::Asker;
use super::client::{self, ANSWER_WAIT_MAX, Common, Shared, failed};
use super::clock::Clock;
use super::decisions::KafkaDecisions;
use super::feeds::KafkaFeeds;
use super::gaps::Gaps;
use super::keyed::KafkaKeyed;
use super::links::KafkaLinks;
use super::native;
use super::reference::KafkaReference;
use super::restore::KafkaRestoreLog;
use super::settings::KafkaSettings;
use super::topic_settings::partitions_expected;
use super::watching::KafkaWatching;
use super::worker::KafkaWorkerLog;
use crate::log::{
    Appender, Code, Decisions, FeedSource, KeyedSource, LinkSource, Log, LogError, Reference, RestoreLog, Topic,
    TopicIdentity, Topics, Watching, WorkerLog,
};

/// A log on Apache Kafka.
pub struct KafkaLog {
    common: Common,
    clock: Arc<Clock>,
    /// 0 until the topics are there.
    partitions: AtomicU32,
    /// Tells the transactional ids of this process from those of all others.
    process: String,
    workers: AtomicUsize,
}

impl KafkaLog {
    /// Connects, and asks how many partitions there are; 0 where the topic of evidence is missing and the settings do
    /// not say.
    ///
    /// # Errors
    /// When a setting is wrong, or no broker answers.
    pub fn connect(settings: KafkaSettings) -> Result<KafkaLog, LogError> {
        settings.check()?;
        let asker = Asker::new(&settings)?;
        let common = Arc::new(Shared { settings, asker, gaps: Gaps::default() });
        let found = partitions_of(&common, Topic::Evidence)?;
        let partitions = AtomicU32::new(found.or(common.settings.partitions).unwrap_or(0));
        // Two processes that start in the same instant on the same host differ, too.
        let process = format!("{:x}-{:08x}", std::process::id(), RandomState::new().hash_one(()) as u32);
        Ok(KafkaLog { common, clock: Arc::default(), partitions, process, workers: AtomicUsize::new(0) })
    }

    /// The settings.
    pub fn settings(&self) -> &KafkaSettings {
        &self.common.settings
    }
}

/// How many partitions a topic has; none where it is missing.
fn partitions_of(common: &Shared, topic: Topic) -> Result<Option<u32>, LogError> {
    let name = common.settings.topic(topic);
    let metadata = common.asker.ask(|asker| {
        let metadata = asker.fetch_metadata(Some(&name), ANSWER_WAIT_MAX);
        metadata.map_err(|error| failed(&common.settings, &name, &error))
    })?;
    let Some(found) = metadata.topics().first() else { return Ok(None) };
    match found.error() {
        None => Ok(Some(u32::try_from(found.partitions().len()).unwrap_or(u32::MAX))),
        Some(
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART | RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        ) => Ok(None),
        Some(error) => {
            let code = RDKafkaErrorCode::from(error);
            let message = format!("kafka: {name}: {code:?}");
            let kind = if client::is_operators(code) { client::refusal(code) } else { Code::Passing };
            Err(LogError::new(kind, message))
        }
    }
}

/// Our topics that are there, each with its id where the cluster has ids.
fn topics(common: &Shared) -> Result<Vec<TopicIdentity>, LogError> {
    let metadata = common.asker.ask(|asker| {
        let metadata = asker.fetch_metadata(None, ANSWER_WAIT_MAX);
        metadata.map_err(|error| failed(&common.settings, "topics", &error))
    })?;
    let mut found: Vec<TopicIdentity> = Vec::new();
    for topic in Topics::all() {
        let name = common.settings.topic(topic);
        let there = metadata.topics().iter().find(|other| other.name() == name && other.error().is_none());
        let Some(there) = there else { continue };
        let partitions = u32::try_from(there.partitions().len()).unwrap_or(u32::MAX);
        found.push(TopicIdentity { topic, name, partitions, id: None });
    }
    let names: Vec<String> = found.iter().map(|topic| topic.name.clone()).collect();
    let ids = common.asker.ask(|asker| {
        let ids = native::topic_ids(asker.client(), &names, ANSWER_WAIT_MAX);
        ids.map_err(|code| failed(&common.settings, "topics", &KafkaError::AdminOp(code)))
    })?;
    for topic in &mut found {
        topic.id = ids.iter().find(|(name, _)| *name == topic.name).and_then(|(_, id)| id.clone());
    }
    Ok(found)
}

/// What is wrong with a topic, in words.
pub(super) fn wrong(topic: Topic, found: Option<u32>, partitions: u32) -> Option<String> {
    let Some(found) = found else { return Some("is missing".to_owned()) };
    let expected = partitions_expected(topic, found, Some(partitions));
    expected.map(|expected| format!("has {found} partitions, not {expected}"))
}

impl Log for KafkaLog {
    fn partitions(&self) -> u32 {
        self.partitions.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), LogError> {
        // Topics may have been made since the log was connected.
        if let Some(found) = partitions_of(&self.common, Topic::Evidence)? {
            self.partitions.store(found, Ordering::Relaxed);
        }
        let expected = self.common.settings.partitions.unwrap_or(self.partitions());
        let (mut missing, mut problems) = (Vec::new(), Vec::new());
        for topic in Topics::all() {
            let found = partitions_of(&self.common, topic)?;
            if let Some(problem) = wrong(topic, found, expected) {
                let said = format!("{} {problem}", self.common.settings.topic(topic));
                if found.is_none() { missing.push(said) } else { problems.push(said) }
            }
        }
        let message = match (missing.is_empty(), problems.is_empty()) {
            (true, true) => return Ok(()),
            (false, _) => {
                missing.extend(problems);
                format!("kafka: {}; run `fuma topics create` or start with --create-topics", missing.join(", "))
            }
            (true, false) => format!(
                "kafka: {}; where there are too few, add them (kafka-topics.sh --alter --topic NAME --partitions N); \
                 none can be taken away: use another prefix and `fuma topics create`",
                problems.join(", ")
            ),
        };
        Err(LogError::new(Code::Topics, message))
    }

    fn feeds(&self, slot: usize) -> Result<Box<dyn FeedSource>, LogError> {
        Ok(Box::new(KafkaFeeds::new(Arc::clone(&self.common), slot)?))
    }

    fn appender(&self, name: &str) -> Result<Box<dyn Appender>, LogError> {
        Ok(Box::new(KafkaAppender::new(Arc::clone(&self.common), name)?))
    }

    fn links(&self) -> Result<Box<dyn LinkSource>, LogError> {
        Ok(Box::new(KafkaLinks::new(Arc::clone(&self.common))?))
    }

    fn keyed(&self, topic: Topic) -> Result<Box<dyn KeyedSource>, LogError> {
        Ok(Box::new(KafkaKeyed::new(Arc::clone(&self.common), topic)?))
    }

    fn reference(&self) -> Result<Box<dyn Reference>, LogError> {
        Ok(Box::new(KafkaReference::new(Arc::clone(&self.common))?))
    }

    fn worker(&self, slot: usize) -> Result<Box<dyn WorkerLog>, LogError> {
        // One that begins anew in the same slot is another owner: it never fences itself.
        let turn = self.workers.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{}-{slot}-{turn}", self.common.settings.group, self.process);
        Ok(Box::new(KafkaWorkerLog::new(Arc::clone(&self.common), Arc::clone(&self.clock), slot, id)?))
    }

    fn decisions(&self) -> Result<Box<dyn Decisions>, LogError> {
        Ok(Box::new(KafkaDecisions::new(Arc::clone(&self.common))))
    }

    fn topics(&self) -> Result<Vec<TopicIdentity>, LogError> {
        topics(&self.common)
    }

    fn cluster(&self) -> Result<Option<String>, LogError> {
        self.common.asker.ask(|asker| Ok(asker.client().fetch_cluster_id(ANSWER_WAIT_MAX)))
    }

    fn foreign_positions(&self) -> Result<Vec<String>, LogError> {
        let settings = &self.common.settings;
        let mut found = self.common.asker.ask(|asker| {
            let found = native::topics_of_group(asker.client(), &settings.group, ANSWER_WAIT_MAX);
            found.map_err(|code| failed(settings, &settings.group, &KafkaError::AdminOp(code)))
        })?;
        let own: Vec<String> = Topics::all().into_iter().map(|topic| settings.topic(topic)).collect();
        found.retain(|topic| !own.contains(topic));
        Ok(found)
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Range<u64>, LogError> {
        self.common.bounds(&self.common.settings.topic(topic), partition)
    }

    fn observer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        Ok(Box::new(KafkaRestoreLog::new(Arc::clone(&self.common), String::new())?))
    }

    fn watching(&self) -> Result<Box<dyn Watching>, LogError> {
        Ok(Box::new(KafkaWatching::new(self.common.settings.clone())?))
    }
}
