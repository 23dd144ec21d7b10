//! Writes evidence, links, reference and dead letters.
//!
//! Each partition is a lane of its own: its first record travels alone (`begun` says why), and what is wrong with it is
//! an answer to its own records. Where letters have fewer partitions than their feed, several share one.
//!
//! Owns an idempotent producer. Must never say that a record is safe before the broker did, nor let one partition hold
//! up another.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rustc_hash::FxHashMap;

use super::begun::KNOWN_FOR;
use super::client::{self, Common, failed, number};
use super::seldom::client_line;
use crate::log::{Answer, Appender, Code, LogError, Outgoing, Topic};

/// For how long a record is tried to be written: a broker may be restarted meanwhile.
const RECORD_WAIT_MAX: Duration = Duration::from_secs(60);
const PIECE: Duration = Duration::from_millis(1);
/// How often it is asked how many partitions a topic has, while that cannot be told.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long room in the client's queue is waited for.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(2);

/// What the broker knows of the producer in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// The first record is on its way.
    Perhaps,
    Since(Instant),
}

/// The records of a partition.
#[derive(Default)]
struct Lane {
    known: Known,
    /// Behind the first one.
    waiting: VecDeque<(u64, Outgoing)>,
}

/// Why a record was not written.
#[derive(Clone, Copy, Debug)]
struct Refused {
    code: RDKafkaErrorCode,
    topic: Topic,
    partition: u32,
}

/// A topic, as the client was told of it.
struct Told {
    name: String,
    /// How many partitions it has, where that matters and is known.
    partitions: Option<u32>,
    asked: Option<Instant>,
}

/// Writes records.
pub(super) struct KafkaAppender {
    producer: BaseProducer<Reports>,
    common: Common,
    topics: FxHashMap<Topic, Told>,
    lanes: FxHashMap<(Topic, u32), Lane>,
    /// Topic and partition of what the client has.
    under_way: FxHashMap<u64, (Topic, u32)>,
    /// What was answered without the broker.
    answered: Vec<(u64, Refused)>,
    /// The next ticket of a record that has none of the caller's.
    own_ticket: u64,
}

impl KafkaAppender {
    pub(super) fn new(common: Common, name: &str) -> Result<KafkaAppender, LogError> {
        let settings = &common.settings;
        let mut config = client::producer(settings, name);
        config
            .set("message.timeout.ms", RECORD_WAIT_MAX.as_millis().to_string())
            .set("delivery.report.only.error", "false");
        if !settings.client.contains_key("linger.ms") && !settings.producer.contains_key("linger.ms") {
            // A batch of intake is a message a partition: there is nothing to wait for.
            config.set("linger.ms", "0");
        }
        let producer = config.create_with_context(Reports::default());
        let producer = producer.map_err(|error| failed(settings, name, &error))?;
        Ok(KafkaAppender {
            producer,
            common,
            topics: FxHashMap::default(),
            lanes: FxHashMap::default(),
            under_way: FxHashMap::default(),
            answered: Vec::new(),
            own_ticket: u64::MAX,
        })
    }

    /// The name of a topic, which the client hears of here for the first time.
    fn name(&mut self, topic: Topic) -> &str {
        let (settings, producer) = (&self.common.settings, &self.producer);
        let told = self.topics.entry(topic).or_insert_with(|| {
            let name = settings.topic(topic);
            client::introduce(producer.client(), &name);
            Told { name, partitions: None, asked: None }
        });
        &told.name
    }

    /// The partition that takes a record: of letters there may be fewer than their feed has.
    fn partition(&mut self, topic: Topic, partition: u32) -> u32 {
        if !matches!(topic, Topic::DeadLetters(_)) {
            return partition;
        }
        self.name(topic);
        let producer = &self.producer;
        let Some(told) = self.topics.get_mut(&topic) else { return partition };
        if told.partitions.is_none() && told.asked.is_none_or(|at| at.elapsed() >= ASK_EVERY) {
            told.partitions = client::partitions(producer.client(), &told.name);
            told.asked = Some(client::now());
        }
        told.partitions.map_or(partition, |count| partition % count.max(1))
    }

    /// Gives a record to the client, or has it wait for the first one of its partition.
    fn start(&mut self, ticket: u64, topic: Topic, record: Outgoing) {
        let lane = self.lanes.entry((topic, record.partition)).or_default();
        match lane.known {
            Known::Perhaps => return lane.waiting.push_back((ticket, record)),
            Known::Since(at) if client::now().saturating_duration_since(at) < KNOWN_FOR => {}
            Known::Since(_) | Known::Nothing => lane.known = Known::Perhaps,
        }
        let partition = record.partition;
        match self.send(ticket, topic, &record) {
            Ok(()) => drop(self.under_way.insert(ticket, (topic, partition))),
            Err(code) => self.answered.push((ticket, Refused { code, topic, partition })),
        }
    }

    fn send(&mut self, ticket: u64, topic: Topic, record: &Outgoing) -> Result<(), RDKafkaErrorCode> {
        self.name(topic);
        let Some(Told { name, .. }) = self.topics.get(&topic) else { return Err(RDKafkaErrorCode::UnknownTopic) };
        let opaque = usize::try_from(ticket).unwrap_or(usize::MAX);
        let mut sent: BaseRecord<'_, [u8], [u8], usize> = BaseRecord::with_opaque_to(name, opaque);
        sent = sent.partition(number(record.partition)).payload(record.value.as_ref());
        if let Some(key) = &record.key {
            sent = sent.key(key.as_ref());
        }
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            let all = record
                .headers
                .iter()
                .fold(headers, |all, (name, value)| all.insert(Header { key: name, value: Some(value.as_ref()) }));
            sent = sent.headers(all);
        }
        let deadline = client::now() + ROOM_WAIT_MAX;
        loop {
            let Err((error, back)) = self.producer.send(sent) else { return Ok(()) };
            sent = back;
            match error {
                // The queue is full: the broker sets the pace.
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) if client::now() < deadline => {
                    client::rest(&self.producer, PIECE);
                }
                error => return Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
            }
        }
    }

    /// Takes what was answered, waiting for the first.
    fn take(&mut self, wait: Duration, each: &mut dyn FnMut(u64, Result<(), Refused>)) -> Result<(), LogError> {
        let deadline = client::now() + wait;
        let mut reports = self.reports();
        while reports.is_empty() && self.answered.is_empty() && client::now() < deadline {
            client::rest(&self.producer, PIECE.min(wait));
            reports = self.reports();
        }
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            return Err(LogError::fatal(format!("kafka: writing: {code:?}: {reason}")));
        }
        for (ticket, refused) in reports {
            let Some((topic, partition)) = self.under_way.remove(&ticket) else { continue };
            match refused {
                None => self.written(ticket, topic, partition, each),
                Some(code) => self.refused(ticket, Refused { code, topic, partition }, each),
            }
        }
        for (ticket, refused) in std::mem::take(&mut self.answered) {
            self.refused(ticket, refused, each);
        }
        Ok(())
    }

    /// The reports that are there: a poll gives those of one message set.
    fn reports(&self) -> Vec<(u64, Option<RDKafkaErrorCode>)> {
        let mut reports = self.producer.context().take();
        loop {
            self.producer.poll(Duration::ZERO);
            let mut more = self.producer.context().take();
            if more.is_empty() {
                return reports;
            }
            reports.append(&mut more);
        }
    }

    fn written(&mut self, ticket: u64, topic: Topic, partition: u32, each: &mut dyn FnMut(u64, Result<(), Refused>)) {
        each(ticket, Ok(()));
        let Some(lane) = self.lanes.get_mut(&(topic, partition)) else { return };
        lane.known = Known::Since(client::now());
        for (ticket, record) in std::mem::take(&mut lane.waiting) {
            self.start(ticket, topic, record);
        }
    }

    /// The broker may know nothing of the producer there: the next record travels alone again. What waits behind one
    /// that is too long is none the worse for it; what waits behind another must not overtake it.
    fn refused(&mut self, ticket: u64, refused: Refused, each: &mut dyn FnMut(u64, Result<(), Refused>)) {
        each(ticket, Err(refused));
        if refused.code == RDKafkaErrorCode::UnknownPartition
            && let Some(told) = self.topics.get_mut(&refused.topic)
        {
            told.partitions = None;
        }
        let Some(lane) = self.lanes.get_mut(&(refused.topic, refused.partition)) else { return };
        lane.known = Known::Nothing;
        for (ticket, record) in std::mem::take(&mut lane.waiting) {
            match refused.code {
                RDKafkaErrorCode::MessageSizeTooLarge => self.start(ticket, refused.topic, record),
                _ => each(ticket, Err(refused)),
            }
        }
    }

    /// What was refused, for people.
    fn describe(&self, refused: Refused) -> String {
        let Refused { code, topic, partition } = refused;
        let name = self.common.settings.topic(topic);
        let seconds = RECORD_WAIT_MAX.as_secs();
        let why = match code {
            RDKafkaErrorCode::MessageTimedOut => {
                format!("not acknowledged for {seconds} s: has it a leader, and enough replicas in sync?")
            }
            RDKafkaErrorCode::MessageSizeTooLarge => "the record is longer than its max.message.bytes".to_owned(),
            RDKafkaErrorCode::UnknownPartition | RDKafkaErrorCode::UnknownTopic => "it is not there".to_owned(),
            RDKafkaErrorCode::TopicAuthorizationFailed => "the user may not write there (ACL)".to_owned(),
            _ => String::new(),
        };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        format!("kafka: writing to {name} partition {partition}: {code:?}{why}")
    }
}

impl Appender for KafkaAppender {
    fn append(&mut self, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        self.own_ticket -= 1;
        self.begin(self.own_ticket, topic, record)
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let deadline = client::now() + RECORD_WAIT_MAX * 2;
        let mut first = None;
        while !self.under_way.is_empty() || !self.answered.is_empty() {
            self.take(PIECE, &mut |_, answer| {
                if let Err(refused) = answer {
                    first.get_or_insert(refused);
                }
            })?;
            if self.common.settings.stop.is_urgent() {
                return Err(LogError::new(Code::Stopping, "kafka: writing: the process is to end"));
            }
            if client::now() >= deadline {
                return Err(LogError::fatal("kafka: writing: records are never answered"));
            }
        }
        match first {
            None => Ok(()),
            Some(refused) if client::is_operators(refused.code) => {
                Err(LogError::new(client::refusal(refused.code), self.describe(refused)))
            }
            Some(refused) => Err(LogError::transient(self.describe(refused))),
        }
    }

    fn begin(&mut self, ticket: u64, topic: Topic, record: Outgoing) -> Result<(), LogError> {
        let partition = self.partition(topic, record.partition);
        self.start(ticket, topic, Outgoing { partition, ..record });
        Ok(())
    }

    fn answers(&mut self, wait: Duration, each: &mut dyn FnMut(u64, Answer)) -> Result<(), LogError> {
        let mut refusals = Vec::new();
        self.take(wait, &mut |ticket, answer| match answer {
            Ok(()) => each(ticket, Answer::Written),
            Err(Refused { code: RDKafkaErrorCode::MessageSizeTooLarge, .. }) => each(ticket, Answer::TooLarge),
            Err(refused) => refusals.push((ticket, refused)),
        })?;
        refusals.into_iter().for_each(|(ticket, refused)| each(ticket, Answer::NotYet(self.describe(refused))));
        Ok(())
    }
}

/// Takes the delivery reports: the ticket of each record, and why it was refused.
#[derive(Default)]
pub(super) struct Reports(Mutex<Vec<(u64, Option<RDKafkaErrorCode>)>>);

impl Reports {
    fn take(&self) -> Vec<(u64, Option<RDKafkaErrorCode>)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_line(level, facility, message);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let refused = match result {
            Ok(_) => None,
            Err((error, _)) => Some(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((ticket as u64, refused));
    }
}
