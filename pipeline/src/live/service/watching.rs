//! Two threads beside the stages: one measures how far behind the partitions are, the other says in the status log
//! what this process holds.
//!
//! Both ask the log and may have to wait for it, so each has a thread of its own, and neither is waited for at an end:
//! a broker that is away must not keep a process from ending. Owns the parts `log` and `commits` of readiness.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant as Moment};

use fuma_connectors::log::{Log, LogError, Watching};
use fuma_schemas::Instant;

use super::Service;
use super::owners::Owners;
use crate::http::Part;
use crate::live::decisions::{Belonging, BelongingError};
use crate::live::partitions::{ASSESS, Partitions, State};
use crate::live::status::entry::{Entry, Holding, PolicyName};
use crate::live::status::measure::{self, Behind, Looks};
use crate::live::status::publish::Publisher;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::{metric, monotonic};

/// How often it is looked whether something changed that is to be said.
const LOOK: Duration = Duration::from_millis(500);
/// How long the log may be silent before the process is not ready.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// For how long nothing of an owned partition may be committed while records wait.
const STUCK_MS_MAX: i64 = 60_000;
/// How long the last word may take at an end.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How often the topics are compared with those of the installation.
const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// The threads; they end after the service was told to stop.
pub(super) struct Beside {
    said: Receiver<()>,
}

/// Starts both.
///
/// # Errors
/// When the system has no room for a thread.
pub(super) fn begin(service: &Service, log: &Arc<dyn Log>) -> std::io::Result<Beside> {
    service.health.await_supervisor();
    let parts = (service.health.part("log"), service.health.part("commits"));
    parts.0.set_waiting("no answer yet");
    parts.1.set_ready();
    let (own, of_log) = (service.clone(), Arc::clone(log));
    std::thread::Builder::new().name("measure".into()).spawn(move || measure(&own, of_log.as_ref(), &parts))?;
    let (own, of_log) = (service.clone(), Arc::clone(log));
    let (sender, said) = channel();
    std::thread::Builder::new().name("status".into()).spawn(move || {
        say(&own, of_log.as_ref());
        // Nobody listens when the process is ending for another reason.
        let _ = sender.send(());
    })?;
    Ok(Beside { said })
}

impl Beside {
    /// Waits a moment for the last word.
    pub(super) fn end(self) {
        if let Err(RecvTimeoutError::Timeout) = self.said.recv_timeout(LAST_WORD) {
            tracing::debug!("the log does not take the last word of this process: its status is stale in a moment");
        }
    }
}

fn say(service: &Service, log: &dyn Log) {
    let wall = SystemWall::default();
    let mut publisher = Publisher::new(entry(service, wall.now()));
    let mut owners = Owners::default();
    while !service.stop.is_set() {
        publisher.turn(log, holdings(service), (wall.now(), wall.elapsed()));
        owners.turn(service, log, (wall.now(), wall.elapsed()));
        std::thread::sleep(LOOK);
    }
    publisher.end(log);
}

fn entry(service: &Service, now: Instant) -> Entry {
    let roles = &service.config.roles;
    let named = [(roles.intake, "intake"), (roles.trace, "trace"), (roles.assess, "assess")];
    Entry {
        process: service.process.clone(),
        http: service.http.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: named.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned()).collect(),
        policy: PolicyName {
            id: service.pack.id.to_string(),
            version: service.pack.version.to_string(),
            digest: service.pack_hash.clone(),
        },
        started: now.to_string(),
        ..Entry::default()
    }
}

fn holdings(service: &Service) -> Vec<Holding> {
    let withheld = |stage, partition, state| match (stage, state) {
        (ASSESS, State::Owned) => service.words.withheld(partition),
        _ => None,
    };
    let all = service.partitions.all().into_iter().map(|((stage, partition), holding)| Holding {
        stage: stage.to_owned(),
        partition,
        state: holding.state.name().to_owned(),
        withheld: withheld(stage, partition, holding.state),
        since: holding.since.to_string(),
        reason: holding.parked.as_ref().map(|parked| parked.reason.code().to_owned()),
        next_try: holding.parked.and_then(|parked| Some(parked.next_try?.to_string())),
    });
    all.collect()
}

fn measure(service: &Service, log: &dyn Log, (answers, commits): &(Part, Part)) {
    let wall = SystemWall::default();
    let mut looker = Looker::default();
    let mut answered = monotonic::now();
    let mut compared: Option<Moment> = None;
    while !service.stop.is_set() {
        if compared.is_none_or(|at| at.elapsed() >= COMPARE_EVERY) {
            compared = Some(monotonic::now());
            compare(service);
        }
        match looker.look(log, service, wall.now()) {
            Ok(all) => {
                answered = monotonic::now();
                answers.set_ready();
                report(service, &all, wall.now(), commits);
            }
            Err(error) if answered.elapsed() >= SILENCE_MAX => {
                answers.set_waiting(format!("no answer for {} s: {error}", answered.elapsed().as_secs()));
            }
            Err(error) => tracing::debug!(%error, "how far the log goes is not known for now"),
        }
        service.stop.rest(measure::EVERY, Duration::from_millis(100));
    }
}

/// Compares what is there with what is recorded: the workers park what is not theirs any more.
fn compare(service: &Service) {
    match service.belongs.as_ref().map(Belonging::check) {
        Some(Err(BelongingError::NotOurs(error))) => tracing::error!("nothing is committed: {error}"),
        Some(Err(BelongingError::Log(error))) => tracing::debug!(%error, "what topics there are is not known for now"),
        Some(Ok(())) | None => {}
    }
}

/// The client, and what it has seen.
#[derive(Default)]
struct Looker {
    watching: Option<Box<dyn Watching>>,
    looks: Vec<Looks>,
}

impl Looker {
    fn look(&mut self, log: &dyn Log, service: &Service, now: Instant) -> Result<BTreeMap<u32, Behind>, LogError> {
        let watching = match &mut self.watching {
            Some(watching) => watching,
            none => none.insert(log.watching()?),
        };
        let is_held = |partition| service.partitions.of(ASSESS, partition).is_some();
        let looked = measure::look(watching.as_mut(), &mut self.looks, &is_held, now);
        if looked.is_err() {
            self.watching = None;
        }
        Ok(looked?.into_iter().collect())
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
fn report(service: &Service, all: &BTreeMap<u32, Behind>, now: Instant, commits: &Part) {
    #[cfg(feature = "kafka")]
    {
        let (errors, warnings) = fuma_connectors::kafka::lines_logged();
        metrics::counter!(metric::KAFKA_LINES, "level" => "error").absolute(errors);
        metrics::counter!(metric::KAFKA_LINES, "level" => "warning").absolute(warnings);
    }
    metrics::gauge!(metric::LOG_ANSWERED).set(now.0 as f64 / 1e3);
    all.iter().for_each(|(partition, behind)| measure::gauges(*partition, behind));
    let is_owned = |partition: &u32| {
        service.partitions.of(ASSESS, *partition).is_some_and(|holding| holding.state == State::Owned)
    };
    let stuck = all.iter().filter(|(partition, behind)| is_owned(partition) && behind.stuck_ms > STUCK_MS_MAX);
    let stuck: Vec<String> = stuck
        .map(|(partition, behind)| {
            let (seconds, records) = (behind.stuck_ms / 1000, behind.records);
            format!("partition {partition}: nothing was committed for {seconds} s, {records} records wait")
        })
        .collect();
    if stuck.is_empty() { commits.set_ready() } else { commits.set_waiting(stuck.join("; ")) }
}

/// How many partitions are in which state, and for how long those that are parked have been.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub(super) fn states(partitions: &Partitions, now: Instant) {
    for state in State::ALL {
        metrics::gauge!(metric::PARTITIONS, "state" => state.name()).set(partitions.count(ASSESS, state) as f64);
    }
    for ((stage, partition), holding) in partitions.all() {
        let Some(parked) = holding.parked else { continue };
        let seconds = (now.0 - holding.since.0).max(0) as f64 / 1e3;
        let partition = if stage == ASSESS { partition.to_string() } else { "links".to_owned() };
        let labels = [("partition", partition), ("reason", parked.reason.code().to_owned())];
        metrics::gauge!(metric::PARKED_SECONDS, &labels).set(seconds);
    }
}
