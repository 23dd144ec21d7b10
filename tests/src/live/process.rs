//! A process with one worker: its own clock, its own view of the reference topics; it dies and starts again.
//!
//! Owns what a process does around its worker. A handle can be used while another worker stands still in a commit.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fuma_connectors::log::{Log, LogError, Reference, WorkerLog};
use fuma_pipeline::live::aboard::Conveyances;
use fuma_pipeline::live::attach::Phones;
use fuma_pipeline::live::guard::Counts;
use fuma_pipeline::live::keyed::{self, Keyed, Labels, Stage};
use fuma_pipeline::live::partitions::{ABOARD, ASSESS, ATTACH, Holding, LINKS, Partitions, TRACE, Words};
use fuma_pipeline::live::stop::Stop;
use fuma_pipeline::live::trace::{self, Tracer};
use fuma_pipeline::live::worker::clock::{CommitClock, Wall};
use fuma_pipeline::live::worker::reference::References;
use fuma_pipeline::live::worker::rhythm::Rhythm;
use fuma_pipeline::live::worker::switch::{Schedule, Switch};
use fuma_pipeline::live::worker::{Trouble, Turn, Worker};
use fuma_schemas::Instant;
use fuma_schemas::instant::DAY_MS;

use super::setup::Setup;
use crate::simulated::{SimulatedCluster, SimulatedLog};

/// Puts something of the test's between a worker and its log.
pub type Wrap = Box<dyn Fn(Box<dyn WorkerLog>) -> Box<dyn WorkerLog> + Send>;

/// The cluster's time, with the wall put forward or back.
struct SimulatedWall {
    cluster: SimulatedCluster,
    begin: Instant,
    shift_ms: Arc<AtomicI64>,
}

impl Wall for SimulatedWall {
    fn now(&self) -> Instant {
        Instant(self.cluster.now().0 + self.shift_ms.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis((self.cluster.now().0 - self.begin.0) as u64)
    }
}

/// The process.
pub struct Process {
    cluster: SimulatedCluster,
    log: SimulatedLog,
    reference: Option<Box<dyn Reference>>,
    references: References,
    reads_references: bool,
    setup: Setup,
    begin: Instant,
    shift_ms: Arc<AtomicI64>,
    wrap: Option<Wrap>,
    /// What it reads of the decisions at each turn; none: it does not follow them by itself.
    decisions: Option<Vec<Switch>>,
    partitions: Partitions,
    worker: Option<Worker>,
    attach: Option<Stage<Phones>>,
    aboard: Option<Stage<Conveyances>>,
    tracer: Option<Tracer>,
}

impl Process {
    fn start(&mut self) -> Result<(), LogError> {
        let setup = &self.setup;
        let context = setup.restoring(self.references.clone(), self.cluster.now());
        let wall =
            SimulatedWall { cluster: self.cluster.clone(), begin: self.begin, shift_ms: Arc::clone(&self.shift_ms) };
        let rhythm = Rhythm::new(Duration::from_millis(5), Duration::from_millis(100), 64 << 20);
        let plain = self.log.worker(0)?;
        let client = match &self.wrap {
            Some(wrap) => wrap(plain),
            None => plain,
        };
        let mut worker = Worker::new(client, context, CommitClock::new(Box::new(wall)), rhythm);
        if let Some(page) = setup.page {
            worker.set_page(page);
        }
        if setup.is_inline {
            worker.restore_inline();
        }
        if let Some(bytes) = setup.uncommitted_bytes_max {
            worker.set_uncommitted_bytes_max(bytes);
        }
        worker.show_in(&self.partitions);
        if let Some(answers) = &setup.answers {
            worker.answer_in(answers.clone());
        }
        if setup.attaches {
            worker.tell_phones(self.log.appender("tell")?);
            worker.tell_conveyances(self.log.appender("tell-rides")?);
        }
        self.worker = Some(worker);
        Ok(())
    }

    fn follow_references(&mut self) -> Result<(), LogError> {
        if !self.reads_references {
            return Ok(());
        }
        let reference = match &mut self.reference {
            Some(reference) => reference,
            none => none.insert(self.log.reference()?),
        };
        self.references.advance(reference.as_mut(), Duration::ZERO).map(|_| ())
    }

    fn turn(&mut self) -> Result<Turn, LogError> {
        let turn = self.try_turn();
        if turn.is_err() {
            // As the service does: all state that hangs on the client goes with it.
            (self.worker, self.reference, self.tracer) = (None, None, None);
            self.partitions.gone(TRACE, LINKS);
        }
        turn
    }

    fn read_decisions(&self, switches: &[Switch]) {
        let elapsed = self.cluster.now().0 - self.begin.0;
        self.setup.schedule.set(switches.to_vec());
        self.setup.schedule.read_to_end(Duration::from_millis(elapsed as u64));
    }

    fn try_turn(&mut self) -> Result<Turn, LogError> {
        self.follow_references()?;
        if let Some(switches) = &self.decisions {
            self.read_decisions(switches);
        }
        if self.worker.is_none() {
            self.start()?;
        }
        let turn = self.worker.as_mut().unwrap().turn()?;
        if self.setup.attaches {
            let (mut attach, mut aboard) = (self.attach.take(), self.aboard.take());
            // A stage of its own: what ends it is begun again, and the worker goes on.
            self.attach = self.keyed(&mut attach).ok().and(attach);
            self.aboard = self.keyed(&mut aboard).ok().and(aboard);
        }
        if self.setup.traces && self.trace().is_err() {
            self.tracer = None;
        }
        Ok(turn)
    }

    /// A turn of trace.
    fn trace(&mut self) -> Result<(), LogError> {
        let setup = &self.setup;
        let tracer = match &mut self.tracer {
            Some(tracer) => tracer,
            none => {
                let options = trace::Options {
                    topic_prefix: String::new(),
                    snapshots: setup.snapshots.clone(),
                    origin: setup.origin,
                    partitions: self.partitions.clone(),
                    words: setup.words.clone(),
                    ..trace::Options::default()
                };
                let log = (self.log.links()?, self.log.appender("trace")?);
                let tracer = none.insert(Tracer::new(log, self.log.partitions(), &options));
                tracer.keep_inline();
                tracer
            }
        };
        let elapsed = Duration::from_millis((self.cluster.now().0 - self.begin.0) as u64);
        tracer.turn(Duration::ZERO, elapsed, &Stop::default())
    }

    /// Up to where it has judged the link log, if it has that.
    pub fn judged_links(&self) -> Option<u64> {
        self.tracer.as_ref().and_then(Tracer::judged)
    }

    /// A turn of a stage by another key.
    fn keyed<K: Keyed>(&self, stage: &mut Option<Stage<K>>) -> Result<usize, LogError> {
        let setup = &self.setup;
        let stage = match stage {
            Some(stage) => stage,
            none => {
                let options = keyed::Options {
                    topic_prefix: String::new(),
                    partitions: setup.partitions.max(1),
                    message_bytes_max: keyed::MESSAGE_BYTES_MAX,
                    snapshots: setup.snapshots.clone(),
                    origin: setup.origin,
                    facts: fuma_pipeline::evidence::Limits::default(),
                    retention: fuma_pipeline::assess::retention(std::iter::once(&setup.pack)),
                    labels: Labels {
                        schedule: setup.schedule.clone(),
                        first: Some((setup.pack_order, Arc::clone(&setup.pack))),
                    },
                };
                let (source, appender) = (self.log.keyed(K::TOPIC)?, self.log.appender(K::STAGE)?);
                none.insert(Stage::new(source, appender, &self.partitions, options))
            }
        };
        let now = self.cluster.now();
        let elapsed = Duration::from_millis((now.0 - self.begin.0) as u64);
        stage.turn(Duration::ZERO, (now, elapsed), &Stop::default())
    }

    /// The stage that attaches, if it was begun and lives.
    pub fn attaching(&self) -> Option<&Stage<Phones>> {
        self.attach.as_ref()
    }

    /// The stage that traces, if it was begun and lives.
    pub fn tracing(&self) -> Option<&Stage<Conveyances>> {
        self.aboard.as_ref()
    }

    /// The worker, if it was started and lives.
    pub fn worker(&self) -> Option<&Worker> {
        self.worker.as_ref()
    }
}

/// A handle of a process; clones are handles of the same.
#[derive(Clone)]
pub struct Member {
    /// The id under which its worker commits.
    pub owner: String,
    process: Arc<Mutex<Process>>,
}

impl Member {
    /// A process that starts with its first turn.
    pub fn new(cluster: &SimulatedCluster, name: &str, setup: Setup) -> Member {
        let process = Process {
            cluster: cluster.clone(),
            log: cluster.process(name),
            reference: None,
            references: References::default(),
            reads_references: true,
            setup,
            // Long ago, so that it stays before a broker's clock that is set back.
            begin: Instant(cluster.now().0 - 10 * DAY_MS),
            shift_ms: Arc::default(),
            wrap: None,
            decisions: None,
            partitions: Partitions::default(),
            worker: None,
            attach: None,
            aboard: None,
            tracer: None,
        };
        Member { owner: format!("{name}-0"), process: Arc::new(Mutex::new(process)) }
    }

    /// The process.
    pub fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One turn; a worker that ended is started anew by the next.
    ///
    /// # Errors
    /// Whatever ended the worker.
    pub fn turn(&self) -> Result<Turn, LogError> {
        self.process().turn()
    }

    /// One turn, unless it is in the middle of one.
    pub fn try_turn(&self) -> Option<Result<Turn, LogError>> {
        self.process.try_lock().ok().map(|mut process| process.turn())
    }

    /// Takes part for so many milliseconds of the cluster's time; says what came of it. Panics when the worker ends.
    pub fn run(&self, ms: i64) -> Turn {
        run(&[self], ms)
    }

    /// Puts the machine's clock forward or back, in all.
    pub fn shift_clock(&self, ms: i64) {
        self.process().shift_ms.store(ms, Ordering::Relaxed);
    }

    /// Goes down in order: commits, marks the positions released, leaves.
    pub fn leave(&self) {
        self.try_leave().unwrap();
    }

    /// The same, where something may go wrong.
    ///
    /// # Errors
    /// Whatever ended the worker.
    pub fn try_leave(&self) -> Result<(), LogError> {
        let mut process = self.process();
        let stop = Stop::default();
        stop.set();
        (process.reference, process.attach, process.aboard) = (None, None, None);
        process.tracer = None;
        let cluster = process.cluster.clone();
        match process.worker.take() {
            // Time goes on while last snapshots are written.
            Some(mut worker) => worker.run(&stop, &mut |_| cluster.advance(1)),
            None => Ok(()),
        }
    }

    /// Is killed: nothing is committed; the group notices at once.
    pub fn die(&self) {
        let mut process = self.process();
        process.cluster.crash(&self.owner);
        process.cluster.expire(&self.owner);
        (process.worker, process.reference) = (None, None);
        (process.attach, process.aboard) = (None, None);
        process.tracer = None;
        process.partitions = Partitions::default();
    }

    /// Starts with something else from its next start on.
    pub fn set_up(&self, setup: Setup) {
        self.process().setup = setup;
    }

    /// Traces contacts from now on, when it has the link log.
    pub fn trace(&self) {
        self.process().setup.traces = true;
    }

    /// Puts something between worker and log from its next start on.
    pub fn wrap(&self, wrap: Wrap) {
        self.process().wrap = Some(wrap);
    }

    /// Whether it reads the reference topics by itself.
    pub fn read_references(&self, reads: bool) {
        self.process().reads_references = reads;
    }

    /// What it knows of the reference topics.
    pub fn references(&self) -> References {
        self.process().references.clone()
    }

    /// Which publications of tiers it is asked to count.
    pub fn counts(&self) -> Counts {
        self.process().setup.counts.clone()
    }

    /// What becomes of a partition of it.
    pub fn holding(&self, partition: u32) -> Option<Holding> {
        self.process().partitions.of(ASSESS, partition)
    }

    /// What becomes of a partition of phones of it.
    pub fn attaching(&self, partition: u32) -> Option<Holding> {
        self.process().partitions.of(ATTACH, partition)
    }

    /// What becomes of a partition of rides of it.
    pub fn tracing(&self, partition: u32) -> Option<Holding> {
        self.process().partitions.of(ABOARD, partition)
    }

    /// Why a partition is parked; turns until it is, for at most a minute.
    pub fn trouble(&self, partition: u32) -> Arc<Trouble> {
        for _ in 0..60_000 {
            self.turn().unwrap_or_else(|error| panic!("{}: {error}", self.owner));
            let process = self.process();
            if let Some(trouble) = process.worker().and_then(|worker| worker.trouble(partition)) {
                return trouble;
            }
            process.cluster.advance(1);
        }
        panic!("{}: partition {partition} is not parked", self.owner)
    }

    /// It reads the decisions to their end: these are the switches.
    pub fn read_decisions(&self, switches: &[Switch]) {
        self.process().read_decisions(switches);
    }

    /// It reads the decisions at each turn from now on: these are the switches.
    pub fn follow_decisions(&self, switches: &[Switch]) {
        self.process().decisions = Some(switches.to_vec());
    }

    /// What operators agreed to, and whether everything is held.
    pub fn words(&self) -> Words {
        self.process().setup.words.clone()
    }

    /// What it knows of the packs.
    pub fn schedule(&self) -> Schedule {
        self.process().setup.schedule.clone()
    }

    /// The partitions that it restored.
    pub fn owned(&self) -> Vec<u32> {
        self.process().worker().map(|worker| worker.owned().map(|owned| owned.id).collect()).unwrap_or_default()
    }
}

/// Several processes take turns for so many milliseconds. Panics when a worker ends.
pub fn run(members: &[&Member], ms: i64) -> Turn {
    let cluster = members[0].process().cluster.clone();
    let until = cluster.now().0 + ms;
    let mut sum = Turn::default();
    while cluster.now().0 < until {
        for member in members {
            let turn = member.turn().unwrap_or_else(|error| panic!("{}: {error}", member.owner));
            sum.records += turn.records;
            sum.changes += turn.changes;
            sum.aborts += turn.aborts;
        }
        cluster.advance(1);
    }
    sum
}
