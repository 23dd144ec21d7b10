//! A stage on a thread: made again when its client is of no more use, after a pause that grows; done when it says so.
//!
//! ```text
//! Ok          done: the thread ends
//! stage       the stage alone is made again; the others do not notice
//! process     nothing helps but a person, and nothing can go on: everything stops
//! ```
//!
//! Owns the pauses. Must never go on with the state of a client that failed, nor stop another stage for it.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fuma_connectors::log::{Code, LogError, Remedy, Scope};

use crate::live::partitions::{LINKS, ParkReason, Parked, Partitions, TRACE};
use crate::live::stop::Stop;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::{metric, monotonic};

/// The first pause before a stage is made again.
const FIRST: Duration = Duration::from_millis(300);
/// The longest, where time helps.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest, where somebody has to repair something.
const LONGEST_FOR_PEOPLE: Duration = Duration::from_secs(60);
/// A stage that ran for so long was well: pauses begin again.
const WELL: Duration = Duration::from_secs(120);
const _: () = assert!(WELL.as_secs() > LONGEST_FOR_PEOPLE.as_secs());
/// How soon a stop is seen in a pause.
const LOOK: Duration = Duration::from_millis(50);

/// What ended a stage.
#[derive(Debug)]
pub struct Ended {
    /// The kind of failure.
    pub code: Code,
    /// What to tell people.
    pub message: String,
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Ended {
        Ended { code: error.code(), message: error.to_string() }
    }
}

/// What ended trace. Where somebody has to repair something its one partition is parked, until the stage is made again.
pub fn trace_ended(partitions: &Partitions, error: LogError) -> Ended {
    match error.code().remedy() {
        Remedy::Refuse => {
            let reason = ParkReason::of_code(error.code());
            let parked = Parked { reason, what: error.to_string(), next_try: None, tries: 1, digest: None };
            partitions.parked(TRACE, LINKS, SystemWall::default().now(), parked);
        }
        Remedy::Retry | Remedy::Bug => partitions.gone(TRACE, LINKS),
    }
    error.into()
}

/// The first failure that nobody but a person can repair, and that lets nothing go on.
#[derive(Clone, Debug, Default)]
pub struct Verdict(Arc<Mutex<Option<String>>>);

impl Verdict {
    /// Notes a failure; the first one stays.
    pub fn give(&self, message: String) {
        if let Ok(mut verdict) = self.0.lock() {
            verdict.get_or_insert(message);
        }
    }

    /// The failure, if there is one.
    pub fn taken(&self) -> Option<String> {
        self.0.lock().ok().and_then(|verdict| verdict.clone())
    }
}

/// Runs a stage on a thread until it is done, or the process is to stop.
///
/// # Errors
/// When the system has no room for a thread.
pub fn spawn(
    name: String,
    stop: Stop,
    verdict: Verdict,
    mut stage: impl FnMut() -> Result<(), Ended> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.clone()).spawn(move || {
        let mut failures = 0;
        while !stop.is_set() {
            let begun = monotonic::now();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut stage));
            let ended = match outcome {
                Ok(Ok(())) => return,
                Ok(Err(ended)) => ended,
                // A bug: the state is dropped and made again from what was committed, like after a crash.
                Err(_) => Ended { code: Code::Bug, message: format!("{name} panicked") },
            };
            if stop.is_set() {
                tracing::debug!(stage = name, "ended while the process stops: {}", ended.message);
                return;
            }
            if ended.code.scope() == Scope::Process {
                verdict.give(ended.message);
                stop.set();
                return;
            }
            failures = if begun.elapsed() >= WELL { 1 } else { failures + 1 };
            let pause = pause(failures, ended.code.remedy());
            count(&name, ended.code);
            let (reason, again_in_s) = (ended.code.as_str(), pause.as_secs_f32());
            match ended.code.remedy() {
                Remedy::Refuse => {
                    tracing::error!(reason, again_in_s, "restarting stage {name} after: {}", ended.message);
                }
                _ => tracing::warn!(reason, again_in_s, "restarting stage {name} after: {}", ended.message),
            }
            stop.rest(pause, LOOK);
        }
    })
}

fn count(name: &str, code: Code) {
    let stage = name.split('-').next().unwrap_or_default().to_owned();
    metrics::counter!(metric::STAGE_RESTARTS, "stage" => stage, "reason" => code.as_str()).increment(1);
}

fn pause(failures: u32, remedy: Remedy) -> Duration {
    let longest = if remedy == Remedy::Refuse { LONGEST_FOR_PEOPLE } else { LONGEST };
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let pauses: Vec<Duration> = (1..20).map(|failures| pause(failures, Remedy::Retry)).collect();
        assert!(pauses.is_sorted() && pauses[0] == FIRST && pauses[18] == LONGEST);
        assert_eq!(pause(20, Remedy::Refuse), LONGEST_FOR_PEOPLE);
    }

    #[test]
    fn a_stage_that_is_done_is_not_begun_again() {
        let (begun, verdict) = (Arc::new(AtomicUsize::new(0)), Verdict::default());
        let counted = Arc::clone(&begun);
        let stage = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        spawn("x".into(), Stop::default(), verdict.clone(), stage).unwrap().join().unwrap();
        assert_eq!((begun.load(Ordering::SeqCst), verdict.taken()), (1, None));
    }

    /// What one stage cannot do is no reason to stop the others, also where somebody has to repair it.
    #[test]
    fn a_stage_that_is_refused_stops_nobody_else_and_is_tried_again() {
        let (begun, stop, verdict) = (Arc::new(AtomicUsize::new(0)), Stop::default(), Verdict::default());
        let (counted, stopped) = (Arc::clone(&begun), stop.clone());
        let stage = move || match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Ended { code: Code::Repair, message: "a link that is not read".into() }),
            1 => panic!("a bug"),
            _ => {
                stopped.set();
                Err(Ended { code: Code::Client, message: "gone".into() })
            }
        };
        spawn("x".into(), stop, verdict.clone(), stage).unwrap().join().unwrap();
        assert_eq!((begun.load(Ordering::SeqCst), verdict.taken()), (3, None));
    }

    #[test]
    fn a_link_log_that_has_to_be_repaired_is_shown_as_parked() {
        let partitions = Partitions::default();
        partitions.owned(TRACE, LINKS, fuma_schemas::Instant(1));
        trace_ended(&partitions, LogError::operator("record 3 of the link log cannot be judged"));
        let parked = partitions.of(TRACE, LINKS).unwrap().parked.unwrap();
        assert_eq!(
            (parked.reason, parked.what.as_str()),
            (ParkReason::Log, "record 3 of the link log cannot be judged")
        );
        trace_ended(&partitions, LogError::fatal("the client is gone"));
        assert_eq!(partitions.of(TRACE, LINKS), None);
    }

    #[test]
    fn what_concerns_the_process_stops_it() {
        let (stop, verdict) = (Stop::default(), Verdict::default());
        let stage = || Err(Ended { code: Code::Instance, message: "in use".into() });
        spawn("x".into(), stop.clone(), verdict.clone(), stage).unwrap().join().unwrap();
        assert_eq!((stop.is_set(), verdict.taken().as_deref()), (true, Some("in use")));
    }
}
