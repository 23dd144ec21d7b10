//! What an operator may say about Kafka.
//!
//! Owns which settings are fuma's own, and why. Must never show a value: it may be a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::log::{LogError, Topic};

/// Names that are refused, and the reason.
const GUARDED: &[(&str, &str)] = &[
    ("auto.offset.reset", "where reading begins is decided by committed positions and snapshots"),
    ("bootstrap.servers", "give `bootstrap` instead"),
    ("delivery.report.only.error", "a commit waits for the records, not for reports"),
    ("enable.auto.commit", "offsets are committed with what was made of them"),
    ("enable.auto.offset.store", "offsets are committed with what was made of them"),
    ("enable.gapless.guarantee", "a refused record must end its transaction, not the client"),
    ("enable.idempotence", "records must be written once and in order"),
    ("enable.partition.eof", "a restore relies on it, a reader must not have it"),
    ("group.id", "give `group` instead"),
    ("group.instance.id", "give `instance` instead: every thread needs one of its own"),
    ("group.protocol", "takeovers are built on the classic protocol"),
    ("isolation.level", "takeovers rely on reading committed records and stable offsets"),
    ("message.timeout.ms", "it follows from transaction.timeout.ms"),
    ("metadata.broker.list", "give `bootstrap` instead"),
    ("delivery.timeout.ms", "it follows from transaction.timeout.ms"),
    ("max.in.flight", "order within a partition is relied on"),
    ("max.in.flight.requests.per.connection", "order within a partition is relied on"),
    ("acks", "a record is safe only when all copies in sync have it"),
    ("request.required.acks", "a record is safe only when all copies in sync have it"),
    ("partition.assignment.strategy", "takeovers are built on cooperative-sticky"),
    ("partitioner", "partitions are chosen by person, not by the client"),
    ("transactional.id", "every thread has one of its own, to be fenced by its successor"),
];

/// Numbers that may be set, and between what.
const BOUNDED: &[(&str, u64, u64)] = &[
    ("max.poll.interval.ms", 6_000, 3_600_000),
    ("session.timeout.ms", 1_000, 300_000),
    ("transaction.timeout.ms", 2_000, 60_000),
];

/// Time of a transaction, unless `producer` says otherwise: it bounds for how long a dead worker holds up readers.
const TRANSACTION_TIMEOUT_MS: u64 = 10_000;
/// Three times what the broker gives a transaction.
const PATIENCE: Duration = Duration::from_secs(30);
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
    /// For how long a takeover waits, without any progress, for a transaction of another to end.
    pub patience: Duration,
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
            patience: PATIENCE,
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
            return Err(LogError::operator("kafka: no broker: give bootstrap as host:port"));
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
            return Err(LogError::operator("kafka.consumer: session.timeout.ms is longer than max.poll.interval.ms"));
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
        return Err(LogError::operator(format!("kafka.{what}: give 1 to 100 letters, digits, '.', '_' or '-'")));
    }
    Ok(())
}

fn check_setting(section: &str, name: &str, value: &str) -> Result<(), LogError> {
    let refused = |why: &str| Err(LogError::operator(format!("kafka.{section}: {name}: {why}")));
    if let Some((_, why)) = GUARDED.iter().find(|(guarded, _)| *guarded == name) {
        return refused(&format!("is fuma's own: {why}"));
    }
    if let Some((_, least, most)) = BOUNDED.iter().find(|(bounded, ..)| *bounded == name)
        && !value.trim().parse().is_ok_and(|number: u64| (*least..=*most).contains(&number))
    {
        return refused(&format!("give a number from {least} to {most}"));
    }
    if needs_tls(name, value) && !cfg!(feature = "tls") {
        return refused("this build has no TLS: build with `--features tls`");
    }
    Ok(())
}

/// SASL PLAIN without TLS needs nothing; everything else of the kind needs OpenSSL.
fn needs_tls(name: &str, value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    match name {
        "security.protocol" => value.contains("ssl"),
        "sasl.mechanism" | "sasl.mechanisms" => value.starts_with("scram") || value == "oauthbearer",
        _ => name.starts_with("ssl.") || name == "enable.ssl.certificate.verification",
    }
}
