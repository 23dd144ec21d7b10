//! What the commands that talk to Kafka take alike: brokers, prefix, settings of the client; by flags, by the
//! environment and by the file of `fuma run`, so that a password need be on no command line.
//!
//! Owns turning them into a connection. Must never show the value of a setting: it may be a secret.

use std::path::PathBuf;

use clap::Args;
#[cfg(feature = "kafka")]
use fuma_connectors::kafka::Connection;

use super::CommandError;
#[cfg(feature = "kafka")]
use super::run::{flags_of, load};
#[cfg(feature = "kafka")]
use crate::config::{Config, KafkaConfig};

/// How to reach Kafka.
#[derive(Args, Clone, Debug, Default)]
pub struct KafkaArguments {
    /// The configuration file of `fuma run`, for its section kafka; without it FUMA_CONFIG
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Kafka brokers, host:port, separated by commas (FUMA_BOOTSTRAP)
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Option<String>,
    /// The prefix of the names of all topics; without it as configured, else "fuma."
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// A setting of librdkafka, like -X security.protocol=SASL_SSL; may be repeated. Put passwords in the configuration
    /// file, or in FUMA__KAFKA__CLIENT__SASL_PASSWORD
    #[arg(short = 'X', value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<Setting>,
}

/// A setting of the client.
#[derive(Clone)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value, which may be a secret.
    pub value: String,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}=...", self.name)
    }
}

/// Reads a setting of the command line.
fn setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(Setting { name: name.trim().to_owned(), value: value.to_owned() })
        }
        _ => Err("give NAME=VALUE".to_owned()),
    }
}

#[cfg(feature = "kafka")]
impl KafkaArguments {
    /// The configuration: flags over environment over file over defaults.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn configuration(&self) -> Result<Config, CommandError> {
        self.configuration_with([])
    }

    /// The same, with flags of a command's own: name, the setting that it stands for, what it says.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn configuration_with<const N: usize>(
        &self,
        more: [(&'static str, &'static [&'static str], Option<toml::Value>); N],
    ) -> Result<Config, CommandError> {
        let text = |value: &Option<String>| value.clone().map(toml::Value::String);
        let given: [(&'static str, &'static [&'static str], _); 2] = [
            ("--bootstrap", &["kafka", "bootstrap"], text(&self.bootstrap)),
            ("--prefix", &["kafka", "prefix"], text(&self.prefix)),
        ];
        Ok(load(self.config.as_deref(), flags_of(given.into_iter().chain(more)))?.0)
    }

    /// The connection, once a broker has answered.
    ///
    /// # Errors
    /// When no broker is named, a setting is fuma's own, or none answers.
    pub fn connection(&self) -> Result<Connection, CommandError> {
        self.connection_of(&self.configuration()?.kafka)
    }

    /// The same, for who has read the configuration.
    ///
    /// # Errors
    /// As [`KafkaArguments::connection`].
    pub fn connection_of(&self, kafka: &KafkaConfig) -> Result<Connection, CommandError> {
        let configured = kafka.client.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = self.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
        let bootstrap = kafka.bootstrap.as_deref().unwrap_or_default();
        let connection = Connection::new(bootstrap, &kafka.prefix, configured.chain(given).collect())?;
        connection.knock()?;
        Ok(connection)
    }
}

/// What a command says in a build without Kafka.
#[cfg(not(feature = "kafka"))]
pub(super) fn missing() -> CommandError {
    CommandError::Other("this build has no Kafka client: build fuma with the feature `kafka`".to_owned())
}
