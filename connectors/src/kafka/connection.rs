//! How to reach a cluster: addresses, the prefix of the topics, settings of the client.
//!
//! Owns what an error means to who asked. Must never show a setting's value: it may be a secret.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::FORGOTTEN_BROKERS;
use super::knock::knock;
use crate::client_settings;
use crate::log::{Code, LogError, Topic};

/// How long a question to the cluster may take.
pub(super) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(15);

/// How to reach a cluster.
#[derive(Clone)]
pub struct Connection {
    bootstrap: String,
    prefix: String,
    settings: Vec<(String, String)>,
}

impl Connection {
    /// A cluster by the addresses of some of its brokers ("host:port,host:port"), the prefix of the topics' names,
    /// and settings of librdkafka (TLS, SASL, ...).
    ///
    /// # Errors
    /// When a setting is one that fuma relies on.
    pub fn new(bootstrap: &str, prefix: &str, settings: Vec<(String, String)>) -> Result<Connection, LogError> {
        if bootstrap.trim().is_empty() {
            return Err(LogError::new(Code::Settings, "no broker: give --bootstrap host:port or set FUMA_BOOTSTRAP"));
        }
        for (name, value) in &settings {
            if let Some(why) = client_settings::refusal(name, value) {
                return Err(LogError::new(Code::Settings, format!("the setting {name}: {why}")));
            }
        }
        Ok(Connection { bootstrap: bootstrap.trim().to_owned(), prefix: prefix.to_owned(), settings })
    }

    /// Waits until a broker answers.
    ///
    /// # Errors
    /// When none does, with the reason.
    pub fn knock(&self) -> Result<(), LogError> {
        knock(&self.client(), &self.bootstrap)
    }

    /// The addresses of some brokers.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// What the names of all topics begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of a topic.
    pub fn topic(&self, topic: Topic) -> String {
        topic.name(&self.prefix)
    }

    /// The settings that all clients share; what is given comes last.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "fuma")
            // A broker that was restarted is found again within a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set(FORGOTTEN_BROKERS.0, FORGOTTEN_BROKERS.1);
        for (name, value) in &self.settings {
            config.set(name, value);
        }
        config
    }

    /// An error of the client, with what was asked of it.
    pub(super) fn failed(&self, asked: &str, error: &KafkaError) -> LogError {
        let unreachable = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::Resolve
            )
        );
        if unreachable {
            let bootstrap = &self.bootstrap;
            return LogError::transient(format!("{asked}: no answer from Kafka at {bootstrap}: does it run there?"));
        }
        // The client's own words hold the value, which may be a secret.
        if let KafkaError::ClientConfig(_, _, name, _) = error {
            return LogError::new(
                Code::Settings,
                format!("the setting {name} is refused: it is unknown, or its value is wrong"),
            );
        }
        LogError::new(Code::Settings, format!("{asked}: {error}"))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.settings.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("Connection")
            .field("bootstrap", &self.bootstrap)
            .field("prefix", &self.prefix)
            .field("settings", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn settings_that_exactly_once_hangs_on_are_refused_and_values_are_not_shown() {
        let setting = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let refused = Connection::new("a:1", "fuma.", setting("isolation.level", "read_uncommitted")).unwrap_err();
        assert!(refused.to_string().contains("isolation.level"));
        assert!(Connection::new(" ", "fuma.", vec![]).is_err());
        let connection = Connection::new("a:1", "fuma.", setting("sasl.password", "hunter2")).unwrap();
        assert!(!format!("{connection:?}").contains("hunter2"));
        assert_eq!(connection.topic(Topic::Evidence), "fuma.evidence.v1");
        let misspelt = Connection::new("a:1", "fuma.", setting("sasl.pasword", "hunter2")).unwrap();
        let refused = super::super::admin::Admin::new(&misspelt).err().expect("refused").to_string();
        assert!(refused.contains("sasl.pasword") && !refused.contains("hunter2"), "{refused}");
    }
}
