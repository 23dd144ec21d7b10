//! What the log says: positions, ends, the processes' own words, the pack in force.
//!
//! Owns the questions. Takes no lock, joins no group, and asks no process.

use std::path::Path;

use fuma_connectors::folder::FolderWatching;
use fuma_connectors::kafka::{KafkaSettings, KafkaWatching};
use fuma_connectors::log::{LogError, Topic, Watching};

use super::StatusArguments;
use crate::commands::CommandError;
use crate::commands::kafka::KafkaArguments;
use crate::config::Config;
use crate::live::decisions::Fold;
use crate::live::service::policies::InForce;
use crate::live::status::answer::{HeldName, Seen};
use crate::live::status::entry::{Entry, PolicyName};

/// All that is known of the log that the arguments name.
pub(super) fn seen(arguments: &StatusArguments) -> Result<Seen, CommandError> {
    if let Some(dir) = &arguments.state {
        return Ok(of_folder(dir)?);
    }
    let config = arguments.kafka.configuration()?;
    if !config.is_on_kafka() {
        return Ok(of_folder(&config.state)?);
    }
    let connection = arguments.kafka.connection_of(&config.kafka)?;
    let names = (connection.topic(Topic::Evidence), connection.topic(Topic::Links));
    Ok(read(&mut of_kafka(&arguments.kafka, &config, arguments.group.as_ref())?, names)?)
}

/// A look from outside at the log that arguments name.
pub(in crate::commands) fn watching(
    kafka: &KafkaArguments,
    state: Option<&Path>,
) -> Result<Box<dyn Watching>, CommandError> {
    if let Some(dir) = state {
        return Ok(Box::new(FolderWatching::open(dir)?));
    }
    let config = kafka.configuration()?;
    match config.is_on_kafka() {
        true => Ok(Box::new(of_kafka(kafka, &config, None)?)),
        false => Ok(Box::new(FolderWatching::open(&config.state)?)),
    }
}

fn of_kafka(
    arguments: &KafkaArguments,
    config: &Config,
    group: Option<&String>,
) -> Result<KafkaWatching, CommandError> {
    let connection = arguments.connection_of(&config.kafka)?;
    let mut settings = KafkaSettings::new(connection.bootstrap(), group.unwrap_or(&config.group).as_str());
    settings.prefix.clone_from(&config.kafka.prefix);
    let configured = config.kafka.client.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let given = arguments.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
    settings.client = configured.chain(given).collect();
    Ok(KafkaWatching::new(settings)?)
}

fn of_folder(dir: &Path) -> Result<Seen, LogError> {
    read(&mut FolderWatching::open(dir)?, ("evidence".to_owned(), "links".to_owned()))
}

fn read(watching: &mut dyn Watching, (topic, links): (String, String)) -> Result<Seen, LogError> {
    // Positions before ends: what is committed meanwhile is lag, never less than nothing.
    let positions = watching.positions()?;
    let bounds = watching.bounds()?;
    let (mut oldest, mut hollow) = (Vec::with_capacity(positions.len()), Vec::with_capacity(positions.len()));
    for (partition, (position, held)) in (0_u32..).zip(positions.iter().zip(&bounds)) {
        let next = held.as_ref().map(|held| position.offset.unwrap_or(0).max(held.start));
        let open = held.as_ref().zip(next).map(|(held, next)| next..held.end).filter(|open| !open.is_empty());
        let waits = open.clone().map_or(Ok(false), |open| watching.waits(partition, open))?;
        hollow.push(open.is_some() && !waits);
        oldest.push(match next.filter(|_| waits) {
            Some(next) => watching.appended_at(partition, next)?,
            None => None,
        });
    }
    let (policies, decisions) = (watching.read(Topic::Policies)?, watching.read(Topic::Decisions)?);
    let decided = decided(&decisions);
    let statuses = watching.read(Topic::Status)?;
    let entries = statuses.iter().filter_map(|record| Some((Entry::parse(&record.value)?, record.at)));
    Ok(Seen {
        entries: entries.collect(),
        policy: decided.policy.or_else(|| policy(&policies)),
        holds: decided.holds,
        fold: decided.fold,
        installation: installation(&decisions),
        topic,
        links,
        positions,
        bounds,
        hollow,
        oldest,
    })
}

/// The installation: the first record that names one.
fn installation(records: &[fuma_connectors::log::Entry]) -> Option<serde_json::Value> {
    let mut values =
        records.iter().filter_map(|record| serde_json::from_slice::<serde_json::Value>(&record.value).ok());
    values.find(|value| value.get("type").and_then(serde_json::Value::as_str) == Some("installation"))
}

/// What was decided.
#[derive(Default)]
struct Decided {
    policy: Option<PolicyName>,
    holds: Vec<HeldName>,
    fold: Fold,
}

/// The pack in force, and the holds that are not released.
fn decided(records: &[fuma_connectors::log::Entry]) -> Decided {
    use crate::live::worker::clock::{SystemWall, Wall as _};

    let mut fold = Fold::default();
    for (offset, record) in (0_u64..).zip(records) {
        fold.take(offset, record.at, &record.value);
    }
    let basis = fold.basis();
    let in_force = basis.in_force(SystemWall::default().now().0.max(basis.clock_ms()));
    let policy = in_force.map(|switch| PolicyName {
        id: switch.pack.id.clone(),
        version: switch.pack.version.clone(),
        digest: switch.pack.digest.chars().take(16).collect(),
    });
    let holds = basis.holds().map(|hold| HeldName {
        id: hold.held.id.clone(),
        reason: hold.held.reason.clone(),
        since: fuma_schemas::Instant(hold.held.at).to_string(),
    });
    let holds = holds.collect();
    Decided { policy, holds, fold }
}

/// The pack in force by an older build: the last that was put in force.
fn policy(records: &[fuma_connectors::log::Entry]) -> Option<PolicyName> {
    let newest = records.iter().rev().find_map(|record| serde_json::from_slice::<InForce>(&record.value).ok())?;
    Some(PolicyName { id: newest.id, version: newest.version, digest: newest.pack })
}
