//! The link log was assigned: the graph is taken back, on a thread of its own, while the stage goes on polling.
//!
//! A store that does not say what it holds is asked again, with growing pauses; without it only a log that is whole is
//! enough. Owns the wait. Must never begin on a graph that is not known to be the newest that is of use.

use std::ops::Range;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use fuma_connectors::log::{LinkSource, LogError, Severity};

use super::halt::{Halt, Shown, Wanted};
use super::keep::{Found, Keeper};
use super::state::TraceState;

/// The pause after the first failure, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What a search on a thread of its own will say.
type Searched = Receiver<Result<Found, LogError>>;

/// A graph that is being taken back.
pub(super) struct Taking {
    /// Up to where the log was noted as judged.
    committed: Option<u64>,
    search: Option<(Searched, Range<u64>)>,
    failures: u32,
    again_at: Option<Duration>,
    /// What an operator may agree to.
    wanted: Option<Wanted>,
}

impl Taking {
    pub(super) fn new(committed: Option<u64>) -> Taking {
        Taking { committed, search: None, failures: 0, again_at: None, wanted: None }
    }

    /// The log was assigned once more: how far it was judged is known anew.
    pub(super) fn assigned(&mut self, committed: Option<u64>) {
        self.committed = committed;
    }

    /// The state, once it is there.
    ///
    /// # Errors
    /// When beginning anew does not help.
    pub(super) fn turn(
        &mut self,
        links: &mut dyn LinkSource,
        keeper: &Keeper,
        shown: &mut Shown,
        elapsed: Duration,
    ) -> Result<Option<TraceState>, LogError> {
        let has_word = || self.wanted.as_ref().is_some_and(|wanted| shown.has_word(wanted));
        if self.again_at.is_some_and(|at| elapsed < at) && !has_word() {
            return Ok(None);
        }
        match self.go_on(links, keeper, shown) {
            Err(Halt::Log(error)) if error.severity() == Severity::Transient => {
                let seconds = self.pause(elapsed).as_secs();
                tracing::warn!(%error, seconds, "the graph of contacts cannot be taken back yet: it is tried again");
                Ok(None)
            }
            Err(Halt::Log(error)) => Err(error),
            // Nothing is read before the graph is there.
            Err(Halt::ReadAgain) => Ok(None),
            Err(Halt::Wanted(wanted)) => {
                let pause = self.pause(elapsed);
                shown.parked(&wanted, Some(pause));
                self.wanted = Some(wanted);
                Ok(None)
            }
            Ok(taken) => Ok(taken),
        }
    }

    fn pause(&mut self, elapsed: Duration) -> Duration {
        let pause = PAUSE.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        (self.failures, self.again_at) = (self.failures.saturating_add(1), Some(elapsed + pause));
        pause
    }

    fn go_on(
        &mut self,
        links: &mut dyn LinkSource,
        keeper: &Keeper,
        shown: &Shown,
    ) -> Result<Option<TraceState>, Halt> {
        let Some((search, bounds)) = &self.search else {
            let bounds = links.bounds()?;
            let Some(search) = keeper.search(&bounds)? else {
                return TraceState::begin(links, self.committed, (None, keeper.origin()), &bounds, shown.words())
                    .map(Some);
            };
            self.search = Some((search, bounds));
            return Ok(None);
        };
        let (found, bounds) = match search.try_recv() {
            Err(TryRecvError::Empty) => return Ok(None),
            Err(TryRecvError::Disconnected) => (Err(LogError::fatal("the search for a graph ended")), bounds.clone()),
            Ok(found) => (found, bounds.clone()),
        };
        self.search = None;
        TraceState::begin(links, self.committed, (found?, keeper.origin()), &bounds, shown.words()).map(Some)
    }
}
