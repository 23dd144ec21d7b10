//! An installation is made at the first start, where nothing is there yet; where something is, it is adopted by a
//! command, or refused.
//!
//! Owns the order: what is recorded is compared before anything is made. Two processes that start at once write two
//! records, and both go by the first. Must never make a record beside logs that it does not belong to.

use std::hash::{BuildHasher as _, RandomState};

use fuma_connectors::log::{Log, LogError, Topic, TopicIdentity, Topics};

use super::handle::{DecisionError, DecisionLog};
use super::installation::{Formats, Here, Installation, NotOurs};
use super::record::{AddedTopics, Record};
use crate::live::record::Fingerprint;

/// Why a process does not go on.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// The log cannot be asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The decisions cannot be read, or not be understood.
    #[error(transparent)]
    Decisions(#[from] DecisionError),
    /// What is there is not what is recorded.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// Records without an installation.
    #[error(
        "{topic} holds records, and the log of decisions names no installation: an older fuma wrote them, or the log \
         of decisions was deleted. To compare what is there and to record it: fuma topics adopt"
    )]
    NotRecorded {
        /// The first log that holds records.
        topic: String,
    },
    /// Topics are missing beside others that hold records.
    #[error(
        "{missing} is missing, and {topic} holds records that belong with it: created again it would be empty, and \
         colours hang on what it held. Put it back, or start a new installation: another prefix and another group, \
         `fuma topics create`, and send the feeds again"
    )]
    LostUnrecorded {
        /// What is missing.
        missing: String,
        /// The first that holds records.
        topic: String,
    },
}

impl FoundError {
    /// Whether it may pass by itself.
    pub fn passes(&self) -> bool {
        use fuma_connectors::log::Severity;
        match self {
            FoundError::Log(error) | FoundError::Decisions(DecisionError::Log(error)) => {
                error.severity() != Severity::Operator
            }
            _ => false,
        }
    }
}

/// What a process brings of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Own {
    /// Prefix and group of the configuration; none in a folder.
    pub names: Option<(String, String)>,
    /// The fingerprint of the key of the person tokens.
    pub key: Fingerprint,
}

impl Own {
    /// What is there now.
    ///
    /// # Errors
    /// When the log cannot be asked.
    pub fn look(&self, log: &dyn Log) -> Result<Here, LogError> {
        let (names, key) = (self.names.clone(), self.key);
        Ok(Here { names, key, cluster: log.cluster()?, topics: log.topics()? })
    }
}

/// The decisions of the log and its installation, which is made where there is none and nothing it could be of.
///
/// # Errors
/// See [`FoundError`].
pub fn found(log: &dyn Log, own: &Own, at: i64) -> Result<(DecisionLog, Installation), FoundError> {
    let mut here = own.look(log)?;
    if !here.topics.iter().any(|topic| topic.topic == Topic::Decisions) {
        // Says which are missing, and how they are made.
        log.check()?;
        here = own.look(log)?;
    }
    let decisions = DecisionLog::open(log)?;
    if decisions.installation().is_none() {
        let held = first_that_holds(log, &here.topics)?;
        // Another process may have made it, and written to the logs, between the two looks.
        decisions.refresh()?;
        if let (Some(topic), false, None) = (&held, log.is_of_older_build(), decisions.installation()) {
            return Err(FoundError::NotRecorded { topic: topic.clone() });
        }
        if decisions.installation().is_none() {
            refuse_shared_group(log, own)?;
            let adopted = held.is_some();
            decisions.write(&Record::Installation(installation(&here, Fingerprint(new_id()), adopted, at)))?;
        }
    }
    let Some(installation) = decisions.installation() else {
        return Err(LogError::fatal("the record of the installation was written, and is not there").into());
    };
    installation.accepts(&here)?;
    list_added(&decisions, &installation, &here.topics)?;
    let installation = decisions.installation().unwrap_or(installation);
    Ok((decisions, installation))
}

/// A group belongs to one installation. Asked before it is recorded: afterwards it could not be changed.
fn refuse_shared_group(log: &dyn Log, own: &Own) -> Result<(), FoundError> {
    match (log.foreign_positions()?.into_iter().next(), &own.names) {
        (Some(topic), Some((_, group))) => Err(NotOurs::Group { group: group.clone(), topic }.into()),
        _ => Ok(()),
    }
}

/// What is recorded of what is there.
pub(super) fn installation(here: &Here, id: Fingerprint, adopted: bool, at: i64) -> Installation {
    let (prefix, group) = here.names.clone().unwrap_or_default();
    let partitions = here.topics.iter().find(|topic| topic.topic == Topic::Evidence).map_or(0, |it| it.partitions);
    Installation {
        id,
        prefix,
        group,
        partitions,
        cluster: here.cluster.clone(),
        topics: here.topics.iter().map(|topic| (topic.name.clone(), topic.id.clone())).collect(),
        key: here.key,
        formats: Formats::OWN,
        adopted,
        at,
    }
}

/// Topics that a newer build needs were made meanwhile: from now on they belong to the installation.
fn list_added(
    decisions: &DecisionLog,
    installation: &Installation,
    topics: &[TopicIdentity],
) -> Result<(), DecisionError> {
    let added = installation.not_listed(topics);
    if added.is_empty() {
        return Ok(());
    }
    let topics = added.into_iter().map(|topic| (topic.name.clone(), topic.id.clone())).collect();
    decisions.write(&Record::Topics(AddedTopics { topics }))
}

/// The first log with records on which states hang, if any; decisions are no such records.
pub(super) fn first_that_holds(log: &dyn Log, topics: &[TopicIdentity]) -> Result<Option<String>, LogError> {
    let holding = |topic: &&TopicIdentity| topic.topic.holds_state() && topic.topic != Topic::Decisions;
    for topic in topics.iter().filter(holding) {
        for partition in 0..topic.partitions {
            if log.bounds(topic.topic, partition)?.end > 0 {
                return Ok(Some(topic.name.clone()));
            }
        }
    }
    Ok(None)
}

/// Which of the missing topics may be made: what a newer build adds, and no topic that is recorded; without a record
/// none of the old ones, once any of them holds something.
///
/// # Errors
/// When one that is missing must not be made, by name.
pub fn to_create(log: &dyn Log, prefix: &str) -> Result<Vec<Topic>, FoundError> {
    let topics = log.topics()?;
    let is_there = |topic: &Topic| topics.iter().any(|other| other.topic == *topic);
    let missing: Vec<Topic> = Topics::all().into_iter().filter(|topic| !is_there(topic)).collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    let recorded = if is_there(&Topic::Decisions) { DecisionLog::open(log)?.installation() } else { None };
    if let Some(installation) = recorded {
        let names: Vec<String> = missing.iter().map(|topic| topic.name(prefix)).collect();
        let listed = names.iter().map(String::as_str).filter(|name| installation.topics.contains_key(*name));
        let listed: Vec<&str> = listed.collect();
        return if listed.is_empty() { Ok(missing) } else { Err(installation.missing(&listed).into()) };
    }
    let of_every_build =
        |topic: &&Topic| topic.holds_state() && !matches!(topic, Topic::Decisions | Topic::Phones | Topic::Rides);
    let lost: Vec<String> = missing.iter().filter(of_every_build).map(|topic| topic.name(prefix)).collect();
    match first_that_holds(log, &topics)? {
        Some(topic) if !lost.is_empty() => Err(FoundError::LostUnrecorded { missing: lost.join(","), topic }),
        _ => Ok(missing),
    }
}

/// A number that no other installation has.
pub(super) fn new_id() -> [u8; 8] {
    loop {
        // The keys of the standard library's tables are random.
        let id = RandomState::new().hash_one(0_u64).to_be_bytes();
        if id != [0; 8] {
            return id;
        }
    }
}
