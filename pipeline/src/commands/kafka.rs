//! What the commands that talk to Kafka take alike: brokers, prefix, settings of the client.
//!
//! Owns turning arguments into a connection. Must never show the value of a setting: it may be a secret.

use clap::Args;

use super::CommandError;

/// How to reach Kafka.
#[derive(Args, Clone, Debug)]
pub struct KafkaArguments {
    /// Brokers, host:port with commas between them
    #[arg(long, value_name = "HOST:PORT", env = "FUMA_BOOTSTRAP", hide_env_values = true)]
    pub bootstrap: Option<String>,
    /// What the names of all topics begin with
    #[arg(long, value_name = "PREFIX", default_value = "fuma.")]
    pub prefix: String,
    /// A setting of librdkafka, like -X security.protocol=SASL_SSL; may be given often
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
    /// The connection; nothing is asked yet.
    ///
    /// # Errors
    /// When no broker is named, or a setting is fuma's own.
    pub fn connection(&self) -> Result<fuma_connectors::kafka::Connection, CommandError> {
        let settings = self.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
        let bootstrap = self.bootstrap.as_deref().unwrap_or_default();
        Ok(fuma_connectors::kafka::Connection::new(bootstrap, &self.prefix, settings)?)
    }
}

/// What a command says in a build that knows no Kafka.
#[cfg(not(feature = "kafka"))]
pub(super) fn missing() -> CommandError {
    CommandError::Other("this fuma was built without Kafka: build it with the feature kafka".to_owned())
}
