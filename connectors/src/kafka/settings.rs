//! What an operator may say about Kafka.
//!
//! Owns the names of groups and topics, and the times. Which settings of librdkafka are refused says
//! [`crate::client_settings`]. Must never show a value: it may be a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::client_settings;
use crate::log::{Code, LogError, Stop, Topic};

/// Time of a transaction, unless `producer` says otherwise: it bounds for how long a dead worker holds up readers.
const TRANSACTION_TIMEOUT_MS: u64 = 10_000;
/// So many times what the broker gives a transaction a takeover waits for one to end: the broker ends it by then.
const PATIENCE_TRANSACTIONS: u32 = 3;
const _: () = assert!(PATIENCE_TRANSACTIONS > 1, "who is less patient than the broker calls every transaction hanging");
const SESSION_TIMEOUT_MS: u64 = 10_000;
const POLL_INTERVAL_MS_MAX: u64 = 60_000;

/// How to reach the brokers, and which groups and topics are fuma's.
#[derive(Clone)]
pub struct KafkaSettings {
    /// host:port of some brokers, with commas.
    pub bootstrap: String,
    /// The group of assess; those of intake and trace are named after it.
    pub group: String,
    /// What the names of the topics begin with.
    pub prefix: String,
    /// How many partitions evidence and changes must have; none: as the broker has it.
    pub partitions: Option<u32>,
    /// The base of `group.instance.id` (static membership): one a process, the same after a restart.
    pub instance: Option<String>,
    /// For how long a takeover waits, without any progress, for a transaction of another to end; none: three times what
    /// the broker gives one.
    pub patience: Option<Duration>,
    /// Set when the process is to end: then nobody waits long for a broker.
    pub stop: Stop,
    /// librdkafka settings of all clients.
    pub client: BTreeMap<String, String>,
    /// librdkafka settings of those that read.
    pub consumer: BTreeMap<String, String>,
    /// librdkafka settings of those that write.
    pub producer: BTreeMap<String, String>,
}

impl KafkaSettings {
    /// Settings that say nothing but where the brokers are and which group it is.
    pub fn new(bootstrap: impl Into<String>, group: impl Into<String>) -> KafkaSettings {
        KafkaSettings {
            bootstrap: bootstrap.into(),
            group: group.into(),
            prefix: "fuma.".to_owned(),
            partitions: None,
            instance: None,
            patience: None,
            stop: Stop::default(),
            client: BTreeMap::new(),
            consumer: BTreeMap::new(),
            producer: BTreeMap::new(),
        }
    }

    /// Refuses what fuma cannot work with.
    ///
    /// # Errors
    /// Names the first setting that is wrong, and why; never its value.
    pub fn check(&self) -> Result<(), LogError> {
        if self.bootstrap.trim().is_empty() {
            return Err(LogError::new(Code::Settings, "kafka: no broker: give bootstrap as host:port"));
        }
        is_name("group", &self.group)?;
        is_name("prefix", &self.prefix)?;
        if let Some(instance) = &self.instance {
            is_name("instance", instance)?;
        }
        for (section, settings) in
            [("client", &self.client), ("consumer", &self.consumer), ("producer", &self.producer)]
        {
            settings.iter().try_for_each(|(name, value)| check_setting(section, name, value))?;
        }
        if self.session_timeout() > self.poll_interval_max() {
            return Err(LogError::new(
                Code::Settings,
                "kafka.consumer: session.timeout.ms is longer than max.poll.interval.ms",
            ));
        }
        Ok(())
    }

    /// The name of a topic.
    pub(super) fn topic(&self, topic: Topic) -> String {
        topic.name(&self.prefix)
    }

    /// How long a transaction may take before the broker aborts it.
    pub(super) fn transaction_timeout(&self) -> Duration {
        let own = self.producer.get("transaction.timeout.ms").or_else(|| self.client.get("transaction.timeout.ms"));
        milliseconds(own, TRANSACTION_TIMEOUT_MS)
    }

    /// For how long a takeover waits without any progress.
    pub(super) fn patience(&self) -> Duration {
        self.patience.unwrap_or(self.transaction_timeout() * PATIENCE_TRANSACTIONS)
    }

    /// How long a member may be silent before its partitions are given to others.
    pub(super) fn session_timeout(&self) -> Duration {
        milliseconds(self.reading("session.timeout.ms"), SESSION_TIMEOUT_MS)
    }

    /// How long a member may go without polling.
    pub(super) fn poll_interval_max(&self) -> Duration {
        milliseconds(self.reading("max.poll.interval.ms"), POLL_INTERVAL_MS_MAX)
    }

    fn reading(&self, name: &str) -> Option<&String> {
        self.consumer.get(name).or_else(|| self.client.get(name))
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |settings: &BTreeMap<String, String>| settings.keys().cloned().collect::<Vec<String>>();
        formatter
            .debug_struct("KafkaSettings")
            .field("bootstrap", &self.bootstrap)
            .field("group", &self.group)
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("instance", &self.instance)
            .field("client", &names(&self.client))
            .field("consumer", &names(&self.consumer))
            .field("producer", &names(&self.producer))
            .finish()
    }
}

fn milliseconds(value: Option<&String>, otherwise: u64) -> Duration {
    Duration::from_millis(value.and_then(|value| value.trim().parse().ok()).unwrap_or(otherwise))
}

/// Groups and transactional ids are made of it, and these travel in ASCII without blanks.
fn is_name(what: &str, text: &str) -> Result<(), LogError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if text.is_empty() || text.len() > 100 || !text.chars().all(allowed) {
        return Err(LogError::new(
            Code::Settings,
            format!("kafka.{what}: give 1 to 100 letters, digits, '.', '_' or '-'"),
        ));
    }
    Ok(())
}

fn check_setting(section: &str, name: &str, value: &str) -> Result<(), LogError> {
    match client_settings::refusal(name, value) {
        Some(why) => Err(LogError::new(Code::Settings, format!("kafka.{section}: {name}: {why}"))),
        None => Ok(()),
    }
}
