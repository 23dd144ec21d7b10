//! The broker's clock.
//!
//! Owns the probe: a record to a topic whose timestamps are the broker's. Must never be asked often: it is a write. Nor
//! may a topic without a leader hold a thread up: the answer serves for minutes, so no answer is no haste.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant as Moment};

use fuma_schemas::Instant;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::client::{self, failed};
use super::seldom::client_line;
use super::settings::KafkaSettings;
use crate::log::{Code, LogError, Topic};

type Answer = Result<Timestamp, KafkaError>;

struct Answers;

impl ClientContext for Answers {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_line(level, facility, message);
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = Arc<OnceLock<Answer>>;

    fn delivery(&self, result: &DeliveryResult<'_>, answer: Arc<OnceLock<Answer>>) {
        let _ = answer.set(match result {
            Ok(message) => Ok(message.timestamp()),
            Err((error, _)) => Err(error.clone()),
        });
    }
}

/// How long one question may take: the thread that asks commits nothing meanwhile.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(2);
/// An answer, or none, is that of every thread that asks within this time: sixteen workers do not wait one after the
/// other.
const SHARED_FOR: Duration = Duration::from_secs(5);

/// Asks for the broker's clock; one for all threads, made when it is first asked.
#[derive(Default)]
pub(super) struct Clock(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    producer: Option<BaseProducer<Answers>>,
    /// When it was asked last, and what the broker's clock was then, if it answered.
    last: Option<(Moment, Option<Instant>)>,
}

impl Clock {
    /// The broker's clock as it was when it took the probe.
    pub(super) fn ask(&self, settings: &KafkaSettings) -> Result<Instant, LogError> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, answer)) = asked.last.filter(|(at, _)| at.elapsed() < SHARED_FOR) {
            let since = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
            return answer.map(|then| Instant(then.0.saturating_add(since))).ok_or_else(silent);
        }
        let producer = match asked.producer.take() {
            Some(producer) => producer,
            None => make(settings)?,
        };
        let answer = probe(asked.producer.insert(producer), settings);
        let clock = match answer {
            Ok(Timestamp::LogAppendTime(milliseconds)) => Ok(Instant(milliseconds)),
            Ok(_) => {
                let topic = settings.topic(Topic::Clock);
                let message = format!("kafka: {topic} needs message.timestamp.type=LogAppendTime");
                Err(LogError::new(Code::NoAnswer, message))
            }
            Err(error) => Err(error),
        };
        // A client that is of no use is made again by the next question.
        asked.producer = asked.producer.take().filter(|producer| producer.client().fatal_error().is_none());
        asked.last = Some((client::now(), clock.as_ref().ok().copied()));
        clock
    }
}

fn silent() -> LogError {
    LogError::new(Code::NoAnswer, "kafka: the clock topic does not answer")
}

fn make(settings: &KafkaSettings) -> Result<BaseProducer<Answers>, LogError> {
    let mut config = client::producer(settings, "clock");
    config
        .set("delivery.report.only.error", "false")
        .set("linger.ms", "0")
        .set("message.timeout.ms", PROBE_WAIT_MAX.as_millis().to_string());
    let producer: BaseProducer<Answers> =
        config.create_with_context(Answers).map_err(|error| failed(settings, "clock", &error))?;
    client::introduce(producer.client(), &settings.topic(Topic::Clock));
    Ok(producer)
}

fn probe(producer: &BaseProducer<Answers>, settings: &KafkaSettings) -> Result<Timestamp, LogError> {
    let topic = settings.topic(Topic::Clock);
    let answer = Arc::new(OnceLock::new());
    let record: BaseRecord<'_, (), [u8], Arc<OnceLock<Answer>>> =
        BaseRecord::with_opaque_to(&topic, Arc::clone(&answer)).partition(0).payload(&[]);
    let sent = producer.send(record);
    sent.map_err(|(error, _)| LogError::new(Code::NoAnswer, format!("kafka: clock: {}", client::code_of(&error))))?;
    // The client gives a record up a little after its time.
    let deadline = client::now() + PROBE_WAIT_MAX + PROBE_WAIT_MAX / 2;
    loop {
        client::rest(producer, Duration::from_millis(1));
        match answer.get() {
            Some(Ok(timestamp)) => return Ok(*timestamp),
            Some(Err(error)) => {
                return Err(LogError::new(Code::NoAnswer, format!("kafka: clock: {}", client::code_of(error))));
            }
            None if client::now() >= deadline || settings.stop.is_urgent() => return Err(silent()),
            None => {}
        }
    }
}
