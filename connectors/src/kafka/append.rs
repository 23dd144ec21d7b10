//! Writes evidence, links, reference and dead letters.
//!
//! Owns an idempotent producer. Must never say that a record is safe before the broker did.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rustc_hash::FxHashMap;

use super::begun::Begun;
use super::client::{self, Common, failed, number};
use super::native::flushed;
use super::transact::Failures;
use crate::log::{Appender, LogError, Outgoing, Topic};

/// For how long a record is tried to be written: a broker may be restarted meanwhile.
const RECORD_WAIT_MAX: Duration = Duration::from_secs(60);
const PIECE: Duration = Duration::from_millis(20);

/// Writes records.
pub(super) struct KafkaAppender {
    producer: BaseProducer<Failures>,
    common: Common,
    topics: FxHashMap<Topic, (String, Begun)>,
}

impl KafkaAppender {
    pub(super) fn new(common: Common, name: &str) -> Result<KafkaAppender, LogError> {
        let mut config = client::producer(&common.settings, name);
        config.set("message.timeout.ms", RECORD_WAIT_MAX.as_millis().to_string());
        let producer = config.create_with_context(Failures::default());
        let producer = producer.map_err(|error| failed(&common.settings, name, &error))?;
        Ok(KafkaAppender { producer, common, topics: FxHashMap::default() })
    }
}

/// What was refused since the last look, or made the client useless.
fn check(producer: &BaseProducer<Failures>) -> Result<(), LogError> {
    if let Some((code, _)) = producer.client().fatal_error() {
        return Err(LogError::fatal(format!("kafka: writing: {code:?}")));
    }
    match producer.context().take() {
        None => Ok(()),
        Some(code) if client::is_operators(code) => {
            Err(LogError::new(client::refusal(code), format!("kafka: writing: {code:?}")))
        }
        Some(code) => Err(LogError::fatal(format!("kafka: writing: {code:?}"))),
    }
}

/// Waits until every record was written.
fn drain(producer: &BaseProducer<Failures>) -> Result<(), LogError> {
    let deadline = client::now() + RECORD_WAIT_MAX * 2;
    while !flushed(producer, PIECE) {
        producer.poll(Duration::ZERO);
        if client::now() >= deadline {
            return Err(LogError::fatal("kafka: writing: records are never answered"));
        }
    }
    producer.poll(Duration::ZERO);
    check(producer)
}

impl Appender for KafkaAppender {
    fn append(&mut self, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        let settings = &self.common.settings;
        let (name, begun) = self.topics.entry(topic).or_insert_with(|| {
            let name = settings.topic(topic);
            client::introduce(self.producer.client(), &name);
            (name, Begun::default())
        });
        if begun.must_wait(record.partition, client::now) {
            drain(&self.producer)?;
            begun.answered();
        }
        let mut sent = BaseRecord::<[u8], [u8]>::to(name).partition(number(record.partition)).payload(&record.value);
        if let Some(key) = &record.key {
            sent = sent.key(key);
        }
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            sent = sent.headers(
                record
                    .headers
                    .iter()
                    .fold(headers, |all, (name, value)| all.insert(Header { key: name, value: Some(value.as_ref()) })),
            );
        }
        let deadline = client::now() + RECORD_WAIT_MAX;
        loop {
            let Err((error, back)) = self.producer.send(sent) else { return Ok(()) };
            sent = back;
            match error {
                // The queue is full: the broker sets the pace.
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) if client::now() < deadline => {
                    self.producer.poll(Duration::from_millis(1));
                    check(&self.producer)?;
                }
                error => return Err(failed(settings, &format!("writing to {name}"), &error)),
            }
        }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        drain(&self.producer)?;
        self.topics.values_mut().for_each(|(_, begun)| begun.answered());
        Ok(())
    }
}
