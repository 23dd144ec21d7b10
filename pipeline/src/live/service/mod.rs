//! The service: stages on threads over one log, stopped together.
//!
//! ```text
//! policies    which pack is in force
//! supervise   a stage is made anew when its client fails
//! ```
//!
//! Owns which threads there are. Must never hold state of a stage: that dies with its thread.

pub mod policies;
pub mod supervise;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuma_connectors::log::{Log, LogError, Severity, Topic};

use self::policies::{InForce, Place};
use self::supervise::{Ended, Verdict};
use crate::http::{Health, Heartbeat, Part};
use crate::intake::Settings;
use crate::live::stop::Stop;
use crate::live::worker::clock::{CommitClock, SystemWall, Wall as _};
use crate::live::worker::owned::Identity;
use crate::live::worker::reference::References;
use crate::live::worker::restore::{RestoreError, Restoring};
use crate::live::worker::rhythm::Rhythm;
use crate::live::worker::{Worker, WorkerError, gauges};
use crate::live::{intake, metric, trace};
use crate::policy::Pack;

/// How often gauges are set.
const GAUGES_EVERY: Duration = Duration::from_secs(1);
/// A loop that has not turned for this long hangs.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(60);

/// What a service does.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The pack.
    pub pack: Arc<Pack>,
    /// The hash of its contents.
    pub pack_hash: String,
    /// What intake depends on.
    pub intake: Arc<Settings>,
    /// Threads that read feeds; 0 = this process does not.
    pub intake_threads: usize,
    /// Whether this process may judge links.
    pub traces: bool,
    /// Threads that judge; 0 = this process does not.
    pub workers: usize,
    /// The rhythm of commits.
    pub rhythm: Rhythm,
    /// Where snapshots are, and how often they are written.
    pub snapshots: Option<crate::live::snapshot::Snapshots>,
    /// How many people may differ at a recovery; none: any number.
    pub differences_max: Option<usize>,
    /// Whether a pack that was superseded is put in force again.
    pub reinstates: bool,
    /// Whether commits may go on beyond the broker's clock.
    pub accepts_clock_ahead: bool,
    /// The folder of the process's own files.
    pub state: std::path::PathBuf,
    /// The installation, as the source of its events.
    pub source: String,
}

/// Why a service ended other than in order.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Somebody has to mend something.
    #[error("{0}")]
    Operator(String),
    /// The system has no room for a thread.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Runs until it is asked to stop.
///
/// # Errors
/// See [`ServiceError`].
pub fn run(log: &Arc<dyn Log>, options: &ServiceOptions, health: &Health, stop: &Stop) -> Result<(), ServiceError> {
    log.check()?;
    let references = References::default();
    let mut threads = Vec::new();
    let verdict = Verdict::default();
    let pack_order = read_references(log.as_ref(), options, &references)?;
    threads.push(follow_references(log, &references, stop, &verdict)?);
    for slot in 0..options.intake_threads {
        let (log, options, own) = (Arc::clone(log), options.clone(), stop.clone());
        let heartbeat = health.register(format!("intake-{slot}"), HEARTBEAT_LIMIT);
        threads.push(supervise::spawn(format!("intake-{slot}"), stop.clone(), verdict.clone(), move || {
            intake::run(log.as_ref(), slot, &options.intake, &own, &|| heartbeat.tick()).map_err(of_log)
        })?);
    }
    if options.traces {
        let (log, own) = (Arc::clone(log), stop.clone());
        let heartbeat = health.register("trace", HEARTBEAT_LIMIT);
        threads.push(supervise::spawn("trace".into(), stop.clone(), verdict.clone(), move || {
            trace::run(log.as_ref(), &own, &|| heartbeat.tick()).map_err(of_log)
        })?);
    }
    for slot in 0..options.workers {
        let watch = Watch {
            heartbeat: health.register(format!("assess-{slot}"), HEARTBEAT_LIMIT),
            part: health.part(format!("assess-{slot}")),
        };
        let (log, options, references, own) = (Arc::clone(log), options.clone(), references.clone(), stop.clone());
        threads.push(supervise::spawn(format!("assess-{slot}"), stop.clone(), verdict.clone(), move || {
            assess(log.as_ref(), slot, &options, pack_order, &references, &own, &watch)
        })?);
    }
    for thread in threads {
        // A panic was caught inside.
        let _ = thread.join();
    }
    verdict.taken().map_or(Ok(()), |message| Err(ServiceError::Operator(message)))
}

struct Watch {
    heartbeat: Heartbeat,
    part: Part,
}

fn assess(
    log: &dyn Log,
    slot: usize,
    options: &ServiceOptions,
    pack_order: u64,
    references: &References,
    stop: &Stop,
    watch: &Watch,
) -> Result<(), Ended> {
    let wall = SystemWall::default();
    let context = Restoring {
        pack: Arc::clone(&options.pack),
        identity: Identity {
            owner: String::new(),
            pack: options.pack_hash.clone(),
            pack_order,
            engine: policies::ENGINE.to_owned(),
            source: options.source.clone(),
        },
        references: references.clone(),
        snapshots: options.snapshots.clone(),
        differences_max: options.differences_max,
        state: options.state.clone(),
        now: wall.now(),
        cancelled: Arc::new(AtomicBool::new(false)),
    };
    let client = log.worker(slot).map_err(of_log)?;
    let mut worker = Worker::new(client, context, CommitClock::new(Box::new(wall)), options.rhythm.clone());
    if options.accepts_clock_ahead {
        worker.accept_clock_ahead();
    }
    let mut said = Duration::ZERO;
    let result = worker.run(stop, &mut |worker| {
        watch.heartbeat.tick();
        let elapsed = worker.elapsed();
        if elapsed.saturating_sub(said) >= GAUGES_EVERY {
            said = elapsed;
            report(worker, slot, watch);
        }
    });
    watch.part.set_waiting("begins anew");
    result.map_err(of_worker)
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
fn report(worker: &Worker, slot: usize, watch: &Watch) {
    match worker.restoring() {
        0 => watch.part.set_ready(),
        restoring => watch.part.set_restoring(restoring),
    }
    let now = SystemWall::default().now();
    let mut owned = 0;
    for partition in worker.owned() {
        owned += 1;
        gauges(partition, now.0);
    }
    metrics::gauge!(metric::PARTITIONS, "slot" => slot.to_string()).set(f64::from(owned));
}

/// Reads the reference topics to their present end, and finds or makes the pack's number.
fn read_references(log: &dyn Log, options: &ServiceOptions, references: &References) -> Result<u64, ServiceError> {
    let mut reference = log.reference()?;
    let mut read_on = |references: &References| -> Result<(), LogError> {
        let ends = [reference.end(Topic::Regions)?, reference.end(Topic::Policies)?];
        while references.regions_end() < ends[0] || references.policies_end() < ends[1] {
            references.advance(reference.as_mut(), Duration::from_millis(200))?;
        }
        Ok(())
    };
    read_on(references)?;
    let own = InForce {
        pack: options.pack_hash.clone(),
        id: options.pack.id.to_string(),
        version: options.pack.version.to_string(),
    };
    let is_wanted = match policies::place(&own.pack, &references.policies()) {
        Place::InForce(order) => return Ok(order),
        Place::New => true,
        Place::Superseded => options.reinstates,
    };
    if !is_wanted {
        return Err(ServiceError::Operator(format!(
            "the pack {} {} was in force until another one came: start with that one, or put this one in force again \
             with --reinstate-policy",
            own.id, own.version
        )));
    }
    policies::put_in_force(log.appender("policies")?.as_mut(), &own)?;
    read_on(references)?;
    match policies::place(&own.pack, &references.policies()) {
        Place::InForce(order) => Ok(order),
        _ => Err(ServiceError::Operator("another pack was put in force at the same time: start again".into())),
    }
}

fn follow_references(
    log: &Arc<dyn Log>,
    references: &References,
    stop: &Stop,
    verdict: &Verdict,
) -> Result<std::thread::JoinHandle<()>, ServiceError> {
    let (log, references, own) = (Arc::clone(log), references.clone(), stop.clone());
    Ok(supervise::spawn("reference".into(), stop.clone(), verdict.clone(), move || {
        let mut reference = log.reference().map_err(of_log)?;
        while !own.is_set() {
            references.advance(reference.as_mut(), Duration::from_millis(200)).map_err(of_log)?;
        }
        Ok(())
    })?)
}

fn of_log(error: LogError) -> Ended {
    Ended { severity: error.severity(), message: error.to_string() }
}

fn of_worker(error: WorkerError) -> Ended {
    let message = error.to_string();
    let severity = match error {
        WorkerError::Log(error) | WorkerError::Restore(RestoreError::Log(error)) => error.severity(),
        WorkerError::Assess(_) | WorkerError::Restore(RestoreError::Assess(_)) => Severity::Operator,
        WorkerError::Restore(RestoreError::Cancelled) => Severity::Fatal,
        WorkerError::Restore(_) => Severity::Operator,
    };
    Ended { severity, message }
}
