//! The broker's clock.
//!
//! Owns the probe: a record to a topic whose timestamps are the broker's. Must never be asked often: it is a write.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fuma_schemas::Instant;
use rdkafka::client::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::client::{self, ANSWER_WAIT_MAX, failed};
use super::settings::KafkaSettings;
use crate::log::{Code, LogError, Topic};

type Answer = Result<Timestamp, KafkaError>;

struct Answers;

impl ClientContext for Answers {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
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

/// Asks for the broker's clock; one for all threads, made when it is first asked.
#[derive(Default)]
pub(super) struct Clock {
    producer: Mutex<Option<BaseProducer<Answers>>>,
}

impl Clock {
    /// The broker's clock as it was when it took the probe.
    pub(super) fn ask(&self, settings: &KafkaSettings) -> Result<Instant, LogError> {
        let mut held = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let producer = match held.take() {
            Some(producer) => producer,
            None => make(settings)?,
        };
        let answer = probe(held.insert(producer), settings)?;
        match answer {
            Timestamp::LogAppendTime(milliseconds) => Ok(Instant(milliseconds)),
            _ => {
                let topic = settings.topic(Topic::Clock);
                let message = format!("kafka: {topic} needs message.timestamp.type=LogAppendTime");
                Err(LogError::new(Code::Topics, message))
            }
        }
    }
}

fn make(settings: &KafkaSettings) -> Result<BaseProducer<Answers>, LogError> {
    let mut config = client::producer(settings, "clock");
    config
        .set("delivery.report.only.error", "false")
        .set("linger.ms", "0")
        .set("message.timeout.ms", ANSWER_WAIT_MAX.as_millis().to_string());
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
    producer.send(record).map_err(|(error, _)| failed(settings, "clock", &error))?;
    let deadline = client::now() + ANSWER_WAIT_MAX * 2;
    loop {
        producer.poll(Duration::from_millis(1));
        match answer.get() {
            Some(Ok(timestamp)) => return Ok(*timestamp),
            Some(Err(error)) => return Err(failed(settings, "clock", error)),
            None if client::now() >= deadline => return Err(LogError::transient("kafka: the clock does not answer")),
            None => {}
        }
    }
}
