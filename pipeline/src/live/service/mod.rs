//! The service: stages on threads over one log, stopped together.
//!
//! ```text
//! open        the log: Kafka, or a folder
//! belong      the installation that the process is of
//! guard       publications of tiers: closed, counted, let in
//! policies    which pack an older build put in force
//! office      the first pack, and decisions as they come
//! settled     one digest over all partitions of what a switch announced
//! switches    which pack is in force when, followed while running
//! audit       who looked whom up reaches the log
//! explain     why somebody has a colour: what the log says goes to the worker with the question
//! owners      where other processes of the group answer about the people of their partitions
//! references  the reference logs, read to their end and followed
//! words       what operators agreed to reaches the workers
//! supervise   a stage is made anew when its client fails
//! keyed       the stages by other keys than people
//! turns       a stage is ready while its source is polled
//! snapshots   where they go, and what is lost with a folder that is not there
//! watching    how far behind, and what this process holds: measured and said beside the stages
//! ```
//!
//! Owns which threads there are. Must never hold state of a stage: that dies with its thread.

mod audit;
pub(crate) mod belong;
mod explain;
mod guard;
mod keyed;
pub mod office;
pub(crate) mod open;
mod owners;
pub mod policies;
mod references;
mod settled;
pub(crate) mod snapshots;
pub mod supervise;
mod switches;
mod turns;
mod watching;
mod words;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use fuma_connectors::log::{Log, LogError, Severity};
use fuma_schemas::Feed;

use self::supervise::{Ended, Verdict};
use self::turns::{Beating, Running, Turns};
use crate::config::Config;
use crate::http::api::Audit;
use crate::http::{Health, Heartbeat, Part};
use crate::intake::Settings;
use crate::live::aboard::Conveyances;
use crate::live::answers::Answers;
use crate::live::attach::Phones;
use crate::live::decisions::{Belonging, DecisionLog, FoundError};
use crate::live::guard::Counts;
use crate::live::partitions::{Partitions, Words};
use crate::live::record::{Fingerprint, Origin};
use crate::live::snapshot::SnapshotError;
use crate::live::stop::Stop;
use crate::live::subscriptions;
use crate::live::worker::Tells;
use crate::live::worker::clock::{CommitClock, SystemWall, Wall as _};
use crate::live::worker::owned::Identity;
use crate::live::worker::reference::References;
use crate::live::worker::restore::Restoring;
use crate::live::worker::rhythm::Rhythm;
use crate::live::worker::snapshots::Snapshots;
use crate::live::worker::switch::Schedule;
use crate::live::worker::{Places, Worker, gauges, parked_gauges};
use crate::live::{intake, metric, monotonic, trace};
use crate::policy::Pack;

/// How often gauges are set.
const GAUGES_EVERY: Duration = Duration::from_secs(1);
/// How long a start waits for what passes.
const START_WAIT: Duration = Duration::from_secs(30);
/// A stage that has not turned for this long does not work: the process is not ready.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(60);
/// How often the supervisor looks, and how long it may take: it waits for nobody.
const SUPERVISOR_EVERY: Duration = Duration::from_millis(200);
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(10);
const _: () = assert!(SUPERVISOR_EVERY.as_millis() * 10 < SUPERVISOR_LIMIT.as_millis());

/// What a service needs.
#[derive(Clone, Debug)]
pub struct Service {
    /// What it is told.
    pub config: Config,
    /// The pack of `--policy`, or the one in force by the log; once the log was read, the one in force.
    pub pack: Arc<Pack>,
    /// How it was named.
    pub named: Named,
    /// The hash of what the pack decides by.
    pub pack_hash: String,
    /// What intake depends on: the key, owners, region codes, retention.
    pub intake: Arc<Settings>,
    /// What is asked of this start alone.
    pub wishes: Wishes,
    /// Set when the process is to end.
    pub stop: Stop,
    /// Where loops and parts say how they are.
    pub health: Health,
    /// What this process is called in the status log.
    pub process: String,
    /// Where its metrics and probes are, for others; none without HTTP.
    pub http: Option<String>,
    /// What each partition of this process is.
    pub partitions: Partitions,
    /// What operators agreed to.
    pub words: Words,
    /// How many partitions are restored at once.
    pub places: Places,
    /// Where announced states are published, and where look-ups wait for the log; none where nobody may ask.
    pub asked: Option<(Answers, Audit)>,
    /// The installation; not known before the log is open.
    pub belongs: Option<Belonging>,
    /// What was decided; not known before the log is open.
    pub decisions: Option<DecisionLog>,
    /// Which pack is in force when; not known before the decisions are read.
    pub schedule: Schedule,
    /// Which publications of tiers are to be counted.
    pub counts: Counts,
}

impl Service {
    /// Whose logs it reads and writes.
    pub fn origin(&self) -> Origin {
        let installation = self.belongs.as_ref().map_or(Fingerprint::default(), |it| it.installation().id);
        Origin { installation, key: Fingerprint(self.intake.key.fingerprint()) }
    }
}

/// How the pack of a start was named.
#[derive(Clone, Debug)]
pub enum Named {
    /// By `--policy`.
    Given {
        /// What brings it into the log.
        record: Bytes,
        /// Whether it is a pack of this binary.
        is_built_in: bool,
    },
    /// Not at all: it was read from the log.
    OfLog,
}

/// What is asked of one start, and is no setting, because it must not hold for the next.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Wishes {
    /// Make the topics that are missing.
    pub create_topics: bool,
    /// Without Kafka: the feed whose records come on standard input.
    pub stdin: Option<Feed>,
}

/// Why a service ended other than in order.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is there is not this process's.
    #[error(transparent)]
    Found(#[from] FoundError),
    /// Snapshots cannot be kept where they should be.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// Somebody has to mend something.
    #[error("{0}")]
    Operator(String),
    /// The system has no room for a thread.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start, or cannot go on by itself.
pub fn run(service: &Service) -> Result<(), ServiceError> {
    match start(service) {
        Ok((stages, beside)) => {
            let ended = stages.wait();
            beside.end();
            ended
        }
        // Who asks a start to end has no use for what it was waiting for.
        Err(error) if service.stop.is_set() => {
            tracing::info!(%error, "asked to end before it had started");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn start(service: &Service) -> Result<(Stages, watching::Beside), ServiceError> {
    let begun = SystemWall::default().now();
    let log = patiently(service, || open::log(service))?;
    let service = &patiently(service, || belong::belong(service, &log))?;
    patiently(service, || log.check())?;
    patiently(service, || open::refuse_settings(service))?;
    let snapshots = snapshots::of(service, begun)?;
    let references = References::default();
    let (pack, pack_order) = patiently(service, || office::settle(log.as_ref(), service, &references))?;
    let service = &Service { pack_hash: pack.short_digest().to_owned(), pack, ..service.clone() };
    metrics::gauge!(metric::PARTITIONS_EXPECTED).set(f64::from(log.partitions()));
    let beside = watching::begin(service, &log)?;
    let mut stages = Stages { service: service.clone(), log, threads: Vec::new(), verdict: Verdict::default() };
    stages.follow_references(&references)?;
    stages.audit()?;
    switches::know(service, &references);
    stages.office(&references)?;
    if service.config.roles.intake {
        for slot in 0..service.config.intake_threads {
            stages.intake(slot)?;
        }
    }
    if service.config.roles.trace {
        stages.trace(&snapshots)?;
    }
    if service.config.roles.assess || service.config.roles.trace {
        stages.words()?;
    }
    if service.config.roles.assess {
        stages.keyed::<Phones>(&snapshots)?;
        stages.keyed::<Conveyances>(&snapshots)?;
        stages.settled()?;
        for slot in 0..service.config.workers {
            stages.assess(slot, (pack_order, references.clone(), snapshots.clone()))?;
        }
    }
    Ok((stages, beside))
}

/// Tries again for a while what fails at a start and passes: topics that have just been made, a broker that starts.
fn patiently<T, E: Failure>(service: &Service, mut what: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let begun = monotonic::now();
    let mut is_told = false;
    loop {
        match what() {
            Err(error) if error.passes() && begun.elapsed() < START_WAIT && !service.stop.is_set() => {
                // Told at once: who looks at a screen should not wait for half a minute to read a wrong address.
                if !std::mem::replace(&mut is_told, true) {
                    let seconds = START_WAIT.as_secs();
                    tracing::warn!(%error, "cannot start yet; trying for {seconds} s");
                }
                std::thread::sleep(Duration::from_millis(200));
            }
            other => return other,
        }
    }
}

/// An error that may pass by itself.
trait Failure: std::fmt::Display {
    fn passes(&self) -> bool;
}

impl Failure for LogError {
    fn passes(&self) -> bool {
        self.severity() != Severity::Operator
    }
}

impl Failure for FoundError {
    fn passes(&self) -> bool {
        FoundError::passes(self)
    }
}

impl Failure for ServiceError {
    fn passes(&self) -> bool {
        match self {
            ServiceError::Log(error) => error.passes(),
            ServiceError::Found(error) => error.passes(),
            _ => false,
        }
    }
}

/// The threads of a service.
struct Stages {
    service: Service,
    log: Arc<dyn Log>,
    threads: Vec<JoinHandle<()>>,
    verdict: Verdict,
}

impl Stages {
    fn spawn(
        &mut self,
        name: String,
        stage: impl FnMut() -> Result<(), Ended> + Send + 'static,
    ) -> Result<(), ServiceError> {
        self.threads.push(supervise::spawn(name, self.service.stop.clone(), self.verdict.clone(), stage)?);
        Ok(())
    }

    fn follow_references(&mut self, references: &References) -> Result<(), ServiceError> {
        let (log, references, stop) = (Arc::clone(&self.log), references.clone(), self.service.stop.clone());
        self.spawn("reference".into(), move || {
            let mut reference = log.reference()?;
            references::follow(reference.as_mut(), &references, &stop, &|| {})?;
            Ok(())
        })
    }

    /// Look-ups reach the log, and questions the workers, where anybody may ask.
    fn audit(&mut self) -> Result<(), ServiceError> {
        let Some((answers, audit)) = self.service.asked.clone() else { return Ok(()) };
        answers.know(self.log.partitions());
        let (log, service) = (Arc::clone(&self.log), self.service.clone());
        self.spawn("audit".into(), move || audit::follow(log.as_ref(), &service, &audit))?;
        let (log, service, subscriptions) =
            (Arc::clone(&self.log), self.service.clone(), answers.subscriptions().clone());
        self.spawn("changes".into(), move || {
            subscriptions::follow(log.as_ref(), service.origin().installation, &service.stop, &subscriptions);
            Ok(())
        })?;
        let (log, service) = (Arc::clone(&self.log), self.service.clone());
        self.spawn("explain".into(), move || explain::follow(log.as_ref(), &service, &answers))
    }

    fn office(&mut self, references: &References) -> Result<(), ServiceError> {
        let (log, service, references) = (Arc::clone(&self.log), self.service.clone(), references.clone());
        self.spawn("office".into(), move || office::follow(log.as_ref(), &service, &references))
    }

    fn settled(&mut self) -> Result<(), ServiceError> {
        let (log, service) = (Arc::clone(&self.log), self.service.clone());
        self.spawn("settled".into(), move || settled::follow(log.as_ref(), &service))
    }

    fn intake(&mut self, slot: usize) -> Result<(), ServiceError> {
        let turns = Turns::new(&self.service.health, format!("intake-{slot}"));
        let (log, service) = (Arc::clone(&self.log), self.service.clone());
        self.spawn(format!("intake-{slot}"), move || {
            let options = intake::Options {
                topic_prefix: service.config.kafka.prefix.clone(),
                origin: service.origin(),
                ..intake::Options::default()
            };
            let _running = turns.begin();
            let feeds = Beating { inner: log.feeds(slot)?, turns: turns.clone() };
            let appender = log.appender(&format!("intake-{slot}"))?;
            let settings = Arc::clone(&service.intake);
            let ended = intake::run(Box::new(feeds), appender, settings, log.partitions(), &options, &service.stop);
            ended.map_err(Ended::from)
        })
    }

    fn trace(&mut self, snapshots: &Snapshots) -> Result<(), ServiceError> {
        let turns = Turns::new(&self.service.health, "trace".to_owned());
        let (log, service, snapshots) = (Arc::clone(&self.log), self.service.clone(), snapshots.clone());
        self.spawn("trace".into(), move || {
            let _running = turns.begin();
            let links = Beating { inner: log.links()?, turns: turns.clone() };
            let appender = log.appender("trace")?;
            let options = trace::Options {
                topic_prefix: service.config.kafka.prefix.clone(),
                snapshots: Some(snapshots.clone()),
                origin: service.origin(),
                partitions: service.partitions.clone(),
                words: service.words.clone(),
                ..trace::Options::default()
            };
            let ran = trace::run(Box::new(links), appender, log.partitions(), &options, &service.stop);
            ran.map_err(|error| supervise::trace_ended(&service.partitions, error))
        })
    }

    fn words(&mut self) -> Result<(), ServiceError> {
        let (log, service) = (Arc::clone(&self.log), self.service.clone());
        self.spawn("words".into(), move || words::follow(log.as_ref(), &service))
    }

    fn assess(&mut self, slot: usize, shared: (u64, References, Snapshots)) -> Result<(), ServiceError> {
        let name = format!("assess-{slot}");
        let watch = Watch {
            heartbeat: self.service.health.register(name.as_str(), HEARTBEAT_LIMIT),
            part: self.service.health.part(name.as_str()),
        };
        watch.part.set_waiting("no partition was assigned yet");
        let (log, service) = (Arc::clone(&self.log), self.service.clone());
        self.spawn(name, move || assess(log.as_ref(), slot, &service, &shared, &watch))
    }

    /// Looks after the threads until all have ended. Alive is the process for as long as this turns: it waits for no
    /// log, so a broker may be away for as long as it likes.
    fn wait(self) -> Result<(), ServiceError> {
        let heartbeat = self.service.health.supervisor(SUPERVISOR_LIMIT);
        let wall = SystemWall::default();
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            heartbeat.tick();
            watching::states(&self.service.partitions, wall.now());
            std::thread::sleep(SUPERVISOR_EVERY);
        }
        for thread in self.threads {
            // A panic was caught inside.
            let _ = thread.join();
        }
        self.service.health.set_stopping();
        self.verdict.taken().map_or(Ok(()), |message| Err(ServiceError::Operator(message)))
    }
}

struct Watch {
    heartbeat: Heartbeat,
    part: Part,
}

fn assess(
    log: &dyn Log,
    slot: usize,
    service: &Service,
    (pack_order, references, snapshots): &(u64, References, Snapshots),
    watch: &Watch,
) -> Result<(), Ended> {
    let _running = Running(&watch.part);
    let wall = SystemWall::default();
    let config = &service.config;
    let (pack, hash, number) = switches::in_force(service, *pack_order, wall.now());
    let context = Restoring {
        pack,
        identity: Identity {
            owner: String::new(),
            pack: hash,
            pack_order: number,
            engine: policies::ENGINE.to_owned(),
            origin: service.origin(),
            partitions: log.partitions(),
            source: format!("fuma/{}", config.group),
        },
        schedule: service.schedule.clone(),
        references: references.clone(),
        counts: service.counts.clone(),
        snapshots: Some(snapshots.clone()),
        facts: config.evidence.facts_max,
        words: service.words.clone(),
        differences_max: Some(usize::try_from(config.guard.differences_max).unwrap_or(usize::MAX)),
        state: config.state.clone(),
        now: wall.now(),
        cancelled: Arc::new(AtomicBool::new(false)),
        lease: None,
        tells: Tells::default(),
        shows: false,
        belongs: service.belongs.clone(),
    };
    let rhythm = Rhythm::new(config.commit.live, config.commit.backlog, config.commit.batch_bytes_max);
    let client = log.worker(slot)?;
    let mut worker = Worker::new(client, context, CommitClock::new(Box::new(wall)), rhythm);
    worker.set_page(config.commit.page);
    worker.tell_phones(log.appender(&format!("tell-{slot}"))?);
    worker.tell_conveyances(log.appender(&format!("tell-rides-{slot}"))?);
    worker.tell_trace(log.appender(&format!("forget-{slot}"))?);
    worker.set_uncommitted_bytes_max(config.commit.uncommitted_bytes_max);
    worker.show_in(&service.partitions);
    worker.share_places(service.places.clone());
    if let Some((answers, _)) = &service.asked {
        worker.answer_in(answers.clone());
    }
    let mut said = Duration::ZERO;
    let ended = worker.run(&service.stop, &mut |worker| {
        watch.heartbeat.tick();
        let elapsed = worker.elapsed();
        if elapsed.saturating_sub(said) >= GAUGES_EVERY {
            said = elapsed;
            report(worker, watch, &service.words);
        }
    });
    ended.map_err(Ended::from)
}

/// Ready is a worker that is in the group and has restored, or parked, all that it was given.
fn report(worker: &Worker, watch: &Watch, words: &Words) {
    match (worker.is_member(), worker.restoring()) {
        (false, _) => watch.part.set_waiting("not in the group yet: its partitions are not assigned"),
        (true, 0) => watch.part.set_ready(),
        (true, restoring) => watch.part.set_restoring(restoring),
    }
    if let Some(skew_ms) = worker.skew_ms() {
        metrics::gauge!(metric::CLOCK_SKEW).set(skew_ms as f64 / 1e3);
    }
    worker.owned().for_each(gauges);
    worker.owned().for_each(|owned| words.note_withheld(owned.id, owned.withheld()));
    worker.parked().for_each(|(id, owned)| parked_gauges(id, owned));
}
