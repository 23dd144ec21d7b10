//! The comparison of what is there with what is recorded, again at each takeover: topics may have been deleted and
//! made again, or have grown, since the process started; and now and then while it runs.
//!
//! Owns how often the log is asked. Must never hold a worker's loop: a restore asks, on its own thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fuma_connectors::log::{Log, LogError};

use super::found::Own;
use super::installation::{Installation, NotOurs};
use crate::live::monotonic;

/// An answer that found nothing wrong holds for so long: many partitions are taken over at once.
const HOLDS: Duration = Duration::from_secs(1);

/// What a process belongs to. Copies share the last answer.
#[derive(Clone)]
pub struct Belonging {
    log: Arc<dyn Log>,
    own: Own,
    installation: Arc<Installation>,
    found_right: Arc<Mutex<Option<Instant>>>,
    found_wrong: Arc<Mutex<Option<NotOurs>>>,
}

impl std::fmt::Debug for Belonging {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Belonging").field("installation", &self.installation).finish_non_exhaustive()
    }
}

/// Why a partition must not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum BelongingError {
    /// The log cannot be asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is there is not what is recorded.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
}

impl Belonging {
    /// What a process that has found its installation belongs to.
    pub fn new(log: Arc<dyn Log>, own: Own, installation: Installation) -> Belonging {
        Belonging {
            log,
            own,
            installation: Arc::new(installation),
            found_right: Arc::default(),
            found_wrong: Arc::default(),
        }
    }

    /// The installation.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// What the last comparison found that is not as it is recorded. Asks nobody.
    pub fn found_wrong(&self) -> Option<NotOurs> {
        self.found_wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares again.
    ///
    /// # Errors
    /// When something is not as it is recorded, by name.
    pub fn check(&self) -> Result<(), BelongingError> {
        let mut found_right = self.found_right.lock().unwrap_or_else(PoisonError::into_inner);
        if found_right.is_some_and(|at| at.elapsed() < HOLDS) {
            return Ok(());
        }
        *found_right = None;
        let here = self.own.look(self.log.as_ref())?;
        let accepted = self.installation.accepts(&here);
        *self.found_wrong.lock().unwrap_or_else(PoisonError::into_inner) = accepted.clone().err();
        accepted?;
        *found_right = Some(monotonic::now());
        Ok(())
    }
}
