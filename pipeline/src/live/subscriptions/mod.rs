//! The changes as they are committed, for those who follow them over HTTP.
//!
//! ```text
//! log -> [reader: one thread] -> recent  -> subscriber, each at its own position
//!                    ^                        |
//!                    +---- behind: a page ----+
//! ```
//!
//! ```text
//! position      where a subscriber stands; the id of each event
//! change        a change, taken apart once for all
//! recent        those of the last moments, in memory
//! reader        reads the log: for all, and pages for those who are behind
//! subscription  one subscriber, who waits for what is next
//! ```
//!
//! Only what is committed is read (docs/recovery.md R-30), and nobody reads while nobody follows. Owns what is between
//! the log and the subscribers, and how many of these there may be. Must never let a subscriber hold up the reader, or
//! keep more for one than a page.

mod change;
mod position;
mod reader;
mod recent;
mod subscription;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use tokio::sync::watch;

pub use change::{Change, Said, SaidReason};
pub use position::Position;
pub use reader::follow;
pub use subscription::{Refused, Subscription};

use self::recent::Recent;

/// Whoever follows the changes of this process; clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions(Arc<Shared>);

/// The most who follow at once, unless it is said otherwise.
const SUBSCRIBERS_MAX: usize = 100;

#[derive(Debug)]
struct Shared {
    recent: Mutex<Recent>,
    /// Those who are behind, and wait for a page.
    behind: Mutex<Vec<Behind>>,
    /// How many subscribers there are, and may be.
    open: AtomicUsize,
    most: AtomicUsize,
    /// Counts what may be of use to one who waits.
    grown: watch::Sender<u64>,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared {
            recent: Mutex::default(),
            behind: Mutex::default(),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(SUBSCRIBERS_MAX),
            grown: watch::Sender::new(0),
        }
    }
}

/// A subscriber who is behind.
#[derive(Debug)]
struct Behind {
    position: Position,
    /// Whether all that is left of the past is wanted, be it whole or not.
    from_first: bool,
    reply: oneshot::Sender<Result<Page, Gone>>,
}

/// Changes from the log.
#[derive(Debug)]
struct Page {
    changes: Vec<Arc<Change>>,
    /// Where the subscriber stands when it has them.
    position: Position,
}

/// The log does not hold what is after a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

impl Subscriptions {
    /// How many may follow at once.
    pub fn limit(&self, most: usize) {
        self.0.most.store(most, Ordering::Release);
    }

    /// Subscribes; none where as many have already as may.
    pub fn subscribe(&self) -> Option<Subscription> {
        let (open, most) = (&self.0.open, self.0.most.load(Ordering::Acquire));
        let taken = open.fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| (open < most).then_some(open + 1));
        taken.is_ok().then(|| Subscription::new(Arc::clone(&self.0)))
    }

    /// How many follow.
    pub fn count(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }
}

impl Shared {
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behind(&self) -> MutexGuard<'_, Vec<Behind>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something new.
    fn tell(&self) {
        self.grown.send_modify(|count| *count += 1);
    }
}
