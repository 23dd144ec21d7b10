//! The log that the configuration names: Apache Kafka, or a folder.
//!
//! Owns the choice, and what the configuration says to each. The engine sees a [`Log`] and never which.

use std::sync::Arc;

use fuma_connectors::log::{Log, LogError};
use fuma_schemas::Feed;

use super::Service;
use crate::config::Config;
use crate::live::decisions::FoundError;
#[cfg(feature = "kafka")]
use crate::live::decisions::to_create;
use crate::live::record::Fingerprint;

/// Opens the log.
///
/// # Errors
/// When it cannot be opened, or topics are missing that must not be created; says what to do.
pub(super) fn log(service: &Service) -> Result<Arc<dyn Log>, FoundError> {
    match &service.config.kafka.bootstrap {
        Some(bootstrap) => kafka(service, bootstrap),
        None => Ok(folder(&service.config, service.wishes.stdin, service.origin().key)?),
    }
}

/// The settings of the clients, as the configuration has them.
#[cfg(feature = "kafka")]
pub(crate) fn kafka_settings(config: &Config, bootstrap: &str) -> fuma_connectors::kafka::KafkaSettings {
    let map = |settings: &crate::config::ClientSettings| {
        settings.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let mut settings = fuma_connectors::kafka::KafkaSettings::new(bootstrap, config.group.as_str());
    settings.prefix.clone_from(&config.kafka.prefix);
    settings.partitions = config.kafka.partitions_expected();
    settings.instance.clone_from(&config.kafka.instance);
    settings.client = map(&config.kafka.client);
    settings.consumer = map(&config.kafka.consumer);
    settings.producer = map(&config.kafka.producer);
    settings
}

#[cfg(feature = "kafka")]
fn kafka(service: &Service, bootstrap: &str) -> Result<Arc<dyn Log>, FoundError> {
    use fuma_connectors::kafka::admin::Admin;
    use fuma_connectors::kafka::{Connection, KafkaLog, on_place};

    on_place(crate::live::fault::place);
    let mut settings = kafka_settings(&service.config, bootstrap);
    settings.stop = service.stop.clone();
    let client = settings.client.clone().into_iter().collect();
    let connection = Connection::new(bootstrap, &service.config.kafka.prefix, client)?;
    settings.check()?;
    for (name, value) in &settings.client {
        if let Some(why) = fuma_connectors::client_settings::weakness(name, value) {
            tracing::warn!(setting = name, "TLS is worth little with this setting: {why}");
        }
    }
    connection.knock()?;
    if service.wishes.create_topics {
        create_topics(&service.config, &Admin::new(&connection)?, &KafkaLog::connect(settings.clone())?)?;
    }
    Ok(Arc::new(KafkaLog::connect(settings)?))
}

/// Makes what a newer build adds, and all of a new installation; never what is recorded.
#[cfg(feature = "kafka")]
fn create_topics(
    config: &Config,
    admin: &fuma_connectors::kafka::admin::Admin,
    log: &fuma_connectors::kafka::KafkaLog,
) -> Result<(), FoundError> {
    use fuma_connectors::kafka::admin::Layout;
    use fuma_connectors::log::Topic;

    let config = &config.kafka;
    let missing = to_create(log, &config.prefix)?;
    let partitions = match config.partitions_expected() {
        Some(partitions) => partitions,
        None => admin.partitions(Topic::Evidence)?.unwrap_or(config.partitions_new()),
    };
    let layout = Layout { partitions, replication_factor: config.replication_factor_new() };
    let created = admin.create(layout, &missing)?.created;
    if !created.is_empty() {
        tracing::info!(topics = created.join(", "), partitions, "made");
    }
    Ok(())
}

/// Settings by which records would be lost are refused at the start, not found when they are gone.
///
/// # Errors
/// Names topic, setting and both values.
#[cfg(feature = "kafka")]
pub(super) fn refuse_settings(service: &Service) -> Result<(), LogError> {
    use fuma_connectors::kafka::Connection;
    use fuma_connectors::kafka::admin::{Admin, Difference};
    use fuma_connectors::log::Severity;

    let Some(bootstrap) = &service.config.kafka.bootstrap else { return Ok(()) };
    let client = kafka_settings(&service.config, bootstrap).client.into_iter().collect();
    let connection = Connection::new(bootstrap, &service.config.kafka.prefix, client)?;
    let differences = match Admin::new(&connection)?.check(None) {
        Ok(differences) => differences,
        Err(error) if error.severity() == Severity::Operator => {
            tracing::warn!(%error, "the settings of the topics cannot be compared: see `fuma topics check`");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let prefix = &service.config.kafka.prefix;
    let (unknown, known): (Vec<_>, Vec<_>) = differences.into_iter().partition(Difference::is_unknown);
    let mut topics: Vec<&str> = unknown.iter().map(|difference| difference.topic.as_str()).collect();
    topics.dedup();
    if !topics.is_empty() {
        let topics = topics.len();
        tracing::warn!(topics, "the settings of topics may not be read by this user: see `fuma topics check`");
    }
    for difference in known.iter().filter(|difference| !difference.is_vital(prefix)) {
        let Difference { topic, setting, expected, found } = difference;
        tracing::warn!(topic, setting, expected, found, "a setting of a topic differs: see `fuma topics check`");
    }
    match known.iter().find(|difference| difference.is_vital(prefix)) {
        None => Ok(()),
        Some(found) => Err(LogError::new(
            fuma_connectors::log::Code::Topics,
            format!(
                "{topic}: the setting {setting} is {value}, and must be {expected}: records would be lost that colours \
                 hang on. Change it: kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config \
                 {setting}=...; `fuma topics check` shows all differences",
                topic = found.topic,
                setting = found.setting,
                value = found.found,
                expected = found.expected,
            ),
        )),
    }
}

/// A folder has no settings.
#[cfg(not(feature = "kafka"))]
pub(super) fn refuse_settings(_service: &Service) -> Result<(), LogError> {
    Ok(())
}

#[cfg(not(feature = "kafka"))]
fn kafka(_service: &Service, _bootstrap: &str) -> Result<Arc<dyn Log>, FoundError> {
    let message = "this build has no Kafka: build it with the feature kafka, or leave FUMA_BOOTSTRAP away";
    Err(LogError::operator(message).into())
}

/// Partitions of a folder, where nobody says how many: each is a file to be synced.
const PARTITIONS_IN_FOLDER: u32 = 4;

/// The log in the state folder.
pub(crate) fn folder(
    config: &Config,
    standard_input: Option<Feed>,
    key: Fingerprint,
) -> Result<Arc<dyn Log>, LogError> {
    use fuma_connectors::folder::{FolderLog, FolderOptions};

    let partitions = config.kafka.partitions_expected().unwrap_or(PARTITIONS_IN_FOLDER);
    let options = FolderOptions {
        watched: config.followed(),
        settle: config.watch.settle,
        standard_input,
        key: Some(key.to_string()),
        ..FolderOptions::new(&config.state, partitions, config.workers)
    };
    Ok(Arc::new(FolderLog::open(&options)?))
}
