//! A log that does what a simulated one does not: restores that take minutes (they wait at a gate), a client that
//! passes records over, and a process that stands still.
//!
//! Owns the gate, the losses and the sleep. All else is the simulated log's.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fuma_connectors::log::{
    AnnouncedRecord, EndsQuestion, GroupEvent, LogError, LogRecord, Outcome, Position, RestoreLog, Transaction,
    WorkerLog,
};
use fuma_schemas::Instant;

/// Holds the restores of one partition up.
#[derive(Clone)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

struct State {
    partition: u32,
    is_open: bool,
    begun: usize,
}

impl Gate {
    /// A gate in front of a partition.
    pub(crate) fn closed_for(partition: u32) -> Gate {
        Gate(Arc::new((Mutex::new(State { partition, is_open: false, begun: 0 }), Condvar::new())))
    }

    /// No gate at all.
    pub(crate) fn open_wide() -> Gate {
        let gate = Gate::closed_for(0);
        gate.open();
        gate
    }

    /// Restores go on.
    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().is_open = true;
        self.0.1.notify_all();
    }

    /// How many restores came to it.
    pub(crate) fn begun(&self) -> usize {
        self.0.0.lock().unwrap().begun
    }

    fn pass(&self, partition: u32) {
        let mut state = self.0.0.lock().unwrap();
        if state.partition != partition {
            return;
        }
        state.begun += 1;
        while !state.is_open {
            state = self.0.1.wait(state).unwrap();
        }
    }
}

/// How many of the next records are passed over.
pub(crate) type Losses = Arc<AtomicUsize>;

/// What happens while a process stands still.
pub(crate) type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// The process stands still before it asks for the output's end, and hears nothing from its group when it goes on.
#[derive(Default)]
pub(crate) struct Sleep {
    /// Run once, before the end of the output is asked for; the test says from when on.
    pub(crate) meanwhile: Meanwhile,
    /// It hears nothing.
    pub(crate) is_deaf: Arc<AtomicBool>,
}

/// A worker's log that is like that.
pub(crate) struct FaultyLog {
    /// The log.
    pub(crate) inner: Box<dyn WorkerLog>,
    /// Where restores wait.
    pub(crate) gate: Gate,
    /// Where the question for the ends of a partition waits.
    pub(crate) silence: Gate,
    /// What its client passes over.
    pub(crate) losses: Losses,
    /// Whether its process stands still.
    pub(crate) sleep: Sleep,
}

impl FaultyLog {
    /// A log with nothing wrong yet.
    pub(crate) fn of(inner: Box<dyn WorkerLog>) -> FaultyLog {
        let (gate, silence) = (Gate::open_wide(), Gate::open_wide());
        FaultyLog { inner, gate, silence, losses: Losses::default(), sleep: Sleep::default() }
    }
}

impl WorkerLog for FaultyLog {
    fn owner(&self) -> &str {
        self.inner.owner()
    }

    fn poll(&mut self, wait: Duration, records: &mut Vec<LogRecord>) -> Result<Vec<GroupEvent>, LogError> {
        if self.sleep.is_deaf.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let before = records.len();
        let events = self.inner.poll(wait, records)?;
        let lost = self.losses.load(Ordering::Relaxed).min(records.len() - before);
        self.losses.fetch_sub(lost, Ordering::Relaxed);
        records.drain(before..before + lost);
        Ok(events)
    }

    fn is_member(&self) -> bool {
        self.inner.is_member()
    }

    fn accept(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        self.inner.accept(partitions)
    }

    fn release(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        self.inner.release(partitions)
    }

    fn resume(&mut self, partition: u32, offset: u64) -> Result<(), LogError> {
        self.inner.resume(partition, offset)
    }

    fn pause(&mut self, partition: u32) -> Result<(), LogError> {
        self.inner.pause(partition)
    }

    fn commit(&mut self, transaction: Transaction<'_>) -> Result<Outcome, LogError> {
        self.inner.commit(transaction)
    }

    fn clock(&mut self) -> Result<Instant, LogError> {
        self.inner.clock()
    }

    fn output_end(&mut self, partition: u32) -> Result<u64, LogError> {
        self.inner.output_end(partition)
    }

    fn ends(&self, partition: u32) -> EndsQuestion {
        let (inner, gate) = (self.inner.ends(partition), self.silence.clone());
        let (meanwhile, is_deaf) = (self.sleep.meanwhile.lock().unwrap().take(), Arc::clone(&self.sleep.is_deaf));
        Box::new(move || {
            if let Some(meanwhile) = meanwhile {
                meanwhile();
                is_deaf.store(true, Ordering::Relaxed);
            }
            gate.pass(partition);
            inner()
        })
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        self.inner.evidence_bounds(partition)
    }

    fn restorer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        Ok(Box::new(SlowRestore { inner: self.inner.restorer()?, gate: self.gate.clone() }))
    }
}

struct SlowRestore {
    inner: Box<dyn RestoreLog>,
    gate: Gate,
}

impl RestoreLog for SlowRestore {
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        self.inner.position(partition)
    }

    fn fence(&mut self, owner: &str) -> Result<(), LogError> {
        self.inner.fence(owner)
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        self.inner.stable_position(partition)
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        self.inner.evidence_bounds(partition)
    }

    fn read_evidence(
        &mut self,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError> {
        self.inner.read_evidence(partition, offsets, each)
    }

    fn read_output(
        &mut self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError> {
        self.gate.pass(partition);
        self.inner.read_output(partition, from, each)
    }

    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        self.inner.tombstones_kept_ms()
    }
}
