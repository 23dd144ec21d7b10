//! Logs that an older build wrote get their installation: what they say of themselves is compared first.
//!
//! Owns what is asked of them. Must never record an installation beside logs that contradict each other: then colours
//! were announced from evidence that is not there.

use std::collections::BTreeMap;

use fuma_connectors::log::{Log, Topic, TopicIdentity, Topics};
use fuma_schemas::{Colour, Person};

use super::found::{FoundError, Own, installation, new_id};
use super::handle::DecisionLog;
use super::installation::{Here, Installation, NotOurs};
use super::record::Record;
use crate::live::record::Fingerprint;
use crate::live::worker::announcement;
use crate::live::worker::position::Standing;

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// As at a start.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// Topics are missing.
    #[error("{0} is missing: run `fuma topics create` first, which makes what this build adds")]
    Missing(String),
    /// Numbers of partitions that do not go together.
    #[error(
        "{topic} has {found} partitions and {evidence} has {expected}: one of the two was grown or created again, and \
         people are told apart by this number. Start a new installation: another prefix and another group, `fuma \
         topics create`, and send the feeds again"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// Its partitions.
        found: u32,
        /// The topic of evidence.
        evidence: String,
        /// Its partitions.
        expected: u32,
    },
    /// Colours were announced, and the evidence is not there.
    #[error(
        "partition {partition} of {evidence} {holds}, and {people} people are announced red or yellow in {changes}: \
         the evidence was deleted or created again, and judged from it they would all be green. Put the evidence back, \
         or start a new installation: another prefix and another group, `fuma topics create`, and send the feeds again"
    )]
    NoEvidence {
        /// The partition.
        partition: u32,
        /// The topic of evidence.
        evidence: String,
        /// What it holds, in words.
        holds: String,
        /// How many people.
        people: usize,
        /// The topic of changes.
        changes: String,
    },
    /// A position says something else.
    #[error("partition {partition}: the position of group {group} {what}")]
    Position {
        /// The partition.
        partition: u32,
        /// The group.
        group: String,
        /// What it says.
        what: String,
    },
}

impl From<fuma_connectors::log::LogError> for AdoptError {
    fn from(error: fuma_connectors::log::LogError) -> AdoptError {
        FoundError::from(error).into()
    }
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adopted {
    /// The installation.
    pub installation: Installation,
    /// It was recorded before: nothing was written.
    pub was_recorded: bool,
    /// Partitions whose position is not known, though they hold evidence.
    pub without_position: Vec<u32>,
}

/// Compares the logs with each other and with what the process brings, and records the installation.
///
/// # Errors
/// See [`AdoptError`]; nothing was written then.
pub fn adopt(log: &dyn Log, own: &Own, at: i64) -> Result<Adopted, AdoptError> {
    let here = own.look(log).map_err(FoundError::from)?;
    let is_there = |topic: &Topic| here.topics.iter().any(|other| other.topic == *topic);
    let needed = [Topic::Evidence, Topic::Links, Topic::Regions, Topic::Policies, Topic::Decisions, Topic::Changes];
    let prefix = own.names.as_ref().map_or("", |(prefix, _)| prefix.as_str());
    let missing: Vec<String> =
        needed.into_iter().filter(|topic| !is_there(topic)).map(|topic| topic.name(prefix)).collect();
    if !missing.is_empty() {
        return Err(AdoptError::Missing(missing.join(", ")));
    }
    let decisions = DecisionLog::open(log).map_err(FoundError::from)?;
    if let Some(installation) = decisions.installation() {
        installation.accepts(&here).map_err(FoundError::from)?;
        return Ok(Adopted { installation, was_recorded: true, without_position: Vec::new() });
    }
    let looked = compare(log, own, &here)?;
    let id = looked.installation.unwrap_or_else(|| Fingerprint(new_id()));
    let written = Record::Installation(installation(&here, id, true, at));
    decisions.write(&written).map_err(FoundError::from)?;
    let Some(installation) = decisions.installation() else {
        return Err(fuma_connectors::log::LogError::fatal("the record was written, and is not there").into());
    };
    Ok(Adopted { installation, was_recorded: false, without_position: looked.without_position })
}

/// What the partitions say.
#[derive(Default)]
struct Looked {
    /// The installation that positions name: its record was lost.
    installation: Option<Fingerprint>,
    without_position: Vec<u32>,
}

fn compare(log: &dyn Log, own: &Own, here: &Here) -> Result<Looked, AdoptError> {
    let of = |wanted| here.topics.iter().find(|topic: &&TopicIdentity| topic.topic == wanted);
    let (Some(evidence), Some(changes)) = (of(Topic::Evidence), of(Topic::Changes)) else {
        return Err(AdoptError::Missing(Topics::all().len().to_string()));
    };
    if changes.partitions != evidence.partitions {
        return Err(AdoptError::Partitions {
            topic: changes.name.clone(),
            found: changes.partitions,
            evidence: evidence.name.clone(),
            expected: evidence.partitions,
        });
    }
    let group = own.names.as_ref().map_or_else(|| "fuma".to_owned(), |(_, group)| group.clone());
    let mut observer = log.observer()?;
    let mut looked = Looked::default();
    for partition in 0..evidence.partitions {
        let position = observer.position(partition)?;
        let said = |what: String| AdoptError::Position { partition, group: group.clone(), what };
        let standing = Standing::parse(&position.metadata).map_err(|error| said(format!("cannot be read: {error}")))?;
        if let Some(standing) = &standing {
            if standing.origin.key.differs(own.key) {
                let (id, recorded) = (standing.origin.installation, standing.origin.key);
                return Err(FoundError::from(NotOurs::Key { id, recorded, found: own.key }).into());
            }
            let named = Some(standing.origin.installation).filter(|id| id.is_known());
            if let (Some(one), Some(other)) = (looked.installation, named)
                && one != other
            {
                return Err(said(format!("names installation {other}, and another one names {one}: two are mixed")));
            }
            looked.installation = looked.installation.or(named);
        }
        let held = observer.evidence_bounds(partition)?;
        let is_short = position.offset.is_some_and(|offset| held.end < offset);
        if held.end == 0 || is_short {
            let people = coloured(observer.as_mut(), partition)?;
            if people > 0 || is_short {
                let (end, offset) = (held.end, position.offset.unwrap_or(0));
                let holds =
                    if is_short { format!("ends at {end}, and was judged up to {offset}") } else { "is empty".into() };
                let (evidence, changes) = (evidence.name.clone(), changes.name.clone());
                return Err(AdoptError::NoEvidence { partition, evidence, holds, people, changes });
            }
        } else if position.offset.is_none() {
            looked.without_position.push(partition);
        }
    }
    Ok(looked)
}

/// How many people are announced red or yellow.
fn coloured(
    observer: &mut dyn fuma_connectors::log::RestoreLog,
    partition: u32,
) -> Result<usize, fuma_connectors::log::LogError> {
    let mut now: BTreeMap<Person, Colour> = BTreeMap::new();
    observer.read_output(partition, 0, &mut |record| {
        if let Ok(announced) = announcement::read_back(&record) {
            now.insert(announced.person, announced.colour);
        }
        true
    })?;
    Ok(now.values().filter(|colour| **colour != Colour::Green).count())
}
