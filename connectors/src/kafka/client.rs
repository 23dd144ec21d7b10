//! Clients of librdkafka.
//!
//! Owns the settings that the engine relies on, and what an error of the client means. Must never show a value of the
//! configuration in an error: it may be a secret.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};

use super::asker::Asker;
use super::gaps::Gaps;
use super::seldom::{Seldom, client_line};
use super::settings::KafkaSettings;
use crate::log::{Code as LogCode, LogError};

/// How long a question to a broker may take.
pub(super) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long an introduction may take; without one it goes as well.
const INTRODUCTION_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long a worker's thread waits for an answer about one partition.
const LOOK_WAIT_MAX: Duration = Duration::from_millis(500);

/// How long a partition may be without a leader before that is told.
const LEADER_WAIT_MAX: Duration = Duration::from_secs(5);

/// Now, on a clock that only goes forward.
#[expect(clippy::disallowed_methods, reason = "deadlines of the network; never an input of a rule")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A client that does nothing special but log.
pub(super) struct Plain;

impl ClientContext for Plain {
    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_line(level, facility, message);
    }
}

impl ConsumerContext for Plain {}

/// A client that reads, belongs to no group's membership and commits nothing.
pub(super) type PlainConsumer = BaseConsumer<Plain>;

/// Brokers come and go, and the client finds them again by itself: worth a line, not an alarm.
/// Several clients and threads see the same thing, again and again: each code is told once in a while.
pub(super) fn log_error(error: &KafkaError, reason: &str) {
    static TOLD: Seldom = Seldom::new();
    // The end of a partition is what a restore reads up to.
    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
        return;
    }
    let code = code_of(error);
    if let Some(hidden) = TOLD.tell(&code) {
        tracing::warn!(target: "kafka", code, reason, hidden, "kafka client");
    }
}

/// A broker that was away is left out of the metadata for a moment when it comes back, and who hears of it then forgets
/// it; a client without any broker begins again with the addresses that it was given, but only after five minutes,
/// unless it is told otherwise.
pub(super) const FORGOTTEN_BROKERS: (&str, &str) = ("metadata.recovery.rebootstrap.trigger.ms", "5000");

/// What all clients have in common; the operator's own come on top.
fn base(name: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("client.id", format!("fuma-{name}"))
        // A broker that was restarted is found again within a second.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set(FORGOTTEN_BROKERS.0, FORGOTTEN_BROKERS.1)
        .set("socket.nagle.disable", "true")
        .set("topic.metadata.refresh.interval.ms", "60000");
    config
}

fn with(mut config: ClientConfig, settings: &KafkaSettings, own: &[(String, String)]) -> ClientConfig {
    config.set("bootstrap.servers", settings.bootstrap.trim());
    for (name, value) in own {
        config.set(name, value);
    }
    config
}

/// Settings of a client that reads in a group's name.
pub(super) fn consumer(settings: &KafkaSettings, name: &str, group: &str) -> ClientConfig {
    let mut config = base(name);
    config
        // An answer comes with the first record, so a long wait delays none: it only spares questions of who is idle.
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "50")
        // There are many clients: each bounds what it holds.
        .set("queued.max.messages.kbytes", "16384")
        .set("queued.min.messages", "20000")
        .set("heartbeat.interval.ms", "1000")
        .set("session.timeout.ms", settings.session_timeout().as_millis().to_string())
        .set("max.poll.interval.ms", settings.poll_interval_max().as_millis().to_string());
    for (key, value) in settings.client.iter().chain(&settings.consumer) {
        config.set(key, value);
    }
    let own = [
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("isolation.level", "read_committed"),
        ("partition.assignment.strategy", "cooperative-sticky"),
    ];
    with(config, settings, &own.map(|(key, value)| (key.to_owned(), value.to_owned())))
}

/// How a client asks for records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fetching {
    /// Seldom, and answered with the first record.
    Quiet,
    /// Answered with what came within some milliseconds.
    Busy,
}

/// A client that reads committed records of what it is told to; it never joins the group.
pub(super) fn reader(settings: &KafkaSettings, name: &str, fetching: Fetching) -> Result<PlainConsumer, LogError> {
    let mut config = consumer(settings, name, &settings.group);
    config.set("auto.offset.reset", "error");
    let own = match fetching {
        Fetching::Quiet => [("fetch.min.bytes", "1"), ("fetch.wait.max.ms", "500")],
        Fetching::Busy => [("fetch.min.bytes", "1000000"), ("fetch.wait.max.ms", "5")],
    };
    for (key, value) in own {
        if !settings.client.contains_key(key) && !settings.consumer.contains_key(key) {
            config.set(key, value);
        }
    }
    config.create_with_context(Plain).map_err(|error| failed(settings, name, &error))
}

/// Settings of a client that only asks questions.
pub(super) fn asking(settings: &KafkaSettings) -> ClientConfig {
    let mut config = base("admin");
    for (key, value) in &settings.client {
        config.set(key, value);
    }
    with(config, settings, &[])
}

/// Settings of a client that writes. Nothing is reported of a record that was written.
pub(super) fn producer(settings: &KafkaSettings, name: &str) -> ClientConfig {
    let mut config = base(name);
    config
        .set("linger.ms", "1")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "500000")
        .set("queue.buffering.max.kbytes", "131072")
        .set("message.max.bytes", "4194304")
        // A marker that is on its way is asked for again at once (CONCURRENT_TRANSACTIONS).
        .set("retry.backoff.ms", "2");
    for (key, value) in settings.client.iter().chain(&settings.producer) {
        config.set(key, value);
    }
    config.remove("transaction.timeout.ms");
    let own = [("enable.idempotence", "true"), ("acks", "all"), ("delivery.report.only.error", "true")];
    with(config, settings, &own.map(|(key, value)| (key.to_owned(), value.to_owned())))
}

/// Settings of a client that writes transactions.
pub(super) fn transactional(settings: &KafkaSettings, name: &str, id: &str) -> ClientConfig {
    let timeout = settings.transaction_timeout();
    let mut config = producer(settings, name);
    config
        .set("linger.ms", "0")
        .set("transactional.id", id)
        .set("transaction.timeout.ms", timeout.as_millis().to_string())
        // A record that cannot be written fails before its transaction does.
        .set("message.timeout.ms", (timeout * 4 / 5).as_millis().to_string());
    config
}

/// Sleeps for a moment, then takes the reports of a producer that are there. The client's own poll with a wait does not
/// sleep in its last millisecond: it asks again and again.
pub(super) fn rest<C: ProducerContext>(producer: &BaseProducer<C>, wait: Duration) {
    std::thread::sleep(wait);
    take_reports(producer);
}

/// Takes the reports of a producer that are there: a poll without a wait takes those of one message set.
pub(super) fn take_reports<C: ProducerContext>(producer: &BaseProducer<C>) {
    let mut left = producer.in_flight_count();
    loop {
        producer.poll(Duration::ZERO);
        let now_left = producer.in_flight_count();
        if now_left >= left {
            return;
        }
        left = now_left;
    }
}

/// Waits for what comes next. The client's own poll asks again and again in what is left beyond whole milliseconds:
/// that part is slept here.
pub(super) fn awaited<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    wait: Duration,
) -> Option<Result<BorrowedMessage<'_>, KafkaError>> {
    let whole = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let polled = consumer.poll(whole);
    let rest = wait.saturating_sub(whole);
    if polled.is_some() || rest.is_zero() {
        return polled;
    }
    std::thread::sleep(rest);
    consumer.poll(Duration::ZERO)
}

/// Has a client hear of a topic that it will write to. It would find out by itself, with the first record, in half a
/// second.
pub(super) fn introduce<C: ClientContext>(client: &Client<C>, topic: &str) {
    if let Err(error) = client.fetch_metadata(Some(topic), INTRODUCTION_WAIT_MAX) {
        tracing::debug!(target: "kafka", topic, code = %code_of(&error), "not found out yet");
    }
}

/// How many partitions a topic has; none where that cannot be told now.
pub(super) fn partitions<C: ClientContext>(client: &Client<C>, topic: &str) -> Option<u32> {
    let metadata = client.fetch_metadata(Some(topic), INTRODUCTION_WAIT_MAX).ok()?;
    let found = metadata.topics().first().filter(|found| found.error().is_none())?;
    u32::try_from(found.partitions().len()).ok().filter(|count| *count > 0)
}

/// The group in whose name partitions are taken over, as a client that never joins it. Uncommitted, it asks for
/// offsets without waiting for stability and for true high watermarks; committed, for stable offsets.
pub(super) fn observer(settings: &KafkaSettings, name: &str, isolation: &str) -> Result<PlainConsumer, LogError> {
    let mut config = consumer(settings, name, &settings.group);
    config
        .set("isolation.level", isolation)
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "5");
    // What is read must be what the leader was asked about: a follower may be behind it.
    config.remove("client.rack");
    config.create_with_context(Plain).map_err(|error| failed(settings, name, &error))
}

/// First and one past the last offset of a partition: the last stable one, where the client reads committed records.
/// A leader is waited for: after a broker that was away for long the topic, there at the start, is known again some
/// time.
pub(super) fn bounds(
    client: &PlainConsumer,
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
) -> Result<Range<u64>, LogError> {
    let deadline = now() + LEADER_WAIT_MAX;
    loop {
        match bounds_within(ANSWER_WAIT_MAX, client, settings, (topic, partition)) {
            Err(error) if error.code() == LogCode::NoLeader && now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            bounds => return bounds,
        }
    }
}

/// The same, without waiting for a leader: for a thread that has other partitions to look after.
pub(super) fn bounds_now(
    client: &PlainConsumer,
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
) -> Result<Range<u64>, LogError> {
    bounds_within(LOOK_WAIT_MAX, client, settings, (topic, partition))
}

fn bounds_within(
    wait: Duration,
    client: &PlainConsumer,
    settings: &KafkaSettings,
    (topic, partition): (&str, u32),
) -> Result<Range<u64>, LogError> {
    serve(client);
    match client.fetch_watermarks(topic, number(partition), wait) {
        Ok((low, high)) => Ok(offset(low)..offset(high)),
        Err(error) if is_moving(&error) => {
            let message = format!("kafka: {topic} {partition}: no leader yet ({})", code_of(&error));
            Err(LogError::new(LogCode::NoLeader, message))
        }
        Err(error) => Err(failed(settings, topic, &error)),
    }
}

/// The leader of a partition is another, or is not known yet: of a new topic, or of one whose broker went away.
fn is_moving(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
        )
    )
}

/// Logs and errors of a client that nobody polls.
pub(super) fn serve(client: &PlainConsumer) {
    while let Some(event) = client.poll(Duration::ZERO) {
        if let Err(error) = event {
            tracing::debug!(target: "kafka", code = %code_of(&error), "kafka client");
        }
    }
}

/// A partition as librdkafka counts them.
pub(super) fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// A partition as the ports count them.
pub(super) fn partition(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// An offset as the ports count them.
pub(super) fn offset(raw: i64) -> u64 {
    u64::try_from(raw).unwrap_or(0)
}

/// An offset as librdkafka counts them.
pub(super) fn raw(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// The code of an error, without what may come from the configuration.
pub(super) fn code_of(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, _, key, _) => format!("the setting {key} is unknown, or has no such value"),
        KafkaError::ClientCreation(reason) => format!("the client cannot be made: {reason}"),
        KafkaError::Transaction(error) => format!("{:?}: {}", error.code(), error.string()),
        other => match other.rdkafka_error_code() {
            Some(code) => format!("{code:?}"),
            None => other.to_string(),
        },
    }
}

/// What a failed question means. Never for what a commit came to.
pub(super) fn failed(settings: &KafkaSettings, asked: &str, error: &KafkaError) -> LogError {
    use RDKafkaErrorCode as Code;
    let code = code_of(error);
    match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => {
            return LogError::new(LogCode::Settings, format!("kafka: {asked}: {code}"));
        }
        KafkaError::Transaction(error) if error.is_fatal() => {
            return LogError::fatal(format!("kafka: {asked}: {code}"));
        }
        _ => {}
    }
    match error.rdkafka_error_code() {
        Some(Code::OperationTimedOut | Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve) => {
            let bootstrap = settings.bootstrap.trim();
            let message = format!("kafka: {asked}: no answer from {bootstrap} ({code}): does it run there?");
            LogError::new(LogCode::NoAnswer, message)
        }
        Some(code) if is_operators(code) => LogError::new(refusal(code), format!("kafka: {asked}: {code:?}")),
        _ => LogError::transient(format!("kafka: {asked}: {code}")),
    }
}

/// Brokers come back, and the client finds them: only what does not pass is an error.
pub(super) fn problem(topic: &str, error: &KafkaError) -> Result<(), LogError> {
    use RDKafkaErrorCode as Code;
    let code = code_of(error);
    match error {
        error if error.rdkafka_error_code() == Some(Code::FencedInstanceId) => Err(LogError::new(
            LogCode::Instance,
            format!(
                "kafka: {topic}: a newer process uses the same kafka.instance and takes over; this one exits. Give \
                 each process its own name"
            ),
        )),
        KafkaError::MessageConsumptionFatal(_) => Err(LogError::fatal(format!("kafka: {topic}: {code}"))),
        KafkaError::MessageConsumption(Code::AutoOffsetReset | Code::OffsetOutOfRange) => Err(LogError::new(
            LogCode::OutOfRange,
            format!("kafka: {topic} does not hold the records where reading goes on: were they deleted? ({code})"),
        )),
        KafkaError::MessageConsumption(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
            tracing::warn!(target: "kafka", topic, code, "the topic is not there, or not yet");
            Ok(())
        }
        error if error.rdkafka_error_code().is_some_and(is_operators) => {
            let kind = error.rdkafka_error_code().map_or(LogCode::Repair, refusal);
            Err(LogError::new(kind, format!("kafka: {topic}: {code}")))
        }
        _ => {
            tracing::debug!(target: "kafka", topic, code, "kafka client");
            Ok(())
        }
    }
}

/// What does not pass by itself. A topic or partition that is unknown may: a broker that was restarted, or a rebalance
/// that took it away meanwhile; whether topics are there is looked at when the log is opened.
pub(super) fn is_operators(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::AutoOffsetReset
            | Code::FencedInstanceId
            | Code::OffsetOutOfRange
            | Code::InvalidSessionTimeout
            | Code::InconsistentGroupProtocol
            | Code::MessageSizeTooLarge
            | Code::InvalidTransactionTimeout
            | Code::OffsetMetadataTooLarge
    )
}

/// The kind of what [`is_operators`].
pub(super) fn refusal(code: RDKafkaErrorCode) -> LogCode {
    use RDKafkaErrorCode as Code;
    match code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => LogCode::Unauthorised,
        Code::AutoOffsetReset | Code::OffsetOutOfRange => LogCode::OutOfRange,
        Code::FencedInstanceId => LogCode::Instance,
        Code::MessageSizeTooLarge | Code::OffsetMetadataTooLarge => LogCode::TooLarge,
        _ => LogCode::Repair,
    }
}

/// What the stages of one log share.
pub(super) struct Shared {
    pub(super) settings: KafkaSettings,
    /// Asks for positions and watermarks, reading uncommitted; never joins.
    pub(super) asker: Asker,
    /// Where feeds were seen to skip offsets.
    pub(super) gaps: Gaps,
}

/// Shared by all clients of a log.
pub(super) type Common = Arc<Shared>;

impl Shared {
    /// First and one past the last offset, open transactions included.
    pub(super) fn bounds(&self, topic: &str, partition: u32) -> Result<Range<u64>, LogError> {
        self.asker.ask(|asker| bounds(asker, &self.settings, topic, partition))
    }

    /// The same, by whoever may not wait for a leader.
    pub(super) fn bounds_now(&self, topic: &str, partition: u32) -> Result<Range<u64>, LogError> {
        self.asker.ask(|asker| bounds_now(asker, &self.settings, topic, partition))
    }
}
