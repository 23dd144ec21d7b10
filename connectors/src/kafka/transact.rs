//! One transaction after another, under two ids of its own in turn.
//!
//! ```text
//! begin -> send -> offsets with the group's generation -> all answered -> commit
//!                       `------------------------------------`--> refused: abort
//! ```
//!
//! The offsets go while the records are on their way: they wait for one another no more than the broker makes them.
//!
//! A commit is answered when it is decided; its markers reach the partitions later, and until then the coordinator
//! refuses the id's next transaction, which librdkafka tries again 20 ms later. The other id need not wait. A
//! transaction begins after the one before it is known to be decided, so there is one order, and a successor fences
//! both ids before it reads what is there (R-3).
//!
//! An abort whose markers cannot be written (nobody leads one of its partitions) is not over before that partition has
//! a leader: until then that id rests, and the other one has every turn ([`super::resting`]).
//!
//! Owns what each error of the client means: the same call again, an abort, or the end of the client. Must never abort
//! once a commit was asked for and its outcome is unknown.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::begun::Begun;
use super::caller::Caller;
use super::client::{self, failed, number, raw};
use super::member::Member;
use super::native::flushed;
use super::place::place;
use super::resting::{self, Resting};
use super::seldom::{Seldom, client_line};
use super::sets;
use super::settings::KafkaSettings;
use crate::log::{Code, LogError, Outcome, OutputRecord, Position, Stop, Transaction};

/// Waits are cut into pieces, between which reports are served: an abort waits for those of the records it purged.
const PIECE: Duration = Duration::from_millis(20);

/// How long one transactional call may take before a stop is looked for; then it is called again.
const CALL: Duration = Duration::from_secs(1);
/// Aborts are told once in a while: in a loop of them each would be a line.
static ABORTS: Seldom = Seldom::new();

/// Counts the records that could not be written.
#[derive(Default)]
pub(super) struct Failures {
    /// The transactional id of the client.
    id: String,
    count: AtomicUsize,
    first: Mutex<Option<RDKafkaErrorCode>>,
}

impl Failures {
    /// The code of the first record that failed since the last call.
    pub(super) fn take(&self) -> Option<RDKafkaErrorCode> {
        if self.count.swap(0, Ordering::Relaxed) == 0 {
            return None;
        }
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        Some(first.unwrap_or(RDKafkaErrorCode::Fail))
    }
}

impl ClientContext for Failures {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_line(level, facility, message);
    }
}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.count.fetch_add(1, Ordering::Relaxed);
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail));
        }
    }
}

/// What an error of a transactional call asks for (librdkafka's INTRODUCTION, "Transactional producer").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// The same call again, and no other.
    Retry,
    /// Nothing of the transaction is there, once it is aborted.
    Abort,
    /// The client is of no more use.
    Fatal,
}

/// The class of an error of a transactional call.
pub(super) fn class_of(error: &KafkaError) -> Class {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => Class::Fatal,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Class::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Class::Retry,
        KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) => Class::Retry,
        _ => Class::Fatal,
    }
}

/// How far a step of a transaction came.
enum Step {
    Done,
    Refused(Option<RDKafkaErrorCode>),
}

/// Runs transactions.
pub(super) struct Transactor {
    /// The one whose turn it is comes first.
    producers: [(Arc<BaseProducer<Failures>>, Begun); 2],
    /// Of the second one the last transaction may not have ended: the first has every turn.
    resting: Option<Resting>,
    settings: KafkaSettings,
    caller: Caller,
    id: String,
    changes: String,
    evidence: String,
    timeout: Duration,
    /// What a partition may have in one message set.
    set_bytes: usize,
    stop: Stop,
}

impl Transactor {
    /// The clients of an owner; who was it before is fenced.
    pub(super) fn new(settings: &KafkaSettings, id: String, topics: (String, String)) -> Result<Transactor, LogError> {
        let producers = begin_as(settings, "transactions", &id)?;
        let (evidence, changes) = topics;
        producers.iter().for_each(|producer| client::introduce(producer.client(), &changes));
        let producers = producers.map(|producer| (Arc::new(producer), Begun::default()));
        let (timeout, set_bytes, stop) =
            (settings.transaction_timeout(), sets::set_bytes(settings), settings.stop.clone());
        let (caller, settings) = (Caller::default(), settings.clone());
        let resting = None;
        Ok(Transactor { producers, resting, settings, caller, id, changes, evidence, timeout, set_bytes, stop })
    }

    /// The owner whose transactions these are.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn producer(&self) -> &Arc<BaseProducer<Failures>> {
        let [(producer, _), _] = &self.producers;
        producer
    }

    fn begun(&mut self) -> &mut Begun {
        let [(_, begun), _] = &mut self.producers;
        begun
    }

    /// Commits changes and positions, or nothing.
    pub(super) fn commit(&mut self, transaction: Transaction<'_>, member: &Member) -> Result<Outcome, LogError> {
        place("before-begin");
        if transaction.positions.is_empty() {
            return Err(LogError::fatal("kafka: a transaction without a position cannot be checked"));
        }
        if member.generation().is_none() {
            return Ok(Outcome::Aborted);
        }
        self.wake();
        self.producer().begin_transaction().map_err(|error| self.fatal("begin", &error))?;
        let step = match self.fill(transaction, member)? {
            Step::Done => self.finish()?,
            refused => refused,
        };
        let is_stuck = matches!(&step, Step::Refused(Some(code)) if resting::may_be_stuck(*code));
        let outcome = self.conclude(step);
        if matches!(outcome, Ok(Outcome::Committed)) {
            self.begun().answered()
        } else {
            self.begun().forget()
        }
        if self.resting.is_none() {
            self.producers.reverse();
            if is_stuck && outcome.is_ok() {
                self.rest();
            }
        }
        outcome
    }

    /// The second client is not used before its id is known to be free.
    fn rest(&mut self) {
        let [_, (producer, _)] = &self.producers;
        let id = producer.context().id.clone();
        match Resting::begin(&self.settings, &id) {
            Ok(resting) => self.resting = Some(resting),
            Err(error) => tracing::warn!(target: "kafka", id, %error, "no thread to wait for a transaction's end"),
        }
    }

    /// Takes the second client back once its id is free.
    fn wake(&mut self) {
        let Some(producer) = self.resting.as_ref().and_then(Resting::ended) else { return };
        client::introduce(producer.client(), &self.changes);
        tracing::info!(target: "kafka", id = producer.context().id, "a transaction that was stuck has ended");
        let [_, second] = &mut self.producers;
        let (old, _) = std::mem::replace(second, (Arc::new(producer), Begun::default()));
        // To destroy a client may take long.
        let _ = std::thread::Builder::new().name("kafka-stuck".to_owned()).spawn(move || drop(old));
        self.resting = None;
    }

    fn conclude(&self, step: Step) -> Result<Outcome, LogError> {
        match step {
            Step::Done => {
                place("after-commit");
                Ok(Outcome::Committed)
            }
            Step::Refused(code) => self.abort(code),
        }
    }

    fn fill(&mut self, transaction: Transaction<'_>, member: &Member) -> Result<Step, LogError> {
        for (at, round) in sets::rounds(transaction.changes, self.set_bytes).into_iter().enumerate() {
            if at > 0 {
                match self.drain()? {
                    Step::Done => self.begun().answered(),
                    refused => return Ok(refused),
                }
            }
            for change in round {
                if let Step::Refused(code) = self.send(change)? {
                    return Ok(Step::Refused(code));
                }
            }
        }
        place("after-send");
        if let Step::Refused(code) = self.send_offsets(transaction.positions, member)? {
            return Ok(Step::Refused(code));
        }
        let step = self.drain();
        place("after-offsets");
        step
    }

    fn send_offsets(&self, positions: &[(u32, Position)], member: &Member) -> Result<Step, LogError> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, position) in positions {
            let offset = position.offset.map_or(Offset::Invalid, |offset| Offset::Offset(raw(offset)));
            let mut element = list.add_partition(&self.evidence, number(*partition));
            element.set_offset(offset).map_err(|error| self.fatal("offsets", &error))?;
            element.set_metadata(&position.metadata);
        }
        // Fresh, and only while the partitions are the member's (R-1).
        let Some(generation) = member.generation() else { return Ok(Step::Refused(None)) };
        let (producer, offsets) = (self.producer(), Arc::new((list, generation)));
        let limit = self.answer_wait();
        self.insist("offsets", || {
            let (producer, offsets) = (Arc::clone(producer), Arc::clone(&offsets));
            let call = move || producer.send_offsets_to_transaction(&offsets.0, &offsets.1, CALL);
            self.caller.call(limit, &self.stop, Box::new(call))
        })
    }

    fn finish(&self) -> Result<Step, LogError> {
        let step = self.insist("commit", || self.producer().commit_transaction(CALL));
        place("commit-unanswered");
        step
    }

    fn send(&mut self, change: &OutputRecord) -> Result<Step, LogError> {
        if self.begun().must_wait(change.partition, client::now) {
            match self.drain()? {
                Step::Done => self.begun().answered(),
                refused => return Ok(refused),
            }
        }
        let headers =
            change.headers.iter().fold(OwnedHeaders::new_with_capacity(change.headers.len()), |all, header| {
                all.insert(Header { key: header.0, value: Some(&header.1) })
            });
        let mut record = BaseRecord::to(&self.changes)
            .partition(number(change.partition))
            .key(&change.key)
            .payload(&change.value)
            .headers(headers);
        let deadline = client::now() + self.timeout;
        loop {
            let Err((error, back)) = self.producer().send(record) else { return Ok(Step::Done) };
            record = back;
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) if client::now() < deadline => {
                    client::rest(self.producer(), Duration::from_millis(1));
                }
                _ if self.producer().client().fatal_error().is_some() => return Err(self.fatal("send", &error)),
                code => return Ok(Step::Refused(code)),
            }
        }
    }

    /// Waits until every record was answered. A commit with records in flight would sleep for 100 ms.
    fn drain(&self) -> Result<Step, LogError> {
        let deadline = client::now() + self.timeout * 2;
        while !flushed(self.producer(), PIECE) {
            self.serve();
            if self.stop.is_urgent() {
                return Err(self.stopping("records"));
            }
            if client::now() >= deadline {
                return Err(LogError::fatal(format!("kafka: {}: records are never answered", self.id)));
            }
        }
        self.serve();
        Ok(self.producer().context().take().map_or(Step::Done, |code| Step::Refused(Some(code))))
    }

    /// Reports, errors and logs that wait in the client's queue.
    fn serve(&self) {
        self.producer().poll(Duration::ZERO);
        for _ in 0..self.producer().in_flight_count().clamp(0, 100) {
            self.producer().poll(Duration::ZERO);
        }
    }

    fn abort(&self, code: Option<RDKafkaErrorCode>) -> Result<Outcome, LogError> {
        if let Some(hidden) = ABORTS.tell(&format!("{code:?}")) {
            let id = &self.id;
            tracing::warn!(target: "kafka", id, ?code, hidden, "a transaction was aborted: nothing of it is announced");
        }
        let aborted = self.insist("abort", || {
            self.serve();
            self.producer().abort_transaction(PIECE)
        })?;
        self.serve();
        self.producer().context().take();
        match (aborted, code) {
            (Step::Refused(code), _) => Err(LogError::fatal(format!("kafka: {}: abort: {code:?}", self.id))),
            (Step::Done, Some(code)) if client::is_operators(code) => {
                Err(LogError::new(client::refusal(code), format!("kafka: {}: {code:?}", self.id)))
            }
            (Step::Done, _) => Ok(Outcome::Aborted),
        }
    }

    /// Calls again what may be called again, until the broker must have given up the transaction three times over.
    fn insist(&self, what: &str, call: impl Fn() -> KafkaResult<()>) -> Result<Step, LogError> {
        let deadline = client::now() + self.timeout * 3;
        loop {
            let Err(error) = call() else { return Ok(Step::Done) };
            match class_of(&error) {
                _ if matches!(error, KafkaError::Canceled) => return Err(self.unanswered(what)),
                Class::Retry if self.stop.is_urgent() => return Err(self.stopping(what)),
                Class::Retry if client::now() < deadline => self.serve(),
                Class::Abort => return Ok(Step::Refused(error.rdkafka_error_code())),
                Class::Retry | Class::Fatal => return Err(self.fatal(what, &error)),
            }
        }
    }

    /// A transaction is over when its timeout is: then no answer is worth waiting for.
    fn answer_wait(&self) -> Duration {
        self.timeout + CALL * 2
    }

    /// The client holds the call: it is left behind, and another takes its place.
    fn unanswered(&self, what: &str) -> LogError {
        if self.stop.is_urgent() {
            return self.stopping(what);
        }
        let (id, seconds) = (&self.id, self.answer_wait().as_secs());
        let message =
            format!("kafka: {id}: {what}: the client gave no answer for {seconds} s: another takes its place");
        LogError::new(Code::Client, message)
    }

    /// What is open is aborted by its timeout, or by the next owner.
    fn stopping(&self, what: &str) -> LogError {
        LogError::new(Code::Stopping, format!("kafka: {}: {what}: not waited for, since the process stops", self.id))
    }

    fn fatal(&self, what: &str, error: &KafkaError) -> LogError {
        let kind = match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch,
            ) => Code::Fenced,
            _ => Code::Client,
        };
        LogError::new(kind, format!("kafka: {}: {what}: {}", self.id, client::code_of(error)))
    }
}

/// The clients of an owner, ready: what the owner's last process left open is finished or aborted, and it can begin
/// nothing more.
pub(super) fn begin_as(
    settings: &KafkaSettings,
    name: &str,
    owner: &str,
) -> Result<[BaseProducer<Failures>; 2], LogError> {
    Ok([begin_under(settings, name, owner)?, begin_under(settings, name, &format!("{owner}.2"))?])
}

/// A client under a transactional id.
pub(super) fn begin_under(settings: &KafkaSettings, name: &str, id: &str) -> Result<BaseProducer<Failures>, LogError> {
    let config = client::transactional(settings, name, id);
    let producer: BaseProducer<Failures> = config
        .create_with_context(Failures { id: id.to_owned(), ..Failures::default() })
        .map_err(|error| failed(settings, name, &error))?;
    let deadline = client::now() + settings.transaction_timeout() * 3;
    loop {
        let Err(error) = producer.init_transactions(CALL) else { return Ok(producer) };
        if settings.stop.is_set() {
            return Err(LogError::new(Code::Stopping, format!("kafka: begin under {id}: the process stops")));
        }
        if class_of(&error) != Class::Retry || client::now() >= deadline {
            return Err(failed(settings, &format!("begin under {id}"), &error));
        }
        producer.poll(Duration::ZERO);
    }
}
