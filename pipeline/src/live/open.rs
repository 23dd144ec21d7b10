//! The log that the configuration names: Apache Kafka's, or a folder.
//!
//! Owns the way from the configuration to a log, the topics that are made on demand, and the patience with brokers that
//! do not answer yet. Must never read a record.

use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::log::{Log, LogError, Severity};

use super::service::Service;
use crate::http::{Heartbeat, Part};

/// How long after a broker did not answer it is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often it is looked whether the process is to end.
const LOOK: Duration = Duration::from_millis(50);

/// Opens the log and looks whether it is as the engine needs it; waits while no broker answers. None: asked to stop.
///
/// # Errors
/// What an operator has to mend: missing topics, wrong settings.
pub(super) fn open(service: &Service, heartbeat: &Heartbeat, part: &Part) -> Result<Option<Arc<dyn Log>>, LogError> {
    while !service.stop.is_set() {
        heartbeat.tick();
        match once(service) {
            Ok(log) => return Ok(Some(log)),
            Err(error) if error.severity() == Severity::Operator => return Err(error),
            Err(error) => {
                tracing::warn!(%error, again_seconds = AGAIN.as_secs(), "the log cannot be opened yet");
                part.set_waiting("the log does not answer");
            }
        }
        let mut looks = AGAIN.as_millis() / LOOK.as_millis();
        while looks > 0 && !service.stop.is_set() {
            std::thread::sleep(LOOK);
            looks -= 1;
        }
    }
    Ok(None)
}

fn once(service: &Service) -> Result<Arc<dyn Log>, LogError> {
    let log = match &service.config.kafka.bootstrap {
        Some(bootstrap) => on_kafka(service, bootstrap)?,
        None => in_folder(service)?,
    };
    log.check()?;
    Ok(log)
}

#[cfg(feature = "kafka")]
fn on_kafka(service: &Service, bootstrap: &str) -> Result<Arc<dyn Log>, LogError> {
    use fuma_connectors::kafka::{KafkaLog, KafkaSettings};

    let kafka = &service.config.kafka;
    let owned = |settings: &crate::config::ClientSettings| {
        settings.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let settings = KafkaSettings {
        prefix: kafka.prefix.clone(),
        partitions: kafka.partitions_expected(),
        instance: kafka.instance.clone(),
        client: owned(&kafka.client),
        consumer: owned(&kafka.consumer),
        producer: owned(&kafka.producer),
        ..KafkaSettings::new(bootstrap, &service.config.group)
    };
    settings.check()?;
    if service.wishes.create_topics {
        create_topics(service, bootstrap)?;
    }
    Ok(Arc::new(KafkaLog::connect(settings)?))
}

/// Makes the topics that are missing.
#[cfg(feature = "kafka")]
fn create_topics(service: &Service, bootstrap: &str) -> Result<(), LogError> {
    use fuma_connectors::kafka::Connection;
    use fuma_connectors::kafka::admin::{Admin, Layout};

    let kafka = &service.config.kafka;
    let client = kafka.client.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let admin = Admin::new(&Connection::new(bootstrap, &kafka.prefix, client)?)?;
    let replication_factor = Some(u32::from(kafka.replication_factor)).filter(|&copies| copies > 0);
    let creation = admin.create(Layout { partitions: kafka.partitions_new(), replication_factor })?;
    let (created, existed) = (creation.created.len(), creation.existed.len());
    tracing::info!(created, existed, "topics");
    Ok(())
}

#[cfg(not(feature = "kafka"))]
fn on_kafka(_: &Service, _: &str) -> Result<Arc<dyn Log>, LogError> {
    Err(LogError::operator("this build has no Kafka: build with the feature `kafka`, or leave FUMA_BOOTSTRAP away"))
}

/// The log in the state folder.
fn in_folder(_: &Service) -> Result<Arc<dyn Log>, LogError> {
    Err(LogError::operator("the log in a folder is not built yet"))
}
