//! Restores under way, each on a thread of its own.
//!
//! Owns the threads. Must never hand out a partition that was taken away meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Instant as Moment;

use fuma_connectors::log::{LogError, WorkerLog};

use super::owned::Owned;
use super::restore::{RestoreError, Restoring, restore};
use crate::live::monotonic;

struct UnderWay {
    cancelled: Arc<AtomicBool>,
    result: Receiver<Result<Owned, RestoreError>>,
    begun: Moment,
}

/// What ends a restore: the partition, and the seconds it took.
pub(super) type Finished = (Result<Owned, RestoreError>, f64);

/// The restores under way, by partition.
#[derive(Default)]
pub(super) struct Takeovers {
    under_way: BTreeMap<u32, UnderWay>,
    pub(super) is_inline: bool,
}

impl Takeovers {
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Begins a restore.
    pub(super) fn begin(&mut self, id: u32, log: &dyn WorkerLog, context: Restoring) -> Result<(), LogError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let context = Restoring { cancelled: Arc::clone(&cancelled), ..context };
        let mut restorer = log.restorer()?;
        let (sender, result) = channel();
        let mut work = move || {
            // Nobody listens when the worker has gone: then nobody needs the result.
            let _ = sender.send(restore(restorer.as_mut(), id, &context));
        };
        if self.is_inline {
            work();
        } else {
            let spawned = std::thread::Builder::new().name(format!("restore-{id}")).spawn(work);
            spawned.map_err(|error| LogError::fatal(format!("no thread for a restore: {error}")))?;
        }
        self.under_way.insert(id, UnderWay { cancelled, result, begun: monotonic::now() });
        Ok(())
    }

    /// Gives up restores of partitions that were taken away.
    pub(super) fn cancel(&mut self, partitions: &[u32]) {
        for partition in partitions {
            if let Some(under_way) = self.under_way.remove(partition) {
                under_way.cancelled.store(true, Ordering::Release);
            }
        }
    }

    /// Gives up all of them; returns whose.
    pub(super) fn cancel_all(&mut self) -> Vec<u32> {
        let partitions: Vec<u32> = self.under_way.keys().copied().collect();
        self.cancel(&partitions);
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
                    Err(LogError::fatal(format!("the restore of partition {id} ended without a result")).into())
                }
            };
            finished.push((result, under_way.begun.elapsed().as_secs_f64()));
            false
        });
        finished
    }
}
