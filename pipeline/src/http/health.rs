//! Whether the process is alive, ready and started.
//!
//! ```text
//! alive    the supervisor turns; never whether a broker answers, be it away for ten minutes
//! ready    every part has what it needs (partitions restored or parked, the log answers), and every stage turns
//! started  was ready once
//! ```
//!
//! A stage may wait for a broker for as long as that takes: it is not ready then, and to start the process again would
//! only lose what it holds. Owns the heartbeats and the reasons. A tick costs one reading of the monotonic clock and
//! one atomic store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The health of the process; clones share it.
#[derive(Clone, Debug)]
pub struct Health(Arc<Shared>);

/// Milliseconds since the process began, on a clock that is never turned back.
type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

struct Shared {
    clock: Clock,
    started: AtomicBool,
    stopping: AtomicBool,
    /// Parts are still being added: those that are there say nothing of the whole.
    unsupervised: AtomicBool,
    next_id: AtomicU64,
    loops: Mutex<BTreeMap<u64, Loop>>,
    parts: Mutex<BTreeMap<u64, (String, Option<String>)>>,
    /// What somebody who looks should know, ready or not.
    remark: Mutex<Option<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Health").field("loops", &self.loops).field("parts", &self.parts).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Loop {
    name: String,
    /// Whether the process is not alive without it.
    is_vital: bool,
    limit_ms: u64,
    ticked_ms: Arc<AtomicU64>,
}

/// Never ticks again: its thread panicked.
const DEAD: u64 = u64::MAX;

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}

impl Health {
    /// The health of a process without loops or parts: alive, not ready.
    #[expect(clippy::disallowed_methods, reason = "a heartbeat is measured by the monotonic clock")]
    pub fn new() -> Health {
        let begun = Instant::now();
        Health::with_clock(move || u64::try_from(begun.elapsed().as_millis()).unwrap_or(DEAD - 1))
    }

    /// The same by another clock: milliseconds since the process began.
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Health {
        Health(Arc::new(Shared {
            clock: Box::new(clock),
            started: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            unsupervised: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
            loops: Mutex::default(),
            parts: Mutex::default(),
            remark: Mutex::default(),
        }))
    }

    /// A loop that must tick at least once within `limit` for the process to be ready, beginning now, until its
    /// heartbeat is dropped.
    pub fn register(&self, name: impl Into<String>, limit: Duration) -> Heartbeat {
        self.heartbeat(name.into(), limit, false)
    }

    /// It is not ready before the supervisor turns, which begins once every stage has its part.
    pub fn await_supervisor(&self) {
        self.0.unsupervised.store(true, Ordering::Release);
    }

    /// The loop that looks after all others: the process is alive for as long as it ticks within `limit`.
    pub fn supervisor(&self, limit: Duration) -> Heartbeat {
        let heartbeat = self.heartbeat("supervisor".to_owned(), limit, true);
        self.0.unsupervised.store(false, Ordering::Release);
        heartbeat
    }

    fn heartbeat(&self, name: String, limit: Duration, is_vital: bool) -> Heartbeat {
        let ticked_ms = Arc::new(AtomicU64::new(self.now_ms()));
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let id = self.id();
        locked(&self.0.loops).insert(id, Loop { name, is_vital, limit_ms, ticked_ms: Arc::clone(&ticked_ms) });
        Heartbeat { health: self.clone(), id, ticked_ms }
    }

    /// A part that must become ready: a worker with its partitions, for example. It is not ready yet.
    pub fn part(&self, name: impl Into<String>) -> Part {
        let id = self.id();
        locked(&self.0.parts).insert(id, (name.into(), Some("starting".to_owned())));
        Part { health: self.clone(), id }
    }

    /// What somebody who looks should know, ready or not; none: nothing.
    pub fn remark(&self, text: Option<String>) {
        *locked(&self.0.remark) = text;
    }

    /// The remark.
    pub fn remarked(&self) -> Option<String> {
        locked(&self.0.remark).clone()
    }

    /// The process is ending: it is ready no more.
    pub fn set_stopping(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }

    /// Whether the supervisor turns, and no loop was ended by a panic; if not, what does not.
    ///
    /// # Errors
    /// Names the loops that stand still, and for how long.
    pub fn live(&self) -> Result<(), String> {
        told(self.still(true))
    }

    /// The loops that stand still: the vital ones, or the others.
    fn still(&self, is_vital: bool) -> Vec<String> {
        let now_ms = self.now_ms();
        let loops = locked(&self.0.loops);
        let still = loops.values().filter_map(|known| {
            let ticked_ms = known.ticked_ms.load(Ordering::Acquire);
            let still_ms = now_ms.saturating_sub(ticked_ms);
            match ticked_ms {
                DEAD if is_vital => Some(format!("{}: its thread panicked", known.name)),
                DEAD => None,
                _ if known.is_vital == is_vital && still_ms > known.limit_ms => {
                    Some(format!("{}: no turn for {still_ms} ms, at most {} ms", known.name, known.limit_ms))
                }
                _ => None,
            }
        });
        still.collect()
    }

    /// Whether every part is ready; if not, what is missing.
    ///
    /// # Errors
    /// Names the parts that are not, and why.
    pub fn ready(&self) -> Result<(), String> {
        if self.0.stopping.load(Ordering::Acquire) {
            return Err("stopping".to_owned());
        }
        let parts = locked(&self.0.parts);
        if parts.is_empty() || self.0.unsupervised.load(Ordering::Acquire) {
            return Err("starting".to_owned());
        }
        let missing = parts.values().filter_map(|(name, reason)| Some(format!("{name}: {}", reason.as_ref()?)));
        told(missing.chain(self.still(false)).collect())?;
        self.0.started.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether the process was ready once; if not, what is missing.
    ///
    /// # Errors
    /// As [`Health::ready`].
    pub fn started(&self) -> Result<(), String> {
        if self.0.started.load(Ordering::Acquire) { Ok(()) } else { self.ready() }
    }

    fn id(&self) -> u64 {
        self.0.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn now_ms(&self) -> u64 {
        (self.0.clock)()
    }
}

/// The heartbeat of a loop. Dropping it ends the duty, but not where a panic drops it.
#[derive(Debug)]
pub struct Heartbeat {
    health: Health,
    id: u64,
    ticked_ms: Arc<AtomicU64>,
}

impl Heartbeat {
    /// The loop came by.
    pub fn tick(&self) {
        self.ticked_ms.store(self.health.now_ms(), Ordering::Release);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ticked_ms.store(DEAD, Ordering::Release);
        } else {
            locked(&self.health.0.loops).remove(&self.id);
        }
    }
}

/// What must be ready. Dropping it ends the duty.
#[derive(Debug)]
pub struct Part {
    health: Health,
    id: u64,
}

impl Part {
    /// It has all it needs.
    pub fn set_ready(&self) {
        self.set(None);
        // Notes that the process has started, though nobody may ask while it is ready.
        let _ = self.health.ready();
    }

    /// It waits; the reason is shown to whoever asks, so it must name nobody.
    pub fn set_waiting(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    /// So many of its partitions are still to be restored; 0 = ready.
    pub fn set_restoring(&self, partitions: usize) {
        match partitions {
            0 => self.set_ready(),
            1 => self.set_waiting("restoring 1 partition"),
            more => self.set_waiting(format!("restoring {more} partitions")),
        }
    }

    fn set(&self, reason: Option<String>) {
        if let Some((_, known)) = locked(&self.health.0.parts).get_mut(&self.id) {
            *known = reason;
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        locked(&self.health.0.parts).remove(&self.id);
    }
}

fn told(problems: Vec<String>) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// The lock, also after a panic elsewhere: what it guards is never half-changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
