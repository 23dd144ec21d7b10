//! Restores, each on a thread of its own: those under way, and those that wait for their turn.
//!
//! Whoever was assigned comes before whoever is tried again. Where more come together than there are places, the one
//! that is most behind is first: people are spread evenly, so each takes about as long, and the longest wait is that of
//! the last. Who does not answer comes last. A restore that failed before never takes the last free place: one that
//! waits for a sick broker holds up nobody for long.
//!
//! Owns the threads: they end with the worker. Must never hand out a partition that was taken away meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant as Moment};

use fuma_connectors::log::{LogError, WorkerLog};

use super::lease::Lease;
use super::owned::Owned;
use super::restore::{RestoreError, Restoring, restore};
use crate::live::monotonic;

/// How many partitions a process restores at once: each reads with clients of its own and holds what it read.
pub const RESTORES_MAX: usize = 4;
// One place is left for whoever is assigned while others are tried again.
const _: () = assert!(RESTORES_MAX > 1);

/// The places for restores of a process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<AtomicUsize>);

impl Places {
    /// A place, unless so many are taken.
    fn take(&self, most: usize) -> Option<Place> {
        let free = |taken: usize| (taken < most).then_some(taken + 1);
        let taken = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, free);
        taken.ok().map(|_| Place(Arc::clone(&self.0)))
    }
}

/// A place that is taken until it is dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How long is waited for what says who is most behind.
const MEASURE_WAIT_MAX: Duration = Duration::from_secs(1);

/// The question how far partitions are behind, on a thread of its own.
struct Measuring {
    answers: Receiver<(u32, u64)>,
    begun: Moment,
}

struct UnderWay {
    cancelled: Arc<AtomicBool>,
    result: Receiver<Result<Owned, RestoreError>>,
    begun: Moment,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Release);
    }
}

/// What ends a restore: whose it is, what came of it, and the seconds it took.
pub(super) type Finished = (u32, Result<Owned, RestoreError>, f64);

/// The restores of a worker, by partition.
#[derive(Default)]
pub(super) struct Takeovers {
    /// Assigned, and not begun.
    waiting: VecDeque<u32>,
    /// Of those the ones whose lag is asked for, or known: records between the position and the end of the evidence.
    lags: BTreeMap<u32, Option<u64>>,
    measuring: Option<Measuring>,
    /// Tried before, and to be tried again.
    again: VecDeque<u32>,
    under_way: BTreeMap<u32, UnderWay>,
    pub(super) places: Places,
    pub(super) lease: Lease,
    pub(super) is_inline: bool,
}

impl Takeovers {
    /// How many partitions wait or are restored, but for those that are tried again.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.again.is_empty() && self.under_way.is_empty()
    }

    /// A partition is to be restored; `again`: it failed before.
    pub(super) fn add(&mut self, id: u32, again: bool) {
        if again {
            return self.again.push_back(id);
        }
        let place = self.waiting.iter().position(|other| *other > id).unwrap_or(self.waiting.len());
        self.waiting.insert(place, id);
    }

    /// Begins as many restores as there is room for. Gives those that cannot begin.
    pub(super) fn begin(&mut self, log: &dyn WorkerLog, context: &Restoring) -> Vec<(u32, LogError)> {
        let mut failed = Vec::new();
        if self.is_measuring() || self.must_measure() && self.measure(log).is_ok() && self.is_measuring() {
            return failed;
        }
        while let Some((id, place)) = self.next() {
            if let Err(error) = self.begin_one(id, log, context.clone(), place) {
                failed.push((id, error));
            }
        }
        failed
    }

    fn next(&mut self) -> Option<(u32, Place)> {
        let lag = |id: &u32| self.lags.get(id).copied().flatten();
        // Of several that are as far behind the first by its number.
        let first = self.waiting.iter().enumerate().rev().max_by_key(|(_, id)| lag(id)).map(|(at, _)| at);
        let (queue, at, most) = match first {
            Some(at) => (&mut self.waiting, at, RESTORES_MAX),
            None => (&mut self.again, 0, RESTORES_MAX - 1),
        };
        if queue.is_empty() {
            return None;
        }
        let place = self.places.take(most)?;
        let id = queue.remove(at)?;
        self.lags.remove(&id);
        Some((id, place))
    }

    /// Whether more wait than there are places, and some of them were not asked for.
    fn must_measure(&self) -> bool {
        self.waiting.len() > RESTORES_MAX && self.waiting.iter().any(|id| !self.lags.contains_key(id))
    }

    /// Asks how far those are behind who wait.
    fn measure(&mut self, log: &dyn WorkerLog) -> Result<(), LogError> {
        let waiting: Vec<u32> = self.waiting.iter().copied().filter(|id| !self.lags.contains_key(id)).collect();
        self.lags.extend(waiting.iter().map(|id| (*id, None)));
        let mut restorer = log.restorer()?;
        let (sender, answers) = channel();
        let work = move || {
            for id in waiting {
                let position = restorer.position(id);
                let lag = position.and_then(|position| {
                    let bounds = restorer.evidence_bounds(id)?;
                    Ok(bounds.end.saturating_sub(position.offset.unwrap_or(bounds.start)))
                });
                // Whose log does not answer, comes last; nobody listens when the worker has gone.
                if lag.is_ok_and(|lag| sender.send((id, lag)).is_err()) {
                    return;
                }
            }
        };
        if self.is_inline {
            work();
        } else {
            let spawned = std::thread::Builder::new().name("restore-order".to_owned()).spawn(work);
            spawned.map_err(|error| LogError::transient(format!("no thread for the order of restores: {error}")))?;
        }
        self.measuring = Some(Measuring { answers, begun: monotonic::now() });
        Ok(())
    }

    /// Whether answers are waited for that say who is first; takes those that have come.
    fn is_measuring(&mut self) -> bool {
        let Some(measuring) = &self.measuring else { return false };
        loop {
            match measuring.answers.try_recv() {
                Ok((id, lag)) => drop(self.lags.get_mut(&id).map(|known| *known = Some(lag))),
                Err(TryRecvError::Empty) if measuring.begun.elapsed() < MEASURE_WAIT_MAX => return true,
                Err(_) => break,
            }
        }
        self.measuring = None;
        false
    }

    fn begin_one(&mut self, id: u32, log: &dyn WorkerLog, context: Restoring, place: Place) -> Result<(), LogError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        // On the worker's own thread nothing is taken away meanwhile.
        let lease = (!self.is_inline).then(|| self.lease.clone());
        let context = Restoring { cancelled: Arc::clone(&cancelled), lease, ..context };
        let mut restorer = log.restorer()?;
        let (sender, result) = channel();
        let work = move || {
            // Nobody listens when the worker has gone: then nobody needs the result.
            let _ = sender.send(restore(restorer.as_mut(), id, &context));
            drop(place);
        };
        if self.is_inline {
            work();
        } else {
            let spawned = std::thread::Builder::new().name(format!("restore-{id}")).spawn(work);
            spawned.map_err(|error| LogError::transient(format!("no thread for a restore: {error}")))?;
        }
        self.under_way.insert(id, UnderWay { cancelled, result, begun: monotonic::now() });
        Ok(())
    }

    /// Gives up restores of partitions that were taken away.
    pub(super) fn cancel(&mut self, partitions: &[u32]) {
        let stays = |id: &u32| !partitions.contains(id);
        self.waiting.retain(stays);
        self.lags.retain(|id, _| stays(id));
        self.again.retain(stays);
        self.under_way.retain(|id, _| stays(id));
    }

    /// Gives up all of them; returns whose.
    pub(super) fn cancel_all(&mut self) -> Vec<u32> {
        let mut partitions: Vec<u32> = self.under_way.keys().copied().collect();
        partitions.extend(self.waiting.drain(..).chain(self.again.drain(..)));
        self.under_way.clear();
        (self.lags, self.measuring) = (BTreeMap::new(), None);
        partitions
    }

    /// Takes what has ended.
    pub(super) fn finished(&mut self) -> Vec<Finished> {
        let mut finished = Vec::new();
        self.under_way.retain(|id, under_way| {
            let result = match under_way.result.try_recv() {
                Ok(result) => result,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {
                    Err(LogError::transient(format!("the restore of partition {id} ended without a result")).into())
                }
            };
            finished.push((*id, result, under_way.begun.elapsed().as_secs_f64()));
            false
        });
        finished
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn places_are_counted_over_all_workers_and_given_back() {
        let places = Places::default();
        let other = places.clone();
        let held: Vec<Place> = (0..RESTORES_MAX).filter_map(|_| places.take(RESTORES_MAX)).collect();
        assert_eq!(held.len(), RESTORES_MAX);
        assert!(other.take(RESTORES_MAX).is_none());
        drop(held);
        assert!(other.take(RESTORES_MAX).is_some());
    }

    #[test]
    fn who_was_assigned_comes_before_who_is_tried_again_and_one_place_is_kept_for_them() {
        let mut takeovers = Takeovers::default();
        (0..6).for_each(|id| takeovers.add(id, true));
        takeovers.add(9, false);
        let mut order = Vec::new();
        let mut held = Vec::new();
        while let Some((id, place)) = takeovers.next() {
            order.push(id);
            held.push(place);
        }
        assert_eq!(order, [9, 0, 1]);
        takeovers.add(10, false);
        assert_eq!(takeovers.next().map(|(id, _)| id), Some(10), "the last place is for who was assigned");
    }

    /// The group hands partitions out in any order, and some at a time.
    #[test]
    fn who_is_most_behind_is_restored_first_and_who_does_not_answer_last() {
        let mut takeovers = Takeovers::default();
        [5, 1, 7, 3, 6].into_iter().for_each(|id| takeovers.add(id, false));
        assert!(takeovers.must_measure());
        let (sender, answers) = channel();
        takeovers.lags = [1, 3, 5, 6, 7].map(|id| (id, None)).into();
        takeovers.measuring = Some(Measuring { answers, begun: monotonic::now() });
        [(7, 10), (5, 900), (6, 900)].into_iter().for_each(|answer| sender.send(answer).unwrap());
        assert!(takeovers.is_measuring(), "some may answer yet");
        drop(sender);
        assert!(!takeovers.is_measuring() && !takeovers.must_measure());
        let mut order = Vec::new();
        while let Some((id, _)) = takeovers.next() {
            order.push(id);
        }
        assert_eq!(order, [5, 6, 7, 1, 3]);
        assert_eq!(takeovers.lags, BTreeMap::new());
    }

    /// A log that is silent holds nobody up for long.
    #[test]
    fn the_order_is_not_waited_for_without_end() {
        let (_silent, answers) = channel();
        let begun = monotonic::now().checked_sub(MEASURE_WAIT_MAX).unwrap();
        let mut takeovers = Takeovers { measuring: Some(Measuring { answers, begun }), ..Takeovers::default() };
        assert!(!takeovers.is_measuring());
    }

    /// A worker that ends takes its restores with it: they fence and read no more.
    #[test]
    fn restores_are_given_up_when_their_worker_ends() {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (_sender, result) = channel();
        let mut takeovers = Takeovers::default();
        let under_way = UnderWay { cancelled: Arc::clone(&cancelled), result, begun: monotonic::now() };
        takeovers.under_way.insert(3, under_way);
        drop(takeovers);
        assert!(cancelled.load(Ordering::Acquire));
    }
}
