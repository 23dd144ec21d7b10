//! Wakes readers when something became safe.
//!
//! Owns a count. Nobody polls a file to see whether it grew.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A count that only grows, and the wish to hear of it.
#[derive(Debug, Default)]
pub(super) struct Signal {
    count: Mutex<u64>,
    grew: Condvar,
}

impl Signal {
    /// The count now: to be taken before looking whether there is anything.
    pub(super) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something became safe.
    pub(super) fn raise(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.grew.notify_all();
    }

    /// Waits until the count is another, or a time has passed; says whether it is.
    pub(super) fn wait(&self, seen: u64, at_most: Duration) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.grew.wait_timeout_while(count, at_most, |count| *count == seen);
        let (count, _) = outcome.unwrap_or_else(PoisonError::into_inner);
        *count != seen
    }
}
