//! The log that the configuration names: Apache Kafka, or a folder.
//!
//! Owns the choice, and what the configuration says to each. The engine sees a [`Log`] and never which.

use std::sync::Arc;

use fuma_connectors::log::{Log, LogError};

use super::Service;

/// Opens the log.
///
/// # Errors
/// When it cannot be opened; says what to do.
pub(super) fn log(service: &Service) -> Result<Arc<dyn Log>, LogError> {
    match &service.config.kafka.bootstrap {
        Some(bootstrap) => kafka(service, bootstrap),
        None => folder(service),
    }
}

#[cfg(feature = "kafka")]
fn kafka(service: &Service, bootstrap: &str) -> Result<Arc<dyn Log>, LogError> {
    use fuma_connectors::kafka::{Connection, KafkaLog, KafkaSettings, on_place};

    on_place(crate::live::fault::place);
    let config = &service.config.kafka;
    let map = |settings: &crate::config::ClientSettings| {
        settings.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let mut settings = KafkaSettings::new(bootstrap, service.config.group.as_str());
    settings.prefix.clone_from(&config.prefix);
    settings.partitions = config.partitions_expected();
    settings.instance.clone_from(&config.instance);
    settings.stop = service.stop.clone();
    settings.client = map(&config.client);
    let connection = Connection::new(bootstrap, &config.prefix, settings.client.clone().into_iter().collect())?;
    settings.consumer = map(&config.consumer);
    settings.producer = map(&config.producer);
    settings.check()?;
    connection.knock()?;
    if service.wishes.create_topics {
        create_topics(service, &connection)?;
    }
    Ok(Arc::new(KafkaLog::connect(settings)?))
}

#[cfg(feature = "kafka")]
fn create_topics(service: &Service, connection: &fuma_connectors::kafka::Connection) -> Result<(), LogError> {
    use fuma_connectors::kafka::admin::{Admin, Layout};
    use fuma_connectors::log::Topic;

    let config = &service.config.kafka;
    let admin = Admin::new(connection)?;
    let partitions = match config.partitions_expected() {
        Some(partitions) => partitions,
        None => admin.partitions(Topic::Evidence)?.unwrap_or(config.partitions_new()),
    };
    let created = admin.create(Layout { partitions, replication_factor: config.replication_factor_new() })?.created;
    if !created.is_empty() {
        tracing::info!(topics = created.join(", "), partitions, "made");
    }
    Ok(())
}

#[cfg(not(feature = "kafka"))]
fn kafka(_service: &Service, _bootstrap: &str) -> Result<Arc<dyn Log>, LogError> {
    Err(LogError::operator("this build has no Kafka: build it with the feature kafka, or leave FUMA_BOOTSTRAP away"))
}

/// Partitions of a folder, where nobody says how many: each is a file to be synced.
const PARTITIONS_IN_FOLDER: u32 = 4;

fn folder(service: &Service) -> Result<Arc<dyn Log>, LogError> {
    use fuma_connectors::folder::{FolderLog, FolderOptions};

    let config = &service.config;
    let partitions = config.kafka.partitions_expected().unwrap_or(PARTITIONS_IN_FOLDER);
    let options = FolderOptions {
        watched: config.watch.folders.clone(),
        settle: config.watch.settle,
        standard_input: service.wishes.stdin,
        key: Some(service.origin().key.to_string()),
        ..FolderOptions::new(&config.state, partitions, config.workers)
    };
    Ok(Arc::new(FolderLog::open(&options)?))
}
